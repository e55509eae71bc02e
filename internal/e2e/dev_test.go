//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

// devInstall is what make dev runs, on an empty database and the test's own addresses. Other fields
// of the installation stay empty.
func devInstall(t *testing.T) *installation {
	t.Helper()
	url := pgtest.EmptyURL(t)
	in := &installation{t: t, endpoint: newGate(t), env: append(environ(),
		"FORGEHOOK_DATABASE_URL="+url, "FORGEHOOK_HTTP_ADDR="+freeAddr(t), "FORGEHOOK_DEV_RECEIVER_ADDR="+freeAddr(t),
		"FORGEHOOK_DEV_DIR="+filepath.Join(t.TempDir(), "data"), "FORGEHOOK_DEV_UI_URL=http://temporal.example",
		"FORGEHOOK_TASK_QUEUE=e2e-"+strings.ReplaceAll(t.Name(), "/", "-"), "FORGEHOOK_SWEEP_INTERVAL=1s", "FORGEHOOK_STOP_TIMEOUT=30s",
	)}
	var err error
	if in.sql, err = sql.Open("postgres", url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.sql.Close() })
	return in
}

// dev runs the program until it says that it is ready, and returns its output so far.
func (in *installation) dev() (p *process, banner string) {
	in.t.Helper()
	p = &process{Cmd: exec.Command(program, "dev"), log: &lockedBuffer{}, done: make(chan struct{})}
	p.Env, p.Stderr = in.env, p.log
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := p.StdoutPipe()
	if err != nil {
		in.t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		in.t.Fatal(err)
	}
	ready := make(chan string, 1)
	go func() {
		defer close(p.done)
		var said strings.Builder
		for lines := bufio.NewScanner(io.TeeReader(stdout, p.log)); lines.Scan(); {
			said.WriteString(lines.Text() + "\n")
			if strings.HasPrefix(lines.Text(), "Ctrl-C") {
				ready <- said.String()
			}
		}
		_ = p.Wait()
	}()
	in.t.Cleanup(func() {
		p.kill()
		if in.t.Failed() {
			in.t.Logf("dev said:\n%s", p.log)
		}
	})
	select {
	case banner = <-ready:
	case <-p.done:
		in.t.Fatalf("dev ended at once:\n%s", p.log)
	case <-time.After(time.Minute):
		in.t.Fatalf("dev is not ready after a minute:\n%s", p.log)
	}
	key, err := os.ReadFile(in.file("api-key"))
	if err != nil {
		in.t.Fatal(err)
	}
	in.client = client.New("http://"+in.value("FORGEHOOK_HTTP_ADDR"), strings.TrimSpace(string(key)))
	return p, banner
}

func (in *installation) file(name string) string {
	return filepath.Join(in.value("FORGEHOOK_DEV_DIR"), name)
}

// interrupt is Ctrl-C: the process stops in order with all that it started.
func (in *installation) interrupt(p *process) {
	in.t.Helper()
	p.signal(syscall.SIGINT)
	in.endsInOrder(p)
}

func (in *installation) endsInOrder(p *process) {
	in.t.Helper()
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		in.t.Fatal("it has not ended a minute after Ctrl-C")
	}
	if code := p.ProcessState.ExitCode(); code != 0 {
		in.t.Errorf("exit code %d after Ctrl-C, said:\n%s", code, p.log)
	}
	if err := syscall.Kill(-p.Process.Pid, 0); err == nil {
		in.t.Error("it left a process behind")
	}
}

func (in *installation) count(table string) (n int) {
	in.t.Helper()
	if err := in.sql.QueryRowContext(in.t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		in.t.Fatal(err)
	}
	return n
}

var sampleLine = regexp.MustCompile(`(?m)^  (\d-\S+) +(\w+) +(.+)$`)

// TestDev is a user's first quarter of an hour with Forgehook.
func TestDev(t *testing.T) {
	t.Parallel()
	in := devInstall(t)
	p, banner := in.dev()
	outcomes := map[string]int{}
	for _, line := range sampleLine.FindAllStringSubmatch(banner, -1) {
		outcomes[line[2]]++
		want := `^200 after 1 attempt\(s\)$`
		if line[2] == string(forgehook.Skipped) {
			want = `^document\.status is ".+", expected "Processed"$`
		}
		if !regexp.MustCompile(want).MatchString(line[3]) {
			t.Errorf("%s is %s because of %q, want %s", line[1], line[2], line[3], want)
		}
	}
	equal(t, "outcomes of the samples", outcomes, map[string]int{"delivered": 4, "skipped": 1})
	for _, want := range []string{"http://" + in.value("FORGEHOOK_HTTP_ADDR"), in.value("FORGEHOOK_DEV_RECEIVER_ADDR"), "http://temporal.example", in.file("api-key"), in.file("log/forgehook.log")} {
		if !strings.Contains(banner, want) {
			t.Errorf("the banner does not show %s", want)
		}
	}
	if verified := strings.Count(banner, "signature ok"); verified != 4 {
		t.Errorf("the receiver verified %d signatures, want 4", verified)
	}
	for _, name := range []string{"api-key", "keyset.json", "receiver-secret", "log/forgehook.log"} {
		if info, err := os.Stat(in.file(name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v, want it to be the user's alone", name, info, err)
		}
	}
	var projects struct{ Projects []forgehook.Project }
	in.do(http.MethodGet, "/v1/projects", nil, &projects)
	if len(projects.Projects) != 1 || projects.Projects[0].ID != 1001 {
		t.Errorf("projects %+v, want the sample's", projects.Projects)
	}
	key, err := os.ReadFile(in.file("api-key"))
	check(t, err)
	in.interrupt(p)

	p, banner = in.dev()
	if sampleLine.MatchString(banner) {
		t.Errorf("the second start calls the samples again:\n%s", banner)
	}
	again, err := os.ReadFile(in.file("api-key"))
	check(t, err)
	equal(t, "api key of the second start", string(again), string(key))
	equal(t, "calls", in.count("calls"), 5)
	equal(t, "documents", in.count("documents"), 5)
	equal(t, "keys", in.count("api_keys"), 1)
	in.interrupt(p)

	// If the data folder is lost but not the database, the same tenant gets a new key.
	check(t, os.Remove(in.file("api-key")))
	p, _ = in.dev()
	equal(t, "keys", in.count("api_keys"), 2)
	equal(t, "tenants", in.count("tenants"), 1)
	in.do(http.MethodGet, "/v1/projects", nil, &projects)
	in.interrupt(p)
}

// TestDev_kill kills the process during an exchange. The next start delivers the call.
func TestDev_kill(t *testing.T) {
	t.Parallel()
	in := devInstall(t)
	p, _ := in.dev()
	in.configure(map[string]any{"webHook": map[string]any{"retryCount": 3, "retryDelay": "00:00:01"}})
	call := in.call()
	if x := in.next(); x.webhookID != call.WebhookID || x.attempt != "1" {
		t.Errorf("attempt %s of %s arrived", x.attempt, x.webhookID)
	}
	p.kill()
	p, _ = in.dev()
	x := in.next()
	if x.webhookID != call.WebhookID || x.attempt != "2" {
		t.Errorf("attempt %s of %s arrived, want attempt 2 under the same id", x.attempt, x.webhookID)
	}
	x.respond <- http.StatusNoContent
	ended := in.ended(call.ID)
	equal(t, "outcome", *ended.Outcome, forgehook.Delivered)
	attempts, err := in.client.Attempts(t.Context(), call.ID)
	check(t, err)
	var states []forgehook.AttemptState
	for _, a := range attempts {
		states = append(states, a.State)
	}
	equal(t, "attempts", states, []forgehook.AttemptState{forgehook.AttemptUnknown, forgehook.AttemptFinished})
	in.interrupt(p)
}

// TestDev_interruptedCall presses Ctrl-C during an exchange. Its response is awaited and recorded.
func TestDev_interruptedCall(t *testing.T) {
	t.Parallel()
	in := devInstall(t)
	p, _ := in.dev()
	in.configure(map[string]any{})
	call := in.call()
	x := in.next()
	p.signal(syscall.SIGINT)
	in.eventually("the API takes no more connections", func() bool {
		c, err := net.Dial("tcp", in.value("FORGEHOOK_HTTP_ADDR"))
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	x.respond <- http.StatusOK
	in.endsInOrder(p) // a second signal would end it at once
	var states string
	check(t, in.sql.QueryRowContext(t.Context(), "SELECT string_agg(state || ' ' || verdict, ', ') FROM attempts WHERE call_id = $1", call.ID).Scan(&states))
	equal(t, "attempts", states, "finished success")
	p, _ = in.dev()
	equal(t, "outcome", *in.ended(call.ID).Outcome, forgehook.Delivered)
	equal(t, "requests", in.endpoint.seen(call.WebhookID), 1)
	in.interrupt(p)
}

// TestDev_takenPort gets one sentence, with the setting that changes the port.
func TestDev_takenPort(t *testing.T) {
	t.Parallel()
	for setting, what := range map[string]string{"FORGEHOOK_HTTP_ADDR": "the API", "FORGEHOOK_DEV_RECEIVER_ADDR": "the built-in receiver"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			in := devInstall(t)
			taken, err := net.Listen("tcp", "127.0.0.1:0")
			check(t, err)
			defer taken.Close() //nolint:errcheck // it only holds the port
			in.env = append(in.env, setting+"="+taken.Addr().String())
			cmd := exec.Command(program, "dev")
			var out, errs bytes.Buffer
			cmd.Env, cmd.Stdout, cmd.Stderr = in.env, &out, &errs
			_ = cmd.Run() // the exit code is checked
			equal(t, "exit code", cmd.ProcessState.ExitCode(), 1)
			equal(t, "it says", errs.String(),
				fmt.Sprintf("forgehook: port %s is taken: %s needs it; stop what uses it or set %s\n", taken.Addr(), what, setting))
			if strings.Contains(out.String(), "is ready") {
				t.Errorf("it says that it is ready:\n%s", out.String())
			}
		})
	}
}
