package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// RequestCall calls WebHook utilities and waits for their ends, however long they take. It is the
// entrance for workflows of others. A failed call is a result, not an error. Errors are a fault of
// the request, as an application error whose type is the code ("invalid", "not-found"), and a
// cancellation, after which the calls go on.
func RequestCall(ctx workflow.Context, in RequestInput) (RequestResult, error) {
	self := workflow.GetInfo(ctx)
	if in.IdempotencyKey == "" {
		in.IdempotencyKey = requestKey(self)
	}
	accepted, err := acceptCalls(ctx, AcceptInput{RequestInput: in, WorkflowID: self.WorkflowExecution.ID})
	if err != nil {
		return RequestResult{}, asFault(err)
	}
	result := RequestResult{NotCalled: accepted.NotCalled}
	if len(accepted.Calls) == 0 {
		workflow.SetCurrentDetails(ctx, "Nothing was called.")
		return result, nil
	}
	ids := make([]string, len(accepted.Calls))
	open := map[string]bool{}
	for i, call := range accepted.Calls {
		ids[i] = call.CallID
		if call.Outcome == "" {
			open[call.CallID] = true
		}
	}
	// A call may end before its acceptance is known here: signals wait in their channel.
	ended := workflow.GetSignalChannel(ctx, CallEndedSignal)
	for len(open) > 0 {
		workflow.SetCurrentDetails(ctx, fmt.Sprintf("Calls: **%d**, waiting for **%d** of them", len(ids), len(open)))
		var call CallResult
		if err := receive(ctx, ended, &call); err != nil {
			return RequestResult{}, err
		}
		delete(open, call.CallID) // a repeated signal, or one of another call, changes nothing
	}
	result.Calls, err = readAnswers(ctx, AnswersInput{Tenant: in.Tenant, CallIDs: ids, WithResult: in.WithResult})
	if err != nil {
		return RequestResult{}, asFault(err)
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("Calls: **%d**, all have ended", len(ids)))
	return result, nil
}

// receive waits for a signal or for the cancellation of the run.
func receive(ctx workflow.Context, signals workflow.ReceiveChannel, value any) error {
	first := workflow.NewSelector(ctx)
	first.AddReceive(signals, func(ch workflow.ReceiveChannel, _ bool) { ch.Receive(ctx, value) })
	first.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
	first.Select(ctx)
	return ctx.Err()
}

// maxKey is the most bytes of an idempotency key. An id of Temporal may have 1,000.
const maxKey = 255

// requestKey is the same for all runs of a workflow: retries, resets and continuations.
func requestKey(self *workflow.Info) string {
	key := fmt.Sprintf("workflow/%s/%s/%s", self.Namespace, self.WorkflowExecution.ID, self.FirstRunID)
	if len(key) > maxKey {
		sum := sha256.Sum256([]byte(key))
		return "workflow/sha256/" + hex.EncodeToString(sum[:])
	}
	return key
}

// asFault unwraps a step's own fault from the engine's errors, so that a parent sees the code
// first, and no retry policy repeats a request that cannot work.
func asFault(err error) error {
	if fault, ok := errors.AsType[*temporal.ApplicationError](err); ok && isFault(err) {
		return fault
	}
	return err
}
