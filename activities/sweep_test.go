package activities

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/workflows"
)

func acceptance(request forgehook.CallRequest) postgres.Acceptance {
	sum := sha256.Sum256([]byte("a body"))
	return postgres.Acceptance{Request: request, BodySHA256: sum[:], Now: time.Now()}
}

// old accepts a call some time ago.
func (b bundle) old(t *testing.T, u forgehook.Utility, ago time.Duration) forgehook.CallStart {
	t.Helper()
	a := acceptance(forgehook.CallRequest{WebHookServiceID: &u.ID, DocumentID: &b.document.ID})
	a.Now = b.at.Add(-ago)
	accepted, err := b.DB.AcceptCalls(t.Context(), b.tenant, a)
	check(t, err)
	return accepted.Starts[0]
}

func (b bundle) sweep(t *testing.T) (workflows.SweepResult, error) {
	t.Helper()
	return run[workflows.SweepResult](t, b, b.SweepCalls)
}

func TestSweepCalls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.utility(t)
	fresh, unstarted := b.old(t, u, second), b.old(t, u, 10*second)
	ends := map[forgehook.WorkflowState]struct {
		outcome forgehook.Outcome
		code    string
	}{
		forgehook.WorkflowTerminated: {forgehook.Canceled, "terminated"}, forgehook.WorkflowCanceled: {forgehook.Canceled, "canceled"},
		forgehook.WorkflowFailed: {forgehook.Failed, "run_failed"}, forgehook.WorkflowTimedOut: {forgehook.Failed, "run_timed_out"},
		forgehook.WorkflowCompleted: {forgehook.Failed, "run_completed"}, forgehook.WorkflowRunning: {}, forgehook.WorkflowMissing: {},
	}
	b.engine.runs = map[string]forgehook.WorkflowState{}
	open := map[forgehook.WorkflowState]forgehook.CallStart{}
	for state := range ends {
		start := b.old(t, u, time.Hour)
		_, err := run[workflows.Evaluation](t, b, b.EvaluateConditions, workflows.CallRef{Tenant: b.tenant, CallID: start.CallID})
		check(t, err)
		open[state], b.engine.runs[start.CallID] = start, state
	}
	paused := b.utility(t)
	held := b.built(t, paused)
	_, err := b.DB.Pause(t.Context(), b.tenant, paused.ID, b.at)
	check(t, err)
	_, err = b.deliver(t, held)
	check(t, err)
	_, _, _, err = b.DB.Resume(t.Context(), b.tenant, paused.ID)
	check(t, err)

	result, err := b.sweep(t)
	check(t, err)
	equal(t, "result", result, workflows.SweepResult{Started: 1, Settled: 6})
	equal(t, "started", b.engine.started, []forgehook.CallStart{unstarted, open[forgehook.WorkflowMissing]})
	equal(t, "drained", b.engine.drained, []postgres.UtilityRef{{Tenant: b.tenant, WebHookServiceID: paused.ID}})
	for state, want := range ends {
		got := b.stored(t, forgehook.Call{ID: open[state].CallID})
		if want.outcome == "" {
			equal(t, string(state), got.Outcome, nil)
			continue
		}
		equal(t, string(state), *got.Outcome, want.outcome)
		equal(t, string(state), got.Error.Code, forgehook.CallErrorCode(want.code))
	}
	equal(t, "a call of just now", b.outcome(t, forgehook.Call{ID: fresh.CallID}), "")

	// A call that was just checked is left alone. A call that was started but has done nothing is
	// started again.
	b.engine.started = nil
	result, err = b.sweep(t)
	check(t, err)
	equal(t, "the next sweep", result, workflows.SweepResult{Started: 1})
	equal(t, "started by it", b.engine.started, []forgehook.CallStart{unstarted})
}

// A call that the sweep ends has no workflow that could tell its waiters.
func TestSweepCalls_tellsWhoWaits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.utility(t)
	for state, outcome := range map[forgehook.WorkflowState]forgehook.Outcome{forgehook.WorkflowTerminated: forgehook.Canceled, forgehook.WorkflowFailed: forgehook.Failed} {
		start := b.old(t, u, time.Hour)
		_, err := run[workflows.Evaluation](t, b, b.EvaluateConditions, workflows.CallRef{Tenant: b.tenant, CallID: start.CallID})
		check(t, err)
		ref := b.waits(t, b.item(t), forgehook.Call{ID: start.CallID})
		b.engine.runs = map[string]forgehook.WorkflowState{start.CallID: state, workflows.ProcessID(ref.ProcessID): forgehook.WorkflowRunning}
		b.engine.woken = nil
		_, err = b.sweep(t)
		check(t, err)
		equal(t, string(state), b.engine.woken, []forgehook.Wake{
			ended(t, b, workflows.ProcessID(ref.ProcessID), workflows.CallResult{CallID: start.CallID, Outcome: outcome}),
		}, whicheverWake)
	}
}

func TestSweepCalls_engineAway(t *testing.T) {
	t.Parallel()
	away := &forgehook.Error{Code: forgehook.CodeUnavailable, Detail: "Temporal does not answer: try again.", Err: errors.New("dial 10.0.0.7")}
	for place, step := range map[string]string{"": "start calls", "drain": "start drain", "run": "settle call"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			u := b.utility(t)
			call := b.old(t, u, time.Hour)
			if place == "drain" {
				held := b.built(t, u)
				_, err := b.DB.Pause(t.Context(), b.tenant, u.ID, b.at)
				check(t, err)
				_, err = b.deliver(t, held)
				check(t, err)
				_, _, _, err = b.DB.Resume(t.Context(), b.tenant, u.ID)
				check(t, err)
			}
			b.engine.refuses = map[string]error{place: away}
			_, err := b.sweep(t)
			equal(t, "error", failed(t, err), failure{Type: "unavailable", Message: step + " failed: unavailable"})
			equal(t, "outcome", b.outcome(t, forgehook.Call{ID: call.CallID}), "")
		})
	}
}

// held are calls of a draining utility, in the order of acceptance.
func (b bundle) held(t *testing.T, n int) (u forgehook.Utility, ids []string) {
	t.Helper()
	u = b.utility(t)
	var calls []forgehook.Call
	for range n {
		calls = append(calls, b.built(t, u))
	}
	_, err := b.DB.Pause(t.Context(), b.tenant, u.ID, b.at)
	check(t, err)
	for _, call := range calls {
		ids = append(ids, call.ID)
	}
	for i := range calls { // not the order in which the calls are held
		_, err := b.deliver(t, calls[n-1-i])
		check(t, err)
	}
	_, _, _, err = b.DB.Resume(t.Context(), b.tenant, u.ID)
	check(t, err)
	return u, ids
}

func (b bundle) release(t *testing.T, u forgehook.Utility, limit int) (workflows.ReleaseResult, error) {
	t.Helper()
	return run[workflows.ReleaseResult](t, b, b.ReleaseHeld, workflows.ReleaseInput{Tenant: b.tenant, WebHookServiceID: u.ID, Limit: limit})
}

func TestReleaseHeld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u, ids := b.held(t, 5)
	b.engine.refuses = map[string]error{ids[1]: &forgehook.Error{Code: forgehook.CodeNotFound, Detail: "The call has no running workflow."}}
	b.engine.wakes = func(call forgehook.CallRef) { // the last call leaves late
		if call.CallID != ids[4] {
			b.begin(t, call)
		}
	}
	for page, want := range [][]string{{ids[0]}, {ids[0], ids[2], ids[3]}, {ids[0], ids[2], ids[3], ids[4]}} {
		released, err := b.release(t, u, 2)
		check(t, err)
		equal(t, "released", released, workflows.ReleaseResult{Released: []int{2, 2, 1}[page]})
		equal(t, "signalled so far", b.engine.resumed, want)
	}
	released, err := b.release(t, u, 2)
	check(t, err)
	equal(t, "while two are still held", released, workflows.ReleaseResult{})
	b.begin(t, workflows.CallRef{Tenant: b.tenant, CallID: ids[4]})
	_, err = b.DB.CompleteCall(t.Context(), workflows.CallRef{Tenant: b.tenant, CallID: ids[1]}, forgehook.Canceled, nil, b.at)
	check(t, err)
	released, err = b.release(t, u, 2)
	check(t, err)
	equal(t, "in the end", released, workflows.ReleaseResult{Done: true})
	after, err := b.DB.Utility(t.Context(), b.tenant, u.ID)
	check(t, err)
	equal(t, "draining", after.Draining, false)
}

// begin starts the next attempt of a released call, which ends the hold.
func (b bundle) begin(t *testing.T, call forgehook.CallRef) {
	t.Helper()
	started, err := b.DB.StartAttempt(t.Context(), postgres.AttemptStart{Ref: call, Released: true, Now: b.at})
	if err != nil || started.Held {
		t.Errorf("begin: held %v, %v", started.Held, err)
	}
}

// The engine goes away in the middle of a page: no call is signalled twice.
func TestReleaseHeld_engineAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u, ids := b.held(t, 3)
	b.engine.refuses = map[string]error{ids[1]: &forgehook.Error{Code: forgehook.CodeUnavailable, Detail: "Temporal does not answer: try again."}}
	_, err := b.release(t, u, 3)
	equal(t, "error", failed(t, err), failure{Type: "unavailable", Message: "resume call failed: unavailable"})
	b.engine.refuses, b.engine.wakes = nil, func(call forgehook.CallRef) { b.begin(t, call) }
	released, err := b.release(t, u, 3)
	check(t, err)
	equal(t, "released", released, workflows.ReleaseResult{Released: 2})
	equal(t, "signalled", b.engine.resumed, ids)
}
