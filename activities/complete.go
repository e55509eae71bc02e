package activities

import (
	"context"
	"errors"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/workflows"
)

// CompleteCall gives the call its outcome unless it has one already, and returns the one that stands.
func (a *Activities) CompleteCall(ctx context.Context, in workflows.CompleteInput) (workflows.CallResult, error) {
	return a.complete(ctx, in.CallRef, in.Outcome, forgehook.CallError{Code: in.Code, Message: in.Message})
}

func (a *Activities) complete(ctx context.Context, call workflows.CallRef, outcome forgehook.Outcome, why forgehook.CallError) (workflows.CallResult, error) {
	done, err := a.DB.CompleteCall(ctx, call, outcome, &why, a.Now())
	if err != nil {
		return workflows.CallResult{}, a.fault("complete call", call, err)
	}
	return workflows.CallResult{CallID: call.CallID, Outcome: done.Outcome, StatusCode: done.StatusCode, Attempts: done.Attempts}, nil
}

// ReleaseHeld signals the next page of held calls, oldest first. A call without a run is left to the sweep.
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
		if err := a.Starter.Resume(ctx, call); err != nil && forgehook.ErrorCode(err) != forgehook.CodeNotFound {
			return workflows.ReleaseResult{}, a.fault("resume call", call, errors.Join(err, a.DB.MarkReleased(ctx, held[:i], a.Now())))
		}
	}
	if err := a.DB.MarkReleased(ctx, held, a.Now()); err != nil {
		return workflows.ReleaseResult{}, a.fault("mark calls released", drain, err)
	}
	return workflows.ReleaseResult{Released: len(held)}, nil
}

const (
	startAfter = 5 * time.Second  // an accepted call without a run by then was lost between accept and start
	checkEvery = 30 * time.Second // how often an open call's run is looked at
	sweepLimit = 500              // calls a sweep, each way
)

// SweepCalls mends what fell between the two stores: accepted calls that were never started, and open calls whose run has ended
// (an operator's Terminate runs no code of ours) or is gone.
func (a *Activities) SweepCalls(ctx context.Context) (workflows.SweepResult, error) {
	var result workflows.SweepResult
	now := a.Now()
	starts, err := a.DB.UnstartedCalls(ctx, now.Add(-startAfter), sweepLimit)
	if err != nil {
		return result, a.fault("list unstarted calls", workflows.CallRef{}, err)
	}
	if err := a.Starter.StartCalls(ctx, starts); err != nil {
		return result, a.fault("start calls", workflows.CallRef{}, err)
	}
	result.Started = len(starts)
	stale, err := a.DB.StaleCalls(ctx, now.Add(-checkEvery), sweepLimit)
	if err != nil {
		return result, a.fault("list stale calls", workflows.CallRef{}, err)
	}
	for _, start := range stale {
		settled, err := a.settle(ctx, start)
		if err != nil {
			return result, err
		}
		if settled {
			result.Settled++
		}
	}
	return result, nil
}

// settle gives an open call whose run has ended an outcome, and a new run to one whose run is gone: what was sent is in
// PostgreSQL, so a new run goes on where the old one stood.
func (a *Activities) settle(ctx context.Context, start forgehook.CallStart) (bool, error) {
	call := workflows.CallRef{Tenant: start.Tenant, CallID: start.CallID}
	state, err := a.Starter.Run(ctx, call)
	if err != nil {
		return false, a.fault("look at run", call, err)
	}
	switch state {
	case workflows.RunRunning:
		return false, nil
	case workflows.RunMissing:
		if err := a.Starter.StartCalls(ctx, []forgehook.CallStart{start}); err != nil {
			return false, a.fault("start call", call, err)
		}
		return true, nil
	case workflows.RunTerminated, workflows.RunCanceled:
		_, err = a.complete(ctx, call, forgehook.Canceled, forgehook.CallError{Code: string(state), Message: "The workflow was ended in Temporal."})
	default:
		_, err = a.complete(ctx, call, forgehook.Failed, forgehook.CallError{Code: "run_" + string(state), Message: "The workflow ended without an outcome."})
	}
	return err == nil, err
}
