package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// step is an activity by name: the names are the methods of [Activities]. No other file runs activities, because the SDK checks
// nothing where an activity is a name.
type step struct {
	name, summary string
	timeout       time.Duration // of one run
	heartbeat     time.Duration // 0: none
}

var (
	evaluateConditions = step{name: "EvaluateConditions", summary: "explain the conditions", timeout: 5 * time.Second}
	buildRequest       = step{name: "BuildRequest", summary: "build and store the request", timeout: 5 * time.Second}
)

// local runs a step within the workflow task. 20 s of tries are what may delay signals and queries.
func local(ctx workflow.Context, s step, in CallRef) workflow.Future {
	return workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    s.timeout,
		ScheduleToCloseTimeout: 20 * time.Second,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, MaximumInterval: 5 * time.Second},
		Summary:                s.summary,
	}), s.name, in)
}

// regular runs a step until it works: the database may be away for hours.
func regular(ctx workflow.Context, s step, in any) workflow.Future {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: s.timeout,
		HeartbeatTimeout:    s.heartbeat,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 30 * time.Second},
		Summary:             s.summary,
	}), s.name, in)
}

// deliver makes attempts; the activity names the delay before each next one, so the policy's own covers only crashes. There is no
// schedule-to-close timeout: an activity whose next try lies behind it fails at once, possibly hours early.
func deliver(ctx workflow.Context, request Built, in DeliverInput) workflow.Future {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: in.Timeout + 10*time.Second, // beside the exchange: note the attempt, record the answer
		HeartbeatTimeout:    5 * time.Second,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 1},
		Summary:             cut(request.Method + " to " + request.Host),
	}), "Deliver", in)
}

func completeCall(ctx workflow.Context, in CompleteInput) (result CallResult, err error) {
	s := step{name: "CompleteCall", summary: "record the outcome " + string(in.Outcome), timeout: 10 * time.Second}
	err = regular(ctx, s, in).Get(ctx, &result)
	return result, err
}

func releaseHeld(ctx workflow.Context, in ReleaseInput) (result ReleaseResult, err error) {
	s := step{name: "ReleaseHeld", summary: "release the next held calls", timeout: time.Minute, heartbeat: 15 * time.Second}
	err = regular(ctx, s, in).Get(ctx, &result)
	return result, err
}

func sweepCalls(ctx workflow.Context) (result SweepResult, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		HeartbeatTimeout:    30 * time.Second,
		Summary:             "start lost calls, settle calls whose run is gone",
	})
	err = workflow.ExecuteActivity(ctx, "SweepCalls").Get(ctx, &result)
	return result, err
}
