package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
)

// runs has the engine run what is started, as a worker would: batch by batch, each call delivered.
func (f *fixture) runs(t *testing.T) {
	t.Helper()
	f.engine.set(func(e *testEngine) {
		e.ran = func(s forgehook.RunStart) {
			go func() {
				for {
					batch, err := f.db.AcceptBatch(t.Context(), s.RunRef, time.Now())
					if err != nil {
						t.Error(err)
						return
					}
					for _, start := range batch.Starts {
						f.deliver(t, forgehook.CallRef{Tenant: start.Tenant, CallID: start.CallID})
					}
					if batch.Outcome != "" {
						return
					}
				}
			}()
		}
	})
}

func (f *fixture) begun() []forgehook.RunStart {
	f.engine.mu.Lock()
	defer f.engine.mu.Unlock()
	return slices.Clone(f.engine.begun)
}

func (f *fixture) woken() []forgehook.Wake {
	f.engine.mu.Lock()
	defer f.engine.mu.Unlock()
	return slices.Clone(f.engine.woken)
}

func TestEvents(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	f.must(t, 201, "POST", "/v1/projects/1001/documents", strings.Replace(document, "912", "913", 1))
	const path = "/v1/services/48072/events"
	open := f.must(t, 202, "POST", path, `{"type":"AFTERPROCESS","documentId":912}`, "Prefer: wait=0")
	if open.header.Get("Preference-Applied") != "wait=0" || open.json(t)["run"].(map[string]any)["type"] != "after_process" {
		t.Errorf("%v %s", open.header, open.body)
	}
	f.runs(t)
	for i, body := range []string{
		`{"type":"after_process","documentIds":[912,913]}`,
		`{"event":"AfterProcess","documents":[` + document + `,{"id":7,"status":10,"usage":3}]}`,
		`{"event":"after_process","document":` + document + `}`,
		`{"event":"after_process","documentId":913,"masterDocumentId":912}`,
	} {
		a := f.must(t, 200, "POST", path, body, "Prefer: wait=30").json(t)
		run := a["run"].(map[string]any)
		documents := 2.0
		if i > 1 {
			documents = 1
		}
		if run["outcome"] != "completed" || run["documents"] != documents || run["delivered"] != documents || len(a["calls"].([]any)) != int(documents) {
			t.Errorf("%s: %v", body, a)
		}
		calls := f.must(t, 200, "GET", "/v1/calls?runId="+run["id"].(string), "")
		for _, call := range calls.json(t)["calls"].([]any) {
			if c := call.(map[string]any); c["runId"] != run["id"] || c["eventType"] != "after_process" || c["outcome"] != "delivered" {
				t.Errorf("call %v", c)
			}
		}
		got := f.must(t, 200, "GET", "/v1/runs/"+run["id"].(string), "", "Prefer: wait=5").json(t)
		if diff := cmp.Diff(run, got); diff != "" {
			t.Error(diff)
		}
	}
	// Nobody fires on it, so that nothing is started.
	before := len(f.begun())
	none := f.must(t, 200, "POST", path, `{"type":"before_process","documentId":912}`).json(t)
	if none["run"].(map[string]any)["outcome"] != "completed" || len(none["calls"].([]any)) != 0 || len(f.begun()) != before {
		t.Errorf("an event that fires nothing: %v", none)
	}
	if n := len(f.must(t, 200, "GET", "/v1/runs?status=completed&type=after_process", "").json(t)["runs"].([]any)); n != 4 {
		t.Errorf("%d runs, want 4", n)
	}
}

// TestEvents_input raises events with the raw JSON of a service that has an input.
func TestEvents_input(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	f.must(t, 200, "PATCH", "/v1/services/48072", `{"input":"{\"externalId\": source.no, \"status\": \"Processed\", \"usage\": \"Outbox\"}"}`)
	f.runs(t)
	const path = "/v1/services/48072/events"
	a := f.must(t, 200, "POST", path, `{"type":"after_process","documents":[{"no":"PO-8","z":1,"a":2},{"no":"PO-9"}]}`, "Prefer: wait=30", "Idempotency-Key: k")
	if run := a.json(t)["run"].(map[string]any); run["delivered"] != 2.0 {
		t.Errorf("%v", run)
	}
	again := f.must(t, 200, "POST", path, `{"documents":[{"no":"PO-8","a":2,"z":1},{"no":"PO-9"}],"type":"after_process"}`, "Idempotency-Key: k")
	if again.json(t)["run"].(map[string]any)["id"] != a.json(t)["run"].(map[string]any)["id"] {
		t.Errorf("the same again: %s", again.body)
	}
	if other := f.do(t, "POST", path, `{"documents":[{"no":"PO-8"}],"type":"after_process"}`, "Idempotency-Key: k"); other.problem() != "idempotency-key-reused" {
		t.Errorf("another event: %s", other.body)
	}
	faulty := f.do(t, "POST", path, `{"type":"after_process","documents":[{"no":"PO-8"},{"number":"PO-9"},7]}`)
	if got := append([]string{faulty.problem()}, faulty.places(t)...); !cmp.Equal(got, []string{"invalid", "body.documents[1]", "body.documents[2]"}) {
		t.Errorf("%s", faulty.body)
	}
}

// TestEvents_faults lists what is wrong with events, besides the golden story.
func TestEvents_faults(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	ids := strings.Repeat("912,", forgehook.MaxEventDocuments) + "912"
	for _, row := range []struct {
		body   string
		status int
		want   []string
	}{
		{`{"documentId":912}`, 422, []string{"invalid", "body.type"}},
		{`{"type":"after_process","event":"after_process","documentId":912}`, 422, []string{"invalid", "body.event"}},
		{`{"type":"call.completed","documentId":912}`, 422, []string{"invalid", "body.type"}},
		{`{"type":"after_process"}`, 422, []string{"invalid", "body.document"}},
		{`{"type":"after_process","documentId":912,"documentIds":[912]}`, 422, []string{"invalid", "body.document"}},
		{`{"type":"after_process","documentIds":[` + ids + `]}`, 422, []string{"invalid", "body.documentIds"}},
		{`{"type":"workitem","documentIds":[912],"workItemId":1}`, 422, []string{"invalid", "body.documents"}},
		{`{"type":"verification","documentId":912}`, 422, []string{"invalid", "body.verification"}},
		{`{"type":"workitem","documentId":912}`, 422, []string{"invalid", "body.workItem"}},
		{`{"type":"after_process","documentIds":[912,7,8]}`, 422, []string{"invalid", "body.documentIds[1]", "body.documentIds[2]"}},
		{`{"type":"after_process","documentId":7,"serviceId":48072}`, 422, []string{"invalid", "body.serviceId"}},
		{`[]`, 422, []string{"invalid", "body"}},
		{`null`, 422, []string{"invalid", "body"}},
		{`{`, 400, []string{"malformed-json"}},
	} {
		a := f.do(t, "POST", "/v1/services/48072/events", row.body)
		if got := append([]string{a.problem()}, a.places(t)...); a.status != row.status || !cmp.Equal(got, row.want) {
			t.Errorf("%.100s: %d %.600s", row.body, a.status, a.body)
		}
	}
}

// TestEvents_engineDown accepts all the same.
func TestEvents_engineDown(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	f.engine.set(func(e *testEngine) { e.down = errDown })
	run := f.must(t, 202, "POST", "/v1/services/48072/events", `{"type":"after_process","documentId":912}`).json(t)["run"].(map[string]any)["id"].(string)
	if !strings.Contains(f.log.String(), "left to the sweep: what a change has raised") {
		t.Errorf("log %s", f.log)
	}
	if a := f.do(t, "POST", "/v1/runs/"+run+"/cancel", ""); a.status != 503 {
		t.Errorf("cancel: %d %s", a.status, a.body)
	}
	f.engine.set(func(e *testEngine) { e.down = nil }) // it is back, and knows nothing of the run
	if a := f.must(t, 202, "POST", "/v1/runs/"+run+"/cancel", "").json(t); a["outcome"] != "canceled" {
		t.Errorf("canceled: %v", a)
	}
}

// TestCauses changes what is stored, as others and as the endpoint of a call: only the former fires
// the utility again.
func TestCauses(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	f.must(t, 200, "PATCH", "/v1/services/48080/settings", `{"executeOnTrigger":["document.created","document.updated","document.deleted","workitem"]}`)
	call := f.must(t, 202, "POST", "/v1/calls", `{"webHookServiceId":48080,"documentId":912}`).json(t)["calls"].([]any)[0].(map[string]any)
	id, webhookID := call["id"].(string), call["webhookId"].(string)
	trace := strings.ReplaceAll(id, "-", "")
	number := 5000
	for _, header := range []struct {
		text   string
		caused bool
	}{
		{"X-Nothing: 1", false},
		{"Forgehook-Cause: " + id, true},
		{"Forgehook-Cause: " + strings.ToUpper(id), true},
		{"Forgehook-Cause: " + webhookID, true},
		{"traceparent: 00-" + trace + "-0123456789abcdef-01", true},
		{"traceparent: cc-" + trace + "-0123456789abcdef-01-what-comes", true},
		{"traceparent: 00-" + trace, false},
		{"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-0123456789abcdef-01", false},
		{"Forgehook-Cause: 0193a5c2-7d3e-7a51-9c1e-5b8f0d2e4a67", false},
		{"Forgehook-Cause: \x00\xff", false},
		{"Forgehook-Cause: " + strings.Repeat("x", 1000), false},
	} {
		number++
		doc := fmt.Sprintf(`{"id":%d,"serviceId":48072}`, number)
		item := fmt.Sprintf(`{"id":%d,"serviceId":48072,"documentId":912}`, number)
		for _, change := range []struct {
			status                   int
			method, path, body, what string
		}{
			{201, "POST", "/v1/projects/1001/documents", doc, "document.created"},
			{200, "POST", "/v1/projects/1001/documents", strings.Replace(doc, "{", `{"comment":"again",`, 1), "document.updated"},
			{200, "PATCH", fmt.Sprintf("/v1/documents/%d", number), `{"comment":"seen"}`, "document.updated"},
			{200, "POST", "/v1/projects/1001/documents/import", doc, "document.updated"},
			{204, "DELETE", fmt.Sprintf("/v1/documents/%d", number), "", "document.deleted"},
			{201, "POST", "/v1/projects/1001/work-items", item, "workitem"},
			{200, "PATCH", fmt.Sprintf("/v1/work-items/%d", number), `{"status":"Received"}`, "workitem"},
		} {
			before := len(f.begun())
			f.must(t, change.status, change.method, change.path, change.body, header.text)
			begun := f.begun()[before:]
			if header.caused && len(begun) > 0 || !header.caused && (len(begun) != 1 || string(begun[0].Type) != change.what) {
				t.Errorf("%s %s with %.80q raises %+v", change.method, change.path, header.text, begun)
			}
		}
		asked := f.must(t, 202, "POST", "/v1/calls", `{"webHookServiceId":48080,"documentId":912}`, header.text).json(t)["calls"].([]any)[0].(map[string]any)
		process := f.must(t, 202, "POST", fmt.Sprintf("/v1/work-items/%d/process", number), `{"webHookServiceId":48080}`, header.text).json(t)
		ofProcess := f.must(t, 200, "GET", "/v1/calls/"+process["callId"].(string), "").json(t)
		for what, got := range map[string]any{"calls": asked["causeId"], "process": ofProcess["causeId"]} {
			if header.caused && got != id || !header.caused && got != nil {
				t.Errorf("%s with %.80q: caused by %v", what, header.text, got)
			}
		}
		before := len(f.begun())
		f.must(t, 202, "POST", "/v1/services/48072/events", `{"type":"after_process","documentId":912}`, "X-Nothing: 1")
		if header.caused { // nobody else fires on it
			f.must(t, 200, "POST", "/v1/services/48072/events", `{"type":"after_process","documentId":912}`, header.text)
			before--
		}
		if n := len(f.begun()) - before; n != 1 && !header.caused || header.caused && n != 2 {
			t.Errorf("events with %.80q: %d runs", header.text, n)
		}
	}
}

// The response to an event lists the last calls of it, by number and by size.
func TestEvents_callsTruncated(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	f.runs(t)
	raise := func(n int, document string) map[string]any {
		body := `{"type":"after_process","documents":[` + strings.Repeat(","+document, n)[1:] + `]}`
		return f.must(t, 200, "POST", "/v1/services/48072/events", body, "Prefer: wait=60").json(t)
	}
	few := raise(3, `{"comment":"a"}`)
	if len(few["calls"].([]any)) != 3 || few["callsTruncated"] != nil {
		t.Errorf("3 calls: %d, %v", len(few["calls"].([]any)), few["callsTruncated"])
	}
	many := raise(201, `{"comment":"a"}`)
	if len(many["calls"].([]any)) != 200 || many["callsTruncated"] != true {
		t.Errorf("201 calls: %d, %v", len(many["calls"].([]any)), many["callsTruncated"])
	}
	f.engine.set(func(e *testEngine) { e.ran = nil })
	raiseLarge := func() map[string]any {
		body := `{"type":"after_process","documents":[{},{},{},{},{},{}]}`
		return f.must(t, 202, "POST", "/v1/services/48072/events", body, "Idempotency-Key: large").json(t)
	}
	ref := forgehook.RunRef{Tenant: f.tenant, RunID: raiseLarge()["run"].(map[string]any)["id"].(string)}
	batch, err := f.db.AcceptBatch(t.Context(), ref, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, start := range batch.Starts {
		ref := forgehook.CallRef{Tenant: start.Tenant, CallID: start.CallID}
		f.build(t, ref)
		started, err := f.db.StartAttempt(t.Context(), postgres.AttemptStart{Ref: ref, Now: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.db.RecordAttempt(t.Context(), postgres.AttemptEnd{
			Ref: ref, Number: started.Number, Exchange: forgehook.Exchange{StatusCode: 200}, Decision: forgehook.Decision{Verdict: forgehook.VerdictSuccess, Final: true},
			Reading: forgehook.Reading{Result: []byte(`"` + strings.Repeat("x", 1<<20-2) + `"`)}, Now: time.Now(),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	large := raiseLarge()
	calls := large["calls"].([]any)
	if len(calls) != 3 || large["callsTruncated"] != true || calls[2].(map[string]any)["id"] != batch.Starts[5].CallID {
		t.Errorf("6 large calls: %d, %v", len(calls), large["callsTruncated"])
	}
}

func TestHeld(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	f.must(t, 200, "PATCH", "/v1/services/48080/settings", `{"onFailure":"hold"}`)
	call := f.call(t)
	why := &forgehook.CallError{Code: "http_500", Message: "500 Internal Server Error"}
	if _, err := f.db.CompleteCall(t.Context(), call, forgehook.Failed, why, time.Now()); err != nil {
		t.Fatal(err)
	}
	if u := f.must(t, 200, "GET", "/v1/services/48080", "").json(t); u["heldBy"] != call.CallID || u["pausedAt"] == nil {
		t.Errorf("held: %v", u)
	}
	if a := f.do(t, "PATCH", "/v1/services/48080", `{"heldBy":null}`); a.status != 422 {
		t.Errorf("let go by hand: %d %s", a.status, a.body)
	}
	if u := f.must(t, 200, "POST", "/v1/services/48080/resume", "").json(t); u["heldBy"] != nil || u["pausedAt"] != nil {
		t.Errorf("resumed: %v", u)
	}
}
