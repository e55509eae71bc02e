package activities

import (
	"context"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
)

// wanted is the context of an activity but for one thing: the SDK ends that also where a heartbeat
// does not get through, of which the engine knows nothing. A busy engine would so have all
// deliveries given up that wait for the database, only to bring them again. What the engine says
// after that is not heard any more: no matter, as an exchange begins within [startWithin] or not at
// all, and the engine waits longer.
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

// heartbeat tells the engine that a slow exchange is alive, until stop is called. Where the task
// was long on its way, that is told before anything else: where the engine has given it up
// meanwhile, ctx ends and nothing is sent. It goes on after ctx has ended: the exchange does too,
// and a missed heartbeat would let the workflow go on without its end.
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
