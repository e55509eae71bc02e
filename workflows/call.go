package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/forgehook/forgehook"
)

// CallWebhook takes one accepted call to its outcome. A cancellation or a passed deadline is an
// outcome, not an error: the workflow fails only if the call is gone.
func CallWebhook(ctx workflow.Context, in CallInput) (CallResult, error) {
	c := &call{in: in, own: ctx, deadlineAt: in.AcceptedAt.Add(in.Deadline)}
	c.ctx, _ = workflow.NewDisconnectedContext(ctx)
	current := func() (Phase, error) { return c.phase, nil }
	if err := workflow.SetQueryHandlerWithOptions(ctx, PhaseQuery, current, workflow.QueryHandlerOptions{
		Description: "Where the call stands: phase, attempts, next attempt, reason.",
	}); err != nil {
		return CallResult{}, err
	}
	return c.run()
}

// call is one run of CallWebhook.
type call struct {
	in    CallInput
	own   workflow.Context // the run's own context, which a cancellation ends
	ctx   workflow.Context // for all steps and waits: wait treats a cancellation as an interrupt
	built Built
	phase Phase

	deadlineAt   time.Time       // of the call; of the callback once the endpoint took the request
	deadline     workflow.Future // its timer; nil if not needed yet or on hold
	stopDeadline workflow.CancelFunc

	first    bool // the first attempt is running
	failing  bool // the first retryable verdict has been shown
	released bool // a drain let the call pass
	atOnce   bool // somebody asked for the next attempt
	taken    bool // the endpoint took the request and will call back
	still    bool // the deadline stands still
	wake     bool // a signal of the outcome is owed
}

func (c *call) run() (CallResult, error) {
	end := c.evaluate()
	if end == nil {
		end = c.build()
	}
	for end == nil {
		end = c.deliver()
	}
	return c.finish(end)
}

func (c *call) evaluate() *ending {
	c.show(forgehook.CallEvaluating, "Evaluating the conditions.")
	evaluation, why, err := localFirst[Evaluation](c, evaluateConditions)
	c.wake = c.wake || evaluation.Wake
	switch {
	case evaluation.Outcome == forgehook.Skipped:
		return &ending{CallResult: CallResult{Outcome: forgehook.Skipped}, reason: failedConditions(evaluation.Conditions), recorded: true}
	case evaluation.Outcome != "":
		return adopt(evaluation.Outcome, "The conditions could not be evaluated, or the call had ended before.")
	}
	return c.endFor(why, err)
}

func (c *call) build() *ending {
	built, why, err := localFirst[Built](c, buildRequest)
	c.wake = c.wake || built.Wake
	if built.Outcome != "" {
		return adopt(built.Outcome, "The request could not be built, or the call had ended before.")
	}
	c.built = built
	return c.endFor(why, err)
}

// deliver makes attempts until the call ends or has to wait: for a resume, the first back-off or a
// callback.
func (c *call) deliver() *ending {
	// The attempt covers earlier signals: it starts at once, and asks PostgreSQL about a hold and a
	// callback.
	c.drop(retryNow, resumed, calledBack)
	text := "Making the first attempt."
	if c.phase.Reason != "" {
		text = "Trying again; last: " + c.phase.Reason + ". Further tries show as the pending activity Deliver."
	}
	c.show(forgehook.CallDelivering, text)
	c.first = !c.failing && !c.released && !c.taken
	result, why, err := c.attempt()
	c.first, c.wake = false, c.wake || result.Wake
	c.atOnce = why == retryNow || c.atOnce && result.Held // a hold postpones the try
	if err == nil {
		c.phase.Attempts, c.phase.Reason = result.Attempts, result.Reason
	}
	if result.Outcome != "" {
		// Also after an interrupt: the response counts.
		end := CallResult{Outcome: result.Outcome, StatusCode: result.StatusCode, Attempts: result.Attempts}
		return &ending{CallResult: end, reason: result.Reason, recorded: true}
	}
	if why == calledBack {
		if end := c.standing(); end != nil {
			return end
		}
	}
	switch {
	case result.AwaitUntil != nil && why != canceled: // the deadline was for this 2xx
		return c.await(*result.AwaitUntil)
	case why.ends():
		return c.endFor(why, nil)
	case result.Held:
		return c.hold()
	case result.RetryIn > 0:
		return c.backOff(result, why)
	case (why == retryNow || why == calledBack) && !isFault(err):
		return nil // after a spurious callback Deliver waits on, as PostgreSQL says
	case err == nil:
		err = errors.New("Deliver returned nothing")
	}
	return c.endFor(none, err)
}

// attempt makes attempts. To a quick endpoint the first one runs within the workflow task; the
// regular activity goes on with what that did not end.
func (c *call) attempt() (result DeliverResult, why reason, err error) {
	in := DeliverInput{
		CallRef: c.in.CallRef, Timeout: c.in.Timeout, ReportRetry: !c.failing, Released: c.released, AtOnce: c.atOnce,
	}
	if c.built.Quick && c.first && c.own.Err() == nil {
		within := in
		within.TaskBegan = workflow.Now(c.ctx)
		err = deliverWithin(c.ctx, c.built, within).Get(c.ctx, &result)
		if isFault(err) || err == nil && !result.Underway {
			return result, none, err
		}
		in.Underway = true // also after an infrastructure error: the attempt may still run
	}
	return interruptible[DeliverResult](c, func(ctx workflow.Context) workflow.Future { return deliver(ctx, c.built, in) }, retryNow, calledBack)
}

// backOff shows the first retryable verdict in the Temporal UI, to find failing calls, and waits
// for the second try.
func (c *call) backOff(result DeliverResult, why reason) *ending {
	c.failing = true
	if err := workflow.UpsertTypedSearchAttributes(c.ctx, LastStatusCode.ValueSet(int64(result.StatusCode))); err != nil {
		return c.endFor(none, err)
	}
	if why == retryNow {
		return nil
	}
	summary := result.Reason + ", next try in " + Wait(result.RetryIn)
	at := forgehook.Time{Time: workflow.Now(c.ctx).Add(result.RetryIn)}
	c.show(forgehook.CallWaitingRetry, summary+", at "+at.String()+".")
	c.phase.NextAttemptAt = &at
	ctx, stop := workflow.WithCancel(c.ctx)
	defer stop()
	why, end := c.waitOrEnd(workflow.NewTimerWithOptions(ctx, result.RetryIn, workflow.TimerOptions{Summary: cut(summary)}), retryNow)
	c.atOnce = why == retryNow
	return end
}

// hold waits for a resume, a cancellation or a callback. It stops the deadline of the call, but not
// that of a callback, since the endpoint goes on working.
func (c *call) hold() *ending {
	since := workflow.Now(c.ctx)
	c.phase.Reason = "the utility is paused, or still draining"
	c.show(forgehook.CallPaused, "Held since "+forgehook.Time{Time: since}.String()+": "+c.phase.Reason+".")
	if !c.taken {
		c.dropDeadline()
		c.still = true
	}
	_, end := c.waitOrEnd(nil, resumed)
	if c.still {
		c.still = false
		c.deadlineAt = c.deadlineAt.Add(workflow.Now(c.ctx).Sub(since))
	}
	c.released = true
	return end
}

// await waits for the callback of an endpoint that took the request. Its 2xx ended the call's
// deadline. From here on only the callback's deadline counts, also if a retry sends the request
// again. The 2xx also settles a retry that was asked for during the send.
func (c *call) await(until time.Time) *ending {
	c.drop(retryNow)
	if !c.taken || !until.Equal(c.deadlineAt) {
		c.dropDeadline()
		c.taken, c.deadlineAt = true, until
	}
	text := "The endpoint took the request (" + c.phase.Reason + ") and calls back until " + forgehook.Time{Time: until}.String() + "."
	c.show(forgehook.CallAwaiting, text)
	why, end := c.waitOrEnd(nil, retryNow)
	c.atOnce = why == retryNow
	return end
}

// waitOrEnd waits like wait, and looks for an outcome at each callback. Without an outcome the
// callback was not the call's.
func (c *call) waitOrEnd(done workflow.Future, signal reason) (why reason, end *ending) {
	for {
		if why = c.wait(done, signal, calledBack); why != calledBack {
			return why, c.endFor(why, nil)
		}
		if end = c.standing(); end != nil {
			return why, end
		}
	}
}

// standing is the outcome that a callback gave the call, nil if none.
func (c *call) standing() *ending {
	result, err := standingOutcome(c.ctx, c.in.CallRef)
	if err != nil || result.Outcome == "" {
		return c.endFor(none, err)
	}
	return &ending{CallResult: result, reason: "the endpoint has called back", recorded: true}
}

// finish records the outcome unless a step did, and signals it.
func (c *call) finish(end *ending) (CallResult, error) {
	result := end.CallResult
	if !end.recorded {
		var err error
		if result, err = completeCall(c.ctx, CompleteInput{
			CallRef: c.in.CallRef, Outcome: end.Outcome, Code: end.code, Message: end.reason,
		}); err != nil {
			return CallResult{}, err
		}
	}
	result.CallID, c.wake, result.Wake = c.in.CallID, c.wake || result.Wake, false
	updates := []temporal.SearchAttributeUpdate{Outcome.ValueSet(string(result.Outcome))}
	if result.Attempts > 0 {
		updates = append(updates, LastStatusCode.ValueSet(int64(result.StatusCode)))
	}
	if err := workflow.UpsertTypedSearchAttributes(c.ctx, updates...); err != nil {
		return CallResult{}, err
	}
	reason := end.reason
	if result.Outcome != end.Outcome {
		reason = "" // another outcome was quicker, and the reason is not its own
	}
	c.phase.Attempts, c.phase.Reason = result.Attempts, reason
	c.show(forgehook.CallCompleted, endText(result, reason))
	if c.wake {
		// A failure is in the worker's log. The call has ended anyway, and a sweep sends the
		// signals.
		_ = wakeWaiters(c.ctx, c.in.CallRef)
	}
	return result, nil
}

// ending is how a call ends. CompleteCall records it unless a step did; an outcome that already
// stands wins.
type ending struct {
	CallResult
	code     forgehook.CallErrorCode // of Call.error, if CompleteCall records the outcome
	reason   string
	recorded bool
}

// adopt ends a call with an outcome that stands in PostgreSQL. CompleteCall tells the number of its
// attempts.
func adopt(outcome forgehook.Outcome, reason string) *ending {
	return &ending{CallResult: CallResult{Outcome: outcome}, reason: reason}
}

func endWith(outcome forgehook.Outcome, code forgehook.CallErrorCode, reason string) *ending {
	return &ending{CallResult: CallResult{Outcome: outcome}, code: code, reason: reason}
}

// endFor is how the call ends for an interrupt or an error, nil if it goes on.
func (c *call) endFor(why reason, err error) *ending {
	switch {
	case why == canceled:
		return endWith(forgehook.Canceled, forgehook.CallErrorCanceled, "The call was canceled.")
	case why == expired && c.taken:
		return endWith(forgehook.Expired, forgehook.CallErrorCallbackTimeout, forgehook.CallErrorCallbackTimeout.Because().Message)
	case why == expired:
		had := " It had " + Wait(c.in.Deadline) + "."
		return endWith(forgehook.Expired, forgehook.CallErrorDeadlinePassed, forgehook.CallErrorDeadlinePassed.Because().Message+had)
	case err != nil:
		because := forgehook.CallErrorInternal.Because()
		if fault, ok := errors.AsType[*temporal.ApplicationError](err); ok {
			because.Message = fault.Message()
			if code := forgehook.CallErrorCode(fault.Type()); code.Declared() {
				because.Code = code
			}
		}
		return endWith(forgehook.Failed, because.Code, because.Message)
	}
	return nil
}

// localFirst runs a step as a local activity: one event instead of six. If the infrastructure fails
// longer than a workflow task may wait, the step runs as a regular activity until it works, and
// interrupts reach it there.
func localFirst[Out any](c *call, s step) (out Out, why reason, err error) {
	if c.own.Err() != nil {
		return out, canceled, nil
	}
	err = local(c.ctx, s, c.in.CallRef).Get(c.ctx, &out)
	if err == nil || isFault(err) {
		return out, none, err
	}
	return interruptible[Out](c, func(ctx workflow.Context) workflow.Future { return regular(ctx, s, c.in.CallRef) })
}

// isFault reports whether a step failed for good. Other errors are the infrastructure's, or
// cancellations.
func isFault(err error) bool {
	fault, ok := errors.AsType[*temporal.ApplicationError](err)
	return ok && fault.NonRetryable()
}

// show tells the phase query and the Temporal UI where the call stands.
func (c *call) show(phase forgehook.CallStatus, text string) {
	c.phase.Phase, c.phase.NextAttemptAt = phase, nil
	workflow.SetCurrentDetails(c.ctx, details(c.built, text))
}
