package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"go.temporal.io/sdk/temporal"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/workflows"
)

// fault turns an error into one that may stand in a workflow's history, without document values or
// SQL. It alone logs the whole chain. A cancellation counts only if nothing else went wrong: when
// the engine goes away, pending starts are cancelled too.
func (a *Activities) fault(step string, call workflows.CallRef, err error) error {
	return a.faultOf(step, callAttr(call), err)
}

func callAttr(call workflows.CallRef) slog.Attr { return slog.String("call", call.CallID) }

// faultOf is fault for a step that is not about a call.
func (a *Activities) faultOf(step string, what slog.Attr, err error) error {
	if temporal.IsApplicationError(err) { // an inner step has made it
		return err
	}
	e, known := errors.AsType[*forgehook.Error](err)
	if !known && errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", step, context.Canceled)
	}
	a.Log.Error("activity failed", "step", step, what, "error", err)
	if !known {
		return temporal.NewApplicationError(step+" failed: see the worker's log", string(forgehook.CallErrorInternal))
	}
	message := fmt.Sprintf("%s failed: %s", step, e.Code)
	if e.Code == forgehook.CodeUnavailable { // the database or the engine
		return temporal.NewApplicationError(message, string(e.Code))
	}
	for _, f := range e.Fields {
		message += " " + f.Path
	}
	return temporal.NewNonRetryableApplicationError(message, string(e.Code), nil)
}
