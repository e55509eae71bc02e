package workflows

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/temporal"

	"github.com/forgehook/forgehook"
)

const (
	awaitTimer      = "timer: callback of the endpoint"
	lookForOutcome  = "CompleteCall, look"
	searchCallback  = "search attributes: ForgehookOutcome=delivered ForgehookLastStatusCode=202"
	completeTimeout = "CompleteCall, expired, callback_timeout: The endpoint took the request, and did not call back within callback.timeout."
)

// awaits makes Deliver say that the endpoint calls back by this time after the start.
func (b *bench) awaits(within time.Duration) func() (DeliverResult, error) {
	until := b.start.Add(within)
	return result(DeliverResult{AwaitUntil: &until, StatusCode: 202, Attempts: 1, Reason: "202 Accepted"})
}

// calledBack records a callback in the fake PostgreSQL, and signals the workflow.
func (b *bench) calledBack(after time.Duration, outcome forgehook.Outcome) {
	b.at(after, func() {
		b.complete = func(context.Context, CompleteInput) (CallResult, error) {
			return CallResult{Outcome: outcome, StatusCode: 202, Attempts: 1}, nil
		}
		b.env.SignalWorkflow(CallbackSignal, nil)
	})
}

func TestCallback_ends(t *testing.T) {
	t.Parallel()
	for outcome, search := range map[forgehook.Outcome]string{
		forgehook.Delivered: searchCallback,
		forgehook.Failed:    "search attributes: ForgehookOutcome=failed ForgehookLastStatusCode=202",
	} {
		t.Run(string(outcome), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.script(b.awaits(72 * time.Hour))
			b.calledBack(50*time.Hour, outcome) // long after the deadline of the call
			var waiting Phase
			var shown string
			b.at(2*time.Hour, func() { waiting, shown = b.phase(), b.details() })
			b.ended(b.call(input()), outcome, 202, 1)
			b.told(prepared("0s "+awaitTimer, "50h0m0s "+lookForOutcome, "50h0m0s "+search)...)
			want := Phase{Phase: forgehook.CallAwaiting, Attempts: 1, Reason: "202 Accepted"}
			if diff := cmp.Diff(want, waiting); diff != "" {
				t.Errorf("phase (-want +got):\n%s", diff)
			}
			if want := "**POST** to **erp.example.com**, 512 bytes\n\nThe endpoint took the request (202 Accepted) and calls back until 2026-01-08T07:30:00.000Z."; shown != want {
				t.Errorf("details %q, want %q", shown, want)
			}
		})
	}
}

// The Temporal UI shows the callback's outcome at the end.
func TestCallback_details(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(b.awaits(72 * time.Hour))
	b.calledBack(time.Hour, forgehook.Delivered)
	b.call(input())
	if got, want := b.details(), "**POST** to **erp.example.com**, 512 bytes\n\n**Delivered** after 1 attempt: the endpoint has called back"; got != want {
		t.Errorf("details %q, want %q", got, want)
	}
}

func TestCallback_timeout(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(b.awaits(72 * time.Hour))
	b.ended(b.call(input()), forgehook.Expired, 0, 0)
	b.told(prepared("0s "+awaitTimer, "72h0m0s "+completeTimeout, "72h0m0s "+searchExpired)...)
}

// The worker was away until the callback was late.
func TestCallback_timeoutInThePast(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(b.awaits(-time.Minute))
	b.ended(b.call(input()), forgehook.Expired, 0, 0)
	b.told(prepared("0s "+awaitTimer, "0s "+completeTimeout, "0s "+searchExpired)...)
}

// A callback recorded just before the timer wins.
func TestCallback_timeoutLosesToTheCallback(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(b.awaits(time.Hour))
	b.complete = func(context.Context, CompleteInput) (CallResult, error) {
		return CallResult{Outcome: forgehook.Delivered, StatusCode: 202, Attempts: 1}, nil
	}
	b.ended(b.call(input()), forgehook.Delivered, 202, 1)
	b.told(prepared("0s "+awaitTimer, "1h0m0s "+completeTimeout, "1h0m0s "+searchCallback)...)
}

func TestCallback_cancelWhileAwaiting(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(b.awaits(72 * time.Hour))
	b.cancel(30 * time.Hour)
	b.ended(b.call(input()), forgehook.Canceled, 0, 0)
	b.told(prepared("0s "+awaitTimer, "30h0m0s "+completeCancel, "30h0m0s "+searchCanceled)...)
}

func TestCallback_retryNowSendsAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(b.awaits(72*time.Hour), b.awaits(72*time.Hour), b.awaits(120*time.Hour))
	b.signal(50*time.Hour, RetryNowSignal) // refused: PostgreSQL goes on awaiting as before
	b.signal(60*time.Hour, RetryNowSignal)
	b.calledBack(90*time.Hour, forgehook.Delivered)
	b.ended(b.call(input()), forgehook.Delivered, 202, 1)
	b.told(prepared(
		"0s "+awaitTimer,
		"50h0m0s Deliver, report, at once",
		"60h0m0s Deliver, report, at once",
		"60h0m0s "+awaitTimer,
		"90h0m0s "+lookForOutcome,
		"90h0m0s "+searchCallback,
	)...)
}

// The callback's deadline goes on while a retry runs, is held or is refused.
func TestCallback_timeoutDuringARetry(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		sent func() (DeliverResult, error)
		want []string
	}{
		"held":              {held, nil},
		"policy's back-off": {failure(notReady(100 * time.Hour)), nil},
		"first back-off": {result(refused(2, 100*time.Hour)), []string{
			"50h0m0s " + search503, "50h0m0s timer: 503 Service Unavailable, next try in 4 d 4 h",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.script(b.awaits(72*time.Hour), tc.sent)
			b.signal(50*time.Hour, RetryNowSignal)
			b.ended(b.call(input()), forgehook.Expired, 0, 0)
			want := append(prepared("0s "+awaitTimer, "50h0m0s Deliver, report, at once"), tc.want...)
			b.told(append(want, "72h0m0s "+completeTimeout, "72h0m0s "+searchExpired)...)
		})
	}
}

// The 2xx of a retry still counts if it comes after the callback's deadline.
func TestCallback_timeoutDuringARetryThatIsTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.takes["Deliver"] = 20 * time.Second
	b.script(b.awaits(time.Hour), b.awaits(2*time.Hour))
	b.signal(time.Hour-10*time.Second, RetryNowSignal)
	b.ended(b.call(input()), forgehook.Expired, 0, 0)
	b.told(prepared("20s "+awaitTimer, "59m50s Deliver, report, at once", "1h0m10s "+awaitTimer, "2h0m0s "+completeTimeout, "2h0m0s "+searchExpired)...)
}

func TestCallback_retryHeldAndReleased(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(b.awaits(72*time.Hour), held, b.awaits(72*time.Hour))
	b.signal(50*time.Hour, RetryNowSignal)
	b.signal(60*time.Hour, ResumeSignal)
	b.ended(b.call(input()), forgehook.Expired, 0, 0)
	b.told(prepared("0s "+awaitTimer, "50h0m0s Deliver, report, at once", "60h0m0s Deliver, report, released, at once",
		"72h0m0s "+completeTimeout, "72h0m0s "+searchExpired)...)
}

// The 2xx ends the deadline of the call.
func TestCallback_noDeadlineAfterThe2xx(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(result(refused(1, 10*time.Minute)), b.awaits(72*time.Hour))
	b.calledBack(70*time.Hour, forgehook.Delivered)
	b.ended(b.call(input()), forgehook.Delivered, 202, 1)
	b.told(prepared("0s "+search503, "0s timer: 503 Service Unavailable, next try in 10 min", "10m0s Deliver", "10m0s "+awaitTimer,
		"70h0m0s "+lookForOutcome, "70h0m0s "+searchCallback)...)
}

// The deadline passed during the send, but the send ended with a 2xx.
func TestCallback_deadlineDuringSendThatIsTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := input()
	in.AcceptedAt = in.AcceptedAt.Add(30*time.Second - in.Deadline)
	b.takes["Deliver"] = 20 * time.Second
	b.script(result(refused(1, time.Second)), b.awaits(time.Hour))
	b.calledBack(30*time.Minute, forgehook.Delivered)
	b.ended(b.call(in), forgehook.Delivered, 202, 1)
	b.told(prepared(
		"20s "+search503, "20s timer: 503 Service Unavailable, next try in 1 s", "21s Deliver", "41s "+awaitTimer,
		"30m0s "+lookForOutcome, "30m0s "+searchCallback,
	)...)
}

func TestCallback_cancelDuringSendThatIsTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.takes["Deliver"] = 20 * time.Second
	b.script(b.awaits(time.Hour))
	b.cancel(5 * time.Second)
	b.ended(b.call(input()), forgehook.Canceled, 0, 0)
	b.told(prepared("20s "+completeCancel, "20s "+searchCanceled)...)
}

// A retry that is asked for during the send is settled by its 2xx: nothing is sent twice.
func TestCallback_retryNowDuringSendThatIsTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.takes["Deliver"] = 20 * time.Second
	b.script(b.awaits(time.Hour))
	b.signal(5*time.Second, RetryNowSignal)
	b.signal(6*time.Second, RetryNowSignal)
	b.calledBack(30*time.Minute, forgehook.Delivered)
	b.ended(b.call(input()), forgehook.Delivered, 202, 1)
	b.told(prepared("20s "+awaitTimer, "30m0s "+lookForOutcome, "30m0s "+searchCallback)...)
}

// The endpoint calls back before the workflow knows its 2xx.
func TestCallback_duringSend(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		sent func(*bench) func() (DeliverResult, error)
		want []string
	}{
		"recorded with the exchange": {
			func(*bench) func() (DeliverResult, error) {
				return result(DeliverResult{Outcome: forgehook.Delivered, StatusCode: 202, Attempts: 1})
			},
			prepared("20s " + searchCallback),
		},
		"taken": {
			func(b *bench) func() (DeliverResult, error) { return b.awaits(time.Hour) },
			prepared("20s "+lookForOutcome, "20s "+searchCallback),
		},
		"refused": {
			func(*bench) func() (DeliverResult, error) { return result(refused(1, time.Hour)) },
			prepared("20s "+lookForOutcome, "20s "+searchCallback),
		},
		"held": {
			func(*bench) func() (DeliverResult, error) { return held },
			prepared("20s "+lookForOutcome, "20s "+searchCallback),
		},
		"lost": {
			func(*bench) func() (DeliverResult, error) { return failure(temporal.NewCanceledError()) },
			prepared("20s "+lookForOutcome, "20s "+searchCallback),
		},
		"fault": {
			func(*bench) func() (DeliverResult, error) { return failure(fault("not-found")) },
			prepared("20s "+lookForOutcome, "20s "+searchCallback),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.takes["Deliver"] = 20 * time.Second
			b.script(tc.sent(b))
			b.calledBack(5*time.Second, forgehook.Delivered)
			b.ended(b.call(input()), forgehook.Delivered, 202, 1)
			b.told(tc.want...)
		})
	}
}

func TestCallback_inFirstBackoff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(result(refused(1, time.Hour)))
	b.calledBack(time.Minute, forgehook.Delivered)
	b.ended(b.call(input()), forgehook.Delivered, 202, 1)
	b.told(prepared("0s "+search503, "0s timer: 503 Service Unavailable, next try in 1 h", "1m0s "+lookForOutcome, "1m0s "+searchCallback)...)
}

func TestCallback_inPolicyBackoff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(result(refused(1, 10*time.Second)), failure(notReady(30*time.Minute)))
	b.calledBack(time.Minute, forgehook.Delivered)
	b.ended(b.call(input()), forgehook.Delivered, 202, 1)
	b.told(prepared("0s "+search503, "0s "+firstBackoff, "10s Deliver", "1m0s "+lookForOutcome, "1m0s "+searchCallback)...)
}

func TestCallback_onHold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(held)
	b.calledBack(10*time.Hour, forgehook.Delivered)
	b.ended(b.call(input()), forgehook.Delivered, 202, 1)
	b.told(prepared("10h0m0s "+lookForOutcome, "10h0m0s "+searchCallback)...)
}

// Before the first attempt the steps find that the call has ended.
func TestCallback_beforeTheFirstAttempt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.build = func(context.Context, CallRef) (Built, error) { return Built{Outcome: forgehook.Delivered}, nil }
	b.calledBack(0, forgehook.Delivered)
	b.ended(b.call(input()), forgehook.Delivered, 202, 1)
	b.told(
		"0s EvaluateConditions, local",
		"0s BuildRequest, local",
		"0s CompleteCall, delivered, : The request could not be built, or the call had ended before.",
		"0s "+searchCallback,
	)
}

// A signal without an outcome changes nothing: the call goes on.
func TestCallback_spurious(t *testing.T) {
	t.Parallel()
	none := func(_ context.Context, in CompleteInput) (CallResult, error) {
		return CallResult{Outcome: in.Outcome}, nil
	}
	for name, tc := range map[string]struct {
		setUp func(*bench)
		want  []string
	}{
		"first back-off": {
			func(b *bench) { b.script(result(refused(1, 10*time.Minute))) },
			prepared("0s "+search503, "0s timer: 503 Service Unavailable, next try in 10 min",
				"1m0s "+lookForOutcome, "2m0s "+lookForOutcome, "10m0s Deliver", "10m0s "+searchDelivered),
		},
		"policy's back-off": { // PostgreSQL knows when the next attempt is due
			func(b *bench) {
				b.script(result(refused(1, 10*time.Second)), failure(notReady(time.Hour)), failure(notReady(9*time.Minute)), failure(notReady(8*time.Minute)))
			},
			prepared("0s "+search503, "0s "+firstBackoff, "10s Deliver", "1m0s "+lookForOutcome, "1m0s Deliver",
				"2m0s "+lookForOutcome, "2m0s Deliver", "10m0s Deliver", "10m0s "+searchDelivered),
		},
		"hold": {
			func(b *bench) { b.script(held); b.signal(time.Hour, ResumeSignal) },
			prepared("1m0s "+lookForOutcome, "2m0s "+lookForOutcome, "1h0m0s Deliver, report, released", "1h0m0s "+searchDelivered),
		},
		"awaiting": {
			func(b *bench) { b.script(b.awaits(time.Hour)) },
			prepared("0s "+awaitTimer, "1m0s "+lookForOutcome, "2m0s "+lookForOutcome, "1h0m0s "+completeTimeout, "1h0m0s "+searchExpired),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.complete = none
			tc.setUp(b)
			b.signal(time.Minute, CallbackSignal)
			b.signal(2*time.Minute, CallbackSignal)
			b.call(input())
			b.told(tc.want...)
		})
	}
}

func TestCallback_callIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(b.awaits(time.Hour))
	b.complete = func(context.Context, CompleteInput) (CallResult, error) { return CallResult{}, fault("not-found") }
	b.signal(time.Minute, CallbackSignal)
	b.env.ExecuteWorkflow(CallWebhook, input())
	var fault *temporal.ApplicationError
	if err := b.env.GetWorkflowError(); !errors.As(err, &fault) || fault.Type() != "not-found" {
		t.Errorf("got %v, want not-found", err)
	}
}

// Waiting workflows are signalled last, and only if a step says so.
func TestCall_wakesWaiters(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(*bench){
		"evaluate": func(b *bench) {
			b.evaluate = func(context.Context, CallRef) (Evaluation, error) {
				return Evaluation{Outcome: forgehook.Skipped, Wake: true}, nil
			}
		},
		"build": func(b *bench) {
			b.build = func(context.Context, CallRef) (Built, error) {
				return Built{Outcome: forgehook.Failed, Wake: true}, nil
			}
		},
		"deliver": func(b *bench) {
			b.script(result(DeliverResult{Outcome: forgehook.Delivered, Wake: true, StatusCode: 200, Attempts: 1}))
		},
		"complete": func(b *bench) {
			b.complete = func(_ context.Context, in CompleteInput) (CallResult, error) {
				return CallResult{Outcome: in.Outcome, Wake: true}, nil
			}
			b.script(failure(notReady(time.Hour)))
			b.cancel(time.Minute)
		},
		"callback": func(b *bench) {
			b.complete = func(context.Context, CompleteInput) (CallResult, error) {
				return CallResult{Outcome: forgehook.Delivered, Wake: true}, nil
			}
			b.script(b.awaits(time.Hour))
			b.signal(time.Minute, CallbackSignal)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			arrange(b)
			tries := 0
			b.wake = func(_ context.Context, in CallRef) error {
				if in != input().CallRef {
					t.Errorf("woken for %+v", in)
				}
				if tries++; tries == 1 {
					return errors.New("the engine is away")
				}
				return nil
			}
			if got := b.call(input()); got.Wake {
				t.Error("the result says that waiters are still to be woken")
			}
			n := len(b.story)
			if !strings.Contains(b.story[n-3], "ForgehookOutcome=") || !strings.HasSuffix(b.story[n-2], " WakeWaiters, local") || !strings.HasSuffix(b.story[n-1], " WakeWaiters") {
				t.Errorf("story:\n%s", strings.Join(b.story, "\n"))
			}
		})
	}
}

// A failed signal does not fail the workflow, since the call has ended.
func TestCall_endsWhereNobodyCanBeWoken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(result(DeliverResult{Outcome: forgehook.Delivered, Wake: true, StatusCode: 200, Attempts: 1}))
	b.wake = func(context.Context, CallRef) error { return fault("internal") }
	b.ended(b.call(input()), forgehook.Delivered, 200, 1)
	b.told(prepared("0s "+searchDelivered, "0s WakeWaiters, local")...)
}
