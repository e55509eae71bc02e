package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/workflows"
)

const (
	startAfter = 5 * time.Second  // an accepted call without a run by then was lost between accept and start
	checkEvery = 30 * time.Second // how often an open call's run is looked at
	startLimit = 2000             // calls that a sweep starts, 16 at a time
	checkLimit = 500              // runs that it looks at, one by one
)

// SweepCalls mends what fell between the two stores: accepted calls that were never started, drains that were never started, and
// open calls whose run has ended (an operator's Terminate runs no code of ours) or is gone. One that cannot be mended keeps no
// other from it.
func (a *Activities) SweepCalls(ctx context.Context) (workflows.SweepResult, error) {
	var result workflows.SweepResult
	now := a.Now()
	starts, err := a.DB.UnstartedCalls(ctx, now.Add(-startAfter), startLimit)
	if err != nil {
		return result, a.fault("list unstarted calls", workflows.CallRef{}, err)
	}
	var faults []error
	if err := a.Starter.StartCalls(ctx, starts); err != nil {
		faults = append(faults, a.fault("start calls", workflows.CallRef{}, err))
	} else {
		result.Started = len(starts)
	}
	draining, err := a.DB.Draining(ctx)
	if err != nil {
		return result, a.fault("list draining utilities", workflows.CallRef{}, err)
	}
	for _, u := range draining {
		if err := a.Starter.Drain(ctx, u.Tenant, u.WebHookServiceID); err != nil {
			faults = append(faults, a.fault("start drain", workflows.CallRef{Tenant: u.Tenant}, err))
		}
	}
	stale, err := a.DB.StaleCalls(ctx, now.Add(-checkEvery), checkLimit)
	if err != nil {
		return result, a.fault("list stale calls", workflows.CallRef{}, err)
	}
	for _, start := range stale {
		activity.RecordHeartbeat(ctx)
		settled, err := a.settle(ctx, start)
		if err != nil {
			faults = append(faults, err)
		}
		if settled {
			result.Settled++
		}
	}
	if len(faults) > 0 {
		return result, faults[0] // the others are in the log
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
