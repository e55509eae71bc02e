package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	none := map[string]string{"TEMPORAL_ADDRESS": "127.0.0.1:7233"} // required by the light binary
	for _, test := range []struct {
		name  string
		args  string
		env   map[string]string
		wrong string
	}{
		{"plain", "-- make test", none, ""},
		{"all flags", "--data /x --ephemeral -- true", none, ""},
		{"no command", "--ephemeral", none, "no command given"},
		{"unknown flag", "--port 5 -- true", none, "not defined: -port"},
		{"no port", "true", map[string]string{"TEMPORAL_ADDRESS": "a:1", "FORGEHOOK_DEV_PG_PORT": "pg"}, "FORGEHOOK_DEV_PG_PORT: \"pg\" is not a port"},
		{"far port", "true", map[string]string{"TEMPORAL_ADDRESS": "a:1", "FORGEHOOK_DEV_UI_PORT": "70000"}, "must be 1 to 65535"},
		{"source", "true", map[string]string{"TEMPORAL_ADDRESS": "a:1", "FORGEHOOK_DEV_PG_SOURCE": "yum"}, "must be installed, npm or apt"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(strings.Fields(test.args), func(name string) string { return test.env[name] })
			if test.wrong == "" && err != nil {
				t.Error(err)
			}
			if test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)) {
				t.Errorf("error %v, want one with %q", err, test.wrong)
			}
		})
	}
}

func TestParse_whatIsStarted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		database, temporal string
		postgres           bool
	}{
		{"", "", true},
		{"", "a:1", true},
		{"postgres://x", "", true}, // Temporal needs its own
		{"postgres://x", "a:1", false},
	} {
		cfg := config{databaseURL: test.database, temporalAddress: test.temporal}
		if cfg.startsPostgres() != test.postgres || cfg.startsTemporal() != (test.temporal == "") {
			t.Errorf("%+v: PostgreSQL %t, Temporal %t", test, cfg.startsPostgres(), cfg.startsTemporal())
		}
	}
}

func TestPortsCheck(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port

	err = ports{temporal: port}.check(config{databaseURL: "x", temporalAddress: "y"})
	if err != nil {
		t.Errorf("nothing is started: %v", err)
	}
	err = ports{postgres: port}.check(config{temporalAddress: "y"})
	want := "port " + strings.TrimPrefix(address(port), "127.0.0.1:") + " on 127.0.0.1 is taken, and PostgreSQL needs it: " +
		"set FORGEHOOK_DEV_PG_PORT to a free one, or FORGEHOOK_DATABASE_URL to use what runs there"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestChoosePorts_apart(t *testing.T) {
	t.Parallel()
	var down teardown
	defer down.run()
	seen := map[int]bool{}
	for range 3 {
		p, err := choosePorts(config{ephemeral: true}, &down)
		if err != nil {
			t.Fatal(err)
		}
		for _, port := range []int{p.postgres, p.temporal, p.ui, p.inner, p.inner + 1, p.inner + 2, p.inner + 3} {
			if seen[port] {
				t.Errorf("port %d given twice", port)
			}
			seen[port] = true
		}
	}
}

func TestParsePostmasterPID(t *testing.T) {
	t.Parallel()
	got, err := parsePostmasterPID("4711\n/home/a b/postgres\n1795526970\n55432\n\n127.0.0.1\n  123 456\nready   \n")
	if want := (postmasterPID{4711, "/home/a b/postgres", 55432}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, text := range []string{"", "4711\n", "x\n/d\n1\n2\n", "0\n/d\n1\n2\n", "-5\n/d\n1\n2\n", "7\n/d\n1\n\n"} {
		if got, err := parsePostmasterPID(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, got)
		}
	}
}

func TestStopServer_stale(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "postmaster.pid")
	// After a reboot the id may belong to any process. This test's own must survive.
	text := fmt.Sprintf("%d\n%s\n1\n55432\n", os.Getpid(), dir)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := stopServer(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the stale file is still there: %v", err)
	}
}

func TestOwns(t *testing.T) {
	t.Parallel()
	ours := t.TempDir()
	theirs := "/" // root's, or somebody else's if we are root
	if os.Geteuid() == 0 {
		theirs = t.TempDir()
		if err := os.Chown(theirs, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{ours, filepath.Join(ours, "not made yet")} {
		if err := self.owns(path); err != nil {
			t.Error(err)
		}
	}
	if err := self.owns(theirs); err == nil || !strings.Contains(err.Error(), "belongs to user") {
		t.Errorf("got %v, want an error that names both users", err)
	}
}

func TestEphemeralRun(t *testing.T) {
	t.Parallel()
	tmp := filepath.Join(t.TempDir(), "tmp")
	var down teardown
	first, err := ephemeralRun(tmp, self, &down)
	if err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(tmp, "run-dead") // of a killed run: nobody holds its lock
	if err := os.MkdirAll(filepath.Join(dead, "postgres"), 0o700); err != nil {
		t.Fatal(err)
	}
	second, err := ephemeralRun(tmp, self, &down)
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "run-*")); !slices.Contains(left, first) || slices.Contains(left, dead) || len(left) != 2 {
		t.Errorf("left %v, want %s and %s", left, first, second)
	}
	down.run()
	if left, _ := filepath.Glob(filepath.Join(tmp, "run-*")); len(left) != 0 {
		t.Errorf("not removed: %v", left)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	env := environment{}
	env.set("TEMPORAL_ADDRESS", "127.0.0.1:1")
	got := env.list([]string{"PATH=/bin", "TEMPORAL_ADDRESS=cloud:7233", "TEMPORAL_API_KEY=k", "TEMPORAL_TLS=true", "TEMPORAL_CODEC=c"})
	if want := []string{"PATH=/bin", "TEMPORAL_CODEC=c", "TEMPORAL_ADDRESS=127.0.0.1:1"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	theirs := []string{"TEMPORAL_ADDRESS=cloud:7233", "TEMPORAL_API_KEY=k"}
	if got := (environment{}).list(theirs); !slices.Equal(got, theirs) {
		t.Errorf("got %v, want %v", got, theirs)
	}
}

func TestRunChild_exitCode(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -9 $$": 137} {
		var down teardown
		got, err := runChild(context.Background(), []string{"sh", "-c", script}, environment{}, nil, &down)
		if got != want || err != nil {
			t.Errorf("%s: got %d, %v; want %d", script, got, err, want)
		}
	}
	if got, err := runChild(context.Background(), []string{"no-such-program"}, environment{}, nil, &teardown{}); got != 127 || err == nil {
		t.Errorf("got %d, %v; want 127 and an error", got, err)
	}
}

func TestTeardown(t *testing.T) {
	t.Parallel()
	var order []string
	var down teardown
	for _, name := range []string{"PostgreSQL", "Temporal", "UI"} {
		down.add(name, func() { order = append(order, name) }, nil)
	}
	down.run()
	down.run() // the second run does nothing
	if want := []string{"UI", "Temporal", "PostgreSQL"}; !slices.Equal(order, want) {
		t.Errorf("got %v, want %v", order, want)
	}
}

func TestMakeLinks(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "native/lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"native/pg-symlinks.json":  `[{"source":"native/lib/libpq.so.5.17","target":"native/lib/libpq.so.5"}]`,
		"native/lib/libpq.so.5.17": "library",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // an interrupted install repeats it
		if err := makeLinks(root); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(filepath.Join(root, "native/lib/libpq.so.5")); err != nil || string(text) != "library" {
		t.Errorf("got %q, %v", text, err)
	}
}
