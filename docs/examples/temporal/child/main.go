// Command child has a workflow of your own call a webhook as a child workflow and branch on its answer.
//
//	go run ./docs/examples/temporal/child -tenant <id> -webhook 5000 -document 900000001
//
// It needs the Temporal namespace of Forgehook (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE); forgehook tenants list shows the tenant.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/workflows"
)

// Approval is a process of your own: it asks an external system and goes on when that has answered, today or in three weeks.
func Approval(ctx workflow.Context, in workflows.RequestInput, forgehookQueue string) (string, error) {
	ask := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{TaskQueue: forgehookQueue})
	var answer workflows.RequestResult
	if err := workflow.ExecuteChildWorkflow(ask, workflows.RequestCall, in).Get(ctx, &answer); err != nil {
		return "", err
	}
	for _, call := range answer.Calls {
		if call.Outcome != forgehook.Delivered {
			return fmt.Sprintf("%s: a person has to look", call.Outcome), nil
		}
	}
	return fmt.Sprintf("go on with %s", answer.Calls[0].Result), nil
}

func main() {
	tenant := flag.String("tenant", "", "id of the tenant")
	webhook := flag.Int("webhook", 0, "id of the WebHook utility")
	document := flag.Int("document", 0, "id of a stored document")
	queue := flag.String("forgehook-queue", "forgehook", "FORGEHOOK_TASK_QUEUE of Forgehook's workers")
	flag.Parse()
	log.SetOutput(os.Stderr)

	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.Dial(options)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	mine := worker.New(c, "approvals-"+*queue, worker.Options{})
	mine.RegisterWorkflow(Approval)
	if err := mine.Start(); err != nil {
		log.Fatal(err) //nolint:gocritic // the process ends
	}
	defer mine.Stop()

	webHookServiceID, documentID := int32(*webhook), int32(*document) //nolint:gosec // Temporal's JSON would carry any
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: "approvals-" + *queue}, Approval, workflows.RequestInput{
		Tenant:     forgehook.TenantID(*tenant),
		Request:    forgehook.CallRequest{WebHookServiceID: &webHookServiceID, DocumentID: &documentID},
		WithResult: true,
	}, *queue)
	if err != nil {
		log.Fatal(err)
	}
	var decision string
	if err := run.Get(ctx, &decision); err != nil {
		log.Fatal(err)
	}
	fmt.Println(decision)
}
