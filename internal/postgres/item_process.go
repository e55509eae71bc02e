package postgres

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// The platform's statuses of work items that are set here.
const (
	statusEscalateTx      forgehook.WorkItemStatus = 3
	statusEscalateRx      forgehook.WorkItemStatus = 4
	statusRejected        forgehook.WorkItemStatus = 10
	statusDocumentDeleted forgehook.WorkItemStatus = 91

	statusMax forgehook.WorkItemStatus = 100 // none is as high
)

// ProcessAcceptance has a work item wait for a call.
type ProcessAcceptance struct {
	WorkItemID int32
	CallID     string
	OwnsCall   bool // the call was made for the item, and is canceled when the item is dead
	OnDue      forgehook.OnDue
	DueAt      *time.Time // nil: the item's
	Now        time.Time
}

// processRow is a process with its call and the item that it stands with. due_at is NULL where the
// item's due date counts.
type processRow struct {
	Tenant      forgehook.TenantID `db:"tenant_id"`
	ID          string             `db:"id"`
	WorkItemID  int32              `db:"work_item_id"`
	CurrentID   int32              `db:"current_id"`
	CallID      string             `db:"call_id"`
	OnDue       string             `db:"on_due"`
	DueAt       *time.Time         `db:"due_at"`
	ItemDueAt   *time.Time         `db:"item_due_at"`
	OwnsCall    bool               `db:"owns_call"`
	Escalations int                `db:"escalations"`
	Status      string             `db:"status"`
	Outcome     *string            `db:"outcome"`
	CallOutcome *string            `db:"call_outcome"`
	StartedAt   time.Time          `db:"started_at"`
	CompletedAt *time.Time         `db:"completed_at"`
}

// processSelect goes on with conditions on the process, p.
const processSelect = `
	SELECT p.tenant_id, p.id, p.work_item_id, p.current_id, p.call_id, p.on_due, p.due_at, w.due_at AS item_due_at, p.owns_call, p.escalations,
	       p.status, p.outcome, c.outcome AS call_outcome, p.started_at, p.completed_at
	FROM work_item_processes p
	LEFT JOIN work_items w ON w.tenant_id = p.tenant_id AND w.id = p.current_id
	LEFT JOIN calls c ON c.id = p.call_id
	WHERE p.tenant_id = $1`

func (r processRow) toProcess() forgehook.WorkItemProcess {
	return forgehook.WorkItemProcess{
		WorkItemID: r.WorkItemID, CurrentID: r.CurrentID, WorkflowID: forgehook.ProcessWorkflowID(r.ID), CallID: r.CallID, OnDue: forgehook.OnDue(r.OnDue),
		DueAt: database.OptionalMoment(r.due()), Status: r.Status, Outcome: (*forgehook.ProcessOutcome)(r.Outcome), CallOutcome: (*forgehook.Outcome)(r.CallOutcome),
		StartedAt: database.Moment(r.StartedAt), CompletedAt: database.OptionalMoment(r.CompletedAt),
	}
}

// maxEscalations bounds the escalations of one process. After the last there is nobody left to
// escalate to, and the process waits.
const maxEscalations = 10

// due is nil also if the due date no longer counts.
func (r processRow) due() *time.Time {
	switch {
	case r.OnDue == string(forgehook.DueEscalate) && r.Escalations >= maxEscalations:
		return nil
	case r.DueAt != nil:
		return r.DueAt
	}
	return r.ItemDueAt
}

func (r processRow) ref() forgehook.ProcessRef {
	return forgehook.ProcessRef{Tenant: r.Tenant, ProcessID: r.ID}
}

// AcceptProcess stores a process and has its workflow signalled when the call ends. If the item
// already waits for the same call that process is returned (repeated). If it waits for another
// call, or with another onDue or due date, that is a CodeConflict. An unknown item is CodeNotFound,
// an unknown call CodeInvalid (callId).
func (db *DB) AcceptProcess(ctx context.Context, tenant forgehook.TenantID, a ProcessAcceptance) (_ forgehook.WorkItemProcess, ref forgehook.ProcessRef, repeated bool, err error) {
	defer database.Wrap(&err, "have work item %d wait for call %s", a.WorkItemID, a.CallID)
	var row processRow
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		row, repeated, err = acceptProcess(ctx, tx, tenant, a)
		return err
	})
	if err != nil {
		return forgehook.WorkItemProcess{}, forgehook.ProcessRef{}, false, err
	}
	return row.toProcess(), row.ref(), repeated, nil
}

// acceptProcess locks the call, then processes of the item, then the item. So the end of the call,
// and changes of the item, are either seen here or see the process.
func acceptProcess(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, a ProcessAcceptance) (row processRow, repeated bool, err error) {
	id := database.NewID(a.Now)
	if a.OnDue == "" {
		a.OnDue = forgehook.DueWait
	}
	_, err = awaitCall(ctx, tx, forgehook.CallRef{Tenant: tenant, CallID: a.CallID}, forgehook.ProcessWorkflowID(id))
	if forgehook.ErrorCode(classifyOrNil(err)) == forgehook.CodeNotFound {
		return row, false, forgehook.Invalid(forgehook.FieldError{Path: "callId", Value: forgehook.Shorten(a.CallID, 100), Allowed: "the id of a call"})
	}
	if err != nil {
		return row, false, err
	}
	waiting, err := waitingProcess(ctx, tx, tenant, a.WorkItemID)
	if err != nil {
		return row, false, err
	}
	if waiting == "" {
		item, err := lockWorkItem(ctx, tx, tenant, &a.WorkItemID)
		if err == nil && item == nil {
			err = database.NotFound("work item", a.WorkItemID)
		}
		if err != nil {
			return row, false, err
		}
		if waiting, err = waitingProcess(ctx, tx, tenant, a.WorkItemID); err != nil {
			return row, false, err
		}
	}
	if waiting != "" {
		if _, err := tx.Exec(ctx, `DELETE FROM call_waiters WHERE call_id = $1 AND workflow_id = $2`, a.CallID, forgehook.ProcessWorkflowID(id)); err != nil {
			return row, false, err
		}
		if err := tx.Get(ctx, &row, processSelect+` AND p.id = $2`, tenant, waiting); err != nil {
			return row, false, err
		}
		return row, true, row.conflict(a)
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO work_item_processes (id, tenant_id, work_item_id, current_id, call_id, on_due, due_at, owns_call, status, started_at)
		VALUES ($1, $2, $3, $3, $4, $5, $6, $7, 'waiting', $8)`,
		id, tenant, a.WorkItemID, a.CallID, a.OnDue, optionalMilliseconds(a.DueAt), a.OwnsCall, database.Milliseconds(a.Now))
	if err != nil {
		return row, false, err
	}
	return row, false, tx.Get(ctx, &row, processSelect+` AND p.id = $2`, tenant, id)
}

// conflict compares a waiting process with a requested one. The requested due date counts until the
// item is handed over, and is unknown after.
func (r processRow) conflict(a ProcessAcceptance) error {
	asked := optionalMilliseconds(a.DueAt)
	sameDue := r.CurrentID != r.WorkItemID || asked == nil && r.DueAt == nil || asked != nil && r.DueAt != nil && asked.Equal(*r.DueAt)
	switch {
	case r.CallID != a.CallID:
		return forgehook.Errorf(forgehook.CodeConflict, "Work item %d waits for call %s already.", a.WorkItemID, r.CallID)
	case r.OnDue == string(a.OnDue) && sameDue:
		return nil
	}
	due := "the item's due date"
	if r.DueAt != nil {
		due = "dueDate " + database.Moment(*r.DueAt).String()
	}
	return forgehook.Errorf(forgehook.CodeConflict, "Work item %d waits for this call already, with onDue %s and %s.", a.WorkItemID, r.OnDue, due)
}

// waitingProcess locks the process that waits with an item, or with one that it was handed over to,
// and returns "" if there is none.
func waitingProcess(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, workItemID int32) (id string, err error) {
	err = tx.Get(ctx, &id, `
		SELECT id FROM work_item_processes
		WHERE tenant_id = $1 AND (work_item_id = $2 OR current_id = $2) AND outcome IS NULL
		ORDER BY id DESC LIMIT 1 FOR NO KEY UPDATE`, tenant, workItemID)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// classifyOrNil is classify, of an error that may be none.
func classifyOrNil(err error) error {
	if err == nil {
		return nil
	}
	return database.Classify(err)
}

func optionalMilliseconds(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := database.Milliseconds(*t)
	return &at
}

// Process returns the last process that a work item started or is the current item of.
func (db *DB) Process(ctx context.Context, tenant forgehook.TenantID, workItemID int32) (_ forgehook.WorkItemProcess, ref forgehook.ProcessRef, err error) {
	defer database.Wrap(&err, "process of work item %d", workItemID)
	var row processRow
	err = db.conn.Get(ctx, &row, processSelect+` AND (p.work_item_id = $2 OR p.current_id = $2) ORDER BY p.id DESC LIMIT 1`, tenant, workItemID)
	if err != nil {
		return forgehook.WorkItemProcess{}, forgehook.ProcessRef{}, database.OrNotFound(err, "process of work item", workItemID)
	}
	return row.toProcess(), row.ref(), nil
}

func (r processRow) call() forgehook.CallRef {
	return forgehook.CallRef{Tenant: r.Tenant, CallID: r.CallID}
}

// StaleProcesses lists processes of all tenants without outcome that were not checked since a
// moment, and notes that they are being checked now.
func (db *DB) StaleProcesses(ctx context.Context, checkedBefore time.Time, limit int) (_ []forgehook.ProcessRef, err error) {
	defer database.Wrap(&err, "list stale processes")
	var rows []struct {
		Tenant forgehook.TenantID `db:"tenant_id"`
		ID     string             `db:"id"`
	}
	at := database.Now()
	err = db.conn.List(ctx, &rows, staleOf("work_item_processes", "started_at", "checked_at IS NOT NULL")+`
		SELECT tenant_id, id FROM checked ORDER BY id`, checkedBefore, limit, at, at.Add(waitingCheck))
	refs := make([]forgehook.ProcessRef, len(rows))
	for i, row := range rows {
		refs[i] = forgehook.ProcessRef{Tenant: row.Tenant, ProcessID: row.ID}
	}
	return refs, err
}
