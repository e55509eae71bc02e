package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/nexus-rpc/sdk-go/nexus"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporalnexus"

	"github.com/forgehook/forgehook/workflows"
)

// The names by which callers of other namespaces call webhooks and await their ends.
const (
	NexusService       = "forgehook"
	NexusCallOperation = "CallWebhook" // takes a workflows.RequestInput, returns a workflows.RequestResult
)

// nexusService is registered by every worker. Callers reach it only through a Nexus endpoint that
// somebody makes for the namespace and task queue.
func nexusService() *nexus.Service {
	s := nexus.NewService(NexusService)
	s.MustRegister(temporalnexus.MustNewWorkflowRunOperationWithOptions(
		temporalnexus.WorkflowRunOperationOptions[workflows.RequestInput, workflows.RequestResult]{Name: NexusCallOperation, Handler: requestCall},
	))
	return s
}

// requestCall starts RequestCall. A repeated start, and another operation with the same idempotency
// key and input, is the same workflow while that runs, and makes the same calls after it.
func requestCall(ctx context.Context, in workflows.RequestInput, o nexus.StartOperationOptions) (temporalnexus.WorkflowHandle[workflows.RequestResult], error) {
	if in.Tenant == "" {
		return nil, nexus.NewHandlerErrorf(nexus.HandlerErrorTypeBadRequest, "Tenant is missing")
	}
	if err := in.Request.Validate(); err != nil {
		return nil, nexus.NewHandlerErrorf(nexus.HandlerErrorTypeBadRequest, "Request: %v", err)
	}
	if in.IdempotencyKey == "" {
		in.IdempotencyKey = "nexus/" + o.RequestID
	}
	id, err := requestID(in)
	if err != nil {
		return nil, err
	}
	return temporalnexus.ExecuteWorkflow(ctx, o, client.StartWorkflowOptions{
		ID:                       id,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "calls that another workflow awaits over Nexus",
		Priority:                 share(in.Tenant, "nexus"),
	}, workflows.RequestCall, in)
}

// requestID distinguishes requests by all their content. A key that is used again for another
// request is refused at acceptance, instead of returning the first result.
func requestID(in workflows.RequestInput) (string, error) {
	content, err := json.Marshal(in)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return "request/" + hex.EncodeToString(sum[:]), nil
}
