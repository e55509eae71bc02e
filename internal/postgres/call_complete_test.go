package postgres_test

import (
	"sync"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
)

func TestCompleteCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := begun(t, b)
	start(t, b, call)
	why := &forgehook.CallError{Code: "deadline", Message: "The deadline has passed."}
	done, err := b.CompleteCall(t.Context(), b.ref(call.ID), forgehook.Expired, why, at("2026-07-01T00:00:00.0019Z"))
	check(t, err)
	equal(t, "completion", done, postgres.Completion{Outcome: forgehook.Expired, Attempts: 1, Won: true})
	equal(t, "states", states(t, b, call), []forgehook.AttemptState{unknown})
	got, err := b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "error", got.Error, why)
	equal(t, "completed", got.CompletedAt.Time, at("2026-07-01T00:00:00.001Z"))

	stands, err := b.CompleteCall(t.Context(), b.ref(call.ID), forgehook.Canceled, nil, time.Now())
	check(t, err)
	done.Won = false
	equal(t, "the outcome that stands", stands, done)
	again, err := b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "call", again, got)
	recorded, err := b.RecordAttempt(t.Context(), success(b.ref(call.ID), 1))
	check(t, err)
	equal(t, "a delivery after the end", recorded, postgres.Recorded{Outcome: forgehook.Expired, Attempts: 1})
	equal(t, "states after it", states(t, b, call), []forgehook.AttemptState{finished})
	document, err := b.Document(t.Context(), b.tenant, b.s.Document.ID)
	check(t, err)
	equal(t, "document", document, b.s.Document)
}

// Ten want to end the call, each in its own way: one wins, and all learn which.
func TestCompleteCall_race(t *testing.T) {
	t.Parallel()
	b := setup(t)
	db := open(t, b.url)
	call := begun(t, b)
	start(t, b, call)
	got := make([]forgehook.Outcome, 10)
	var ready, wg sync.WaitGroup
	ready.Add(len(got))
	for i := range got {
		wg.Go(func() {
			ready.Done()
			ready.Wait()
			var err error
			if outcome := forgehook.Outcomes[i%len(forgehook.Outcomes)]; outcome == forgehook.Delivered {
				var recorded postgres.Recorded
				recorded, err = db.RecordAttempt(t.Context(), success(b.ref(call.ID), 1))
				got[i] = recorded.Outcome
			} else {
				var done postgres.Completion
				done, err = db.CompleteCall(t.Context(), b.ref(call.ID), outcome, nil, time.Now())
				got[i] = done.Outcome
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	stored, err := b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	for _, outcome := range got {
		equal(t, "outcome", outcome, *stored.Outcome)
	}
	equal(t, "states", states(t, b, call), []forgehook.AttemptState{finished})
}

func TestCompleteCall_documentStatus(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *forgehook.Settings) { s.DocumentProcessedStatus = new(forgehook.DocumentStatus(121)) })
	status := func() forgehook.DocumentStatus {
		t.Helper()
		d, err := b.Document(t.Context(), b.tenant, b.s.Document.ID)
		check(t, err)
		return d.Status
	}
	for _, outcome := range []forgehook.Outcome{forgehook.Skipped, forgehook.Failed, forgehook.Canceled, forgehook.Expired} {
		_, err := b.CompleteCall(t.Context(), b.ref(b.s.Call(t, b.DB).ID), outcome, nil, time.Now())
		check(t, err)
		equal(t, string(outcome), status(), 10)
	}
	// The version that was in force when the call was accepted counts.
	pinned := b.s.Call(t, b.DB)
	_, err := b.SaveSettings(t.Context(), b.tenant, b.s.Utility.ID, "", func(s forgehook.Settings) (forgehook.Settings, error) {
		s.DocumentProcessedStatus = nil
		return s, nil
	})
	check(t, err)
	deliver(t, b, b.s.Call(t, b.DB))
	equal(t, "no status is set", status(), 10)
	deliver(t, b, pinned)
	equal(t, "delivered", status(), 121)
}
