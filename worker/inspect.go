package worker

import (
	"context"
	"errors"
	"net"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/forgehook/forgehook/workflows"
)

// Cluster is how a Temporal cluster describes itself.
type Cluster struct {
	Address   string
	Namespace string
	Version   string
	Shards    int // history shards; 0: unknown
}

// InspectCluster connects and asks. A cluster that does not describe itself, as hosted ones may,
// counts as reached.
func InspectCluster(ctx context.Context, c client.Client) (Cluster, error) {
	options, err := clientOptions()
	cluster := Cluster{Address: options.HostPort, Namespace: options.Namespace}
	if err != nil {
		return cluster, err
	}
	// gRPC would try until ctx ends and then report only the time. A bare connection reports the
	// cause.
	if _, _, err := net.SplitHostPort(options.HostPort); err == nil {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", options.HostPort)
		if err != nil {
			return cluster, err
		}
		if err := conn.Close(); err != nil {
			return cluster, err
		}
	}
	system, err := c.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	if err != nil {
		return cluster, err
	}
	cluster.Version = system.GetServerVersion()
	if info, err := c.WorkflowService().GetClusterInfo(ctx, &workflowservice.GetClusterInfoRequest{}); err == nil {
		cluster.Shards = int(info.GetHistoryShardCount())
	}
	return cluster, nil
}

// NamespaceState is the state of a namespace.
type NamespaceState struct {
	Exists     bool
	Registered bool // not deprecated and not being deleted
	Retention  time.Duration
	EagerStart bool
}

// InspectNamespace describes a namespace. A missing namespace is no error.
func InspectNamespace(ctx context.Context, c client.Client, namespace string) (NamespaceState, error) {
	d, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	if is[*serviceerror.NamespaceNotFound](err) || is[*serviceerror.NotFound](err) {
		return NamespaceState{}, nil
	}
	if err != nil {
		return NamespaceState{}, err
	}
	return NamespaceState{
		Exists:     true,
		Registered: d.GetNamespaceInfo().GetState() == enumspb.NAMESPACE_STATE_REGISTERED,
		Retention:  d.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration(),
		EagerStart: d.GetNamespaceInfo().GetCapabilities().GetEagerWorkflowStart(),
	}, nil
}

// AttributeState lists the search attributes that workflows set and a namespace lacks.
type AttributeState struct {
	Missing []string
	Wanted  int
	Command string // adds the missing ones
}

// InspectSearchAttributes compares the attributes. One of another type is an error.
func InspectSearchAttributes(ctx context.Context, c client.Client, namespace string) (AttributeState, error) {
	state := AttributeState{Wanted: len(workflows.SearchAttributes)}
	present, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return state, err
	}
	missing, err := missingAttributes(namespace, present.GetCustomAttributes())
	for _, key := range missing {
		state.Missing = append(state.Missing, key.GetName())
	}
	state.Command = attributesCommand(namespace, missing)
	return state, err
}

// QueueState is how workers serve a task queue.
type QueueState struct {
	WorkflowPollers int // processes that polled within the last minutes
	ActivityPollers int
	Backlog         int64         // waiting tasks, about
	OldestWaits     time.Duration // how long the oldest task waits, about
	Unrouted        bool          // workers have versions, but none is current: they get nothing
}

// InspectQueue describes a task queue.
func InspectQueue(ctx context.Context, c client.Client, namespace, taskQueue string) (q QueueState, err error) {
	for kind, pollers := range map[enumspb.TaskQueueType]*int{
		enumspb.TASK_QUEUE_TYPE_WORKFLOW: &q.WorkflowPollers, enumspb.TASK_QUEUE_TYPE_ACTIVITY: &q.ActivityPollers,
	} {
		d, err := describeQueue(ctx, c, namespace, taskQueue, kind)
		if err != nil {
			return q, err
		}
		*pollers = len(d.GetPollers())
		q.Backlog += d.GetStats().GetApproximateBacklogCount()
		q.OldestWaits = max(q.OldestWaits, d.GetStats().GetApproximateBacklogAge().AsDuration())
		q.Unrouted = q.Unrouted || unrouted(d)
	}
	return q, nil
}

func describeQueue(ctx context.Context, c client.Client, namespace, taskQueue string, kind enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	return c.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: namespace, TaskQueue: &taskqueue.TaskQueue{Name: taskQueue}, TaskQueueType: kind, ReportStats: true,
	})
}

func unrouted(d *workflowservice.DescribeTaskQueueResponse) bool {
	if d.GetVersioningInfo().GetCurrentDeploymentVersion() != nil || len(d.GetPollers()) == 0 {
		return false
	}
	for _, p := range d.GetPollers() {
		if p.GetDeploymentOptions().GetWorkerVersioningMode() != enumspb.WORKER_VERSIONING_MODE_VERSIONED {
			return false
		}
	}
	return true
}

// SweepState is the state of the sweep's schedule.
type SweepState struct {
	ID      string
	Exists  bool
	Paused  bool
	Note    string // by the operator who paused it
	Every   time.Duration
	LastRun time.Time // zero: it never ran
}

// InspectSweep describes the schedule that EnsureSweep makes. A missing schedule is no error.
func InspectSweep(ctx context.Context, c client.Client, taskQueue string) (SweepState, error) {
	s := SweepState{ID: sweepID(taskQueue)}
	d, err := c.ScheduleClient().GetHandle(ctx, s.ID).Describe(ctx)
	if is[*serviceerror.NotFound](err) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	if d.Schedule.State == nil || d.Schedule.Spec == nil {
		return s, errors.New("the schedule has no state or no interval")
	}
	s.Exists, s.Paused, s.Note = true, d.Schedule.State.Paused, d.Schedule.State.Note
	for _, interval := range d.Schedule.Spec.Intervals {
		s.Every = interval.Every
	}
	for _, action := range d.Info.RecentActions {
		s.LastRun = action.ActualTime
	}
	return s, nil
}
