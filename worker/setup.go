package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/forgehook/forgehook/workflows"
)

// attributesKnown is how long the services of a Temporal cluster may take to know a new search
// attribute: they look every two seconds. An earlier start with it is refused, and an earlier
// workflow task is retried only after 10 s.
const attributesKnown = 3 * time.Second

// RegisterSearchAttributes adds the search attributes that workflows set and the namespace lacks.
// If that is not allowed, the error names the command that adds them.
func RegisterSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	present, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return attributesError(namespace, workflows.SearchAttributes, err)
	}
	missing, err := missingAttributes(namespace, present.GetCustomAttributes())
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		return nil
	}
	add := map[string]enumspb.IndexedValueType{}
	for _, key := range missing {
		add[key.GetName()] = key.GetValueType()
	}
	if _, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: namespace, SearchAttributes: add,
	}); err != nil {
		return attributesError(namespace, missing, err)
	}
	select {
	case <-time.After(attributesKnown):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// missingAttributes are the attributes that workflows set and a namespace lacks. One of another
// type is an error.
func missingAttributes(namespace string, present map[string]enumspb.IndexedValueType) (missing []temporal.SearchAttributeKey, err error) {
	for _, key := range workflows.SearchAttributes {
		switch kind, ok := present[key.GetName()]; {
		case !ok:
			missing = append(missing, key)
		case kind != key.GetValueType():
			return nil, fmt.Errorf("search attribute %s of namespace %q is of type %s, it must be %s: remove it or use another namespace",
				key.GetName(), namespace, kind, key.GetValueType())
		}
	}
	return missing, nil
}

func attributesError(namespace string, missing []temporal.SearchAttributeKey, err error) error {
	return fmt.Errorf("cannot add search attributes to namespace %q: %w; let an administrator run: %s", namespace, err, attributesCommand(namespace, missing))
}

func attributesCommand(namespace string, missing []temporal.SearchAttributeKey) string {
	command := "temporal operator search-attribute create"
	for _, key := range missing {
		command += fmt.Sprintf(" --name %s --type %s", key.GetName(), key.GetValueType())
	}
	return command + " --namespace " + namespace
}

// EnsureSweep creates or updates the schedule of Sweep: one for each task queue, and so for each
// installation.
func EnsureSweep(ctx context.Context, c client.Client, taskQueue string, every time.Duration) error {
	return ensureSweep(ctx, c, sweepID(taskQueue), taskQueue, every)
}

func sweepID(taskQueue string) string { return "forgehook-sweep/" + taskQueue }

func ensureSweep(ctx context.Context, c client.Client, id, taskQueue string, every time.Duration) error {
	spec := client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: every}}}
	action := &client.ScheduleWorkflowAction{
		ID: id, Workflow: workflows.Sweep, TaskQueue: taskQueue,
		StaticSummary: "start lost calls, settle calls whose run is gone",
	}
	const overlap = enumspb.SCHEDULE_OVERLAP_POLICY_SKIP
	const catchup = 10 * time.Second // one sweep makes up for all missed ones
	_, err := c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: id, Spec: spec, Action: action, Overlap: overlap, CatchupWindow: catchup,
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		err = c.ScheduleClient().GetHandle(ctx, id).Update(ctx, client.ScheduleUpdateOptions{
			DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
				schedule := in.Description.Schedule // keeps its state: an operator may have paused it
				schedule.Spec, schedule.Action = &spec, action
				schedule.Policy = &client.SchedulePolicies{Overlap: overlap, CatchupWindow: catchup}
				return &client.ScheduleUpdate{Schedule: &schedule}, nil
			},
		})
	}
	return fault("schedule "+id, err)
}
