package workflows

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
	"pgregory.net/rapid"

	"github.com/forgehook/forgehook"
)

// moments draws durations from seconds to days, often close together.
var moments = rapid.Custom(func(t *rapid.T) time.Duration {
	unit := rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, time.Minute, time.Hour}).Draw(t, "unit")
	return unit * time.Duration(rapid.IntRange(0, 30).Draw(t, "units"))
})

type randomAttempt struct {
	kind string
	next time.Duration
}

var randomAttempts = rapid.Custom(func(t *rapid.T) randomAttempt {
	kinds := []string{"retry", "retry", "retry", "retry", "held", "held", "awaiting", "awaiting", "canceled", "delivered", "failed", "fault"}
	return randomAttempt{rapid.SampledFrom(kinds).Draw(t, "kind"), time.Second + moments.Draw(t, "next")}
})

// Signals at any moment give one outcome, the recorded one if a step recorded one, and never two
// sends at once.
func TestCall_randomSignals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := setup(t)
		in := input()
		in.Deadline = time.Minute + moments.Draw(t, "deadline")
		b.takes["Deliver"] = rapid.SampledFrom([]time.Duration{0, time.Second, 30 * time.Second}).Draw(t, "takes")
		for _, signal := range rapid.SliceOfN(rapid.SampledFrom([]string{RetryNowSignal, ResumeSignal, CallbackSignal}), 0, 10).Draw(t, "signals") {
			b.signal(moments.Draw(t, "when"), signal)
		}
		if rapid.Bool().Draw(t, "canceled") {
			b.cancel(moments.Draw(t, "cancel"))
		}
		b.cancel(1000 * time.Hour) // ends a hold that nobody resumes
		results := rapid.SliceOfN(randomAttempts, 0, 12).Draw(t, "results")
		databaseAway := rapid.IntRange(0, 3).Draw(t, "database away") == 0
		buildFails := rapid.IntRange(0, 9).Draw(t, "build fails") == 0

		var recorded forgehook.Outcome
		attempts := 0
		calledBack := false
		if rapid.Bool().Draw(t, "calls back") {
			outcome := rapid.SampledFrom([]forgehook.Outcome{forgehook.Delivered, forgehook.Failed}).Draw(t, "what")
			b.at(moments.Draw(t, "callback"), func() {
				if recorded == "" {
					recorded, calledBack = outcome, true
					b.env.SignalWorkflow(CallbackSignal, nil)
				}
			})
		}
		wakes := rapid.Bool().Draw(t, "awaited by somebody")
		b.deliver = func(_ context.Context, in DeliverInput) (DeliverResult, error) {
			if calledBack { // nothing is sent
				return DeliverResult{Outcome: recorded, Wake: wakes, StatusCode: 202, Attempts: attempts}, nil
			}
			if recorded != "" {
				t.Errorf("a send after the outcome %s", recorded)
			}
			a := randomAttempt{kind: "delivered"}
			if attempts < len(results) {
				a = results[attempts]
			}
			attempts++
			switch a.kind {
			case "delivered", "failed":
				recorded = forgehook.Outcome(a.kind)
				return DeliverResult{Outcome: recorded, Wake: wakes, StatusCode: 200, Attempts: attempts}, nil
			case "awaiting":
				until := b.env.Now().Add(a.next)
				return DeliverResult{AwaitUntil: &until, StatusCode: 202, Attempts: attempts, Reason: "202 Accepted"}, nil
			case "held":
				return DeliverResult{Held: true, Attempts: attempts}, nil
			case "canceled": // the activity noticed the cancellation, or an operator paused it
				return DeliverResult{}, temporal.NewCanceledError()
			case "fault":
				return DeliverResult{}, fault("internal")
			}
			if in.ReportRetry {
				return refused(attempts, a.next), nil
			}
			return DeliverResult{}, notReady(a.next)
		}
		quick := rapid.Bool().Draw(t, "quick endpoint")
		patience := rapid.SampledFrom([]string{"ends", "goes on", "breaks"}).Draw(t, "first attempt")
		b.within = func(ctx context.Context, in DeliverInput) (DeliverResult, error) {
			switch patience {
			case "goes on":
				return DeliverResult{Underway: true}, nil
			case "breaks":
				return DeliverResult{}, errors.New("the database is away")
			}
			return b.deliver(ctx, in)
		}
		b.build = func(context.Context, CallRef) (Built, error) { return Built{Method: "POST", Quick: quick}, nil }
		if databaseAway {
			b.evaluate = unreachableAtFirst(b)
		}
		if buildFails {
			b.build = func(context.Context, CallRef) (Built, error) {
				if recorded == "" {
					recorded = forgehook.Failed
				}
				return Built{Outcome: recorded}, nil
			}
		}
		tries := 0
		b.complete = func(_ context.Context, in CompleteInput) (CallResult, error) {
			if tries++; databaseAway && tries < 3 {
				return CallResult{}, errors.New("the database is away")
			}
			if recorded == "" {
				recorded = in.Outcome
			}
			return CallResult{Outcome: recorded, Wake: wakes && recorded != "", Attempts: attempts}, nil
		}

		got := b.call(in)
		if got.Outcome != recorded || !slices.Contains(forgehook.Outcomes, got.Outcome) {
			t.Errorf("outcome %q, recorded was %q", got.Outcome, recorded)
		}
		if b.most > 1 {
			t.Errorf("%d sends at once", b.most)
		}
		told, last := 0, len(b.story)-1
		if woken := strings.HasSuffix(b.story[last], " WakeWaiters, local"); woken != wakes {
			t.Errorf("woken %t, want %t", woken, wakes)
		} else if woken {
			last--
		}
		for _, line := range b.story {
			if strings.Contains(line, "ForgehookOutcome=") {
				told++
			}
		}
		if told != 1 || !strings.Contains(b.story[last], "ForgehookOutcome="+string(got.Outcome)) {
			t.Errorf("outcome told %d times, last line %q", told, b.story[last])
		}
		t.Logf("story:\n%s", strings.Join(b.story, "\n"))
	})
}

// Whatever is signalled, a request ends when its calls have ended, with all of them.
func TestRequest_randomSignals(t *testing.T) {
	t.Parallel()
	ids := []string{"a", "b", "c", "d"}
	rapid.Check(t, func(t *rapid.T) {
		b := setup(t)
		b.takes["AcceptCalls"] = rapid.SampledFrom([]time.Duration{0, time.Second, 15 * time.Second}).Draw(t, "takes")
		var accepted []CallResult
		var last time.Duration
		for _, id := range ids[:rapid.IntRange(1, 4).Draw(t, "calls")] {
			call := CallResult{CallID: id}
			if rapid.IntRange(0, 3).Draw(t, "ended") == 0 {
				call.Outcome = forgehook.Skipped
			} else {
				at := moments.Draw(t, "ends")
				last = max(last, at)
				b.endCall(at, id, forgehook.Delivered)
			}
			accepted = append(accepted, call)
			if rapid.Bool().Draw(t, "twice") { // after its end
				b.endCall(last+moments.Draw(t, "again"), id, forgehook.Delivered)
			}
		}
		for range rapid.IntRange(0, 3).Draw(t, "others") {
			b.endCall(moments.Draw(t, "other"), "another", forgehook.Failed)
		}
		b.accept = func(context.Context, AcceptInput) (Accepted, error) { return Accepted{Calls: accepted}, nil }
		if got := b.request(requestInput()); len(got.Calls) != len(accepted) {
			t.Errorf("%d results, want %d", len(got.Calls), len(accepted))
		}
		if want := max(last, b.takes["AcceptCalls"]); b.elapsed() != want {
			t.Errorf("ended after %s, want %s", b.elapsed(), want)
		}
	})
}

// Whatever is signalled, a run ends once, when all documents are called and no call is open.
func TestRun_randomSignals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := setup(t)
		b.takes["AcceptBatch"] = rapid.SampledFrom([]time.Duration{0, time.Second, 15 * time.Second}).Draw(t, "takes")
		wait := rapid.Bool().Draw(t, "one batch after the other")
		left, open, ended := rapid.IntRange(0, 20).Draw(t, "batches"), 0, forgehook.RunOutcome("")
		b.batch = func(context.Context, RunRef) (Batch, error) {
			if ended != "" {
				t.Errorf("a batch after the outcome %s", ended)
			}
			if left > 0 && (!wait || open == 0) {
				left--
				open++
				b.at(b.takes["AcceptBatch"]/2+moments.Draw(t, "ends"), func() {
					if open--; open == 0 {
						b.env.SignalWorkflow(RunDrainedSignal, nil)
					}
				})
				return Batch{Processed: 1, Calls: 1, Open: open, Wait: wait, Done: left == 0}, nil
			}
			return Batch{Open: open, Wait: wait, Done: left == 0}, nil
		}
		b.endRun = func(_ context.Context, in RunEnd) (RunResult, error) {
			if ended != "" || left > 0 || open > 0 {
				t.Errorf("ended %s after %s with %d batches left and %d calls open", in.Outcome, ended, left, open)
			}
			ended = in.Outcome
			return RunResult{Outcome: in.Outcome}, nil
		}
		for range rapid.IntRange(0, 5).Draw(t, "stale") {
			b.signal(moments.Draw(t, "when"), RunDrainedSignal)
		}
		b.env.ExecuteWorkflow(RunUtilities, runInput())
		if err := b.env.GetWorkflowError(); ended == "" && !workflow.IsContinueAsNewError(err) {
			t.Errorf("the run has not ended: %v", err)
		}
	})
}

// Whatever happens to an item and its call, told in any order, the process ends once, by the last
// state.
func TestWorkItem_randomSignals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		onDue := rapid.SampledFrom(forgehook.OnDues).Draw(t, "on due")
		i := setupItem(t, onDue, rapid.SampledFrom([]time.Duration{0, -time.Hour, time.Minute, time.Hour}).Draw(t, "due"))
		i.takes["LookAtWorkItem"] = rapid.SampledFrom([]time.Duration{0, time.Second}).Draw(t, "takes")
		escalations := 0
		i.escalate = func(context.Context, ProcessRef) (ItemState, error) {
			escalations++
			at := i.env.Now().Add(time.Hour)
			if i.Status.Actionable() && !i.Handed {
				i.WorkItemID, i.Status, i.DueAt = i.WorkItemID+1, 4, &at
			}
			return i.ItemState, nil
		}
		ended := forgehook.ProcessOutcome("")
		i.endItem = func(_ context.Context, in ProcessEnd) (ProcessResult, error) {
			if ended != "" {
				t.Errorf("ended twice: %s, %s", ended, in.Outcome)
			}
			ended = in.Outcome
			return ProcessResult{WorkItemID: i.WorkItemID, Outcome: ended}, nil
		}
		for range rapid.IntRange(0, 6).Draw(t, "signals") {
			i.signal(moments.Draw(t, "when"), rapid.SampledFrom([]string{CallEndedSignal, ItemChangedSignal}).Draw(t, "signal"))
		}
		if rapid.Bool().Draw(t, "handed over") {
			at := moments.Draw(t, "when handed")
			i.changes(at, func() { i.Status, i.Handed = 5, true })
			i.changes(at+moments.Draw(t, "child after"), func() { i.WorkItemID, i.Status, i.Handed = 9, 6, false })
		}
		callEnds, decided := rapid.Bool().Draw(t, "call ends"), rapid.Bool().Draw(t, "decided")
		if callEnds {
			i.callEnds(moments.Draw(t, "end"), forgehook.Delivered)
		}
		if decided {
			i.changes(100*time.Hour, func() { i.Status = rapid.SampledFrom([]forgehook.WorkItemStatus{2, 8, 90, 99}).Draw(t, "status") })
		}
		i.cancel(200 * time.Hour)
		i.env.ExecuteWorkflow(ProcessWorkItem, processRef)
		if err := i.env.GetWorkflowError(); err != nil || ended == "" {
			t.Errorf("ended %q, %v", ended, err)
		}
		if ended == forgehook.ProcessCanceled && (callEnds || decided) {
			t.Error("the process missed the end of the call, or the decision")
		}
		if escalations > 0 && onDue != forgehook.DueEscalate {
			t.Errorf("%d escalations although the item is to %s", escalations, onDue)
		}
	})
}
