package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
)

// RetryCall ends the back-off of an open call. A call without a workflow is given one: its start
// was lost, and the sweep has not come by yet.
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

// CancelCall asks a call to end. One without a workflow is given the outcome here, which is
// returned; why says so to those who read it.
func (d Dispatcher) CancelCall(ctx context.Context, call forgehook.CallRef, why string, at time.Time) (given postgres.Completion, err error) {
	ctx, cancel := outlive(ctx)
	defer cancel()
	err = d.Engine.Cancel(ctx, call)
	if !missing(err) {
		return given, asked(err)
	}
	return d.EndCall(ctx, call, forgehook.Canceled, canceled(why), at)
}

// CancelRun is CancelCall for the run of an event. The calls that it has made go on.
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

// canceled says why something was canceled that has no workflow.
func canceled(why string) *forgehook.CallError {
	return &forgehook.CallError{Code: forgehook.CallErrorCanceled, Message: why}
}

// EndCall gives a call without a workflow its outcome, and does what that raises. Should a workflow
// of it start in this very moment, it finds the outcome and ends.
func (d Dispatcher) EndCall(ctx context.Context, call forgehook.CallRef, outcome forgehook.Outcome, why *forgehook.CallError, at time.Time) (postgres.Completion, error) {
	ctx, cancel := outlive(ctx)
	defer cancel()
	done, err := d.Store.CompleteCall(ctx, call, outcome, why, at)
	if err == nil && done.Wake {
		d.behind(ctx, "what the end of a call has raised", func(ctx context.Context) error { return d.Ended(ctx, call) })
	}
	return done, err
}

// Lost is something without an outcome that was not heard of for a while.
type Lost struct {
	WorkflowID string
	Start      func() error // gives it a workflow; what was done is stored, so that it goes on where it stood
	// End gives it an outcome: its workflow has ended without. An operator who ended the workflow
	// has canceled it; else it has failed.
	End func(canceled bool, why *forgehook.CallError) error
}

// Settle mends what is lost, where it is: a workflow that runs is left alone.
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

// asked keeps what a caller may see of an engine's error. Every other one is an engine that cannot
// be reached: what it was asked about stands as it was.
func asked(err error) error {
	if _, known := errors.AsType[*forgehook.Error](err); err == nil || known {
		return err
	}
	return &forgehook.Error{Code: forgehook.CodeUnavailable, Detail: "Temporal cannot be reached. The call stands as it was.", Err: fmt.Errorf("engine: %w", err)}
}
