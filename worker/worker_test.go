package worker

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/workflows"
)

// fake is an Activities that always succeeds. Tests replace the steps that they are about.
type fake struct {
	deliver  func(context.Context, workflows.DeliverInput) (workflows.DeliverResult, error)
	complete func(context.Context, workflows.CompleteInput) (workflows.CallResult, error)
	release  func(context.Context, workflows.ReleaseInput) (workflows.ReleaseResult, error)
	sweep    func(context.Context) (workflows.SweepResult, error)
	accept   func(context.Context, workflows.AcceptInput) (workflows.Accepted, error)
	answers  func(context.Context, workflows.AnswersInput) ([]workflows.CallAnswer, error)
	batch    func(context.Context, workflows.RunRef) (workflows.Batch, error)
	look     func(context.Context, workflows.ProcessRef) (workflows.ItemState, error)
}

var _ workflows.Activities = (*fake)(nil)

func (f *fake) EvaluateConditions(context.Context, workflows.CallRef) (workflows.Evaluation, error) {
	return workflows.Evaluation{}, nil
}

func (f *fake) BuildRequest(context.Context, workflows.CallRef) (workflows.Built, error) {
	return workflows.Built{Method: "POST", Host: "erp.example.com"}, nil
}

func (f *fake) Deliver(ctx context.Context, in workflows.DeliverInput) (workflows.DeliverResult, error) {
	return f.deliver(ctx, in)
}

func (f *fake) CompleteCall(ctx context.Context, in workflows.CompleteInput) (workflows.CallResult, error) {
	return f.complete(ctx, in)
}

func (f *fake) ReleaseHeld(ctx context.Context, in workflows.ReleaseInput) (workflows.ReleaseResult, error) {
	return f.release(ctx, in)
}

func (f *fake) SweepCalls(ctx context.Context) (workflows.SweepResult, error) { return f.sweep(ctx) }

func (f *fake) WakeWaiters(context.Context, workflows.CallRef) error { return nil }

func (f *fake) AcceptCalls(ctx context.Context, in workflows.AcceptInput) (workflows.Accepted, error) {
	return f.accept(ctx, in)
}

func (f *fake) ReadAnswers(ctx context.Context, in workflows.AnswersInput) ([]workflows.CallAnswer, error) {
	return f.answers(ctx, in)
}

func (f *fake) AcceptBatch(ctx context.Context, in workflows.RunRef) (workflows.Batch, error) {
	return f.batch(ctx, in)
}

func (f *fake) CompleteRun(_ context.Context, in workflows.RunEnd) (workflows.RunResult, error) {
	return workflows.RunResult{RunID: in.RunID, Outcome: in.Outcome}, nil
}

func (f *fake) LookAtWorkItem(ctx context.Context, in workflows.ProcessRef) (workflows.ItemState, error) {
	return f.look(ctx, in)
}

func (f *fake) EscalateWorkItem(ctx context.Context, in workflows.ProcessRef) (workflows.ItemState, error) {
	return f.look(ctx, in)
}

func (f *fake) EndProcess(_ context.Context, in workflows.ProcessEnd) (workflows.ProcessResult, error) {
	return workflows.ProcessResult{Outcome: in.Outcome}, nil
}

func delivered() workflows.DeliverResult {
	return workflows.DeliverResult{Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 1, Reason: "200 OK"}
}

// bench is its own task queue on the Temporal at TEMPORAL_ADDRESS.
type bench struct {
	*fake
	*Control
	t *testing.T
}

var (
	quiet    = slog.New(slog.DiscardHandler)
	register = sync.OnceValue(func() error {
		c, err := Dial(context.Background(), DialOptions{Logger: quiet})
		if err != nil {
			return err
		}
		defer c.Close()
		return RegisterSearchAttributes(context.Background(), c, client.DefaultNamespace)
	})
)

func setup(t *testing.T) *bench {
	t.Helper()
	if os.Getenv("TEMPORAL_ADDRESS") == "" {
		t.Fatal("TEMPORAL_ADDRESS is not set: run make test")
	}
	if err := register(); err != nil {
		t.Fatal(err)
	}
	c, err := Dial(t.Context(), DialOptions{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &bench{t: t, Control: NewControl(c, "test-"+rand.Text()), fake: &fake{
		deliver: func(context.Context, workflows.DeliverInput) (workflows.DeliverResult, error) {
			return delivered(), nil
		},
		complete: func(_ context.Context, in workflows.CompleteInput) (workflows.CallResult, error) {
			return workflows.CallResult{CallID: in.CallID, Outcome: in.Outcome}, nil
		},
	}}
}

// work runs a worker until stop is called or the test ends.
func (b *bench) work() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{Client: b.client, TaskQueue: b.taskQueue, Activities: b.fake, StopTimeout: 20 * time.Second})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("worker: %v", err)
		}
	})
	b.t.Cleanup(stop)
	return stop
}

// accepted is a call as the API passes it on.
func accepted() forgehook.CallStart {
	document := int32(912)
	return forgehook.CallStart{
		Tenant: forgehook.TenantID(rand.Text()), CallID: rand.Text(), WebHookServiceID: 1_000_000_003, UtilityName: "ERP export",
		ServiceID: 1_000_000_002, ProjectID: 1_000_000_001, DocumentID: &document, Method: "POST", Host: "erp.example.com",
		AcceptedAt: time.Now(), Deadline: time.Hour, Timeout: 10 * time.Second,
	}
}

func ref(s forgehook.CallStart) forgehook.CallRef {
	return forgehook.CallRef{Tenant: s.Tenant, CallID: s.CallID}
}

func (b *bench) start(starts ...forgehook.CallStart) {
	b.t.Helper()
	if err := b.StartCalls(b.t.Context(), starts); err != nil {
		b.t.Fatal(err)
	}
}

// ends waits for the outcome.
func (b *bench) ends(s forgehook.CallStart, want forgehook.Outcome) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	var got workflows.CallResult
	if err := b.client.GetWorkflow(ctx, workflows.CallID(s.CallID), "").Get(ctx, &got); err != nil {
		b.t.Fatal(err)
	}
	if got.Outcome != want || got.CallID != s.CallID {
		b.t.Fatalf("ended with %+v, want %s", got, want)
	}
}

func (b *bench) runID(s forgehook.CallStart) string {
	b.t.Helper()
	d, err := b.client.DescribeWorkflow(b.t.Context(), workflows.CallID(s.CallID), "")
	if err != nil {
		b.t.Fatal(err)
	}
	return d.WorkflowExecution.RunID
}

// until polls for states that Temporal does not report.
func (b *bench) until(what string, done func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("waited 30 s for: %s", what)
		}
	}
}
