// Package dispatch does what follows a commit, for API and activities alike. It sends owed signals
// and notes them as sent, and starts calls, runs, processes and drains. All of that is stored, so
// the sweep repeats what fails. It asks workflows to end or to go on, and stores the outcome itself
// where there is no workflow. It must not decide anything about calls, nor write SQL. Start with
// [Dispatcher.Follow].
package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
)

// Engine runs workflows. Temporal is one; tests have others.
//
// A start uses an existing workflow. A request to a missing workflow returns CodeNotFound. An
// engine that does not respond returns CodeUnavailable.
type Engine interface {
	StartCalls(ctx context.Context, starts []forgehook.CallStart) error
	StartRuns(ctx context.Context, starts []forgehook.RunStart) error
	StartProcess(ctx context.Context, start forgehook.ProcessStart) error
	// Drain starts the release of a resumed utility's held calls, one at a time.
	Drain(ctx context.Context, tenant forgehook.TenantID, webHookServiceID int32) error
	// Wake sends an owed signal.
	Wake(ctx context.Context, wake forgehook.Wake) error
	// RetryNow ends the current back-off of a call.
	RetryNow(ctx context.Context, call forgehook.CallRef) error
	// Resume lets a held call go on.
	Resume(ctx context.Context, call forgehook.CallRef) error
	// Cancel asks a call to end.
	Cancel(ctx context.Context, call forgehook.CallRef) error
	// CancelRun asks the run of an event to end.
	CancelRun(ctx context.Context, run forgehook.RunRef) error
	// State returns the state of the last workflow with an id.
	State(ctx context.Context, workflowID string) (forgehook.WorkflowState, error)
	// Ping checks that the engine responds.
	Ping(ctx context.Context) error
}

// Store knows what a commit has raised. PostgreSQL is one; tests have another, which fails on
// request.
type Store interface {
	// Wakes and CausedRuns return what the end of a call has raised and is not done yet.
	Wakes(ctx context.Context, call forgehook.CallRef) ([]forgehook.Wake, error)
	CausedRuns(ctx context.Context, call forgehook.CallRef) ([]forgehook.RunStart, error)
	// Woken notes signals as sent, also those that no workflow is there to receive.
	Woken(ctx context.Context, ids []int64) error
	// CallStart returns what starts the workflow of an open call.
	CallStart(ctx context.Context, call forgehook.CallRef) (forgehook.CallStart, error)
	CompleteCall(ctx context.Context, call forgehook.CallRef, outcome forgehook.Outcome, because *forgehook.CallError, at time.Time) (postgres.Completion, error)
	CompleteRun(ctx context.Context, run forgehook.RunRef, outcome forgehook.RunOutcome, because *forgehook.CallError, at time.Time) (forgehook.RunOutcome, error)
}

var _ Store = (*postgres.DB)(nil)

// Dispatcher does what follows the commits of one request or step.
type Dispatcher struct {
	Store  Store
	Engine Engine
	Log    *slog.Logger
	Of     slog.Attr // names the request or step in the log
}

// Follow does what a change has raised.
func (d Dispatcher) Follow(ctx context.Context, raised postgres.Raised) {
	d.behind(ctx, "what a change has raised", func(ctx context.Context) error { return d.follow(ctx, raised) })
}

// StartCalls starts the workflows of accepted calls.
func (d Dispatcher) StartCalls(ctx context.Context, starts []forgehook.CallStart) {
	if len(starts) > 0 {
		d.behind(ctx, "the start of calls", func(ctx context.Context) error { return d.Engine.StartCalls(ctx, starts) })
	}
}

// StartProcess starts the workflow of an accepted process.
func (d Dispatcher) StartProcess(ctx context.Context, start forgehook.ProcessStart) {
	d.behind(ctx, "the start of a process", func(ctx context.Context) error { return d.Engine.StartProcess(ctx, start) })
}

// Drain starts the release of a resumed utility's held calls.
func (d Dispatcher) Drain(ctx context.Context, tenant forgehook.TenantID, webHookServiceID int32) {
	d.behind(ctx, "the drain of a resumed utility", func(ctx context.Context) error { return d.Engine.Drain(ctx, tenant, webHookServiceID) })
}

// Ended does what the end of a call has raised. If signals or runs cannot be read, it still does
// the others; the sweep does the rest.
func (d Dispatcher) Ended(ctx context.Context, call forgehook.CallRef) error {
	wakes, wakesErr := d.Store.Wakes(ctx, call)
	runs, runsErr := d.Store.CausedRuns(ctx, call)
	return errors.Join(wakesErr, runsErr, d.follow(ctx, postgres.Raised{Wakes: wakes, Runs: runs}))
}

// follow sends signals first: they are few and somebody waits for them. Runs may be many.
func (d Dispatcher) follow(ctx context.Context, raised postgres.Raised) error {
	_, away, err := d.wake(ctx, raised.Wakes)
	if len(raised.Runs) == 0 || away {
		return err
	}
	return errors.Join(err, d.Engine.StartRuns(ctx, raised.Runs))
}

// Wake sends owed signals and notes those sent, even if the time is up by then. A missing workflow
// has ended, or reads the state when it starts: its signal counts as sent. One refused signal does
// not stop the others, but Wake stops if the engine does not respond.
func (d Dispatcher) Wake(ctx context.Context, wakes []forgehook.Wake) (sent int, err error) {
	sent, _, err = d.wake(ctx, wakes)
	return sent, err
}

func (d Dispatcher) wake(ctx context.Context, wakes []forgehook.Wake) (sent int, away bool, err error) {
	var faults []error
	var done []int64
	for i := 0; i < len(wakes) && !away; i++ {
		err := d.Engine.Wake(ctx, wakes[i])
		if err == nil || missing(err) {
			done = append(done, wakes[i].ID)
			continue
		}
		faults = append(faults, err)
		away = forgehook.ErrorCode(err) == forgehook.CodeUnavailable || ctx.Err() != nil
	}
	if len(done) > 0 {
		ctx, cancel := outlive(ctx)
		defer cancel()
		faults = append(faults, d.Store.Woken(ctx, done))
	}
	return len(done), away, errors.Join(faults...)
}

// behind does what follows a commit. It only logs an error: the sweep repeats what is stored.
func (d Dispatcher) behind(ctx context.Context, what string, do func(context.Context) error) {
	ctx, cancel := outlive(ctx)
	defer cancel()
	if err := do(ctx); err != nil {
		d.Log.LogAttrs(ctx, slog.LevelWarn, "left to the sweep: "+what, d.Of, slog.Any("error", err))
	}
}

// outlive returns a context for work that outlasts the client or step that began it. It ends after
// 5 s, or at the step's deadline if that is later.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	within := 5 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		within = max(within, time.Until(deadline))
	}
	return context.WithTimeout(context.WithoutCancel(ctx), within)
}

// missing reports whether the engine found no workflow for a request.
func missing(err error) bool { return forgehook.ErrorCode(err) == forgehook.CodeNotFound }
