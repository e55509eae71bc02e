//go:build e2e

package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// root is the top of the repository, with docker-compose.yml and Dockerfile.
const root = "../.."

// composeFile is docker-compose.yml with the keys that this project uses. Any other key is a
// mistake.
type composeFile struct {
	Name       string
	Services   map[string]composeService
	Networks   map[string]struct{ Internal bool }
	Volumes    map[string]struct{}
	Secrets    map[string]struct{ File string }
	Extensions map[string]any `yaml:",inline"`

	steps []string // the commands of its comments, in order
}

type composeService struct {
	Image string
	Build *struct {
		Context string
		Args    map[string]string
	}
	Entrypoint, Command []string
	Environment         map[string]string
	DependsOn           map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck         *struct {
		Test              []string
		Interval, Timeout string
		Retries           int
	}
	Deploy struct {
		Replicas  int
		Resources struct{ Limits struct{ Memory string } }
	}
	Ports, Volumes, Networks, Secrets, Tmpfs []string
	Restart                                  string
	StopGracePeriod                          string   `yaml:"stop_grace_period"`
	ShmSize                                  string   `yaml:"shm_size"`
	ReadOnly                                 bool     `yaml:"read_only"`
	CapDrop                                  []string `yaml:"cap_drop"`
	CapAdd                                   []string `yaml:"cap_add"`
	SecurityOpt                              []string `yaml:"security_opt"`
	Logging                                  struct {
		Driver  string
		Options map[string]string
	}
}

var (
	variable = regexp.MustCompile(`\$\$|\$\{(\w+):([-?])([^}]*)\}`)
	step     = regexp.MustCompile(`(?m)^#   (\S.*)$`)
)

// readCompose reads docker-compose.yml with the variables of a .env file.
func readCompose(t *testing.T, env map[string]string) composeFile {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	check(t, err)
	filled := variable.ReplaceAllStringFunc(string(text), func(found string) string {
		match := variable.FindStringSubmatch(found)
		value := env[match[1]]
		switch {
		case found == "$$":
			return "$"
		case value == "" && match[2] == "?":
			t.Fatalf("%s has no value: %s", match[1], match[3])
		case value == "":
			return match[3]
		}
		return value
	})
	var c composeFile
	decoder := yaml.NewDecoder(strings.NewReader(filled))
	decoder.KnownFields(true)
	check(t, decoder.Decode(&c))
	for _, match := range step.FindAllStringSubmatch(string(text), -1) {
		c.steps = append(c.steps, match[1])
	}
	return c
}

// order sorts the services: each after those it depends on.
func (c composeFile) order(t *testing.T) []string {
	t.Helper()
	var ordered []string
	for len(ordered) < len(c.Services) {
		before := len(ordered)
		for name, s := range c.Services {
			ready := !slices.Contains(ordered, name)
			for needed := range s.DependsOn {
				ready = ready && slices.Contains(ordered, needed)
			}
			if ready {
				ordered = append(ordered, name)
			}
		}
		if len(ordered) == before {
			t.Fatalf("docker-compose.yml: after %v the others wait for each other", ordered)
		}
	}
	return ordered
}

// awaitedEnd reports whether other services wait until this one has completed: it is a step, not a
// server.
func (c composeFile) awaitedEnd(name string) bool {
	for _, s := range c.Services {
		if s.DependsOn[name].Condition == "service_completed_successfully" {
			return true
		}
	}
	return false
}

// TestCompose_complete finds what a run does not show: a missing health check, a port open to the
// world.
func TestCompose_complete(t *testing.T) {
	t.Parallel()
	c := readCompose(t, map[string]string{"POSTGRES_PASSWORD": "p"})
	for key := range c.Extensions {
		if !strings.HasPrefix(key, "x-") {
			t.Errorf("docker-compose.yml: unknown key %s", key)
		}
	}
	for name, s := range c.Services {
		fault := func(format string, args ...any) { t.Errorf("docker-compose.yml: "+name+": "+format, args...) }
		isStep := c.awaitedEnd(name)
		if !isStep && (s.Healthcheck == nil || len(s.Healthcheck.Test) < 2 || s.Healthcheck.Retries == 0) {
			fault("a server needs a health check")
		}
		if !isStep && s.Restart != "unless-stopped" || isStep && !strings.HasPrefix(s.Restart, "on-failure") {
			fault("restart %q: unless-stopped for a server, on-failure for what others wait for", s.Restart)
		}
		if !isStep && s.Deploy.Resources.Limits.Memory == "" {
			fault("a server needs a limit of memory")
		}
		for needed, d := range s.DependsOn {
			other, ok := c.Services[needed]
			switch {
			case !ok:
				fault("depends on %s, which is no service", needed)
			case d.Condition == "service_healthy" && other.Healthcheck == nil:
				fault("waits for the health of %s, which has no health check", needed)
			case d.Condition != "service_healthy" && d.Condition != "service_completed_successfully":
				fault("depends on %s with condition %q", needed, d.Condition)
			}
		}
		if !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) {
			fault("drops %v with %v: all capabilities, and no new privileges", s.CapDrop, s.SecurityOpt)
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				fault("publishes %s beyond this host", port)
			}
		}
		for _, network := range s.Networks {
			if _, ok := c.Networks[network]; !ok {
				fault("network %s is not declared", network)
			}
		}
		if len(s.Networks) == 0 {
			fault("is in the default network, which reaches outside")
		}
		for _, volume := range s.Volumes {
			from, _, _ := strings.Cut(volume, ":")
			if _, ok := c.Volumes[from]; ok {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, from)); err != nil || !strings.HasPrefix(from, "./") {
				fault("mounts %s, which is neither a volume nor a file of the repository", from)
			}
		}
		if s.Build == nil && !regexp.MustCompile(`:\d+(\.\d+)*$`).MatchString(s.Image) {
			fault("image %q has no version", s.Image)
		}
		if s.Build != nil && !s.ReadOnly {
			fault("its file system can be written")
		}
	}
}

// The README has the same first steps as the file itself.
func TestCompose_readme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	check(t, err)
	for _, step := range readCompose(t, map[string]string{"POSTGRES_PASSWORD": "p"}).steps {
		if !strings.Contains(string(readme), "\n"+step+"\n") {
			t.Errorf("README.md has no line %q, docker-compose.yml has", step)
		}
	}
}

// dockerfile is how the image is made and run.
type dockerfile struct {
	build           string // the command that makes the binary
	user            string
	env, entrypoint []string
	healthcheck     []string
}

var (
	instruction = regexp.MustCompile(`(?m)^([A-Z]+) (.*)$`)
	quoted      = regexp.MustCompile(`"([^"]*)"`)
)

func readDockerfile(t *testing.T) dockerfile {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	check(t, err)
	words := func(s string) (list []string) {
		for _, match := range quoted.FindAllStringSubmatch(s, -1) {
			list = append(list, match[1])
		}
		return list
	}
	var d dockerfile
	for _, match := range instruction.FindAllStringSubmatch(strings.ReplaceAll(string(text), "\\\n", ""), -1) {
		switch name, rest := match[1], match[2]; {
		case name == "RUN" && strings.Contains(rest, "go build"):
			d.build = rest
		case name == "USER":
			d.user = rest
		case name == "ENV" && !strings.HasPrefix(rest, "GO"):
			d.env = append(d.env, rest)
		case name == "ENTRYPOINT":
			d.entrypoint = words(rest)
		case name == "HEALTHCHECK":
			d.healthcheck = words(rest)
		case name == "COPY" && !strings.HasPrefix(rest, "--from"):
			for _, from := range strings.Fields(rest)[:len(strings.Fields(rest))-1] {
				if _, err := os.Stat(filepath.Join(root, from)); err != nil || !inContext(t, from) {
					t.Errorf("Dockerfile: COPY %s: it is not there, or .dockerignore keeps it out", from)
				}
			}
		}
	}
	if d.build == "" || len(d.entrypoint) == 0 || len(d.healthcheck) == 0 {
		t.Fatalf("Dockerfile: no line with go build, no ENTRYPOINT or no HEALTHCHECK: %+v", d)
	}
	if !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(d.user) {
		t.Fatalf("Dockerfile: USER %q: a number that is not root's, since a platform cannot look a name up", d.user)
	}
	return d
}

// inContext reports whether .dockerignore lets a file of the repository into the build. The last
// matching line decides.
func inContext(t *testing.T, file string) bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
	check(t, err)
	in := true
	for line := range strings.Lines(string(text)) {
		pattern, kept := strings.CutPrefix(strings.TrimSpace(line), "!")
		if pattern != "" && !strings.HasPrefix(pattern, "#") && ignores(pattern, file) {
			in = kept
		}
	}
	return in
}

// ignores reports whether a pattern matches a file or one of its folders.
func ignores(pattern, file string) bool {
	name, anywhere := strings.CutPrefix(pattern, "**/")
	for at := path.Clean(file); at != "."; at = path.Dir(at) {
		whole, _ := path.Match(pattern, at)
		base, _ := path.Match(name, path.Base(at))
		if whole || anywhere && base {
			return true
		}
	}
	return false
}

// buildContext copies what a docker build would see.
func buildContext(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	tree := os.DirFS(root)
	check(t, fs.WalkDir(tree, ".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && file != ".":
			return fs.SkipDir
		case entry.IsDir() || !inContext(t, file):
			return nil
		}
		content, err := fs.ReadFile(tree, file)
		if err == nil {
			err = os.MkdirAll(filepath.Join(to, filepath.Dir(file)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, file), content, 0o644)
		}
		if err != nil {
			return fmt.Errorf("copy %s: %w", file, err)
		}
		return nil
	}))
	return to
}
