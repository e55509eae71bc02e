// Package dispatch does what follows a commit. It sends the signals that are owed and notes which
// were sent, and starts calls, runs, processes and drains; what fails is left to the sweep, as all
// of it is stored. It asks workflows to end or to go on, and gives the outcome itself where no
// workflow is there to give it. API and activities both use it, so that both do the same. It
// decides nothing about calls and stores nothing that the store has no method for. Start with
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
// Starts use the workflow that is there. What asks something of a workflow is CodeNotFound where
// there is none, and everything is CodeUnavailable where the engine does not answer.
type Engine interface {
	StartCalls(ctx context.Context, starts []forgehook.CallStart) error
	StartRuns(ctx context.Context, starts []forgehook.RunStart) error
	StartProcess(ctx context.Context, start forgehook.ProcessStart) error
	// Drain starts the release of a resumed utility's held calls, one at a time.
	Drain(ctx context.Context, tenant forgehook.TenantID, webHookServiceID int32) error
	// Wake sends a signal that is owed.
	Wake(ctx context.Context, wake forgehook.Wake) error
	// RetryNow ends the present back-off of a call.
	RetryNow(ctx context.Context, call forgehook.CallRef) error
	// Resume lets a held call go on.
	Resume(ctx context.Context, call forgehook.CallRef) error
	// Cancel asks a call to end.
	Cancel(ctx context.Context, call forgehook.CallRef) error
	// CancelRun asks the run of an event to end.
	CancelRun(ctx context.Context, run forgehook.RunRef) error
	// State tells how the last workflow of an id stands.
	State(ctx context.Context, workflowID string) (forgehook.WorkflowState, error)
	// Ping tells whether the engine answers.
	Ping(ctx context.Context) error
}

// Store is what a commit has left to be done. PostgreSQL is one; tests have another, which fails
// when they say so.
type Store interface {
	// Wakes and CausedRuns are what the end of a call has raised, and was not done yet.
	Wakes(ctx context.Context, call forgehook.CallRef) ([]forgehook.Wake, error)
	CausedRuns(ctx context.Context, call forgehook.CallRef) ([]forgehook.RunStart, error)
	// Woken notes that signals were sent, or that nobody is there to take them.
	Woken(ctx context.Context, ids []int64) error
	// CallStart is what gives an open call a workflow.
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
	Of     slog.Attr // whose commits they are, for the log
}

// Follow does what a stored change has raised.
func (d Dispatcher) Follow(ctx context.Context, raised postgres.Raised) {
	d.behind(ctx, "what a change has raised", func(ctx context.Context) error { return d.follow(ctx, raised) })
}

// StartCalls gives accepted calls their workflows.
func (d Dispatcher) StartCalls(ctx context.Context, starts []forgehook.CallStart) {
	if len(starts) > 0 {
		d.behind(ctx, "the start of calls", func(ctx context.Context) error { return d.Engine.StartCalls(ctx, starts) })
	}
}

// StartProcess gives an accepted process its workflow.
func (d Dispatcher) StartProcess(ctx context.Context, start forgehook.ProcessStart) {
	d.behind(ctx, "the start of a process", func(ctx context.Context) error { return d.Engine.StartProcess(ctx, start) })
}

// Drain starts the release of a resumed utility's held calls.
func (d Dispatcher) Drain(ctx context.Context, tenant forgehook.TenantID, webHookServiceID int32) {
	d.behind(ctx, "the drain of a resumed utility", func(ctx context.Context) error { return d.Engine.Drain(ctx, tenant, webHookServiceID) })
}

// Ended does what the end of a call has raised. After an error the sweep does the rest. What can be
// read is done although the other cannot.
func (d Dispatcher) Ended(ctx context.Context, call forgehook.CallRef) error {
	wakes, wakesErr := d.Store.Wakes(ctx, call)
	runs, runsErr := d.Store.CausedRuns(ctx, call)
	return errors.Join(wakesErr, runsErr, d.follow(ctx, postgres.Raised{Wakes: wakes, Runs: runs}))
}

// follow sends signals first, as there are few and somebody waits for them. Runs may be many.
func (d Dispatcher) follow(ctx context.Context, raised postgres.Raised) error {
	_, away, err := d.wake(ctx, raised.Wakes)
	if len(raised.Runs) == 0 || away {
		return err
	}
	return errors.Join(err, d.Engine.StartRuns(ctx, raised.Runs))
}

// Wake sends signals that are owed, and notes which were sent even where the time is up by then. A
// workflow that is not there has ended, or asks how things stand when it starts: nothing is owed to
// it any more. A signal that is refused keeps no other from being sent. Once the engine does not
// answer, the rest is not tried.
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

// behind does what has to follow a commit. It is stored, so that a failure is the sweep's to mend.
func (d Dispatcher) behind(ctx context.Context, what string, do func(context.Context) error) {
	ctx, cancel := outlive(ctx)
	defer cancel()
	if err := do(ctx); err != nil {
		d.Log.LogAttrs(ctx, slog.LevelWarn, "left to the sweep: "+what, d.Of, slog.Any("error", err))
	}
}

// outlive is for what goes on after the client or step that began it has left. It ends after 5 s,
// or when the step's own time is up, if that is later.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	within := 5 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		within = max(within, time.Until(deadline))
	}
	return context.WithTimeout(context.WithoutCancel(ctx), within)
}

// missing says that the engine knows no workflow that could take what it was asked to give.
func missing(err error) bool { return forgehook.ErrorCode(err) == forgehook.CodeNotFound }
