package worker

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/temporal"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/workflows"
)

func eventRun(documents int) forgehook.RunStart {
	return forgehook.RunStart{
		RunRef:    forgehook.RunRef{Tenant: forgehook.TenantID(rand.Text()), RunID: rand.Text()},
		ServiceID: 48072, ProjectID: 1_000_000_001, Type: forgehook.EventAfterProcess, Documents: documents,
	}
}

// result waits for the end of a workflow.
func result[R any](b *bench, workflowID string) (got R, err error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	err = b.client.GetWorkflow(ctx, workflowID, "").Get(ctx, &got)
	return got, err
}

func (b *bench) wake(workflowID, signal string, payload []byte) {
	b.t.Helper()
	if err := b.Wake(b.t.Context(), forgehook.Wake{WorkflowID: workflowID, Signal: signal, Payload: payload}); err != nil {
		b.t.Fatal(err)
	}
}

// A run that is started twice runs once. It waits for its calls until it hears that none is open.
func TestStartRuns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batches := make(chan workflows.Batch, 2)
	batches <- workflows.Batch{Processed: 100, Calls: 100, Open: 100, Done: true}
	asked := make(chan workflows.RunRef, 10)
	b.batch = func(_ context.Context, in workflows.RunRef) (workflows.Batch, error) {
		asked <- in
		return <-batches, nil
	}
	b.work()
	s := eventRun(100)
	for range 2 {
		if err := b.StartRuns(t.Context(), []forgehook.RunStart{s}); err != nil {
			t.Fatal(err)
		}
	}
	if in := <-asked; in != s.RunRef {
		t.Errorf("asked for %+v", in)
	}
	batches <- workflows.Batch{Done: true}
	b.wake(workflows.RunID(s.RunID), workflows.RunDrainedSignal, nil)
	got, err := result[workflows.RunResult](b, workflows.RunID(s.RunID))
	if want := (workflows.RunResult{RunID: s.RunID, Outcome: forgehook.RunDone}); err != nil || got != want {
		t.Errorf("ended with %+v, %v, want %+v", got, err, want)
	}
	want := shown{
		summary: "after_process of service 48072, 100 documents",
		details: "Calls of the utilities of service 48072, project 1000000001, that the event fires\n\nRun `" + s.RunID + "`, tenant `" + string(s.Tenant) + "`",
		share:   "48072/" + string(s.Tenant),
		attributes: map[string]any{
			"ForgehookTenant": string(s.Tenant), "ForgehookProjectId": "1000000001",
		},
	}
	if diff := cmp.Diff(want, b.shown(workflows.RunID(s.RunID)), cmp.AllowUnexported(shown{})); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
	// Another start after its end changes nothing.
	if err := b.StartRuns(t.Context(), []forgehook.RunStart{s}); err != nil {
		t.Fatal(err)
	}
	if state, err := b.State(t.Context(), workflows.RunID(s.RunID)); err != nil || state != forgehook.WorkflowCompleted {
		t.Errorf("state %q, %v", state, err)
	}
}

func TestRunSummary(t *testing.T) {
	t.Parallel()
	if got := runSummary(eventRun(1)); got != "after_process of service 48072, 1 document" {
		t.Error(got)
	}
}

func TestCancelRun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := eventRun(1)
	if err := b.CancelRun(t.Context(), s.RunRef); forgehook.ErrorCode(err) != forgehook.CodeNotFound {
		t.Errorf("a run without workflow: %v", err)
	}
	b.batch = func(context.Context, workflows.RunRef) (workflows.Batch, error) {
		return workflows.Batch{Processed: 1, Calls: 1, Open: 1, Done: true}, nil
	}
	b.work()
	if err := b.StartRuns(t.Context(), []forgehook.RunStart{s}); err != nil {
		t.Fatal(err)
	}
	if err := b.CancelRun(t.Context(), s.RunRef); err != nil {
		t.Fatal(err)
	}
	got, err := result[workflows.RunResult](b, workflows.RunID(s.RunID))
	if err != nil || got.Outcome != forgehook.RunCanceled {
		t.Errorf("ended with %+v, %v", got, err)
	}
}

// A process ends by the signal that its call ended.
func TestStartProcess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	looks := make(chan workflows.ItemState, 2)
	looks <- workflows.ItemState{WorkItemID: 77, Status: 1, OnDue: forgehook.DueWait}
	looked := make(chan struct{}, 10)
	b.look = func(context.Context, workflows.ProcessRef) (workflows.ItemState, error) {
		looked <- struct{}{}
		return <-looks, nil
	}
	b.work()
	tenant, id, call := forgehook.TenantID(rand.Text()), rand.Text(), rand.Text()
	start := forgehook.ProcessStart{ProcessRef: forgehook.ProcessRef{Tenant: tenant, ProcessID: id}, WorkItemID: 77, CallID: call}
	for range 2 {
		if err := b.StartProcess(t.Context(), start); err != nil {
			t.Fatal(err)
		}
	}
	<-looked
	looks <- workflows.ItemState{WorkItemID: 77, Status: 1, CallOutcome: forgehook.Delivered}
	b.wake(workflows.ProcessID(id), workflows.CallEndedSignal, []byte(`{"CallID":"`+call+`","Outcome":"delivered","StatusCode":200,"Attempts":1}`))
	got, err := result[workflows.ProcessResult](b, workflows.ProcessID(id))
	if err != nil || got.Outcome != forgehook.ProcessAnswered {
		t.Errorf("ended with %+v, %v", got, err)
	}
	if summary := b.shown(workflows.ProcessID(id)).summary; summary != "work item 77 waits for call "+call {
		t.Errorf("summary %q", summary)
	}
}

func TestWake_nobodyThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	err := b.Wake(t.Context(), forgehook.Wake{WorkflowID: "work-item/" + rand.Text(), Signal: workflows.ItemChangedSignal})
	if forgehook.ErrorCode(err) != forgehook.CodeNotFound {
		t.Error(err)
	}
}

// refused is the error of a request that cannot work.
func refused() error {
	return temporal.NewNonRetryableApplicationError("accept calls failed: invalid document", string(forgehook.CodeInvalid), nil)
}
