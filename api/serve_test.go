package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/dispatch"
	"github.com/forgehook/forgehook/internal/openapi"
	"github.com/forgehook/forgehook/internal/secret"
)

func TestAuthentication(t *testing.T) {
	t.Parallel()
	f := setup(t)
	owner := f.keys[forgehook.Owner]
	for _, header := range []string{"Authorization: Bearer " + owner, "Authorization: bearer  " + owner} {
		if a := f.do(t, "GET", "/v1/projects", "", "X-Api-Key: ", header); a.status != 200 {
			t.Errorf("%q: %d %s", header, a.status, a.body)
		}
	}
	for _, header := range []string{"Authorization: Basic " + owner, "Authorization: " + owner, "Authorization: Bearer", "Authorization: Bearer x"} {
		if a := f.do(t, "GET", "/v1/projects", "", "X-Api-Key: ", header); a.status != 401 {
			t.Errorf("%q: %d", header, a.status)
		}
	}

	made := f.must(t, 201, "POST", "/v1/keys", `{"name":"x","roles":["Viewer","viewer"],"expiresIn":"PT1H"}`).json(t)
	key := as(made["key"].(string))
	f.must(t, 200, "GET", "/v1/projects", "", key)
	f.must(t, 204, "DELETE", "/v1/keys/"+made["id"].(string), "")
	if a := f.do(t, "GET", "/v1/projects", "", key); a.status != 401 {
		t.Errorf("a revoked key: %d, want 401 at once in the process that revoked it", a.status)
	}
	if a := f.do(t, "DELETE", "/v1/keys/"+made["id"].(string), ""); a.status != 404 {
		t.Errorf("revoked twice: %d", a.status)
	}

	plain, prefix, hash, err := secret.NewAPIKey()
	if err != nil {
		t.Fatal(err)
	}
	soon := forgehook.Time{Time: time.Now().Add(300 * time.Millisecond)}
	if _, err := f.db.CreateKey(t.Context(), f.tenant, forgehook.APIKey{Name: "x", Roles: []forgehook.Role{"Viewer"}, Prefix: prefix, ExpiresAt: &soon}, hash); err != nil {
		t.Fatal(err)
	}
	f.must(t, 200, "GET", "/v1/projects", "", as(plain))
	time.Sleep(time.Until(soon.Time) + 10*time.Millisecond)
	if a := f.do(t, "GET", "/v1/projects", "", as(plain)); a.status != 401 || !strings.Contains(string(a.body), "expired") {
		t.Errorf("an expired key that was seen a moment ago: %d %s", a.status, a.body)
	}
	if text := f.log.String(); strings.Contains(text, owner) || strings.Contains(text, plain) {
		t.Error("a key is in the log")
	}
}

// TestGate checks what is remembered of keys.
func TestGate(t *testing.T) {
	t.Parallel()
	g, now := newGate(2), time.Now()
	g.remember([]byte("hash"), forgehook.APIKey{ID: "1"}, now)
	if _, ok := g.find([]byte("hash"), now.Add(keyTTL-1)); !ok {
		t.Error("a key is forgotten too early")
	}
	if _, ok := g.find([]byte("hash"), now.Add(keyTTL)); ok {
		t.Error("a key is believed too long")
	}
	for i := range 3 * keysKept {
		g.remember(fmt.Append(nil, i), forgehook.APIKey{ID: "2"}, now)
		g.wait(fmt.Sprint(i), now)
	}
	if len(g.keys) > keysKept || len(g.limiters) > keysKept {
		t.Errorf("%d keys and %d limiters are remembered", len(g.keys), len(g.limiters))
	}
	for i, want := range []time.Duration{0, 0, 500 * time.Millisecond, 500 * time.Millisecond} {
		if got := g.wait("k", now); got != want {
			t.Errorf("request %d waits %v, want %v", i, got, want)
		}
	}
	if got := g.wait("k", now.Add(500*time.Millisecond)); got != 0 {
		t.Errorf("half a second later it waits %v", got)
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config, _ string) { c.RatePerSecond = 0.5 })
	f.must(t, 200, "GET", "/v1/projects", "")
	a := f.do(t, "GET", "/v1/projects", "")
	if a.status != 429 || a.problem() != "rate-limited" || a.header.Get("Retry-After") != "2" {
		t.Errorf("%d %s, Retry-After %q", a.status, a.body, a.header.Get("Retry-After"))
	}
	f.must(t, 200, "GET", "/v1/projects", "", as(f.keys[forgehook.Viewer])) // another key
	f.must(t, 200, "GET", "/healthz", "")
}

// A stopping process tells load balancers so, and still serves requests, each on a connection that
// it then closes.
func TestStopping(t *testing.T) {
	t.Parallel()
	stopping := make(chan struct{})
	f := setup(t, func(c *Config, _ string) { c.Stopping = stopping })
	if a := f.must(t, 200, "GET", "/readyz", ""); a.header.Get("Connection") != "" {
		t.Errorf("before: Connection %q", a.header.Get("Connection"))
	}
	close(stopping)
	if a := f.do(t, "GET", "/readyz", ""); a.status != 503 || a.problem() != "unavailable" {
		t.Errorf("/readyz: %d %s", a.status, a.body)
	}
	for _, path := range []string{"/healthz", "/v1/projects"} {
		if a := f.must(t, 200, "GET", path, ""); a.header.Get("Connection") != "close" {
			t.Errorf("%s: Connection %q", path, a.header.Get("Connection"))
		}
	}
}

func TestMediaTypes(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	for _, row := range []struct {
		path, header string
		status       int
	}{
		{"/v1/projects", "Content-Type: application/json; charset=utf-8", 201},
		{"/v1/projects", "Content-Type: application/vnd.acme+json", 201},
		{"/v1/projects", "Content-Type: application/merge-patch+json", 201},
		{"/v1/projects", "Content-Type: ", 201},
		{"/v1/projects", "Content-Type: text/plain", 415},
		{"/v1/projects", "Content-Type: application/x-ndjson", 415},
		{"/v1/projects", "Content-Type: ;;", 415},
		{"/v1/projects", "Content-Encoding: gzip", 415},
		{"/v1/projects", "Content-Encoding: identity", 201},
		{"/v1/projects/1001/documents/import", "Content-Type: application/x-ndjson", 200},
		{"/v1/projects/1001/documents/import", "Content-Type: application/json", 200},
		{"/v1/projects/1001/documents/import", "Content-Type: text/csv", 415},
	} {
		if a := f.do(t, "POST", row.path, `{}`, row.header); a.status != row.status {
			t.Errorf("%s with %q: %d %s", row.path, row.header, a.status, a.body)
		}
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	const path = "/v1/projects/1001/documents/import"
	var lines, faulty strings.Builder
	for i := range 1234 {
		fmt.Fprintf(&lines, `{"id":%d,"status":10,"projectId":7}`+"\r\n", i%1200+1)
		fmt.Fprintf(&faulty, `{"id":%d,"status":"Bad","usage":"Bad"}`+"\n", i+1)
	}
	lines.WriteString(`{"status":"Processed"}`) // no id, no end of line
	a := f.must(t, 200, "POST", path, lines.String()).json(t)
	if diff := cmp.Diff(map[string]any{"imported": 1235.0, "created": 1200.0, "updated": 35.0}, a); diff != "" { // 912 was there
		t.Error(diff)
	}
	if d := f.must(t, 200, "GET", "/v1/documents/1200", "").json(t); d["projectId"] != 1001.0 {
		t.Errorf("document %v", d)
	}
	b := f.do(t, "POST", path, `{"id":3000}`+"\n"+faulty.String())
	if b.status != 422 || len(b.places(t)) != importFaults || b.places(t)[0] != "body[2].status" || !strings.Contains(string(b.body), "2468 values") {
		t.Errorf("%d %d faults, %.300s", b.status, len(b.places(t)), b.body)
	}
	if d := f.do(t, "GET", "/v1/documents/3000", ""); d.status != 404 {
		t.Error("something of a faulty import was stored")
	}
	long := f.do(t, "POST", path, "{}\n"+`{"comment":"`+strings.Repeat("x", maxBody)+`"}`)
	if long.status != 413 || !strings.Contains(string(long.body), "Line 2") {
		t.Errorf("%d %s", long.status, long.body)
	}
}

// TestSettings walks what the golden story leaves out: what GET answers can be put back, and
// secrets are kept, cleared, never shown.
func TestSettings(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	const path = "/v1/services/48080/settings"
	f.must(t, 200, "PATCH", path, `{"webHook":{"username":"u","password":"hunter2<&>","apiKey":null}}`)
	before := f.must(t, 200, "GET", path, "")
	if diff := cmp.Diff(before.json(t), f.must(t, 200, "PUT", path, string(before.body)).json(t)); diff != "" {
		t.Errorf("PUT of what GET answers: %s", diff)
	}
	kept := f.must(t, 200, "PUT", path, fmt.Sprintf(`{"webHook":{"url":%q,"username":"u"}}`, webhookURL)).json(t)
	if secret := kept["webHook"].(map[string]any)["password"]; secret == nil || kept["signing"].(map[string]any)["secret"] == nil {
		t.Errorf("secrets that were not mentioned: %v", kept)
	}
	cleared := f.must(t, 200, "PATCH", path, `{"webHook":{"username":null,"password":null},"signing":{"secret":null}}`).json(t)
	if cleared["webHook"].(map[string]any)["password"] != nil || len(cleared["warnings"].([]any)) != 1 {
		t.Errorf("cleared: %v", cleared)
	}
	if n := len(f.must(t, 200, "GET", path+"/versions", "").json(t)["versions"].([]any)); n != 3 {
		t.Errorf("%d versions, want 3: one that changes nothing is none", n)
	}
	for _, secret := range []string{`{"webHook":{"password":["hunter2"]}}`, `{"webHook":{"passwort":"hunter2"}}`, `{"signing":{"secret":"hunter2"}}`,
		`{"webHook":{"url":"https://hunter2@example.com/"}}`} {
		if a := f.do(t, "PATCH", path, secret); a.status != 422 || strings.Contains(string(a.body), "hunter2") {
			t.Errorf("%s: %d %s", secret, a.status, a.body)
		}
	}
	for _, body := range []string{`{"type":"WebHook","name":"x","password":"hunter2"}`, `{"type":"WebHook","name":"x","settings":{"webHook":{"apikee":"hunter2"}}}`} {
		if a := f.do(t, "POST", "/v1/services/48072/utilities", body); a.status != 422 || strings.Contains(string(a.body), "hunter2") {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if strings.Contains(f.log.String(), "hunter2") {
		t.Error("a secret is in the log")
	}
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	lines := &proxy{}
	f := setup(t, func(c *Config, url string) { c.DB = lines.open(t, url) })
	f.must(t, 200, "GET", "/v1/projects", "")
	lines.cut()
	for _, path := range []string{"/readyz", "/v1/projects", "/v1/calls/0193a5c2-7d3e-7a51-9c1e-5b8f0d2e4a67"} {
		a := f.do(t, "GET", path, "")
		if a.status != 503 || a.problem() != "unavailable" || a.header.Get("Retry-After") == "" || strings.Contains(string(a.body), "127.0.0.1") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := f.do(t, "POST", "/v1/calls", `{"webHookServiceId":48080,"documentId":912}`); a.status != 503 {
		t.Errorf("a call that was not accepted: %d %s", a.status, a.body)
	}
	f.must(t, 200, "GET", "/healthz", "")
}

func TestServe(t *testing.T) {
	t.Parallel()
	f := setup(t)
	a := f.must(t, 200, "GET", "/v1/projects", "", "X-Request-Id: from-outside.1")
	if a.header.Get("X-Request-Id") != "from-outside.1" || a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", a.header)
	}
	a = f.do(t, "GET", "/v1/projects/7", "", "X-Request-Id: bad id\"<")
	if id := a.header.Get("X-Request-Id"); len(id) != 36 || !strings.Contains(string(a.body), "urn:forgehook:request:"+id) {
		t.Errorf("a bad request id became %q: %s", id, a.body)
	}
	if want := `"method":"GET","route":"/v1/projects/:id","status":404`; !strings.Contains(f.log.String(), want) || !strings.Contains(f.log.String(), string(f.tenant)) {
		t.Errorf("the log lacks %s or the tenant: %s", want, f.log)
	}
	f.do(t, "BREW", "/coffee/"+strings.Repeat("x", 3000), "")
	metrics := string(f.must(t, 200, "GET", "/metrics", "").body)
	for _, want := range []string{
		`forgehook_http_requests_total{method="GET",route="/v1/projects/:id",status="404"} 1`, `route="none"`, `forgehook_http_request_duration_seconds_bucket`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if strings.Contains(metrics, "coffee") || strings.Contains(metrics, "BREW") {
		t.Error("a client can make series of its own")
	}
	page := f.must(t, 200, "GET", "/docs", "")
	if page.header.Get("Content-Security-Policy") != "default-src 'self'; frame-ancestors 'none'" || strings.Contains(string(page.body), "http:") {
		t.Errorf("docs: %v", page.header)
	}
	for _, part := range []string{"/docs.js", "/docs.css"} {
		if !strings.Contains(string(page.body), part) {
			t.Errorf("the page does not use %s", part)
		}
		f.must(t, 200, "GET", part, "")
	}
	without := setup(t, func(c *Config, _ string) { c.Metrics, c.Registerer = nil, nil })
	if a := without.do(t, "GET", "/metrics", ""); a.status != 404 || a.problem() != "not-found" {
		t.Errorf("no metrics: %d %s", a.status, a.body)
	}
}

// TestPanic lets an engine panic, and a handler after half a response.
func TestPanic(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *Config, _ string) {
		c.Engine = panicking{}
		c.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("half")); panic("after") })
	})
	a := f.do(t, "GET", "/readyz", "", "X-Request-Id: boom")
	if a.status != 500 || a.problem() != "internal" || strings.Contains(string(a.body), "hush") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if log := f.log.String(); strings.Count(log, "hush") != 1 || !strings.Contains(log, "serve_test.go") || !strings.Contains(log, `"request_id":"boom"`) {
		t.Errorf("the log lacks the panic, its place or the request: %s", log)
	}
	server := httptest.NewServer(f.handler)
	t.Cleanup(server.Close)
	response, err := http.Get(server.URL + "/metrics") //nolint:noctx // a test
	if err == nil {
		_, err = response.Body.Read(make([]byte, 100))
		if _, second := response.Body.Read(make([]byte, 100)); err == nil {
			err = second
		}
		_ = response.Body.Close()
	}
	if err == nil || err.Error() == "EOF" {
		t.Errorf("half a response looks whole: %v", err)
	}
}

type panicking struct{ dispatch.Engine }

func (panicking) Ping(context.Context) error { panic("hush") }

func TestOpenAPIFresh(t *testing.T) {
	t.Parallel()
	document, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	const file = "../docs/openapi.json"
	if *update {
		if err := os.WriteFile(file, document, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(stored), string(document)); diff != "" {
		t.Errorf("docs/openapi.json is stale, run make generate: %s", diff)
	}
	f := setup(t)
	if served := f.must(t, 200, "GET", "/openapi.json", ""); string(served.body) != string(document) {
		t.Error("GET /openapi.json and OpenAPI() differ")
	}
	if strings.Contains(string(document), "$schema") {
		t.Error("$schema is in the document")
	}
}

// TestSchemas wants every member of every example documented.
func TestSchemas(t *testing.T) {
	t.Parallel()
	s := &server{}
	s.router()
	for path, item := range s.document.Paths {
		for _, op := range item {
			for _, response := range op.Responses {
				for _, media := range response.Content {
					s.schemas().validate(t, path, media)
				}
			}
			if op.RequestBody != nil && op.RequestBody.Content[lineMedia] == nil {
				for _, media := range op.RequestBody.Content {
					s.schemas().validate(t, path, media)
				}
			}
		}
	}
}

func (c schemas) validate(t *testing.T, path string, media *openapi.Media) {
	t.Helper()
	raw, err := json.Marshal(media.Example)
	if err != nil {
		t.Fatal(err)
	}
	var example any
	if err := json.Unmarshal(raw, &example); err != nil {
		t.Fatal(err)
	}
	c.undocumented(t, path, []*openapi.Schema{media.Schema}, example)
}

// undocumented reports members of an example that none of its schemas has.
func (c schemas) undocumented(t *testing.T, at string, given []*openapi.Schema, example any) {
	t.Helper()
	var all []*openapi.Schema
	for len(given) > 0 {
		one := given[0]
		given = given[1:]
		if one.Ref != "" {
			one = c[strings.TrimPrefix(one.Ref, schemasAt)]
		}
		all = append(all, one)
		given = append(given, slices.Concat(one.AnyOf, one.AllOf)...)
	}
	switch x := example.(type) {
	case map[string]any:
		for name, value := range x {
			var below []*openapi.Schema
			open := false
			for _, s := range all {
				if p := s.Properties[name]; p != nil {
					below = append(below, p)
				}
				open = open || s.Additional != nil || (s.Type == nil && s.Properties == nil && len(all) == 1)
			}
			if len(below) == 0 && !open {
				t.Errorf("%s.%s is not documented", at, name)
				continue
			}
			c.undocumented(t, at+"."+name, below, value)
		}
	case []any:
		for _, item := range x {
			var below []*openapi.Schema
			for _, s := range all {
				if s.Items != nil {
					below = append(below, s.Items)
				}
			}
			c.undocumented(t, at+"[]", below, item)
		}
	}
}
