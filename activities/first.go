package activities

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/workflows"
)

// Patience is how long a workflow task waits for the first attempt. An endpoint that answers within
// it spares its call an activity; one that does not holds no task for longer.
const Patience = 250 * time.Millisecond

// lookAgain is how often PostgreSQL is asked for the end of an attempt in another process.
const lookAgain = 250 * time.Millisecond

// taskIsLate is the age of a workflow task, by the engine's clock, that begins no attempt any more:
// the engine may give the task to another worker before it hears of the attempt, and that one would
// send again.
const taskIsLate = 2 * time.Second

// FirstAttempts are those that workflow tasks of this process have begun and that have not ended.
type FirstAttempts struct {
	patience time.Duration
	mu       sync.Mutex
	calls    map[string]*firstAttempt // by call id
	open     sync.WaitGroup
}

// NewFirstAttempts makes an empty one; patience is [Patience] but in tests.
func NewFirstAttempts(patience time.Duration) *FirstAttempts {
	return &FirstAttempts{patience: patience, calls: map[string]*firstAttempt{}}
}

// Wait returns when none is under way, for an orderly stop, or when ctx ends.
func (f *FirstAttempts) Wait(ctx context.Context) {
	none := make(chan struct{})
	go func() {
		f.open.Wait()
		close(none)
	}()
	select {
	case <-none:
	case <-ctx.Done():
	}
}

type firstAttempt struct {
	ended  chan struct{}
	result workflows.DeliverResult
	err    error
}

// begin makes the attempt in the background. A workflow task that is tried again finds the one that
// it has begun.
func (f *FirstAttempts) begin(callID string, attempt func() (workflows.DeliverResult, error)) *firstAttempt {
	f.mu.Lock()
	defer f.mu.Unlock()
	if begun := f.calls[callID]; begun != nil {
		return begun
	}
	begun := &firstAttempt{ended: make(chan struct{})}
	f.calls[callID] = begun
	f.open.Go(func() {
		begun.result, begun.err = attempt()
		f.mu.Lock()
		delete(f.calls, callID) // PostgreSQL has it
		f.mu.Unlock()
		close(begun.ended)
	})
	return begun
}

func (f *FirstAttempts) find(callID string) *firstAttempt {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[callID]
}

// deliverWithin makes an attempt within a workflow task. It goes on when the task's patience is
// over: cut, nobody would know what the endpoint has got.
func (a *Activities) deliverWithin(ctx context.Context, in workflows.DeliverInput) (workflows.DeliverResult, error) {
	if err := ctx.Err(); err != nil {
		return workflows.DeliverResult{}, err
	}
	if a.Now().Sub(in.TaskBegan) > taskIsLate {
		return workflows.DeliverResult{}, errors.New("the workflow task is too old to begin an attempt")
	}
	begun := a.First.begin(in.CallID, func() (workflows.DeliverResult, error) { return a.firstAttempt(ctx, in) })
	over := time.NewTimer(a.First.patience)
	defer over.Stop()
	select {
	case <-begun.ended:
		return begun.result, begun.err
	case <-over.C:
		return workflows.DeliverResult{Underway: true}, nil
	}
}

// firstAttempt has the time of the regular activity: what starts so late that it would outlast that
// is not sent. A panic is an error, as the SDK makes it of an activity's: this goroutine is not the
// SDK's, and would end the process.
func (a *Activities) firstAttempt(ctx context.Context, in workflows.DeliverInput) (result workflows.DeliverResult, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = a.fault("make the first attempt", in.CallRef, fmt.Errorf("panic: %v\n%s", panicked, debug.Stack()))
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), in.Timeout+startWithin+recordWithin)
	defer cancel()
	return a.attempt(ctx, in, func() {})
}

// awaitUnderway waits for what a workflow task has begun: here, where the engine sends its
// activities first, or in another process until the attempt can no longer be under way, also while
// the database is away. After a lost run of this step the attempt is lost too.
func (a *Activities) awaitUnderway(ctx context.Context, in workflows.DeliverInput) (result workflows.DeliverResult, err error, ended bool) {
	if begun := a.First.find(in.CallID); begun != nil {
		<-begun.ended
		return begun.result, begun.err, true
	}
	if activity.GetInfo(ctx).Attempt > 1 {
		return result, nil, false
	}
	lasting, cancel := context.WithTimeout(context.WithoutCancel(ctx), in.Timeout+recordWithin)
	defer cancel()
	for tick := time.NewTicker(lookAgain); ; {
		since, err := a.DB.AttemptUnderway(lasting, in.CallRef)
		switch {
		case lasting.Err() != nil || err == nil && a.Now().Sub(since) > in.Timeout+recordWithin:
			return result, nil, false
		case err != nil && forgehook.ErrorCode(err) != forgehook.CodeUnavailable:
			return result, a.fault("look for the attempt under way", in.CallRef, err), true
		}
		select {
		case <-tick.C:
		case <-lasting.Done():
		}
	}
}
