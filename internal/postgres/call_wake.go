package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// Raised is the work that follows a stored change. The sweep does what is left undone.
type Raised struct {
	Runs  []forgehook.RunStart
	Wakes []forgehook.Wake
}

// wakeRow is a signal that is owed.
type wakeRow struct {
	ID         int64              `db:"id"`
	Tenant     forgehook.TenantID `db:"tenant_id"`
	WorkflowID string             `db:"workflow_id"`
	Signal     string             `db:"signal"`
	Payload    []byte             `db:"payload"`
}

func (r wakeRow) toWake() forgehook.Wake { return forgehook.Wake(r) }

func toWakes(rows []wakeRow) []forgehook.Wake {
	wakes := make([]forgehook.Wake, len(rows))
	for i, row := range rows {
		wakes[i] = row.toWake()
	}
	return wakes
}

// Wakes are the signals owed for the end of a call, in the order of their rows.
func (db *DB) Wakes(ctx context.Context, call forgehook.CallRef) (_ []forgehook.Wake, err error) {
	defer database.Wrap(&err, "wakes of call %s", call.CallID)
	var rows []wakeRow
	err = db.conn.List(ctx, &rows, `
		SELECT id, tenant_id, workflow_id, signal, payload FROM wakes WHERE tenant_id = $1 AND call_id = $2 ORDER BY id`, call.Tenant, call.CallID)
	return toWakes(rows), err
}

// OldWakes lists signals of all tenants that have been owed since before a moment and were not
// tried since, and marks them as tried now. So a signal that cannot be sent does not block others.
// Concurrent sweeps get different ones.
func (db *DB) OldWakes(ctx context.Context, before time.Time, limit int) (_ []forgehook.Wake, err error) {
	defer database.Wrap(&err, "list old wakes")
	var rows []wakeRow
	err = db.conn.List(ctx, &rows, `
		WITH old AS (
			SELECT id FROM wakes
			WHERE COALESCE(tried_at, created_at) < $1
			ORDER BY COALESCE(tried_at, created_at), id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
		), w AS (
			UPDATE wakes SET tried_at = $3 FROM old WHERE wakes.id = old.id RETURNING wakes.*
		)
		SELECT id, tenant_id, workflow_id, signal, payload FROM w ORDER BY id`, before, limit, database.Now())
	return toWakes(rows), err
}

// Woken removes signals that were sent, or whose workflow no longer exists.
func (db *DB) Woken(ctx context.Context, ids []int64) (err error) {
	defer database.Wrap(&err, "note %d wakes as sent", len(ids))
	if len(ids) == 0 {
		return nil
	}
	_, err = db.conn.Exec(ctx, `DELETE FROM wakes WHERE id = ANY ($1)`, pq.Array(ids))
	return err
}

// AwaitCall has a workflow signalled when a call ends. If the call has ended already its outcome is
// returned and no signal is owed.
func (db *DB) AwaitCall(ctx context.Context, call forgehook.CallRef, workflowID string) (done Completion, err error) {
	defer database.Wrap(&err, "await call %s", call.CallID)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		done, err = awaitCall(ctx, tx, call, workflowID)
		return err
	})
	return done, err
}

// awaitCall locks the call's row first. An earlier end is seen here; a later one sees who waits.
func awaitCall(ctx context.Context, tx database.Conn, call forgehook.CallRef, workflowID string) (Completion, error) {
	var row completionRow
	err := tx.Get(ctx, &row, `
		SELECT outcome, attempts, last_status_code FROM calls WHERE tenant_id = $1 AND id = $2 FOR SHARE`, call.Tenant, call.CallID)
	if err != nil || row.Outcome != nil {
		return row.toCompletion(), database.OrNotFound(err, "call", call.CallID)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO call_waiters (call_id, workflow_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, call.CallID, workflowID)
	return row.toCompletion(), err
}

// awaitRequest is awaitCall for all calls of a request that have no outcome.
func awaitRequest(ctx context.Context, tx database.Conn, requestID, workflowID string) error {
	_, err := tx.Exec(ctx, `
		WITH open AS (SELECT id FROM calls WHERE request_id = $1 AND outcome IS NULL ORDER BY id FOR SHARE)
		INSERT INTO call_waiters (call_id, workflow_id) SELECT id, $2 FROM open ON CONFLICT DO NOTHING`, requestID, workflowID)
	return err
}

// endedPayload is how a workflow is told the end of a call: its CallResult.
type endedPayload struct {
	CallID     string
	Outcome    forgehook.Outcome
	StatusCode int
	Attempts   int
}

// wakeWaiters owes a signal to each workflow that awaits the call, which has just ended and whose
// row is locked.
func wakeWaiters(ctx context.Context, tx database.Conn, call forgehook.CallRef, done Completion, at time.Time) error {
	payload, err := json.Marshal(endedPayload{call.CallID, done.Outcome, done.StatusCode, done.Attempts})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		WITH told AS (DELETE FROM call_waiters WHERE call_id = $2 RETURNING workflow_id)
		INSERT INTO wakes (tenant_id, call_id, workflow_id, signal, payload, created_at) SELECT $1, $2, workflow_id, $3, $4, $5 FROM told`,
		call.Tenant, call.CallID, forgehook.CallEndedSignal, payload, database.Milliseconds(at))
	return err
}

// oweWake stores one signal. forCall is NULL where the end of no call is told: the call's own
// workflow does not send that one.
func oweWake(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, forCall *string, workflowID, signal string, at time.Time) (forgehook.Wake, error) {
	w := forgehook.Wake{Tenant: tenant, WorkflowID: workflowID, Signal: signal}
	err := tx.Get(ctx, &w.ID, `
		INSERT INTO wakes (tenant_id, call_id, workflow_id, signal, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
		tenant, forCall, workflowID, signal, database.Milliseconds(at))
	return w, err
}
