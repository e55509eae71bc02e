//go:build e2e

package e2e

import (
	"net/http"
	"testing"

	"go.temporal.io/api/enums/v1"

	"github.com/forgehook/forgehook"
)

// makeQuick responds to calls until the worker makes first attempts within workflow tasks.
func (in *installation) makeQuick() {
	in.t.Helper()
	in.eventually("a first attempt is made within the workflow task", func() bool {
		call := in.call()
		in.next().respond <- http.StatusOK
		in.verify(in.ended(call.ID), forgehook.Delivered, 1)
		return in.events(call, enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED) == 0
	})
}

// TestSlowEndpointHoldsNoWorkflowTask: a quick endpoint stops responding. Its calls leave their
// workflow tasks, other calls go on, and each call is sent once.
func TestSlowEndpointHoldsNoWorkflowTask(t *testing.T) {
	t.Parallel()
	in := install(t, map[string]any{})
	in.makeQuick()
	var slow []forgehook.Call
	for range 40 {
		slow = append(slow, in.call())
	}
	var held []*exchange
	for range slow {
		held = append(held, in.next())
	}
	for _, call := range slow {
		in.eventually("the exchange is an activity's, the workflow has no task", func() bool {
			run, err := in.temporal.DescribeWorkflowExecution(t.Context(), call.WorkflowID, "")
			return err == nil && len(run.GetPendingActivities()) == 1 && run.GetPendingWorkflowTask() == nil
		})
	}
	other := newEndpoint(t, says("ok"))
	webhook := in.attach("another", map[string]any{"webHook": map[string]any{"url": other.URL}})
	quick := in.callOf(webhook)
	if got := in.ended(quick.ID); *got.Outcome != forgehook.Delivered {
		t.Errorf("another endpoint's call is %s", *got.Outcome)
	}
	for _, x := range held {
		x.respond <- http.StatusOK
	}
	for _, call := range slow {
		in.verify(in.ended(call.ID), forgehook.Delivered, 1)
	}
}
