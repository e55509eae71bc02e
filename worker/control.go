package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/workflows"
)

const (
	requestTimeout = 10 * time.Second // one request to Temporal, which the SDK would repeat for a minute
	startsAtOnce   = 16
	// taskTimeout is how long the engine waits for a worker that died with a workflow task. For
	// longer local activities the SDK asks for more time.
	taskTimeout = 5 * time.Second
)

// Control starts and steers workflows: it is the dispatch.Engine on Temporal.
type Control struct {
	// EagerStart gives the first task of a call to a worker of this process on the same client,
	// without a poll. It ignores versions, so use it for unversioned workers only: decision 8.
	EagerStart bool

	client    client.Client
	taskQueue string
}

// NewControl controls the workflows on a task queue.
func NewControl(c client.Client, taskQueue string) *Control {
	return &Control{client: c, taskQueue: taskQueue}
}

// StartCalls starts the workflows of accepted calls, several at once. It leaves running and ended
// ones alone. When Temporal stops responding, it does not try the rest: the sweep starts them
// later.
func (c *Control) StartCalls(ctx context.Context, starts []forgehook.CallStart) error {
	return startEach(ctx, starts, c.startCall)
}

func startEach[S any](parent context.Context, starts []S, start func(context.Context, S) error) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	errs := make([]error, len(starts))
	slots := make(chan struct{}, startsAtOnce)
	var wg sync.WaitGroup
	for i, s := range starts {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if errs[i] = start(ctx, s); forgehook.ErrorCode(errs[i]) == forgehook.CodeUnavailable {
				cancel()
			}
		})
	}
	wg.Wait()
	if parent.Err() == nil { // calls that were not tried are no errors
		errs = slices.DeleteFunc(errs, func(err error) bool {
			return errors.Is(err, context.Canceled) && forgehook.ErrorCode(err) != forgehook.CodeUnavailable
		})
	}
	return errors.Join(errs...)
}

func (c *Control) startCall(ctx context.Context, s forgehook.CallStart) error {
	return c.once(ctx, workflows.CallID(s.CallID), client.StartWorkflowOptions{
		TypedSearchAttributes: callAttributes(s),
		StaticSummary:         forgehook.Shorten(callSummary(s), 400),
		StaticDetails:         callDetails(s),
		Priority:              share(s.Tenant, itoa(s.WebHookServiceID)),
		EnableEagerStart:      c.EagerStart,
	}, workflows.CallWebhook, workflows.CallInput{
		CallRef:          workflows.CallRef{Tenant: s.Tenant, CallID: s.CallID},
		WebHookServiceID: s.WebHookServiceID,
		AcceptedAt:       s.AcceptedAt,
		Deadline:         s.Deadline,
		Timeout:          s.Timeout,
	})
}

func callAttributes(s forgehook.CallStart) temporal.SearchAttributes {
	set := []temporal.SearchAttributeUpdate{
		workflows.Tenant.ValueSet(keyword(string(s.Tenant))),
		workflows.ProjectID.ValueSet(itoa(s.ProjectID)),
		workflows.WebHookServiceID.ValueSet(itoa(s.WebHookServiceID)),
	}
	if s.DocumentID != nil {
		set = append(set, workflows.DocumentID.ValueSet(itoa(*s.DocumentID)))
	}
	if s.Host != "" {
		set = append(set, workflows.EndpointHost.ValueSet(keyword(s.Host)))
	}
	return temporal.NewSearchAttributes(set...)
}

// keyword cuts a value to the length of the visibility store's columns, since Temporal would refuse
// a longer one.
func keyword(s string) string { return forgehook.Shorten(s, 255) }

func itoa(id int32) string { return strconv.Itoa(int(id)) }

// share gives each utility its share of busy workers: the engine alternates between keys, and a
// workflow's activities have its key. See decision 6.
func share(tenant forgehook.TenantID, of string) temporal.Priority {
	return temporal.Priority{FairnessKey: forgehook.Shorten(of+"/"+string(tenant), 64)} // the engine's limit
}

// callSummary is the call's line in Temporal's list: "POST erp.example.com for document 912".
func callSummary(s forgehook.CallStart) string {
	text := s.Method
	if s.Host != "" {
		text += " " + s.Host
	}
	if s.DocumentID != nil {
		text += " for document " + itoa(*s.DocumentID)
	}
	return text
}

func callDetails(s forgehook.CallStart) string {
	return fmt.Sprintf("WebHook utility **%s** (%d) of service %d, project %d\n\nCall `%s`, tenant `%s`",
		forgehook.Shorten(s.UtilityName, 200), s.WebHookServiceID, s.ServiceID, s.ProjectID, s.CallID, s.Tenant)
}

// StartRuns starts the workflows of events like StartCalls.
func (c *Control) StartRuns(ctx context.Context, starts []forgehook.RunStart) error {
	return startEach(ctx, starts, c.startRun)
}

func (c *Control) startRun(ctx context.Context, s forgehook.RunStart) error {
	return c.once(ctx, workflows.RunID(s.RunID), client.StartWorkflowOptions{
		TypedSearchAttributes: temporal.NewSearchAttributes(
			workflows.Tenant.ValueSet(keyword(string(s.Tenant))), workflows.ProjectID.ValueSet(itoa(s.ProjectID)),
		),
		StaticSummary: runSummary(s),
		StaticDetails: fmt.Sprintf("Calls of the utilities of service %d, project %d, that the event fires\n\nRun `%s`, tenant `%s`",
			s.ServiceID, s.ProjectID, s.RunID, s.Tenant),
		Priority: share(s.Tenant, itoa(s.ServiceID)),
	}, workflows.RunUtilities, workflows.RunInput{RunRef: s.RunRef})
}

// runSummary is the run's line in Temporal's list: "after_process of service 48072, 100 documents".
func runSummary(s forgehook.RunStart) string {
	text := fmt.Sprintf("%s of service %d, %d document", s.Type, s.ServiceID, s.Documents)
	if s.Documents != 1 {
		text += "s"
	}
	return text
}

// StartProcess starts the workflow of a work item that waits for a call.
func (c *Control) StartProcess(ctx context.Context, s forgehook.ProcessStart) error {
	return c.once(ctx, workflows.ProcessID(s.ProcessID), client.StartWorkflowOptions{
		TypedSearchAttributes: temporal.NewSearchAttributes(workflows.Tenant.ValueSet(keyword(string(s.Tenant)))),
		StaticSummary:         fmt.Sprintf("work item %d waits for call %s", s.WorkItemID, s.CallID),
		StaticDetails:         fmt.Sprintf("Process `%s`, tenant `%s`", s.ProcessID, s.Tenant),
		Priority:              share(s.Tenant, "work items"),
	}, workflows.ProcessWorkItem, s.ProcessRef)
}

// once starts a workflow unless one with this id runs or has ended.
func (c *Control) once(ctx context.Context, id string, o client.StartWorkflowOptions, workflow, in any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	o.ID, o.TaskQueue, o.WorkflowTaskTimeout = id, c.taskQueue, taskTimeout
	o.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
	// Without this, the SDK takes the refusal of a closed run for a start.
	o.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
	_, err := c.client.ExecuteWorkflow(ctx, o, workflow, in)
	return fault("start "+id, err)
}

// CancelRun asks for the outcome canceled of an event's run; its calls go on. CodeNotFound: no such
// workflow.
func (c *Control) CancelRun(ctx context.Context, run forgehook.RunRef) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return fault("cancel run "+run.RunID, c.client.CancelWorkflow(ctx, workflows.RunID(run.RunID), ""))
}

// Wake sends a signal that is owed to a workflow. CodeNotFound: the workflow has ended or was never
// started.
func (c *Control) Wake(ctx context.Context, wake forgehook.Wake) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var payload any
	if wake.Payload != nil {
		payload = json.RawMessage(wake.Payload)
	}
	return fault("signal "+wake.Signal+" to "+wake.WorkflowID, c.client.SignalWorkflow(ctx, wake.WorkflowID, "", wake.Signal, payload))
}

// RetryNow ends the call's back-off. CodeNotFound: no workflow is running.
func (c *Control) RetryNow(ctx context.Context, call forgehook.CallRef) error {
	return c.signal(ctx, call, workflows.RetryNowSignal)
}

// Resume ends a call's hold. CodeNotFound: no workflow is running.
func (c *Control) Resume(ctx context.Context, call forgehook.CallRef) error {
	return c.signal(ctx, call, workflows.ResumeSignal)
}

func (c *Control) signal(ctx context.Context, call forgehook.CallRef, name string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	err := c.client.SignalWorkflow(ctx, workflows.CallID(call.CallID), "", name, nil)
	return fault("signal "+name+" to call "+call.CallID, err)
}

// Cancel asks for the outcome canceled; a running exchange ends first. An ended call stays as it
// is. CodeNotFound: no such workflow.
func (c *Control) Cancel(ctx context.Context, call forgehook.CallRef) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return fault("cancel call "+call.CallID, c.client.CancelWorkflow(ctx, workflows.CallID(call.CallID), ""))
}

// Drain releases the held calls of a resumed utility. It signals a drain that runs already, so that
// it looks again even after its last page.
func (c *Control) Drain(ctx context.Context, tenant forgehook.TenantID, webHookServiceID int32) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	id := workflows.DrainID(tenant, webHookServiceID)
	_, err := c.client.SignalWithStartWorkflow(ctx, id, workflows.ResumeSignal, nil, client.StartWorkflowOptions{
		TaskQueue:           c.taskQueue,
		WorkflowTaskTimeout: taskTimeout,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			workflows.Tenant.ValueSet(keyword(string(tenant))),
			workflows.WebHookServiceID.ValueSet(itoa(webHookServiceID)),
		),
		StaticSummary: "release the held calls of utility " + itoa(webHookServiceID),
		StaticDetails: fmt.Sprintf("Oldest calls first, at a steady pace. Tenant `%s`", tenant),
		Priority:      share(tenant, itoa(webHookServiceID)),
	}, workflows.DrainUtility, workflows.DrainInput{Tenant: tenant, WebHookServiceID: webHookServiceID})
	return fault("start "+id, err)
}

// Ping reports whether Temporal responds.
func (c *Control) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := c.client.CheckHealth(ctx, &client.CheckHealthRequest{})
	return fault("check Temporal's health", err)
}

// State is the state of a workflow's last run.
func (c *Control) State(ctx context.Context, workflowID string) (forgehook.WorkflowState, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	described, err := c.client.DescribeWorkflowExecution(ctx, workflowID, "")
	if err = fault("describe the run of "+workflowID, err); forgehook.ErrorCode(err) == forgehook.CodeNotFound {
		return forgehook.WorkflowMissing, nil
	}
	if err != nil {
		return "", err
	}
	switch status := described.GetWorkflowExecutionInfo().GetStatus(); status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return forgehook.WorkflowCompleted, nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		return forgehook.WorkflowFailed, nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return forgehook.WorkflowCanceled, nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return forgehook.WorkflowTerminated, nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return forgehook.WorkflowTimedOut, nil
	default: // paused ones too
		return forgehook.WorkflowRunning, nil
	}
}
