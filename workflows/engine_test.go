package workflows

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/go-cmp/cmp"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/forgehook/forgehook"
)

// fake is an Activities whose methods are fields.
type fake struct {
	evaluate func(context.Context, CallRef) (Evaluation, error)
	build    func(context.Context, CallRef) (Built, error)
	deliver  func(context.Context, DeliverInput) (DeliverResult, error)
	within   func(context.Context, DeliverInput) (DeliverResult, error) // deliver as a local activity
	complete func(context.Context, CompleteInput) (CallResult, error)
	release  func(context.Context, ReleaseInput) (ReleaseResult, error)
	sweep    func(context.Context) (SweepResult, error)
	wake     func(context.Context, CallRef) error
	accept   func(context.Context, AcceptInput) (Accepted, error)
	answers  func(context.Context, AnswersInput) ([]CallAnswer, error)
	batch    func(context.Context, RunRef) (Batch, error)
	endRun   func(context.Context, RunEnd) (RunResult, error)
	look     func(context.Context, ProcessRef) (ItemState, error)
	escalate func(context.Context, ProcessRef) (ItemState, error)
	endItem  func(context.Context, ProcessEnd) (ProcessResult, error)
}

var _ Activities = (*fake)(nil)

func (f *fake) EvaluateConditions(ctx context.Context, in CallRef) (Evaluation, error) {
	return f.evaluate(ctx, in)
}

func (f *fake) BuildRequest(ctx context.Context, in CallRef) (Built, error) { return f.build(ctx, in) }

func (f *fake) Deliver(ctx context.Context, in DeliverInput) (DeliverResult, error) {
	if activity.IsActivity(ctx) && activity.GetInfo(ctx).IsLocalActivity {
		return f.within(ctx, in)
	}
	return f.deliver(ctx, in)
}

func (f *fake) CompleteCall(ctx context.Context, in CompleteInput) (CallResult, error) {
	return f.complete(ctx, in)
}

func (f *fake) ReleaseHeld(ctx context.Context, in ReleaseInput) (ReleaseResult, error) {
	return f.release(ctx, in)
}

func (f *fake) SweepCalls(ctx context.Context) (SweepResult, error) { return f.sweep(ctx) }

func (f *fake) WakeWaiters(ctx context.Context, in CallRef) error { return f.wake(ctx, in) }

func (f *fake) AcceptCalls(ctx context.Context, in AcceptInput) (Accepted, error) {
	return f.accept(ctx, in)
}

func (f *fake) ReadAnswers(ctx context.Context, in AnswersInput) ([]CallAnswer, error) {
	return f.answers(ctx, in)
}

func (f *fake) AcceptBatch(ctx context.Context, in RunRef) (Batch, error) { return f.batch(ctx, in) }

func (f *fake) CompleteRun(ctx context.Context, in RunEnd) (RunResult, error) {
	return f.endRun(ctx, in)
}

func (f *fake) LookAtWorkItem(ctx context.Context, in ProcessRef) (ItemState, error) {
	return f.look(ctx, in)
}

func (f *fake) EscalateWorkItem(ctx context.Context, in ProcessRef) (ItemState, error) {
	return f.escalate(ctx, in)
}

func (f *fake) EndProcess(ctx context.Context, in ProcessEnd) (ProcessResult, error) {
	return f.endItem(ctx, in)
}

// newFake makes steps that all succeed.
func newFake() *fake {
	return &fake{
		evaluate: func(context.Context, CallRef) (Evaluation, error) {
			return Evaluation{Conditions: []ConditionFact{{"enabled", true}, {"document.status", true}}}, nil
		},
		build: func(context.Context, CallRef) (Built, error) {
			return Built{Method: "POST", Host: "erp.example.com", BodyBytes: 512, SHA256: "00"}, nil
		},
		deliver: func(context.Context, DeliverInput) (DeliverResult, error) { return delivered(1), nil },
		within:  func(context.Context, DeliverInput) (DeliverResult, error) { return delivered(1), nil },
		complete: func(_ context.Context, in CompleteInput) (CallResult, error) {
			return CallResult{CallID: in.CallID, Outcome: in.Outcome}, nil
		},
		wake: func(context.Context, CallRef) error { return nil },
		accept: func(context.Context, AcceptInput) (Accepted, error) {
			return Accepted{Calls: []CallResult{{CallID: "a"}, {CallID: "b"}}}, nil
		},
		answers: func(_ context.Context, in AnswersInput) (answers []CallAnswer, err error) {
			for i, id := range in.CallIDs {
				answers = append(answers, CallAnswer{CallResult: CallResult{CallID: id, Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 1}, WebHookServiceID: int32(i + 1)})
			}
			return answers, nil
		},
		batch: func(context.Context, RunRef) (Batch, error) { return Batch{Done: true}, nil },
		endRun: func(_ context.Context, in RunEnd) (RunResult, error) {
			return RunResult{RunID: in.RunID, Outcome: in.Outcome}, nil
		},
		endItem: func(_ context.Context, in ProcessEnd) (ProcessResult, error) {
			return ProcessResult{WorkItemID: 5, Outcome: in.Outcome}, nil
		},
	}
}

func delivered(attempts int) DeliverResult {
	return DeliverResult{Outcome: forgehook.Delivered, StatusCode: 200, Attempts: attempts, Reason: "200 OK"}
}

func refused(attempts int, next time.Duration) DeliverResult {
	return DeliverResult{RetryIn: next, StatusCode: 503, Attempts: attempts, Reason: "503 Service Unavailable"}
}

// notReady is Deliver's error while its retry policy waits.
func notReady(next time.Duration) error {
	return temporal.NewApplicationErrorWithOptions("503 Service Unavailable", "EndpointNotReady", temporal.ApplicationErrorOptions{
		NextRetryDelay: next, Category: temporal.ApplicationErrorCategoryBenign,
	})
}

func fault(code string) error {
	return temporal.NewNonRetryableApplicationError("deliver failed: "+code, code, nil)
}

// bench runs a workflow against fakes and records its story: the commands that matter, in order.
type bench struct {
	*fake
	t     tester
	env   *testsuite.TestWorkflowEnvironment
	story []string
	start time.Time

	options map[string]workflow.ActivityOptions // the last, by activity
	takes   map[string]time.Duration            // by activity
	sending int                                 // running exchanges
	most    int                                 // most exchanges at once
}

// tester is a test or one run of a property.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

func setup(t tester) *bench {
	b := &bench{fake: newFake(), t: t, takes: map[string]time.Duration{}, options: map[string]workflow.ActivityOptions{}, start: time.Date(2026, 1, 5, 7, 30, 0, 0, time.UTC)}
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	b.env = suite.NewTestWorkflowEnvironment()
	b.env.SetStartTime(b.start)
	b.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&server{b: b}}})
	return b
}

func input() CallInput {
	return CallInput{
		CallRef:          CallRef{Tenant: "3f0e9a52-0000-4000-8000-000000000001", CallID: "0190aaaa-0000-7000-8000-000000000001"},
		WebHookServiceID: 1_000_000_001,
		AcceptedAt:       time.Date(2026, 1, 5, 7, 30, 0, 0, time.UTC),
		Deadline:         time.Hour,
		Timeout:          30 * time.Second,
	}
}

// at acts when the clock of the test has come so far.
func (b *bench) at(after time.Duration, do func()) { b.env.RegisterDelayedCallback(do, after) }

func (b *bench) signal(after time.Duration, name string) {
	b.at(after, func() { b.env.SignalWorkflow(name, nil) })
}

func (b *bench) cancel(after time.Duration) { b.at(after, b.env.CancelWorkflow) }

// call runs CallWebhook to its end.
func (b *bench) call(in CallInput) CallResult {
	b.t.Helper()
	b.env.ExecuteWorkflow(CallWebhook, in)
	if !b.env.IsWorkflowCompleted() {
		b.t.Fatalf("the workflow has not ended; so far:\n%v", b.story)
	}
	var result CallResult
	if err := b.env.GetWorkflowResult(&result); err != nil {
		b.t.Fatalf("the workflow failed: %v", err)
	}
	return result
}

// phase queries the running workflow's phase.
func (b *bench) phase() Phase {
	b.t.Helper()
	value, err := b.env.QueryWorkflow(PhaseQuery)
	if err != nil {
		b.t.Errorf("query: %v", err)
		return Phase{}
	}
	var p Phase
	if err := value.Get(&p); err != nil {
		b.t.Errorf("query: %v", err)
	}
	return p
}

// details queries the text that the Temporal UI shows.
func (b *bench) details() string {
	b.t.Helper()
	value, err := b.env.QueryWorkflow("__temporal_workflow_metadata")
	if err != nil {
		b.t.Fatalf("query: %v", err)
	}
	var metadata sdkpb.WorkflowMetadata
	if err := value.Get(&metadata); err != nil {
		b.t.Fatalf("query: %v", err)
	}
	return metadata.GetCurrentDetails()
}

func (b *bench) elapsed() time.Duration { return b.env.Now().Sub(b.start) }

// told compares the story.
func (b *bench) told(want ...string) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.story); diff != "" {
		b.t.Errorf("story (-want +got):\n%s", diff)
	}
}

func (b *bench) tell(format string, args ...any) {
	b.story = append(b.story, fmt.Sprintf("%s ", b.elapsed().Round(time.Second))+fmt.Sprintf(format, args...))
}

// server runs activities as a Temporal server and a worker do, on the clock of the test. The test
// suite forgets a canceled activity at once. A server waits for its result, ends a back-off, and
// does not retry a failure after the cancellation.
type server struct {
	interceptor.WorkerInterceptorBase
	b *bench
}

func (s *server) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &inbound{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, b: s.b}
}

type inbound struct {
	interceptor.WorkflowInboundInterceptorBase
	b *bench
}

func (i *inbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&outbound{WorkflowOutboundInterceptorBase: interceptor.WorkflowOutboundInterceptorBase{Next: next}, b: i.b})
}

type outbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	b *bench
}

// ExecuteLocalActivity makes one try and gives up after the workflow's 20 s. Deliver returns at
// once.
func (o *outbound) ExecuteLocalActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	future, settable := workflow.NewFuture(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		if name == "Deliver" {
			o.b.tell("%s%s, local", name, facts(args))
			settable.Set(o.b.within(context.Background(), args[0].(DeliverInput)))
			return
		}
		o.b.tell("%s, local", name)
		result, err := o.b.run(name, args)
		takes := o.b.takes[name]
		if err != nil && !isFault(err) {
			takes = 20 * time.Second
		}
		if canceled := workflow.Sleep(ctx, takes); canceled != nil {
			result, err = nil, canceled
		}
		settable.Set(result, err)
	})
	return future
}

func (o *outbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	o.b.options[name] = workflow.GetActivityOptions(ctx)
	future, settable := workflow.NewFuture(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		for ctx.Err() == nil {
			o.b.tell("%s%s", name, facts(args))
			result, err := o.b.run(name, args)
			if name == "Deliver" {
				o.b.sending++
				o.b.most = max(o.b.most, o.b.sending)
			}
			busy := ctx
			if o.b.options[name].WaitForCancellation {
				busy, _ = workflow.NewDisconnectedContext(ctx)
			}
			if workflow.Sleep(busy, o.b.takes[name]) != nil {
				break // the send goes on, and its end stays unknown
			}
			if name == "Deliver" {
				o.b.sending--
			}
			if err == nil || isFault(err) || ctx.Err() != nil {
				settable.Set(result, err)
				return
			}
			delay := time.Second
			if e, ok := errors.AsType[*temporal.ApplicationError](err); ok && e.NextRetryDelay() > 0 {
				delay = e.NextRetryDelay()
			}
			_ = workflow.Sleep(ctx, delay)
		}
		settable.SetError(temporal.NewCanceledError())
	})
	return future
}

// run calls a step by activity name.
func (f *fake) run(name string, args []any) (any, error) {
	ctx := context.Background()
	switch name {
	case "EvaluateConditions":
		return f.EvaluateConditions(ctx, args[0].(CallRef))
	case "BuildRequest":
		return f.BuildRequest(ctx, args[0].(CallRef))
	case "Deliver":
		return f.Deliver(ctx, args[0].(DeliverInput))
	case "CompleteCall":
		return f.CompleteCall(ctx, args[0].(CompleteInput))
	case "ReleaseHeld":
		return f.ReleaseHeld(ctx, args[0].(ReleaseInput))
	case "SweepCalls":
		return f.SweepCalls(ctx)
	case "WakeWaiters":
		return nil, f.WakeWaiters(ctx, args[0].(CallRef))
	case "AcceptCalls":
		return f.AcceptCalls(ctx, args[0].(AcceptInput))
	case "ReadAnswers":
		return f.ReadAnswers(ctx, args[0].(AnswersInput))
	case "AcceptBatch":
		return f.AcceptBatch(ctx, args[0].(RunRef))
	case "CompleteRun":
		return f.CompleteRun(ctx, args[0].(RunEnd))
	case "LookAtWorkItem":
		return f.LookAtWorkItem(ctx, args[0].(ProcessRef))
	case "EscalateWorkItem":
		return f.EscalateWorkItem(ctx, args[0].(ProcessRef))
	case "EndProcess":
		return f.EndProcess(ctx, args[0].(ProcessEnd))
	}
	return nil, fault("no activity is called " + name)
}

func facts(args []any) string {
	if len(args) == 0 {
		return ""
	}
	text := ""
	switch in := args[0].(type) {
	case DeliverInput:
		if in.ReportRetry {
			text += ", report"
		}
		if in.Released {
			text += ", released"
		}
		if in.AtOnce {
			text += ", at once"
		}
		if in.Underway {
			text += ", under way"
		}
	case CompleteInput:
		if in.Outcome == "" {
			return ", look"
		}
		text += fmt.Sprintf(", %s, %s: %s", in.Outcome, in.Code, in.Message)
	case RunEnd:
		text += fmt.Sprintf(", %s, %s", in.Outcome, in.Code)
	case ProcessEnd:
		text += ", " + string(in.Outcome)
	}
	return text
}

func (o *outbound) NewTimerWithOptions(ctx workflow.Context, d time.Duration, options workflow.TimerOptions) workflow.Future {
	if options.Summary != "deadline of the call" && options.Summary != "Sleep" { // the server's below
		o.b.tell("timer: %s", options.Summary)
	}
	return o.Next.NewTimerWithOptions(ctx, d, options)
}

func (o *outbound) UpsertTypedSearchAttributes(ctx workflow.Context, updates ...temporal.SearchAttributeUpdate) error {
	text := ""
	attributes := temporal.NewSearchAttributes(updates...)
	if outcome, ok := attributes.GetKeyword(Outcome); ok {
		text += " ForgehookOutcome=" + outcome
	}
	if code, ok := attributes.GetInt64(LastStatusCode); ok {
		text += fmt.Sprintf(" ForgehookLastStatusCode=%d", code)
	}
	o.b.tell("search attributes:%s", text)
	return o.Next.UpsertTypedSearchAttributes(ctx, updates...)
}
