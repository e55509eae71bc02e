package workflows

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/forgehook/forgehook"
)

// Lines that end many stories.
const (
	searchDelivered = "search attributes: ForgehookOutcome=delivered ForgehookLastStatusCode=200"
	search503       = "search attributes: ForgehookLastStatusCode=503"
	completeCancel  = "CompleteCall, canceled, canceled: The call was canceled."
	completeExpired = "CompleteCall, expired, deadline_passed: The call did not end within its deadline. It had 1 h."
	searchCanceled  = "search attributes: ForgehookOutcome=canceled"
	searchExpired   = "search attributes: ForgehookOutcome=expired"
	firstBackoff    = "timer: 503 Service Unavailable, next try in 10 s"
)

// prepared is the beginning of every story.
func prepared(rest ...string) []string {
	return append([]string{"0s EvaluateConditions, local", "0s BuildRequest, local", "0s Deliver, report"}, rest...)
}

// script gives Deliver these results in turn; then it delivers.
func (b *bench) script(results ...func() (DeliverResult, error)) {
	made := 0
	b.deliver = func(context.Context, DeliverInput) (DeliverResult, error) {
		made++
		if made > len(results) {
			return delivered(made), nil
		}
		return results[made-1]()
	}
}

func result(r DeliverResult) func() (DeliverResult, error) {
	return func() (DeliverResult, error) { return r, nil }
}

func failure(err error) func() (DeliverResult, error) {
	return func() (DeliverResult, error) { return DeliverResult{}, err }
}

var held = result(DeliverResult{Held: true})

func (b *bench) ended(got CallResult, outcome forgehook.Outcome, statusCode, attempts int) {
	b.t.Helper()
	want := CallResult{CallID: input().CallID, Outcome: outcome, StatusCode: statusCode, Attempts: attempts}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("result (-want +got):\n%s", diff)
	}
}

func TestCall_delivers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ended(b.call(input()), forgehook.Delivered, 200, 1)
	b.told(prepared("0s " + searchDelivered)...)
}

// A call ends only with a declared code. A step's own words stay its message.
func TestCall_undeclaredFault(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]forgehook.CallErrorCode{
		"not-found": forgehook.CallErrorNotFound, "conflict": forgehook.CallErrorInternal,
	} {
		b := setup(t)
		b.script(failure(fault(code)))
		var recorded CompleteInput
		b.complete = func(_ context.Context, in CompleteInput) (CallResult, error) {
			recorded = in
			return CallResult{CallID: in.CallID, Outcome: in.Outcome}, nil
		}
		b.call(input())
		if recorded.Code != want || recorded.Message != "deliver failed: "+code {
			t.Errorf("%s: recorded %s, %q, want %s", code, recorded.Code, recorded.Message, want)
		}
	}
}

// The engine's options: Deliver must never end before its call, and its worker's death must be
// noticed.
func TestCall_options(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(failure(fault("not-found")))
	b.call(input())
	want := workflow.ActivityOptions{
		StartToCloseTimeout: 40 * time.Second,
		HeartbeatTimeout:    5 * time.Second,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 1},
		Summary:             "POST to erp.example.com",
	}
	opaque := cmpopts.IgnoreUnexported(workflow.ActivityOptions{})
	ignored := cmpopts.IgnoreFields(workflow.ActivityOptions{}, "TaskQueue", "ActivityID")
	if diff := cmp.Diff(want, b.options["Deliver"], opaque, ignored); diff != "" {
		t.Errorf("Deliver (-want +got):\n%s", diff)
	}
	want = workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 30 * time.Second},
		Summary:             "record the outcome failed",
	}
	if diff := cmp.Diff(want, b.options["CompleteCall"], opaque, ignored); diff != "" {
		t.Errorf("CompleteCall (-want +got):\n%s", diff)
	}
}

func TestCall_skips(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.evaluate = func(context.Context, CallRef) (Evaluation, error) {
		return Evaluation{Outcome: forgehook.Skipped, Conditions: []ConditionFact{{"enabled", true}, {"document.status", false}}}, nil
	}
	b.ended(b.call(input()), forgehook.Skipped, 0, 0)
	b.told("0s EvaluateConditions, local", "0s search attributes: ForgehookOutcome=skipped")
	if got, want := b.details(), "**Skipped**: not met: document.status"; got != want {
		t.Errorf("details %q, want %q", got, want)
	}
}

func TestCall_retriesThenDelivers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(result(refused(1, 10*time.Second)), failure(notReady(5*time.Minute)), failure(notReady(30*time.Minute)))
	var waiting, trying Phase
	b.at(5*time.Second, func() { waiting = b.phase() })
	b.at(time.Minute, func() { trying = b.phase() })
	b.ended(b.call(input()), forgehook.Delivered, 200, 4)
	b.told(prepared(
		"0s "+search503,
		"0s "+firstBackoff,
		"10s Deliver",
		"5m10s Deliver", // the policy's own
		"35m10s Deliver",
		"35m10s "+searchDelivered,
	)...)
	next := forgehook.Time{Time: b.start.Add(10 * time.Second)}
	want := Phase{Phase: forgehook.CallWaitingRetry, Attempts: 1, NextAttemptAt: &next, Reason: "503 Service Unavailable"}
	if diff := cmp.Diff(want, waiting); diff != "" {
		t.Errorf("phase in the back-off (-want +got):\n%s", diff)
	}
	want.Phase, want.NextAttemptAt = forgehook.CallDelivering, nil
	if diff := cmp.Diff(want, trying); diff != "" {
		t.Errorf("phase in the second Deliver (-want +got):\n%s", diff)
	}
	if got, want := b.details(), "**POST** to **erp.example.com**, 512 bytes\n\n**Delivered** after 4 attempts: 200 OK"; got != want {
		t.Errorf("details %q, want %q", got, want)
	}
}

// Without a response the code that operators filter by is 0, not absent.
func TestCall_noResponseIsStatusZero(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(result(DeliverResult{RetryIn: 10 * time.Second, Attempts: 1, Reason: "connection refused"}),
		result(DeliverResult{Outcome: forgehook.Failed, Attempts: 2, Reason: "connection refused"}))
	b.ended(b.call(input()), forgehook.Failed, 0, 2)
	b.told(prepared(
		"0s search attributes: ForgehookLastStatusCode=0",
		"0s timer: connection refused, next try in 10 s",
		"10s Deliver",
		"10s search attributes: ForgehookOutcome=failed ForgehookLastStatusCode=0",
	)...)
}

func TestCall_cancelBeforeTheStart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.cancel(0)
	b.ended(b.call(input()), forgehook.Canceled, 0, 0)
	b.told("0s "+completeCancel, "0s "+searchCanceled)
}

func TestCall_cancelDuringSend(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.takes["Deliver"] = 20 * time.Second
	b.script(result(refused(1, 10*time.Second)))
	b.complete = func(_ context.Context, in CompleteInput) (CallResult, error) {
		return CallResult{Outcome: in.Outcome, StatusCode: 503, Attempts: 1}, nil
	}
	b.cancel(5 * time.Second)
	b.ended(b.call(input()), forgehook.Canceled, 503, 1)
	b.told(prepared("20s "+completeCancel, "20s "+searchCanceled+" ForgehookLastStatusCode=503")...)
}

func TestCall_cancelDuringSendThatDelivers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.takes["Deliver"] = 20 * time.Second
	b.cancel(5 * time.Second)
	b.ended(b.call(input()), forgehook.Delivered, 200, 1)
	b.told(prepared("20s " + searchDelivered)...)
}

func TestCall_cancelDuringFirstBackoff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(result(refused(1, 10*time.Second)))
	b.cancel(5 * time.Second)
	b.ended(b.call(input()), forgehook.Canceled, 0, 0)
	b.told(prepared("0s "+search503, "0s "+firstBackoff, "5s "+completeCancel, "5s "+searchCanceled)...)
}

func TestCall_cancelDuringPolicyBackoff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(result(refused(1, 10*time.Second)), failure(notReady(5*time.Minute)))
	b.cancel(time.Minute)
	b.ended(b.call(input()), forgehook.Canceled, 0, 0)
	b.told(prepared("0s "+search503, "0s "+firstBackoff, "10s Deliver", "1m0s "+completeCancel, "1m0s "+searchCanceled)...)
}

// A retryable error after the cancellation does not fail the call.
func TestCall_cancelDuringSendThatFailsRetryably(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.takes["Deliver"] = 20 * time.Second
	b.script(failure(notReady(time.Minute)))
	b.cancel(5 * time.Second)
	b.ended(b.call(input()), forgehook.Canceled, 0, 0)
	b.told(prepared("20s "+completeCancel, "20s "+searchCanceled)...)
}

// Deliver checks the deadline, since only PostgreSQL knows the time on hold.
func TestCall_startsAfterDeadline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := input()
	in.AcceptedAt = in.AcceptedAt.Add(-time.Hour)
	b.script(result(DeliverResult{Outcome: forgehook.Expired}))
	b.ended(b.call(in), forgehook.Expired, 0, 0)
	b.told(prepared("0s " + searchExpired)...)
}

func TestCall_deadlineCountsFromAcceptance(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := input()
	in.AcceptedAt = in.AcceptedAt.Add(-59 * time.Minute)
	b.script(result(refused(1, 10*time.Second)), failure(notReady(time.Hour)))
	b.ended(b.call(in), forgehook.Expired, 0, 0)
	b.told(prepared("0s "+search503, "0s "+firstBackoff, "10s Deliver", "1m0s "+completeExpired, "1m0s "+searchExpired)...)
}

func TestCall_deadlineDuringBackoff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(result(refused(1, 2*time.Hour)))
	b.ended(b.call(input()), forgehook.Expired, 0, 0)
	b.told(prepared("0s "+search503, "0s timer: 503 Service Unavailable, next try in 2 h", "1h0m0s "+completeExpired, "1h0m0s "+searchExpired)...)
}

func TestCall_deadlineDuringSendThatDelivers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := input()
	in.Deadline = 10 * time.Second
	b.takes["Deliver"] = 20 * time.Second
	b.ended(b.call(in), forgehook.Delivered, 200, 1)
	b.told(prepared("20s " + searchDelivered)...)
}

func TestCall_deadlineDuringSendThatIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := input()
	in.AcceptedAt = in.AcceptedAt.Add(10*time.Second - in.Deadline)
	b.takes["Deliver"] = 20 * time.Second
	b.script(result(refused(1, time.Second)))
	b.ended(b.call(in), forgehook.Expired, 0, 0)
	b.told(prepared("20s "+search503, "20s timer: 503 Service Unavailable, next try in 1 s", "20s "+completeExpired, "20s "+searchExpired)...)
}

// The deadline stands still on hold: a late call expires only when it is resumed.
func TestCall_deadlineDuringSendThatIsHeld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := input()
	in.AcceptedAt = in.AcceptedAt.Add(10*time.Second - in.Deadline)
	b.takes["Deliver"] = 20 * time.Second
	b.script(held)
	b.signal(time.Hour, ResumeSignal)
	b.ended(b.call(in), forgehook.Expired, 0, 0)
	b.told(prepared("1h0m0s "+completeExpired, "1h0m0s "+searchExpired)...)
}

func TestCall_retryNowInTimer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(result(refused(1, 10*time.Second)))
	b.signal(4*time.Second, RetryNowSignal)
	b.ended(b.call(input()), forgehook.Delivered, 200, 2)
	b.told(prepared("0s "+search503, "0s "+firstBackoff, "4s Deliver, at once", "4s "+searchDelivered)...)
}

func TestCall_retryNowInPolicyBackoff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(result(refused(1, 10*time.Second)), failure(notReady(5*time.Minute)), failure(notReady(30*time.Minute)))
	b.signal(time.Minute, RetryNowSignal)
	b.signal(2*time.Minute, RetryNowSignal)
	b.ended(b.call(input()), forgehook.Delivered, 200, 4)
	b.told(prepared("0s "+search503, "0s "+firstBackoff, "10s Deliver", "1m0s Deliver, at once", "2m0s Deliver, at once", "2m0s "+searchDelivered)...)
}

// The send ends first; the next one follows without a wait.
func TestCall_retryNowDuringSend(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string]func() (DeliverResult, error){
		"result":          result(refused(1, 10*time.Minute)),
		"retryable error": failure(notReady(10 * time.Minute)),
		"canceled":        failure(temporal.NewCanceledError()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.takes["Deliver"] = 20 * time.Second
			b.script(sent)
			b.signal(5*time.Second, RetryNowSignal)
			b.signal(6*time.Second, RetryNowSignal)
			b.ended(b.call(input()), forgehook.Delivered, 200, 2)
			if name == "result" { // only this one says what the endpoint said
				b.told(prepared("20s "+search503, "20s Deliver, at once", "40s "+searchDelivered)...)
			} else {
				b.told(prepared("20s Deliver, report, at once", "40s "+searchDelivered)...)
			}
		})
	}
}

func TestCall_retryNowWhileEvaluatingIsDropped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.evaluate = unreachableAtFirst(b)
	b.script(result(refused(1, 10*time.Second)))
	b.signal(5*time.Second, RetryNowSignal)
	b.ended(b.call(input()), forgehook.Delivered, 200, 2)
	b.told(
		"0s EvaluateConditions, local",
		"20s EvaluateConditions",
		"20s BuildRequest, local",
		"20s Deliver, report",
		"20s "+search503,
		"20s "+firstBackoff,
		"30s Deliver",
		"30s "+searchDelivered,
	)
}

func TestCall_holdResume(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(held, result(refused(1, 10*time.Second)))
	var holding Phase
	b.at(time.Minute, func() { holding = b.phase() })
	b.signal(30*time.Second, RetryNowSignal) // dropped: a held call has no back-off
	b.signal(2*time.Minute, ResumeSignal)
	b.ended(b.call(input()), forgehook.Delivered, 200, 3)
	b.told(prepared("2m0s Deliver, report, released", "2m0s "+search503, "2m0s "+firstBackoff, "2m10s Deliver, released", "2m10s "+searchDelivered)...)
	want := Phase{Phase: forgehook.CallPaused, Reason: "the utility is paused, or still draining"}
	if diff := cmp.Diff(want, holding); diff != "" {
		t.Errorf("phase on hold (-want +got):\n%s", diff)
	}
}

func TestCall_holdCancel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(held)
	b.cancel(2 * time.Hour)
	b.ended(b.call(input()), forgehook.Canceled, 0, 0)
	b.told(prepared("2h0m0s "+completeCancel, "2h0m0s "+searchCanceled)...)
}

// The utility is paused again before the released call goes out.
func TestCall_holdTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(held, held)
	b.signal(time.Minute, ResumeSignal)
	b.signal(2*time.Minute, ResumeSignal)
	b.ended(b.call(input()), forgehook.Delivered, 200, 3)
	b.told(prepared("1m0s Deliver, report, released", "2m0s Deliver, report, released", "2m0s "+searchDelivered)...)
}

// The drain may signal before the workflow knows that Deliver held the call.
func TestCall_resumeBeforeTheHoldIsKnown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.takes["Deliver"] = 20 * time.Second
	b.script(held)
	b.signal(10*time.Second, ResumeSignal)
	b.ended(b.call(input()), forgehook.Delivered, 200, 2)
	b.told(prepared("20s Deliver, report, released", "40s "+searchDelivered)...)
}

// A resume without a hold changes nothing.
func TestCall_staleResumeIsDropped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(result(refused(1, 10*time.Second)), held)
	b.signal(5*time.Second, ResumeSignal)
	b.signal(time.Minute, ResumeSignal)
	b.ended(b.call(input()), forgehook.Delivered, 200, 3)
	b.told(prepared("0s "+search503, "0s "+firstBackoff, "10s Deliver", "1m0s Deliver, released", "1m0s "+searchDelivered)...)
}

func TestCall_deadlineStandsStillOnHold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(result(refused(1, 10*time.Minute)), held, failure(notReady(3*time.Hour)))
	b.signal(10*time.Hour, ResumeSignal)
	b.ended(b.call(input()), forgehook.Expired, 0, 0)
	b.told(prepared(
		"0s "+search503,
		"0s timer: 503 Service Unavailable, next try in 10 min",
		"10m0s Deliver",
		"10h0m0s Deliver, released",
		"10h50m0s "+completeExpired,
		"10h50m0s "+searchExpired,
	)...)
}

func TestCall_retryNowDuringSendThatIsHeld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.takes["Deliver"] = 20 * time.Second
	b.script(held)
	b.signal(5*time.Second, RetryNowSignal)
	b.signal(time.Minute, ResumeSignal)
	b.ended(b.call(input()), forgehook.Delivered, 200, 2)
	b.told(prepared("1m0s Deliver, report, released, at once", "1m20s "+searchDelivered)...)
}

// unreachableAtFirst fails EvaluateConditions once, like a database that is down.
func unreachableAtFirst(b *bench) func(context.Context, CallRef) (Evaluation, error) {
	well, calls := b.evaluate, 0
	return func(ctx context.Context, in CallRef) (Evaluation, error) {
		if calls++; calls == 1 {
			return Evaluation{}, temporal.NewApplicationError("the database is away", "unavailable")
		}
		return well(ctx, in)
	}
}

func TestCall_infrastructureFallsBackToRegular(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.evaluate = unreachableAtFirst(b)
	builds := 0
	build := b.build
	b.build = func(ctx context.Context, in CallRef) (Built, error) {
		if builds++; builds < 4 {
			return Built{}, errors.New("the database is away")
		}
		return build(ctx, in)
	}
	b.ended(b.call(input()), forgehook.Delivered, 200, 1)
	b.told(
		"0s EvaluateConditions, local",
		"20s EvaluateConditions",
		"20s BuildRequest, local",
		"40s BuildRequest",
		"41s BuildRequest",
		"42s BuildRequest",
		"42s Deliver, report",
		"42s "+searchDelivered,
	)
}

func TestCall_cancelDuringFallback(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.evaluate = func(context.Context, CallRef) (Evaluation, error) {
		return Evaluation{}, errors.New("the database is away")
	}
	b.cancel(21*time.Second + 500*time.Millisecond)
	b.ended(b.call(input()), forgehook.Canceled, 0, 0)
	b.told("0s EvaluateConditions, local", "20s EvaluateConditions", "21s EvaluateConditions", "22s "+completeCancel, "22s "+searchCanceled)
}

func TestCall_deadlineDuringFallback(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.evaluate = func(context.Context, CallRef) (Evaluation, error) {
		return Evaluation{}, errors.New("the database is away")
	}
	b.ended(b.call(input()), forgehook.Expired, 0, 0)
	if last, want := b.story[len(b.story)-2], "1h0m0s "+completeExpired; last != want {
		t.Errorf("last step %q, want %q", last, want)
	}
}

// A rule that cannot be applied is recorded already. CompleteCall only returns the numbers.
func TestCall_buildFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.build = func(context.Context, CallRef) (Built, error) { return Built{Outcome: forgehook.Failed}, nil }
	b.ended(b.call(input()), forgehook.Failed, 0, 0)
	b.told(
		"0s EvaluateConditions, local",
		"0s BuildRequest, local",
		"0s CompleteCall, failed, : The request could not be built, or the call had ended before.",
		"0s search attributes: ForgehookOutcome=failed",
	)
}

// A fault of our own ends the call, since retrying it forever helps nobody.
func TestCall_faults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		breaks func(*bench)
		want   []string
	}{
		"evaluate": {
			func(b *bench) {
				b.evaluate = func(context.Context, CallRef) (Evaluation, error) { return Evaluation{}, fault("invalid") }
			},
			[]string{"0s EvaluateConditions, local", "0s CompleteCall, failed, invalid: deliver failed: invalid"},
		},
		"build": {
			func(b *bench) {
				b.build = func(context.Context, CallRef) (Built, error) { return Built{}, fault("invalid") }
			},
			[]string{"0s EvaluateConditions, local", "0s BuildRequest, local", "0s CompleteCall, failed, invalid: deliver failed: invalid"},
		},
		"deliver": {
			func(b *bench) { b.script(failure(fault("not-found"))) },
			prepared("0s CompleteCall, failed, not-found: deliver failed: not-found"),
		},
		"deliver, interrupted": {
			func(b *bench) {
				b.takes["Deliver"] = 20 * time.Second
				b.script(failure(fault("not-found")))
				b.signal(5*time.Second, RetryNowSignal)
			},
			prepared("20s CompleteCall, failed, not-found: deliver failed: not-found"),
		},
		"deliver returns nothing": {
			func(b *bench) { b.script(result(DeliverResult{})) },
			prepared("0s CompleteCall, failed, internal: A step failed: see the worker's log."),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			tc.breaks(b)
			b.ended(b.call(input()), forgehook.Failed, 0, 0)
			at, _, _ := strings.Cut(tc.want[len(tc.want)-1], " ")
			b.told(append(tc.want, at+" search attributes: ForgehookOutcome=failed")...)
		})
	}
}

// After a reset, or if another outcome was quicker, the workflow adopts the outcome that stands
// with its numbers.
func TestCall_standingOutcomeAdopted(t *testing.T) {
	t.Parallel()
	standing := CallResult{Outcome: forgehook.Delivered, StatusCode: 201, Attempts: 3}
	for name, arrange := range map[string]func(*bench){
		"evaluate": func(b *bench) {
			b.evaluate = func(context.Context, CallRef) (Evaluation, error) {
				return Evaluation{Outcome: forgehook.Delivered}, nil
			}
		},
		"build": func(b *bench) {
			b.build = func(context.Context, CallRef) (Built, error) { return Built{Outcome: forgehook.Delivered}, nil }
		},
		"deliver": func(b *bench) {
			b.script(result(DeliverResult{Outcome: forgehook.Delivered, StatusCode: 201, Attempts: 3}))
		},
		"cancel": func(b *bench) {
			b.script(failure(notReady(time.Minute)))
			b.cancel(10 * time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.complete = func(context.Context, CompleteInput) (CallResult, error) { return standing, nil }
			arrange(b)
			b.ended(b.call(input()), forgehook.Delivered, 201, 3)
			if last := b.story[len(b.story)-1]; !strings.HasSuffix(last, " ForgehookOutcome=delivered ForgehookLastStatusCode=201") {
				t.Errorf("last: %s", last)
			}
			if p := b.phase(); p.Phase != forgehook.CallCompleted || p.Attempts != 3 {
				t.Errorf("phase %+v", p)
			}
			if name == "cancel" && !strings.HasSuffix(b.details(), "**Delivered** after 3 attempts") {
				t.Errorf("details %q: the reason is another outcome's", b.details())
			}
		})
	}
}

// A call that is gone (erased) cannot be completed: only this makes a run fail.
func TestCall_failsWhenTheCallIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.script(failure(fault("not-found")))
	b.complete = func(context.Context, CompleteInput) (CallResult, error) { return CallResult{}, fault("not-found") }
	b.env.ExecuteWorkflow(CallWebhook, input())
	var fault *temporal.ApplicationError
	if err := b.env.GetWorkflowError(); !errors.As(err, &fault) || fault.Type() != "not-found" {
		t.Errorf("got %v, want not-found", err)
	}
}
