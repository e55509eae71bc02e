package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/forgehook/forgehook"
)

// callsChannel is notified of each outcome, once; the payload is the call's id. See waiter.go.
const callsChannel = "forgehook_calls"

// Completion is how a call ended.
type Completion struct {
	Outcome    forgehook.Outcome
	StatusCode int // of the last attempt, 0 when it got no answer or there was none
	Attempts   int
	Won        bool // the outcome was given just now, not by somebody before
	Wake       bool // workflows are owed a signal, or runs a start: see [DB.Wakes] and [DB.CausedRuns]
}

// Answer is what the rules made of what an endpoint said.
type Answer struct {
	Result    json.RawMessage      // nil: none
	WriteBack *forgehook.WriteBack // nil: none
}

// ending is the end of a call that somebody wants to record.
type ending struct {
	outcome     forgehook.Outcome
	because     *forgehook.CallError
	statusCode  *int   // of the attempt that ended it; nil: as it stands
	explanation []byte // of the evaluation that ended it; nil: as it stands
	at          time.Time
}

// CompleteCall gives a call its outcome, unless it has one; the one that stands is returned.
func (db *DB) CompleteCall(ctx context.Context, call forgehook.CallRef, outcome forgehook.Outcome, because *forgehook.CallError, at time.Time) (done Completion, err error) {
	defer wrap(&err, "complete call %s as %s", call.CallID, outcome)
	return completeCall(ctx, db.conn, call, ending{outcome: outcome, because: because, at: at})
}

// completeCall is the only way in which a call gets an outcome. Of those who race for it (deadline, cancel, answer) one wins and
// all learn the winner's. In the same transaction an attempt that never reported becomes unknown, the stored document of a
// delivered call gets its status, and whoever waits is told.
func completeCall(ctx context.Context, tx conn, call forgehook.CallRef, e ending) (Completion, error) {
	code, message := storableError(e.because)
	var row completionRow
	err := tx.hot().get(ctx, &row, `
		WITH done AS (
			UPDATE calls SET status = 'completed', outcome = $3, completed_at = $4, error_code = $5, error_message = $6,
			       last_status_code = COALESCE($7, last_status_code), explanation = COALESCE($8, explanation),
			       next_attempt_at = NULL, held_at = NULL, released_at = NULL
			WHERE tenant_id = $1 AND id = $2 AND outcome IS NULL
			RETURNING id, outcome, attempts, last_status_code, document_id, processed_status
		), lost AS (
			UPDATE attempts a SET state = 'unknown' FROM done WHERE a.call_id = done.id AND a.state = 'started'
		), document AS (
			UPDATE documents d SET status = done.processed_status, modified = $4, updated_at = $4 FROM done
			WHERE d.tenant_id = $1 AND d.id = done.document_id AND done.processed_status IS NOT NULL AND done.outcome = 'delivered'
		)
		SELECT outcome, attempts, last_status_code, pg_notify('`+callsChannel+`', id::text) AS notified FROM done`,
		call.Tenant, call.CallID, e.outcome, milliseconds(e.at), code, message, e.statusCode, e.explanation)
	if errors.Is(err, sql.ErrNoRows) {
		return standing(ctx, tx, call)
	}
	done := row.toCompletion()
	done.Won = err == nil
	return done, err
}

type completionRow struct {
	Outcome        *string `db:"outcome"`
	Attempts       int     `db:"attempts"`
	LastStatusCode *int    `db:"last_status_code"`
	Notified       string  `db:"notified"` // what pg_notify returns: void
}

func (r completionRow) toCompletion() Completion {
	c := Completion{Attempts: r.Attempts}
	if r.Outcome != nil {
		c.Outcome = forgehook.Outcome(*r.Outcome)
	}
	if r.LastStatusCode != nil {
		c.StatusCode = *r.LastStatusCode
	}
	return c
}

// standing is how a call ended, or where it is.
func standing(ctx context.Context, tx conn, call forgehook.CallRef) (Completion, error) {
	var row completionRow
	err := tx.get(ctx, &row, `
		SELECT outcome, attempts, last_status_code FROM calls WHERE tenant_id = $1 AND id = $2`, call.Tenant, call.CallID)
	return row.toCompletion(), orNotFound(err, "call", call.CallID)
}
