package activities

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/workflows"
)

// fault turns an error into one that may stand in a workflow's history: no document value, no SQL. The whole chain goes to the
// log, here and nowhere else.
func (a *Activities) fault(step string, call workflows.CallRef, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	a.Log.Error("activity failed", "step", step, "call", call.CallID, "error", err)
	e, ok := errors.AsType[*forgehook.Error](err)
	if !ok {
		return temporal.NewApplicationError(step+" failed: see the worker's log", "internal")
	}
	if e.Code == forgehook.CodeUnavailable {
		return temporal.NewApplicationError(step+" failed: the database is away", string(e.Code))
	}
	message := fmt.Sprintf("%s failed: %s", step, e.Code)
	for _, f := range e.Fields {
		message += " " + f.Path
	}
	return temporal.NewNonRetryableApplicationError(message, string(e.Code), nil)
}
