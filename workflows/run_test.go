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

func runInput() RunInput {
	return RunInput{RunRef: RunRef{Tenant: input().Tenant, RunID: "0190aaaa-0000-7000-8000-00000000000a"}}
}

// batches gives AcceptBatch these results in turn, then the last one again.
func (b *bench) batches(batches ...Batch) {
	asked := 0
	b.batch = func(_ context.Context, in RunRef) (Batch, error) {
		if in != runInput().RunRef {
			b.t.Errorf("asked for %+v", in)
		}
		asked++
		return batches[min(asked, len(batches))-1], nil
	}
}

func (b *bench) ranTo(want forgehook.RunOutcome) {
	b.t.Helper()
	b.env.ExecuteWorkflow(RunUtilities, runInput())
	var got RunResult
	if err := b.env.GetWorkflowResult(&got); err != nil {
		b.t.Fatalf("the workflow failed: %v; so far:\n%v", err, b.story)
	}
	if got != (RunResult{RunID: runInput().RunID, Outcome: want}) {
		b.t.Errorf("got %+v, want %s", got, want)
	}
}

func TestRun_completes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.batches(Batch{Processed: 3, Calls: 6, Open: 6}, Batch{Processed: 1, Calls: 2, Open: 5, Done: true}, Batch{Open: 0, Done: true})
	b.signal(time.Minute, RunDrainedSignal)
	var shown string
	b.at(time.Second, func() { shown = b.details() })
	b.ranTo(forgehook.RunDone)
	b.told("0s AcceptBatch", "0s AcceptBatch", "1m0s AcceptBatch", "1m0s CompleteRun, completed, ")
	if want := "Documents: **4**, calls: **8**; waiting for **5** open calls"; shown != want {
		t.Errorf("details %q, want %q", shown, want)
	}
	if got, want := b.details(), "Documents: **4**, calls: **8**; outcome **completed**"; got != want {
		t.Errorf("details %q, want %q", got, want)
	}
}

func TestRun_nothingToCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ranTo(forgehook.RunDone)
	b.told("0s AcceptBatch", "0s CompleteRun, completed, ")
}

// If a utility stops the run on a failure, the next batch waits for the end of this one.
func TestRun_waitsBetweenBatches(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.batches(
		Batch{Processed: 1, Calls: 1, Open: 1, Wait: true}, // accepted
		Batch{Open: 1, Wait: true},                         // a spurious signal
		Batch{Processed: 1, Calls: 1, Open: 1, Wait: true, Done: true},
		Batch{Wait: true, Done: true},
	)
	for _, after := range []time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute} {
		b.signal(after, RunDrainedSignal)
	}
	b.ranTo(forgehook.RunDone)
	b.told("0s AcceptBatch", "1m0s AcceptBatch", "2m0s AcceptBatch", "3m0s AcceptBatch", "3m0s CompleteRun, completed, ")
}

func TestRun_stopped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.batches(Batch{Processed: 1, Calls: 1, Open: 1, Wait: true}, Batch{Wait: true, Stopped: true})
	b.signal(time.Minute, RunDrainedSignal)
	b.ranTo(forgehook.RunFailed)
	b.told("0s AcceptBatch", "1m0s AcceptBatch", "1m0s CompleteRun, failed, call_failed")
}

// The last call may end before AcceptBatch says that it is open.
func TestRun_drainedBeforeTheBatchReturns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.takes["AcceptBatch"] = 20 * time.Second
	b.batches(Batch{Processed: 1, Calls: 1, Open: 1, Done: true}, Batch{Done: true})
	b.signal(5*time.Second, RunDrainedSignal)
	b.signal(6*time.Second, RunDrainedSignal)
	b.ranTo(forgehook.RunDone)
	b.told("0s AcceptBatch", "20s AcceptBatch", "40s CompleteRun, completed, ")
}

func TestRun_canceled(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		arrange func(*bench)
		after   time.Duration
		want    []string
	}{
		"at once":       {func(*bench) {}, 0, []string{"0s CompleteRun, canceled, canceled"}},
		"while waiting": {func(b *bench) { b.batches(Batch{Open: 1, Done: true}) }, time.Hour, []string{"0s AcceptBatch", "1h0m0s CompleteRun, canceled, canceled"}},
		"while accepting": {func(b *bench) {
			b.takes["AcceptBatch"] = 20 * time.Second
			b.batches(Batch{Open: 1})
		}, 5 * time.Second, []string{"0s AcceptBatch", "20s CompleteRun, canceled, canceled"}},
		"while the database is away": {func(b *bench) {
			b.batch = func(context.Context, RunRef) (Batch, error) { return Batch{}, errors.New("the database is away") }
		}, 1500 * time.Millisecond, []string{"0s AcceptBatch", "1s AcceptBatch", "2s CompleteRun, canceled, canceled"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			tc.arrange(b)
			b.cancel(tc.after)
			b.ranTo(forgehook.RunCanceled)
			b.told(tc.want...)
		})
	}
}

// After a reset, or if another outcome was quicker, the workflow adopts the outcome that stands.
func TestRun_standingOutcomeAdopted(t *testing.T) {
	t.Parallel()
	t.Run("told by the batch", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.batches(Batch{Outcome: forgehook.RunCanceled})
		b.ranTo(forgehook.RunCanceled)
		b.told("0s AcceptBatch")
	})
	t.Run("told by the end", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.endRun = func(context.Context, RunEnd) (RunResult, error) {
			return RunResult{Outcome: forgehook.RunCanceled}, nil
		}
		b.ranTo(forgehook.RunCanceled)
		b.told("0s AcceptBatch", "0s CompleteRun, completed, ")
	})
}

func TestRun_fails(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(*bench){
		"batch": func(b *bench) {
			b.batch = func(context.Context, RunRef) (Batch, error) { return Batch{}, fault("not-found") }
		},
		"end": func(b *bench) {
			b.endRun = func(context.Context, RunEnd) (RunResult, error) { return RunResult{}, fault("not-found") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			breaks(b)
			b.env.ExecuteWorkflow(RunUtilities, runInput())
			if err := b.env.GetWorkflowError(); !isFault(err) {
				t.Errorf("got %v, want the fault", err)
			}
		})
	}
}

// The next run goes on with the earlier figures, and looks before it waits, so signals between the
// runs are not lost.
func TestRun_continuesAsNew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asked := 0
	b.batch = func(context.Context, RunRef) (Batch, error) {
		asked++
		return Batch{Processed: 10, Calls: 20, Open: 20 * asked}, nil
	}
	in := runInput()
	in.Processed, in.Calls = 1000, 2000
	b.env.ExecuteWorkflow(RunUtilities, in)
	var next *workflow.ContinueAsNewError
	if err := b.env.GetWorkflowError(); !errors.As(err, &next) {
		t.Fatalf("got %v, want a continuation", err)
	}
	if asked != runBatches {
		t.Errorf("%d batches in one run, want %d", asked, runBatches)
	}
	var got RunInput
	if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &got); err != nil {
		t.Fatal(err)
	}
	in.Processed, in.Calls = 1000+10*runBatches, 2000+20*runBatches
	if got != in {
		t.Errorf("the next run gets %+v, want %+v", got, in)
	}

	b = setup(t) // all calls ended between the two runs
	b.batches(Batch{Done: true})
	b.env.ExecuteWorkflow(RunUtilities, got)
	if got, want := b.details(), "Documents: **1500**, calls: **3000**; outcome **completed**"; got != want {
		t.Errorf("details %q, want %q", got, want)
	}
}

// A cancellation during the last batch of one run is not lost in the next.
func TestRun_cancelBeforeContinuing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.batches(Batch{Processed: 1})
	b.takes["AcceptBatch"] = time.Second
	b.cancel(runBatches*time.Second - 500*time.Millisecond)
	b.ranTo(forgehook.RunCanceled)
	if last := b.story[len(b.story)-1]; len(b.story) != runBatches+1 || last != "50s CompleteRun, canceled, canceled" {
		t.Errorf("%d steps, the last %q", len(b.story), last)
	}
}
