package activities

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/webhook"
	"github.com/forgehook/forgehook/workflows"
)

const (
	// heartbeatAfter spares quick exchanges all heartbeats. With the heartbeat timeout of 5 s, one
	// heartbeat may be lost.
	heartbeatAfter = 2 * time.Second
	// recordWithin is how long a finished exchange may wait for the database. startWithin is how
	// long its start may take. Together they are the 10 s that the activity has beyond the
	// exchange's own timeout.
	recordWithin = 8 * time.Second
	startWithin  = 2 * time.Second
	// ourFaultDelay is the delay after a failure of ours before the send.
	ourFaultDelay = 10 * time.Second
)

// Deliver makes one attempt: it notes the start, adds secrets and signature, sends, judges, and
// records the attempt together with the call.
//
// The exchange and its recording do not run on the activity's context: a cancel, a pause or a reset
// of the activity must not cut a request on the wire, and its result must be recorded. Deliver
// checks the context before the send. It does not begin what is no longer wanted or cannot end in
// time. See decision 4.
func (a *Activities) Deliver(ctx context.Context, in workflows.DeliverInput) (workflows.DeliverResult, error) {
	if activity.GetInfo(ctx).IsLocalActivity {
		return a.deliverWithin(ctx, in)
	}
	stop := heartbeat(ctx)
	defer stop()
	ctx, cancel := wanted(ctx)
	defer cancel()
	if in.Underway {
		if result, err, ended := a.awaitUnderway(ctx, in); ended {
			return result, err
		}
	}
	begun := a.Starts.begin()
	defer begun()
	return a.attempt(ctx, in, begun)
}

// attempt calls begun just before it sends the request.
func (a *Activities) attempt(ctx context.Context, in workflows.DeliverInput, begun func()) (workflows.DeliverResult, error) {
	started, err := a.DB.StartAttempt(ctx, postgres.AttemptStart{
		Ref: in.CallRef, Released: in.Released, AtOnce: in.AtOnce, Yields: activity.GetInfo(ctx).IsLocalActivity, Now: a.Now(),
	})
	if err != nil {
		return workflows.DeliverResult{}, a.fault("start attempt", in.CallRef, err)
	}
	if result, err, over := notStarted(in, started); over {
		return result, err
	}

	attempt, err := a.prepare(ctx, in.CallRef, started)
	if err == nil {
		err = timely(ctx, attempt.request.Timeout)
	}
	if err != nil {
		return a.abandon(ctx, in.CallRef, started.Number, err)
	}
	begun()
	exchange := a.exchange(ctx, attempt)
	lasting, cancel := lasting(ctx)
	defer cancel()
	decision, reading, err := a.judge(lasting, in.CallRef, attempt, exchange, webhook.Tally{
		Counted: started.Counted + 1, Jitter: rand.Float64(), Deadline: started.DeadlineAt, //nolint:gosec // jitter is no secret
	})
	if err != nil {
		return workflows.DeliverResult{}, a.fault("read response", in.CallRef, err)
	}
	if attempt.unseen != attempt.secrets {
		exchange = redact(exchange, attempt.unseen)
	}
	count(ctx, "forgehook_attempts", "verdict", string(decision.Verdict))
	recorded, err := a.record(lasting, in.CallRef, started.Number, attempt, exchange, decision, reading)
	if err != nil {
		return workflows.DeliverResult{}, a.fault("record attempt", in.CallRef, err)
	}

	result := workflows.DeliverResult{
		Outcome: recorded.Outcome, StatusCode: exchange.StatusCode, Attempts: recorded.Attempts, Reason: decision.Reason, Wake: recorded.Wake,
	}
	if recorded.Outcome != "" {
		count(ctx, "forgehook_outcomes", "outcome", string(recorded.Outcome))
		return result, nil
	}
	if !recorded.Until.IsZero() {
		return awaiting(exchange.StatusCode, recorded.Attempts, decision.Reason, recorded.Until), nil
	}
	if decision.Delay == 0 { // a late run of this step got a final decision, but another run owns the call now: the next start tells
		decision.Delay = time.Second
	}
	// Do this even if ctx has ended: the workflow knows why it cancelled, and the schedule still
	// holds after a pause or a deploy.
	if in.ReportRetry {
		result.RetryIn = decision.Delay
		return result, nil
	}
	return workflows.DeliverResult{}, retryLater(started.Number, decision)
}

func awaiting(statusCode, attempts int, reason string, until time.Time) workflows.DeliverResult {
	return workflows.DeliverResult{StatusCode: statusCode, Attempts: attempts, Reason: reason, AwaitUntil: new(until.UTC())}
}

// notStarted is the result of a step that must not send. over is false if the attempt was started.
func notStarted(in workflows.DeliverInput, started postgres.Started) (result workflows.DeliverResult, err error, over bool) {
	switch {
	case started.Outcome != "":
		result = workflows.DeliverResult{
			Outcome: started.Outcome, StatusCode: started.StatusCode, Attempts: started.Number, Wake: started.Wake,
		}
	case !started.Until.IsZero(): // an earlier run of this step got a 2xx, but the engine was not told
		result = awaiting(started.StatusCode, started.Number, "waiting as before", started.Until)
	case started.Underway:
		result.Underway = true
	case started.Held:
		result = workflows.DeliverResult{Held: true, Attempts: started.Number}
	case started.Wait > 0:
		result, err = notYet(in, started)
	default:
		return result, nil, false
	}
	return result, err, true
}

// notYet continues the wait that an earlier run of this step has recorded but could not report to
// the engine.
func notYet(in workflows.DeliverInput, started postgres.Started) (workflows.DeliverResult, error) {
	decision := forgehook.Decision{Reason: "waiting as before", Delay: started.Wait}
	if in.ReportRetry {
		return workflows.DeliverResult{
			StatusCode: started.StatusCode, Attempts: started.Number, Reason: decision.Reason, RetryIn: decision.Delay,
		}, nil
	}
	return workflows.DeliverResult{}, retryLater(started.Number, decision)
}

// timely fails if the exchange and its recording could outlast the activity, because its successor
// would then send at the same time. It also fails if the activity is no longer wanted.
func timely(ctx context.Context, timeout time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < timeout+recordWithin {
		return errors.New("the start took so long that the exchange might not end in time")
	}
	return ctx.Err()
}

// retryLater leaves the next attempt to the activity's retry policy. The Temporal UI shows the
// message as the last failure of the pending activity. The error is benign: a failing endpoint is
// not our fault.
func retryLater(number int, d forgehook.Decision) error {
	message := fmt.Sprintf("attempt %d: %s, next try in %s", number, d.Reason, workflows.Wait(d.Delay))
	return temporal.NewApplicationErrorWithOptions(message, "EndpointNotReady", temporal.ApplicationErrorOptions{
		NextRetryDelay: d.Delay, Category: temporal.ApplicationErrorCategoryBenign,
	})
}
