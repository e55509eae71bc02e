package activities

import (
	"context"
	"errors"

	"github.com/forgehook/forgehook/workflows"
)

var errUnbuilt = errors.New("not built")

// WakeWaiters signals all who await the end of a call, and starts the runs of the events it raised.
func (a *Activities) WakeWaiters(ctx context.Context, call workflows.CallRef) error {
	return errUnbuilt
}

// AcceptCalls accepts calls that a workflow awaits and starts them.
func (a *Activities) AcceptCalls(ctx context.Context, in workflows.AcceptInput) (workflows.Accepted, error) {
	return workflows.Accepted{}, errUnbuilt
}

// ReadAnswers tells how calls have ended.
func (a *Activities) ReadAnswers(ctx context.Context, in workflows.AnswersInput) ([]workflows.CallAnswer, error) {
	return nil, errUnbuilt
}

// AcceptBatch accepts and starts the calls for the next documents of a run.
func (a *Activities) AcceptBatch(ctx context.Context, run workflows.RunRef) (workflows.Batch, error) {
	return workflows.Batch{}, errUnbuilt
}

// CompleteRun ends a run unless it has ended, and returns the outcome that stands.
func (a *Activities) CompleteRun(ctx context.Context, in workflows.RunEnd) (workflows.RunResult, error) {
	return workflows.RunResult{}, errUnbuilt
}

// LookAtWorkItem tells where a process stands.
func (a *Activities) LookAtWorkItem(ctx context.Context, in workflows.ProcessRef) (workflows.ItemState, error) {
	return workflows.ItemState{}, errUnbuilt
}

// EscalateWorkItem hands the item over to a new child.
func (a *Activities) EscalateWorkItem(ctx context.Context, in workflows.ProcessRef) (workflows.ItemState, error) {
	return workflows.ItemState{}, errUnbuilt
}

// EndProcess ends a process.
func (a *Activities) EndProcess(ctx context.Context, in workflows.ProcessEnd) (workflows.ProcessResult, error) {
	return workflows.ProcessResult{}, errUnbuilt
}
