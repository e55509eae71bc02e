package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/catalog"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

const workItemsList database.ListOf = "work-items"

// workItemRow is a work item. The columns are in force; body holds what the sender gave.
type workItemRow struct {
	ID         int32      `db:"id"`
	ProjectID  int32      `db:"project_id"`
	ParentID   *int32     `db:"parent_id"`
	DocumentID *int32     `db:"document_id"`
	Status     int32      `db:"status"`
	DueAt      *time.Time `db:"due_at"`
	Body       []byte     `db:"body"`
}

const workItemSelect = `SELECT id, project_id, parent_id, document_id, status, due_at, body FROM work_items WHERE tenant_id = $1`

func (r workItemRow) toWorkItem() (w forgehook.WorkItem, err error) {
	if err := json.Unmarshal(r.Body, &w); err != nil {
		return w, fmt.Errorf("stored work item %d: %w", r.ID, err)
	}
	w.ID, w.ProjectID, w.WorkItemID, w.DocumentID = r.ID, &r.ProjectID, r.ParentID, r.DocumentID
	w.Status, w.DueDate = forgehook.WorkItemStatus(r.Status), database.OptionalMoment(r.DueAt)
	return w, nil
}

// dueAt is the column for dueDate, in the precision that a work item is answered in.
func dueAt(w *forgehook.WorkItem) *time.Time {
	if w.DueDate == nil {
		return nil
	}
	at := database.Milliseconds(w.DueDate.Time)
	return &at
}

// PutWorkItem stores a work item in a project, or replaces the one of that id. ID 0 asks for a new
// one. A new item without dates is created and modified now. cause is the call that the change
// comes from, "" if unknown. Processes that wait with its parent (workItemId) are told.
func (db *DB) PutWorkItem(ctx context.Context, tenant forgehook.TenantID, projectID int32, w forgehook.WorkItem, cause string) (_ forgehook.WorkItem, created bool, raised Raised, err error) {
	defer database.Wrap(&err, "put work item %d into project %d", w.ID, projectID)
	w.ProjectID = &projectID
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		because, err := findCause(ctx, tx, tenant, cause)
		if err != nil {
			return err
		}
		if w.ID, err = database.OrNewEntityID(ctx, tx, tenant, w.ID); err != nil {
			return err
		}
		if err := checkParent(w); err != nil {
			return err
		}
		if err := lockParent(ctx, tx, tenant, w.WorkItemID); err != nil {
			return err
		}
		before, err := lockWorkItem(ctx, tx, tenant, &w.ID)
		if err != nil {
			return err
		}
		at := database.Now()
		if before == nil {
			w.DTC, w.DTM = orNow(w.DTC, at), orNow(w.DTM, at)
		}
		closeItem(before, &w, at)
		if created, err = putWorkItem(ctx, tx, tenant, w); err != nil {
			return err
		}
		raised, err = workItemChanged(ctx, tx, tenant, because, before, w)
		return err
	})
	if err != nil {
		return forgehook.WorkItem{}, false, Raised{}, err
	}
	return w, created, raised, nil
}

// checkParent keeps a work item from being its own parent. Longer circles lead nowhere: see
// followItem.
func checkParent(w forgehook.WorkItem) error {
	if w.WorkItemID == nil || *w.WorkItemID != w.ID {
		return nil
	}
	return forgehook.Invalid(forgehook.FieldError{Path: "workItemId", Value: strconv.Itoa(int(w.ID)), Allowed: "the id of another work item: its parent"})
}

func orNow(t *forgehook.Time, at time.Time) *forgehook.Time {
	if t == nil {
		return &forgehook.Time{Time: at}
	}
	return t
}

// lockParent makes a child visible to the processes of its parent, or them to it: the later
// transaction sees the earlier one.
func lockParent(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, id *int32) error {
	if id == nil {
		return nil
	}
	_, err := tx.Exec(ctx, `SELECT FROM work_items WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`, tenant, *id)
	return err
}

// putWorkItem upserts a work item and reports whether it is new.
func putWorkItem(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, w forgehook.WorkItem) (created bool, err error) {
	body, err := forgehook.AppendJSON(nil, w)
	if err != nil {
		return false, err
	}
	err = tx.Get(ctx, &created, `
		INSERT INTO work_items (tenant_id, id, project_id, parent_id, document_id, status, due_at, body, created_at, updated_at)
		SELECT tenant_id, $3, id, $4, $5, $6, $7, $8, $9, $9 FROM projects WHERE tenant_id = $1 AND id = $2
		ON CONFLICT (tenant_id, id) DO UPDATE SET project_id = excluded.project_id, parent_id = excluded.parent_id,
		    document_id = excluded.document_id, status = excluded.status, due_at = excluded.due_at, body = excluded.body,
		    updated_at = excluded.updated_at,
		    answered_by = CASE WHEN work_items.status = excluded.status THEN work_items.answered_by END
		RETURNING xmax = 0`, // a row that was inserted has not been locked by anyone yet
		tenant, w.ProjectID, w.ID, w.WorkItemID, w.DocumentID, int32(w.Status), dueAt(&w), body, database.Instant())
	return created, database.OrNotFound(err, "project", *w.ProjectID)
}

// answerItem notes that a call's answer has given a work item, which is locked, its status.
func answerItem(ctx context.Context, tx database.Conn, call forgehook.CallRef, id int32) error {
	_, err := tx.Exec(ctx, `UPDATE work_items SET answered_by = $3 WHERE tenant_id = $1 AND id = $2`, call.Tenant, id, call.CallID)
	return err
}

// answeredBy reports whether a work item has its status by a call's answer.
func answeredBy(ctx context.Context, tx database.Conn, call forgehook.CallRef, id int32) (answered bool, err error) {
	err = tx.Get(ctx, &answered, `
		SELECT EXISTS (SELECT FROM work_items WHERE tenant_id = $1 AND id = $2 AND answered_by = $3)`, call.Tenant, id, call.CallID)
	return answered, err
}

// closeItem sets the closing date when an item ends, unless the change sets it. before is nil for a
// new item.
func closeItem(before, after *forgehook.WorkItem, at time.Time) {
	if isClosed(after.Status) && (before == nil || !isClosed(before.Status)) {
		after.Closed = orNow(after.Closed, database.Milliseconds(at))
	}
}

// isClosed says that an item is settled or dead.
func isClosed(s forgehook.WorkItemStatus) bool { return s.Settled() || s.Dead() }

// WorkItem returns a work item.
func (db *DB) WorkItem(ctx context.Context, tenant forgehook.TenantID, id int32) (_ forgehook.WorkItem, err error) {
	defer database.Wrap(&err, "work item %d", id)
	item, err := storedWorkItem(ctx, db.conn.Conn, tenant, id)
	if err == nil && item == nil {
		err = database.NotFound("work item", id)
	}
	if err != nil {
		return forgehook.WorkItem{}, err
	}
	return *item, nil
}

// WorkItems lists the work items of a project by id.
func (db *DB) WorkItems(ctx context.Context, tenant forgehook.TenantID, projectID int32, page forgehook.Page) (_ []forgehook.WorkItem, next string, err error) {
	defer database.Wrap(&err, "list work items of project %d", projectID)
	key, limit, err := workItemsList.ReadNumbers(page, 1)
	if err != nil {
		return nil, "", err
	}
	var rows []workItemRow
	err = db.conn.List(ctx, &rows, workItemSelect+` AND project_id = $2 AND id > $3 ORDER BY id LIMIT $4`, tenant, projectID, catalog.First(key), limit+1)
	if err != nil {
		return nil, "", err
	}
	return database.Cut(rows, limit, workItemRow.toWorkItem, func(r workItemRow) string { return workItemsList.Next(r.ID) })
}

// UpdateWorkItem lets change alter a work item, whose row is locked meanwhile; its id and project
// stay. Its date of modification is now unless change sets one.
func (db *DB) UpdateWorkItem(ctx context.Context, tenant forgehook.TenantID, id int32, cause string, change func(*forgehook.WorkItem) error) (w forgehook.WorkItem, raised Raised, err error) {
	defer database.Wrap(&err, "update work item %d", id)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		because, err := findCause(ctx, tx, tenant, cause)
		if err != nil {
			return err
		}
		var row workItemRow
		if err := tx.Get(ctx, &row, workItemSelect+` AND id = $2 FOR NO KEY UPDATE`, tenant, id); err != nil {
			return database.OrNotFound(err, "work item", id)
		}
		before, err := row.toWorkItem()
		if err != nil {
			return err
		}
		if w, err = row.toWorkItem(); err != nil { // a second copy, which shares nothing with the first
			return err
		}
		at := database.Now()
		if err := change(&w); err != nil {
			return err
		}
		w.ID, w.ProjectID, w.DTM = id, before.ProjectID, catalog.StampChange(before.DTM, w.DTM, at)
		if err := checkParent(w); err != nil {
			return err
		}
		closeItem(&before, &w, at)
		if !equalValue(before.WorkItemID, w.WorkItemID) {
			if err := lockParent(ctx, tx, tenant, w.WorkItemID); err != nil {
				return err
			}
		}
		if _, err := putWorkItem(ctx, tx, tenant, w); err != nil {
			return err
		}
		raised, err = workItemChanged(ctx, tx, tenant, because, &before, w)
		return err
	})
	if err != nil {
		return forgehook.WorkItem{}, Raised{}, err
	}
	return w, raised, nil
}

// DeleteWorkItem deletes a work item; a process that waits with it ends.
func (db *DB) DeleteWorkItem(ctx context.Context, tenant forgehook.TenantID, id int32) (raised Raised, err error) {
	defer database.Wrap(&err, "delete work item %d", id)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		rows, err := tx.Exec(ctx, `DELETE FROM work_items WHERE tenant_id = $1 AND id = $2`, tenant, id)
		if err == nil && rows == 0 {
			err = database.NotFound("work item", id)
		}
		if err != nil {
			return err
		}
		raised.Wakes, err = wakeProcesses(ctx, tx, tenant, database.Now(), "", id)
		return err
	})
	if err != nil {
		return Raised{}, err
	}
	return raised, nil
}

// storedWorkItem is nil where there is none.
func storedWorkItem(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, id int32) (*forgehook.WorkItem, error) {
	return readWorkItem(ctx, tx, workItemSelect+` AND id = $2`, tenant, id)
}

func lockWorkItem(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, id *int32) (*forgehook.WorkItem, error) {
	if id == nil {
		return nil, nil
	}
	return readWorkItem(ctx, tx, workItemSelect+` AND id = $2 FOR NO KEY UPDATE`, tenant, *id)
}

func readWorkItem(ctx context.Context, tx database.Conn, query string, tenant forgehook.TenantID, id int32) (*forgehook.WorkItem, error) {
	var row workItemRow
	err := tx.Get(ctx, &row, query, tenant, id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w, err := row.toWorkItem()
	return &w, err
}

// storedWorkItems returns those of the work items that are here, by id.
func storedWorkItems(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, ids []int32) (map[int32]*forgehook.WorkItem, error) {
	items := map[int32]*forgehook.WorkItem{}
	if len(ids) == 0 {
		return items, nil
	}
	var rows []workItemRow
	if err := tx.List(ctx, &rows, workItemSelect+` AND id = ANY ($2)`, tenant, pq.Array(ids)); err != nil {
		return nil, err
	}
	for _, row := range rows {
		w, err := row.toWorkItem()
		if err != nil {
			return nil, err
		}
		items[w.ID] = &w
	}
	return items, nil
}
