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
	full.ProjectID = &b.s.Project.ID
	equal(t, "stored", stored, full)
	equal(t, "created", created, true)
	got, err := b.WorkItem(t.Context(), b.tenant, 33)
	check(t, err)
	equal(t, "work item", got, full)

	other := pgtest.Project(t, b.DB, b.tenant)
	full.DueDate, full.WorkItemID, full.Status = nil, nil, 8
	_, created, _, err = b.PutWorkItem(t.Context(), b.tenant, other.ID, full, "")
	check(t, err)
	full.ProjectID = &other.ID
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
