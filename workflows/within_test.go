package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
)

// quick makes the endpoint a quick one, and sets the result of the attempt within the workflow
// task.
func (b *bench) quick(within func() (DeliverResult, error)) {
	b.build = func(context.Context, CallRef) (Built, error) {
		return Built{Method: "POST", Host: "erp.example.com", BodyBytes: 512, SHA256: "00", Quick: true}, nil
	}
	b.within = func(context.Context, DeliverInput) (DeliverResult, error) { return within() }
}

// preparedWithin is the beginning of these stories.
func preparedWithin(rest ...string) []string {
	return append([]string{"0s EvaluateConditions, local", "0s BuildRequest, local", "0s Deliver, report, local"}, rest...)
}

func TestWithin_delivers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.quick(result(delivered(1)))
	b.ended(b.call(input()), forgehook.Delivered, 200, 1)
	b.told(preparedWithin("0s " + searchDelivered)...)
}

// After a retryable verdict the first back-off is a timer, and all further attempts are the regular
// activity's.
func TestWithin_retriesThenDelivers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.quick(result(refused(1, 10*time.Second)))
	b.script(failure(notReady(5*time.Minute)), result(delivered(3)))
	b.ended(b.call(input()), forgehook.Delivered, 200, 3)
	b.told(preparedWithin("0s "+search503, "0s "+firstBackoff, "10s Deliver", "5m10s Deliver", "5m10s "+searchDelivered)...)
}

// If the endpoint is slower than the task's patience, or the attempt's fate is unknown, the regular
// activity goes on.
func TestWithin_handsOver(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string]func() (DeliverResult, error){
		"under way": result(DeliverResult{Underway: true}),
		"broken":    failure(errors.New("the database is away")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.quick(sent)
			b.takes["Deliver"] = 20 * time.Second
			b.script(result(refused(1, 10*time.Second)))
			b.ended(b.call(input()), forgehook.Delivered, 200, 2)
			b.told(preparedWithin("0s Deliver, report, under way", "20s "+search503, "20s "+firstBackoff, "30s Deliver", "50s "+searchDelivered)...)
		})
	}
}

// The workflow waits for a handed over attempt, even when canceled: it is on the wire.
func TestWithin_cancelAfterHandOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.quick(result(DeliverResult{Underway: true}))
	b.takes["Deliver"] = 20 * time.Second
	b.cancel(5 * time.Second)
	b.ended(b.call(input()), forgehook.Delivered, 200, 1)
	b.told(preparedWithin("0s Deliver, report, under way", "20s "+searchDelivered)...)
}

func TestWithin_canceledBefore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.quick(result(delivered(1)))
	b.takes["BuildRequest"] = time.Second
	b.cancel(500 * time.Millisecond)
	b.ended(b.call(input()), forgehook.Canceled, 0, 0)
	b.told("0s EvaluateConditions, local", "0s BuildRequest, local", "1s "+completeCancel, "1s "+searchCanceled)
}

func TestWithin_fault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.quick(failure(fault("not-found")))
	b.ended(b.call(input()), forgehook.Failed, 0, 0)
	b.told(preparedWithin("0s CompleteCall, failed, not-found: deliver failed: not-found", "0s search attributes: ForgehookOutcome=failed")...)
}

// A call after a hold is not quick any more: a drain paces it, and the fact may be hours old.
func TestWithin_held(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.quick(held)
	b.signal(time.Minute, ResumeSignal)
	b.ended(b.call(input()), forgehook.Delivered, 200, 1)
	b.told(preparedWithin("1m0s Deliver, report, released", "1m0s "+searchDelivered)...)
}

func TestWithin_awaitsCallback(t *testing.T) {
	t.Parallel()
	b := setup(t)
	until := b.start.Add(time.Hour)
	b.quick(result(DeliverResult{AwaitUntil: &until, StatusCode: 202, Attempts: 1, Reason: "202 Accepted"}))
	b.signal(time.Minute, CallbackSignal)
	b.complete = func(_ context.Context, in CompleteInput) (CallResult, error) {
		return CallResult{CallID: in.CallID, Outcome: forgehook.Delivered, StatusCode: 202, Attempts: 1}, nil
	}
	b.ended(b.call(input()), forgehook.Delivered, 202, 1)
	b.told(preparedWithin("0s timer: callback of the endpoint", "1m0s CompleteCall, look", "1m0s search attributes: ForgehookOutcome=delivered ForgehookLastStatusCode=202")...)
}
