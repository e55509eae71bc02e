package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/forgehook/forgehook"
)

// runBatches is how many batches one run of the workflow accepts: about 600 events with waits
// between them.
const runBatches = 50

// RunUtilities makes the calls of an event, batch by batch, until all documents are called and no
// call is open, or a failed call stops the run. A cancellation is an outcome, not an error; open
// calls go on after it.
func RunUtilities(ctx workflow.Context, in RunInput) (RunResult, error) {
	r := &eventRun{in: in, own: ctx}
	r.ctx, _ = workflow.NewDisconnectedContext(ctx)
	return r.run()
}

// eventRun is one run of RunUtilities.
type eventRun struct {
	in  RunInput         // with the progress so far
	own workflow.Context // the run's own context, which a cancellation ends
	ctx workflow.Context // for steps that a cancellation does not stop
}

func (r *eventRun) run() (RunResult, error) {
	for range runBatches {
		batch, err := r.next()
		switch {
		case batch.Outcome != "":
			return r.finish(RunResult{RunID: r.in.RunID, Outcome: batch.Outcome})
		case r.own.Err() != nil:
			return r.end(forgehook.RunCanceled, forgehook.CallErrorCanceled, "The run was canceled.")
		case err != nil:
			return RunResult{}, err
		case batch.Stopped:
			return r.end(forgehook.RunFailed, forgehook.CallErrorCallFailed, batch.Why)
		case batch.Done && batch.Open == 0:
			return r.end(forgehook.RunDone, "", "")
		case batch.Open > 0 && (batch.Done || batch.Wait):
			r.show(fmt.Sprintf("waiting for **%d** open calls", batch.Open))
			if receive(r.own, workflow.GetSignalChannel(r.own, RunDrainedSignal), nil) != nil {
				return r.end(forgehook.RunCanceled, forgehook.CallErrorCanceled, "The run was canceled.")
			}
		}
	}
	// The next run begins with AcceptBatch, so an unread signal is no loss.
	return RunResult{}, workflow.NewContinueAsNewError(r.own, RunUtilities, r.in)
}

// next accepts the next batch, if it is time for one. It covers all signals before it.
func (r *eventRun) next() (Batch, error) {
	drained := workflow.GetSignalChannel(r.own, RunDrainedSignal)
	for drained.ReceiveAsync(nil) {
	}
	batch, err := acceptBatch(r.own, r.in.RunRef)
	r.in.Processed += batch.Processed
	r.in.Calls += batch.Calls
	r.show("accepting")
	return batch, err
}

// end records the outcome. An outcome that already stands wins.
func (r *eventRun) end(outcome forgehook.RunOutcome, code forgehook.CallErrorCode, message string) (RunResult, error) {
	result, err := completeRun(r.ctx, RunEnd{RunRef: r.in.RunRef, Outcome: outcome, Code: code, Message: message})
	if err != nil {
		return RunResult{}, err
	}
	return r.finish(result)
}

func (r *eventRun) finish(result RunResult) (RunResult, error) {
	result.RunID = r.in.RunID
	r.show("outcome **" + string(result.Outcome) + "**")
	return result, nil
}

// show tells the Temporal UI how far the run is.
func (r *eventRun) show(text string) {
	workflow.SetCurrentDetails(r.ctx, fmt.Sprintf("Documents: **%d**, calls: **%d**; %s", r.in.Processed, r.in.Calls, text))
}
