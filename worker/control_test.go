package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/workflows"
)

func TestStartCalls_twiceIsOneRun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := accepted()
	b.start(s, s)
	first := b.runID(s)
	b.start(s)
	if again := b.runID(s); again != first {
		t.Errorf("a second run %s beside %s", again, first)
	}
}

func TestStartCalls_endedRunStaysTheOnlyOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.work()
	s := accepted()
	b.start(s)
	b.ends(s, forgehook.Delivered)
	first := b.runID(s)
	b.start(s)
	if again := b.runID(s); again != first {
		t.Errorf("a second run %s beside %s", again, first)
	}
}

func TestStartCalls_manyAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.work()
	starts := make([]forgehook.CallStart, 3*startsAtOnce)
	for i := range starts {
		starts[i] = accepted()
	}
	b.start(starts...)
	for _, s := range starts {
		b.ends(s, forgehook.Delivered)
	}
}

// Many calls of one webhook wait for a worker. A few of another webhook come later and do not wait
// for all of them.
func TestStartCalls_fairly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const many, few = 160, 5
	starts := make([]forgehook.CallStart, many+few)
	rank := map[string]int{} // call -> how many were delivered before it
	var mu sync.Mutex
	b.deliver = func(_ context.Context, in workflows.DeliverInput) (workflows.DeliverResult, error) {
		mu.Lock()
		defer mu.Unlock()
		if _, ok := rank[in.CallID]; !ok {
			rank[in.CallID] = len(rank)
		}
		return delivered(), nil
	}
	for i := range starts {
		starts[i] = accepted()
		starts[i].Tenant = "t"
		if i >= many {
			starts[i].WebHookServiceID++
		}
	}
	b.start(starts[:many]...)
	b.start(starts[many:]...)
	b.work()
	for _, s := range starts {
		b.ends(s, forgehook.Delivered)
	}
	for _, s := range starts[many:] {
		if rank[s.CallID] > many/2 {
			t.Errorf("a call of another webhook was number %d of %d", rank[s.CallID]+1, len(starts))
		}
	}
}

// A call that Temporal refuses does not stop the others.
func TestStartCalls_goesOnAfterARefusal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bad, good := accepted(), accepted()
	bad.CallID = strings.Repeat("x", 2000)
	err := b.StartCalls(t.Context(), []forgehook.CallStart{bad, good})
	if err == nil || !strings.Contains(err.Error(), bad.CallID) {
		t.Errorf("got %v, want an error that names the call", err)
	}
	b.runID(good)
}

func TestStartCalls_whatTheUIShows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := accepted()
	b.start(s)
	got := b.shown(workflows.CallID(s.CallID))
	want := shown{
		summary: "POST erp.example.com for document 912",
		details: "WebHook utility **ERP export** (1000000003) of service 1000000002, project 1000000001\n\nCall `" + s.CallID +
			"`, tenant `" + string(s.Tenant) + "`",
		share: "1000000003/" + string(s.Tenant),
		attributes: map[string]any{
			"ForgehookTenant": string(s.Tenant), "ForgehookProjectId": "1000000001", "ForgehookWebhookServiceId": "1000000003",
			"ForgehookDocumentId": "912", "ForgehookEndpointHost": "erp.example.com",
		},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(shown{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// No document, no literal host, a very long name.
func TestStartCalls_oddValues(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := accepted()
	s.DocumentID, s.Host, s.UtilityName, s.Tenant = nil, "", strings.Repeat("ä", 50_000), forgehook.TenantID(strings.Repeat("t", 300))
	b.start(s)
	got := b.shown(workflows.CallID(s.CallID))
	if got.summary != "POST" {
		t.Errorf("summary %q", got.summary)
	}
	if want := "1000000003/" + strings.Repeat("t", 50) + "..."; got.share != want {
		t.Errorf("fairness key %q, want %q", got.share, want)
	}
	want := map[string]any{
		"ForgehookTenant": strings.Repeat("t", 252) + "...", "ForgehookProjectId": "1000000001", "ForgehookWebhookServiceId": "1000000003",
	}
	if diff := cmp.Diff(want, got.attributes); diff != "" {
		t.Errorf("search attributes (-want +got):\n%s", diff)
	}
	s = accepted()
	s.Host = strings.Repeat("h", 300)
	b.start(s)
}

// shown is what the Temporal UI shows of a run from its start.
type shown struct {
	summary, details string
	share            string // fairness key
	attributes       map[string]any
}

func (b *bench) shown(workflowID string) shown {
	b.t.Helper()
	d, err := b.client.DescribeWorkflow(b.t.Context(), workflowID, "")
	if err != nil {
		b.t.Fatal(err)
	}
	raw, err := b.client.DescribeWorkflowExecution(b.t.Context(), workflowID, "")
	if err != nil {
		b.t.Fatal(err)
	}
	s := shown{share: raw.GetWorkflowExecutionInfo().GetPriority().GetFairnessKey(), attributes: map[string]any{}}
	if s.summary, err = d.GetStaticSummary(); err != nil {
		b.t.Fatal(err)
	}
	if s.details, err = d.GetStaticDetails(); err != nil {
		b.t.Fatal(err)
	}
	for key, value := range d.TypedSearchAttributes.GetUntypedValues() {
		if strings.HasPrefix(key.GetName(), "Forgehook") {
			s.attributes[key.GetName()] = value
		}
	}
	return s
}

// A start on a worker's client needs no poll.
func TestStartCalls_eagerly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.EagerStart = true
	b.work()
	b.until("an eager start", func() bool {
		s := accepted()
		b.start(s)
		b.ends(s, forgehook.Delivered)
		first, err := b.client.GetWorkflowHistory(t.Context(), workflows.CallID(s.CallID), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Next()
		return err == nil && first.GetWorkflowExecutionStartedEventAttributes().GetEagerExecutionAccepted()
	})
}

func TestControl_unknownCallsAreNotFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.work()
	ended := accepted()
	b.start(ended)
	b.ends(ended, forgehook.Delivered)
	for name, err := range map[string]error{
		"retry now, missing": b.RetryNow(t.Context(), ref(accepted())),
		"retry now, ended":   b.RetryNow(t.Context(), ref(ended)),
		"resume, missing":    b.Resume(t.Context(), ref(accepted())),
		"resume, ended":      b.Resume(t.Context(), ref(ended)),
		"cancel, missing":    b.Cancel(t.Context(), ref(accepted())),
	} {
		if forgehook.ErrorCode(err) != forgehook.CodeNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.Cancel(t.Context(), ref(ended)); err != nil {
		t.Errorf("cancel, ended: %v", err)
	}
}

func TestControl_steersACall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	deliveries := make(chan workflows.DeliverInput, 10)
	results := make(chan workflows.DeliverResult, 10)
	b.deliver = func(_ context.Context, in workflows.DeliverInput) (workflows.DeliverResult, error) {
		deliveries <- in
		return <-results, nil
	}
	b.work()
	s := accepted()
	b.start(s)
	<-deliveries
	results <- workflows.DeliverResult{Held: true}
	b.until("the hold", func() bool { return b.phase(s).Phase == forgehook.CallPaused })
	if err := b.Resume(t.Context(), ref(s)); err != nil {
		t.Fatal(err)
	}
	if in := <-deliveries; !in.Released {
		t.Errorf("after the resume: %+v", in)
	}
	results <- workflows.DeliverResult{RetryIn: time.Hour, StatusCode: 503, Attempts: 1, Reason: "503 Service Unavailable"}
	b.until("the back-off", func() bool { return b.phase(s).Phase == forgehook.CallWaitingRetry })
	if err := b.RetryNow(t.Context(), ref(s)); err != nil {
		t.Fatal(err)
	}
	if in := <-deliveries; in.ReportRetry {
		t.Errorf("the second verdict must be reported too: %+v", in)
	}
	results <- delivered()
	b.ends(s, forgehook.Delivered)
}

func (b *bench) phase(s forgehook.CallStart) (p workflows.Phase) {
	value, err := b.client.QueryWorkflow(b.t.Context(), workflows.CallID(s.CallID), "", workflows.PhaseQuery)
	if err == nil {
		err = value.Get(&p)
	}
	if err != nil {
		b.t.Logf("query: %v", err)
	}
	return p
}

func TestControl_cancels(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deliver = func(context.Context, workflows.DeliverInput) (workflows.DeliverResult, error) {
		return workflows.DeliverResult{}, temporal.NewApplicationErrorWithOptions("503", "EndpointNotReady",
			temporal.ApplicationErrorOptions{NextRetryDelay: time.Hour})
	}
	b.work()
	s := accepted()
	b.start(s)
	if err := b.Cancel(t.Context(), ref(s)); err != nil {
		t.Fatal(err)
	}
	b.ends(s, forgehook.Canceled)
}

func TestControl_runStates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deliver = func(context.Context, workflows.DeliverInput) (workflows.DeliverResult, error) {
		return workflows.DeliverResult{}, temporal.NewNonRetryableApplicationError("gone", "not-found", nil)
	}
	b.complete = func(context.Context, workflows.CompleteInput) (workflows.CallResult, error) {
		return workflows.CallResult{}, temporal.NewNonRetryableApplicationError("gone", "not-found", nil)
	}
	is := func(s forgehook.CallStart, want forgehook.WorkflowState) {
		t.Helper()
		b.until("a run that is "+string(want), func() bool {
			got, err := b.State(t.Context(), workflows.CallID(s.CallID))
			if err != nil {
				t.Fatal(err)
			}
			return got == want
		})
	}
	s := accepted()
	is(s, forgehook.WorkflowMissing)
	b.start(s)
	is(s, forgehook.WorkflowRunning)
	if err := b.client.TerminateWorkflow(t.Context(), workflows.CallID(s.CallID), "", "a test"); err != nil {
		t.Fatal(err)
	}
	is(s, forgehook.WorkflowTerminated)

	s = accepted()
	if _, err := b.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: workflows.CallID(s.CallID), TaskQueue: b.taskQueue, WorkflowRunTimeout: time.Second,
	}, workflows.CallWebhook, workflows.CallInput{}); err != nil {
		t.Fatal(err)
	}
	is(s, forgehook.WorkflowTimedOut)

	b.work()
	s = accepted()
	b.start(s)
	is(s, forgehook.WorkflowFailed)

	b = setup(t)
	b.work()
	s = accepted()
	b.start(s)
	is(s, forgehook.WorkflowCompleted)
}

// The second resume of each utility reaches Temporal about when the drain, with nothing left, ends.
// It must still be looked at.
func TestDrain_noResumeIsLost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const utilities = 50
	var resumed, seen [utilities]atomic.Int64
	looked := make(chan struct{}, 10*utilities)
	b.release = func(_ context.Context, in workflows.ReleaseInput) (workflows.ReleaseResult, error) {
		seen[in.WebHookServiceID].Store(resumed[in.WebHookServiceID].Load())
		looked <- struct{}{}
		return workflows.ReleaseResult{Done: true}, nil
	}
	b.work()
	tenant := forgehook.TenantID(rand.Text())
	drain := func(id int32) {
		resumed[id].Add(1)
		if err := b.Drain(t.Context(), tenant, id); err != nil {
			t.Fatal(err)
		}
	}
	for id := range int32(utilities) {
		for len(looked) > 0 {
			<-looked
		}
		drain(id)
		<-looked
		drain(id)
	}
	for id := range utilities {
		b.until("a look after the last resume", func() bool { return seen[id].Load() == resumed[id].Load() })
	}
	got := b.shown(workflows.DrainID(tenant, 7))
	if want := (shown{
		summary:    "release the held calls of utility 7",
		details:    "Oldest calls first, at a steady pace. Tenant `" + string(tenant) + "`",
		share:      "7/" + string(tenant),
		attributes: map[string]any{"ForgehookTenant": string(tenant), "ForgehookWebhookServiceId": "7"},
	}); !cmp.Equal(want, got, cmp.AllowUnexported(shown{})) {
		t.Errorf("shown (-want +got):\n%s", cmp.Diff(want, got, cmp.AllowUnexported(shown{})))
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	if err := setup(t).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// Thousands of calls that were not tried, because Temporal is down, give one error.
func TestStartEach_saysItOnce(t *testing.T) {
	t.Parallel()
	away := &forgehook.Error{Code: forgehook.CodeUnavailable, Detail: "Temporal does not answer"}
	starts := make([]int, 1000)
	starts[0] = 1
	start := func(ctx context.Context, n int) error {
		if n == 1 {
			return away
		}
		<-ctx.Done()
		return fmt.Errorf("start call: %w", ctx.Err())
	}
	err := startEach(t.Context(), starts, start)
	if forgehook.ErrorCode(err) != forgehook.CodeUnavailable || strings.Contains(err.Error(), "start call") {
		t.Errorf("got %.200q, want that Temporal is away, once", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := startEach(ended, starts[1:2], start); !errors.Is(err, context.Canceled) {
		t.Errorf("the caller has gone: %v", err)
	}
}

func TestControl_unreachable(t *testing.T) {
	t.Parallel()
	c, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	control := NewControl(c, "test")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, stateErr := control.State(ctx, "call/1")
	for name, err := range map[string]error{
		"ping": control.Ping(ctx), "state": stateErr, "wake": control.Wake(ctx, forgehook.Wake{WorkflowID: "call/1", Signal: "callback"}),
		"process": control.StartProcess(ctx, forgehook.ProcessStart{}), "cancel run": control.CancelRun(ctx, forgehook.RunRef{Tenant: "t", RunID: "1"}),
		"runs": control.StartRuns(ctx, []forgehook.RunStart{{}, {}}), "cancel": control.Cancel(ctx, ref(accepted())), "drain": control.Drain(ctx, "t", 7),
		"start": control.StartCalls(ctx, []forgehook.CallStart{accepted(), accepted(), accepted()}),
	} {
		if forgehook.ErrorCode(err) != forgehook.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Operators search the visibility store, which lags behind.
func TestRun_deliversAndIsFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.work()
	s := accepted()
	b.start(s)
	b.ends(s, forgehook.Delivered)
	query := "ForgehookTenant = '" + string(s.Tenant) + "' AND ForgehookProjectId = '1000000001' AND ForgehookWebhookServiceId = '1000000003'" +
		" AND ForgehookDocumentId = '912' AND ForgehookEndpointHost = 'erp.example.com' AND ForgehookOutcome = 'delivered'" +
		" AND ForgehookLastStatusCode = 200"
	b.until("the call in the visibility store", func() bool {
		found, err := b.client.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: query})
		if err != nil {
			t.Fatal(err)
		}
		return len(found.GetExecutions()) == 1 && found.GetExecutions()[0].GetExecution().GetWorkflowId() == workflows.CallID(s.CallID)
	})
}

func TestRun_stopsInOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sending, stopping := make(chan struct{}), make(chan struct{})
	var sends atomic.Int64
	b.deliver = func(ctx context.Context, _ workflows.DeliverInput) (workflows.DeliverResult, error) {
		sends.Add(1)
		close(sending)
		<-stopping
		return delivered(), ctx.Err()
	}
	stop := b.work()
	s := accepted()
	b.start(s)
	<-sending
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	select {
	case <-stopped:
		t.Error("the worker did not wait for the running exchange")
	case <-time.After(300 * time.Millisecond):
	}
	close(stopping)
	<-stopped
	b.work()
	b.ends(s, forgehook.Delivered)
	if n := sends.Load(); n != 1 {
		t.Errorf("%d sends, want 1", n)
	}
}

func TestRun_saysWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c, err := client.NewClientFromExisting(b.client, client.Options{Namespace: "nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	err = Run(t.Context(), Options{Client: c, TaskQueue: b.taskQueue, Activities: b.fake})
	if err == nil || !strings.Contains(err.Error(), b.taskQueue) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v, want an error that names the task queue and the namespace", err)
	}
}

// A call's history has no document value, no path, and at most the designed number of events.
func TestRun_costOfACall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.work()
	s := accepted()
	b.start(s)
	b.ends(s, forgehook.Delivered)
	d, err := b.client.DescribeWorkflowExecution(t.Context(), workflows.CallID(s.CallID), "")
	if err != nil {
		t.Fatal(err)
	}
	info := d.GetWorkflowExecutionInfo()
	t.Logf("%d events, %d bytes", info.GetHistoryLength(), info.GetHistorySizeBytes())
	if info.GetHistoryLength() > 15 || info.GetHistorySizeBytes() > 5000 {
		t.Errorf("a delivered call leaves %d events and %d bytes, at most 15 and 5,000", info.GetHistoryLength(), info.GetHistorySizeBytes())
	}
}
