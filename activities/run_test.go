package activities

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/outbound/zoo"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
	"github.com/forgehook/forgehook/workflows"
)

// event raises after_process, the default trigger of utilities, for n documents.
func (b bundle) event(t *testing.T, n int) forgehook.RunRef {
	t.Helper()
	ids := []int32{b.document.ID}
	for len(ids) < n {
		ids = append(ids, pgtest.Document(t, b.DB, b.tenant, b.document.ProjectID, b.service.ID).ID)
	}
	accepted, err := b.DB.AcceptEvent(t.Context(), b.tenant, postgres.EventAcceptance{
		ServiceID: b.service.ID, Event: forgehook.EventRequest{Type: forgehook.EventAfterProcess, DocumentIDs: ids}, Now: b.at,
	})
	check(t, err)
	if accepted.Start == nil {
		t.Fatalf("the run does not start: %+v", accepted.Run)
	}
	return accepted.Start.RunRef
}

// makeCall takes a started call to its first attempt.
func (b bundle) makeCall(t *testing.T, start forgehook.CallStart) workflows.DeliverResult {
	t.Helper()
	call := workflows.CallRef{Tenant: start.Tenant, CallID: start.CallID}
	for _, step := range []any{b.EvaluateConditions, b.BuildRequest} {
		_, err := run[any](t, b, step, call)
		check(t, err)
	}
	got, err := run[workflows.DeliverResult](t, b, b.Deliver, workflows.DeliverInput{CallRef: call})
	check(t, err)
	return got
}

// A run accepts its documents in batches, and is told when none of its calls is open.
func TestAcceptBatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.utility(t, to(zoo.OK(t)), func(s *forgehook.Settings) { s.BatchSize = new(2) })
	ref := b.event(t, 3)
	b.engine.started = nil
	first, err := run[workflows.Batch](t, b, b.AcceptBatch, ref)
	check(t, err)
	equal(t, "first batch", first, workflows.Batch{Processed: 2, Calls: 2, Open: 2})
	second, err := run[workflows.Batch](t, b, b.AcceptBatch, ref)
	check(t, err)
	equal(t, "second batch", second, workflows.Batch{Processed: 1, Calls: 1, Open: 3, Done: true})
	equal(t, "started", len(b.engine.started), 3)
	for i, s := range b.engine.started {
		equal(t, "utility", s.WebHookServiceID, u.ID)
		got := b.makeCall(t, s)
		equal(t, "outcome", got.Outcome, forgehook.Delivered)
		equal(t, "the last one wakes the run", got.Wake, i == 2)
		if i == 2 {
			_, err = run[any](t, b, b.WakeWaiters, workflows.CallRef{Tenant: s.Tenant, CallID: s.CallID})
			check(t, err)
		}
	}
	equal(t, "woken", b.engine.woken, []forgehook.Wake{{
		Tenant: b.tenant, WorkflowID: workflows.RunID(ref.RunID), Signal: workflows.RunDrainedSignal,
	}}, whicheverWake)
	last, err := run[workflows.Batch](t, b, b.AcceptBatch, ref)
	check(t, err)
	equal(t, "nothing is left", last, workflows.Batch{Done: true, Outcome: forgehook.RunDone})
	end, err := run[workflows.RunResult](t, b, b.CompleteRun, workflows.RunEnd{RunRef: ref, Outcome: forgehook.RunCanceled})
	check(t, err)
	equal(t, "the end that stands", end, workflows.RunResult{RunID: ref.RunID, Outcome: forgehook.RunDone})
}

// A failed call of a utility whose onFailure is error stops the run, and Run.error says why.
func TestAcceptBatch_stops(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.utility(t, to(zoo.Status(t, 400, nil)), func(s *forgehook.Settings) { s.BatchSize, s.OnFailure = new(1), forgehook.OnFailureError })
	ref := b.event(t, 2)
	b.engine.started = nil
	first, err := run[workflows.Batch](t, b, b.AcceptBatch, ref)
	check(t, err)
	equal(t, "first batch", first, workflows.Batch{Processed: 1, Calls: 1, Open: 1, Wait: true})
	call := b.engine.started[0]
	got := b.makeCall(t, call)
	equal(t, "outcome", got.Outcome, forgehook.Failed)
	equal(t, "the run is woken", got.Wake, true)
	second, err := run[workflows.Batch](t, b, b.AcceptBatch, ref)
	check(t, err)
	want := fmt.Sprintf("Call %s of utility %d failed, whose onFailure is error.", call.CallID, call.WebHookServiceID)
	equal(t, "stopped", []any{second.Stopped, second.Why}, []any{true, want})
	_, err = run[workflows.RunResult](t, b, b.CompleteRun, workflows.RunEnd{
		RunRef: ref, Outcome: forgehook.RunFailed, Code: "call_failed", Message: want,
	})
	check(t, err)
	stored, err := b.DB.Run(t.Context(), b.tenant, ref.RunID)
	check(t, err)
	equal(t, "error", stored.Error, &forgehook.CallError{Code: "call_failed", Message: want})
}

// The workflow of a call starts the run of an event that its end raises.
func TestWakeWaiters_startsRuns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.utility(t, to(zoo.OK(t)))
	other := b.utility(t, to(zoo.OK(t)), func(s *forgehook.Settings) {
		s.ExecuteAfterProcess, s.ExecuteOnTrigger = false, []forgehook.EventType{forgehook.EventCallCompleted}
	})
	call := b.built(t, u)
	got, err := b.deliver(t, call)
	check(t, err)
	equal(t, "runs are owed", got.Wake, true)
	_, err = run[any](t, b, b.WakeWaiters, b.ref(call))
	check(t, err)
	if len(b.engine.events) != 1 {
		t.Fatalf("%d runs, want one", len(b.engine.events))
	}
	start := b.engine.events[0]
	equal(t, "run", start, forgehook.RunStart{
		RunRef: start.RunRef, ServiceID: b.service.ID, ProjectID: b.document.ProjectID, Type: forgehook.EventCallCompleted, Documents: 1,
	})
	batch, err := run[workflows.Batch](t, b, b.AcceptBatch, start.RunRef)
	check(t, err)
	equal(t, "calls", batch, workflows.Batch{Processed: 1, Calls: 1, Open: 1, Done: true})
	caused, err := b.DB.Call(t.Context(), b.tenant, b.engine.started[len(b.engine.started)-1].CallID)
	check(t, err)
	equal(t, "utility", caused.WebHookServiceID, other.ID)
	equal(t, "cause", caused.CauseID, &call.ID)
	equal(t, "event", caused.EventType, forgehook.EventCallCompleted)

	// Its end raises no event: the chain is over.
	end := b.makeCall(t, b.engine.started[len(b.engine.started)-1])
	equal(t, "the run hears of it", end.Wake, true)
	_, err = run[any](t, b, b.WakeWaiters, b.ref(caused))
	check(t, err)
	equal(t, "runs in the end", len(b.engine.events), 1)
}

// The sweep mends runs whose workflow was never started or has ended.
func TestSweepCalls_runs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.utility(t)
	ends := map[forgehook.WorkflowState]forgehook.RunOutcome{
		forgehook.WorkflowMissing: "", forgehook.WorkflowRunning: "", forgehook.WorkflowTerminated: forgehook.RunCanceled, forgehook.WorkflowCanceled: forgehook.RunCanceled,
		forgehook.WorkflowFailed: forgehook.RunFailed, forgehook.WorkflowCompleted: forgehook.RunFailed, forgehook.WorkflowTimedOut: forgehook.RunFailed,
	}
	b.engine.runs = map[string]forgehook.WorkflowState{}
	refs := map[forgehook.WorkflowState]forgehook.RunRef{}
	for state := range ends {
		refs[state] = b.event(t, 1)
		b.engine.runs[workflows.RunID(refs[state].RunID)] = state
	}
	result, err := b.sweep(t)
	check(t, err)
	equal(t, "too early", result, workflows.SweepResult{})
	b.Now = func() time.Time { return b.at.Add(time.Minute) }
	result, err = b.sweep(t)
	check(t, err)
	equal(t, "result", result, workflows.SweepResult{Resumed: 1})
	equal(t, "started", b.engine.events, []forgehook.RunStart{{RunRef: refs[forgehook.WorkflowMissing]}},
		cmpopts.IgnoreFields(forgehook.RunStart{}, "ServiceID", "ProjectID", "Type", "Documents"))
	for state, want := range ends {
		got, err := b.DB.Run(t.Context(), b.tenant, refs[state].RunID)
		check(t, err)
		if want == "" {
			equal(t, string(state), got.Outcome, nil)
			continue
		}
		equal(t, string(state), *got.Outcome, want)
	}
}
