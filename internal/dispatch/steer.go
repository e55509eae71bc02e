package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
)

// RetryCall ends the back-off of an open call. It starts a workflow for a call without one: its
// first start was lost, and the sweep has not found it yet.
func (d Dispatcher) RetryCall(ctx context.Context, call forgehook.CallRef) error {
	ctx, cancel := outlive(ctx)
	defer cancel()
	err := d.Engine.RetryNow(ctx, call)
	if !missing(err) {
		return asked(err)
	}
	start, err := d.Store.CallStart(ctx, call)
	if err != nil {
		return err
	}
	return asked(d.Engine.StartCalls(ctx, []forgehook.CallStart{start}))
}

// CancelCall asks a call to end. It ends a call without a workflow itself, with why as the message,
// and returns the completion.
func (d Dispatcher) CancelCall(ctx context.Context, call forgehook.CallRef, why string, at time.Time) (given postgres.Completion, err error) {
	ctx, cancel := outlive(ctx)
	defer cancel()
	err = d.Engine.Cancel(ctx, call)
	if !missing(err) {
		return given, asked(err)
	}
	return d.EndCall(ctx, call, forgehook.Canceled, canceled(why), at)
}

// CancelRun cancels the run of an event in the same way. The calls that it has made go on.
func (d Dispatcher) CancelRun(ctx context.Context, run forgehook.RunRef, why string, at time.Time) error {
	ctx, cancel := outlive(ctx)
	defer cancel()
	err := d.Engine.CancelRun(ctx, run)
	if !missing(err) {
		return asked(err)
	}
	_, err = d.Store.CompleteRun(ctx, run, forgehook.RunCanceled, canceled(why), at)
	return err
}

// canceled returns the error of something canceled that has no workflow.
func canceled(why string) *forgehook.CallError {
	return &forgehook.CallError{Code: forgehook.CallErrorCanceled, Message: why}
}

// EndCall stores the outcome of a call without a workflow and follows up on its end. A workflow
// that starts at the same moment finds the outcome and ends.
func (d Dispatcher) EndCall(ctx context.Context, call forgehook.CallRef, outcome forgehook.Outcome, why *forgehook.CallError, at time.Time) (postgres.Completion, error) {
	ctx, cancel := outlive(ctx)
	defer cancel()
	done, err := d.Store.CompleteCall(ctx, call, outcome, why, at)
	if err == nil && done.Wake {
		d.behind(ctx, "what the end of a call has raised", func(ctx context.Context) error { return d.Ended(ctx, call) })
	}
	return done, err
}

// Lost is something without an outcome that has been silent for a while.
type Lost struct {
	WorkflowID string
	Start      func() error // starts a workflow, which continues from what is stored
	// End stores the outcome, because the workflow has ended without one: canceled if an operator
	// ended the workflow, failed otherwise.
	End func(canceled bool, why *forgehook.CallError) error
}

// Settle restarts or ends what is lost. It leaves a running workflow alone.
func (d Dispatcher) Settle(ctx context.Context, lost Lost) (started, ended bool, err error) {
	state, err := d.Engine.State(ctx, lost.WorkflowID)
	if err != nil {
		return false, false, err
	}
	switch state {
	case forgehook.WorkflowRunning:
		return false, false, nil
	case forgehook.WorkflowMissing:
		err = lost.Start()
		return err == nil, false, err
	case forgehook.WorkflowTerminated, forgehook.WorkflowCanceled:
		err = lost.End(true, &forgehook.CallError{Code: forgehook.CallErrorCode(state), Message: forgehook.CallErrorTerminated.Because().Message})
	default:
		err = lost.End(false, forgehook.CallErrorRun(string(state)).Because())
	}
	return false, err == nil, err
}

// asked returns an engine's error if a caller may see it. Any other error means that the engine
// cannot be reached and has changed nothing.
func asked(err error) error {
	if _, known := errors.AsType[*forgehook.Error](err); err == nil || known {
		return err
	}
	return &forgehook.Error{Code: forgehook.CodeUnavailable, Detail: "Temporal cannot be reached. The call stands as it was.", Err: fmt.Errorf("engine: %w", err)}
}
