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

// The Nexus service and its operation: callers of other namespaces call webhooks and await their
// ends by these names.
const (
	NexusService       = "forgehook"
	NexusCallOperation = "CallWebhook" // takes a workflows.RequestInput, answers a workflows.RequestResult
)

// nexusService is registered by every worker. It does nothing before somebody makes a Nexus
// endpoint for the namespace and task queue: that is what allows a caller in.
func nexusService() *nexus.Service {
	s := nexus.NewService(NexusService)
	s.MustRegister(temporalnexus.MustNewWorkflowRunOperationWithOptions(
		temporalnexus.WorkflowRunOperationOptions[workflows.RequestInput, workflows.RequestResult]{Name: NexusCallOperation, Handler: requestCall},
	))
	return s
}

// requestCall starts RequestCall. A start that Temporal repeats, and another operation with the
// same idempotency key and input, is the same workflow while that runs, and the same calls after
// it.
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

// requestID tells requests apart by all they ask: a key that is used again for something else is
// refused by the acceptance, not answered with what the first one asked for.
func requestID(in workflows.RequestInput) (string, error) {
	content, err := json.Marshal(in)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	return "request/" + hex.EncodeToString(sum[:]), nil
}
