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

// fault turns an error into one that may stand in a workflow's history: no document value, no SQL.
// The whole chain goes to the log, here and nowhere else. That somebody gave up counts only where
// nothing else went wrong: when the engine goes away, starts that were under way are given up too.
func (a *Activities) fault(step string, call workflows.CallRef, err error) error {
	return a.faultOf(step, callAttr(call), err)
}

func callAttr(call workflows.CallRef) slog.Attr { return slog.String("call", call.CallID) }

// faultOf is fault for a step that is about something else than a call.
func (a *Activities) faultOf(step string, what slog.Attr, err error) error {
	if temporal.IsApplicationError(err) { // a step within this one has told it
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
