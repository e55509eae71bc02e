package postgres_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

func TestStartAttempt(t *testing.T) {
	t.Parallel()
	b := setup(t, seal)
	call := begun(t, b)
	started, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call.ID), Now: at("2026-06-01T00:00:00Z")})
	check(t, err)
	settings, err := started.Settings.Load()
	check(t, err)
	equal(t, "settings", settings, b.s.Utility.Settings)
	started.Settings = postgres.Pinned{}
	equal(t, "started", started, postgres.Started{
		Number: 1, WebHookServiceID: b.s.Utility.ID, WebhookID: call.WebhookID, DeadlineAt: call.DeadlineAt.Time, Built: built,
	})
	got, err := b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "status", got.Status, forgehook.CallDelivering)
	equal(t, "attempts", got.Attempts, 1)
	attempts, _, err := b.Attempts(t.Context(), b.tenant, call.ID, forgehook.Page{})
	check(t, err)
	request, err := b.Request(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "attempts", attempts, []forgehook.Attempt{{
		Number: 1, State: forgehook.AttemptStarted, StartedAt: forgehook.Time{Time: at("2026-06-01T00:00:00Z")}, Request: request,
	}})

	none := b.s.Call(t, b.DB)
	attempts, _, err = b.Attempts(t.Context(), b.tenant, none.ID, forgehook.Page{})
	check(t, err)
	equal(t, "attempts of a new call", attempts, []forgehook.Attempt{})
	_, err = b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(none.ID), Now: time.Now()})
	refused(t, "without a request", err, forgehook.CodeNotFound)
	_, err = b.CompleteCall(t.Context(), b.ref(none.ID), forgehook.Expired, nil, time.Now())
	check(t, err)
	started, err = b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(none.ID), Now: time.Now()})
	check(t, err)
	equal(t, "outcome that stands", started.Outcome, forgehook.Expired)
}

func TestAttemptUnderway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := begun(t, b)
	underway := func(what string, ref forgehook.CallRef, want time.Time) {
		t.Helper()
		since, err := b.AttemptUnderway(t.Context(), ref)
		check(t, err)
		if !since.Equal(want) {
			t.Errorf("%s: under way since %s, want %s", what, since, want)
		}
	}
	underway("no attempt", b.ref(call.ID), time.Time{})
	_, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call.ID), Now: at("2026-06-01T00:00:00Z")})
	check(t, err)
	underway("started", b.ref(call.ID), at("2026-06-01T00:00:00Z"))
	underway("another tenant", forgehook.CallRef{Tenant: pgtest.Tenant(t, b.DB), CallID: call.ID}, time.Time{})
	_, err = b.RecordAttempt(t.Context(), postgres.AttemptEnd{
		Ref: b.ref(call.ID), Number: 1, Now: time.Now(), Exchange: forgehook.Exchange{StatusCode: 503},
		Decision: forgehook.Decision{Verdict: forgehook.VerdictRetry, Delay: time.Minute},
	})
	check(t, err)
	underway("recorded", b.ref(call.ID), time.Time{})
}

func TestRecordAttempt_retryThenDelivered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := begun(t, b)
	equal(t, "counted at first", start(t, b, call).Counted, 0)
	sent := maps.Clone(built.Headers)
	sent["webhook-signature"] = "[secret]"
	recorded, err := b.RecordAttempt(t.Context(), postgres.AttemptEnd{
		Ref: b.ref(call.ID), Number: 1, Headers: sent, Now: at("2026-06-01T00:00:00.0009Z"),
		Exchange: forgehook.Exchange{Duration: 1500 * time.Millisecond, Err: &forgehook.CallError{Code: "timeout", Message: "no answer in 30 s"}},
		Decision: forgehook.Decision{Verdict: forgehook.VerdictRetry, Reason: "timeout", Delay: 5 * time.Second},
	})
	check(t, err)
	equal(t, "recorded", recorded, postgres.Recorded{Attempts: 1})
	got, err := b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	next := forgehook.Time{Time: at("2026-06-01T00:00:05Z")}
	equal(t, "status", got.Status, forgehook.CallWaitingRetry)
	equal(t, "next attempt", got.NextAttemptAt, &next)
	equal(t, "response", got.Response, nil)

	second := start(t, b, call)
	equal(t, "number", second.Number, 2)
	equal(t, "counted", second.Counted, 1)
	got, err = b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "next attempt while one is under way", got.NextAttemptAt, nil)
	record := success(b.ref(call.ID), 2)
	record.Exchange.Body, record.Exchange.Headers = []byte{0xff}, map[string]string{"A": "b"}
	recorded, err = b.RecordAttempt(t.Context(), record)
	check(t, err)
	equal(t, "recorded", recorded, postgres.Recorded{Outcome: forgehook.Delivered, Attempts: 2})
	again, err := b.RecordAttempt(t.Context(), record)
	check(t, err)
	equal(t, "recorded twice", again, recorded)

	attempts, _, err := b.Attempts(t.Context(), b.tenant, call.ID, forgehook.Page{})
	check(t, err)
	request, err := b.Request(t.Context(), b.tenant, call.ID)
	check(t, err)
	first := request
	first.Headers = sent
	equal(t, "attempts", attempts, []forgehook.Attempt{
		{
			Number: 1, State: forgehook.AttemptFinished, Verdict: new(forgehook.VerdictRetry), Reason: new("timeout"), StartedAt: attempts[0].StartedAt,
			DurationMS: new(int64(1500)), Request: first, Error: &forgehook.CallError{Code: "timeout", Message: "no answer in 30 s"}, NextAttemptAt: &next,
		},
		{
			Number: 2, State: forgehook.AttemptFinished, Verdict: new(forgehook.VerdictSuccess), Reason: new("204 No Content"), StartedAt: attempts[1].StartedAt,
			DurationMS: new(int64(0)), Request: request,
			Response: &forgehook.Response{StatusCode: 204, Headers: map[string]string{"A": "b"}, Body: "/w==", BodyEncoding: "base64"},
		},
	})
	done, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call.ID), Now: time.Now()})
	check(t, err)
	equal(t, "start after the end", []any{done.Outcome, done.StatusCode, done.Number}, []any{forgehook.Delivered, 204, 2})
}

func TestRecordAttempt_budgetUsedUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := begun(t, b)
	start(t, b, call)
	last := retryable(b.ref(call.ID), 1)
	last.Decision.Final, last.Decision.Code, last.Decision.Message = true, "http_503", "503 Service Unavailable"
	recorded, err := b.RecordAttempt(t.Context(), last)
	check(t, err)
	equal(t, "recorded", recorded, postgres.Recorded{Outcome: forgehook.Failed, Attempts: 1})
	got, err := b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "error", got.Error, &forgehook.CallError{Code: "http_503", Message: "503 Service Unavailable"})
	attempts, _, err := b.Attempts(t.Context(), b.tenant, call.ID, forgehook.Page{})
	check(t, err)
	equal(t, "next attempt", attempts[0].NextAttemptAt, nil)
	_, err = b.RecordAttempt(t.Context(), success(b.ref(call.ID), 7))
	refused(t, "an attempt that never was", err, forgehook.CodeNotFound)
}

// TestAttempts_pages walks through the attempts of a call one by one.
func TestAttempts_pages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := begun(t, b)
	for range 3 { // each is lost
		_, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call.ID), Now: time.Now()})
		check(t, err)
	}
	var numbers []int
	for page := (forgehook.Page{Limit: 1}); ; {
		attempts, next, err := b.Attempts(t.Context(), b.tenant, call.ID, page)
		check(t, err)
		for _, a := range attempts {
			numbers = append(numbers, a.Number)
		}
		if page.Cursor = next; next == "" {
			break
		}
	}
	equal(t, "numbers", numbers, []int{1, 2, 3})
	beyond, _, err := b.Attempts(t.Context(), b.tenant, call.ID, forgehook.Page{Limit: 200})
	check(t, err)
	equal(t, "all at once", len(beyond), 3)
}

// states are those of a call's attempts, in order.
func states(t *testing.T, b bundle, call forgehook.Call) (states []forgehook.AttemptState) {
	t.Helper()
	attempts, _, err := b.Attempts(t.Context(), b.tenant, call.ID, forgehook.Page{})
	check(t, err)
	for _, a := range attempts {
		states = append(states, a.State)
	}
	return states
}

const (
	unknown  = forgehook.AttemptUnknown
	finished = forgehook.AttemptFinished
	underWay = forgehook.AttemptStarted
)

// A worker that was thought dead answers late: what it says is recorded, but the state of the call
// is the next attempt's.
func TestRecordAttempt_late(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := begun(t, b)
	start(t, b, call)
	start(t, b, call)
	equal(t, "states after the worker died", states(t, b, call), []forgehook.AttemptState{unknown, underWay})
	recorded, err := b.RecordAttempt(t.Context(), retryable(b.ref(call.ID), 1))
	check(t, err)
	equal(t, "recorded", recorded, postgres.Recorded{Attempts: 2})
	equal(t, "states after its answer", states(t, b, call), []forgehook.AttemptState{finished, underWay})
	got, err := b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "status", got.Status, forgehook.CallDelivering)

	// The next one starts while the second still runs; the answer of the second ends the call.
	start(t, b, call)
	recorded, err = b.RecordAttempt(t.Context(), success(b.ref(call.ID), 2))
	check(t, err)
	equal(t, "recorded", recorded, postgres.Recorded{Outcome: forgehook.Delivered, Attempts: 3})
	equal(t, "states after the end", states(t, b, call), []forgehook.AttemptState{finished, finished, unknown})
	recorded, err = b.RecordAttempt(t.Context(), retryable(b.ref(call.ID), 3))
	check(t, err)
	equal(t, "recorded after the end", recorded, postgres.Recorded{Outcome: forgehook.Delivered, Attempts: 3})
	equal(t, "states at last", states(t, b, call), []forgehook.AttemptState{finished, finished, finished})
	got, err = b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "next attempt of a completed call", got.NextAttemptAt, nil)
}

func TestStartAttempt_threeLostInARow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := begun(t, b)
	start(t, b, call)
	start(t, b, call)
	finish, err := b.RecordAttempt(t.Context(), retryable(b.ref(call.ID), 2))
	check(t, err)
	equal(t, "recorded", finish, postgres.Recorded{Attempts: 2}) // the row of lost ones begins anew
	for want := 3; want <= 5; want++ {
		started := start(t, b, call)
		equal(t, "number", started.Number, want)
		equal(t, "counted: unknown ones spend no budget", started.Counted, 1)
	}
	lost, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call.ID), AtOnce: true, Now: time.Now()})
	check(t, err)
	equal(t, "started", lost, postgres.Started{Outcome: forgehook.Failed, StatusCode: 503, Number: 5})
	equal(t, "states", states(t, b, call), []forgehook.AttemptState{unknown, finished, unknown, unknown, unknown})
	got, err := b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "error", got.Error.Code, "worker_lost")
}

func TestAbandonAttempt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := begun(t, b)
	start(t, b, call)
	check(t, b.AbandonAttempt(t.Context(), b.ref(call.ID), 1))
	check(t, b.AbandonAttempt(t.Context(), b.ref(call.ID), 1)) // again: it is gone
	got, err := b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "attempts", got.Attempts, 0)
	equal(t, "number of the next", start(t, b, call).Number, 1)

	start(t, b, call)
	check(t, b.AbandonAttempt(t.Context(), b.ref(call.ID), 1)) // the second one has begun
	equal(t, "states", states(t, b, call), []forgehook.AttemptState{unknown, underWay})
	_, err = b.RecordAttempt(t.Context(), retryable(b.ref(call.ID), 2))
	check(t, err)
	check(t, b.AbandonAttempt(t.Context(), b.ref(call.ID), 2)) // it was sent
	equal(t, "states", states(t, b, call), []forgehook.AttemptState{unknown, finished})
}

func TestStartAttempt_behindTheDeadline(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *forgehook.Settings) { s.Delivery.Deadline = time.Hour })
	late, heldBack, overdue := begun(t, b), begun(t, b), begun(t, b)
	// Held for two hours of its one: they do not count.
	_, err := b.Pause(t.Context(), b.tenant, b.s.Utility.ID, time.Now())
	check(t, err)
	begin := heldBack.AcceptedAt.Time
	for _, when := range []time.Time{begin, begin.Add(time.Hour)} { // again after a release: held all the time
		started, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(heldBack.ID), Now: when})
		check(t, err)
		equal(t, "held", started.Held, true)
	}
	started, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(overdue.ID), Now: overdue.DeadlineAt.Time})
	check(t, err)
	equal(t, "not held any more", started, postgres.Started{Outcome: forgehook.Expired})
	_, _, _, err = b.Resume(t.Context(), b.tenant, b.s.Utility.ID)
	check(t, err)
	started, err = b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(heldBack.ID), Released: true, Now: begin.Add(2 * time.Hour)})
	check(t, err)
	equal(t, "number", started.Number, 1)
	equal(t, "deadline", started.DeadlineAt, begin.Add(3*time.Hour))
	got, err := b.Call(t.Context(), b.tenant, heldBack.ID)
	check(t, err)
	equal(t, "stored deadline", got.DeadlineAt.Time, begin.Add(3*time.Hour))
	finishDrain(t, b, true)

	started, err = b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(late.ID), Now: late.DeadlineAt.Time})
	check(t, err)
	equal(t, "started", started, postgres.Started{Outcome: forgehook.Expired})
	got, err = b.Call(t.Context(), b.tenant, late.ID)
	check(t, err)
	equal(t, "error", got.Error.Code, "deadline_passed")
	equal(t, "states", states(t, b, late), nil)
}

// Attempts that start at once are one after the other: none is lost, all but the last are unknown.
func TestStartAttempt_atOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := begun(t, b)
	numbers := make(chan int, 3)
	for range cap(numbers) {
		go func() {
			started, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call.ID), Now: time.Now()})
			if err != nil {
				t.Error(err)
			}
			numbers <- started.Number
		}()
	}
	got := []int{<-numbers, <-numbers, <-numbers}
	slices.Sort(got)
	equal(t, "numbers", got, []int{1, 2, 3})
	equal(t, "states", states(t, b, call), []forgehook.AttemptState{unknown, unknown, underWay})
}
