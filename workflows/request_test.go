package workflows

import (
	"context"
	"encoding/json"
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

func requestInput() RequestInput {
	documentID := int32(912)
	return RequestInput{Tenant: input().Tenant, Request: forgehook.CallRequest{DocumentID: &documentID}, WithResult: true}
}

// endCall signals the end of a call.
func (b *bench) endCall(after time.Duration, id string, outcome forgehook.Outcome) {
	b.at(after, func() { b.env.SignalWorkflow(CallEndedSignal, CallResult{CallID: id, Outcome: outcome}) })
}

func (b *bench) request(in RequestInput) RequestResult {
	b.t.Helper()
	b.env.ExecuteWorkflow(RequestCall, in)
	var result RequestResult
	if err := b.env.GetWorkflowResult(&result); err != nil {
		b.t.Fatalf("the workflow failed: %v; so far:\n%v", err, b.story)
	}
	return result
}

func TestRequest_waitsForAll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.accept = func(_ context.Context, in AcceptInput) (Accepted, error) {
		want := AcceptInput{RequestInput: requestInput(), WorkflowID: "default-test-workflow-id"}
		want.IdempotencyKey = "workflow/default-test-namespace/default-test-workflow-id/"
		got := in
		got.IdempotencyKey, _, _ = strings.Cut(in.IdempotencyKey, "default-test-run-id")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("accepted (-want +got):\n%s", diff)
		}
		return Accepted{
			Calls:     []CallResult{{CallID: "a"}, {CallID: "b"}, {CallID: "c", Outcome: forgehook.Skipped}},
			NotCalled: []forgehook.NotCalled{{WebHookServiceID: 9, Reason: "disabled"}},
		}, nil
	}
	b.answers = func(_ context.Context, in AnswersInput) ([]CallAnswer, error) {
		want := AnswersInput{Tenant: requestInput().Tenant, CallIDs: []string{"a", "b", "c"}, WithResult: true}
		if diff := cmp.Diff(want, in); diff != "" {
			t.Errorf("asked for (-want +got):\n%s", diff)
		}
		return []CallAnswer{
			{CallResult: CallResult{CallID: "a", Outcome: forgehook.Delivered}, WebHookServiceID: 7, Result: json.RawMessage(`{"n":1}`)},
			{CallResult: CallResult{CallID: "b", Outcome: forgehook.Failed}, WebHookServiceID: 8, ErrorCode: "http_400"},
			{CallResult: CallResult{CallID: "c", Outcome: forgehook.Skipped}, WebHookServiceID: 10},
		}, nil
	}
	b.endCall(time.Minute, "b", forgehook.Failed)
	b.endCall(time.Hour, "b", forgehook.Failed) // a repeated signal
	b.endCall(time.Hour, "z", forgehook.Failed) // a call of another request
	b.endCall(72*time.Hour, "a", forgehook.Delivered)
	var shown string
	b.at(2*time.Hour, func() { shown = b.details() })
	got := b.request(requestInput())
	want := RequestResult{
		Calls: []CallAnswer{
			{CallResult: CallResult{CallID: "a", Outcome: forgehook.Delivered}, WebHookServiceID: 7, Result: json.RawMessage(`{"n":1}`)},
			{CallResult: CallResult{CallID: "b", Outcome: forgehook.Failed}, WebHookServiceID: 8, ErrorCode: "http_400"},
			{CallResult: CallResult{CallID: "c", Outcome: forgehook.Skipped}, WebHookServiceID: 10},
		},
		NotCalled: []forgehook.NotCalled{{WebHookServiceID: 9, Reason: "disabled"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	b.told("0s AcceptCalls, local", "72h0m0s ReadAnswers, local")
	if want := "Calls: **3**, waiting for **1** of them"; shown != want {
		t.Errorf("details %q, want %q", shown, want)
	}
}

// A call may end before the workflow knows that it was accepted.
func TestRequest_endsBeforeTheAcceptanceReturns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.takes["AcceptCalls"] = 15 * time.Second
	b.endCall(time.Second, "b", forgehook.Delivered)
	b.endCall(2*time.Second, "a", forgehook.Delivered)
	if got := b.request(requestInput()); len(got.Calls) != 2 {
		t.Errorf("got %+v", got)
	}
	b.told("0s AcceptCalls, local", "15s ReadAnswers, local")
}

func TestRequest_nothingToWaitFor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		accepted Accepted
		want     []string
	}{
		"all ended":      {Accepted{Calls: []CallResult{{CallID: "a", Outcome: forgehook.Skipped}}}, []string{"0s AcceptCalls, local", "0s ReadAnswers, local"}},
		"nothing called": {Accepted{NotCalled: []forgehook.NotCalled{{WebHookServiceID: 9, Reason: "disabled"}}}, []string{"0s AcceptCalls, local"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.accept = func(context.Context, AcceptInput) (Accepted, error) { return tc.accepted, nil }
			got := b.request(requestInput())
			if diff := cmp.Diff(tc.accepted.NotCalled, got.NotCalled, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("not called (-want +got):\n%s", diff)
			}
			b.told(tc.want...)
		})
	}
}

// If the database is down for longer than a workflow task may wait, the steps run as regular
// activities until it is back.
func TestRequest_databaseAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tries := 0
	b.accept = func(context.Context, AcceptInput) (Accepted, error) {
		if tries++; tries == 1 {
			return Accepted{}, errors.New("the database is away")
		}
		return Accepted{Calls: []CallResult{{CallID: "a", Outcome: forgehook.Delivered}}}, nil
	}
	b.request(requestInput())
	b.told("0s AcceptCalls, local", "20s AcceptCalls", "20s ReadAnswers, local")
}

// A cancellation waits for no running step, local or regular. The calls go on without their caller.
func TestRequest_canceled(t *testing.T) {
	t.Parallel()
	away := errors.New("the database is away")
	for name, tc := range map[string]struct {
		arrange func(*bench)
		after   time.Duration // of the cancellation, and of the end
		want    []string
	}{
		"while accepting": {func(b *bench) { b.takes["AcceptCalls"] = 15 * time.Second }, 5 * time.Second, []string{"0s AcceptCalls, local"}},
		"while accepting as a regular activity": {func(b *bench) {
			b.takes["AcceptCalls"] = 15 * time.Second
			b.accept = func(context.Context, AcceptInput) (Accepted, error) { return Accepted{}, away }
		}, 25 * time.Second, []string{"0s AcceptCalls, local", "20s AcceptCalls"}},
		"while waiting": {func(b *bench) { b.endCall(time.Second, "a", forgehook.Delivered) }, 5 * time.Second, []string{"0s AcceptCalls, local"}},
		"while reading": {func(b *bench) {
			b.takes["ReadAnswers"] = 15 * time.Second
			b.endCall(time.Second, "a", forgehook.Delivered)
			b.endCall(time.Second, "b", forgehook.Delivered)
		}, 5 * time.Second, []string{"0s AcceptCalls, local", "1s ReadAnswers, local"}},
		"while reading as a regular activity": {func(b *bench) {
			b.takes["ReadAnswers"] = 15 * time.Second
			b.answers = func(context.Context, AnswersInput) ([]CallAnswer, error) { return nil, away }
			b.endCall(time.Second, "a", forgehook.Delivered)
			b.endCall(time.Second, "b", forgehook.Delivered)
		}, 25 * time.Second, []string{"0s AcceptCalls, local", "1s ReadAnswers, local", "21s ReadAnswers"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			tc.arrange(b)
			b.cancel(tc.after)
			b.env.ExecuteWorkflow(RequestCall, requestInput())
			if err := b.env.GetWorkflowError(); !temporal.IsCanceledError(err) {
				t.Errorf("got %v, want a cancellation", err)
			}
			if b.elapsed() != tc.after {
				t.Errorf("took %s, want %s", b.elapsed(), tc.after)
			}
			b.told(tc.want...)
		})
	}
}

// A fault of the request is an error with its code, and is not retried.
func TestRequest_refused(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(*bench){
		"accept": func(b *bench) {
			b.accept = func(context.Context, AcceptInput) (Accepted, error) { return Accepted{}, fault("invalid") }
		},
		"answers": func(b *bench) {
			b.answers = func(context.Context, AnswersInput) ([]CallAnswer, error) { return nil, fault("invalid") }
			b.endCall(time.Second, "a", forgehook.Delivered)
			b.endCall(time.Second, "b", forgehook.Delivered)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			breaks(b)
			b.env.ExecuteWorkflow(RequestCall, requestInput())
			var failed *temporal.WorkflowExecutionError
			if err := b.env.GetWorkflowError(); !errors.As(err, &failed) {
				t.Fatalf("got %v", err)
			}
			//nolint:errorlint // it must be the first in the chain
			if fault, ok := failed.Unwrap().(*temporal.ApplicationError); !ok || fault.Type() != "invalid" || !fault.NonRetryable() {
				t.Errorf("got %v, want the fault itself", failed.Unwrap())
			}
		})
	}
}

func TestRequest_key(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := requestInput()
	in.IdempotencyKey = "order-17"
	b.accept = func(_ context.Context, got AcceptInput) (Accepted, error) {
		if got.IdempotencyKey != in.IdempotencyKey {
			t.Errorf("key %q", got.IdempotencyKey)
		}
		return Accepted{}, nil
	}
	b.request(in)

	self := &workflow.Info{Namespace: "default", FirstRunID: "0190aaaa-0000-7000-8000-000000000002"}
	self.WorkflowExecution.ID, self.WorkflowExecution.RunID = "order/17", "another run"
	if got, want := requestKey(self), "workflow/default/order/17/0190aaaa-0000-7000-8000-000000000002"; got != want {
		t.Errorf("key %q, want %q", got, want)
	}
	self.WorkflowExecution.ID = strings.Repeat("x", 1000)
	long := requestKey(self)
	self.WorkflowExecution.ID += "y"
	if other := requestKey(self); len(long) > maxKey || long == other {
		t.Errorf("long ids get %q and %q", long, other)
	}
}
