package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

// utilities attaches n more utilities to the scene's service.
func (b bundle) utilities(t *testing.T, n int, change ...func(*forgehook.Settings)) (list []forgehook.Utility) {
	t.Helper()
	for range n {
		list = append(list, pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID, change...))
	}
	return list
}

// times counts the calls of each utility.
func times(fired []string) map[string]int {
	n := map[string]int{}
	for _, line := range fired {
		n[strings.Fields(line)[1]]++
	}
	return n
}

// writes answers a call with a comment that the document has not had yet.
func (b bundle) writes(t *testing.T, call forgehook.Call) {
	t.Helper()
	answered(t, b, call, &forgehook.WriteBack{Document: &forgehook.DocumentWrite{Comment: new("by " + call.ID)}})
}

// Utilities that all write what all of them listen to are called twice each, in whatever order.
func TestRoot_writers(t *testing.T) {
	t.Parallel()
	const writers = 6
	b := setup(t, on(forgehook.EventDocumentUpdated))
	b.utilities(t, writers-1, on(forgehook.EventDocumentUpdated))
	_, _, err := b.UpdateDocument(t.Context(), b.tenant, b.s.Document.ID, "", func(d *forgehook.Document) error {
		d.Comment = new("changed")
		return nil
	})
	check(t, err)
	fired := b.play(t, func(c forgehook.Call) { b.writes(t, c) })
	for utility, n := range times(fired) {
		equal(t, "calls of utility "+utility, n, 2)
	}
	equal(t, "utilities", len(times(fired)), writers)

	// a call that somebody asked for is a root too, and its own utility is not fired again
	b.writes(t, b.s.Call(t, b.DB))
	fired = b.play(t, func(c forgehook.Call) { b.writes(t, c) })
	equal(t, "calls after an explicit one", len(fired), 2*(writers-1))
	equal(t, "of its utility", times(fired)[fmt.Sprint(b.s.Utility.ID)], 0)
}

// Batches of one root that are accepted at once count each other's calls.
func TestRoot_atOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, on(forgehook.EventDocumentUpdated))
	b.utilities(t, 5, on(forgehook.EventDocumentUpdated))
	_, _, err := b.UpdateDocument(t.Context(), b.tenant, b.s.Document.ID, "", func(d *forgehook.Document) error {
		d.Comment = new("changed")
		return nil
	})
	check(t, err)
	runs, err := b.StaleRuns(t.Context(), time.Now().Add(time.Hour), 100)
	check(t, err)
	for _, start := range b.batch(t, runs[0].RunRef).Starts {
		call, err := b.Call(t.Context(), b.tenant, start.CallID)
		check(t, err)
		b.writes(t, call)
	}
	runs, err = b.StaleRuns(t.Context(), time.Now().Add(time.Hour), 100)
	check(t, err)
	batches := make(chan postgres.Batch)
	for _, run := range runs {
		go func() {
			batch, err := b.AcceptBatch(t.Context(), run.RunRef, time.Now())
			if err != nil {
				t.Error(err)
			}
			batches <- batch
		}()
	}
	n := 0
	for range runs {
		n += (<-batches).Calls
	}
	equal(t, "calls of what six calls have made of the document", n, 6)
}

// What follows from one document keeps nothing from the others, with ids or without; and who passes
// results on hears of each utility.
func TestRoot_keepsApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.utilities(t, 2)
	pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID, on(forgehook.EventCallCompleted), func(s *forgehook.Settings) { s.ExecuteAfterProcess = false })
	e := after()
	e.Documents = make([]forgehook.Document, 3)
	for _, id := range documents(t, b, 2) {
		e.Documents = append(e.Documents, forgehook.Document{ID: id})
	}
	b.happens(t, e)
	n := map[string]int{}
	for _, line := range b.play(t, func(c forgehook.Call) { deliver(t, b, c) }) {
		n[strings.Fields(line)[0]]++
	}
	equal(t, "calls by event", n, map[string]int{"after_process": 5 * 3, "call.completed": 5 * 3})
}

// Who hears of changes and of ends of calls is not kept from the one by the other.
func TestRoot_changesAndEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	writer := b.utilities(t, 2)[1]
	pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID, on(forgehook.EventCallCompleted, forgehook.EventDocumentUpdated), func(s *forgehook.Settings) {
		s.ExecuteAfterProcess = false
	})
	b.happens(t, after(b.s.Document.ID))
	n := map[string]int{}
	for _, line := range b.play(t, func(c forgehook.Call) {
		if c.WebHookServiceID == writer.ID {
			b.writes(t, c)
		} else {
			deliver(t, b, c)
		}
	}) {
		n[strings.Fields(line)[0]]++
	}
	equal(t, "calls by event", n, map[string]int{"after_process": 3, "call.completed": 3, "document.updated": 1})
}

// Several items of one run are one firing: none of the new verifications is left out.
func TestRoot_itemsOfARun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID, on(forgehook.EventVerification), batchOf(1), func(s *forgehook.Settings) { s.ExecuteAfterProcess = false })
	call := b.s.Call(t, b.DB)
	verify := func(ids ...int32) {
		_, _, err := b.UpdateDocument(t.Context(), b.tenant, b.s.Document.ID, call.WebhookID, func(d *forgehook.Document) error {
			for _, id := range ids {
				d.ResultParameters[0].Verifications = append(d.ResultParameters[0].Verifications, forgehook.Verification{ID: id})
			}
			return nil
		})
		check(t, err)
	}
	verify(1001, 1002, 1003, 1004)
	verify(1005, 1006)
	verify(1007)
	runs, err := b.StaleRuns(t.Context(), time.Now().Add(time.Hour), 100)
	check(t, err)
	var calls []int
	for _, run := range runs {
		n := 0
		for done := false; !done; {
			batch := b.batch(t, run.RunRef)
			n, done = n+batch.Calls, batch.Done
		}
		calls = append(calls, n)
	}
	equal(t, "calls of each change", calls, []int{4, 2, 0})
}

// A call that another call caused is made, and its changes count as those of its cause.
func TestAcceptCalls_cause(t *testing.T) {
	t.Parallel()
	b := setup(t, on(forgehook.EventDocumentUpdated))
	other := pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID, on(forgehook.EventDocumentUpdated))
	third := pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID, on(forgehook.EventDocumentUpdated))
	ask := func(cause string) forgehook.Call {
		accepted, err := b.AcceptCalls(t.Context(), b.tenant, postgres.Acceptance{
			Request: forgehook.CallRequest{WebHookServiceID: &other.ID, DocumentID: &b.s.Document.ID}, CauseID: cause, BodySHA256: []byte("a sum"), Now: time.Now(),
		})
		check(t, err)
		stored, err := b.Call(t.Context(), b.tenant, accepted.Calls[0].ID)
		check(t, err)
		equal(t, "cause as answered", accepted.Calls[0].CauseID, stored.CauseID)
		return stored
	}
	first := b.s.Call(t, b.DB)
	asked := ask(first.WebhookID)
	equal(t, "cause, event", []any{*asked.CauseID, asked.EventType}, []any{first.ID, forgehook.EventExplicit})
	var root string
	check(t, rawPool(t, b.url).QueryRowContext(t.Context(), `SELECT root_id FROM calls WHERE id = $1`, asked.ID).Scan(&root))
	equal(t, "root", root, first.ID)
	b.writes(t, asked)
	fired := b.play(t, func(c forgehook.Call) { deliver(t, b, c) })
	equal(t, "calls", fired, []string{fmt.Sprintf("document.updated %d", third.ID)})
	for _, unknown := range []string{"0193a5c2-7d3e-7a51-9c1e-5b8f0d2e4a67", "4711", "\x00"} {
		equal(t, "cause of "+unknown, ask(unknown).CauseID, (*string)(nil))
	}
}
