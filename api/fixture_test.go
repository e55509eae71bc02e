package api

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/outbound"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/await"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
	"github.com/forgehook/forgehook/internal/secret"
)

var update = flag.Bool("update", false, "write golden files, examples.json and ../docs/openapi.json anew")

// fixture is an API on a database of its own, with a tenant that has a key of each role.
type fixture struct {
	db      *postgres.DB
	engine  *testEngine
	handler *API
	secrets *secret.Keeper
	waiter  *await.Waiter
	tenant  forgehook.TenantID
	keys    map[forgehook.Role]string
	log     *lockedBuffer
}

// lockedBuffer keeps what is logged.
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

// setup makes it; change may alter the API's configuration, having the URL of the database.
func setup(t testing.TB, change ...func(*Config, string)) *fixture {
	t.Helper()
	db := pgtest.New(t)
	log := &lockedBuffer{}
	logger := slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	waiter, err := await.New(db.URL, db.DB, logger)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = waiter.Close() })
	keyset, err := secret.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	keeper, err := secret.Open(keyset)
	if err != nil {
		t.Fatal(err)
	}
	sender, err := outbound.New(outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{db: db.DB, engine: &testEngine{db: db.DB}, log: log, secrets: keeper, waiter: waiter}
	registry := prometheus.NewRegistry()
	config := Config{
		DB: db.DB, Waiter: waiter, Engine: f.engine, Secrets: keeper, Outbound: sender, Log: logger, Version: "test", PublicURL: "https://hooks.example.com/",
		Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), Registerer: registry,
	}
	for _, c := range change {
		c(&config, db.URL)
	}
	if f.handler, err = New(config); err != nil {
		t.Fatal(err)
	}
	f.tenant, f.keys = f.newTenant(t, "acme")
	return f
}

// newTenant makes a tenant with a key of each role.
func (f *fixture) newTenant(t testing.TB, name string) (forgehook.TenantID, map[forgehook.Role]string) {
	t.Helper()
	tenant, err := f.db.CreateTenant(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[forgehook.Role]string{}
	for _, role := range forgehook.Roles {
		key, prefix, hash, err := secret.NewAPIKey()
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.db.CreateKey(t.Context(), tenant.ID, forgehook.APIKey{Name: string(role), Roles: []forgehook.Role{role}, Prefix: prefix}, hash)
		if err != nil {
			t.Fatal(err)
		}
		keys[role] = key
	}
	return tenant.ID, keys
}

// reply is a response, read.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// json is the decoded body.
func (a reply) json(t testing.TB) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("status %d, body %q: %v", a.status, a.body, err)
	}
	return v
}

// problem is the code of a problem, "" for another response.
func (a reply) problem() string {
	var p problem
	_ = json.Unmarshal(a.body, &p)
	return strings.TrimPrefix(p.Type, problemPrefix)
}

// places are "location: message" of a problem's faults.
func (a reply) places(t testing.TB) []string {
	t.Helper()
	var p problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatalf("body %q: %v", a.body, err)
	}
	var places []string
	for _, e := range p.Errors {
		if e.Message == "" {
			t.Errorf("%s says nothing of what is allowed", e.Location)
		}
		places = append(places, e.Location)
	}
	return places
}

// do sends one request as an Owner; headers are "Name: value", and an X-Api-Key among them takes
// the Owner's place.
func (f *fixture) do(t testing.TB, method, path, body string, headers ...string) reply {
	t.Helper()
	return f.send(t, t.Context(), method, path, strings.NewReader(body), headers...)
}

func (f *fixture) send(t testing.TB, ctx context.Context, method, path string, body io.Reader, headers ...string) reply {
	t.Helper()
	request := httptest.NewRequestWithContext(ctx, method, path, body)
	request.Header.Set("X-Api-Key", f.keys[forgehook.Owner])
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		request.Header.Set(name, value)
	}
	recorder := httptest.NewRecorder()
	f.handler.ServeHTTP(recorder, request)
	f.handler.Settle()
	return reply{recorder.Code, recorder.Header(), recorder.Body.Bytes()}
}

// must is do for what has to go well.
func (f *fixture) must(t testing.TB, status int, method, path, body string, headers ...string) reply {
	t.Helper()
	a := f.do(t, method, path, body, headers...)
	if a.status != status {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, a.status, status, a.body)
	}
	return a
}

// as lets another key ask.
func as(key string) string { return "X-Api-Key: " + key }

const (
	webhookURL = "https://erp.example.com/hooks/invoices"
	document   = `{"id":912,"serviceId":48072,"status":10,"usage":3,"classId":3307,"filename":"inv-0042.pdf","fileType":"pdf"}`
)

// seed makes project 1001, service 48072, utility 48080 and document 912, about which the utility
// fires.
func (f *fixture) seed(t testing.TB, headers ...string) {
	t.Helper()
	f.must(t, 201, "POST", "/v1/projects", `{"id":1001,"name":"Invoices"}`, headers...)
	f.must(t, 201, "POST", "/v1/projects/1001/services", `{"id":48072,"name":"Extraction"}`, headers...)
	f.must(t, 201, "POST", "/v1/services/48072/utilities",
		fmt.Sprintf(`{"type":"WebHook","id":48080,"name":"Tell the ERP","settings":{"webHook":{"url":%q}}}`, webhookURL), headers...)
	f.must(t, 201, "POST", "/v1/projects/1001/documents", document, headers...)
}

// call makes a call of the seeded utility and returns its reference.
func (f *fixture) call(t testing.TB) forgehook.CallRef {
	t.Helper()
	a := f.must(t, 202, "POST", "/v1/calls", `{"webHookServiceId":48080,"documentId":912}`)
	return forgehook.CallRef{Tenant: f.tenant, CallID: a.json(t)["calls"].([]any)[0].(map[string]any)["id"].(string)}
}

// proxy is a line to a server that a test can cut.
type proxy struct {
	mu       sync.Mutex
	listener net.Listener
	conns    []net.Conn
}

// open opens a database through the proxy.
func (p *proxy) open(t *testing.T, databaseURL string) *postgres.DB {
	t.Helper()
	address, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	server := address.Host
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil { //nolint:noctx // a test
		t.Fatal(err)
	}
	t.Cleanup(p.cut)
	go func() {
		for {
			in, err := p.listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", server) //nolint:noctx // a test
			if err != nil {
				return
			}
			p.mu.Lock()
			p.conns = append(p.conns, in, out)
			p.mu.Unlock()
			go func() { _, _ = io.Copy(in, out) }()
			go func() { _, _ = io.Copy(out, in) }()
		}
	}()
	address.Host = p.listener.Addr().String()
	db, err := postgres.Open(t.Context(), address.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.listener.Close()
	for _, c := range p.conns {
		_ = c.Close()
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// requestFor is an exchange of a tenant that answers into a recorder.
func requestFor(recorder *httptest.ResponseRecorder, tenant forgehook.TenantID) *request {
	c, _ := gin.CreateTestContext(recorder)
	return &request{gin: c, key: forgehook.APIKey{Tenant: tenant}}
}
