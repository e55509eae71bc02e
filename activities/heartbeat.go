package activities

import (
	"context"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
)

// wanted is the context of an activity without one fault: the SDK also ends that context when a
// heartbeat fails to arrive, although the engine has cancelled nothing. A busy engine would then
// lose and reschedule all deliveries that wait for the database. What the engine says later is not
// heard. That does no harm: an exchange begins within [startWithin] or not at all, and the engine
// waits longer.
func wanted(ctx context.Context) (context.Context, context.CancelFunc) {
	lasting, end := context.WithCancelCause(context.WithoutCancel(ctx))
	pass := func() {
		if cause := context.Cause(ctx); !unheard(cause) {
			end(cause)
		}
	}
	stop := context.AfterFunc(ctx, pass)
	if ctx.Err() != nil { // ended by the first heartbeat: do not wait for AfterFunc
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

// unheard reports whether an error is of a request to the engine that may be sent again.
func unheard(err error) bool {
	switch err.(type) { //nolint:errorlint // it is never wrapped
	case *serviceerror.Unavailable, *serviceerror.DeadlineExceeded, *serviceerror.ResourceExhausted, *serviceerror.Internal:
		return true
	}
	return false
}

// heartbeat tells the engine that a slow exchange is alive, until stop is called. If the task
// arrived late, the first heartbeat comes at once: if the engine has given the task up, ctx ends
// and nothing is sent. Heartbeats go on after ctx has ended, because the exchange does too, and a
// missed one would let the workflow continue before the exchange ends.
func heartbeat(ctx context.Context) (stop func()) {
	beating := context.WithoutCancel(ctx)      // the SDK sends heartbeats on the context it is given
	begin := activity.GetInfo(ctx).StartedTime // by the engine's clock, from which it waits
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
