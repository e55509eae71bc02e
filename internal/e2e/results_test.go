//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
)

// endpoint is the test's own external system. It records the requests it gets.
type endpoint struct {
	*httptest.Server
	mu  sync.Mutex
	got []received
}

type received struct {
	headers http.Header
	path    string
	body    []byte
}

func newEndpoint(t *testing.T, respond func(w http.ResponseWriter, r received)) *endpoint {
	t.Helper()
	e := &endpoint{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		x := received{r.Header.Clone(), r.Method + " " + r.URL.Path, body}
		e.mu.Lock()
		e.got = append(e.got, x)
		e.mu.Unlock()
		respond(w, x)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) all() []received {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]received(nil), e.got...)
}

func says(body string) func(http.ResponseWriter, received) {
	return func(w http.ResponseWriter, _ received) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
}

// attach adds a utility to the installation's service and returns its id.
func (in *installation) attach(name string, settings map[string]any) int32 {
	in.t.Helper()
	var first struct {
		ServiceID int32 `json:"serviceId"`
	}
	in.do("GET", fmt.Sprintf("/v1/services/%d", in.webhook), nil, &first)
	var utility struct{ ID int32 }
	in.do("POST", fmt.Sprintf("/v1/services/%d/utilities", first.ServiceID), map[string]any{"type": "WebHook", "name": name, "settings": settings}, &utility)
	return utility.ID
}

// example reads the settings of a documented example and points them at the test's endpoint.
func example(t *testing.T, name, url string) map[string]any {
	t.Helper()
	content, err := os.ReadFile("../../docs/examples/" + name + "/settings.json")
	if err != nil {
		t.Fatal(err)
	}
	var settings map[string]any
	if err := json.Unmarshal(content, &settings); err != nil {
		t.Fatal(err)
	}
	webHook := settings["webHook"].(map[string]any)
	_, rest, _ := strings.Cut(webHook["url"].(string), "example.com")
	webHook["url"] = url + rest
	return settings
}

func (in *installation) callOf(webhook int32) forgehook.Call {
	in.t.Helper()
	accepted, err := in.client.CallWebhook(in.t.Context(), forgehook.CallRequest{WebHookServiceID: &webhook, DocumentID: &in.document}, client.Options{Wait: 30 * time.Second})
	if err != nil {
		in.t.Fatal(err)
	}
	return accepted.Calls[0]
}

func (in *installation) stored() forgehook.Document {
	in.t.Helper()
	var document forgehook.Document
	in.do("GET", fmt.Sprintf("/v1/documents/%d", in.document), nil, &document)
	return document
}

// callsOf lists the calls of a utility.
func (in *installation) callsOf(webhook int32) []forgehook.Call {
	in.t.Helper()
	var list struct{ Calls []forgehook.Call }
	in.do("GET", fmt.Sprintf("/v1/calls?webHookServiceId=%d", webhook), nil, &list)
	return list.Calls
}

// TestResult_connector is the example of docs/events.md: a result reaches the platform, which is
// away at first.
func TestResult_connector(t *testing.T) {
	t.Parallel()
	in := install(t, map[string]any{})
	erp := newEndpoint(t, says(`{"id":"T-1","approved":true}`))
	asks := in.attach("ERP", map[string]any{
		"webHook": map[string]any{"url": erp.URL}, "documentProcessedStatus": nil,
		"response": map[string]any{"result": `{"ticket": response.json.id, "approved": response.json.approved}`},
	})
	var tries atomic.Int32
	platform := newEndpoint(t, func(w http.ResponseWriter, r received) {
		switch {
		case r.path != "PUT /api/Document/Update":
			w.WriteHeader(http.StatusNotFound)
		case r.headers.Get("X-Api-Key") != "the platform's key":
			w.WriteHeader(http.StatusUnauthorized)
		case tries.Add(1) == 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	settings := example(t, "connector", platform.URL)
	settings["webHook"].(map[string]any)["retryDelay"] = "00:00:00.1"
	connector := in.attach("Connector", settings)

	call := in.callOf(asks)
	if call.Outcome == nil || *call.Outcome != forgehook.Delivered || string(call.Result) != `{"ticket":"T-1","approved":true}` {
		t.Fatalf("the call that asks: %s, result %s", outcomeText(call), call.Result)
	}
	in.eventually("the connector has written back", func() bool {
		calls := in.callsOf(connector)
		return len(calls) == 1 && calls[0].Outcome != nil
	})
	made := in.callsOf(connector)[0]
	if *made.Outcome != forgehook.Delivered || made.Attempts != 2 || made.EventType != forgehook.EventCallCompleted || made.CauseID == nil || *made.CauseID != call.ID {
		t.Errorf("the connector's call: %+v", made)
	}
	var sent struct {
		ID     int32
		Status int
		Result string
	}
	all := platform.all()
	if err := json.Unmarshal(all[len(all)-1].body, &sent); err != nil {
		t.Fatal(err)
	}
	if sent.ID != in.document || sent.Status != 10 || sent.Result != `{"ticket":"T-1","approved":true}` {
		t.Errorf("the platform got %s", all[len(all)-1].body)
	}
}

// TestResult_chat is the other example: a channel hears that a webhook is held, and that it
// delivers again.
func TestResult_chat(t *testing.T) {
	t.Parallel()
	in := install(t, map[string]any{})
	broken := newEndpoint(t, func(w http.ResponseWriter, _ received) { w.WriteHeader(http.StatusBadRequest) })
	held := in.attach("ERP", map[string]any{"webHook": map[string]any{"url": broken.URL}, "onFailure": "hold"})
	channel := newEndpoint(t, func(http.ResponseWriter, received) {})
	in.attach("Chat", example(t, "chat", channel.URL))

	call := in.callOf(held)
	if call.Outcome == nil || *call.Outcome != forgehook.Failed {
		t.Fatalf("the call: %s", outcomeText(call))
	}
	texts := func() []string {
		var list []string
		for _, r := range channel.all() {
			var said struct{ Text string }
			_ = json.Unmarshal(r.body, &said)
			list = append(list, said.Text)
		}
		return list
	}
	in.eventually("the channel hears of the hold", func() bool { return len(texts()) == 1 })
	var utility struct{ HeldBy *string }
	in.do("GET", fmt.Sprintf("/v1/services/%d", held), nil, &utility)
	if utility.HeldBy == nil || *utility.HeldBy != call.ID {
		t.Errorf("the utility is held by %v, want %s", utility.HeldBy, call.ID)
	}
	in.do("POST", fmt.Sprintf("/v1/services/%d/resume", held), nil, nil)
	in.eventually("the channel hears of the recovery", func() bool { return len(texts()) == 2 })
	want := []string{
		fmt.Sprintf("Webhook %d is held. Document e2e.pdf: 400 Bad Request. Resume it when the endpoint is mended; calls wait.", held),
		fmt.Sprintf("Webhook %d delivers again.", held),
	}
	if diff := cmp.Diff(want, texts()); diff != "" {
		t.Errorf("the channel (-want +got):\n%s", diff)
	}
}

func outcomeText(c forgehook.Call) string {
	if c.Outcome == nil {
		return string(c.Status)
	}
	if c.Error != nil {
		return fmt.Sprintf("%s %s: %s", *c.Outcome, c.Error.Code, c.Error.Message)
	}
	return string(*c.Outcome)
}

// callBack posts to a callback URL without a key, as an endpoint does.
func callBack(t *testing.T, url, body string) (status int, code string) {
	t.Helper()
	response, err := http.Post(url, "application/json", strings.NewReader(body)) //nolint:noctx // a test's own server
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read to its end
	var problem struct{ Type string }
	_ = json.NewDecoder(response.Body).Decode(&problem)
	return response.StatusCode, strings.TrimPrefix(problem.Type, "urn:forgehook:problem:")
}

// TestResult_callback covers the ways in which a wait for a callback may end. The worker is killed
// during the wait.
func TestResult_callback(t *testing.T) {
	t.Parallel()
	in := install(t, map[string]any{})
	urls := make(chan string, 20)
	var early atomic.Bool
	takes := newEndpoint(t, func(w http.ResponseWriter, r received) {
		url := r.headers.Get("Forgehook-Callback-Url")
		var payload struct{ CallbackURL string }
		if err := json.Unmarshal(r.body, &payload); err != nil || payload.CallbackURL != url || url == "" {
			t.Errorf("header %q, payload %q (%v)", url, payload.CallbackURL, err)
		}
		if early.Load() {
			if status, _ := callBack(t, url, `{"result":"before my response"}`); status != http.StatusOK {
				t.Errorf("an early callback: %d", status)
			}
			w.WriteHeader(http.StatusBadGateway) // its response no longer counts
		}
		urls <- url
	})
	settings := func(timeout string) map[string]any {
		return map[string]any{
			"webHook": map[string]any{"url": takes.URL}, "callback": map[string]any{"await": true, "timeout": timeout},
			"response": map[string]any{"writeBack": map[string]any{"document": map[string]any{"comment": "result"}}},
		}
	}
	waits := in.attach("Waits", settings("1.00:00:00"))
	accept := func(webhook int32) forgehook.Call {
		accepted, err := in.client.CallWebhook(t.Context(), forgehook.CallRequest{WebHookServiceID: &webhook, DocumentID: &in.document}, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return accepted.Calls[0]
	}

	call := accept(waits)
	url := <-urls
	in.await(call.ID, "the call awaits its callback", func(c forgehook.Call) bool { return c.Status == forgehook.CallAwaiting && c.CallbackUntil != nil })
	in.worker.kill()
	if status, code := callBack(t, url[:len(url)-2]+"AA", `{"result":1}`); status != http.StatusNotFound {
		t.Errorf("a forged callback: %d %s", status, code)
	}
	if status, code := callBack(t, url, `{"result":{"not":"a text"}}`); status != http.StatusUnprocessableEntity {
		t.Errorf("a callback that cannot be written back: %d %s", status, code)
	}
	if status, _ := callBack(t, url, `{"result":"three weeks later"}`); status != http.StatusOK {
		t.Errorf("a callback in time: %d", status)
	}
	if status, code := callBack(t, url, `{"result":"again"}`); status != http.StatusConflict || code != "callback-used" {
		t.Errorf("a second callback: %d %s", status, code)
	}
	in.worker = in.start("worker")
	ended := in.ended(call.ID)
	if *ended.Outcome != forgehook.Delivered || string(ended.Result) != `"three weeks later"` {
		t.Errorf("in time: %s, result %s", outcomeText(ended), ended.Result)
	}
	if d := in.stored(); d.Comment == nil || *d.Comment != "three weeks later" {
		t.Errorf("the document's comment is %v", d.Comment)
	}
	in.eventually("the workflow ends too", func() bool {
		described, err := in.temporal.DescribeWorkflowExecution(t.Context(), call.WorkflowID, "")
		return err == nil && described.GetWorkflowExecutionInfo().GetCloseTime() != nil
	})

	early.Store(true)
	call = accept(waits)
	<-urls
	if ended = in.ended(call.ID); *ended.Outcome != forgehook.Delivered || string(ended.Result) != `"before my response"` || ended.Attempts != 1 {
		t.Errorf("early: %s, result %s, %d attempts", outcomeText(ended), ended.Result, ended.Attempts)
	}
	early.Store(false)

	call = accept(waits)
	url = <-urls
	if status, _ := callBack(t, url, `{"outcome":"failed","error":"budget exceeded"}`); status != http.StatusOK {
		t.Errorf("a callback that fails: %d", status)
	}
	if ended = in.ended(call.ID); *ended.Outcome != forgehook.Failed || ended.Error.Message != "budget exceeded" {
		t.Errorf("failed: %s", outcomeText(ended))
	}

	lost := in.attach("Lost", settings("00:00:01"))
	call = accept(lost)
	url = <-urls
	if ended = in.ended(call.ID); *ended.Outcome != forgehook.Expired || ended.Error.Code != "callback_timeout" {
		t.Errorf("lost: %s", outcomeText(ended))
	}
	if status, code := callBack(t, url, `{"result":1}`); status != http.StatusGone || code != "callback-expired" {
		t.Errorf("a late callback: %d %s", status, code)
	}
	for _, shown := range []string{"/v1/calls/" + call.ID, "/v1/calls/" + call.ID + "/request", "/v1/calls/" + call.ID + "/attempts"} {
		var raw json.RawMessage
		in.do("GET", shown, nil, &raw)
		if token := url[strings.LastIndex(url, "/")+1:]; bytes.Contains(raw, []byte(token)) {
			t.Errorf("%s shows the token", shown)
		}
	}
}

// TestResult_writtenOnce kills the worker while it records a response with a write-back, which is
// written once.
func TestResult_writtenOnce(t *testing.T) {
	t.Parallel()
	in := install(t, map[string]any{})
	var responses atomic.Int32
	erp := newEndpoint(t, func(w http.ResponseWriter, _ received) {
		fmt.Fprintf(w, `{"n":%d}`, responses.Add(1))
	})
	writes := in.attach("Writes", map[string]any{
		"webHook":  map[string]any{"url": erp.URL},
		"response": map[string]any{"result": "response.json.n", "writeBack": map[string]any{"document": map[string]any{"comment": "text(doc.comment) + '+' + string(response.json.n)"}}},
	})
	accepted, err := in.client.CallWebhook(t.Context(), forgehook.CallRequest{WebHookServiceID: &writes, DocumentID: &in.document}, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	call := accepted.Calls[0]
	in.eventually("the endpoint has responded", func() bool { return responses.Load() == 1 })
	in.worker.kill()
	in.worker = in.start("worker")
	ended := in.ended(call.ID)
	d := in.stored()
	if *ended.Outcome != forgehook.Delivered || d.Comment == nil || *d.Comment != "+"+string(ended.Result) || len(ended.Changes) == 0 {
		t.Errorf("%s, result %s, changes %+v, comment %v", outcomeText(ended), ended.Result, ended.Changes, d.Comment)
	}
}

// TestNoLoops tries to make a utility fire itself, in six ways.
func TestNoLoops(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		fires  any
		change map[string]any // of the utility that must not fire again
		other  map[string]any // of a second utility; nil: none
		patch  string         // the header with which the endpoint patches the document; "": no patch
		most   int32          // calls of the utility; 0: one
	}{
		{name: "its processed status", fires: true, change: map[string]any{"documentProcessedStatus": "Processed"}},
		{name: "its write-back", fires: true, change: map[string]any{"response": map[string]any{"writeBack": map[string]any{"document": map[string]any{"comment": "text(doc.comment) + '!'"}}}}},
		{name: "two that write in turns", fires: true, most: 2, // once for the change, once for the other's write
			change: map[string]any{"response": map[string]any{"writeBack": map[string]any{"document": map[string]any{"comment": "text(doc.comment) + 'a'"}}}},
			other:  map[string]any{"executeOnTrigger": true, "response": map[string]any{"writeBack": map[string]any{"document": map[string]any{"comment": "text(doc.comment) + 'b'"}}}}},
		{name: "each other's ends", fires: []string{"document.updated", "call.completed"},
			other: map[string]any{"executeOnTrigger": []string{"call.completed"}}},
		{name: "the endpoint's own change", fires: true, patch: "traceparent"},
		{name: "the endpoint's own change, named", fires: true, patch: "Forgehook-Cause"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			in := install(t, map[string]any{})
			var calls, others atomic.Int32
			reacts := newEndpoint(t, func(_ http.ResponseWriter, r received) {
				n := calls.Add(1)
				if test.patch != "" && n < 5 {
					in.patchAs(test.patch, r, fmt.Sprintf(`{"comment":"seen %d times"}`, n))
				}
			})
			watches := newEndpoint(t, func(http.ResponseWriter, received) { others.Add(1) })
			common := map[string]any{"executeAfterProcess": false, "documentProcessedStatus": nil, "document": map[string]any{"status": nil, "usage": nil}}
			settings := merge(merge(map[string]any{"webHook": map[string]any{"url": reacts.URL}, "executeOnTrigger": test.fires}, common), test.change)
			webhook := in.attach("Reacts", settings)
			utilities := []int32{webhook}
			if test.other != nil {
				utilities = append(utilities, in.attach("Other", merge(merge(map[string]any{"webHook": map[string]any{"url": watches.URL}}, common), test.other)))
			}
			in.do("PATCH", fmt.Sprintf("/v1/documents/%d", in.document), map[string]any{"comment": "changed"}, nil)
			in.eventually("the change fires it", func() bool { return calls.Load() > 0 })
			in.eventually("all that follows has ended", func() bool {
				open := 0
				for _, utility := range utilities {
					for _, c := range in.callsOf(utility) {
						if c.Outcome == nil {
							open++
						}
					}
				}
				var runs struct{ Runs []forgehook.Run }
				in.do("GET", "/v1/runs", nil, &runs)
				for _, r := range runs.Runs {
					if r.Status != forgehook.RunCompleted {
						open++
					}
				}
				return open == 0
			})
			if calls.Load() > max(test.most, 1) {
				t.Errorf("it was called %d times", calls.Load())
			}
			if test.other != nil && (others.Load() < 1 || others.Load() > 2) {
				t.Errorf("the other was called %d times", others.Load())
			}
		})
	}
}

// patchAs patches the document as an endpoint does that passes on what it received.
func (in *installation) patchAs(header string, r received, body string) {
	value := r.headers.Get(header)
	if header == "Forgehook-Cause" {
		value = r.headers.Get("webhook-id")
	}
	request, err := http.NewRequestWithContext(in.t.Context(), http.MethodPatch,
		fmt.Sprintf("http://%s/v1/documents/%d", in.value("FORGEHOOK_HTTP_ADDR"), in.document), strings.NewReader(body))
	if err != nil {
		in.t.Error(err)
		return
	}
	request.Header = http.Header{"Content-Type": {"application/json"}, "X-Api-Key": {in.key}, header: {value}}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		in.t.Error(err)
		return
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		in.t.Errorf("PATCH: %s", response.Status)
	}
}
