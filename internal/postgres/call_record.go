package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// AttemptEnd is the result of an attempt and its effect on the call.
type AttemptEnd struct {
	Ref      forgehook.CallRef
	Number   int
	Headers  map[string]string // as sent, secrets masked; nil: as built
	Exchange forgehook.Exchange
	Decision forgehook.Decision
	Reading  forgehook.Reading // of a success that ends the call
	Now      time.Time
}

// Recorded is the state of the call after an attempt.
type Recorded struct {
	Outcome  forgehook.Outcome // "": it goes on
	Attempts int
	Wake     bool      // see [Completion]
	Until    time.Time // set while the call awaits its callback: until when
}

// RecordAttempt stores the result of an attempt together with its effect on the call. An attempt
// that was given up as unknown is corrected; a second recording changes nothing. If the call
// already has an outcome that one stays and is returned, and the attempt is still recorded. A
// callback that came during the exchange ends the call, whatever the response. If an endpoint
// accepted a request once, its callback is awaited to the end, even if it refuses the request sent
// again.
func (db *DB) RecordAttempt(ctx context.Context, r AttemptEnd) (recorded Recorded, err error) {
	defer database.Wrap(&err, "record attempt %d of call %s", r.Number, r.Ref.CallID)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		recorded, err = recordAttempt(ctx, tx, r)
		return err
	})
	if err != nil {
		return Recorded{}, err
	}
	return recorded, nil
}

func recordAttempt(ctx context.Context, tx database.Conn, r AttemptEnd) (Recorded, error) {
	stored, err := updateAttempt(ctx, tx, r)
	if err != nil {
		return Recorded{}, err
	}
	outcome := r.Decision.Outcome()
	recorded := Recorded{Attempts: stored.Attempts}
	current := r.Number == stored.Attempts // a late one leaves the call's state to the next attempt, which is under way
	switch {
	case !stored.Known:
		return Recorded{}, database.NotFound("attempt", r.Number)
	case stored.Outcome != nil:
		done, err := standing(ctx, tx, r.Ref)
		return done.recorded(), err
	case !stored.Written:
		if stored.CallbackUntil != nil && stored.Status == string(forgehook.CallAwaiting) {
			recorded.Until = stored.CallbackUntil.UTC()
		}
		return recorded, nil
	case stored.CalledBack:
		done, err := endByCallback(ctx, tx, r.Ref, &r.Exchange.StatusCode, r.Now)
		return done.recorded(), err
	case r.Decision.Awaits():
		return awaitCallback(ctx, tx, r, recorded, database.Milliseconds(r.Now.Add(r.Decision.Await)))
	case outcome == forgehook.Delivered:
	case !current: // a late refusal ends nothing
		return recorded, nil
	case stored.CallbackUntil != nil: // sent again without need: the earlier acceptance counts
		return awaitCallback(ctx, tx, r, recorded, stored.CallbackUntil.UTC())
	case outcome == "":
		_, err = tx.Hot().Exec(ctx, `
			UPDATE calls SET status = 'waiting_retry', next_attempt_at = $3, last_status_code = $4 WHERE tenant_id = $1 AND id = $2 AND held_at IS NULL`,
			r.Ref.Tenant, r.Ref.CallID, database.Milliseconds(r.Now.Add(r.Decision.Delay)), r.Exchange.StatusCode)
		return recorded, err
	}
	e := ending{outcome: outcome, statusCode: &r.Exchange.StatusCode, reading: r.Reading, at: r.Now}
	if outcome == forgehook.Failed {
		e.because = &forgehook.CallError{Code: r.Decision.Code, Message: r.Decision.Message}
	}
	done, err := completeCall(ctx, tx, r.Ref, e)
	return done.recorded(), err
}

func (c Completion) recorded() Recorded {
	return Recorded{Outcome: c.Outcome, Attempts: c.Attempts, Wake: c.Wake}
}

// awaitCallback has a call wait for its callback until a moment. While another attempt is under
// way, or the call is held, only the moment is stored for the step that follows.
func awaitCallback(ctx context.Context, tx database.Conn, r AttemptEnd, recorded Recorded, until time.Time) (Recorded, error) {
	var status string
	err := tx.Hot().Get(ctx, &status, `
		UPDATE calls SET callback_until = $3, last_status_code = $4, next_attempt_at = NULL, checked_at = $6,
		       status = CASE WHEN attempts = $5 AND held_at IS NULL THEN 'awaiting_callback' ELSE status END
		WHERE tenant_id = $1 AND id = $2 RETURNING status`, r.Ref.Tenant, r.Ref.CallID, until, r.Exchange.StatusCode, r.Number, database.Milliseconds(r.Now.Add(awaitingCheck)))
	if status == string(forgehook.CallAwaiting) {
		recorded.Until = until
	}
	return recorded, err
}

type recordedRow struct {
	lockedRow
	Written bool `db:"written"` // now; not if it was finished before
	Known   bool `db:"known"`
}

// updateAttempt locks the call and then writes the attempt, unless it is finished already.
func updateAttempt(ctx context.Context, tx database.Conn, r AttemptEnd) (row recordedRow, err error) {
	sent, err := storableHeaders(r.Headers)
	if err != nil {
		return row, err
	}
	x := r.Exchange
	var status *int
	var headers, body []byte
	if x.StatusCode != 0 {
		if x.Headers == nil {
			x.Headers = map[string]string{}
		}
		if headers, err = storableHeaders(x.Headers); err != nil {
			return row, err
		}
		status, body = &x.StatusCode, x.Body
	}
	var next *time.Time
	if r.Decision.Outcome() == "" {
		at := database.Milliseconds(r.Now.Add(r.Decision.Delay))
		next = &at
	}
	code, message := database.StorableError(x.Err)
	err = tx.Hot().Get(ctx, &row, `
		WITH call AS (
			SELECT id, outcome, attempts, last_status_code, status, called_back, callback_until FROM calls WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE
		), written AS (
			UPDATE attempts a SET state = 'finished', verdict = $4, reason = $5, duration_ms = $6, request_headers = $7,
			       status_code = $8, response_headers = $9, response_body = $10, response_truncated = $11, error_code = $12,
			       error_message = $13, next_attempt_at = $14
			FROM call WHERE a.call_id = call.id AND a.number = $3 AND a.state IN ('started', 'unknown')
			RETURNING a.number
		)
		SELECT outcome, attempts, last_status_code, status, called_back, callback_until, EXISTS (SELECT FROM written) AS written,
		       EXISTS (SELECT FROM attempts WHERE call_id = $2 AND number = $3) AS known
		FROM call`,
		r.Ref.Tenant, r.Ref.CallID, r.Number, r.Decision.Verdict, database.Storable(r.Decision.Reason), x.Duration.Milliseconds(), sent,
		status, headers, body, x.Truncated, code, message, next)
	return row, database.OrNotFound(err, "call", r.Ref.CallID)
}

// storableHeaders is nil for nil.
func storableHeaders(headers map[string]string) ([]byte, error) {
	if headers == nil {
		return nil, nil
	}
	return json.Marshal(headers)
}
