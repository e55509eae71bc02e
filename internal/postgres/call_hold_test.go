package postgres_test

import (
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

// try starts an attempt of a call that may be held.
func try(t *testing.T, b bundle, call forgehook.Call, released bool) postgres.Started {
	t.Helper()
	started, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call.ID), Released: released, AtOnce: true, Now: time.Now()})
	check(t, err)
	return started
}

func held(t *testing.T, b bundle) []forgehook.CallRef {
	t.Helper()
	refs, err := b.HeldCalls(t.Context(), b.tenant, b.s.Utility.ID, 10)
	check(t, err)
	return refs
}

func TestPause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	paused, err := b.Pause(t.Context(), b.tenant, b.s.Utility.ID, at("2026-08-01T00:00:00.0009Z"))
	check(t, err)
	want := b.s.Utility
	want.PausedAt = &forgehook.Time{Time: at("2026-08-01T00:00:00Z")}
	equal(t, "paused utility", paused, want)
	again, err := b.Pause(t.Context(), b.tenant, b.s.Utility.ID, time.Now())
	check(t, err)
	equal(t, "paused again", again, want)
	got, err := b.Utility(t.Context(), b.tenant, b.s.Utility.ID)
	check(t, err)
	equal(t, "utility", got, want)

	resumed, drain, _, err := b.Resume(t.Context(), b.tenant, b.s.Utility.ID)
	check(t, err)
	equal(t, "resumed utility", resumed, b.s.Utility)
	equal(t, "drain, with nothing held", drain, false)
	_, err = b.Pause(t.Context(), b.tenant, b.s.Service.ID, time.Now())
	refused(t, "a service", err, forgehook.CodeNotFound)
}

// The whole way: calls are held, drained in order while others queue behind, and then pass freely.
func TestHold_drain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second, third := begun(t, b), begun(t, b), begun(t, b)
	_, err := b.Pause(t.Context(), b.tenant, b.s.Utility.ID, time.Now())
	check(t, err)
	for _, call := range []forgehook.Call{second, first} {
		started := try(t, b, call, false)
		equal(t, "held", started.Held, true)
		equal(t, "number", started.Number, 0)
	}
	equal(t, "a released call of a paused utility is held", try(t, b, first, true).Held, true)
	got, err := b.Call(t.Context(), b.tenant, first.ID)
	check(t, err)
	equal(t, "status", got.Status, forgehook.CallPaused)
	equal(t, "for release while paused", held(t, b), nil)
	equal(t, "attempts of a held call", states(t, b, first), nil)

	resumed, drain, _, err := b.Resume(t.Context(), b.tenant, b.s.Utility.ID)
	check(t, err)
	equal(t, "drain, draining, paused", []bool{drain, resumed.Draining, resumed.PausedAt != nil}, []bool{true, true, false})
	draining, err := b.Draining(t.Context())
	check(t, err)
	equal(t, "draining utilities", draining, []postgres.UtilityRef{{Tenant: b.tenant, WebHookServiceID: b.s.Utility.ID}})
	_, drain, _, err = b.Resume(t.Context(), b.tenant, b.s.Utility.ID)
	check(t, err)
	equal(t, "drain, when resumed again before its end", drain, true)

	equal(t, "a new call queues behind", try(t, b, third, false).Held, true)
	equal(t, "for release, in order", held(t, b), []forgehook.CallRef{b.ref(first.ID), b.ref(second.ID), b.ref(third.ID)})
	check(t, b.MarkReleased(t.Context(), []forgehook.CallRef{b.ref(first.ID), b.ref(second.ID)}, time.Now()))
	equal(t, "for release, the rest", held(t, b), []forgehook.CallRef{b.ref(third.ID)})
	equal(t, "a released call passes", try(t, b, first, true).Number, 1)
	got, err = b.Call(t.Context(), b.tenant, first.ID)
	check(t, err)
	equal(t, "status", got.Status, forgehook.CallDelivering)

	finishDrain(t, b, false)
	_, err = b.CompleteCall(t.Context(), b.ref(third.ID), forgehook.Canceled, nil, time.Now())
	check(t, err)
	equal(t, "for release, none", held(t, b), nil)
	finishDrain(t, b, false) // the second was released and has not started
	equal(t, "the second passes", try(t, b, second, true).Number, 1)
	finishDrain(t, b, true)
	finishDrain(t, b, true)
	got2, err := b.Utility(t.Context(), b.tenant, b.s.Utility.ID)
	check(t, err)
	equal(t, "draining after the drain", got2.Draining, false)
	equal(t, "a new call passes", try(t, b, begun(t, b), false).Number, 1)
}

func finishDrain(t *testing.T, b bundle, want bool) {
	t.Helper()
	done, err := b.FinishDrain(t.Context(), b.tenant, b.s.Utility.ID)
	check(t, err)
	equal(t, "drain is done", done, want)
}

// A call that was released and held again by a pause is not forgotten.
func TestHold_pausedInTheMiddle(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call, slow := begun(t, b), begun(t, b)
	_, err := b.Pause(t.Context(), b.tenant, b.s.Utility.ID, time.Now())
	check(t, err)
	try(t, b, call, false)
	try(t, b, slow, false)
	_, _, _, err = b.Resume(t.Context(), b.tenant, b.s.Utility.ID)
	check(t, err)
	check(t, b.MarkReleased(t.Context(), []forgehook.CallRef{b.ref(call.ID), b.ref(slow.ID)}, time.Now().Add(-2*time.Minute)))
	_, err = b.Pause(t.Context(), b.tenant, b.s.Utility.ID, time.Now())
	check(t, err)
	equal(t, "held again", try(t, b, call, true).Held, true)
	finishDrain(t, b, true) // that drain is over
	_, drain, _, err := b.Resume(t.Context(), b.tenant, b.s.Utility.ID)
	check(t, err)
	equal(t, "drain", drain, true)
	equal(t, "for release: the one that was held again, and the one that has not moved for long",
		held(t, b), []forgehook.CallRef{b.ref(call.ID), b.ref(slow.ID)})
}

// A call whose worker died is held too, and its attempt is unknown.
func TestHold_afterLostWorker(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := begun(t, b)
	start(t, b, call)
	_, err := b.Pause(t.Context(), b.tenant, b.s.Utility.ID, time.Now())
	check(t, err)
	started := try(t, b, call, false)
	equal(t, "held", started.Held, true)
	equal(t, "number", started.Number, 1)
	equal(t, "states", states(t, b, call), []forgehook.AttemptState{unknown})
}

// The end of a drain waits for a call that is just being held; that call is then part of the drain.
func TestHold_raceWithEndOfDrain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 20 {
		call, late := begun(t, b), begun(t, b)
		_, err := b.Pause(t.Context(), b.tenant, b.s.Utility.ID, time.Now())
		check(t, err)
		try(t, b, call, false)
		_, _, _, err = b.Resume(t.Context(), b.tenant, b.s.Utility.ID)
		check(t, err)
		equal(t, "the released call passes", try(t, b, call, true).Number, 1)

		heldLate := make(chan bool)
		go func() {
			started, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(late.ID), Now: time.Now()})
			if err != nil {
				t.Error(err)
			}
			heldLate <- started.Held
		}()
		done, err := b.FinishDrain(t.Context(), b.tenant, b.s.Utility.ID)
		check(t, err)
		if <-heldLate && done {
			t.Fatal("a call is held and no drain is on")
		}
		if !done {
			equal(t, "the late call passes", try(t, b, late, true).Number, 1)
			finishDrain(t, b, true)
		}
	}
}

func TestHold_ofOneUtilityOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID)
	_, err := b.Pause(t.Context(), b.tenant, other.ID, time.Now())
	check(t, err)
	start(t, b, begun(t, b))
	theirs, err := b.HeldCalls(t.Context(), b.stranger, other.ID, 10)
	check(t, err)
	equal(t, "a stranger's held calls", theirs, nil)
	done, err := b.FinishDrain(t.Context(), b.stranger, other.ID)
	check(t, err)
	equal(t, "the drain of a utility that is gone", done, true)
	check(t, b.MarkReleased(t.Context(), nil, time.Now()))
}

// A call that waits for its next try, or for a callback, is held when it is about to send again.
func TestHold_beforeSendingAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, awaits)
	refused := begun(t, b)
	_, err := b.RecordAttempt(t.Context(), retryable(b.ref(refused.ID), start(t, b, refused).Number))
	check(t, err)
	promised, _ := awaiting(t, b)
	_, err = b.Pause(t.Context(), b.tenant, b.s.Utility.ID, time.Now())
	check(t, err)
	for _, in := range []struct {
		call forgehook.Call
		was  forgehook.CallStatus
	}{{refused, forgehook.CallWaitingRetry}, {promised, forgehook.CallAwaiting}} {
		equal(t, "before", b.stored(t, in.call).Status, in.was)
		equal(t, "held", try(t, b, in.call, false).Held, true)
		equal(t, "after", b.stored(t, in.call).Status, forgehook.CallPaused)
	}
}
