package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// documentGone sets the open work items of a deleted document to DocumentDeleted, in the order of
// their ids. Calls that this fires see the document as it was.
func documentGone(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, because cause, d forgehook.Document, body []byte) (raised Raised, err error) {
	var closed []int32
	for s := range statusMax {
		if isClosed(s) {
			closed = append(closed, int32(s))
		}
	}
	var rows []workItemRow
	err = tx.List(ctx, &rows, workItemSelect+` AND document_id = $2 AND status <> ALL ($3) ORDER BY id FOR NO KEY UPDATE`, tenant, d.ID, pq.Array(closed))
	if err != nil || len(rows) == 0 {
		return Raised{}, err
	}
	at := database.Now()
	ids, woken, bodies := make([]int32, len(rows)), make([]int32, 0, len(rows)), make([][]byte, len(rows))
	ofService := map[int32][]runItem{}
	for i, row := range rows {
		w, err := row.toWorkItem()
		if err != nil {
			return Raised{}, err
		}
		before := w
		w.Status, w.DTM = statusDocumentDeleted, &forgehook.Time{Time: at}
		closeItem(&before, &w, at)
		ids[i], woken = w.ID, append(woken, w.ID)
		if w.WorkItemID != nil {
			woken = append(woken, *w.WorkItemID)
		}
		if bodies[i], err = forgehook.AppendJSON(nil, w); err != nil {
			return Raised{}, err
		}
		service := d.ServiceID
		if w.ServiceID != nil {
			service = *w.ServiceID
		}
		ofService[service] = append(ofService[service], runItem{Document: body, WorkItemID: &ids[i]})
	}
	_, err = tx.Exec(ctx, `
		UPDATE work_items w SET status = $2, body = gone.body, updated_at = $3, answered_by = NULL
		FROM unnest($4::integer[], $5::bytea[]) AS gone (id, body) WHERE w.tenant_id = $1 AND w.id = gone.id`,
		tenant, int32(statusDocumentDeleted), database.Instant(), pq.Array(ids), pq.Array(bodies))
	if err != nil {
		return Raised{}, err
	}
	var happenings []happening
	for _, service := range slices.Sorted(maps.Keys(ofService)) {
		happenings = append(happenings, happening{forgehook.EventWorkItem, service, ofService[service]})
	}
	if raised.Runs, err = raise(ctx, tx, tenant, because, at, happenings...); err != nil {
		return Raised{}, err
	}
	raised.Wakes, err = wakeProcesses(ctx, tx, tenant, at, "", woken...)
	return raised, err
}

// workItemChanged does what follows a change of a work item: it raises an event if the change
// matters to others, and signals processes. before is nil for a new item.
func workItemChanged(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, because cause, before *forgehook.WorkItem, after forgehook.WorkItem) (raised Raised, err error) {
	at := database.Now()
	if before == nil || movesWorkItem(before, &after) {
		if raised.Runs, err = raiseWorkItems(ctx, tx, tenant, because, at, after); err != nil {
			return Raised{}, err
		}
	}
	ids := []int32{after.ID}
	if after.WorkItemID != nil {
		ids = append(ids, *after.WorkItemID)
	}
	raised.Wakes, err = wakeProcesses(ctx, tx, tenant, at, "", ids...)
	return raised, err
}

// raiseWorkItems raises one event for each item.
func raiseWorkItems(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, because cause, at time.Time, items ...forgehook.WorkItem) ([]forgehook.RunStart, error) {
	var happenings []happening
	for _, w := range items {
		if w.DocumentID == nil {
			continue // calls are about documents
		}
		var serviceID int32
		if w.ServiceID != nil {
			serviceID = *w.ServiceID
		} else {
			var err error
			if serviceID, err = serviceOfDocument(ctx, tx, tenant, *w.DocumentID); err != nil {
				return nil, err
			}
		}
		happenings = append(happenings, happening{
			event: forgehook.EventWorkItem, serviceID: serviceID, items: []runItem{{DocumentID: w.DocumentID, WorkItemID: &w.ID}},
		})
	}
	return raise(ctx, tx, tenant, because, at, happenings...)
}

// movesWorkItem reports whether a change matters to others: of status, assignee, due date, or
// parent.
func movesWorkItem(before, after *forgehook.WorkItem) bool {
	return before.Status != after.Status || !equalValue(before.UserID, after.UserID) || !equalValue(before.GroupID, after.GroupID) ||
		!equalValue(dueAt(before), dueAt(after)) || !equalValue(before.WorkItemID, after.WorkItemID)
}

func equalValue[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// wakeProcesses owes a signal to all processes but one that stand with a changed item, or with the
// item that it was handed over from.
func wakeProcesses(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, at time.Time, except string, items ...int32) ([]forgehook.Wake, error) {
	slices.Sort(items)
	var rows []wakeRow
	err := tx.Hot().List(ctx, &rows, `
		INSERT INTO wakes (tenant_id, workflow_id, signal, created_at)
		SELECT tenant_id, $6 || id::text, $3, $4 FROM work_item_processes
		WHERE tenant_id = $1 AND current_id = ANY ($2) AND outcome IS NULL AND id IS DISTINCT FROM $5::uuid
		RETURNING id, tenant_id, workflow_id, signal, payload`,
		tenant, pq.Array(items), forgehook.ItemChangedSignal, database.Milliseconds(at), database.OrNull(except), forgehook.ProcessWorkflows)
	return toWakes(rows), err
}
