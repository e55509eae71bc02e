package postgres_test

import (
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
)

func ids(starts []forgehook.CallStart) (ids []string) {
	for _, s := range starts {
		ids = append(ids, s.CallID)
	}
	return ids
}

func TestSweep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	acceptAt := func(when time.Time) forgehook.CallStart {
		t.Helper()
		a := accept(forgehook.CallRequest{DocumentID: &b.s.Document.ID}, "", "")
		a.Now = when
		accepted, err := b.AcceptCalls(t.Context(), b.tenant, a)
		check(t, err)
		return accepted.Starts[0]
	}
	hourAgo := time.Now().Add(-time.Hour)
	second, first, fresh := acceptAt(hourAgo.Add(time.Second)), acceptAt(hourAgo), acceptAt(time.Now())

	unstarted, err := b.UnstartedCalls(t.Context(), time.Now().Add(-time.Minute), 10)
	check(t, err)
	equal(t, "unstarted, oldest first", unstarted, []forgehook.CallStart{first, second})
	unstarted, err = b.UnstartedCalls(t.Context(), time.Now().Add(-time.Minute), 1)
	check(t, err)
	equal(t, "unstarted, one", ids(unstarted), []string{first.CallID})
	stale, err := b.StaleCalls(t.Context(), hourAgo.Add(time.Millisecond), 10)
	check(t, err)
	equal(t, "stale, though never started", ids(stale), []string{first.CallID})
	unstarted, err = b.UnstartedCalls(t.Context(), time.Now().Add(-time.Minute), 10)
	check(t, err)
	equal(t, "unstarted, without the one that was just checked", ids(unstarted), []string{second.CallID})

	for _, start := range []forgehook.CallStart{first, second, fresh} {
		explain(t, b.DB, b.ref(start.CallID), fires)
	}
	unstarted, err = b.UnstartedCalls(t.Context(), time.Now(), 10)
	check(t, err)
	equal(t, "unstarted, after their start", ids(unstarted), nil)
	stale, err = b.StaleCalls(t.Context(), time.Now().Add(-time.Minute), 1)
	check(t, err)
	equal(t, "stale, started", stale, []forgehook.CallStart{second})
	stale, err = b.StaleCalls(t.Context(), time.Now().Add(-time.Minute), 10)
	check(t, err)
	equal(t, "stale, when all were checked", ids(stale), nil)
	stale, err = b.StaleCalls(t.Context(), time.Now().Add(time.Minute), 1)
	check(t, err)
	equal(t, "stale, one", len(stale), 1)

	_, err = b.CompleteCall(t.Context(), b.ref(first.CallID), forgehook.Canceled, nil, time.Now())
	check(t, err)
	stale, err = b.StaleCalls(t.Context(), time.Now().Add(time.Minute), 10)
	check(t, err)
	equal(t, "stale, without the completed one", len(stale), 2)
}

// A held call of a terminated run is stale as well; its start is complete.
func TestSweep_heldCalls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := begun(t, b)
	_, err := b.Pause(t.Context(), b.tenant, b.s.Utility.ID, time.Now())
	check(t, err)
	_, err = b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call.ID), Now: time.Now()})
	check(t, err)
	stale, err := b.StaleCalls(t.Context(), time.Now().Add(time.Minute), 10)
	check(t, err)
	equal(t, "stale", ids(stale), []string{call.ID})
	equal(t, "name of the utility", stale[0].UtilityName, "Hook")
}

// A call may await its callback for weeks: its run is looked at now and then only.
func TestSweep_awaitingCalls(t *testing.T) {
	t.Parallel()
	b := setup(t, awaits)
	call, _ := awaiting(t, b)
	stale := func(in time.Duration) []string {
		t.Helper()
		stale, err := b.StaleCalls(t.Context(), time.Now().Add(in), 10)
		check(t, err)
		return ids(stale)
	}
	equal(t, "at first", stale(59*time.Minute), nil)
	equal(t, "after a while", stale(61*time.Minute), []string{call.ID})
	equal(t, "again", stale(59*time.Minute), nil)
}
