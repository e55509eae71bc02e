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
	// heartbeatAfter keeps quick exchanges free of heartbeats; with a heartbeat timeout of 5 s it
	// leaves one to be missed.
	heartbeatAfter = 2 * time.Second
	// recordWithin is how long a finished exchange waits for the database: within the 10 s that the
	// activity has beyond the exchange's own timeout. startWithin is the rest of them: what has not
	// begun by then is not sent.
	recordWithin = 8 * time.Second
	startWithin  = 2 * time.Second
	// ourFaultDelay spaces tries that failed before anything was sent, for reasons that are ours.
	ourFaultDelay = 10 * time.Second
)

// Deliver makes one attempt: note it as started, add secrets and signature, send, judge, record it
// together with the call.
//
// The exchange and its recording do not run on the activity's context: a cancel, a pause or a reset
// of the activity must not cut a request that is on the wire, and what came back is recorded as
// what it was. The context is looked at before the send: what cannot be finished in time, or is not
// wanted any more, is not begun.
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

// attempt calls begun when the request is about to go out.
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
		return workflows.DeliverResult{}, a.fault("read answer", in.CallRef, err)
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
	if decision.Delay == 0 { // a final decision of a late run of this step: the call is another's, which the next start tells
		decision.Delay = time.Second
	}
	// Also when ctx has ended: the workflow knows why it cancelled, and after a pause or a deploy
	// the schedule still counts.
	if in.ReportRetry {
		result.RetryIn = decision.Delay
		return result, nil
	}
	return workflows.DeliverResult{}, retryLater(started.Number, decision)
}

func awaiting(statusCode, attempts int, reason string, until time.Time) workflows.DeliverResult {
	return workflows.DeliverResult{StatusCode: statusCode, Attempts: attempts, Reason: reason, AwaitUntil: new(until.UTC())}
}

// notStarted is what there is to say where nothing is sent; over is false where the attempt was
// started.
func notStarted(in workflows.DeliverInput, started postgres.Started) (result workflows.DeliverResult, err error, over bool) {
	switch {
	case started.Outcome != "":
		result = workflows.DeliverResult{
			Outcome: started.Outcome, StatusCode: started.StatusCode, Attempts: started.Number, Wake: started.Wake,
		}
	case !started.Until.IsZero(): // an earlier run of this step got the 2xx, and the engine did not hear of it
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

// notYet goes on with the wait that an earlier run of this step has recorded, and whose end the
// engine did not hear of.
func notYet(in workflows.DeliverInput, started postgres.Started) (workflows.DeliverResult, error) {
	decision := forgehook.Decision{Reason: "waiting as before", Delay: started.Wait}
	if in.ReportRetry {
		return workflows.DeliverResult{
			StatusCode: started.StatusCode, Attempts: started.Number, Reason: decision.Reason, RetryIn: decision.Delay,
		}, nil
	}
	return workflows.DeliverResult{}, retryLater(started.Number, decision)
}

// timely is an error where the exchange and its recording would outlast the activity, so that a
// successor would send again beside it, or where the activity is not wanted any more.
func timely(ctx context.Context, timeout time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < timeout+recordWithin {
		return errors.New("the start took so long that the exchange might not end in time")
	}
	return ctx.Err()
}

// retryLater leaves the next attempt to the activity's retry policy. The Temporal UI shows the
// message as the pending activity's last failure; benign, because an endpoint's bad day is no fault
// of ours.
func retryLater(number int, d forgehook.Decision) error {
	message := fmt.Sprintf("attempt %d: %s, next try in %s", number, d.Reason, workflows.Wait(d.Delay))
	return temporal.NewApplicationErrorWithOptions(message, "EndpointNotReady", temporal.ApplicationErrorOptions{
		NextRetryDelay: d.Delay, Category: temporal.ApplicationErrorCategoryBenign,
	})
}
