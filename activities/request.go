package activities

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"log/slog"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/workflows"
)

// AcceptCalls accepts and starts calls that a workflow awaits. The same request with the same key
// returns the first calls.
func (a *Activities) AcceptCalls(ctx context.Context, in workflows.AcceptInput) (workflows.Accepted, error) {
	what := slog.String("workflow", in.WorkflowID)
	if err := in.Request.Validate(); err != nil {
		return workflows.Accepted{}, a.faultOf("accept calls", what, err)
	}
	body, err := json.Marshal(in.Request)
	if err != nil {
		return workflows.Accepted{}, a.faultOf("accept calls", what, err)
	}
	sum := sha256.Sum256(body)
	accepted, err := a.DB.AcceptCalls(ctx, in.Tenant, postgres.Acceptance{
		Request: in.Request, IdempotencyKey: in.IdempotencyKey, BodySHA256: sum[:], Now: a.Now(), Waiter: in.WorkflowID, CauseID: in.CauseID,
	})
	if err != nil {
		return workflows.Accepted{}, a.faultOf("accept calls", what, err)
	}
	a.dispatch(what).StartCalls(ctx, accepted.Starts)
	out := workflows.Accepted{NotCalled: accepted.NotCalled, Calls: make([]workflows.CallResult, len(accepted.Calls))}
	for i, call := range accepted.Calls {
		out.Calls[i] = workflows.CallResult{CallID: call.ID, StatusCode: lastStatus(call), Attempts: call.Attempts}
		if call.Outcome != nil {
			out.Calls[i].Outcome = *call.Outcome
		}
	}
	return out, nil
}

// ReadAnswers tells how calls have ended. It includes results while they fit into MaxResult
// together; other calls get the code result_too_large.
func (a *Activities) ReadAnswers(ctx context.Context, in workflows.AnswersInput) ([]workflows.CallAnswer, error) {
	ends := make([]workflows.CallAnswer, len(in.CallIDs))
	free := workflows.MaxResult
	for i, id := range in.CallIDs {
		call, err := a.DB.Call(ctx, in.Tenant, id)
		if err != nil {
			return nil, a.fault("read call", workflows.CallRef{Tenant: in.Tenant, CallID: id}, err)
		}
		ended := workflows.CallAnswer{
			CallResult:       workflows.CallResult{CallID: id, StatusCode: lastStatus(call), Attempts: call.Attempts},
			WebHookServiceID: call.WebHookServiceID,
		}
		if call.Outcome != nil {
			ended.Outcome = *call.Outcome
		}
		if call.Error != nil {
			ended.ErrorCode = call.Error.Code
		}
		switch size := len(call.Result); {
		case !in.WithResult || size == 0:
		case size > free:
			ended.ErrorCode = forgehook.CallErrorResultTooLarge
		default:
			ended.Result, free = call.Result, free-size
		}
		ends[i] = ended
	}
	return ends, nil
}

func lastStatus(call forgehook.Call) int {
	if call.Response == nil {
		return 0
	}
	return call.Response.StatusCode
}
