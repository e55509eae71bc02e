package api

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/dispatch"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/webhook"
)

// testEngine is the other [dispatch.Engine]: runs are entries of a list, and the test moves calls
// on.
type testEngine struct {
	dispatch.Engine // whatever the API does not ask

	db *postgres.DB

	mu      sync.Mutex
	down    error // what everything answers
	runs    []string
	retried []string
	drained []int32
	begun   []forgehook.RunStart
	stopped []string // runs
	waiting []string // processes
	woken   []forgehook.Wake
	started func(forgehook.CallStart) // called without the lock
	ran     func(forgehook.RunStart)  // likewise
}

func (e *testEngine) StartCalls(_ context.Context, starts []forgehook.CallStart) error {
	e.mu.Lock()
	down, started := e.down, e.started
	for _, s := range starts {
		if down == nil && !slices.Contains(e.runs, s.CallID) {
			e.runs = append(e.runs, s.CallID)
		}
	}
	e.mu.Unlock()
	if started != nil && down == nil {
		for _, s := range starts {
			started(s)
		}
	}
	return down
}

func (e *testEngine) run(call forgehook.CallRef) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down != nil {
		return e.down
	}
	if !slices.Contains(e.runs, call.CallID) {
		return forgehook.Errorf(forgehook.CodeNotFound, "There is no run of call %s.", call.CallID)
	}
	return nil
}

func (e *testEngine) RetryNow(_ context.Context, call forgehook.CallRef) error {
	if err := e.run(call); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.retried = append(e.retried, call.CallID)
	return nil
}

func (e *testEngine) Cancel(ctx context.Context, call forgehook.CallRef) error {
	if err := e.run(call); err != nil {
		return err
	}
	_, err := e.db.CompleteCall(ctx, call, forgehook.Canceled, &forgehook.CallError{Code: "canceled", Message: "Canceled by request."}, time.Now())
	return err
}

func (e *testEngine) Drain(_ context.Context, _ forgehook.TenantID, webHookServiceID int32) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down == nil {
		e.drained = append(e.drained, webHookServiceID)
	}
	return e.down
}

func (e *testEngine) StartRuns(_ context.Context, starts []forgehook.RunStart) error {
	e.mu.Lock()
	down, ran := e.down, e.ran
	if down == nil {
		e.begun = append(e.begun, starts...)
	}
	e.mu.Unlock()
	if ran != nil && down == nil {
		for _, s := range starts {
			ran(s)
		}
	}
	return down
}

func (e *testEngine) CancelRun(ctx context.Context, run forgehook.RunRef) error {
	e.mu.Lock()
	down, begun := e.down, slices.ContainsFunc(e.begun, func(s forgehook.RunStart) bool { return s.RunRef == run })
	e.stopped = append(e.stopped, run.RunID)
	e.mu.Unlock()
	if down != nil {
		return down
	}
	if !begun {
		return forgehook.Errorf(forgehook.CodeNotFound, "There is no workflow of run %s.", run.RunID)
	}
	_, err := e.db.CompleteRun(ctx, run, forgehook.RunCanceled, &forgehook.CallError{Code: "canceled", Message: "Canceled by request."}, time.Now())
	return err
}

func (e *testEngine) StartProcess(_ context.Context, start forgehook.ProcessStart) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down == nil {
		e.waiting = append(e.waiting, start.ProcessID)
	}
	return e.down
}

func (e *testEngine) Wake(_ context.Context, wake forgehook.Wake) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down == nil {
		e.woken = append(e.woken, wake)
	}
	return e.down
}

func (e *testEngine) Ping(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.down
}

func (e *testEngine) set(change func(*testEngine)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(e)
}

func (e *testEngine) has(callID string) bool {
	return e.run(forgehook.CallRef{CallID: callID}) == nil
}

func metaOf(facts postgres.Facts) webhook.Meta {
	m := webhook.Meta{
		CallID: facts.Call.ID, WebhookID: facts.Call.WebhookID, WebHookServiceID: facts.Call.WebHookServiceID,
		AcceptedAt: facts.Call.AcceptedAt.Time, EventType: "document.processed", UserAgent: "Forgehook/test",
	}
	if facts.Call.Reason != nil {
		m.Reason = *facts.Call.Reason
	}
	return m
}

// evaluate, build and attempt are the steps of a call as a worker would make them, without the
// network.
func (f *fixture) evaluate(t *testing.T, ref forgehook.CallRef) forgehook.Outcome {
	t.Helper()
	facts, plan := f.facts(t, ref)
	defer facts.Done()
	done, err := f.db.RecordExplanation(t.Context(), facts, plan.Explain(&facts.Subject, metaOf(facts)))
	if err != nil {
		t.Fatal(err)
	}
	return done.Outcome
}

func (f *fixture) build(t *testing.T, ref forgehook.CallRef) forgehook.Outcome {
	t.Helper()
	facts, plan := f.facts(t, ref)
	defer facts.Done()
	done, _, err := f.db.RecordRequest(t.Context(), facts, plan.Request(&facts.Subject, metaOf(facts)))
	if err != nil {
		t.Fatal(err)
	}
	return done.Outcome
}

// facts are what a step of a call knows, and the plan of its settings.
func (f *fixture) facts(t *testing.T, ref forgehook.CallRef) (postgres.Facts, *webhook.Plan) {
	t.Helper()
	facts, err := f.db.Facts(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := facts.Settings.Load()
	if err != nil {
		t.Fatal(err)
	}
	plan, err := webhook.Compile(settings)
	if err != nil {
		t.Fatal(err)
	}
	return facts, plan
}

// attempt makes one attempt that is answered with a status, 0 for a refused connection.
func (f *fixture) attempt(t *testing.T, ref forgehook.CallRef, status int) {
	t.Helper()
	started, err := f.db.StartAttempt(t.Context(), postgres.AttemptStart{Ref: ref, Released: true, AtOnce: true, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if started.Held || started.Outcome != "" {
		return
	}
	exchange := forgehook.Exchange{Duration: 12 * time.Millisecond, StatusCode: status}
	decision := forgehook.Decision{Verdict: forgehook.VerdictRetry, Reason: "connection refused", Code: "connection_refused", Delay: 5 * time.Second}
	switch {
	case status == 0:
		exchange.Err = &forgehook.CallError{Code: "connection_refused", Message: "The endpoint refuses connections."}
	case status < 300:
		exchange.Headers, exchange.Body = map[string]string{"Content-Type": "application/json"}, []byte(`{"ok":true}`)
		decision = forgehook.Decision{Verdict: forgehook.VerdictSuccess, Reason: "200 OK", Final: true}
	default:
		exchange.Headers, exchange.Body = map[string]string{"Content-Type": "text/plain"}, []byte("busy")
		decision.Reason, decision.Code = "503 Service Unavailable", "http_503"
	}
	record := postgres.AttemptEnd{Ref: ref, Number: started.Number, Exchange: exchange, Decision: decision, Now: time.Now()}
	if decision.Verdict == forgehook.VerdictSuccess {
		record.Reading = f.read(t, ref, exchange)
	}
	_, err = f.db.RecordAttempt(t.Context(), record)
	if err != nil {
		t.Fatal(err)
	}
}

// read is what the call's settings make of an exchange.
func (f *fixture) read(t *testing.T, ref forgehook.CallRef, exchange forgehook.Exchange) forgehook.Reading {
	t.Helper()
	facts, plan := f.facts(t, ref)
	defer facts.Done()
	reading, err := plan.Read(webhook.Evidence{Subject: &facts.Subject, Meta: metaOf(facts), Exchange: exchange})
	if err != nil {
		t.Fatal(err)
	}
	return reading
}

var errDown = errors.New("dial tcp 127.0.0.1:7233: connect: connection refused")

func startOf(ref forgehook.CallRef) postgres.AttemptStart {
	return postgres.AttemptStart{Ref: ref, Now: time.Now()}
}

// endProcess ends a process as its workflow would.
func (f *fixture) endProcess(t *testing.T, ref forgehook.ProcessRef, outcome forgehook.ProcessOutcome) {
	t.Helper()
	if _, _, err := f.db.EndProcess(t.Context(), postgres.ProcessEnd{Ref: ref, Outcome: outcome, Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
}
