package activities

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
)

func TestWanted(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cause error
		goes  bool // the context lasts
	}{
		"a heartbeat timed out":              {serviceerror.NewDeadlineExceeded("context deadline exceeded"), true},
		"the engine was away":                {serviceerror.NewUnavailable("connection refused"), true},
		"the engine had enough":              {serviceerror.NewResourceExhausted(0, "namespace rate limit"), true},
		"the engine lost it":                 {serviceerror.NewInternal("shard moved"), true},
		"the engine gave it up":              {serviceerror.NewNotFound("activity not found"), false},
		"the workflow cancels":               {temporal.NewCanceledError(), false},
		"an operator paused it":              {activity.ErrActivityPaused, false},
		"the worker stops, its time is over": {nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deadline := time.Now().Add(time.Hour)
			bounded, free := context.WithDeadline(context.WithValue(t.Context(), key{}, 7), deadline)
			defer free()
			theirs, end := context.WithCancelCause(bounded)
			ours, cancel := wanted(theirs)
			defer cancel()
			if at, ok := ours.Deadline(); !ok || !at.Equal(deadline) || ours.Value(key{}) != 7 {
				t.Errorf("deadline %v, value %v", at, ours.Value(key{}))
			}
			end(tt.cause)
			late, cancelLate := wanted(theirs)
			defer cancelLate()
			equal(t, "ended, of one that begins later", late.Err() != nil, !tt.goes)
			if tt.goes {
				equal(t, "unheard", unheard(context.Cause(theirs)), true)
				equal(t, "ended", ours.Err(), nil)
				return
			}
			<-ours.Done()
			if got := context.Cause(ours); !errors.Is(got, context.Cause(theirs)) {
				t.Errorf("cause %v, want %v", got, context.Cause(theirs))
			}
		})
	}
}

type key struct{}
