package postgres

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// cause is a call whose end is an event, or changes something.
type cause struct {
	call    forgehook.CallRef
	mustNot []int32 // utilities that its changes must not fire; the last is its own
	root    string  // the id of the run or call at the start of the chain
}

// callID is nil where there is no cause.
func (c cause) callID() *string { return database.OrNull(c.call.CallID) }

// about is what an event is about: the one item of a run. Zero means the subject of the call that
// caused it.
type about struct {
	serviceID      int32 // whose utilities hear of it
	documentID     *int32
	parameterID    *int32
	verificationID *int32
	workItemID     *int32
}

// causeOf reads a call as a cause, and what it was about.
func causeOf(ctx context.Context, tx database.Conn, call forgehook.CallRef) (c cause, a about, err error) {
	var row struct {
		ServiceID        int32         `db:"service_id"`
		WebHookServiceID int32         `db:"webhook_service_id"`
		DocumentID       *int32        `db:"document_id"`
		WorkItemID       *int32        `db:"work_item_id"`
		Cause            pq.Int32Array `db:"cause"`
		Root             string        `db:"root"`
	}
	err = tx.Get(ctx, &row, `
		SELECT service_id, webhook_service_id, document_id, work_item_id, cause, COALESCE(root_id, id) AS root
		FROM calls WHERE tenant_id = $1 AND id = $2`, call.Tenant, call.CallID)
	if err != nil {
		return c, a, database.OrNotFound(err, "call", call.CallID)
	}
	c = cause{call: call, mustNot: append(slices.Clone(row.Cause), row.WebHookServiceID), root: row.Root}
	return c, about{serviceID: row.ServiceID, documentID: row.DocumentID, workItemID: row.WorkItemID}, nil
}

// raiseCaused stores the run of an event that the end of a call raises. If no utility fires on it,
// apart from those that the cause rules out, it does nothing and start is nil.
func raiseCaused(ctx context.Context, tx database.Conn, c cause, event forgehook.EventType, a about, at time.Time) (start *forgehook.RunStart, err error) {
	id := database.NewID(at)
	var projectID int32
	err = tx.Hot().Get(ctx, &projectID, `
		WITH run AS (
			INSERT INTO runs (id, tenant_id, project_id, service_id, event_type, cause_id, cause, root_id, documents, accepted_at, status)
			SELECT $3, s.tenant_id, s.project_id, s.id, $4, $5, $6, $12, 1, $7, 'accepted' FROM services s
			WHERE s.tenant_id = $1 AND s.id = $2 AND s.parent_id IS NULL AND EXISTS (
				SELECT FROM services u WHERE u.tenant_id = $1 AND u.parent_id = $2 AND $4::text = ANY (u.fires) AND u.id <> ALL ($6::integer[])
			)
			RETURNING id, project_id
		), item AS (
			INSERT INTO run_items (run_id, position, document_id, parameter_id, verification_id, work_item_id)
			SELECT id, 0, $8, $9, $10, $11 FROM run
		)
		SELECT project_id FROM run`,
		c.call.Tenant, a.serviceID, id, event, c.call.CallID, pq.Array(c.mustNot), database.Milliseconds(at),
		a.documentID, a.parameterID, a.verificationID, a.workItemID, c.root)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &forgehook.RunStart{
		RunRef: forgehook.RunRef{Tenant: c.call.Tenant, RunID: id}, ServiceID: a.serviceID, ProjectID: projectID, Type: event, Documents: 1,
	}, nil
}
