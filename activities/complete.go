package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/workflows"
)

// CompleteCall gives the call its outcome unless it has one, and returns the outcome that stands.
// Without an outcome in its input it only returns the one that stands.
func (a *Activities) CompleteCall(ctx context.Context, in workflows.CompleteInput) (workflows.CallResult, error) {
	if in.Outcome == "" {
		done, err := a.DB.Standing(ctx, in.CallRef)
		if err != nil {
			return workflows.CallResult{}, a.fault("look at call", in.CallRef, err)
		}
		return callResult(in.CallRef, done), nil
	}
	return a.complete(ctx, in.CallRef, in.Outcome, forgehook.CallError{Code: in.Code, Message: in.Message})
}

func (a *Activities) complete(ctx context.Context, call workflows.CallRef, outcome forgehook.Outcome, why forgehook.CallError) (workflows.CallResult, error) {
	done, err := a.DB.CompleteCall(ctx, call, outcome, &why, a.Now())
	if err != nil {
		return workflows.CallResult{}, a.fault("complete call", call, err)
	}
	countOutcome(ctx, done)
	return callResult(call, done), nil
}

// countOutcome counts a call that has just ended.
func countOutcome(ctx context.Context, done postgres.Completion) {
	if done.Won {
		count(ctx, "forgehook_outcomes", "outcome", string(done.Outcome))
	}
}

func callResult(call workflows.CallRef, done postgres.Completion) workflows.CallResult {
	return workflows.CallResult{
		CallID: call.CallID, Outcome: done.Outcome, StatusCode: done.StatusCode, Attempts: done.Attempts, Wake: done.Wake,
	}
}

const (
	leaveWithin = 500 * time.Millisecond // a busy worker must not block the drain
	leavePoll   = 5 * time.Millisecond
)

// awaitLeave waits until a released call has begun its attempt, so that the next call begins later.
// Signals arrive in order, but the workflows they wake do not run in order.
func (a *Activities) awaitLeave(ctx context.Context, call workflows.CallRef) error {
	ctx, cancel := context.WithTimeout(ctx, leaveWithin)
	defer cancel()
	tick := time.NewTicker(leavePoll)
	defer tick.Stop()
	for {
		held, err := a.DB.IsHeld(ctx, call)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if !held && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// ReleaseHeld signals the next page of held calls, oldest first. It leaves calls without a run to
// the sweep.
func (a *Activities) ReleaseHeld(ctx context.Context, in workflows.ReleaseInput) (workflows.ReleaseResult, error) {
	drain := workflows.CallRef{Tenant: in.Tenant}
	held, err := a.DB.HeldCalls(ctx, in.Tenant, in.WebHookServiceID, in.Limit)
	if err != nil {
		return workflows.ReleaseResult{}, a.fault("list held calls", drain, err)
	}
	if len(held) == 0 {
		done, err := a.DB.FinishDrain(ctx, in.Tenant, in.WebHookServiceID)
		if err != nil {
			return workflows.ReleaseResult{}, a.fault("finish drain", drain, err)
		}
		return workflows.ReleaseResult{Done: done}, nil
	}
	for i, call := range held {
		activity.RecordHeartbeat(ctx)
		err := a.Engine.Resume(ctx, call)
		if forgehook.ErrorCode(err) == forgehook.CodeNotFound {
			continue
		}
		if err != nil {
			return workflows.ReleaseResult{}, a.fault("resume call", call, errors.Join(err, a.DB.MarkReleased(ctx, held[:i], a.Now())))
		}
		if err := a.awaitLeave(ctx, call); err != nil {
			return workflows.ReleaseResult{}, a.fault("await released call", call, errors.Join(err, a.DB.MarkReleased(ctx, held[:i+1], a.Now())))
		}
	}
	if err := a.DB.MarkReleased(ctx, held, a.Now()); err != nil {
		return workflows.ReleaseResult{}, a.fault("mark calls released", drain, err)
	}
	return workflows.ReleaseResult{Released: len(held)}, nil
}
