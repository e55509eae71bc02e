package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// ItemState is the state of a process and of its item.
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

// LookAtItem returns the state of a process. An item that was handed over (EscalateTx, Transfer) is
// followed to its newest child, which becomes the current item. Its due date counts from then on.
func (db *DB) LookAtItem(ctx context.Context, p forgehook.ProcessRef) (state ItemState, err error) {
	defer database.Wrap(&err, "look at process %s", p.ProcessID)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		_, state, err = lookAtItem(ctx, tx, p)
		return err
	})
	return state, err
}

// lookAtItem locks the process, follows its item and locks that. Wherever both are locked the
// process comes first.
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

// followed is the end of a chain of handed-over work items.
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

// lockChild locks the newest child of an item, nil if it has none.
func lockChild(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, parentID int32) (*forgehook.WorkItem, error) {
	return readWorkItem(ctx, tx, workItemSelect+` AND parent_id = $2 AND id <> $2 ORDER BY created_at DESC, id DESC LIMIT 1 FOR NO KEY UPDATE`,
		tenant, parentID)
}

// EscalateItem hands the current item over. The item becomes EscalateTx and gets a child with
// EscalateRx, which the process follows. The child is due as long after now as the item was after
// its creation, or after a day if that is unknown. An item that is not actionable, or not due, is
// only looked at. After maxEscalations the process waits without a due date.
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
