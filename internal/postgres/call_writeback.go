package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
	"github.com/forgehook/forgehook/internal/postgres/database"
	"github.com/forgehook/forgehook/internal/writeback"
)

// written is a call's change of stored data, with the facts that its events need.
type written struct {
	writeback.Plan
	serviceID int32 // of the document, where it is stored here
}

// planWriteBack locks the document and then the work item of a call, whose row is locked, and
// computes their changes.
func planWriteBack(ctx context.Context, tx database.Conn, call forgehook.CallRef, reading forgehook.Reading, at time.Time) (plan written, err error) {
	var stored writeback.Stored
	var row struct {
		DocumentID  *int32 `db:"document_id"`
		WorkItemID  *int32 `db:"work_item_id"`
		GivesStatus bool   `db:"gives_status"`
		Subject     []byte `db:"subject"`
	}
	w := reading.WriteBack
	err = tx.Get(ctx, &row, `
		SELECT c.document_id, c.work_item_id, c.processed_status IS NOT NULL AS gives_status, CASE WHEN $3 THEN q.subject END AS subject
		FROM calls c JOIN call_requests q ON q.id = c.request_id
		WHERE c.tenant_id = $1 AND c.id = $2`, call.Tenant, call.CallID, w.Verification != nil)
	if err != nil {
		return plan, database.OrNotFound(err, "call", call.CallID)
	}
	switch {
	case w.Document != nil || w.Verification != nil:
		stored.Document, err = lockDocument(ctx, tx, call.Tenant, row.DocumentID)
	case row.GivesStatus: // the document comes first, as everywhere
		_, err = tx.Exec(ctx, `SELECT FROM documents WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`, call.Tenant, row.DocumentID)
	}
	if err != nil {
		return plan, err
	}
	if w.Verification != nil {
		if err := aboutParameter(ctx, tx, call.Tenant, row.Subject, &stored); err != nil {
			return plan, err
		}
	}
	if w.WorkItem != nil && row.WorkItemID != nil {
		item, err := followItem(ctx, tx, call, *row.WorkItemID)
		if err != nil {
			return plan, err
		}
		stored.Item, stored.Handed = item.item, item.handed
		if stored.Waited, err = processWaits(ctx, tx, call, item.passed); err != nil {
			return plan, err
		}
	}
	if stored.Document != nil {
		plan.serviceID = stored.Document.ServiceID
	}
	plan.Plan = writeback.Of(reading, stored, database.Milliseconds(at))
	return plan, nil
}

// aboutParameter finds the parameter that a call is about, and an id for a verification of it.
func aboutParameter(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, subject []byte, stored *writeback.Stored) error {
	var about struct {
		Parameter *struct {
			ID int32 `json:"id"`
		} `json:"parameter"`
	}
	if err := json.Unmarshal(subject, &about); err != nil {
		return fmt.Errorf("stored subject: %w", err)
	}
	if about.Parameter == nil {
		return nil
	}
	stored.ParameterID = &about.Parameter.ID
	if stored.Document == nil {
		return nil
	}
	ids, err := database.NewEntityIDs(ctx, tx, tenant, 1)
	if err == nil {
		stored.VerificationID = ids[0]
	}
	return err
}

// processWaits reports whether a process waits for a call with one of the work items.
func processWaits(ctx context.Context, tx database.Conn, call forgehook.CallRef, items []int32) (waits bool, err error) {
	err = tx.Get(ctx, &waits, `
		SELECT EXISTS (
			SELECT FROM work_item_processes
			WHERE tenant_id = $1 AND call_id = $2 AND (work_item_id = ANY ($3) OR current_id = ANY ($3)) AND outcome IS NULL
		)`, call.Tenant, call.CallID, pq.Array(items))
	return waits, err
}

func lockDocument(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, id *int32) (*forgehook.Document, error) {
	if id == nil {
		return nil, nil
	}
	var row documentRow
	err := tx.Get(ctx, &row, documentSelect+` AND id = $2 FOR NO KEY UPDATE`, tenant, *id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := row.toDocument()
	return &d, err
}

// diff is the stored form of the changes, NULL where there are none.
func (w *written) diff() ([]byte, error) {
	if len(w.Changes) == 0 {
		return nil, nil
	}
	return jsontree.Marshal(w.Changes)
}

// store writes what was worked out.
func (w *written) store(ctx context.Context, tx database.Conn, call forgehook.CallRef, at time.Time) error {
	stamp := forgehook.Time{Time: database.Milliseconds(at)}
	if d := w.Document; d != nil {
		d.DTM = &stamp
		body, err := forgehook.AppendJSON(nil, d)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE documents SET body = $3, status = $4, modified = $5, updated_at = $6 WHERE tenant_id = $1 AND id = $2`,
			call.Tenant, d.ID, body, int32(d.Status), stamp.Time, database.Instant())
		if err != nil {
			return err
		}
	}
	if item := w.Item; item != nil {
		item.DTM = &stamp
		closeItem(nil, item, at) // it was actionable
		if _, err := putWorkItem(ctx, tx, call.Tenant, *item); err != nil {
			return err
		}
		if err := answerItem(ctx, tx, call, item.ID); err != nil {
			return err
		}
	}
	return nil
}

// raises reports whether what was written may be an event.
func (w *written) raises() bool { return w.Document != nil || w.Item != nil }

// event is one that the end of a call raises.
type event struct {
	kind  forgehook.EventType
	about about
}

// events are the events of the write-back, and of the status that the settings gave the document.
func (w *written) events(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, documentID *int32, statusChanged bool) (events []event, err error) {
	serviceID := w.serviceID
	if serviceID == 0 && documentID != nil && (statusChanged || w.ItemMoved) {
		if serviceID, err = serviceOfDocument(ctx, tx, tenant, *documentID); err != nil {
			return nil, err
		}
	}
	if w.Document != nil || statusChanged {
		events = append(events, event{forgehook.EventDocumentUpdated, about{serviceID: serviceID, documentID: documentID}})
	}
	if w.Verification != nil {
		events = append(events, event{forgehook.EventVerification, about{
			serviceID: serviceID, documentID: documentID, parameterID: &w.Verification.ParameterID, verificationID: &w.Verification.ID,
		}})
	}
	if w.ItemMoved {
		of := about{serviceID: serviceID, documentID: w.Item.DocumentID, workItemID: &w.Item.ID}
		switch {
		case w.Item.ServiceID != nil:
			of.serviceID = *w.Item.ServiceID
		case w.Item.DocumentID != nil:
			if of.serviceID, err = serviceOfDocument(ctx, tx, tenant, *w.Item.DocumentID); err != nil {
				return nil, err
			}
		}
		events = append(events, event{forgehook.EventWorkItem, of})
	}
	return events, nil
}

// serviceOfDocument is 0 if the document names no service, or is not stored.
func serviceOfDocument(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, id int32) (int32, error) {
	var body []byte
	err := tx.Get(ctx, &body, `SELECT body FROM documents WHERE tenant_id = $1 AND id = $2`, tenant, id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var d struct {
		ServiceID int32 `json:"serviceId"`
	}
	if err := json.Unmarshal(body, &d); err != nil {
		return 0, fmt.Errorf("stored document %d: %w", id, err)
	}
	return d.ServiceID, nil
}

// wakeProcesses owes a signal to the processes of the item that was written, and of the item that
// it was handed over from.
func (w *written) wakeProcesses(ctx context.Context, tx database.Conn, call forgehook.CallRef, at time.Time) (told bool, err error) {
	if w.Item == nil {
		return false, nil
	}
	ids := []int32{w.Item.ID}
	if w.Item.WorkItemID != nil {
		ids = append(ids, *w.Item.WorkItemID)
	}
	rows, err := tx.Exec(ctx, `
		INSERT INTO wakes (tenant_id, call_id, workflow_id, signal, created_at)
		SELECT tenant_id, $2, $6 || id::text, $3, $4 FROM work_item_processes
		WHERE tenant_id = $1 AND current_id = ANY ($5) AND outcome IS NULL`,
		call.Tenant, call.CallID, forgehook.ItemChangedSignal, database.Milliseconds(at), pq.Array(ids), forgehook.ProcessWorkflows)
	return rows > 0, err
}
