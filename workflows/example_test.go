package workflows_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/workflows"
)

// BookInvoice is a workflow of your worker. It has an invoice sent to the bookkeeping, and goes on
// with the bookkeeping's result, whether that takes milliseconds or weeks.
func BookInvoice(ctx workflow.Context, tenant forgehook.TenantID, documentID, bookkeeping int32) (json.RawMessage, error) {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:    fmt.Sprintf("book-invoice-%d", documentID),
		TaskQueue:     "forgehook", // of Forgehook's workers, in the same namespace
		StaticSummary: fmt.Sprintf("send document %d to the bookkeeping", documentID),
	})
	var result workflows.RequestResult
	err := workflow.ExecuteChildWorkflow(ctx, workflows.RequestCall, workflows.RequestInput{
		Tenant:         tenant,
		Request:        forgehook.CallRequest{DocumentID: &documentID, WebHookServiceID: &bookkeeping},
		IdempotencyKey: fmt.Sprintf("book-invoice-%d", documentID), // one call, however often this workflow starts
		WithResult:     true,                                       // the result of the utility's response.result
	}).Get(ctx, &result)
	if err != nil {
		return nil, err // the request was refused, or this workflow was canceled
	}
	if len(result.Calls) == 0 {
		return nil, fmt.Errorf("not sent: %s", result.NotCalled[0].Reason)
	}
	call := result.Calls[0]
	if call.Outcome != forgehook.Delivered {
		return nil, fmt.Errorf("call %s: %s, %s", call.CallID, call.Outcome, call.ErrorCode)
	}
	return call.Result, nil
}

// accept and read stand in for Forgehook's worker. RequestCall itself is the real one.
func accept(context.Context, workflows.AcceptInput) (workflows.Accepted, error) {
	return workflows.Accepted{Calls: []workflows.CallResult{{CallID: "0190aaaa-0000-7000-8000-000000000001"}}}, nil
}

func read(_ context.Context, in workflows.AnswersInput) ([]workflows.CallAnswer, error) {
	return []workflows.CallAnswer{{
		CallResult:       workflows.CallResult{CallID: in.CallIDs[0], Outcome: forgehook.Delivered, StatusCode: 202, Attempts: 1},
		WebHookServiceID: 48090,
		Result:           json.RawMessage(`{"number":"B-2026-0117"}`),
	}}, nil
}

// Your workflow calls a utility as a child workflow and waits for the result.
func ExampleRequestCall() {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterWorkflow(workflows.RequestCall)
	env.RegisterActivityWithOptions(accept, activity.RegisterOptions{Name: "AcceptCalls"})
	env.RegisterActivityWithOptions(read, activity.RegisterOptions{Name: "ReadAnswers"})
	env.RegisterDelayedCallback(func() { // the bookkeeping calls back after three days
		ended := workflows.CallResult{CallID: "0190aaaa-0000-7000-8000-000000000001", Outcome: forgehook.Delivered}
		if err := env.SignalWorkflowByID("book-invoice-912", workflows.CallEndedSignal, ended); err != nil {
			fmt.Println(err)
		}
	}, 72*time.Hour)

	env.ExecuteWorkflow(BookInvoice, forgehook.TenantID("3f0e9a52-0000-4000-8000-000000000001"), int32(912), int32(48090))
	var booked json.RawMessage
	if err := env.GetWorkflowResult(&booked); err != nil {
		fmt.Println(err)
	}
	fmt.Println(string(booked))
	// Output: {"number":"B-2026-0117"}
}
