package activities

import (
	"context"

	"github.com/forgehook/forgehook/workflows"
)

// WakeWaiters signals all waiters of an ended call, and starts the runs of the events it raised.
func (a *Activities) WakeWaiters(ctx context.Context, call workflows.CallRef) error {
	if err := a.dispatch(callAttr(call)).Ended(ctx, call); err != nil {
		return a.fault("wake who awaits the call", call, err)
	}
	return nil
}
