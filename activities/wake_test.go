package activities

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/outbound/zoo"
	"github.com/forgehook/forgehook/workflows"
)

var notThere = &forgehook.Error{Code: forgehook.CodeNotFound, Detail: "There is no running workflow."}

// awaited is a call that two workflows await.
func (b bundle) awaited(t *testing.T, change ...func(*forgehook.Settings)) forgehook.Call {
	t.Helper()
	call := b.ready(t, change...)
	for _, id := range []string{"order/1", "order/2"} {
		_, err := b.DB.AwaitCall(t.Context(), b.ref(call), id)
		check(t, err)
	}
	return call
}

func ended(t *testing.T, b bundle, workflowID string, result workflows.CallResult) forgehook.Wake {
	t.Helper()
	payload, err := json.Marshal(result)
	check(t, err)
	return forgehook.Wake{Tenant: b.tenant, WorkflowID: workflowID, Signal: workflows.CallEndedSignal, Payload: payload}
}

var whicheverWake = cmpopts.IgnoreFields(forgehook.Wake{}, "ID")

func TestWakeWaiters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.awaited(t, to(zoo.OK(t)))
	got, err := b.deliver(t, call)
	check(t, err)
	equal(t, "somebody waits", got.Wake, true)
	again, err := run[workflows.CallResult](t, b, b.CompleteCall, workflows.CompleteInput{CallRef: b.ref(call)})
	check(t, err)
	equal(t, "and still does", again.Wake, true)

	end := workflows.CallResult{CallID: call.ID, Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 1}
	b.engine.refuses = map[string]error{"order/1": notThere} // it has ended and is owed nothing
	for range 2 {
		_, err = run[any](t, b, b.WakeWaiters, b.ref(call))
		check(t, err)
	}
	equal(t, "woken", b.engine.woken, []forgehook.Wake{ended(t, b, "order/2", end)}, whicheverWake)
	again, err = run[workflows.CallResult](t, b, b.CompleteCall, workflows.CompleteInput{CallRef: b.ref(call)})
	check(t, err)
	equal(t, "nobody waits any more", again, end)
}

// Most calls have no waiters, so their workflows skip the step.
func TestWakeWaiters_nobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.ready(t, to(zoo.OK(t)))
	got, err := b.deliver(t, call)
	check(t, err)
	equal(t, "somebody waits", got.Wake, false)
	_, err = run[any](t, b, b.WakeWaiters, b.ref(call))
	check(t, err)
	equal(t, "woken", b.engine.woken, nil)
}

// The engine goes away between the end and the signals: the step fails, and the sweep sends what is
// still owed. A workflow that is gone is owed nothing, and does not delay the others.
func TestWakeWaiters_gone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.awaited(t, to(zoo.OK(t)))
	_, err := b.deliver(t, call)
	check(t, err)
	b.engine.refuses = map[string]error{"order/1": notThere}
	_, err = run[any](t, b, b.WakeWaiters, b.ref(call))
	check(t, err)
	owed, err := b.DB.Wakes(t.Context(), b.ref(call))
	check(t, err)
	equal(t, "owed still", owed, nil)
	end := workflows.CallResult{CallID: call.ID, Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 1}
	equal(t, "woken", b.engine.woken, []forgehook.Wake{ended(t, b, "order/2", end)}, whicheverWake)
}

func TestWakeWaiters_engineAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.awaited(t, to(zoo.OK(t)))
	_, err := b.deliver(t, call)
	check(t, err)
	b.engine.refuses = map[string]error{"order/1": &forgehook.Error{Code: forgehook.CodeUnavailable, Err: errors.New("dial 10.0.0.7")}}
	_, err = run[any](t, b, b.WakeWaiters, b.ref(call))
	equal(t, "error", failed(t, err), failure{Type: "unavailable", Message: "wake who awaits the call failed: unavailable"})
	equal(t, "woken", b.engine.woken, nil)

	b.engine.refuses = nil
	result, err := b.sweep(t)
	check(t, err)
	equal(t, "woken before it is late", result.Woken, 0)
	b.Now = func() time.Time { return b.at.Add(10 * time.Second) }
	result, err = b.sweep(t)
	check(t, err)
	equal(t, "woken by the sweep", result.Woken, 2)
	end := workflows.CallResult{CallID: call.ID, Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 1}
	equal(t, "woken", b.engine.woken, []forgehook.Wake{ended(t, b, "order/1", end), ended(t, b, "order/2", end)}, whicheverWake)
	result, err = b.sweep(t)
	check(t, err)
	equal(t, "woken twice", result.Woken, 0)
}

// A workflow accepts calls, is told their ends, and reads their results.
func TestAcceptCalls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.utility(t, to(says(t, 200, `{"id":4711}`)), func(s *forgehook.Settings) { s.Response.Result = new(`response.json`) })
	off := b.utility(t, func(s *forgehook.Settings) { s.Enabled = false })
	in := workflows.AcceptInput{WorkflowID: "order/1", RequestInput: workflows.RequestInput{
		Tenant: b.tenant, IdempotencyKey: "k1", Request: forgehook.CallRequest{ServiceID: &b.service.ID, DocumentID: &b.document.ID},
	}}
	b.engine.refuses = map[string]error{"": errors.New("away")} // left to the sweep
	got, err := run[workflows.Accepted](t, b, b.AcceptCalls, in)
	check(t, err)
	if len(got.Calls) != 1 || got.Calls[0].Outcome != "" {
		t.Fatalf("accepted %+v", got)
	}
	equal(t, "not called", got.NotCalled, []forgehook.NotCalled{{WebHookServiceID: off.ID, Reason: "disabled"}})
	b.engine.refuses = nil
	again, err := run[workflows.Accepted](t, b, b.AcceptCalls, in)
	check(t, err)
	equal(t, "the same once more", again, got)
	equal(t, "started by it", len(b.engine.started), 1)

	call := forgehook.Call{ID: got.Calls[0].CallID}
	for _, step := range []any{b.EvaluateConditions, b.BuildRequest} {
		_, err = run[any](t, b, step, b.ref(call))
		check(t, err)
	}
	delivered, err := b.deliver(t, call)
	check(t, err)
	equal(t, "somebody waits", delivered.Wake, true)
	_, err = run[any](t, b, b.WakeWaiters, b.ref(call))
	check(t, err)
	end := workflows.CallResult{CallID: call.ID, Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 1}
	equal(t, "woken", b.engine.woken, []forgehook.Wake{ended(t, b, "order/1", end)}, whicheverWake)

	again, err = run[workflows.Accepted](t, b, b.AcceptCalls, in)
	check(t, err)
	equal(t, "after the end", again.Calls, []workflows.CallResult{end})
	for _, with := range []bool{false, true} {
		want := workflows.CallAnswer{CallResult: end, WebHookServiceID: u.ID}
		if with {
			want.Result = json.RawMessage(`{"id":4711}`)
		}
		ends, err := run[[]workflows.CallAnswer](t, b, b.ReadAnswers, workflows.AnswersInput{Tenant: b.tenant, CallIDs: []string{call.ID}, WithResult: with})
		check(t, err)
		equal(t, "ends", ends, []workflows.CallAnswer{want})
	}

	// A different request with the same key, and a request without a subject.
	in.Request.Reason = new("another")
	_, err = run[workflows.Accepted](t, b, b.AcceptCalls, in)
	equal(t, "key", failed(t, err), failure{Type: "idempotency-key-reused", Message: "accept calls failed: idempotency-key-reused", Final: true})
	in.Request.DocumentID = nil
	_, err = run[workflows.Accepted](t, b, b.AcceptCalls, in)
	equal(t, "about nothing", failed(t, err), failure{Type: "invalid", Message: "accept calls failed: invalid document", Final: true})
}

// Results that are too large for a history are left out, and the caller is told.
func TestReadAnswers_bounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.utility(t, to(says(t, 200, `"`+strings.Repeat("x", 40<<10)+`"`)), func(s *forgehook.Settings) { s.Response.Result = new(`response.json`) })
	ids := make([]string, 2)
	for i := range ids {
		call := b.built(t, u)
		_, err := b.deliver(t, call)
		check(t, err)
		ids[i] = call.ID
	}
	got, err := run[[]workflows.CallAnswer](t, b, b.ReadAnswers, workflows.AnswersInput{Tenant: b.tenant, CallIDs: ids, WithResult: true})
	check(t, err)
	equal(t, "the first", len(got[0].Result), 40<<10+2)
	equal(t, "the second", len(got[1].Result), 0)
	equal(t, "its code", got[1].ErrorCode, "result_too_large")
	equal(t, "its outcome", got[1].Outcome, forgehook.Delivered)

	_, err = run[[]workflows.CallAnswer](t, b, b.ReadAnswers, workflows.AnswersInput{Tenant: "019b8d21-0000-7000-8000-000000000009", CallIDs: ids})
	equal(t, "another tenant", failed(t, err), failure{Type: "not-found", Message: "read call failed: not-found", Final: true})
}
