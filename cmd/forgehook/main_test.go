package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

// runMain makes the test binary run the program, which then has its own environment, outputs and
// exit code.
const runMain = "RUN_FORGEHOOK_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(runMain) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// ran is the result of a command.
type ran struct {
	Out, Err string
	Code     int
}

// program is the program as a process with these settings and without the environment of the tests.
// It listens on a free port by default, because the usual one may be taken.
func program(t *testing.T, settings []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Dir = t.TempDir()
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, prefix) {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(append(cmd.Env, runMain+"=1", "FORGEHOOK_HTTP_ADDR=127.0.0.1:0"), settings...)
	return cmd
}

func finish(t *testing.T, cmd *exec.Cmd) ran {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatal(err)
	}
	return ran{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

func command(t *testing.T, settings []string, args ...string) ran {
	t.Helper()
	return finish(t, program(t, settings, args...))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"plain", errors.New("no"), "no"},
		{"without faults", forgehook.Errorf(forgehook.CodeNotFound, "There is no tenant x."), "There is no tenant x."},
		{"faults", fmt.Errorf("save: %w", forgehook.Invalid(
			forgehook.FieldError{Path: "webHook.url", Value: "ftp://x", Allowed: "an absolute https URL"},
			forgehook.FieldError{Path: "webHook.password", Allowed: "only together with webHook.username"})),
			"2 values are not allowed.\n  webHook.url = \"ftp://x\": an absolute https URL\n  webHook.password: only together with webHook.username"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			equal(t, "text", explain(tt.err), tt.want)
		})
	}
}

func TestMain_configuration(t *testing.T) {
	t.Parallel()
	database := "FORGEHOOK_DATABASE_URL=postgres://forgehook:hidden@127.0.0.1:1/forgehook"
	keyset := command(t, nil, "keyset", "new")
	if keyset.Code != 0 || keyset.Err != "" || !strings.HasPrefix(keyset.Out, "{") {
		t.Fatalf("keyset new: %+v", keyset)
	}
	tests := []struct {
		name     string
		settings []string
		args     []string
		want     []string // parts of the output
	}{
		{"no database", nil, []string{"serve"}, []string{"forgehook: FORGEHOOK_DATABASE_URL is not set"}},
		{"no database for a command", nil, []string{"tenants", "list"}, []string{"forgehook: FORGEHOOK_DATABASE_URL is not set"}},
		{"no key set", []string{database}, []string{"serve"}, []string{"FORGEHOOK_ENCRYPTION_KEYSET is not set", "forgehook keyset new"}},
		{"a key set that is none", []string{database, "FORGEHOOK_ENCRYPTION_KEYSET=hidden"}, []string{"worker"}, []string{"FORGEHOOK_ENCRYPTION_KEYSET: "}},
		{"a key set file that is not there", []string{database, "FORGEHOOK_ENCRYPTION_KEYSET=@/nowhere"}, []string{"api"},
			[]string{"FORGEHOOK_ENCRYPTION_KEYSET: open /nowhere: no such file or directory"}},
		{"a database that is away", []string{database, "FORGEHOOK_ENCRYPTION_KEYSET=" + keyset.Out}, []string{"serve"},
			[]string{"PostgreSQL cannot be reached (FORGEHOOK_DATABASE_URL)"}},
		{"a database URL that is none", []string{"FORGEHOOK_DATABASE_URL=postgres://forgehook:hidden@local host/x"}, []string{"tenants", "list"},
			[]string{"FORGEHOOK_DATABASE_URL: give postgres://user:password@host:port/database"}},
		{"values that cannot be read", []string{"FORGEHOOK_HTTP_ADRR=x", "FORGEHOOK_WORKER_SLOTS=many", "FORGEHOOK_SWEEP_INTERVAL=5"}, []string{"serve"},
			[]string{"FORGEHOOK_HTTP_ADRR is not a setting", `FORGEHOOK_WORKER_SLOTS "many": it must be a whole number`, `FORGEHOOK_SWEEP_INTERVAL "5": it must be a duration`}},
		{"values that are not allowed", []string{"FORGEHOOK_HTTP_ADRR=x", "FORGEHOOK_WORKER_SLOTS=0", "FORGEHOOK_LOG_FORMAT=xml"}, []string{"serve"},
			[]string{"FORGEHOOK_HTTP_ADRR is not a setting", "FORGEHOOK_WORKER_SLOTS 0: from 1 to 100000", `FORGEHOOK_LOG_FORMAT "xml": json or text`}},
		{"an unknown command", nil, []string{"srve"}, []string{"unknown command"}},
		{"an unknown command of a group", nil, []string{"tenants", "make"}, []string{`forgehook tenants has no command "make"; see forgehook tenants --help`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := command(t, tt.settings, tt.args...)
			if got.Code != 1 || got.Out != "" {
				t.Errorf("exit code %d, said %q", got.Code, got.Out)
			}
			for _, want := range tt.want {
				if !strings.Contains(got.Err, want) {
					t.Errorf("it does not say %q:\n%s", want, got.Err)
				}
			}
			if strings.Contains(got.Err, "hidden") {
				t.Errorf("it tells a secret:\n%s", got.Err)
			}
		})
	}
}

// Output that is read or piped goes to standard output.
func TestMain_prints(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"openapi": "openapi", "--version": "forgehook version", "version": "commit ", "--help": "Usage:"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := command(t, nil, name); got.Code != 0 || got.Err != "" || !strings.Contains(got.Out, want) {
				t.Errorf("%+.300v", got)
			}
		})
	}
}
