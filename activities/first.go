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

// Patience is how long a workflow task waits for the first attempt. A quicker endpoint saves its
// call an activity; a slower one does not hold the task longer: decision 50.
const Patience = 250 * time.Millisecond

// lookAgain is the interval at which PostgreSQL is asked whether an attempt in another process has
// ended.
const lookAgain = 250 * time.Millisecond

// taskIsLate is the age, by the engine's clock, from which a workflow task begins no attempt: the
// engine may already have given the task to another worker, which would send again: decision 51.
const taskIsLate = 2 * time.Second

// FirstAttempts are the attempts that workflow tasks of this process have begun and that have not
// ended.
type FirstAttempts struct {
	patience time.Duration
	mu       sync.Mutex
	calls    map[string]*firstAttempt // by call id
	open     sync.WaitGroup
}

// NewFirstAttempts makes an empty set. Patience is [Patience] except in tests.
func NewFirstAttempts(patience time.Duration) *FirstAttempts {
	return &FirstAttempts{patience: patience, calls: map[string]*firstAttempt{}}
}

// Wait returns when no attempt is under way or when ctx ends. An orderly stop needs it.
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

// begin makes the attempt in the background. A retried workflow task finds the attempt it has
// begun.
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
		delete(f.calls, callID) // PostgreSQL has the result
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

// deliverWithin makes an attempt within a workflow task. The attempt goes on after the task's
// patience has ended: if it were cut, nobody could know what the endpoint got.
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

// firstAttempt has as much time as the regular activity. It does not send if its start was so late
// that it would take longer. It turns a panic into an error, as the SDK does for activities,
// because this goroutine is not the SDK's and would end the process.
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

// awaitUnderway waits for an attempt that a workflow task has begun. The engine prefers this
// process for the activity; in another process it waits until the attempt must have ended, even
// while the database is away. If an earlier run of this step was lost, the attempt was lost with
// it.
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
