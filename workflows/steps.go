package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// step is an activity by name: a method of [Activities]. No other file runs activities, since the
// SDK does not check names.
type step struct {
	name, summary string
	timeout       time.Duration // of one run
	heartbeat     time.Duration // 0: none
	leave         bool          // a cancellation does not wait for the result
}

var (
	evaluateConditions = step{name: "EvaluateConditions", summary: "explain the conditions", timeout: 5 * time.Second}
	buildRequest       = step{name: "BuildRequest", summary: "build and store the request", timeout: 5 * time.Second}
)

// local runs a step within the workflow task. Its tries may delay signals and queries by up to 20
// s.
func local(ctx workflow.Context, s step, in any) workflow.Future {
	return workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    s.timeout,
		ScheduleToCloseTimeout: 20 * time.Second,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, MaximumInterval: 5 * time.Second},
		Summary:                s.summary,
	}), s.name, in)
}

// quick runs a step as a local activity, one event instead of six. If the infrastructure fails
// longer than a workflow task may wait, it runs as a regular activity.
func quick[Out any](ctx workflow.Context, s step, in any) (out Out, err error) {
	err = local(ctx, s, in).Get(ctx, &out)
	if err == nil || isFault(err) || ctx.Err() != nil {
		return out, err
	}
	err = regular(ctx, s, in).Get(ctx, &out)
	return out, err
}

// regular runs a step until it works: the database may be down for hours.
func regular(ctx workflow.Context, s step, in any) workflow.Future {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: s.timeout,
		HeartbeatTimeout:    s.heartbeat,
		WaitForCancellation: !s.leave,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 30 * time.Second},
		Summary:             s.summary,
	}), s.name, in)
}

// deliver makes attempts. The activity names each next delay, so the policy's own delay covers only
// crashes. It has no schedule-to-close timeout, since an activity whose next try lies behind that
// would fail at once, possibly hours early. See decision 2.
func deliver(ctx workflow.Context, request Built, in DeliverInput) workflow.Future {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: in.Timeout + 10*time.Second, // for the database before and after the exchange
		HeartbeatTimeout:    5 * time.Second,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 1},
		Summary:             cut(request.Method + " to " + request.Host),
	}), "Deliver", in)
}

// deliverWithin makes the first attempt within the workflow task, which saves an activity: 5
// events, 12 transactions of the engine. It returns after a moment whatever the endpoint does, and
// tries nothing twice; deliver goes on with an attempt that it did not end.
func deliverWithin(ctx workflow.Context, request Built, in DeliverInput) workflow.Future {
	return workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 5 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:             cut(request.Method + " to " + request.Host),
	}), "Deliver", in)
}

func completeCall(ctx workflow.Context, in CompleteInput) (result CallResult, err error) {
	s := step{name: "CompleteCall", summary: "record the outcome " + string(in.Outcome), timeout: 10 * time.Second}
	err = regular(ctx, s, in).Get(ctx, &result)
	return result, err
}

// standingOutcome returns the outcome that stands, "" if none.
func standingOutcome(ctx workflow.Context, call CallRef) (result CallResult, err error) {
	s := step{name: "CompleteCall", summary: "look for the outcome", timeout: 10 * time.Second}
	err = regular(ctx, s, CompleteInput{CallRef: call}).Get(ctx, &result)
	return result, err
}

func wakeWaiters(ctx workflow.Context, call CallRef) error {
	s := step{name: "WakeWaiters", summary: "tell those who await the end", timeout: time.Minute}
	_, err := quick[struct{}](ctx, s, call)
	return err
}

func acceptCalls(ctx workflow.Context, in AcceptInput) (Accepted, error) {
	s := step{name: "AcceptCalls", summary: "accept and start the calls", timeout: 30 * time.Second, leave: true}
	return quick[Accepted](ctx, s, in)
}

func readAnswers(ctx workflow.Context, in AnswersInput) ([]CallAnswer, error) {
	s := step{name: "ReadAnswers", summary: "read how the calls ended", timeout: 10 * time.Second, leave: true}
	return quick[[]CallAnswer](ctx, s, in)
}

func acceptBatch(ctx workflow.Context, run RunRef) (batch Batch, err error) {
	s := step{name: "AcceptBatch", summary: "accept and start the calls of the next batch", timeout: time.Minute}
	err = regular(ctx, s, run).Get(ctx, &batch)
	return batch, err
}

func completeRun(ctx workflow.Context, in RunEnd) (result RunResult, err error) {
	s := step{name: "CompleteRun", summary: "record the outcome " + string(in.Outcome), timeout: 10 * time.Second}
	err = regular(ctx, s, in).Get(ctx, &result)
	return result, err
}

func lookAtWorkItem(ctx workflow.Context, process ProcessRef) (state ItemState, err error) {
	s := step{name: "LookAtWorkItem", summary: "look at the work item and its call", timeout: 10 * time.Second}
	err = regular(ctx, s, process).Get(ctx, &state)
	return state, err
}

func escalateWorkItem(ctx workflow.Context, process ProcessRef) (state ItemState, err error) {
	s := step{name: "EscalateWorkItem", summary: "hand the work item over: its due date has passed", timeout: 10 * time.Second}
	err = regular(ctx, s, process).Get(ctx, &state)
	return state, err
}

func endProcess(ctx workflow.Context, in ProcessEnd) (result ProcessResult, err error) {
	s := step{name: "EndProcess", summary: "record the end: " + string(in.Outcome), timeout: 30 * time.Second}
	err = regular(ctx, s, in).Get(ctx, &result)
	return result, err
}

func releaseHeld(ctx workflow.Context, in ReleaseInput) (result ReleaseResult, err error) {
	s := step{name: "ReleaseHeld", summary: "release the next held calls", timeout: time.Minute, heartbeat: 15 * time.Second}
	err = regular(ctx, s, in).Get(ctx, &result)
	return result, err
}

// sweepCalls is retried soon: an open sweep keeps the schedule from starting the next, and calls
// whose start was lost wait for it.
func sweepCalls(ctx workflow.Context) (result SweepResult, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		HeartbeatTimeout:    5 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 5 * time.Second},
		Summary:             "start lost calls, settle calls whose run is gone",
	})
	err = workflow.ExecuteActivity(ctx, "SweepCalls").Get(ctx, &result)
	return result, err
}
