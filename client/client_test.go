package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/forgehook/forgehook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// response is the API's response to one request.
type response struct {
	status  int
	headers map[string]string
	body    string
}

// request is a request as the API got it.
type request struct {
	method, path, key, idempotency, prefer, contentType, body string
}

// api gives one response after another, and repeats the last.
type api struct {
	*httptest.Server
	mu        sync.Mutex
	responses []response
	requests  []request
}

func setup(t *testing.T, responses ...response) (*api, *Client) {
	t.Helper()
	a := &api{responses: responses}
	a.Server = httptest.NewServer(a)
	c := New(a.URL+"/", "fh_key")
	t.Cleanup(func() {
		c.http.CloseIdleConnections()
		a.Close()
	})
	return a, c
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.requests = append(a.requests, request{
		r.Method, r.RequestURI, r.Header.Get("X-Api-Key"), r.Header.Get("Idempotency-Key"), r.Header.Get("Prefer"), r.Header.Get("Content-Type"), string(body),
	})
	say := a.responses[0]
	if len(a.responses) > 1 {
		a.responses = a.responses[1:]
	}
	a.mu.Unlock()
	if say.status == 0 { // no response at all
		panic(http.ErrAbortHandler)
	}
	for name, value := range say.headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(say.status)
	_, _ = io.WriteString(w, say.body)
}

func (a *api) got() []request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]request(nil), a.requests...)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(request{})); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

const oneCall = `{"calls":[{"id":"c-1","status":"completed","outcome":"delivered","attempts":1}],"notCalled":[{"webHookServiceId":7,"reason":"disabled"}]}`

func TestCallWebhook(t *testing.T) {
	t.Parallel()
	a, c := setup(t, response{status: 202, body: oneCall})
	webhook, document := int32(48100), int32(912)
	calls, err := c.CallWebhook(t.Context(), forgehook.CallRequest{WebHookServiceID: &webhook, DocumentID: &document},
		Options{IdempotencyKey: "run-1", Wait: 90 * time.Second})
	check(t, err)
	equal(t, "calls", calls, Calls{
		Calls:     []forgehook.Call{{ID: "c-1", Status: forgehook.CallCompleted, Outcome: new(forgehook.Delivered), Attempts: 1}},
		NotCalled: []forgehook.NotCalled{{WebHookServiceID: 7, Reason: "disabled"}},
	})
	got := a.got()
	var sent forgehook.CallRequest
	check(t, json.Unmarshal([]byte(got[0].body), &sent))
	equal(t, "body", sent, forgehook.CallRequest{WebHookServiceID: &webhook, DocumentID: &document})
	got[0].body = ""
	equal(t, "requests", got, []request{{"POST", "/v1/calls", "fh_key", "run-1", "wait=90", "application/json", ""}})
}

// A request without a key gets a new one, and every try of the request has the same.
func TestCallRaw_retries(t *testing.T) {
	t.Parallel()
	a, c := setup(t, response{status: 503, body: `{"title":"Unavailable"}`}, response{}, response{status: 429}, response{status: 202, body: oneCall})
	body := []byte(`{"documentId":1}`)
	calls, err := c.CallRaw(t.Context(), body, Options{})
	check(t, err)
	equal(t, "calls", len(calls.Calls), 1)
	key := a.got()[0].idempotency
	if key == "" {
		t.Fatal("no idempotency key was sent")
	}
	same := request{"POST", "/v1/calls", "fh_key", key, "", "application/json", string(body)}
	equal(t, "tries", a.got(), []request{same, same, same, same})
	_, err = c.CallRaw(t.Context(), body, Options{})
	check(t, err)
	if again := a.got()[4].idempotency; again == key || again == "" {
		t.Errorf("the next request has key %q, the previous one had %q", again, key)
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	post := func(c *Client) error {
		return c.Do(t.Context(), http.MethodPost, "/v1/projects", map[string]any{"name": "x"}, nil)
	}
	put := func(c *Client) error {
		return c.Do(t.Context(), http.MethodPut, "/v1/projects/1", map[string]any{"name": "x"}, nil)
	}
	get := func(c *Client) error { return c.Do(t.Context(), http.MethodGet, "/v1/projects", nil, nil) }
	keyed := func(c *Client) error {
		_, err := c.CallRaw(t.Context(), []byte(`{}`), Options{})
		return err
	}
	tests := []struct {
		name     string
		do       func(*Client) error
		response response
		tries    int
	}{
		{"a post without a key", post, response{status: 503}, 1},
		{"a post without a key that gets no response", post, response{}, 1},
		{"a put", put, response{status: 503}, 1},
		{"a get", get, response{status: 503}, tries},
		{"a get that is refused", get, response{status: 404}, 1},
		{"a keyed post", keyed, response{status: 500}, tries},
		{"a keyed post that is wrong", keyed, response{status: 422}, 1},
		{"a keyed post that conflicts", keyed, response{status: 409}, 1},
		{"a keyed post that gets no response", keyed, response{}, tries},
		{"a proxy whose JSON says other than its status", keyed, response{status: 502, body: `{"status":200}`}, tries},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, c := setup(t, tt.response)
			if err := tt.do(c); err == nil {
				t.Error("want an error")
			}
			equal(t, "tries", len(a.got()), tt.tries)
		})
	}
}

// A canceled caller gets the last response at once.
func TestRetries_canceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	a, c := setup(t, response{status: 503})
	c.http.Transport = after{c.http.Transport, cancel}
	_, err := c.CallRaw(ctx, []byte(`{}`), Options{})
	if err == nil {
		t.Error("want an error")
	}
	equal(t, "tries", len(a.got()), 1)
}

// after acts when a response has arrived.
type after struct {
	http.RoundTripper
	do func()
}

func (a after) RoundTrip(r *http.Request) (*http.Response, error) {
	defer a.do()
	return a.RoundTripper.RoundTrip(r)
}

func (a after) CloseIdleConnections() {
	a.RoundTripper.(*http.Transport).CloseIdleConnections()
}

func TestProblem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		response
		want Problem
		code forgehook.Code
		text string
	}{
		{"faults", response{422, map[string]string{"Content-Type": "application/problem+json"}, `{"type":"urn:forgehook:problem:invalid","title":"Invalid","status":422,"detail":"2 values are not allowed.",
			"errors":[{"location":"body.settings.webHook.url","message":"an absolute https URL","value":"x"},{"location":"body.name","message":"required"}]}`},
			Problem{Type: "urn:forgehook:problem:invalid", Title: "Invalid", Status: 422, Detail: "2 values are not allowed.", Errors: []Fault{
				{Location: "body.settings.webHook.url", Message: "an absolute https URL", Value: "x"}, {Location: "body.name", Message: "required"}}},
			forgehook.CodeInvalid,
			"422 Invalid: 2 values are not allowed.; body.settings.webHook.url: an absolute https URL; body.name: required"},
		{"no detail", response{404, nil, `{"type":"urn:forgehook:problem:not-found","title":"Not found","status":404}`},
			Problem{Type: "urn:forgehook:problem:not-found", Title: "Not found", Status: 404}, forgehook.CodeNotFound, "404 Not found"},
		{"a proxy's page", response{413, map[string]string{"Content-Type": "text/html"}, "<html>413 Request Entity Too Large</html>"},
			Problem{Title: "Request Entity Too Large", Status: 413}, "", "413 Request Entity Too Large"},
		{"nothing", response{401, nil, ""}, Problem{Title: "Unauthorized", Status: 401}, "", "401 Unauthorized"},
		{"a list", response{400, nil, `[1]`}, Problem{Title: "Bad Request", Status: 400}, "", "400 Bad Request"},
		{"a proxy's own JSON", response{403, nil, `{"status":"error","title":"","detail":"blocked"}`}, Problem{Title: "Forbidden", Status: 403, Detail: "blocked"}, "", "403 Forbidden: blocked"},
		{"another status in the body", response{403, nil, `{"status":599,"title":"Fine"}`}, Problem{Title: "Fine", Status: 403}, "", "403 Fine"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, c := setup(t, tt.response)
			problem, ok := errors.AsType[*Problem](c.Do(t.Context(), http.MethodPost, "/v1/projects", struct{}{}, nil))
			if !ok {
				t.Fatal("want a problem")
			}
			equal(t, "problem", *problem, tt.want)
			equal(t, "code", problem.Code(), tt.code)
			equal(t, "text", problem.Error(), tt.text)
		})
	}
}

// The client follows no redirect, which would send the key to another host and turn a POST into a
// GET.
func TestRedirect(t *testing.T) {
	t.Parallel()
	elsewhere, _ := setup(t, response{status: 200, body: oneCall})
	for _, status := range []int{301, 302, 307, 308} {
		a, c := setup(t, response{status: status, headers: map[string]string{"Location": elsewhere.URL + "/v1/calls"}})
		_, err := c.CallRaw(t.Context(), []byte(`{}`), Options{})
		if problem, ok := errors.AsType[*Problem](err); !ok || problem.Status != status {
			t.Errorf("%d: got %v", status, err)
		}
		equal(t, "tries", len(a.got()), 1)
	}
	equal(t, "requests that went elsewhere", elsewhere.got(), nil)
}

func TestUnreadableResponse(t *testing.T) {
	t.Parallel()
	_, c := setup(t, response{status: 200, body: "<html>"})
	var out struct{}
	err := c.Do(t.Context(), http.MethodPut, "/v1/x", nil, &out)
	if err == nil || !strings.Contains(err.Error(), "PUT /v1/x: unreadable response") {
		t.Errorf("got %v", err)
	}
	check(t, c.Do(t.Context(), http.MethodPut, "/v1/x", nil, nil)) // the body is not read
}

func TestDo(t *testing.T) {
	t.Parallel()
	a, c := setup(t, response{status: 201, body: `{"id":7}`}, response{status: 204})
	var made struct{ ID int32 }
	check(t, c.Do(t.Context(), http.MethodPost, "/v1/projects", map[string]any{"name": "x"}, &made))
	equal(t, "response", made.ID, 7)
	check(t, c.Do(t.Context(), http.MethodDelete, "/v1/projects/7", nil, &made))
	equal(t, "requests", a.got(), []request{
		{"POST", "/v1/projects", "fh_key", "", "", "application/json", `{"name":"x"}`}, {"DELETE", "/v1/projects/7", "fh_key", "", "", "", ""},
	})
	if err := c.Do(t.Context(), http.MethodPost, "/", func() {}, nil); err == nil {
		t.Error("invalid JSON was sent")
	}
}

func TestCall(t *testing.T) {
	t.Parallel()
	tests := []struct {
		wait   time.Duration
		prefer string
	}{{0, ""}, {30 * time.Second, "wait=30"}, {500 * time.Millisecond, "wait=1"}, {1500 * time.Millisecond, "wait=2"}}
	for _, tt := range tests {
		t.Run(tt.prefer, func(t *testing.T) {
			t.Parallel()
			a, c := setup(t, response{status: 200, body: `{"id":"c/1","status":"delivering"}`})
			call, err := c.Call(t.Context(), "c/1", tt.wait)
			check(t, err)
			equal(t, "call", call, forgehook.Call{ID: "c/1", Status: forgehook.CallDelivering})
			equal(t, "requests", a.got(), []request{{"GET", "/v1/calls/c%2F1", "fh_key", "", tt.prefer, "", ""}})
		})
	}
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	a, c := setup(t, response{status: 200, body: `{"attempts":[{"number":1,"state":"unknown"}],"nextCursor":"a b"}`},
		response{status: 200, body: `{"attempts":[{"number":2,"state":"finished","verdict":"success"}],"nextCursor":null}`})
	attempts, err := c.Attempts(t.Context(), "c-1")
	check(t, err)
	equal(t, "attempts", attempts, []forgehook.Attempt{
		{Number: 1, State: forgehook.AttemptUnknown}, {Number: 2, State: forgehook.AttemptFinished, Verdict: new(forgehook.VerdictSuccess)},
	})
	equal(t, "paths", []string{a.got()[0].path, a.got()[1].path}, []string{"/v1/calls/c-1/attempts", "/v1/calls/c-1/attempts?cursor=a+b"})
}
