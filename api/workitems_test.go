package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

// withItem seeds, and makes work item 77 about document 912.
func (f *fixture) withItem(t *testing.T) {
	t.Helper()
	f.seed(t)
	f.must(t, 201, "POST", "/v1/projects/1001/work-items", `{"id":77,"documentId":912,"status":"Created"}`)
}

func TestProcess_ofCall(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.withItem(t)
	call := f.call(t)
	body := fmt.Sprintf(`{"callId":%q,"onDue":"reject","dueDate":"2099-01-01T00:00:00Z"}`, strings.ToUpper(call.CallID))
	process := f.must(t, 202, "POST", "/v1/work-items/77/process", body, "Prefer: wait=0").json(t)
	if process["callId"] != call.CallID || process["onDue"] != "reject" || process["dueAt"] != "2099-01-01T00:00:00.000Z" {
		t.Errorf("%v", process)
	}
	workflow := process["workflowId"].(string)
	if f.engine.waiting[0] != strings.TrimPrefix(workflow, "work-item/") {
		t.Errorf("started %v", f.engine.waiting)
	}
	f.must(t, 202, "POST", "/v1/work-items/77/process", body)
	for _, other := range []string{`"onDue":"wait","dueDate":"2099-01-01T00:00:00Z"`, `"onDue":"reject"`, `"onDue":"reject","dueDate":"2099-01-02T00:00:00Z"`} {
		a := f.do(t, "POST", "/v1/work-items/77/process", fmt.Sprintf(`{"callId":%q,%s}`, call.CallID, other))
		if a.problem() != "conflict" || !strings.Contains(string(a.body), "onDue reject and dueDate 2099-01-01T00:00:00.000Z") {
			t.Errorf("asked for otherwise: %d %s", a.status, a.body)
		}
	}
	if other := f.call(t); f.do(t, "POST", "/v1/work-items/77/process", fmt.Sprintf(`{"callId":%q}`, other.CallID)).status != 409 {
		t.Error("it waits for two calls")
	}

	f.must(t, 200, "PATCH", "/v1/work-items/77", `{"status":"Completed"}`)
	woken := f.woken()
	if len(woken) != 1 || woken[0].WorkflowID != workflow || woken[0].Signal != forgehook.ItemChangedSignal {
		t.Errorf("woken %+v", woken)
	}
	f.engine.set(func(e *testEngine) { e.runs = nil }) // no run of the call: the API gives the outcome, and tells who waits
	f.must(t, 202, "POST", "/v1/calls/"+call.CallID+"/cancel", "")
	if woken = f.woken(); len(woken) != 2 || woken[1].Signal != forgehook.CallEndedSignal || !strings.Contains(string(woken[1].Payload), call.CallID) {
		t.Errorf("woken %+v", woken)
	}
	if owed, err := f.db.OldWakes(t.Context(), time.Now().Add(time.Hour), 10); err != nil || len(owed) > 0 {
		t.Errorf("still owed: %+v, %v", owed, err)
	}
	f.must(t, 204, "DELETE", "/v1/work-items/77", "")
	if woken = f.woken(); len(woken) != 3 || woken[2].Signal != forgehook.ItemChangedSignal {
		t.Errorf("woken %+v", woken)
	}
}

func TestProcess_ofUtility(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.withItem(t)
	const path = "/v1/work-items/77/process"
	long := strings.Repeat("ü", 250)
	body := fmt.Sprintf(`{"webHookServiceId":48080,"reason":%q}`, long)
	process := f.must(t, 202, "POST", path, body).json(t)
	id := process["callId"].(string)
	call := f.must(t, 200, "GET", "/v1/calls/"+id, "").json(t)
	if call["workItemId"] != 77.0 || call["documentId"] != 912.0 || call["reason"] != long || !f.engine.has(id) {
		t.Errorf("the call is %v", call)
	}
	if again := f.must(t, 202, "POST", path, body).json(t); again["callId"] != id {
		t.Errorf("the same again: %v", again)
	}
	if a := f.do(t, "POST", path, `{"webHookServiceId":48080,"reason":"another"}`); a.problem() != "conflict" {
		t.Errorf("another while it waits: %s", a.body)
	}
	f.must(t, 201, "POST", "/v1/services/48072/utilities", fmt.Sprintf(`{"type":"WebHook","id":48081,"name":"Second","settings":{"webHook":{"url":%q}}}`, webhookURL))
	if a := f.do(t, "POST", path, fmt.Sprintf(`{"webHookServiceId":48081,"reason":%q}`, long)); a.problem() != "idempotency-key-reused" {
		t.Errorf("the reason for another utility: %s", a.body)
	}
	if n := len(f.must(t, 200, "GET", "/v1/calls?workItemId=77", "").json(t)["calls"].([]any)); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
	for _, row := range []struct {
		path, body string
		status     int
		want       []string
	}{
		{path, `{}`, 422, []string{"invalid", "body.callId"}},
		{path, `{"callId":"7"}`, 422, []string{"invalid", "body.callId"}},
		{path, `{"webHookServiceId":7,"reason":"` + strings.Repeat("x", 501) + `","dueDate":"soon"}`, 422, []string{"invalid", "body.dueDate", "body.reason"}},
		{"/v1/work-items/78/process", `{"webHookServiceId":48080}`, 404, []string{"not-found"}},
		{"/v1/work-items/78/process", `{`, 400, []string{"malformed-json"}},
	} {
		a := f.do(t, "POST", row.path, row.body)
		if got := append([]string{a.problem()}, a.places(t)...); a.status != row.status || !cmp.Equal(got, row.want) {
			t.Errorf("%.80s: %d %s", row.body, a.status, a.body)
		}
	}
	f.must(t, 201, "POST", "/v1/projects/1001/work-items", `{"id":79,"documentId":912}`)
	for body, place := range map[string]string{
		`{"webHookServiceId":7}`:                            "body.webHookServiceId",
		`{"callId":"0193a5c2-7d3e-7a51-9c1e-5b8f0d2e4a67"}`: "body.callId",
	} {
		a := f.do(t, "POST", "/v1/work-items/79/process", body)
		if got := a.places(t); a.status != 422 || !slices.Equal(got, []string{place}) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := f.do(t, "GET", "/v1/work-items/79/process", ""); a.status != 404 {
		t.Errorf("no process: %d %s", a.status, a.body)
	}
}

// A repeated request for a process of a utility that differs does not touch its call.
func TestProcess_ofUtilityAskedForOtherwise(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.withItem(t)
	id := f.must(t, 202, "POST", "/v1/work-items/77/process", `{"webHookServiceId":48080,"onDue":"escalate"}`).json(t)["callId"].(string)
	if a := f.do(t, "POST", "/v1/work-items/77/process", `{"webHookServiceId":48080}`); a.problem() != "conflict" {
		t.Errorf("another onDue: %d %s", a.status, a.body)
	}
	if call := f.must(t, 200, "GET", "/v1/calls/"+id, "").json(t); call["outcome"] != nil {
		t.Errorf("the call has ended: %v", call)
	}
}

func TestWorkItems_ownParent(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.withItem(t)
	for _, a := range []reply{
		f.do(t, "POST", "/v1/projects/1001/work-items", `{"id":78,"workItemId":78}`), f.do(t, "PATCH", "/v1/work-items/77", `{"workItemId":77}`),
	} {
		if got := a.places(t); a.status != 422 || !slices.Equal(got, []string{"body.workItemId"}) {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
}

// TestProcess_waits waits for the end of a process.
func TestProcess_waits(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.withItem(t)
	answers := make(chan reply)
	go func() {
		answers <- f.do(t, "POST", "/v1/work-items/77/process", `{"webHookServiceId":48080}`, "Prefer: wait=30")
	}()
	var process forgehook.WorkItemProcess
	for process.CallID == "" {
		process, _, _ = f.db.Process(t.Context(), f.tenant, 77)
	}
	_, ref, err := f.db.Process(t.Context(), f.tenant, 77)
	if err != nil {
		t.Fatal(err)
	}
	f.deliver(t, forgehook.CallRef{Tenant: f.tenant, CallID: process.CallID})
	f.endProcess(t, ref, forgehook.ProcessAnswered)
	if a := <-answers; a.status != 200 || a.json(t)["outcome"] != "answered" || a.json(t)["callOutcome"] != "delivered" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := f.must(t, 200, "GET", "/v1/work-items/77/process", "", "Prefer: wait=5"); a.json(t)["outcome"] != "answered" {
		t.Errorf("%s", a.body)
	}
}
