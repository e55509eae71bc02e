// Command temporal has a workflow of your own that calls a webhook and branches on its outcome. It
// calls as a child workflow in Forgehook's namespace, or over Nexus from another namespace.
//
//	go run ./docs/examples/temporal -tenant <id> -webhook 5000 -document 900000001
//	go run ./docs/examples/temporal -tenant <id> -webhook 5000 -document 900000001 -nexus <endpoint>
//
// TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE say where the workflow runs. The command
// forgehook tenants list shows the tenant.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/workflows"
)

// Way is how the workflow reaches Forgehook: over a Nexus endpoint, or as a child workflow on the
// task queue of Forgehook's workers.
type Way struct{ Nexus, Queue string }

// Approval is your process: it asks an external system and goes on when that responds, today or in
// three weeks.
func Approval(ctx workflow.Context, in workflows.RequestInput, by Way) (string, error) {
	result, err := ask(ctx, in, by)
	if err != nil {
		return "", err
	}
	for _, call := range result.Calls {
		if call.Outcome != forgehook.Delivered {
			return fmt.Sprintf("%s: a person has to look", call.Outcome), nil
		}
	}
	return fmt.Sprintf("go on with %s", result.Calls[0].Result), nil
}

func ask(ctx workflow.Context, in workflows.RequestInput, by Way) (result workflows.RequestResult, err error) {
	if by.Nexus != "" {
		err = workflow.NewNexusClient(by.Nexus, "forgehook").ExecuteOperation(ctx, "CallWebhook", in, workflow.NexusOperationOptions{}).Get(ctx, &result)
		return result, err
	}
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{TaskQueue: by.Queue})
	err = workflow.ExecuteChildWorkflow(child, workflows.RequestCall, in).Get(ctx, &result)
	return result, err
}

func main() {
	tenant := flag.String("tenant", "", "id of the tenant")
	webhook := flag.Int("webhook", 0, "id of the WebHook utility")
	document := flag.Int("document", 0, "id of a stored document")
	var by Way
	flag.StringVar(&by.Nexus, "nexus", "", "Nexus endpoint that leads to Forgehook's namespace and task queue; none: a child workflow")
	flag.StringVar(&by.Queue, "queue", "forgehook", "FORGEHOOK_TASK_QUEUE of Forgehook's workers")
	flag.Parse()

	webHookServiceID, documentID := int32(*webhook), int32(*document) //nolint:gosec // ids are 32 bits wide
	decision, err := run(by, workflows.RequestInput{
		Tenant:     forgehook.TenantID(*tenant),
		Request:    forgehook.CallRequest{WebHookServiceID: &webHookServiceID, DocumentID: &documentID},
		WithResult: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(decision)
}

// run runs one workflow on your worker.
func run(by Way, in workflows.RequestInput) (decision string, err error) {
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return "", err
	}
	options.Logger = sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	c, err := client.Dial(options)
	if err != nil {
		return "", err
	}
	defer c.Close()
	const queue = "approvals"
	mine := worker.New(c, queue, worker.Options{})
	mine.RegisterWorkflow(Approval)
	if err := mine.Start(); err != nil {
		return "", err
	}
	defer mine.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	started, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: queue}, Approval, in, by)
	if err != nil {
		return "", err
	}
	err = started.Get(ctx, &decision)
	return decision, err
}
