package worker

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/workflows"
)

// abroad is another namespace, with a Nexus endpoint to the bench's task queue.
type abroad struct {
	client   client.Client
	endpoint string
}

func (b *bench) abroad() abroad {
	t := b.t
	t.Helper()
	namespace := "abroad-" + strings.ToLower(rand.Text())
	_, err := b.client.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	options, err := clientOptions()
	if err != nil {
		t.Fatal(err)
	}
	home := options.Namespace
	made, err := b.client.OperatorService().CreateNexusEndpoint(t.Context(), &operatorservice.CreateNexusEndpointRequest{Spec: &nexus.EndpointSpec{
		Name: namespace, Target: &nexus.EndpointTarget{Variant: &nexus.EndpointTarget_Worker_{
			Worker: &nexus.EndpointTarget_Worker{Namespace: home, TaskQueue: b.taskQueue},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := b.client.OperatorService().DeleteNexusEndpoint(context.WithoutCancel(t.Context()), &operatorservice.DeleteNexusEndpointRequest{
			Id: made.GetEndpoint().GetId(), Version: made.GetEndpoint().GetVersion(),
		})
		if err != nil {
			t.Error(err)
		}
	})
	options.Namespace = namespace
	c, err := client.NewLazyClient(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w := worker.New(c, "callers", worker.Options{})
	w.RegisterWorkflow(calls)
	// All services know a new namespace a moment later.
	b.until("the namespace", func() bool { return w.Start() == nil })
	t.Cleanup(w.Stop)
	return abroad{client: c, endpoint: namespace}
}

// calls is a workflow of another team that calls webhooks and waits for their ends.
func calls(ctx workflow.Context, endpoint string, in workflows.RequestInput) (result workflows.RequestResult, err error) {
	operation := workflow.NewNexusClient(endpoint, NexusService).ExecuteOperation(ctx, NexusCallOperation, in, workflow.NexusOperationOptions{})
	return result, operation.Get(ctx, &result)
}

func (a abroad) execute(b *bench, in workflows.RequestInput) (result workflows.RequestResult, err error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 60*time.Second)
	defer cancel()
	var run client.WorkflowRun
	b.until("a start in the new namespace", func() bool {
		run, err = a.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: "callers"}, calls, a.endpoint, in)
		return err == nil || ctx.Err() != nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return result, run.Get(ctx, &result)
}

func TestNexus(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := workflows.CallResult{CallID: rand.Text(), Outcome: forgehook.Delivered, StatusCode: 201, Attempts: 2}
	ends := func(workflowID string) {
		payload, err := json.Marshal(call)
		if err == nil {
			err = b.Wake(context.WithoutCancel(t.Context()), forgehook.Wake{WorkflowID: workflowID, Signal: workflows.CallEndedSignal, Payload: payload})
		}
		if err != nil {
			t.Errorf("wake: %v", err)
		}
	}
	var accepts atomic.Int64
	keys := make(chan string, 10)
	b.accept = func(_ context.Context, in workflows.AcceptInput) (workflows.Accepted, error) {
		keys <- in.IdempotencyKey
		if in.Request.DocumentID == nil || *in.Request.DocumentID != 912 {
			return workflows.Accepted{}, refused()
		}
		if accepts.Add(1) > 1 { // the key was used before, so the call is the same
			return workflows.Accepted{Calls: []workflows.CallResult{call}}, nil
		}
		go ends(in.WorkflowID) // at once, maybe before the workflow knows of the call
		return workflows.Accepted{Calls: []workflows.CallResult{{CallID: call.CallID}}, NotCalled: []forgehook.NotCalled{{WebHookServiceID: 7, Reason: "disabled"}}}, nil
	}
	b.answers = func(_ context.Context, in workflows.AnswersInput) ([]workflows.CallAnswer, error) {
		answer := workflows.CallAnswer{CallResult: call, WebHookServiceID: 48072}
		if in.WithResult {
			answer.Result = json.RawMessage(`{"orderId":4711}`)
		}
		return []workflows.CallAnswer{answer}, nil
	}
	b.work()
	a := b.abroad()

	in := workflows.RequestInput{
		Tenant: "acme", Request: forgehook.CallRequest{WebHookServiceID: new(int32(48072)), DocumentID: new(int32(912))},
		IdempotencyKey: rand.Text(), WithResult: true,
	}
	got, err := a.execute(b, in)
	if err != nil {
		t.Fatal(err)
	}
	want := workflows.RequestResult{
		Calls:     []workflows.CallAnswer{{CallResult: call, WebHookServiceID: 48072, Result: json.RawMessage(`{"orderId":4711}`)}},
		NotCalled: []forgehook.NotCalled{{WebHookServiceID: 7, Reason: "disabled"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if key := <-keys; key != in.IdempotencyKey {
		t.Errorf("key %q, want the caller's", key)
	}

	// The same request again is another workflow and the same call.
	if got, err = a.execute(b, in); err != nil || len(got.Calls) != 1 || got.Calls[0].CallID != call.CallID {
		t.Errorf("again: %+v, %v", got, err)
	}
	<-keys

	// Without a key, the operation is the key.
	in.IdempotencyKey = ""
	if _, err = a.execute(b, in); err != nil {
		t.Error(err)
	}
	if key := <-keys; !strings.HasPrefix(key, "nexus/") || len(key) < len("nexus/")+10 {
		t.Errorf("key %q", key)
	}

	// A faulty request returns as its code.
	in.Request.DocumentID = new(int32(913))
	_, err = a.execute(b, in)
	if fault, ok := errors.AsType[*temporal.ApplicationError](err); !ok || !strings.Contains(errorChain(err), string(forgehook.CodeInvalid)) {
		t.Errorf("a missing document: %v (%v)", err, fault)
	}
	in.Request.DocumentID = nil
	if _, err = a.execute(b, in); err == nil || !strings.Contains(errorChain(err), "documentId") {
		t.Errorf("a request without a document: %v", err)
	}
	in.Tenant = ""
	if _, err = a.execute(b, in); err == nil || !strings.Contains(errorChain(err), "Tenant is missing") {
		t.Errorf("a request without a tenant: %v", err)
	}
}

// errorChain lists all that a caller can find in an error.
func errorChain(err error) string {
	var texts []string
	for ; err != nil; err = errors.Unwrap(err) {
		text := err.Error()
		if fault, ok := err.(*temporal.ApplicationError); ok { //nolint:errorlint // this walks the chain
			text += " " + fault.Type()
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "\n")
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	in := workflows.RequestInput{Tenant: "acme", Request: forgehook.CallRequest{DocumentID: new(int32(912))}, IdempotencyKey: "k"}
	ids := map[string]bool{}
	for range 2 {
		for _, change := range []func(*workflows.RequestInput){
			func(*workflows.RequestInput) {},
			func(in *workflows.RequestInput) { in.Tenant = "umbrella" },
			func(in *workflows.RequestInput) { in.IdempotencyKey = "l" },
			func(in *workflows.RequestInput) { in.Request.DocumentID = new(int32(913)) },
			func(in *workflows.RequestInput) { in.WithResult = true },
		} {
			other := in
			change(&other)
			id, err := requestID(other)
			if err != nil {
				t.Fatal(err)
			}
			ids[id] = true
		}
	}
	if len(ids) != 5 {
		t.Errorf("%d ids of 5 requests", len(ids))
	}
}
