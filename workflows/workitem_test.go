package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/forgehook/forgehook"
)

var processRef = ProcessRef{Tenant: "3f0e9a52-0000-4000-8000-000000000001", ProcessID: "0190aaaa-0000-7000-8000-00000000000b"}

// item is a work item in the fake PostgreSQL. It signals changes to its process.
type item struct {
	*bench
	ItemState
}

// setupItem makes a work item that waits for a call and is due so long after the start; 0: never.
func setupItem(t tester, onDue forgehook.OnDue, due time.Duration) *item {
	i := &item{bench: setup(t), ItemState: ItemState{WorkItemID: 5, Status: 1, OnDue: onDue}}
	if due != 0 {
		at := i.start.Add(due)
		i.DueAt = &at
	}
	i.look = func(_ context.Context, in ProcessRef) (ItemState, error) {
		if in != processRef {
			i.t.Errorf("looked at %+v", in)
		}
		return i.ItemState, nil
	}
	i.endItem = func(_ context.Context, in ProcessEnd) (ProcessResult, error) {
		if in.ProcessRef != processRef {
			i.t.Errorf("ended %+v", in)
		}
		return ProcessResult{WorkItemID: i.WorkItemID, Outcome: in.Outcome, CallOutcome: i.CallOutcome}, nil
	}
	return i
}

func (i *item) changes(after time.Duration, change func()) {
	i.at(after, func() {
		change()
		i.env.SignalWorkflow(ItemChangedSignal, nil)
	})
}

func (i *item) callEnds(after time.Duration, outcome forgehook.Outcome) {
	i.at(after, func() {
		i.CallOutcome = outcome
		i.env.SignalWorkflow(CallEndedSignal, CallResult{CallID: "a", Outcome: outcome})
	})
}

func (i *item) becomes(want forgehook.ProcessOutcome) ProcessResult {
	i.t.Helper()
	i.env.ExecuteWorkflow(ProcessWorkItem, processRef)
	var got ProcessResult
	if err := i.env.GetWorkflowResult(&got); err != nil {
		i.t.Fatalf("the workflow failed: %v; so far:\n%v", err, i.story)
	}
	if got.Outcome != want {
		i.t.Errorf("got %+v, want %s", got, want)
	}
	return got
}

const dueTimer = "timer: due date of the work item"

func TestWorkItem_answered(t *testing.T) {
	t.Parallel()
	for _, outcome := range []forgehook.Outcome{forgehook.Delivered, forgehook.Failed, forgehook.Expired, forgehook.Canceled, forgehook.Skipped} {
		t.Run(string(outcome), func(t *testing.T) {
			t.Parallel()
			i := setupItem(t, forgehook.DueWait, time.Hour)
			i.callEnds(500*time.Hour, outcome)
			var shown string
			i.at(time.Minute, func() { shown = i.details() })
			if got := i.becomes(forgehook.ProcessAnswered); got != (ProcessResult{WorkItemID: 5, Outcome: forgehook.ProcessAnswered, CallOutcome: outcome}) {
				t.Errorf("got %+v", got)
			}
			i.told("0s LookAtWorkItem", "500h0m0s LookAtWorkItem", "500h0m0s EndProcess, answered")
			if want := "Work item **5** waits for the end of the call"; shown != want {
				t.Errorf("details %q, want %q", shown, want)
			}
			if got, want := i.details(), "Work item **5**: **answered**, the call: **"+string(outcome)+"**"; got != want {
				t.Errorf("details %q, want %q", got, want)
			}
		})
	}
}

func TestWorkItem_answeredAtOnce(t *testing.T) {
	t.Parallel()
	i := setupItem(t, forgehook.DueReject, -time.Hour) // the result counts before the passed due date
	i.CallOutcome = forgehook.Delivered
	i.becomes(forgehook.ProcessAnswered)
	i.told("0s LookAtWorkItem", "0s EndProcess, answered")
}

// A decision of somebody stands, whatever the call's result.
func TestWorkItem_decidedByOthers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status forgehook.WorkItemStatus
		gone   bool
		want   forgehook.ProcessOutcome
	}{
		"completed":        {2, false, forgehook.ProcessSettled},
		"verified":         {8, false, forgehook.ProcessSettled},
		"error":            {99, false, forgehook.ProcessDead},
		"document deleted": {91, false, forgehook.ProcessDead},
		"gone":             {0, true, forgehook.ProcessDead},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := setupItem(t, forgehook.DueReject, time.Hour)
			i.changes(time.Minute, func() {})
			i.changes(2*time.Minute, func() { i.Status, i.Gone, i.CallOutcome = tc.status, tc.gone, forgehook.Delivered })
			i.becomes(tc.want)
			i.told("0s LookAtWorkItem", "0s "+dueTimer, "1m0s LookAtWorkItem", "2m0s LookAtWorkItem", "2m0s EndProcess, "+string(tc.want))
		})
	}
}

func TestWorkItem_due(t *testing.T) {
	t.Parallel()
	for onDue, want := range map[forgehook.OnDue]forgehook.ProcessOutcome{
		forgehook.DueReject: forgehook.ProcessRejected, forgehook.DueContinue: forgehook.ProcessDue,
	} {
		t.Run(string(onDue), func(t *testing.T) {
			t.Parallel()
			i := setupItem(t, onDue, time.Hour)
			var shown string
			i.at(time.Minute, func() { shown = i.details() })
			i.becomes(want)
			i.told("0s LookAtWorkItem", "0s "+dueTimer, "1h0m0s LookAtWorkItem", "1h0m0s EndProcess, "+string(want))
			if want := "Work item **5** waits for the end of the call; due at 2026-01-05T08:30:00.000Z, then: **" + string(onDue) + "**"; shown != want {
				t.Errorf("details %q, want %q", shown, want)
			}
		})
		t.Run(string(onDue)+", in the past", func(t *testing.T) {
			t.Parallel()
			i := setupItem(t, onDue, -time.Hour)
			i.becomes(want)
			i.told("0s LookAtWorkItem", "0s EndProcess, "+string(want))
		})
	}
}

// The due date may move, or go away.
func TestWorkItem_dueDateMoves(t *testing.T) {
	t.Parallel()
	i := setupItem(t, forgehook.DueReject, time.Hour)
	later := i.start.Add(3 * time.Hour)
	i.changes(30*time.Minute, func() { i.DueAt = &later })
	i.changes(2*time.Hour, func() { i.DueAt = nil })
	i.changes(4*time.Hour, func() { i.DueAt = &later })
	i.becomes(forgehook.ProcessRejected)
	i.told("0s LookAtWorkItem", "0s "+dueTimer, "30m0s LookAtWorkItem", "30m0s "+dueTimer,
		"2h0m0s LookAtWorkItem", "4h0m0s LookAtWorkItem", "4h0m0s EndProcess, rejected")
}

// The item goes on as its child, which is due later.
func TestWorkItem_escalates(t *testing.T) {
	t.Parallel()
	i := setupItem(t, forgehook.DueEscalate, time.Hour)
	i.escalate = func(_ context.Context, in ProcessRef) (ItemState, error) {
		if in != processRef {
			t.Errorf("escalated %+v", in)
		}
		at := i.DueAt.Add(2 * time.Hour)
		i.WorkItemID, i.Status, i.DueAt = i.WorkItemID+1, 4, &at
		return i.ItemState, nil
	}
	i.callEnds(4*time.Hour, forgehook.Delivered)
	if got := i.becomes(forgehook.ProcessAnswered); got.WorkItemID != 7 {
		t.Errorf("ended with item %d, want 7", got.WorkItemID)
	}
	i.told("0s LookAtWorkItem", "0s "+dueTimer, "1h0m0s LookAtWorkItem", "1h0m0s EscalateWorkItem", "1h0m0s "+dueTimer,
		"3h0m0s LookAtWorkItem", "3h0m0s EscalateWorkItem", "3h0m0s "+dueTimer, "4h0m0s LookAtWorkItem", "4h0m0s EndProcess, answered")
}

// The database's clock may be behind: by it, the item is not due yet.
func TestWorkItem_escalationComesTooEarly(t *testing.T) {
	t.Parallel()
	i := setupItem(t, forgehook.DueEscalate, time.Hour)
	tries := 0
	i.escalate = func(context.Context, ProcessRef) (ItemState, error) {
		if tries++; tries == 2 {
			at := i.DueAt.Add(time.Hour)
			i.WorkItemID, i.Status, i.DueAt = 6, 4, &at
		}
		return i.ItemState, nil
	}
	i.changes(90*time.Minute, func() { i.Status = 2 })
	i.becomes(forgehook.ProcessSettled)
	i.told("0s LookAtWorkItem", "0s "+dueTimer, "1h0m0s LookAtWorkItem", "1h0m0s EscalateWorkItem", "1h0m0s "+dueTimer,
		"1h0m1s LookAtWorkItem", "1h0m1s EscalateWorkItem", "1h0m1s "+dueTimer, "1h30m0s LookAtWorkItem", "1h30m0s EndProcess, settled")
}

// While a handed over item has no child yet, no due date counts, and no result is written.
func TestWorkItem_handedOver(t *testing.T) {
	t.Parallel()
	i := setupItem(t, forgehook.DueReject, time.Hour)
	i.changes(time.Minute, func() { i.Status, i.Handed = 5, true })
	i.callEnds(2*time.Hour, forgehook.Delivered)
	var shown string
	i.at(90*time.Minute, func() { shown = i.details() })
	i.changes(3*time.Hour, func() { i.WorkItemID, i.Status, i.Handed = 9, 6, false })
	if got := i.becomes(forgehook.ProcessAnswered); got.WorkItemID != 9 {
		t.Errorf("ended with item %d, want 9", got.WorkItemID)
	}
	i.told("0s LookAtWorkItem", "0s "+dueTimer, "1m0s LookAtWorkItem", "2h0m0s LookAtWorkItem", "3h0m0s LookAtWorkItem", "3h0m0s EndProcess, answered")
	if want := "Work item **5** waits for the item that it was handed over to"; shown != want {
		t.Errorf("details %q, want %q", shown, want)
	}
}

// A status that the call's response set is no decision of somebody.
func TestWorkItem_answeredByTheCall(t *testing.T) {
	t.Parallel()
	for _, status := range []forgehook.WorkItemStatus{2, 5, 10, 99} {
		i := setupItem(t, forgehook.DueReject, time.Hour)
		i.changes(time.Minute, func() { i.Status, i.Answered, i.CallOutcome = status, true, forgehook.Delivered })
		i.becomes(forgehook.ProcessAnswered)
		i.told("0s LookAtWorkItem", "0s "+dueTimer, "1m0s LookAtWorkItem", "1m0s EndProcess, answered")
	}
}

// The item is handed over between the look and the end: the result waits for the child.
func TestWorkItem_handedOverAtTheEnd(t *testing.T) {
	t.Parallel()
	i := setupItem(t, forgehook.DueReject, time.Hour)
	ends := i.endItem
	i.endItem = func(ctx context.Context, in ProcessEnd) (ProcessResult, error) {
		if i.Status == 1 {
			i.Status, i.Handed = 5, true
			return ProcessResult{WorkItemID: 5, CallOutcome: forgehook.Delivered}, nil
		}
		return ends(ctx, in)
	}
	i.callEnds(time.Minute, forgehook.Delivered)
	i.changes(3*time.Hour, func() { i.WorkItemID, i.Status, i.Handed = 9, 6, false })
	if got := i.becomes(forgehook.ProcessAnswered); got.WorkItemID != 9 {
		t.Errorf("ended with item %d, want 9", got.WorkItemID)
	}
	i.told("0s LookAtWorkItem", "0s "+dueTimer, "1m0s LookAtWorkItem", "1m0s EndProcess, answered", "1m0s LookAtWorkItem",
		"3h0m0s LookAtWorkItem", "3h0m0s EndProcess, answered")
}

func TestWorkItem_endsWhileHandedOver(t *testing.T) {
	t.Parallel()
	i := setupItem(t, forgehook.DueReject, time.Hour)
	i.Status, i.Handed = 3, true
	i.changes(2*time.Hour, func() { i.Gone = true })
	i.becomes(forgehook.ProcessDead)
	i.told("0s LookAtWorkItem", "2h0m0s LookAtWorkItem", "2h0m0s EndProcess, dead")

	i = setupItem(t, forgehook.DueReject, time.Hour)
	i.Status, i.Handed = 3, true
	i.cancel(2 * time.Hour)
	i.becomes(forgehook.ProcessCanceled)
	i.told("0s LookAtWorkItem", "2h0m0s EndProcess, canceled")
}

// A signal during a look may be newer than the look; a signal before it is not.
func TestWorkItem_signalDuringALook(t *testing.T) {
	t.Parallel()
	i := setupItem(t, forgehook.DueWait, 0)
	i.takes["LookAtWorkItem"] = 20 * time.Second
	i.callEnds(10*time.Second, forgehook.Delivered)
	i.changes(11*time.Second, func() {})
	i.becomes(forgehook.ProcessAnswered)
	i.told("0s LookAtWorkItem", "20s LookAtWorkItem", "40s EndProcess, answered")
}

func TestWorkItem_canceled(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		arrange func(*item)
		after   time.Duration
		want    []string
	}{
		"at once":       {func(*item) {}, 0, []string{"0s EndProcess, canceled"}},
		"while waiting": {func(*item) {}, 30 * time.Minute, []string{"0s LookAtWorkItem", "0s " + dueTimer, "30m0s EndProcess, canceled"}},
		"while looking": {
			func(i *item) { i.takes["LookAtWorkItem"] = 20 * time.Second },
			5 * time.Second,
			[]string{"0s LookAtWorkItem", "20s EndProcess, canceled"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := setupItem(t, forgehook.DueReject, time.Hour)
			tc.arrange(i)
			i.cancel(tc.after)
			i.becomes(forgehook.ProcessCanceled)
			i.told(tc.want...)
		})
	}
}

func TestWorkItem_standingOutcomeAdopted(t *testing.T) {
	t.Parallel()
	i := setupItem(t, forgehook.DueReject, time.Hour)
	i.Outcome, i.CallOutcome = forgehook.ProcessAnswered, forgehook.Failed
	if got := i.becomes(forgehook.ProcessAnswered); got.CallOutcome != forgehook.Failed || got.WorkItemID != 5 {
		t.Errorf("got %+v", got)
	}
	i.told("0s LookAtWorkItem")

	i = setupItem(t, forgehook.DueReject, -time.Hour)
	i.endItem = func(context.Context, ProcessEnd) (ProcessResult, error) {
		return ProcessResult{WorkItemID: 5, Outcome: forgehook.ProcessSettled}, nil
	}
	i.becomes(forgehook.ProcessSettled)
}

func TestWorkItem_fails(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(*item){
		"look": func(i *item) {
			i.look = func(context.Context, ProcessRef) (ItemState, error) { return ItemState{}, fault("not-found") }
		},
		"end": func(i *item) {
			i.Status = 2
			i.endItem = func(context.Context, ProcessEnd) (ProcessResult, error) { return ProcessResult{}, fault("not-found") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := setupItem(t, forgehook.DueWait, 0)
			breaks(i)
			i.env.ExecuteWorkflow(ProcessWorkItem, processRef)
			if err := i.env.GetWorkflowError(); !isFault(err) {
				t.Errorf("got %v, want the fault", err)
			}
		})
	}
}

// The next run begins with a look: signals between the runs are not lost, and a running due date
// goes on.
func TestWorkItem_continuesAsNew(t *testing.T) {
	t.Parallel()
	i := setupItem(t, forgehook.DueReject, 1000*time.Minute)
	for n := range processLooks {
		i.changes(time.Duration(n+1)*time.Minute, func() {})
	}
	i.env.ExecuteWorkflow(ProcessWorkItem, processRef)
	var next *workflow.ContinueAsNewError
	if err := i.env.GetWorkflowError(); !errors.As(err, &next) {
		t.Fatalf("got %v, want a continuation", err)
	}
	var got ProcessRef
	if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &got); err != nil || got != processRef {
		t.Errorf("the next run gets %+v, %v", got, err)
	}
	if i.elapsed() != processLooks*time.Minute {
		t.Errorf("continued after %s", i.elapsed())
	}

	second := setupItem(t, forgehook.DueReject, 0)
	second.ItemState = i.ItemState
	second.env.SetStartTime(i.start.Add(i.elapsed()))
	second.start = i.start.Add(i.elapsed())
	second.becomes(forgehook.ProcessRejected)
	second.told("0s LookAtWorkItem", "0s "+dueTimer, "8h20m0s LookAtWorkItem", "8h20m0s EndProcess, rejected")
}

// A cancellation with the last signal of one run is not lost in the next.
func TestWorkItem_cancelBeforeContinuing(t *testing.T) {
	t.Parallel()
	i := setupItem(t, forgehook.DueWait, 0)
	for n := range processLooks - 1 {
		i.changes(time.Duration(n+1)*time.Minute, func() {})
	}
	i.cancel(1000 * time.Minute)
	i.becomes(forgehook.ProcessCanceled)
	if len(i.story) != processLooks+1 {
		t.Errorf("%d steps, want %d looks and the end", len(i.story), processLooks)
	}
}
