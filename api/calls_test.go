package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
)

func callIDs(t *testing.T, a reply) []string {
	t.Helper()
	var ids []string
	for _, call := range a.json(t)["calls"].([]any) {
		ids = append(ids, call.(map[string]any)["id"].(string))
	}
	return ids
}

// deliver ends a call as a worker would.
func (f *fixture) deliver(t *testing.T, ref forgehook.CallRef) {
	t.Helper()
	if f.evaluate(t, ref) == "" {
		f.build(t, ref)
		f.attempt(t, ref, 200)
	}
}

func TestCreateCalls_waits(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	const body = `{"serviceId":48072,"documentId":912}`

	started := time.Now()
	if a := f.must(t, 202, "POST", "/v1/calls", body, "Prefer: wait=1"); a.header.Get("Preference-Applied") != "wait=1" {
		t.Errorf("Preference-Applied %q", a.header.Get("Preference-Applied"))
	}
	if took := time.Since(started); took < time.Second {
		t.Errorf("waited %v, want 1 s", took)
	}

	f.engine.set(func(e *testEngine) {
		e.started = func(s forgehook.CallStart) {
			go f.deliver(t, forgehook.CallRef{Tenant: s.Tenant, CallID: s.CallID})
		}
	})
	started = time.Now()
	a := f.must(t, 200, "POST", "/v1/calls", body, "Prefer: respond-async, wait=600")
	if took := time.Since(started); took > 30*time.Second || a.header.Get("Preference-Applied") != "wait=300" {
		t.Errorf("waited %v with %q", took, a.header.Get("Preference-Applied"))
	}
	if call := a.json(t)["calls"].([]any)[0].(map[string]any); call["outcome"] != "delivered" {
		t.Errorf("the response is %s", a.body)
	}
	if status := f.must(t, 200, "GET", "/v1/documents/912", "").json(t)["status"]; status != 10.0 {
		t.Errorf("status of the document %v", status)
	}
}

func TestGetCall_waits(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	ref := f.call(t)
	answers := make(chan reply)
	go func() { answers <- f.do(t, "GET", "/v1/calls/"+ref.CallID, "", "Prefer: wait=60") }()
	for f.waiter.Waiting() == 0 {
		runtime.Gosched()
	}
	f.deliver(t, ref)
	if a := <-answers; a.status != 200 || a.json(t)["status"] != "completed" || a.header.Get("Preference-Applied") != "wait=60" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestCreateCalls_clientLeaves(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	ctx, leave := context.WithCancel(t.Context())
	var id string
	f.engine.set(func(e *testEngine) {
		e.started = func(s forgehook.CallStart) { id = s.CallID; leave() }
	})
	f.send(t, ctx, "POST", "/v1/calls", strings.NewReader(`{"webHookServiceId":48080,"documentId":912}`), "Prefer: wait=60")
	if id == "" || !f.engine.has(id) {
		t.Fatal("the call was not started")
	}
	f.deliver(t, forgehook.CallRef{Tenant: f.tenant, CallID: id})
	if a := f.must(t, 200, "GET", "/v1/calls/"+id, ""); a.json(t)["outcome"] != "delivered" {
		t.Errorf("the call is %s", a.body)
	}
	if strings.Contains(f.log.String(), `"level":"ERROR"`) {
		t.Errorf("a client that left is no error: %s", f.log)
	}
}

// TestCreateCalls_sameKey sends one request many times at once.
func TestCreateCalls_sameKey(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	answers := make([]reply, 20)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			answers[i] = f.do(t, "POST", "/v1/calls", `{"serviceId":48072,"documentId":912}`, "Idempotency-Key: once")
		})
	}
	wg.Wait()
	first := callIDs(t, answers[0])
	for _, a := range answers {
		if a.status != 202 || !slices.Equal(callIDs(t, a), first) {
			t.Errorf("%d %s, want the calls %v", a.status, a.body, first)
		}
	}
	if all := callIDs(t, f.must(t, 200, "GET", "/v1/calls", "")); !slices.Equal(all, first) {
		t.Errorf("there are the calls %v, want %v", all, first)
	}
	a := f.do(t, "POST", "/v1/calls", `{"serviceId":48072,"documentId":912,"reason":"other"}`, "Idempotency-Key: once")
	if a.status != 422 || a.problem() != "idempotency-key-reused" {
		t.Errorf("another body: %d %s", a.status, a.body)
	}
	f.deliver(t, forgehook.CallRef{Tenant: f.tenant, CallID: first[0]})
	f.must(t, 200, "POST", "/v1/calls", `{"serviceId":48072,"documentId":912}`, "Idempotency-Key: once")
	for _, key := range []string{"", " ", "a b", "a\tb", "ä", strings.Repeat("k", 256)} {
		a := f.do(t, "POST", "/v1/calls", `{}`, "Idempotency-Key: "+key)
		if want := []string{"header.Idempotency-Key", "body.document"}; a.status != 422 || !slices.Equal(a.places(t), want) {
			t.Errorf("key %q: %d %s", key, a.status, a.body)
		}
	}
	f.must(t, 202, "POST", "/v1/calls", `{"documentId":912}`, "Idempotency-Key: "+strings.Repeat("~", 255))
}

func TestCreateCalls_ofService(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	f.must(t, 201, "POST", "/v1/services/48072/utilities", fmt.Sprintf(`{"type":"WebHook","id":10,"name":"off","settings":{"enabled":false,"webHook":{"url":%q}}}`, webhookURL))
	f.must(t, 201, "POST", "/v1/services/48072/utilities", fmt.Sprintf(`{"type":"WebHook","id":11,"name":"first","index":-1,"settings":{"webHook":{"url":%q}}}`, webhookURL))
	a := f.must(t, 202, "POST", "/v1/calls", `{"serviceId":48072,"documentId":912}`).json(t)
	var called []any
	for _, call := range a["calls"].([]any) {
		called = append(called, call.(map[string]any)["webHookServiceId"])
	}
	if !slices.Equal(called, []any{11.0, 48080.0}) {
		t.Errorf("called %v, want by index, then id", called)
	}
	if not := fmt.Sprint(a["notCalled"]); not != "[map[reason:disabled webHookServiceId:10]]" {
		t.Errorf("notCalled %s", not)
	}
	for _, id := range []string{"11", "48080"} {
		f.must(t, 200, "PATCH", "/v1/services/"+id+"/settings", `{"enabled":false}`)
	}
	a = f.must(t, 200, "POST", "/v1/calls", `{"serviceId":48072,"documentId":912}`).json(t)
	if len(a["calls"].([]any)) != 0 || len(a["notCalled"].([]any)) != 3 {
		t.Errorf("none enabled: %v", a)
	}
	ref := f.call(t) // a disabled one that is named is called, and skips
	f.deliver(t, ref)
	if a := f.must(t, 200, "GET", "/v1/calls/"+ref.CallID, "").json(t); a["outcome"] != "skipped" {
		t.Errorf("outcome %v", a["outcome"])
	}
}

func TestEngineAway(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	ref := f.call(t)
	f.engine.set(func(e *testEngine) { e.down = errDown })

	lost := f.call(t) // accepted all the same
	if f.engine.set(func(e *testEngine) { e.down = nil }); f.engine.has(lost.CallID) {
		t.Fatal("the start failed")
	}
	if !strings.Contains(f.log.String(), "left to the sweep: the start of calls") {
		t.Error("the failed start is not in the log")
	}
	f.engine.set(func(e *testEngine) { e.down = errDown })
	for _, path := range []string{"/retry", "/cancel"} {
		a := f.do(t, "POST", "/v1/calls/"+ref.CallID+path, "")
		if a.status != 503 || a.problem() != "unavailable" || a.header.Get("Retry-After") == "" || strings.Contains(string(a.body), "7233") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	f.engine.set(func(e *testEngine) { e.down = nil })

	// A retry starts the missing workflow; a second retry finds it.
	f.must(t, 202, "POST", "/v1/calls/"+lost.CallID+"/retry", "")
	if !f.engine.has(lost.CallID) || len(f.engine.retried) != 0 {
		t.Errorf("runs %v, retried %v", f.engine.runs, f.engine.retried)
	}
	f.must(t, 202, "POST", "/v1/calls/"+lost.CallID+"/retry", "")
	if !slices.Equal(f.engine.retried, []string{lost.CallID}) {
		t.Errorf("retried %v", f.engine.retried)
	}

	// A cancel of a call without a run completes it.
	f.engine.set(func(e *testEngine) { e.down = errDown })
	other := f.call(t)
	f.engine.set(func(e *testEngine) { e.down = nil })
	if a := f.must(t, 202, "POST", "/v1/calls/"+other.CallID+"/cancel", "").json(t); a["outcome"] != "canceled" {
		t.Errorf("canceled without a run: %v", a)
	}
	if f.evaluate(t, other) != forgehook.Canceled {
		t.Error("a run that starts late goes on")
	}
	if a := f.do(t, "POST", "/v1/calls/"+other.CallID+"/retry", ""); a.status != 409 || a.problem() != "call-completed" {
		t.Errorf("retry of it: %d %s", a.status, a.body)
	}
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	if a := f.must(t, 200, "POST", "/v1/services/48080/pause", "").json(t); a["pausedAt"] == nil {
		t.Errorf("paused: %v", a)
	}
	ref := f.call(t)
	f.evaluate(t, ref)
	f.build(t, ref)
	if _, err := f.db.StartAttempt(t.Context(), startOf(ref)); err != nil {
		t.Fatal(err)
	}
	if a := f.do(t, "POST", "/v1/calls/"+ref.CallID+"/retry", ""); a.problem() != "utility-paused" {
		t.Errorf("retry of a held call: %d %s", a.status, a.body)
	}
	f.engine.set(func(e *testEngine) { e.down = errDown })
	f.must(t, 200, "POST", "/v1/services/48080/resume", "")
	if !strings.Contains(f.log.String(), "left to the sweep: the drain of a resumed utility") {
		t.Error("the failed start of a drain is not in the log")
	}
	f.engine.set(func(e *testEngine) { e.down = nil })
	if a := f.must(t, 200, "POST", "/v1/services/48080/resume", "").json(t); a["pausedAt"] != nil || a["draining"] != true {
		t.Errorf("resumed: %v", a)
	}
	if !slices.Equal(f.engine.drained, []int32{48080}) {
		t.Errorf("drained %v", f.engine.drained)
	}
	if a := f.do(t, "POST", "/v1/services/48072/pause", ""); a.status != 404 || !strings.Contains(string(a.body), "no utility") {
		t.Errorf("pause of a service: %d %s", a.status, a.body)
	}
}

func TestListCalls(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	f.must(t, 201, "POST", "/v1/projects/1001/documents", `{"id":913,"serviceId":48072}`)
	var ids []string // newest first
	for _, document := range []int{912, 913, 912} {
		a := f.must(t, 202, "POST", "/v1/calls", fmt.Sprintf(`{"documentId":%d}`, document))
		ids = append(callIDs(t, a), ids...)
	}
	f.deliver(t, forgehook.CallRef{Tenant: f.tenant, CallID: ids[0]})
	f.deliver(t, forgehook.CallRef{Tenant: f.tenant, CallID: ids[1]}) // skips: status and usage
	for _, row := range []struct {
		query string
		want  []string
	}{
		{"", ids}, {"documentId=913", ids[1:2]}, {"webHookServiceId=48080&status=accepted", ids[2:]}, {"status=completed", ids[:2]},
		{"outcome=skipped", ids[1:2]}, {"outcome=failed", nil}, {"webHookServiceId=5", nil}, {"from=2099-01-01", nil}, {"to=2099-01-01T00:00:00Z", ids},
		{"limit=2", ids[:2]},
	} {
		if got := callIDs(t, f.must(t, 200, "GET", "/v1/calls?"+row.query, "")); !slices.Equal(got, row.want) {
			t.Errorf("%s lists %v, want %v", row.query, got, row.want)
		}
	}
	next := f.must(t, 200, "GET", "/v1/calls?limit=2", "").json(t)["nextCursor"].(string)
	last := f.must(t, 200, "GET", "/v1/calls?limit=2&cursor="+next, "")
	if got := callIDs(t, last); !slices.Equal(got, ids[2:]) || last.json(t)["nextCursor"] != nil {
		t.Errorf("the second page is %s", last.body)
	}
}

// TestCreateCalls_engineIsSlow has the engine take nothing until the request is answered.
func TestCreateCalls_engineIsSlow(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	answered := make(chan struct{})
	f.engine.started = func(forgehook.CallStart) { <-answered }
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/calls", strings.NewReader(`{"serviceId":48072,"document":`+document+`}`))
	request.Header.Set("X-Api-Key", f.keys[forgehook.Owner])
	recorder := httptest.NewRecorder()
	f.handler.ServeHTTP(recorder, request)
	close(answered)
	if recorder.Code != http.StatusAccepted {
		t.Errorf("the response is %d: %s", recorder.Code, recorder.Body)
	}
	f.handler.Settle()
	if len(f.engine.runs) != 1 {
		t.Errorf("the engine has the runs %v, want the call's", f.engine.runs)
	}
}

// TestTooLarge goes over real connections: what a client sees of a refusal while it still sends
// depends on them.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	server := httptest.NewServer(f.handler)
	t.Cleanup(server.Close)
	for _, path := range []string{"/v1/projects", "/v1/calls", "/v1/projects/1001/documents", "/v1/projects/1001/documents/import"} {
		for _, known := range []bool{true, false} {
			body := io.MultiReader(strings.NewReader(`{"name":"`), io.LimitReader(endless{}, 50<<20))
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, body)
			if err != nil {
				t.Fatal(err)
			}
			if known {
				request.ContentLength = 50<<20 + 9
			}
			request.Header.Set("X-Api-Key", f.keys[forgehook.Owner])
			response, err := server.Client().Do(request)
			if err != nil {
				t.Fatalf("%s, length known %v: %v", path, known, err)
			}
			text, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if response.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(text), problemPrefix+"too-large") {
				t.Errorf("%s, length known %v: %d %s", path, known, response.StatusCode, text)
			}
		}
	}
	f.must(t, 200, "PATCH", "/v1/projects/1001", `{"comment":"`+strings.Repeat("x", maxBody-100)+`"}`)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// Settle and starts may meet in any order.
func TestSettle_besideStarts(t *testing.T) {
	t.Parallel()
	f := setup(t)
	s := f.handler.server
	var both sync.WaitGroup
	for range 100 {
		both.Go(func() { s.start(t.Context(), &request{}, []forgehook.CallStart{{}}) })
		both.Go(f.handler.Settle)
	}
	both.Wait()
	f.handler.Settle()
	if n := len(f.engine.runs); n != 1 {
		t.Errorf("the engine has %d runs, want the one that was started again and again", n)
	}
}
