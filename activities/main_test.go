package activities

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.uber.org/goleak"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/dispatch"
	"github.com/forgehook/forgehook/internal/outbound"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/internal/webhook"
	"github.com/forgehook/forgehook/workflows"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Tests{M: m}) }

// bundle is the real activities on the test's own database, with one document to call about.
type bundle struct {
	*Activities
	url      string
	at       time.Time // the activities' clock, which stands still
	tenant   forgehook.TenantID
	service  forgehook.Service
	document forgehook.Document
	engine   *engine
	log      *logged
}

func setup(t *testing.T) bundle {
	t.Helper()
	db := pgtest.New(t)
	b := bundle{url: db.URL, at: time.Now().UTC().Truncate(time.Millisecond), engine: &engine{}, log: &logged{}}
	b.tenant = pgtest.Tenant(t, db.DB)
	project := pgtest.Project(t, db.DB, b.tenant)
	b.service = pgtest.Service(t, db.DB, b.tenant, project.ID)
	b.document = pgtest.Document(t, db.DB, b.tenant, project.ID, b.service.ID)
	log := slog.New(slog.NewJSONHandler(b.log, nil))
	sender, err := outbound.New(outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Logger: log})
	check(t, err)
	t.Cleanup(sender.Close)
	b.Activities = &Activities{
		DB: db.DB, Secrets: keeper(t), Sender: sender, Engine: b.engine, Plans: webhook.NewPlans(), First: NewFirstAttempts(time.Minute), Starts: NewStarts(MaxStarts),
		Now:       func() time.Time { return b.at },
		UserAgent: "Forgehook/test", PublicURL: "https://hooks.example.com", Log: log,
	}
	return b
}

func keeper(t *testing.T) *secret.Keeper {
	t.Helper()
	keyset, err := secret.NewKeyset()
	check(t, err)
	k, err := secret.Open(keyset)
	check(t, err)
	return k
}

// utility attaches a utility with sealed secrets, as the API does.
func (b bundle) utility(t *testing.T, change ...func(*forgehook.Settings)) forgehook.Utility {
	t.Helper()
	settings := pgtest.Settings(change...)
	check(t, b.Secrets.SealSettings(b.tenant, &settings, b.at))
	u, err := b.DB.CreateUtility(t.Context(), b.tenant, forgehook.Utility{Name: "Hook", ServiceID: b.service.ID, Settings: settings}, "")
	check(t, err)
	return u
}

func (b bundle) accept(t *testing.T, u forgehook.Utility) forgehook.Call {
	t.Helper()
	return pgtest.Accept(t, b.DB, b.tenant, forgehook.CallRequest{WebHookServiceID: &u.ID, DocumentID: &b.document.ID}).Calls[0]
}

// ready is a call of a new utility that waits for its first attempt.
func (b bundle) ready(t *testing.T, change ...func(*forgehook.Settings)) forgehook.Call {
	t.Helper()
	return b.built(t, b.utility(t, change...))
}

// built is a call of an existing utility that waits for its first attempt.
func (b bundle) built(t *testing.T, u forgehook.Utility) forgehook.Call {
	t.Helper()
	call := b.accept(t, u)
	evaluation, err := run[workflows.Evaluation](t, b, b.EvaluateConditions, b.ref(call))
	check(t, err)
	equal(t, "outcome of the conditions", evaluation.Outcome, "")
	built, err := run[workflows.Built](t, b, b.BuildRequest, b.ref(call))
	check(t, err)
	equal(t, "outcome of the build", built.Outcome, "")
	return call
}

func (b bundle) ref(call forgehook.Call) workflows.CallRef {
	return workflows.CallRef{Tenant: b.tenant, CallID: call.ID}
}

// run runs an activity as a worker would, with the SDK's data converter and failure converter.
func run[R any](t *testing.T, b bundle, step any, in ...any) (R, error) {
	t.Helper()
	return runWithin[R](t, t.Context(), b, func() {}, step, in...)
}

// runWithin is run in a context that may end. heartbeat is called for each heartbeat.
func runWithin[R any](t *testing.T, ctx context.Context, b bundle, heartbeat func(), step any, in ...any) (result R, err error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(slog.New(slog.DiscardHandler))
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	env.SetOnActivityHeartbeatListener(func(*activity.Info, converter.EncodedValues) { heartbeat() })
	env.RegisterActivity(b.Activities)
	value, err := env.ExecuteActivity(step, in...)
	if err != nil || !value.HasValue() {
		return result, err
	}
	return result, value.Get(&result)
}

func (b bundle) deliver(t *testing.T, call forgehook.Call) (workflows.DeliverResult, error) {
	t.Helper()
	return run[workflows.DeliverResult](t, b, b.Deliver, workflows.DeliverInput{CallRef: b.ref(call), AtOnce: true})
}

func (b bundle) attempts(t *testing.T, call forgehook.Call) []forgehook.Attempt {
	t.Helper()
	attempts, _, err := b.DB.Attempts(t.Context(), b.tenant, call.ID, forgehook.Page{})
	check(t, err)
	return attempts
}

func (b bundle) states(t *testing.T, call forgehook.Call) (states []forgehook.AttemptState) {
	t.Helper()
	for _, a := range b.attempts(t, call) {
		states = append(states, a.State)
	}
	return states
}

func (b bundle) stored(t *testing.T, call forgehook.Call) forgehook.Call {
	t.Helper()
	got, err := b.DB.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	return got
}

// outcome is the recorded outcome, "" while the call is open.
func (b bundle) outcome(t *testing.T, call forgehook.Call) forgehook.Outcome {
	t.Helper()
	if got := b.stored(t, call).Outcome; got != nil {
		return *got
	}
	return ""
}

// raw opens the database for the test's own statements.
func (b bundle) raw(t *testing.T) *sql.DB {
	t.Helper()
	pool, err := sql.Open("postgres", b.url)
	check(t, err)
	t.Cleanup(func() { check(t, pool.Close()) })
	return pool
}

// hides fails if a secret appears in anything that people may read.
func (b bundle) hides(t *testing.T, call forgehook.Call, err error, secrets ...string) {
	t.Helper()
	request, requestErr := b.DB.Request(t.Context(), b.tenant, call.ID)
	check(t, requestErr)
	attempts, jsonErr := json.Marshal([]any{b.attempts(t, call), b.stored(t, call), request})
	check(t, jsonErr)
	places := map[string]string{"log": b.log.String(), "call and attempts": string(attempts)}
	if err != nil {
		places["error"] = err.Error()
	}
	for place, text := range places {
		for _, s := range secrets {
			if i := strings.Index(text, s); i >= 0 {
				t.Errorf("the %s holds the secret %q: ..%s", place, s, text[max(0, i-100):i+len(s)])
			}
		}
	}
}

type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// engine is Temporal as the sweep and the drain see it.
type engine struct {
	dispatch.Engine // methods that the steps do not use
	mu              sync.Mutex
	runs            map[string]forgehook.WorkflowState // by call or workflow id; all others are running
	refuses         map[string]error                   // by call or workflow id; "" is all
	started         []forgehook.CallStart
	events          []forgehook.RunStart // runs that were started
	processes       []string             // started, each with its item and call
	canceled        []string
	woken           []forgehook.Wake
	resumed         []string
	wakes           func(forgehook.CallRef) // what a resumed call does
	drained         []postgres.UtilityRef
}

func (e *engine) refusal(callID string) error { return errors.Join(e.refuses[""], e.refuses[callID]) }

func (e *engine) StartCalls(_ context.Context, starts []forgehook.CallStart) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var err error
	for _, s := range starts {
		if refusal := e.refusal(s.CallID); refusal != nil {
			err = errors.Join(err, refusal)
			continue
		}
		e.started = append(e.started, s)
	}
	return err
}

func (e *engine) Resume(_ context.Context, call forgehook.CallRef) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.refusal(call.CallID); err != nil {
		return err
	}
	e.resumed = append(e.resumed, call.CallID)
	if e.wakes != nil {
		e.wakes(call)
	}
	return nil
}

func (e *engine) Drain(_ context.Context, tenant forgehook.TenantID, webHookServiceID int32) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.drained = append(e.drained, postgres.UtilityRef{Tenant: tenant, WebHookServiceID: webHookServiceID})
	return e.refuses["drain"]
}

func (e *engine) StartRuns(_ context.Context, starts []forgehook.RunStart) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.refuses["start runs"]; err != nil && len(starts) > 0 {
		return err
	}
	e.events = append(e.events, starts...)
	return nil
}

func (e *engine) StartProcess(_ context.Context, s forgehook.ProcessStart) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.processes = append(e.processes, fmt.Sprintf("%s: %d waits for %s", s.ProcessID, s.WorkItemID, s.CallID))
	return nil
}

func (e *engine) Cancel(_ context.Context, call forgehook.CallRef) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.refusal(call.CallID); err != nil {
		return err
	}
	e.canceled = append(e.canceled, call.CallID)
	return nil
}

func (e *engine) Wake(_ context.Context, wake forgehook.Wake) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.refusal(wake.WorkflowID); err != nil {
		return err
	}
	e.woken = append(e.woken, wake)
	return nil
}

func (e *engine) State(_ context.Context, workflowID string) (forgehook.WorkflowState, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if state, ok := e.runs[strings.TrimPrefix(workflowID, "call/")]; ok {
		return state, e.refuses["run"]
	}
	return forgehook.WorkflowRunning, e.refuses["run"]
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T any](t *testing.T, what string, got, want T, options ...cmp.Option) {
	t.Helper()
	options = append(options, cmpopts.EquateEmpty())
	if diff := cmp.Diff(want, got, options...); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// failure is what a workflow's history would show of an activity's error.
type failure struct {
	Type, Message string
	Final, Benign bool
	Next          time.Duration
}

func failed(t *testing.T, err error) failure {
	t.Helper()
	e, ok := errors.AsType[*temporal.ApplicationError](err)
	if !ok {
		t.Fatalf("got %v, want an application error", err)
	}
	return failure{
		Type: e.Type(), Message: e.Message(), Final: e.NonRetryable(), Next: e.NextRetryDelay(),
		Benign: e.Category() == temporal.ApplicationErrorCategoryBenign,
	}
}
