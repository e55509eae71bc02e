package activities

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/mask"
	"github.com/forgehook/forgehook/internal/outbound"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/webhook"
	"github.com/forgehook/forgehook/workflows"
)

const (
	// heartbeatAfter keeps quick exchanges free of heartbeats; with a heartbeat timeout of 5 s it leaves one to be missed.
	heartbeatAfter = 2 * time.Second
	// recordWithin is how long a finished exchange waits for the database: within the 10 s that the activity has beyond the
	// exchange's own timeout. startWithin is the rest of them: what has not begun by then is not sent.
	recordWithin = 8 * time.Second
	startWithin  = 2 * time.Second
	// ourFaultDelay spaces tries that failed before anything was sent, for reasons that are ours.
	ourFaultDelay = 10 * time.Second
)

// Deliver makes one attempt: note it as started, add secrets and signature, send, judge, record it together with the call.
//
// The exchange and its recording do not run on the activity's context: a cancel, a pause or a reset of the activity must not cut
// a request that is on the wire, and what came back is recorded as what it was. The context is looked at before the send: what
// cannot be finished in time, or is not wanted any more, is not begun.
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
	switch {
	case err != nil:
		return workflows.DeliverResult{}, a.fault("start attempt", in.CallRef, err)
	case started.Outcome != "":
		return workflows.DeliverResult{
			Outcome: started.Outcome, StatusCode: started.StatusCode, Attempts: started.Number, Wake: started.Wake,
		}, nil
	case !started.Until.IsZero(): // an earlier run of this step got the 2xx, and the engine did not hear of it
		return awaiting(started.StatusCode, started.Number, "waiting as before", started.Until), nil
	case started.Underway:
		return workflows.DeliverResult{Underway: true}, nil
	case started.Held:
		return workflows.DeliverResult{Held: true, Attempts: started.Number}, nil
	case started.Wait > 0:
		return a.notYet(in, started)
	}

	attempt, err := a.prepare(ctx, in.CallRef, started)
	if err == nil {
		err = timely(ctx, attempt.request.Timeout)
	}
	if err != nil {
		return a.abandon(ctx, in.CallRef, started.Number, err)
	}
	begun()
	// The rules see what the endpoint says about secret fields, so that it can be written back; nothing else does.
	exchange := redact(a.Sender.Send(context.WithoutCancel(ctx), attempt.request), attempt.secrets)
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
	// Also when ctx has ended: the workflow knows why it cancelled, and after a pause or a deploy the schedule still counts.
	if in.ReportRetry {
		result.RetryIn = decision.Delay
		return result, nil
	}
	return workflows.DeliverResult{}, retryLater(started.Number, decision)
}

func awaiting(statusCode, attempts int, reason string, until time.Time) workflows.DeliverResult {
	return workflows.DeliverResult{StatusCode: statusCode, Attempts: attempts, Reason: reason, AwaitUntil: new(until.UTC())}
}

// notYet goes on with the wait that an earlier run of this step has recorded, and whose end the engine did not hear of.
func (a *Activities) notYet(in workflows.DeliverInput, started postgres.Started) (workflows.DeliverResult, error) {
	decision := forgehook.Decision{Reason: "waiting as before", Delay: started.Wait}
	if in.ReportRetry {
		return workflows.DeliverResult{
			StatusCode: started.StatusCode, Attempts: started.Number, Reason: decision.Reason, RetryIn: decision.Delay,
		}, nil
	}
	return workflows.DeliverResult{}, retryLater(started.Number, decision)
}

// timely is an error where the exchange and its recording would outlast the activity, so that a successor would send again beside
// it, or where the activity is not wanted any more.
func timely(ctx context.Context, timeout time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < timeout+recordWithin {
		return errors.New("the start took so long that the exchange might not end in time")
	}
	return ctx.Err()
}

// retryLater leaves the next attempt to the activity's retry policy. The Temporal UI shows the message as the pending activity's
// last failure; benign, because an endpoint's bad day is no fault of ours.
func retryLater(number int, d forgehook.Decision) error {
	message := fmt.Sprintf("attempt %d: %s, next try in %s", number, d.Reason, workflows.Wait(d.Delay))
	return temporal.NewApplicationErrorWithOptions(message, "EndpointNotReady", temporal.ApplicationErrorOptions{
		NextRetryDelay: d.Delay, Category: temporal.ApplicationErrorCategoryBenign,
	})
}

// attempt is one exchange, ready to go.
type attempt struct {
	plan    *webhook.Plan
	request outbound.Request
	shown   map[string]string // headers, secrets masked
	secrets *mask.Redactor    // of the settings, and the token: the rules do not see them in the response
	unseen  *mask.Redactor    // those, and the values of secret fields: masked in all that is kept
	token   string            // of the callback, "": none
}

// prepare adds what only this attempt may hold: time, signature, credentials.
func (a *Activities) prepare(ctx context.Context, call workflows.CallRef, started postgres.Started) (*attempt, error) {
	plan, err := a.plan(call.Tenant, started.WebHookServiceID, started.Settings)
	if err != nil {
		return nil, err
	}
	settings := plan.Settings()
	if err := a.Secrets.OpenSettings(call.Tenant, &settings); err != nil {
		return nil, err
	}
	now, built := a.Now(), started.Built
	moment := map[string]string{
		"webhook-timestamp": strconv.FormatInt(now.Unix(), 10), "webhook-attempt": strconv.Itoa(started.Number),
		"traceparent": traceparent(call.CallID, started.Number),
	}
	if secret := settings.Signing.Secret; secret.IsSet() {
		if moment["webhook-signature"], err = webhook.Sign(secret.Reveal(), started.WebhookID, now, built.BodyBytes); err != nil {
			return nil, err
		}
	}
	sent, seen := maps.Clone(built.Request.Headers), maps.Clone(built.Request.Headers)
	token, err := a.callbackToken(ctx, call, plan)
	if err != nil {
		return nil, err
	}
	secrets := plan.Redactor(settings, token)
	unseen := secrets
	if built.Shown != nil {
		seen = maps.Clone(built.Shown.Headers)
		values, err := a.secretValues(ctx, call)
		if err != nil {
			return nil, err
		}
		unseen = secrets.With(values...)
	}
	maps.Copy(sent, moment)
	maps.Copy(seen, moment)
	for _, h := range plan.Credentials(settings) {
		seen[h.Name], sent[h.Name] = shown(h), h.Value
	}
	wire := make([]outbound.Header, 0, len(sent))
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		wire = append(wire, outbound.Header{Name: name, Value: sent[name]})
	}
	kept := 0
	if n := settings.Response.MaxBytes; n != nil {
		kept = *n
	}
	return &attempt{plan: plan, shown: seen, secrets: secrets, unseen: unseen, token: token, request: outbound.Request{
		Key:    endpointKey(call.Tenant, started.WebHookServiceID),
		Method: built.Request.Method, URL: built.Request.URL, Headers: wire, Body: built.BodyBytes,
		Timeout: settings.Delivery.Timeout, Keep: kept,
	}}, nil
}

// endpointKey names a utility's connections, and the pace of what it calls.
func endpointKey(tenant forgehook.TenantID, webHookServiceID int32) string {
	return fmt.Sprintf("%s/%d", tenant, webHookServiceID)
}

// secretValues are looked up only for a request that holds some: the endpoint may send them back.
func (a *Activities) secretValues(ctx context.Context, call workflows.CallRef) ([]string, error) {
	subject, err := a.DB.Subject(ctx, call)
	if err != nil {
		return nil, err
	}
	return mask.Of(&subject).Values(), nil
}

// abandon takes back an attempt of which nothing was sent: it spends no budget and tells nobody anything. Settings that are not allowed
// any more can never be sent: they end the call. All else may be mended, by an operator or by time.
func (a *Activities) abandon(ctx context.Context, call workflows.CallRef, number int, cause error) (workflows.DeliverResult, error) {
	lasting, cancel := lasting(ctx)
	defer cancel()
	err := persist(lasting, func() error { return a.DB.AbandonAttempt(lasting, call, number) })
	if err != nil {
		return workflows.DeliverResult{}, a.fault("abandon attempt", call, err)
	}
	if errors.Is(cause, context.Canceled) {
		return workflows.DeliverResult{}, cause
	}
	a.Log.Error("cannot prepare an attempt", "call", call.CallID, "error", cause)
	if forgehook.ErrorCode(cause) == forgehook.CodeInvalid {
		done, err := a.complete(context.WithoutCancel(ctx), call, forgehook.Failed,
			*forgehook.CallErrorSettings.Because())
		return workflows.DeliverResult{Outcome: done.Outcome, StatusCode: done.StatusCode, Attempts: done.Attempts, Wake: done.Wake}, err
	}
	return workflows.DeliverResult{}, temporal.NewApplicationErrorWithOptions("the request could not be prepared: see the worker's log", string(forgehook.CallErrorInternal),
		temporal.ApplicationErrorOptions{NextRetryDelay: ourFaultDelay})
}

// record stores what happened: a lost record would make the attempt unknown.
func (a *Activities) record(ctx context.Context, call workflows.CallRef, number int, t *attempt, x forgehook.Exchange, d forgehook.Decision, r forgehook.Reading) (recorded postgres.Recorded, err error) {
	err = persist(ctx, func() error {
		recorded, err = a.DB.RecordAttempt(ctx, postgres.AttemptEnd{
			Ref: call, Number: number, Headers: t.shown, Exchange: x, Decision: d, Reading: r, Now: a.Now(),
		})
		return err
	})
	return recorded, err
}

// lasting is the time that an activity has after its exchange, even where its context has ended.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
}

// persist tries for as long as ctx lasts while the database is away.
func persist(ctx context.Context, try func() error) error {
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		err := try()
		if err == nil || forgehook.ErrorCode(err) != forgehook.CodeUnavailable {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// traceparent gives every attempt of a call one trace: the call's id is the trace id.
func traceparent(callID string, number int) string {
	hex := make([]byte, 0, 32)
	for i := range len(callID) {
		if callID[i] != '-' {
			hex = append(hex, callID[i])
		}
	}
	return fmt.Sprintf("00-%s-%016x-01", hex, number)
}

// wanted is the context of an activity but for one thing: the SDK ends that also where a heartbeat does not get through, of which the engine
// knows nothing. A busy engine would so have all deliveries given up that wait for the database, only to bring them again. What the engine
// says after that is not heard any more: no matter, as an exchange begins within [startWithin] or not at all, and the engine waits longer.
func wanted(ctx context.Context) (context.Context, context.CancelFunc) {
	lasting, end := context.WithCancelCause(context.WithoutCancel(ctx))
	pass := func() {
		if cause := context.Cause(ctx); !unheard(cause) {
			end(cause)
		}
	}
	stop := context.AfterFunc(ctx, pass)
	if ctx.Err() != nil { // by the first heartbeat: now, not when AfterFunc gets to it
		pass()
	}
	cancel := func() { stop(); end(nil) }
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return lasting, cancel
	}
	until, over := context.WithDeadline(lasting, deadline)
	return until, func() { over(); cancel() }
}

// unheard reports whether an error is that of a request to the engine that may be sent again.
func unheard(err error) bool {
	switch err.(type) { //nolint:errorlint // it is never wrapped
	case *serviceerror.Unavailable, *serviceerror.DeadlineExceeded, *serviceerror.ResourceExhausted, *serviceerror.Internal:
		return true
	}
	return false
}

// heartbeat tells the engine that a slow exchange is alive, until stop is called. Where the task was long on its way, that is told before
// anything else: where the engine has given it up meanwhile, ctx ends and nothing is sent. It goes on after ctx has ended: the exchange does
// too, and a missed heartbeat would let the workflow go on without its end.
func heartbeat(ctx context.Context) (stop func()) {
	beating := context.WithoutCancel(ctx)      // the SDK sends a heartbeat with the context it is given
	begin := activity.GetInfo(ctx).StartedTime // by the engine, which waits from then on
	if time.Since(begin) >= heartbeatAfter {
		activity.RecordHeartbeat(beating)
	}
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(heartbeatAfter / 2)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case now := <-tick.C:
				if now.Sub(begin) >= heartbeatAfter {
					activity.RecordHeartbeat(beating)
				}
			}
		}
	}()
	return func() { close(done) }
}
