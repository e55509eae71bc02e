//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/lib/pq"
	sdk "go.temporal.io/sdk/client"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/worker"
)

// installation is Forgehook as real processes on its own database and task queue, with an endpoint
// under the test's control.
type installation struct {
	t        *testing.T
	env      []string
	program  string // started by start
	sql      *sql.DB
	temporal sdk.Client
	client   *client.Client
	key      string
	endpoint *gate
	webhook  int32
	document int32
	api      *process
	worker   *process
}

// install starts the API and a worker. settings are those of the webhook besides its URL.
func install(t *testing.T, settings map[string]any) *installation {
	t.Helper()
	ctx := t.Context()
	url := pgtest.URL(t)
	keyset, err := secret.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	in := &installation{t: t, program: program, endpoint: newGate(t), env: append(environ(),
		"FORGEHOOK_DATABASE_URL="+url, "FORGEHOOK_ENCRYPTION_KEYSET="+keyset, "FORGEHOOK_HTTP_ADDR="+freeAddr(t),
		"FORGEHOOK_EGRESS_ALLOW=127.0.0.0/8", "FORGEHOOK_TASK_QUEUE=e2e-"+strings.ReplaceAll(t.Name(), "/", "-"),
		"FORGEHOOK_FAST_PATH=1h", // a busy machine makes few exchanges within 100 ms
		"FORGEHOOK_SWEEP_INTERVAL=1s", "FORGEHOOK_STOP_TIMEOUT=30s",
	)}
	if in.sql, err = sql.Open("postgres", url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.sql.Close() })
	if in.temporal, err = worker.Dial(ctx, worker.DialOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.temporal.Close)
	t.Cleanup(func() { dropSweep(t, in.temporal, in.value("FORGEHOOK_TASK_QUEUE")) })
	key := in.run("tenants", "create", "e2e")
	in.api, in.worker = in.start("api"), in.start("worker")
	in.client, in.key = client.New("http://"+in.value("FORGEHOOK_HTTP_ADDR"), key), key
	in.configure(settings)
	return in
}

// dropSweep ends the schedule of a stopped installation. The engine cannot run one a second for
// every test and seed.
func dropSweep(t *testing.T, temporal sdk.Client, queue string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := temporal.ScheduleClient().GetHandle(ctx, "forgehook-sweep/"+queue).Delete(ctx); err != nil {
		t.Logf("the schedule of %s stays: %v", queue, err)
	}
}

// environ is the environment without the user's Forgehook settings.
func environ() []string {
	var kept []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "FORGEHOOK_") {
			kept = append(kept, entry)
		}
	}
	return kept
}

func (in *installation) value(name string) string {
	for _, entry := range in.env {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

func (in *installation) configure(settings map[string]any) {
	in.t.Helper()
	in.eventually("the API is ready", func() bool { return in.client.Do(in.t.Context(), http.MethodGet, "/readyz", nil, nil) == nil })
	settings["webHook"] = merge(map[string]any{"url": in.endpoint.URL}, settings["webHook"])
	var project, service, utility, document struct{ ID int32 }
	in.do("POST", "/v1/projects", map[string]any{"name": "e2e"}, &project)
	in.do("POST", fmt.Sprintf("/v1/projects/%d/services", project.ID), map[string]any{"name": "e2e"}, &service)
	in.do("POST", fmt.Sprintf("/v1/services/%d/utilities", service.ID), map[string]any{"type": "WebHook", "name": "e2e", "settings": settings}, &utility)
	in.do("POST", fmt.Sprintf("/v1/projects/%d/documents", project.ID),
		map[string]any{"serviceId": service.ID, "status": "Processed", "usage": "Outbox", "filename": "e2e.pdf"}, &document)
	in.webhook, in.document = utility.ID, document.ID
}

func merge(base map[string]any, more any) map[string]any {
	if m, ok := more.(map[string]any); ok {
		for k, v := range m {
			base[k] = v
		}
	}
	return base
}

func (in *installation) do(method, path string, body, out any) {
	in.t.Helper()
	if err := in.client.Do(in.t.Context(), method, path, body, out); err != nil {
		in.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// call accepts one call of the webhook for the document.
func (in *installation) call() forgehook.Call {
	in.t.Helper()
	return in.accept(in.webhook)
}

// accept accepts a call of a webhook.
func (in *installation) accept(webhook int32) forgehook.Call {
	in.t.Helper()
	accepted, err := in.client.CallWebhook(in.t.Context(), forgehook.CallRequest{WebHookServiceID: &webhook, DocumentID: &in.document}, client.Options{})
	if err != nil {
		in.t.Fatal(err)
	}
	return accepted.Calls[0]
}

// ended waits for the call's outcome.
func (in *installation) ended(id string) forgehook.Call {
	in.t.Helper()
	for range 4 {
		call, err := in.client.Call(in.t.Context(), id, 30*time.Second)
		if err != nil {
			in.t.Fatal(err)
		}
		if call.Outcome != nil {
			return call
		}
	}
	in.t.Fatalf("call %s has no outcome after two minutes", id)
	return forgehook.Call{}
}

// await polls the call until wanted accepts it.
func (in *installation) await(id, what string, wanted func(forgehook.Call) bool) {
	in.t.Helper()
	in.eventually(what, func() bool {
		call, err := in.client.Call(in.t.Context(), id, 0)
		return err == nil && wanted(call)
	})
}

func (in *installation) eventually(what string, holds func() bool) {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(in.t.Context(), time.Minute)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); !holds(); {
		select {
		case <-ctx.Done():
			in.t.Fatalf("it never came to this: %s", what)
		case <-tick.C:
		}
	}
}

// blocked waits until a connection of the installation waits for a lock that the test holds.
func (in *installation) blocked() {
	in.t.Helper()
	in.eventually("a transaction waits for the test's lock", func() bool {
		var n int
		err := in.sql.QueryRowContext(in.t.Context(),
			"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&n)
		return err == nil && n > 0
	})
}

// lockAttempts blocks the recording of the call's attempts until release is called.
func (in *installation) lockAttempts(id string) (release func()) {
	in.t.Helper()
	tx, err := in.sql.BeginTx(in.t.Context(), nil)
	if err != nil {
		in.t.Fatal(err)
	}
	if _, err := tx.ExecContext(in.t.Context(), "SELECT 1 FROM attempts WHERE call_id = $1 FOR UPDATE", id); err != nil {
		in.t.Fatal(err)
	}
	return func() { _ = tx.Rollback() }
}

// program is the product's binary.
const program = "../../.forgehook/bin/forgehook"

// run runs a command of the program to its end and returns what it printed.
func (in *installation) run(args ...string) string {
	in.t.Helper()
	cmd := exec.CommandContext(in.t.Context(), program, args...)
	var errs bytes.Buffer
	cmd.Env, cmd.Stderr = in.env, &errs
	out, err := cmd.Output()
	if err != nil {
		in.t.Fatalf("forgehook %s: %v\n%s", strings.Join(args, " "), err, &errs)
	}
	return strings.TrimSpace(string(out))
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

// process is one real process of the product.
type process struct {
	*exec.Cmd
	log  *lockedBuffer
	done chan struct{}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start starts the product's binary and waits until it reports that it runs.
func (in *installation) start(command string) *process {
	in.t.Helper()
	p, err := launch(in.program, command, in.env)
	if err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(func() {
		p.kill()
		if in.t.Failed() {
			in.t.Logf("%s said:\n%s", command, p.log)
		}
	})
	return p
}

// launch fails if the program ends, or does not report within a minute that it runs.
func launch(program, command string, env []string) (*process, error) {
	p := &process{Cmd: exec.Command(program, command), log: &lockedBuffer{}, done: make(chan struct{})}
	p.Env = env
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stderr, err := p.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		return nil, err
	}
	up := make(chan struct{})
	go func() {
		defer close(p.done)
		started := map[string]string{"api": "API listens", "worker": "worker starts"}[command]
		for lines := bufio.NewScanner(io.TeeReader(stderr, p.log)); lines.Scan(); {
			if strings.Contains(lines.Text(), started) {
				close(up)
				started = "\x00"
			}
		}
		_ = p.Wait()
	}()
	select {
	case <-up:
		return p, nil
	case <-p.done:
		return nil, fmt.Errorf("%s ended at once:\n%s", command, p.log)
	case <-time.After(time.Minute):
		p.kill()
		return nil, fmt.Errorf("%s does not start:\n%s", command, p.log)
	}
}

func (p *process) kill() {
	_ = p.Process.Signal(syscall.SIGCONT)
	_ = p.Process.Kill()
	<-p.done
}

func (p *process) signal(s syscall.Signal) { _ = p.Process.Signal(s) }

// gate is an endpoint that holds each request until the test responds.
type gate struct {
	*httptest.Server
	arrived chan *exchange
	log     receiverLog
}

type exchange struct {
	webhookID string
	attempt   string
	body      []byte
	respond   chan int
	gone      <-chan struct{}
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{arrived: make(chan *exchange, 100)}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		receipt := g.log.arrived(r, "")
		body, _ := io.ReadAll(r.Body)
		x := &exchange{webhookID: receipt.webhookID, attempt: receipt.attempt, body: body, respond: make(chan int, 1), gone: r.Context().Done()}
		g.arrived <- x
		select {
		case status := <-x.respond:
			g.log.responds(receipt, status)
			w.WriteHeader(status)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { g.CloseClientConnections(); g.Close() })
	return g
}

func (g *gate) seen(webhookID string) int { return len(g.log.of(webhookID)) }

// next waits for a request.
func (in *installation) next() *exchange {
	in.t.Helper()
	select {
	case x := <-in.endpoint.arrived:
		var payload struct {
			Data struct{ Document struct{ ID int32 } }
		}
		if err := json.Unmarshal(x.body, &payload); err != nil || payload.Data.Document.ID != in.document {
			in.t.Fatalf("the endpoint got %s (%v), want the payload of document %d", x.body, err, in.document)
		}
		return x
	case <-time.After(time.Minute):
		in.t.Fatal("no request arrived at the endpoint")
		return nil
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // only its address is needed
	return l.Addr().String()
}

// wire passes TCP connections on until it is frozen: then nothing passes, and neither side is told.
type wire struct {
	addr   string
	frozen atomic.Bool
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	w := &wire{addr: l.Addr().String()}
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			into, err := net.Dial("tcp", to)
			if err != nil {
				_ = from.Close()
				continue
			}
			go w.pass(from, into)
			go w.pass(into, from)
		}
	}()
	return w
}

func (w *wire) freeze() { w.frozen.Store(true) }

func (w *wire) pass(from, into net.Conn) {
	defer from.Close() //nolint:errcheck // one side is gone
	defer into.Close() //nolint:errcheck // one side is gone
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if w.frozen.Load() {
			continue
		}
		if _, err := into.Write(buffer[:n]); err != nil {
			return
		}
	}
}
