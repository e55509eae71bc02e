package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/forgehook/forgehook"
)

// reason says why a wait ended early. It is an outcome if the call ends, else a signal.
type reason string

const (
	none       reason = ""
	canceled   reason = reason(forgehook.Canceled)
	expired    reason = reason(forgehook.Expired)
	retryNow   reason = RetryNowSignal
	resumed    reason = ResumeSignal
	calledBack reason = CallbackSignal
)

func (r reason) ends() bool { return r == canceled || r == expired }

// wait returns none when done is ready, else the first interrupt: a cancellation, the deadline
// unless it stands still, or a signal. done is nil on hold and for a callback. The first attempt
// runs without the deadline's timer, which most calls never need: the attempt has its own timeout,
// and Deliver asks PostgreSQL about the deadline before it starts one.
func (c *call) wait(done workflow.Future, signals ...reason) (why reason) {
	first := workflow.NewSelector(c.ctx)
	if done != nil {
		first.AddFuture(done, func(workflow.Future) {})
	}
	first.AddReceive(c.own.Done(), func(workflow.ReceiveChannel, bool) { why = canceled })
	if !c.first && !c.still {
		c.startDeadline()
		first.AddFuture(c.deadline, func(workflow.Future) { why = expired })
	}
	for _, signal := range signals {
		first.AddReceive(workflow.GetSignalChannel(c.ctx, string(signal)), func(ch workflow.ReceiveChannel, _ bool) {
			ch.Receive(c.ctx, nil)
			why = signal
		})
	}
	first.Select(c.ctx)
	return why
}

// startDeadline starts the timer if it is not running.
func (c *call) startDeadline() {
	if c.deadline != nil {
		return
	}
	summary := "deadline of the call"
	if c.taken {
		summary = "callback of the endpoint"
	}
	ctx, stop := workflow.WithCancel(c.ctx)
	rest := c.deadlineAt.Sub(workflow.Now(c.ctx))
	c.deadline, c.stopDeadline = workflow.NewTimerWithOptions(ctx, rest, workflow.TimerOptions{Summary: summary}), stop
}

// dropDeadline stops the timer if it is running.
func (c *call) dropDeadline() {
	if c.deadline != nil {
		c.stopDeadline()
		c.deadline = nil
	}
}

func (c *call) drop(signals ...reason) {
	for _, signal := range signals {
		ch := workflow.GetSignalChannel(c.ctx, string(signal))
		for ch.ReceiveAsync(nil) {
		}
	}
}

// interruptible runs a step that an interrupt cancels, and still waits for its result. The result
// decides first; the reason counts only if nothing final came. The error says little: a send that
// is cut in its back-off is canceled, but one that fails while the cancellation is on its way is an
// application error.
func interruptible[Out any](c *call, start func(workflow.Context) workflow.Future, signals ...reason) (out Out, why reason, err error) {
	ctx, cancel := workflow.WithCancel(c.ctx)
	defer cancel()
	step := start(ctx)
	if why = c.wait(step, signals...); why != none {
		cancel()
	}
	err = step.Get(c.ctx, &out)
	return out, why, err
}
