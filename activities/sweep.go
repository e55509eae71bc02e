package activities

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/dispatch"
	"github.com/forgehook/forgehook/workflows"
)

const (
	startAfter = 5 * time.Second  // a call without a run by then was lost between accept and start
	checkEvery = 30 * time.Second // how often the run of an open call is checked
	startLimit = 2000             // calls that a sweep starts, 16 at a time
	checkLimit = 500              // runs that a sweep checks, one by one
	wakeAfter  = 5 * time.Second  // a signal still owed by then was lost
	wakeLimit  = 500              // signals that a sweep sends, one by one
)

// SweepCalls mends what was lost between PostgreSQL and Temporal: calls, runs, processes and drains
// that were never started, signals that were never sent, and open calls, runs and processes whose
// workflow is gone or has ended (an operator's Terminate runs none of our code). One that cannot be
// mended does not block the others.
func (a *Activities) SweepCalls(ctx context.Context) (workflows.SweepResult, error) {
	var result workflows.SweepResult
	stop := heartbeat(ctx)
	defer stop()
	now := a.Now()
	starts, err := a.DB.UnstartedCalls(ctx, now.Add(-startAfter), startLimit)
	if err != nil {
		return result, a.fault("list unstarted calls", workflows.CallRef{}, err)
	}
	var faults []error
	if err := a.Engine.StartCalls(ctx, starts); err != nil {
		faults = append(faults, a.fault("start calls", workflows.CallRef{}, err))
	} else {
		result.Started = len(starts)
	}
	draining, err := a.DB.Draining(ctx)
	if err != nil {
		return result, a.fault("list draining utilities", workflows.CallRef{}, err)
	}
	for _, u := range draining {
		if err := a.Engine.Drain(ctx, u.Tenant, u.WebHookServiceID); err != nil {
			faults = append(faults, a.fault("start drain", workflows.CallRef{Tenant: u.Tenant}, err))
		}
	}
	stale, err := a.DB.StaleCalls(ctx, now.Add(-checkEvery), checkLimit)
	if err != nil {
		return result, a.fault("list stale calls", workflows.CallRef{}, err)
	}
	faults = append(faults, settleEach(ctx, stale, &result.Settled, a.settleCall, func(s forgehook.CallStart, err error) error {
		return a.fault("settle call", workflows.CallRef{Tenant: s.Tenant, CallID: s.CallID}, err)
	}))
	faults = append(faults, a.sweepWakes(ctx, now, &result), a.sweepRuns(ctx, now, &result), a.sweepProcesses(ctx, now, &result))
	for _, fault := range faults {
		if fault != nil {
			return result, fault // the others are in the log
		}
	}
	return result, nil
}

func (a *Activities) sweepWakes(ctx context.Context, now time.Time, result *workflows.SweepResult) error {
	wakes, err := a.DB.OldWakes(ctx, now.Add(-wakeAfter), wakeLimit)
	if err != nil {
		return a.faultOf("list owed signals", slog.Int("limit", wakeLimit), err)
	}
	if result.Woken, err = a.dispatch(slog.Int("limit", wakeLimit)).Wake(ctx, wakes); err != nil {
		return a.faultOf("send owed signals", slog.Int("sent", result.Woken), err)
	}
	return nil
}

func (a *Activities) sweepRuns(ctx context.Context, now time.Time, result *workflows.SweepResult) error {
	stale, err := a.DB.StaleRuns(ctx, now.Add(-checkEvery), checkLimit)
	if err != nil {
		return a.faultOf("list stale runs", slog.Int("limit", checkLimit), err)
	}
	return settleEach(ctx, stale, &result.Resumed, a.settleRun, func(s forgehook.RunStart, err error) error {
		return a.faultOf("settle run", slog.String("run", s.RunID), err)
	})
}

// settleEach stops if the engine is away: it would be away for the rest, too.
func settleEach[T any](
	ctx context.Context, stale []T, settled *int, settle func(context.Context, T) (done bool, err error), fault func(T, error) error,
) (first error) {
	for _, one := range stale {
		done, err := settle(ctx, one)
		switch {
		case err == nil && done:
			*settled++
		case err != nil:
			first = cmp.Or(first, fault(one, err))
		}
		if forgehook.ErrorCode(err) == forgehook.CodeUnavailable {
			break
		}
	}
	return first
}

// settleRun gives a run a workflow if it has none, and an outcome if its workflow ended without
// one.
func (a *Activities) settleRun(ctx context.Context, start forgehook.RunStart) (resumed bool, err error) {
	resumed, _, err = a.dispatch(slog.String("run", start.RunID)).Settle(ctx, dispatch.Lost{
		WorkflowID: workflows.RunID(start.RunID),
		Start:      func() error { return a.Engine.StartRuns(ctx, []forgehook.RunStart{start}) },
		End: func(canceled bool, why *forgehook.CallError) error {
			outcome := forgehook.RunFailed
			if canceled {
				outcome = forgehook.RunCanceled
			}
			_, err := a.DB.CompleteRun(ctx, start.RunRef, outcome, why, a.Now())
			return err
		},
	})
	return resumed, err
}

func (a *Activities) sweepProcesses(ctx context.Context, now time.Time, result *workflows.SweepResult) error {
	stale, err := a.DB.StaleProcesses(ctx, now.Add(-checkEvery), checkLimit)
	if err != nil {
		return a.faultOf("list stale processes", slog.Int("limit", checkLimit), err)
	}
	return settleEach(ctx, stale, &result.Resumed, a.settleProcess, func(p forgehook.ProcessRef, err error) error {
		return a.faultOf("settle process", slog.String("process", p.ProcessID), err)
	})
}

// settleProcess gives a process a workflow if it has none, and an end if its workflow ended without
// one.
func (a *Activities) settleProcess(ctx context.Context, ref forgehook.ProcessRef) (resumed bool, err error) {
	resumed, _, err = a.dispatch(process(ref)).Settle(ctx, dispatch.Lost{
		WorkflowID: workflows.ProcessID(ref.ProcessID),
		Start: func() error {
			at, err := a.DB.LookAtItem(ctx, ref)
			if err != nil {
				return err
			}
			start := forgehook.ProcessStart{ProcessRef: ref, CallID: at.Call.CallID}
			if at.Item != nil {
				start.WorkItemID = at.Item.ID
			}
			return a.Engine.StartProcess(ctx, start)
		},
		End: func(bool, *forgehook.CallError) error {
			_, err := a.EndProcess(ctx, workflows.ProcessEnd{ProcessRef: ref, Outcome: forgehook.ProcessCanceled})
			return err
		},
	})
	return resumed, err
}

// settleCall gives an open call a workflow if it has none, and an outcome if its workflow ended
// without one.
func (a *Activities) settleCall(ctx context.Context, start forgehook.CallStart) (bool, error) {
	call := workflows.CallRef{Tenant: start.Tenant, CallID: start.CallID}
	then := a.dispatch(callAttr(call))
	started, ended, err := then.Settle(ctx, dispatch.Lost{
		WorkflowID: workflows.CallID(call.CallID),
		Start:      func() error { return a.Engine.StartCalls(ctx, []forgehook.CallStart{start}) },
		End: func(canceled bool, why *forgehook.CallError) error {
			outcome := forgehook.Failed
			if canceled {
				outcome = forgehook.Canceled
			}
			done, err := then.EndCall(ctx, call, outcome, why, a.Now())
			countOutcome(ctx, done)
			return err
		},
	})
	return started || ended, err
}
