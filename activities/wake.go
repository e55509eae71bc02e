package activities

import (
	"context"
	"errors"
	"log/slog"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/workflows"
)

// WakeWaiters signals all who await the end of a call, and starts the runs of the events it raised.
func (a *Activities) WakeWaiters(ctx context.Context, call workflows.CallRef) error {
	wakes, err := a.DB.Wakes(ctx, call)
	if err != nil {
		return a.fault("list who awaits the call", call, err)
	}
	runs, err := a.DB.CausedRuns(ctx, call)
	if err != nil {
		return a.fault("list runs of the call", call, err)
	}
	_, err = a.wake(ctx, wakes)
	if err = errors.Join(err, a.Starter.StartRuns(ctx, runs)); err != nil {
		return a.fault("wake who awaits the call", call, err)
	}
	return nil
}

// wake sends signals that are owed and notes which were. A workflow that is not there has ended, or asks how things stand when it
// starts: nothing is owed to it any more. Once the engine does not answer, the rest is not tried.
func (a *Activities) wake(ctx context.Context, wakes []forgehook.Wake) (woken int, err error) {
	if len(wakes) == 0 {
		return 0, nil
	}
	var faults []error
	done := make([]int64, 0, len(wakes))
	for _, w := range wakes {
		err := a.Starter.Wake(ctx, w)
		if err == nil || forgehook.ErrorCode(err) == forgehook.CodeNotFound {
			done = append(done, w.ID)
			continue
		}
		faults = append(faults, err)
		if forgehook.ErrorCode(err) == forgehook.CodeUnavailable {
			break
		}
	}
	if len(done) > 0 {
		faults = append(faults, a.DB.Woken(ctx, done))
	}
	return len(done), errors.Join(faults...)
}

// follow does what a stored change has raised. The sweep does what fails here.
func (a *Activities) follow(ctx context.Context, what slog.Attr, raised postgres.Raised) {
	_, err := a.wake(ctx, raised.Wakes)
	if err = errors.Join(err, a.Starter.StartRuns(ctx, raised.Runs)); err != nil {
		a.Log.Warn("left to the sweep: what a change has raised", what, "error", err)
	}
}
