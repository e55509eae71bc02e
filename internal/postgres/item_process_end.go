package postgres

import (
	"context"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
	"github.com/forgehook/forgehook/internal/writeback"
)

// ProcessEnd ends a process.
type ProcessEnd struct {
	Ref     forgehook.ProcessRef
	Outcome forgehook.ProcessOutcome
	Write   *forgehook.WorkItemWrite // to the current item, where it is actionable
	ItemID  int32                    // that Write was made for; 0: whichever it is
	Now     time.Time
}

// EndProcess ends a process unless it has ended, and writes to its item in the same transaction.
// The outcome rejected sets the item Rejected, also without Write. An item that was settled just
// before keeps its status, and the outcome says so. The process is returned without an outcome if
// the caller must look again: the call has ended meanwhile and its response decides about the item,
// or the item was handed over.
func (db *DB) EndProcess(ctx context.Context, e ProcessEnd) (_ forgehook.WorkItemProcess, raised Raised, err error) {
	defer database.Wrap(&err, "end process %s as %s", e.Ref.ProcessID, e.Outcome)
	var row processRow
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		row, raised, err = endProcess(ctx, tx, e)
		return err
	})
	if err != nil {
		return forgehook.WorkItemProcess{}, Raised{}, err
	}
	return row.toProcess(), raised, nil
}

// endProcess locks the call before the process. An earlier end of the call is seen here; a later
// one sees that nobody waits.
func endProcess(ctx context.Context, tx database.Conn, e ProcessEnd) (row processRow, raised Raised, err error) {
	_, err = tx.Exec(ctx, `
		SELECT FROM calls WHERE id = (SELECT call_id FROM work_item_processes WHERE tenant_id = $1 AND id = $2) FOR SHARE`, e.Ref.Tenant, e.Ref.ProcessID)
	if err != nil {
		return row, raised, err
	}
	row, state, err := lookAtItem(ctx, tx, e.Ref)
	if err != nil || row.Outcome != nil || e.outdated(state) {
		return row, raised, err
	}
	write, because := e.Write, cause{}
	switch {
	case e.Outcome != forgehook.ProcessRejected:
		if write != nil {
			if because, _, err = causeOf(ctx, tx, state.Call); err != nil {
				return row, raised, err
			}
		}
	case state.Item == nil || state.Item.Status.Dead():
		e.Outcome = forgehook.ProcessDead
	case state.Item.Status.Settled():
		e.Outcome = forgehook.ProcessSettled
	default:
		rejection := forgehook.WorkItemWrite{}
		if write != nil {
			rejection = *write
		}
		if rejection.Status == nil {
			rejection.Status = new(statusRejected)
		}
		write = &rejection
	}
	_, err = tx.Exec(ctx, `
		WITH forgotten AS (DELETE FROM call_waiters WHERE call_id = $5 AND workflow_id = $6),
		done AS (UPDATE work_item_processes SET status = 'completed', outcome = $3, completed_at = $4 WHERE tenant_id = $1 AND id = $2 RETURNING id)
		SELECT pg_notify('`+EndsChannel+`', $1 || '/' || id) FROM done`,
		e.Ref.Tenant, e.Ref.ProcessID, e.Outcome, database.Milliseconds(e.Now), row.CallID, forgehook.ProcessWorkflowID(row.ID))
	if err != nil {
		return row, raised, err
	}
	if write != nil && state.Item != nil && state.Item.Status.Actionable() {
		after := *state.Item
		reading := forgehook.Reading{WriteBack: &forgehook.WriteBack{WorkItem: write}}
		if plan := writeback.Of(reading, writeback.Stored{Item: &after}, database.Milliseconds(e.Now)); plan.Item != nil {
			after.DTM = &forgehook.Time{Time: database.Milliseconds(e.Now)}
			closeItem(state.Item, &after, e.Now)
			if _, err := putWorkItem(ctx, tx, e.Ref.Tenant, after); err != nil {
				return row, raised, err
			}
			if e.Outcome == forgehook.ProcessAnswered {
				if err := answerItem(ctx, tx, state.Call, after.ID); err != nil {
					return row, raised, err
				}
			}
			if raised, err = workItemChanged(ctx, tx, e.Ref.Tenant, because, state.Item, after); err != nil {
				return row, raised, err
			}
		}
	}
	return row, raised, tx.Get(ctx, &row, processSelect+` AND p.id = $2`, e.Ref.Tenant, e.Ref.ProcessID)
}

// outdated reports whether the caller has to look again.
func (e ProcessEnd) outdated(state ItemState) bool {
	switch e.Outcome {
	case forgehook.ProcessAnswered:
		return state.Handed || state.Item != nil && e.ItemID != 0 && state.Item.ID != e.ItemID
	case forgehook.ProcessRejected, forgehook.ProcessDue, forgehook.ProcessCanceled:
		return state.AwaitsWrite()
	}
	return false
}

// AwaitsWrite reports whether the call has ended and its response decides about the item.
func (s ItemState) AwaitsWrite() bool {
	return s.CallOutcome != "" && s.Item != nil && s.Item.Status.Actionable()
}
