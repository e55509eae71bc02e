package postgres

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// Completion is how a call ended.
type Completion struct {
	Outcome    forgehook.Outcome
	StatusCode int // of the last attempt, 0 when it got no response or there was none
	Attempts   int
	Won        bool // the outcome was given just now, not by somebody before
	Wake       bool // workflows are owed a signal, or runs a start: see [DB.Wakes] and [DB.CausedRuns]
}

// ending is the end of a call that somebody wants to record.
type ending struct {
	outcome     forgehook.Outcome
	because     *forgehook.CallError
	statusCode  *int              // of the attempt that ended it; nil: as it stands
	explanation []byte            // of the evaluation that ended it; nil: as it stands
	reading     forgehook.Reading // its write-back counts only with delivered
	at          time.Time
}

// CompleteCall gives a call its outcome, unless it has one; the one that stands is returned. A call
// whose endpoint has called back early ends by that instead, unless it is canceled.
func (db *DB) CompleteCall(ctx context.Context, call forgehook.CallRef, outcome forgehook.Outcome, because *forgehook.CallError, at time.Time) (done Completion, err error) {
	defer database.Wrap(&err, "complete call %s as %s", call.CallID, outcome)
	return db.complete(ctx, call, ending{outcome: outcome, because: because, at: at})
}

// Standing is how a call has ended; no outcome while it goes on.
func (db *DB) Standing(ctx context.Context, call forgehook.CallRef) (_ Completion, err error) {
	defer database.Wrap(&err, "how call %s stands", call.CallID)
	return standing(ctx, db.conn.Conn, call)
}

// complete ends a call whose row nobody has locked yet.
func (db *DB) complete(ctx context.Context, call forgehook.CallRef, e ending) (done Completion, err error) {
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		row, err := lockCall(ctx, tx, call)
		switch {
		case err != nil:
			return err
		case row.Outcome != nil:
			done, err = standing(ctx, tx, call)
		case row.CalledBack && e.outcome != forgehook.Canceled:
			done, err = endByCallback(ctx, tx, call, e.statusCode, e.at)
		default:
			done, err = completeCall(ctx, tx, call, e)
		}
		return err
	})
	if err != nil {
		return Completion{}, err
	}
	return done, nil
}

type lockedRow struct {
	completionRow
	Status        string     `db:"status"`
	CalledBack    bool       `db:"called_back"`
	CallbackUntil *time.Time `db:"callback_until"`
}

// lockCall comes first wherever a call may end: a statement that waited for the lock does not see
// what others have stored meanwhile about the call, those who await it, say; the next one does.
func lockCall(ctx context.Context, tx database.Conn, call forgehook.CallRef) (row lockedRow, err error) {
	err = tx.Hot().Get(ctx, &row, `
		SELECT outcome, attempts, last_status_code, status, called_back, callback_until FROM calls
		WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`, call.Tenant, call.CallID)
	return row, database.OrNotFound(err, "call", call.CallID)
}

// completeCall is the only way in which a call gets an outcome. The call's row must be locked and
// have none: of deadline, cancel, response and callback the first wins, and the others learn its
// outcome. The same transaction does the rest: an attempt that never reported becomes unknown, the
// reading is written to document and work item, the stored document of a delivered call gets its
// status, waiting workflows are owed a signal, and events that fire something are raised. For most
// calls that is one statement.
func completeCall(ctx context.Context, tx database.Conn, call forgehook.CallRef, e ending) (Completion, error) {
	var changes written
	if e.reading.WriteBack != nil && e.outcome == forgehook.Delivered {
		var err error
		if changes, err = planWriteBack(ctx, tx, call, e.reading, e.at); err != nil {
			return Completion{}, err
		}
		if len(changes.Faults) > 0 {
			e.outcome, e.because, changes = forgehook.Failed, changes.Refusal(), written{}
		} else if err = changes.store(ctx, tx, call, e.at); err != nil {
			return Completion{}, err
		}
	}
	diff, err := changes.diff()
	if err != nil {
		return Completion{}, err
	}
	code, message := database.StorableError(e.because)
	var row endedRow
	err = tx.Hot().Get(ctx, &row, `
		WITH done AS (
			UPDATE calls SET status = 'completed', outcome = $3, completed_at = $4, error_code = $5, error_message = $6,
			       last_status_code = COALESCE($7, last_status_code), explanation = COALESCE($8, explanation),
			       next_attempt_at = NULL, held_at = NULL, released_at = NULL, callback_until = NULL, result = $9, changes = $10
			WHERE tenant_id = $1 AND id = $2 AND outcome IS NULL
			RETURNING id, tenant_id, outcome, attempts, last_status_code, document_id, processed_status, run_id, service_id, webhook_service_id,
			          cause, on_failure
		), lost AS (
			UPDATE attempts a SET state = 'unknown' FROM done WHERE a.call_id = done.id AND a.state = 'started'
		), document AS (
			UPDATE documents d SET status = done.processed_status, modified = $4, updated_at = $4 FROM done
			WHERE d.tenant_id = $1 AND d.id = done.document_id AND done.processed_status IS NOT NULL AND done.outcome = 'delivered' AND NOT $11
			RETURNING d.id
		), run AS (
			UPDATE runs r SET open = open - 1, delivered = delivered + (done.outcome = 'delivered')::integer,
			       skipped = skipped + (done.outcome = 'skipped')::integer, failed = failed + (done.outcome NOT IN ('delivered', 'skipped'))::integer,
			       stopped_by = COALESCE(r.stopped_by, CASE WHEN done.on_failure = 'error' AND done.outcome IN ('failed', 'expired') THEN done.id END)
			FROM done WHERE r.tenant_id = $1 AND r.id = done.run_id
			RETURNING r.open
		)
		SELECT outcome, attempts, last_status_code, pg_notify('`+EndsChannel+`', tenant_id || '/' || id || '/' || outcome) AS notified,
		       (SELECT d.status <> done.processed_status FROM document JOIN documents d ON d.tenant_id = $1 AND d.id = document.id) -- as it was before
		       AND EXISTS (SELECT FROM services u WHERE u.tenant_id = $1 AND 'document.updated' = ANY (u.fires)) AS status_changed,
		       run_id, (SELECT open FROM run) AS run_open, -- the document's row first, as everywhere
		       document_id, webhook_service_id, on_failure,
		       EXISTS (SELECT FROM call_waiters w WHERE w.call_id = done.id) AS awaited,
		       EXISTS (SELECT FROM services u WHERE u.tenant_id = $1 AND u.parent_id = done.service_id AND $12 = ANY (u.fires)
		               AND u.id <> done.webhook_service_id AND u.id <> ALL (COALESCE(done.cause, '{}'))) AS heard
		FROM done`,
		call.Tenant, call.CallID, e.outcome, database.Milliseconds(e.at), code, message, e.statusCode, e.explanation, []byte(e.reading.Result), diff,
		changes.StatusSet, callEvent(e.outcome))
	if errors.Is(err, sql.ErrNoRows) {
		return standing(ctx, tx, call)
	}
	if err != nil {
		return Completion{}, err
	}
	done := row.toCompletion()
	done.Won = true
	done.Wake, err = announce(ctx, tx, call, row, changes, e.at)
	return done, err
}

// endedRow is a call that has just ended, and who has to hear of it.
type endedRow struct {
	completionRow
	Notified         string  `db:"notified"` // what pg_notify returns: void
	StatusChanged    *bool   `db:"status_changed"`
	RunID            *string `db:"run_id"`
	RunOpen          *int    `db:"run_open"`
	DocumentID       *int32  `db:"document_id"`
	WebHookServiceID int32   `db:"webhook_service_id"`
	OnFailure        *string `db:"on_failure"`
	Awaited          bool    `db:"awaited"`
	Heard            bool    `db:"heard"`
}

// callEvent is the event that an outcome is, NULL where it is none.
func callEvent(outcome forgehook.Outcome) *string {
	switch outcome {
	case forgehook.Delivered:
		return new(string(forgehook.EventCallCompleted))
	case forgehook.Failed, forgehook.Expired:
		return new(string(forgehook.EventCallFailed))
	}
	return nil
}

// announce stores what follows the end of a call, and reports whether there is anything: most have
// nothing, and cost nothing here.
func announce(ctx context.Context, tx database.Conn, call forgehook.CallRef, row endedRow, changes written, at time.Time) (wake bool, err error) {
	done := row.toCompletion()
	if row.Awaited {
		if err := wakeWaiters(ctx, tx, call, done, at); err != nil {
			return false, err
		}
		wake = true
	}
	if row.RunOpen != nil && *row.RunOpen == 0 {
		if _, err := oweWake(ctx, tx, call.Tenant, &call.CallID, forgehook.RunWorkflowID(*row.RunID), forgehook.RunDrainedSignal, at); err != nil {
			return false, err
		}
		wake = true
	}
	held := false
	if row.OnFailure != nil && *row.OnFailure == forgehook.OnFailureHold && (done.Outcome == forgehook.Failed || done.Outcome == forgehook.Expired) {
		if held, err = holdBy(ctx, tx, call, row.WebHookServiceID, at); err != nil {
			return false, err
		}
	}
	statusChanged := row.StatusChanged != nil && *row.StatusChanged
	if !held && !row.Heard && !statusChanged && !changes.raises() {
		return wake, nil
	}
	cause, about, err := causeOf(ctx, tx, call)
	if err != nil {
		return false, err
	}
	events, err := changes.events(ctx, tx, call.Tenant, row.DocumentID, statusChanged)
	if err != nil {
		return false, err
	}
	if row.Heard {
		events = append(events, event{forgehook.EventType(*callEvent(done.Outcome)), about})
	}
	if held {
		events = append(events, event{forgehook.EventUtilityHeld, about})
	}
	for _, e := range events {
		start, err := raiseCaused(ctx, tx, cause, e.kind, e.about, at)
		if err != nil {
			return false, err
		}
		wake = wake || start != nil
	}
	told, err := changes.wakeProcesses(ctx, tx, call, at)
	return wake || told, err
}

type completionRow struct {
	Outcome        *string `db:"outcome"`
	Attempts       int     `db:"attempts"`
	LastStatusCode *int    `db:"last_status_code"`
	Wake           bool    `db:"wake"`
}

func (r completionRow) toCompletion() Completion {
	c := Completion{Attempts: r.Attempts, Wake: r.Wake}
	if r.Outcome != nil {
		c.Outcome = forgehook.Outcome(*r.Outcome)
	}
	if r.LastStatusCode != nil {
		c.StatusCode = *r.LastStatusCode
	}
	return c
}

// standing is how a call ended, or its present state. Wake says whether signals are still owed,
// because the caller may come after a crash.
func standing(ctx context.Context, tx database.Conn, call forgehook.CallRef) (Completion, error) {
	var row completionRow
	err := tx.Get(ctx, &row, `
		SELECT outcome, attempts, last_status_code, outcome IS NOT NULL AND (
		       EXISTS (SELECT FROM wakes w WHERE w.call_id = c.id) OR
		       EXISTS (SELECT FROM runs r WHERE r.cause_id = c.id AND r.outcome IS NULL AND r.status = 'accepted')) AS wake
		FROM calls c WHERE tenant_id = $1 AND id = $2`, call.Tenant, call.CallID)
	return row.toCompletion(), database.OrNotFound(err, "call", call.CallID)
}
