package bench

import (
	"context"
	"log/slog"
	"os"
	"time"

	"go.temporal.io/sdk/activity"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/forgehook/forgehook/worker"
	"github.com/forgehook/forgehook/workflows"
)

// Bare runs the worker of the bare shape until in ends: workflows without the product, and those of
// its users.
func Bare(ctx context.Context) error {
	client, err := worker.Dial(ctx, worker.DialOptions{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer client.Close()
	w := sdkworker.New(client, bareQueue, sdkworker.Options{
		WorkflowTaskPollerBehavior: sdkworker.NewPollerBehaviorAutoscaling(sdkworker.PollerBehaviorAutoscalingOptions{}),
		ActivityTaskPollerBehavior: sdkworker.NewPollerBehaviorAutoscaling(sdkworker.PollerBehaviorAutoscalingOptions{}),
	})
	w.RegisterWorkflow(bareCall)
	w.RegisterWorkflow(bareParent)
	w.RegisterWorkflow(userParent)
	w.RegisterWorkflow(userAbroad)
	w.RegisterActivityWithOptions(bareStep, activity.RegisterOptions{Name: "bare-step"})
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	if err := (Ready{}).Say(os.Stdout); err != nil {
		return err
	}
	ctx, cancel := UntilEOF(ctx, os.Stdin)
	defer cancel()
	<-ctx.Done()
	return nil
}

// bareCall is the floor: the shape of a call whose activities do nothing.
func bareCall(ctx workflow.Context) error {
	local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{ScheduleToCloseTimeout: 20 * time.Second})
	for range 2 {
		if err := workflow.ExecuteLocalActivity(local, bareStep).Get(ctx, nil); err != nil {
			return err
		}
	}
	regular := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	return workflow.ExecuteActivity(regular, "bare-step").Get(ctx, nil)
}

func bareStep(context.Context) error { return nil }

// bareParent runs the bare shape as a child, which is the floor of a child workflow.
func bareParent(ctx workflow.Context) error {
	return workflow.ExecuteChildWorkflow(ctx, bareCall).Get(ctx, nil)
}

// userParent is a user's workflow that calls a webhook.
func userParent(ctx workflow.Context, in workflows.RequestInput, queue string) (workflows.RequestResult, error) {
	var result workflows.RequestResult
	err := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{TaskQueue: queue}), workflows.RequestCall, in).Get(ctx, &result)
	return result, err
}

// userAbroad is userParent over Nexus.
func userAbroad(ctx workflow.Context, in workflows.RequestInput, endpoint string) (workflows.RequestResult, error) {
	var result workflows.RequestResult
	operation := workflow.NewNexusClient(endpoint, worker.NexusService).ExecuteOperation(ctx, worker.NexusCallOperation, in, workflow.NexusOperationOptions{})
	return result, operation.Get(ctx, &result)
}
