package postgres

import (
	"context"
	"database/sql"
	"errors"
	"slices"
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

// maxEscalations bounds how often the item of one process is escalated: then nobody is left to hand
// it to, and it waits.
const maxEscalations = 10

// due is nil also where the due date does not count any more.
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

// AcceptProcess stores a process and has its workflow signalled when the call ends. The one that
// waits with the item for the same call already is returned (repeated); for another call, or with
// another onDue or due date, it is a CodeConflict. CodeNotFound for the item, CodeInvalid (callId)
// for the call.
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

// acceptProcess locks the call, then processes of the item, then the item: so the end of the call,
// and changes of the item, come before and are seen by the process, or after and see it.
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

// conflict tells a process that waits from one that is asked for. The due date that was asked for
// counts until the item is handed over, and is not known after.
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

// waitingProcess locks the process that waits with an item, or with what it was handed over to; ""
// where there is none.
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

// Process returns the last process of a work item that it began with or stands with now.
func (db *DB) Process(ctx context.Context, tenant forgehook.TenantID, workItemID int32) (_ forgehook.WorkItemProcess, ref forgehook.ProcessRef, err error) {
	defer database.Wrap(&err, "process of work item %d", workItemID)
	var row processRow
	err = db.conn.Get(ctx, &row, processSelect+` AND (p.work_item_id = $2 OR p.current_id = $2) ORDER BY p.id DESC LIMIT 1`, tenant, workItemID)
	if err != nil {
		return forgehook.WorkItemProcess{}, forgehook.ProcessRef{}, database.OrNotFound(err, "process of work item", workItemID)
	}
	return row.toProcess(), row.ref(), nil
}

// ItemState is where a process stands.
type ItemState struct {
	Item        *forgehook.WorkItem // nil: gone
	DueAt       *time.Time          // when OnDue is to be done; nil: never
	OnDue       forgehook.OnDue
	Call        forgehook.CallRef
	CallOutcome forgehook.Outcome // "": it goes on
	OwnsCall    bool
	Handed      bool                     // handed over, the child is not there yet
	Answered    bool                     // the item has its status by the call's answer
	Outcome     forgehook.ProcessOutcome // set when the process has ended
}

// LookAtItem tells where a process stands. An item that was handed over (EscalateTx, Transfer) is
// followed to its newest child, which is noted as the current one; its due date counts from then
// on.
func (db *DB) LookAtItem(ctx context.Context, p forgehook.ProcessRef) (state ItemState, err error) {
	defer database.Wrap(&err, "look at process %s", p.ProcessID)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		_, state, err = lookAtItem(ctx, tx, p)
		return err
	})
	return state, err
}

// lookAtItem locks the process, follows its item, and locks that. The process comes before its item
// wherever both are locked.
func lookAtItem(ctx context.Context, tx database.Conn, p forgehook.ProcessRef) (row processRow, state ItemState, err error) {
	var locked int
	err = tx.Get(ctx, &locked, `SELECT 1 FROM work_item_processes WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`, p.Tenant, p.ProcessID)
	if err != nil {
		return row, state, database.OrNotFound(err, "process", p.ProcessID)
	}
	if err := tx.Get(ctx, &row, processSelect+` AND p.id = $2`, p.Tenant, p.ProcessID); err != nil {
		return row, state, err
	}
	var at followed
	if row.Outcome == nil {
		at, err = followItem(ctx, tx, row.call(), row.CurrentID)
	} else {
		at.item, err = lockWorkItem(ctx, tx, p.Tenant, &row.CurrentID)
	}
	if err != nil {
		return row, state, err
	}
	if row.ItemDueAt = nil; at.item != nil {
		row.ItemDueAt = dueAt(at.item)
	}
	if at.item != nil && at.item.ID != row.CurrentID {
		row.CurrentID, row.DueAt = at.item.ID, nil
		_, err := tx.Exec(ctx, `
			UPDATE work_item_processes SET current_id = $3, due_at = NULL WHERE tenant_id = $1 AND id = $2`, p.Tenant, p.ProcessID, row.CurrentID)
		if err != nil {
			return row, state, err
		}
	}
	return row, row.state(at), nil
}

// followed is where a work item stands that may have been handed over.
type followed struct {
	item     *forgehook.WorkItem // nil: gone
	passed   []int32             // the items on the way, itself included
	handed   bool                // handed over, the child is not there yet
	answered bool                // it has its status by the call's answer, which is followed no further
}

// maxHandedOver bounds how many items are followed at once.
const maxHandedOver = 100

// followItem locks an item and, where it was handed over, its newest child, and so on.
func followItem(ctx context.Context, tx database.Conn, call forgehook.CallRef, id int32) (at followed, err error) {
	at.item, err = lockWorkItem(ctx, tx, call.Tenant, &id)
	for err == nil && at.item != nil {
		at.passed = append(at.passed, at.item.ID)
		if at.item.Status.Actionable() {
			return at, nil
		}
		at.answered, err = answeredBy(ctx, tx, call, at.item.ID)
		if err != nil || at.answered || !at.item.Status.HandedOver() {
			return at, err
		}
		var child *forgehook.WorkItem
		child, err = lockChild(ctx, tx, call.Tenant, at.item.ID)
		if at.handed = child == nil || slices.Contains(at.passed, child.ID) || len(at.passed) == maxHandedOver; at.handed {
			return at, err
		}
		at.item = child
	}
	return at, err
}

func (r processRow) call() forgehook.CallRef {
	return forgehook.CallRef{Tenant: r.Tenant, CallID: r.CallID}
}

func (r processRow) state(at followed) ItemState {
	state := ItemState{
		Item: at.item, OnDue: forgehook.OnDue(r.OnDue), Call: r.call(), OwnsCall: r.OwnsCall, Handed: at.handed, Answered: at.answered,
	}
	if state.OnDue != forgehook.DueWait {
		state.DueAt = r.due()
	}
	if r.CallOutcome != nil {
		state.CallOutcome = forgehook.Outcome(*r.CallOutcome)
	}
	if r.Outcome != nil {
		state.Outcome = forgehook.ProcessOutcome(*r.Outcome)
	}
	return state
}

// lockChild is the item that was made last of those which an item was handed over to, nil where
// there is none.
func lockChild(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, parentID int32) (*forgehook.WorkItem, error) {
	return readWorkItem(ctx, tx, workItemSelect+` AND parent_id = $2 AND id <> $2 ORDER BY created_at DESC, id DESC LIMIT 1 FOR NO KEY UPDATE`,
		tenant, parentID)
}

// EscalateItem hands the current item over: it becomes EscalateTx, a child with EscalateRx is made
// of it, which is due as long after now as the item was after its creation (a day where that is
// unknown), and the process stands with the child. Where the item is not actionable, or not due, it
// does nothing but look. After maxEscalations the process waits without a due date.
func (db *DB) EscalateItem(ctx context.Context, p forgehook.ProcessRef, at time.Time) (state ItemState, raised Raised, err error) {
	defer database.Wrap(&err, "escalate the item of process %s", p.ProcessID)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		row, found, err := lookAtItem(ctx, tx, p)
		state = found
		due := row.due()
		if err != nil || state.Outcome != "" || state.Item == nil || !state.Item.Status.Actionable() || due == nil || due.After(at) {
			return err
		}
		child, err := escalate(ctx, tx, p.Tenant, *state.Item, at)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE work_item_processes SET current_id = $3, due_at = NULL, escalations = escalations + 1
			WHERE tenant_id = $1 AND id = $2`, p.Tenant, p.ProcessID, child.ID)
		if err != nil {
			return err
		}
		sender := *state.Item
		sender.Status = statusEscalateTx
		if raised.Runs, err = raiseWorkItems(ctx, tx, p.Tenant, cause{}, at, sender, child); err != nil {
			return err
		}
		if raised.Wakes, err = wakeProcesses(ctx, tx, p.Tenant, at, p.ProcessID, sender.ID, child.ID); err != nil {
			return err
		}
		row.CurrentID, row.DueAt, row.ItemDueAt, row.Escalations = child.ID, nil, dueAt(&child), row.Escalations+1
		state = row.state(followed{item: &child})
		return nil
	})
	if err != nil {
		return ItemState{}, Raised{}, err
	}
	return state, raised, nil
}

// escalate hands over an item that is locked.
func escalate(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, item forgehook.WorkItem, at time.Time) (child forgehook.WorkItem, err error) {
	stamp := forgehook.Time{Time: database.Milliseconds(at)}
	grace := forgehook.GracePeriod
	if item.DTC != nil && item.DueDate != nil && item.DueDate.After(item.DTC.Time) {
		grace = item.DueDate.Sub(item.DTC.Time)
	}
	child = item
	if child.ID, err = database.OrNewEntityID(ctx, tx, tenant, 0); err != nil {
		return child, err
	}
	child.WorkItemID, child.Status, child.DTC, child.DTM = &item.ID, statusEscalateRx, &stamp, &stamp
	child.DueDate = &forgehook.Time{Time: stamp.Add(grace)}
	child.Open, child.Closed, child.Duration = nil, nil, nil
	item.Status, item.DTM = statusEscalateTx, &stamp
	if _, err := putWorkItem(ctx, tx, tenant, item); err != nil {
		return child, err
	}
	_, err = putWorkItem(ctx, tx, tenant, child)
	return child, err
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
