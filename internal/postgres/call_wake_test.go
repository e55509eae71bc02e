package postgres_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

// awaited has a workflow await a call that has not ended.
func (b bundle) awaited(t *testing.T, call forgehook.Call, workflowID string) error {
	t.Helper()
	done, err := b.AwaitCall(t.Context(), b.ref(call.ID), workflowID)
	equal(t, "outcome before the end", done.Outcome, "")
	return err
}

func TestAwaitCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := begun(t, b)
	check(t, b.awaited(t, call, "request/a"))
	check(t, b.awaited(t, call, "request/a"))
	check(t, b.awaited(t, call, "request/b"))
	_, err := b.AwaitCall(t.Context(), forgehook.CallRef{Tenant: b.stranger, CallID: call.ID}, "request/c")
	refused(t, "another tenant", err, forgehook.CodeNotFound)
	recorded, err := b.RecordAttempt(t.Context(), success(b.ref(call.ID), start(t, b, call).Number))
	check(t, err)
	equal(t, "recorded", recorded, postgres.Recorded{Outcome: forgehook.Delivered, Attempts: 1, Wake: true})

	wakes, err := b.Wakes(t.Context(), b.ref(call.ID))
	check(t, err)
	equal(t, "signals", len(wakes), 2)
	workflows := map[string]bool{}
	for _, w := range wakes {
		workflows[w.WorkflowID] = true
		equal(t, "tenant and signal", []string{string(w.Tenant), w.Signal}, []string{string(b.tenant), forgehook.CallEndedSignal})
		var told struct {
			CallID, Outcome      string
			StatusCode, Attempts int
		}
		check(t, json.Unmarshal(w.Payload, &told))
		equal(t, "call", told.CallID, call.ID)
		equal(t, "outcome", told.Outcome, "delivered")
		equal(t, "status code and attempts", []int{told.StatusCode, told.Attempts}, []int{204, 1})
	}
	equal(t, "workflows", workflows, map[string]bool{"request/a": true, "request/b": true})
	strangers, err := b.Wakes(t.Context(), forgehook.CallRef{Tenant: b.stranger, CallID: call.ID})
	check(t, err)
	equal(t, "another tenant's", len(strangers), 0)

	// Whoever comes after a crash is told that something is owed still, until it is not.
	again, err := b.RecordAttempt(t.Context(), success(b.ref(call.ID), 1))
	check(t, err)
	equal(t, "recorded twice", again, recorded)
	stands, err := b.CompleteCall(t.Context(), b.ref(call.ID), forgehook.Canceled, nil, time.Now())
	check(t, err)
	equal(t, "what stands", stands, postgres.Completion{Outcome: forgehook.Delivered, StatusCode: 204, Attempts: 1, Wake: true})
	done, err := b.AwaitCall(t.Context(), b.ref(call.ID), "request/late")
	check(t, err)
	equal(t, "after the end", done.Outcome, forgehook.Delivered)
	check(t, b.Woken(t.Context(), []int64{wakes[0].ID, wakes[1].ID}))
	stands, err = b.Standing(t.Context(), b.ref(call.ID))
	check(t, err)
	equal(t, "nothing is owed", stands.Wake, false)
}

// Somebody begins to await a call at the moment of its end: either sees the other.
func TestAwaitCall_atTheEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 20 {
		call := b.s.Call(t, b.DB)
		ended := make(chan error)
		go func() {
			_, err := b.CompleteCall(t.Context(), b.ref(call.ID), forgehook.Canceled, nil, time.Now())
			ended <- err
		}()
		done, err := b.AwaitCall(t.Context(), b.ref(call.ID), "request/a")
		check(t, err)
		check(t, <-ended)
		wakes, err := b.Wakes(t.Context(), b.ref(call.ID))
		check(t, err)
		if (done.Outcome == "") != (len(wakes) == 1) {
			t.Fatalf("the outcome is %q, and %d signals are owed", done.Outcome, len(wakes))
		}
	}
}

func TestAcceptCalls_waiter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID)
	request := accept(forgehook.CallRequest{ServiceID: &b.s.Service.ID, DocumentID: &b.s.Document.ID}, "key", "a")
	accepted, err := b.AcceptCalls(t.Context(), b.tenant, request)
	check(t, err)
	complete(t, b, accepted.Calls[0])
	request.Waiter = "request/a"
	repeated, err := b.AcceptCalls(t.Context(), b.tenant, request)
	check(t, err)
	equal(t, "outcomes", outcomes(repeated.Calls), "canceled open ")
	complete(t, b, accepted.Calls[1])
	request.IdempotencyKey = "another"
	fresh, err := b.AcceptCalls(t.Context(), b.tenant, request)
	check(t, err)
	complete(t, b, fresh.Calls[0])
	var owed []int
	for _, call := range []forgehook.Call{accepted.Calls[0], accepted.Calls[1], fresh.Calls[0], fresh.Calls[1]} {
		wakes, err := b.Wakes(t.Context(), b.ref(call.ID))
		check(t, err)
		owed = append(owed, len(wakes))
	}
	equal(t, "signals: none for one that had ended, or goes on", owed, []int{0, 1, 1, 0})
}

// storedRun is a run as the end of a call leaves it.
type storedRun struct {
	Event             string
	ServiceID         int32
	Cause             []int64
	Document, Item    *int32
	Parameter, Verify *int32
}

// runsOf are the runs that a call has raised, by event.
func runsOf(t *testing.T, b bundle, callID string) (runs []storedRun) {
	t.Helper()
	rows, err := rawPool(t, b.url).QueryContext(t.Context(), `
		SELECT r.event_type, r.service_id, r.cause, i.document_id, i.work_item_id, i.parameter_id, i.verification_id
		FROM runs r JOIN run_items i ON i.run_id = r.id WHERE r.cause_id = $1 AND r.tenant_id = $2 AND r.status = 'accepted' ORDER BY r.event_type`,
		callID, b.tenant)
	check(t, err)
	defer func() { check(t, rows.Close()) }()
	for rows.Next() {
		var r storedRun
		check(t, rows.Scan(&r.Event, &r.ServiceID, pq.Array(&r.Cause), &r.Document, &r.Item, &r.Parameter, &r.Verify))
		runs = append(runs, r)
	}
	check(t, rows.Err())
	return runs
}

func events(runs []storedRun) (names []string) {
	for _, r := range runs {
		names = append(names, r.Event)
	}
	return names
}

// on are settings that fire on events.
func on(events ...forgehook.EventType) func(*forgehook.Settings) {
	return func(s *forgehook.Settings) { s.ExecuteAfterProcess, s.ExecuteOnTrigger = false, events }
}

// inRun notes that a call belongs to a run with open calls, whose cause is a list of utilities.
func inRun(t *testing.T, b bundle, open int, calls ...forgehook.Call) (runID string) {
	t.Helper()
	pool := rawPool(t, b.url)
	check(t, pool.QueryRowContext(t.Context(), `
		INSERT INTO runs (id, tenant_id, project_id, service_id, event_type, documents, accepted_at, status, calls, open, root_id)
		VALUES (gen_random_uuid(), $1, $2, $3, 'after_process', 1, now(), 'running', $4, $4, gen_random_uuid()) RETURNING id`,
		b.tenant, b.s.Project.ID, b.s.Service.ID, open).Scan(&runID))
	for _, call := range calls {
		_, err := pool.ExecContext(t.Context(), `UPDATE calls SET run_id = $2, event_type = 'after_process' WHERE id = $1`, call.ID, runID)
		check(t, err)
	}
	return runID
}

type counters struct {
	Open, Delivered, Skipped, Failed int
	Stopped                          bool
}

func countersOf(t *testing.T, b bundle, runID string) (c counters) {
	t.Helper()
	check(t, rawPool(t, b.url).QueryRowContext(t.Context(), `SELECT open, delivered, skipped, failed, stopped_by IS NOT NULL FROM runs WHERE id = $1`, runID).
		Scan(&c.Open, &c.Delivered, &c.Skipped, &c.Failed, &c.Stopped))
	return c
}

func TestCompleteCall_run(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *forgehook.Settings) { s.OnFailure = forgehook.OnFailureError })
	var calls []forgehook.Call
	for range 5 {
		calls = append(calls, begun(t, b))
	}
	run := inRun(t, b, 5, calls...)
	got := b.stored(t, calls[0])
	equal(t, "run and event", []string{*got.RunID, string(got.EventType)}, []string{run, "after_process"})
	list, _, err := b.Calls(t.Context(), b.tenant, forgehook.CallFilter{RunID: run}, forgehook.Page{Limit: 10})
	check(t, err)
	equal(t, "calls of the run", len(list), 5)
	deliver(t, b, calls[0])
	for i, outcome := range []forgehook.Outcome{forgehook.Skipped, forgehook.Canceled, forgehook.Expired} {
		_, err := b.CompleteCall(t.Context(), b.ref(calls[i+1].ID), outcome, nil, time.Now())
		check(t, err)
		equal(t, string(outcome), countersOf(t, b, run).Stopped, outcome == forgehook.Expired)
	}
	_, err = b.CompleteCall(t.Context(), b.ref(calls[1].ID), forgehook.Failed, nil, time.Now())
	check(t, err)
	equal(t, "counters", countersOf(t, b, run), counters{Open: 1, Delivered: 1, Skipped: 1, Failed: 2, Stopped: true})
	done, err := b.CompleteCall(t.Context(), b.ref(calls[4].ID), forgehook.Failed, nil, time.Now())
	check(t, err)
	equal(t, "drained", done.Wake, true)
	wakes, err := b.Wakes(t.Context(), b.ref(calls[4].ID))
	check(t, err)
	equal(t, "signals", len(wakes), 1)
	equal(t, "signal", []string{wakes[0].WorkflowID, wakes[0].Signal}, []string{"run/" + run, forgehook.RunDrainedSignal})
}

// A failed call pauses its utility, once; others of the service hear of that, and of the resume.
func TestCompleteCall_holdWhenExpired(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *forgehook.Settings) { s.OnFailure = forgehook.OnFailureHold })
	call := begun(t, b)
	_, err := b.CompleteCall(t.Context(), b.ref(call.ID), forgehook.Expired, nil, time.Now())
	check(t, err)
	u, err := b.Utility(t.Context(), b.tenant, b.s.Utility.ID)
	check(t, err)
	equal(t, "held by", u.HeldBy, &call.ID)
}

func TestCompleteCall_hold(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *forgehook.Settings) { s.OnFailure = forgehook.OnFailureHold })
	watcher := pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID, on(forgehook.EventUtilityHeld, forgehook.EventUtilityRecovered))
	first, second := begun(t, b), begun(t, b)
	_, err := b.CompleteCall(t.Context(), b.ref(begun(t, b).ID), forgehook.Canceled, nil, time.Now())
	check(t, err)
	u, err := b.Utility(t.Context(), b.tenant, b.s.Utility.ID)
	check(t, err)
	equal(t, "a cancel holds nothing", u.PausedAt, nil)
	done, err := b.CompleteCall(t.Context(), b.ref(first.ID), forgehook.Failed, nil, at("2026-06-01T00:00:00Z"))
	check(t, err)
	equal(t, "something follows", done.Wake, true)
	_, err = b.CompleteCall(t.Context(), b.ref(second.ID), forgehook.Expired, nil, time.Now())
	check(t, err)
	u, err = b.Utility(t.Context(), b.tenant, b.s.Utility.ID)
	check(t, err)
	equal(t, "paused", u.PausedAt, &forgehook.Time{Time: at("2026-06-01T00:00:00Z")})
	equal(t, "by", u.HeldBy, &first.ID)
	want := []storedRun{{Event: "utility.held", ServiceID: b.s.Service.ID, Cause: []int64{int64(b.s.Utility.ID)}, Document: &b.s.Document.ID}}
	equal(t, "runs", runsOf(t, b, first.ID), want)
	equal(t, "held once", len(runsOf(t, b, second.ID)), 0)
	equal(t, "the next call", try(t, b, begun(t, b), false).Held, true)

	u, drain, raised, err := b.Resume(t.Context(), b.tenant, b.s.Utility.ID)
	check(t, err)
	equal(t, "drain", drain, true)
	equal(t, "held by", u.HeldBy, nil)
	if len(raised.Runs) != 1 || raised.Runs[0].Type != forgehook.EventUtilityRecovered || raised.Runs[0].ServiceID != b.s.Service.ID ||
		raised.Runs[0].ProjectID != b.s.Project.ID || raised.Runs[0].Documents != 1 {
		t.Errorf("raised: %+v", raised)
	}
	equal(t, "runs", events(runsOf(t, b, first.ID)), []string{"utility.held", "utility.recovered"})
	_, _, raised, err = b.Resume(t.Context(), b.tenant, b.s.Utility.ID)
	check(t, err)
	equal(t, "resumed again", len(raised.Runs), 0)
	_, err = b.Pause(t.Context(), b.tenant, watcher.ID, time.Now())
	check(t, err)
	_, _, raised, err = b.Resume(t.Context(), b.tenant, watcher.ID)
	check(t, err)
	equal(t, "a pause of somebody's own", len(raised.Runs), 0)
}

func TestCompleteCall_events(t *testing.T) {
	t.Parallel()
	b := setup(t, on(forgehook.EventCallCompleted, forgehook.EventCallFailed)) // itself it does not fire
	alone := begun(t, b)
	done, err := b.CompleteCall(t.Context(), b.ref(alone.ID), forgehook.Failed, nil, time.Now())
	check(t, err)
	equal(t, "its own end", done, postgres.Completion{Outcome: forgehook.Failed, Won: true})

	completed := pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID, on(forgehook.EventCallCompleted))
	failed := pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID, on(forgehook.EventCallFailed))
	elsewhere := pgtest.Service(t, b.DB, b.tenant, b.s.Project.ID)
	pgtest.Utility(t, b.DB, b.tenant, elsewhere.ID, on(forgehook.EventCallCompleted, forgehook.EventCallFailed))
	for outcome, event := range map[forgehook.Outcome][]string{
		forgehook.Delivered: {"call.completed"}, forgehook.Failed: {"call.failed"}, forgehook.Expired: {"call.failed"},
		forgehook.Skipped: nil, forgehook.Canceled: nil,
	} {
		call := begun(t, b)
		done, err := b.CompleteCall(t.Context(), b.ref(call.ID), outcome, nil, time.Now())
		check(t, err)
		equal(t, string(outcome), events(runsOf(t, b, call.ID)), event)
		equal(t, "something follows", done.Wake, event != nil)
		stands, err := b.Standing(t.Context(), b.ref(call.ID))
		check(t, err)
		equal(t, "and is owed", stands.Wake, event != nil)
	}
	// The two that answer each other do not do so for ever: a call of a run has the cause of the
	// run.
	next := begun(t, b)
	_, err = rawPool(t, b.url).ExecContext(t.Context(), `UPDATE calls SET cause = $2 WHERE id = $1`, next.ID, pq.Array([]int32{failed.ID}))
	check(t, err)
	_, err = b.CompleteCall(t.Context(), b.ref(next.ID), forgehook.Failed, nil, time.Now())
	check(t, err)
	equal(t, "ruled out by its cause", len(runsOf(t, b, next.ID)), 0)
	call := pgtest.Accept(t, b.DB, b.tenant, forgehook.CallRequest{WebHookServiceID: &completed.ID, DocumentID: &b.s.Document.ID}).Calls[0]
	_, err = rawPool(t, b.url).ExecContext(t.Context(), `UPDATE calls SET cause = $2 WHERE id = $1`, call.ID, pq.Array([]int32{failed.ID}))
	check(t, err)
	_, err = b.CompleteCall(t.Context(), b.ref(call.ID), forgehook.Delivered, nil, time.Now())
	check(t, err)
	equal(t, "cause of the run", runsOf(t, b, call.ID)[0].Cause, []int64{int64(failed.ID), int64(completed.ID)})
}

// The status that the settings give the document is a change of it, where it changes anything.
func TestCompleteCall_statusIsAnEvent(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *forgehook.Settings) {
		s.DocumentProcessedStatus = new(forgehook.DocumentStatus(121))
		on(forgehook.EventDocumentUpdated)(s)
	})
	call := begun(t, b)
	deliver(t, b, call)
	equal(t, "it never fires itself", len(runsOf(t, b, call.ID)), 0)
	pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID, on(forgehook.EventDocumentUpdated))
	call = begun(t, b)
	deliver(t, b, call)
	equal(t, "the status was there", len(runsOf(t, b, call.ID)), 0)
	_, _, err := b.UpdateDocument(t.Context(), b.tenant, b.s.Document.ID, "", func(d *forgehook.Document) error { d.Status = 10; return nil })
	check(t, err)
	call = begun(t, b)
	deliver(t, b, call)
	equal(t, "runs", runsOf(t, b, call.ID), []storedRun{
		{Event: "document.updated", ServiceID: b.s.Service.ID, Cause: []int64{int64(b.s.Utility.ID)}, Document: &b.s.Document.ID},
	})
}

// The events of a utility are a column, so that a change finds whom it fires with one look.
// Signals that cannot be sent keep no others from being tried.
func TestOldWakes_inTurns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := time.Now().Add(-time.Hour)
	for i := range 5 {
		call := b.s.Call(t, b.DB)
		check(t, b.awaited(t, call, fmt.Sprintf("order/%d", i)))
		_, err := b.CompleteCall(t.Context(), b.ref(call.ID), forgehook.Canceled, nil, start.Add(time.Duration(i)*time.Second))
		check(t, err)
	}
	take := func(before time.Time) (got []string) {
		wakes, err := b.OldWakes(t.Context(), before, 2)
		check(t, err)
		for _, w := range wakes {
			got = append(got, w.WorkflowID)
		}
		return got
	}
	soon := time.Now().Add(time.Minute)
	for _, want := range [][]string{{"order/0", "order/1"}, {"order/2", "order/3"}} {
		equal(t, "a turn", take(soon), want)
	}
	third := take(soon)
	equal(t, "the last, and one of the first again", []any{len(third), third[len(third)-1]}, []any{2, "order/4"})
	equal(t, "tried lately", len(take(start.Add(time.Minute))), 0)
}

func TestSettings_fires(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fires := func() (list []string) {
		t.Helper()
		check(t, rawPool(t, b.url).QueryRowContext(t.Context(), `SELECT fires FROM services WHERE tenant_id = $1 AND id = $2`, b.tenant, b.s.Utility.ID).
			Scan(pq.Array(&list)))
		return list
	}
	save := func(change func(*forgehook.Settings)) {
		t.Helper()
		_, err := b.SaveSettings(t.Context(), b.tenant, b.s.Utility.ID, "", func(s forgehook.Settings) (forgehook.Settings, error) {
			change(&s)
			return s, nil
		})
		check(t, err)
	}
	equal(t, "new", fires(), []string{"after_process"})
	save(func(s *forgehook.Settings) {
		s.ExecuteBeforeProcess, s.ExecuteOnTrigger = true, []forgehook.EventType{forgehook.EventWorkItem}
	})
	equal(t, "saved", fires(), []string{"before_process", "after_process", "workitem"})
	save(func(s *forgehook.Settings) { s.Enabled = false })
	equal(t, "disabled", fires(), []string{})
}
