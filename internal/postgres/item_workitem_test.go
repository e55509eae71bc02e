package postgres_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

// item stores a work item about the scene's document.
func (b bundle) item(t *testing.T, change ...func(*forgehook.WorkItem)) forgehook.WorkItem {
	t.Helper()
	return pgtest.WorkItem(t, b.DB, b.tenant, b.s.Project.ID, func(w *forgehook.WorkItem) {
		w.DocumentID = &b.s.Document.ID
		for _, c := range change {
			c(w)
		}
	})
}

func (b bundle) setStatus(t *testing.T, id int32, status forgehook.WorkItemStatus) postgres.Raised {
	t.Helper()
	_, raised, err := b.UpdateWorkItem(t.Context(), b.tenant, id, "", func(w *forgehook.WorkItem) error {
		w.Status = status
		return nil
	})
	check(t, err)
	return raised
}

func TestWorkItems(t *testing.T) {
	t.Parallel()
	b := setup(t)
	full := forgehook.WorkItem{
		ID: 33, UserID: new("\x00 ünïcode <&>"), GroupID: new(int32(4)), DocumentID: new(int32(912)), WorkItemID: new(int32(32)), Status: 1, Action: 1,
		DTC: &forgehook.Time{Time: at("2026-01-02T03:04:05.678Z")}, DueDate: &forgehook.Time{Time: at("2026-01-03T03:04:05.678Z")},
	}
	stored, created, _, err := b.PutWorkItem(t.Context(), b.tenant, b.s.Project.ID, full, "")
	check(t, err)
	full.ProjectID, full.DTM = &b.s.Project.ID, stored.DTM
	equal(t, "stored", stored, full)
	if stored.DTM == nil || time.Since(stored.DTM.Time) > time.Minute {
		t.Errorf("modified %v, want now", stored.DTM)
	}
	equal(t, "created", created, true)
	got, err := b.WorkItem(t.Context(), b.tenant, 33)
	check(t, err)
	equal(t, "work item", got, full)

	other := pgtest.Project(t, b.DB, b.tenant)
	full.DueDate, full.WorkItemID, full.Status = nil, nil, 8
	replaced, created, _, err := b.PutWorkItem(t.Context(), b.tenant, other.ID, full, "")
	check(t, err)
	full.ProjectID, full.Closed = &other.ID, replaced.Closed
	equal(t, "created by a replacement", created, false)
	got, err = b.WorkItem(t.Context(), b.tenant, 33)
	check(t, err)
	equal(t, "replaced, moved to another project", got, full)

	updated, _, err := b.UpdateWorkItem(t.Context(), b.tenant, 33, "", func(w *forgehook.WorkItem) error {
		w.ID, w.ProjectID, w.Status, w.Comment = 1, nil, 2, new("done")
		return nil
	})
	check(t, err)
	full.Status, full.Comment, full.DTM = 2, new("done"), updated.DTM
	equal(t, "answer of an update", updated, full)
	got, err = b.WorkItem(t.Context(), b.tenant, 33)
	check(t, err)
	equal(t, "updated", got, full)

	second := pgtest.WorkItem(t, b.DB, b.tenant, other.ID, nil)
	page, next, err := b.WorkItems(t.Context(), b.tenant, other.ID, forgehook.Page{Limit: 1})
	check(t, err)
	equal(t, "first page", page, []forgehook.WorkItem{full})
	page, next, err = b.WorkItems(t.Context(), b.tenant, other.ID, forgehook.Page{Limit: 1, Cursor: next})
	check(t, err)
	equal(t, "last page", page, []forgehook.WorkItem{second})
	equal(t, "end", next, "")

	err = b.DeleteProject(t.Context(), b.tenant, other.ID)
	refused(t, "project with work items", err, forgehook.CodeConflict)
	for _, id := range []int32{33, second.ID} {
		_, err = b.DeleteWorkItem(t.Context(), b.tenant, id)
		check(t, err)
	}
	_, err = b.WorkItem(t.Context(), b.tenant, 33)
	refused(t, "deleted", err, forgehook.CodeNotFound)
	check(t, b.DeleteProject(t.Context(), b.tenant, other.ID))

	_, _, _, err = b.PutWorkItem(t.Context(), b.tenant, 4711, forgehook.WorkItem{}, "")
	refused(t, "project that is not there", err, forgehook.CodeNotFound)
	_, _, _, err = b.PutWorkItem(t.Context(), b.tenant, b.s.Project.ID, forgehook.WorkItem{ID: -1}, "")
	refused(t, "negative id", err, forgehook.CodeInvalid)
}

// A work item is created when it is stored first, and closed when it is settled or dead, unless it
// says otherwise.
func TestWorkItems_dates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	recent := func(what string, moment *forgehook.Time) {
		t.Helper()
		if moment == nil || time.Since(moment.Time) > time.Minute || moment.Nanosecond()%1e6 != 0 {
			t.Errorf("%s: %v, want now in milliseconds", what, moment)
		}
	}
	put := func(w forgehook.WorkItem) forgehook.WorkItem {
		t.Helper()
		w, _, _, err := b.PutWorkItem(t.Context(), b.tenant, b.s.Project.ID, w, "")
		check(t, err)
		stored, err := b.WorkItem(t.Context(), b.tenant, w.ID)
		check(t, err)
		equal(t, "stored", stored, w)
		return stored
	}
	w := put(forgehook.WorkItem{})
	recent("created", w.DTC)
	recent("modified", w.DTM)
	equal(t, "open", w.Closed, nil)
	then := &forgehook.Time{Time: at("2026-01-02T03:04:05.678Z")}
	given := put(forgehook.WorkItem{DTC: then, DTM: then, Closed: then, Status: 2})
	equal(t, "as they were given", []*forgehook.Time{given.DTC, given.DTM, given.Closed}, []*forgehook.Time{then, then, then})
	for _, status := range []forgehook.WorkItemStatus{2, 8, 9, 10, 90, 91, 99} {
		w := put(forgehook.WorkItem{Status: 1})
		b.setStatus(t, w.ID, status)
		closed, err := b.WorkItem(t.Context(), b.tenant, w.ID)
		check(t, err)
		recent("closed", closed.Closed)
		_, _, err = b.UpdateWorkItem(t.Context(), b.tenant, w.ID, "", func(w *forgehook.WorkItem) error { w.Closed = nil; return nil })
		check(t, err)
		cleared, err := b.WorkItem(t.Context(), b.tenant, w.ID)
		check(t, err)
		equal(t, "it was closed before", cleared.Closed, nil)
	}
	for _, status := range []forgehook.WorkItemStatus{3, 4, 5, 6} {
		b.setStatus(t, w.ID, status)
		open, err := b.WorkItem(t.Context(), b.tenant, w.ID)
		check(t, err)
		equal(t, "goes on", open.Closed, nil)
	}
}

// No work item is its own parent.
func TestWorkItems_ownParent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, _, _, err := b.PutWorkItem(t.Context(), b.tenant, b.s.Project.ID, forgehook.WorkItem{ID: 33, WorkItemID: new(int32(33))}, "")
	refused(t, "put", err, forgehook.CodeInvalid)
	equal(t, "place", faultPaths(err), []string{"workItemId"})
	item := b.item(t)
	_, _, err = b.UpdateWorkItem(t.Context(), b.tenant, item.ID, "", func(w *forgehook.WorkItem) error { w.WorkItemID = &item.ID; return nil })
	refused(t, "update", err, forgehook.CodeInvalid)
	equal(t, "place", faultPaths(err), []string{"workItemId"})
}

// The open work items of a deleted document become DocumentDeleted. Each raises an event, and its
// processes are told.
func TestDeleteDocument_workItems(t *testing.T) {
	t.Parallel()
	b := setup(t, on(forgehook.EventWorkItem))
	other := pgtest.Service(t, b.DB, b.tenant, b.s.Project.ID)
	pgtest.Utility(t, b.DB, b.tenant, other.ID, on(forgehook.EventWorkItem))
	withStatus := func(s forgehook.WorkItemStatus) int32 {
		return b.item(t, func(w *forgehook.WorkItem) { w.Status = s }).ID
	}
	open := []int32{withStatus(0), withStatus(1), withStatus(3), withStatus(4), withStatus(5), withStatus(6)}
	done := map[int32]forgehook.WorkItemStatus{}
	for _, s := range []forgehook.WorkItemStatus{2, 8, 9, 10, 90, 99} {
		done[withStatus(s)] = s
	}
	elsewhere := b.item(t, func(w *forgehook.WorkItem) { w.ServiceID = &other.ID })
	bystander := b.item(t, func(w *forgehook.WorkItem) { w.DocumentID = new(int32(4711)) })
	foreign := pgtest.WorkItem(t, b.DB, b.stranger, pgtest.Project(t, b.DB, b.stranger).ID, func(w *forgehook.WorkItem) { w.DocumentID = &b.s.Document.ID })
	call := b.s.Call(t, b.DB)
	p := b.waits(t, open[1], call)

	raised, err := b.DeleteDocument(t.Context(), b.tenant, b.s.Document.ID, "")
	check(t, err)
	equal(t, "told", told(raised.Wakes), changed(p))
	for _, id := range append(open, elsewhere.ID) {
		w, err := b.WorkItem(t.Context(), b.tenant, id)
		check(t, err)
		equal(t, "status", w.Status, 91)
		equal(t, "closed when it was modified", w.Closed, w.DTM)
	}
	for id, status := range done {
		w, err := b.WorkItem(t.Context(), b.tenant, id)
		check(t, err)
		equal(t, "it was done", w.Status, status)
	}
	w, err := b.WorkItem(t.Context(), b.tenant, bystander.ID)
	check(t, err)
	equal(t, "of another document", w, bystander)
	w, err = b.WorkItem(t.Context(), b.stranger, foreign.ID)
	check(t, err)
	equal(t, "another tenant's", w, foreign)

	var runs []forgehook.RunStart
	for _, r := range raised.Runs {
		runs = append(runs, forgehook.RunStart{ServiceID: r.ServiceID, Type: r.Type, Documents: r.Documents})
	}
	equal(t, "runs", runs, []forgehook.RunStart{
		{ServiceID: b.s.Service.ID, Type: forgehook.EventWorkItem, Documents: len(open)}, {ServiceID: other.ID, Type: forgehook.EventWorkItem, Documents: 1},
	})
	subject := b.subject(t, b.batch(t, raised.Runs[1].RunRef).Starts[0])
	equal(t, "what its call is about", []any{subject.WorkItem.ID, subject.WorkItem.Status, subject.Document.ID},
		[]any{elsewhere.ID, forgehook.WorkItemStatus(91), b.s.Document.ID})
}

func TestWorkItems_strangers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.item(t).ID
	_, err := b.WorkItem(t.Context(), b.stranger, id)
	refused(t, "read", err, forgehook.CodeNotFound)
	_, _, err = b.UpdateWorkItem(t.Context(), b.stranger, id, "", func(*forgehook.WorkItem) error { return nil })
	refused(t, "update", err, forgehook.CodeNotFound)
	_, err = b.DeleteWorkItem(t.Context(), b.stranger, id)
	refused(t, "delete", err, forgehook.CodeNotFound)
	list, _, err := b.WorkItems(t.Context(), b.stranger, b.s.Project.ID, forgehook.Page{})
	check(t, err)
	equal(t, "list", list, []forgehook.WorkItem{})
}

// An id that a client has given to a work item is not handed out to another.
func TestWorkItems_takenByClients(t *testing.T) {
	t.Parallel()
	b := setup(t)
	taken := b.s.Document.ID + 1
	b.item(t, func(w *forgehook.WorkItem) { w.ID = taken })
	if fresh := b.item(t); fresh.ID <= taken {
		t.Errorf("id that was handed out: %d, taken: %d", fresh.ID, taken)
	}
}

func TestWorkItems_raise(t *testing.T) {
	t.Parallel()
	b := setup(t, on(forgehook.EventWorkItem))
	other := pgtest.Service(t, b.DB, b.tenant, b.s.Project.ID)
	pgtest.Utility(t, b.DB, b.tenant, other.ID, on(forgehook.EventWorkItem))
	w := forgehook.WorkItem{ID: 33, DocumentID: &b.s.Document.ID, Status: 1}
	put := func(w forgehook.WorkItem, cause string) []forgehook.RunStart {
		_, _, raised, err := b.PutWorkItem(t.Context(), b.tenant, b.s.Project.ID, w, cause)
		check(t, err)
		return raised.Runs
	}
	runs := put(w, "")
	equal(t, "created", runs, []forgehook.RunStart{{ServiceID: b.s.Service.ID, ProjectID: b.s.Project.ID, Type: forgehook.EventWorkItem, Documents: 1}},
		cmpopts.IgnoreFields(forgehook.RunStart{}, "RunRef"))
	start := b.batch(t, runs[0].RunRef).Starts[0]
	call, err := b.Call(t.Context(), b.tenant, start.CallID)
	check(t, err)
	equal(t, "its call", []any{*call.WorkItemID, *call.DocumentID}, []any{int32(33), b.s.Document.ID})
	equal(t, "its work item", b.subject(t, start).WorkItem.Status, forgehook.WorkItemStatus(1))
	for name, tt := range map[string]struct {
		change func(*forgehook.WorkItem)
		runs   int
	}{
		"nothing":  {func(*forgehook.WorkItem) {}, 0},
		"comment":  {func(w *forgehook.WorkItem) { w.Comment = new("c") }, 0},
		"status":   {func(w *forgehook.WorkItem) { w.Status = 5 }, 1},
		"user":     {func(w *forgehook.WorkItem) { w.UserID = new("u") }, 1},
		"group":    {func(w *forgehook.WorkItem) { w.GroupID = new(int32(1)) }, 1},
		"due date": {func(w *forgehook.WorkItem) { w.DueDate = &forgehook.Time{Time: time.Now()} }, 1},
		"parent":   {func(w *forgehook.WorkItem) { w.WorkItemID = new(int32(32)) }, 1},
	} {
		changed := w
		tt.change(&changed)
		equal(t, "put, changed: "+name, len(put(changed, "")), tt.runs)
		put(w, "")
		_, raised, err := b.UpdateWorkItem(t.Context(), b.tenant, 33, "", func(w *forgehook.WorkItem) error {
			tt.change(w)
			return nil
		})
		check(t, err)
		equal(t, "updated: "+name, len(raised.Runs), tt.runs)
		put(w, "")
	}
	w.UserID = new("first")
	put(w, "")
	_, raised, err := b.UpdateWorkItem(t.Context(), b.tenant, 33, "", func(w *forgehook.WorkItem) error {
		*w.UserID = "second"
		return nil
	})
	check(t, err)
	equal(t, "changed in place", len(raised.Runs), 1)
	w.Status = 6
	equal(t, "caused by a call of the only utility", len(put(w, call.WebhookID)), 0)
	w.Status, w.ServiceID = 1, &other.ID
	equal(t, "service of its own", put(w, "")[0].ServiceID, other.ID)
	w.ID, w.DocumentID = 34, nil
	equal(t, "about no document", len(put(w, "")), 0)
	w.ID, w.DocumentID = 35, new(int32(4711))
	gone := put(w, "")
	equal(t, "about a document that is not here", b.batch(t, gone[0].RunRef).Outcome, forgehook.RunDone)
	w.ID, w.DocumentID = 36, &b.s.Document.ID
	gone = put(w, "")
	_, err = b.DeleteWorkItem(t.Context(), b.tenant, 36)
	check(t, err)
	equal(t, "deleted meanwhile", b.batch(t, gone[0].RunRef), postgres.Batch{Processed: 1, Done: true, Outcome: forgehook.RunDone})
}
