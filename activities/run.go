package activities

import (
	"context"
	"log/slog"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/workflows"
)

// AcceptBatch accepts and starts the calls for the next documents of a run.
func (a *Activities) AcceptBatch(ctx context.Context, run workflows.RunRef) (workflows.Batch, error) {
	what := slog.String("run", run.RunID)
	batch, err := a.DB.AcceptBatch(ctx, run, a.Now())
	if err != nil {
		return workflows.Batch{}, a.faultOf("accept batch", what, err)
	}
	a.dispatch(what).StartCalls(ctx, batch.Starts)
	return workflows.Batch{
		Processed: batch.Processed, Calls: batch.Calls, Open: batch.Open, Wait: batch.Wait, Done: batch.Done, Stopped: batch.Stopped,
		Why: batch.Why, Outcome: batch.Outcome,
	}, nil
}

// CompleteRun ends a run unless it has ended, and returns the outcome that stands.
func (a *Activities) CompleteRun(ctx context.Context, in workflows.RunEnd) (workflows.RunResult, error) {
	var because *forgehook.CallError
	if in.Code != "" {
		because = &forgehook.CallError{Code: in.Code, Message: in.Message}
	}
	outcome, err := a.DB.CompleteRun(ctx, in.RunRef, in.Outcome, because, a.Now())
	if err != nil {
		return workflows.RunResult{}, a.faultOf("complete run", slog.String("run", in.RunID), err)
	}
	return workflows.RunResult{RunID: in.RunID, Outcome: outcome}, nil
}
