package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/catalog"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// AttemptStart asks for permission to send.
type AttemptStart struct {
	Ref      forgehook.CallRef
	Released bool // a drain let the call pass; a paused utility holds it all the same
	AtOnce   bool // before the next attempt is due: somebody asked for it
	Yields   bool // to an attempt that started after Now: the caller was given up
	Now      time.Time
}

// Started is the response. Either the call already has an Outcome, is Held, awaits a callback
// (Until), or must Wait; or a later attempt is Underway; or attempt Number was stored as started
// and the other members say what to send.
type Started struct {
	Outcome          forgehook.Outcome
	StatusCode       int // of the last attempt, 0 when it got no response or there was none
	Held             bool
	Wake             bool          // with an Outcome: see [Completion]
	Until            time.Time     // set while the call awaits its callback: until when. Only AtOnce sends again
	Wait             time.Duration // until the next attempt is due, when that was recorded and then lost on its way to the engine
	Underway         bool          // see [AttemptStart.Yields]
	Number           int           // of this attempt; of the last one where nothing was started
	Counted          int           // attempts that finished before this one: unknown ones spend no budget
	WebHookServiceID int32
	WebhookID        string
	DeadlineAt       time.Time
	Settings         Pinned
	Built            forgehook.Built // the request
}

// maxLost is how many attempts in a row may lose their worker. A request that kills workers must
// not kill them for days.
const maxLost = 3

// clockSkew is how much too early, by this clock, an attempt may start. The engine's timers have
// their own clock.
const clockSkew = time.Second

type startRow struct {
	completionRow
	WebHookServiceID int32      `db:"webhook_service_id"`
	WebhookID        string     `db:"webhook_id"`
	Waiting          bool       `db:"waiting"`
	NextAttemptAt    *time.Time `db:"next_attempt_at"`
	DeadlineAt       time.Time  `db:"deadline_at"` // the time on hold, which is over now, included
	MayHold          bool       `db:"may_hold"`
	CalledBack       bool       `db:"called_back"`
	CallbackUntil    *time.Time `db:"callback_until"`
	SettingsVersion  int        `db:"settings_version"`
	Settings         []byte     `db:"settings"`
	requestRow
}

// StartAttempt stores an attempt before anything is sent, unless the call is completed or must
// wait. The time on hold ends here and is added to the deadline; after the deadline the call
// expires. An earlier attempt that is still started has lost its worker and becomes unknown. After
// three of those in a row the call fails. A stored callback ends the call and nothing is sent.
func (db *DB) StartAttempt(ctx context.Context, s AttemptStart) (started Started, err error) {
	defer database.Wrap(&err, "start attempt of call %s", s.Ref.CallID)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		started, err = startAttempt(ctx, tx, s)
		return err
	})
	if err != nil {
		return Started{}, err
	}
	return started, nil
}

func startAttempt(ctx context.Context, tx database.Conn, s AttemptStart) (Started, error) {
	row, err := lockForAttempt(ctx, tx, s)
	if err != nil {
		return Started{}, err
	}
	stood := row.toCompletion()
	started := Started{
		Outcome: stood.Outcome, StatusCode: stood.StatusCode, Number: stood.Attempts, WebHookServiceID: row.WebHookServiceID,
		WebhookID: row.WebhookID, DeadlineAt: row.DeadlineAt.UTC(),
	}
	if started.Outcome != "" {
		done, err := standing(ctx, tx, s.Ref)
		started.Wake = done.Wake
		return started, err
	}
	end := func(done Completion, err error) (Started, error) {
		return Started{Outcome: done.Outcome, StatusCode: done.StatusCode, Number: done.Attempts, Wake: done.Wake}, err
	}
	if row.CalledBack { // the exchange that should have ended the call by it was lost
		return end(endByCallback(ctx, tx, s.Ref, nil, s.Now))
	}
	if until := row.CallbackUntil; until != nil {
		switch {
		case !s.Now.Before(*until):
			return end(completeCall(ctx, tx, s.Ref, ending{outcome: forgehook.Expired, because: forgehook.CallErrorCallbackTimeout.Because(), at: s.Now}))
		case !s.AtOnce:
			started.Until = until.UTC()
			return started, goOnAwaiting(ctx, tx, s.Ref)
		}
	}
	// A late worker must not send after the deadline, whatever the engine's timer says. The first
	// success ends the deadline. This check comes before the hold, which locks the utility: a
	// call's end locks that last.
	if row.CallbackUntil == nil && !s.Now.Before(row.DeadlineAt) {
		return end(completeCall(ctx, tx, s.Ref, ending{outcome: forgehook.Expired, because: forgehook.CallErrorDeadlinePassed.Because(), at: s.Now}))
	}
	if row.MayHold {
		if started.Held, err = holds(ctx, tx, s.Ref.Tenant, row.WebHookServiceID, s.Released); err != nil {
			return Started{}, err
		}
	}
	if started.Held {
		return started, hold(ctx, tx, s.Ref, database.Milliseconds(s.Now))
	}
	if row.Waiting && row.NextAttemptAt != nil && !s.AtOnce {
		if wait := row.NextAttemptAt.Sub(s.Now); wait > clockSkew {
			started.Wait = wait
			return started, nil
		}
	}
	started.Settings = Pinned{Version: row.SettingsVersion, stored: row.Settings}
	if started.Built, err = row.toBuilt(s.Ref.CallID); err != nil {
		return Started{}, err
	}
	return insertAttempt(ctx, tx, s, started)
}

// AttemptUnderway returns when the call's current attempt started, the zero time if none is under
// way.
func (db *DB) AttemptUnderway(ctx context.Context, call forgehook.CallRef) (since time.Time, err error) {
	defer database.Wrap(&err, "attempt under way of call %s", call.CallID)
	var started []time.Time
	err = db.conn.List(ctx, &started, `
		SELECT a.started_at FROM calls c JOIN attempts a ON a.call_id = c.id
		WHERE c.tenant_id = $1 AND c.id = $2 AND a.state = 'started'`, call.Tenant, call.CallID)
	if err != nil || len(started) == 0 {
		return since, err
	}
	return started[0], nil
}

// goOnAwaiting undoes a hold, or a lost attempt, of a call that awaits its callback.
func goOnAwaiting(ctx context.Context, tx database.Conn, call forgehook.CallRef) error {
	_, err := tx.Exec(ctx, `
		WITH lost AS (UPDATE attempts SET state = 'unknown' WHERE call_id = $2 AND state = 'started')
		UPDATE calls SET status = 'awaiting_callback', held_at = NULL, released_at = NULL, next_attempt_at = NULL
		WHERE tenant_id = $1 AND id = $2`, call.Tenant, call.CallID)
	return err
}

// lockForAttempt reads all that an attempt needs. Whether the utility holds the call is read
// without a lock. If it does not, a concurrent pause finds an attempt under way, as any pause may.
// If it does, holds looks again.
func lockForAttempt(ctx context.Context, tx database.Conn, s AttemptStart) (row startRow, err error) {
	err = tx.Hot().Get(ctx, &row, `
		SELECT c.status = 'waiting_retry' AS waiting, c.next_attempt_at, c.called_back, c.callback_until, c.outcome, c.attempts, c.last_status_code, c.webhook_service_id, c.webhook_id,
		       c.deadline_at + COALESCE($4::timestamptz - c.held_at, interval '0') AS deadline_at,
		       COALESCE(u.paused_at IS NOT NULL OR (u.draining AND NOT $3::boolean), false) AS may_hold,
		       c.settings_version, v.settings, r.method, r.url, r.headers, r.body, r.sha256, r.shown_url, r.shown_headers, r.shown_body
		FROM calls c
		LEFT JOIN services u ON u.tenant_id = c.tenant_id AND u.id = c.webhook_service_id
		LEFT JOIN settings_versions v
		       ON v.tenant_id = c.tenant_id AND v.service_id = c.webhook_service_id AND v.version = c.settings_version
		LEFT JOIN requests r ON r.call_id = c.id
		WHERE c.tenant_id = $1 AND c.id = $2 FOR NO KEY UPDATE OF c`,
		s.Ref.Tenant, s.Ref.CallID, s.Released, database.Milliseconds(s.Now))
	return row, database.OrNotFound(err, "call", s.Ref.CallID)
}

// insertAttempt is a separate statement after the lock, so that it sees the attempts that the lock
// waited for. Numbers have no gaps, so all attempts after the last finished one are lost.
func insertAttempt(ctx context.Context, tx database.Conn, s AttemptStart, started Started) (Started, error) {
	var past struct {
		Last, Counted, Lost int
		Later               bool
	}
	err := tx.Hot().Get(ctx, &past, `
		WITH past AS (
			SELECT COALESCE(max(number), 0) AS last, count(*) FILTER (WHERE state = 'finished') AS counted,
			       COALESCE(max(number), 0) - COALESCE(max(number) FILTER (WHERE state = 'finished'), 0) AS lost,
			       COALESCE(bool_or(state = 'started' AND started_at > $3), false) AND $5::boolean AS later
			FROM attempts WHERE call_id = $2
		), lost AS (
			UPDATE attempts SET state = 'unknown' FROM past WHERE call_id = $2 AND state = 'started' AND NOT past.later
		), added AS (
			INSERT INTO attempts (call_id, number, state, started_at) SELECT $2, last + 1, 'started', $3 FROM past WHERE lost < $4 AND NOT later
		), moved AS (
			UPDATE calls SET status = 'delivering', attempts = past.last + 1, next_attempt_at = NULL,
			       deadline_at = deadline_at + COALESCE($3 - held_at, interval '0'), held_at = NULL, released_at = NULL
			FROM past WHERE tenant_id = $1 AND id = $2 AND past.lost < $4 AND NOT past.later
		)
		SELECT last, counted, lost, later FROM past`, s.Ref.Tenant, s.Ref.CallID, database.Milliseconds(s.Now), maxLost, s.Yields)
	if err != nil {
		return Started{}, err
	}
	if past.Later {
		started.Underway, started.Number = true, past.Last
		return started, nil
	}
	if past.Lost >= maxLost {
		done, err := completeCall(ctx, tx, s.Ref, ending{outcome: forgehook.Failed, because: forgehook.CallErrorWorkerLost.Because(), at: s.Now})
		return Started{Outcome: done.Outcome, StatusCode: done.StatusCode, Number: done.Attempts, Wake: done.Wake}, err
	}
	started.Number, started.Counted = past.Last+1, past.Counted
	return started, nil
}

// AbandonAttempt deletes the last attempt of a call, of which nothing was sent.
func (db *DB) AbandonAttempt(ctx context.Context, call forgehook.CallRef, number int) (err error) {
	defer database.Wrap(&err, "abandon attempt %d of call %s", number, call.CallID)
	return db.conn.InTx(ctx, func(tx database.Conn) error {
		var attempts int
		err := tx.Get(ctx, &attempts, `
			SELECT attempts FROM calls WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`, call.Tenant, call.CallID)
		if err != nil || attempts != number { // a later one has started, so this one stays as unknown
			return database.OrNotFound(err, "call", call.CallID)
		}
		_, err = tx.Exec(ctx, `
			WITH gone AS (
				DELETE FROM attempts WHERE call_id = $2 AND number = $3 AND state <> 'finished' RETURNING call_id
			)
			UPDATE calls SET attempts = attempts - 1 FROM gone WHERE tenant_id = $1 AND id = gone.call_id`,
			call.Tenant, call.CallID, number)
		return err
	})
}

// attemptRow is one exchange.
type attemptRow struct {
	Number         int        `db:"number"`
	State          string     `db:"state"`
	Verdict        *string    `db:"verdict"`
	Reason         *string    `db:"reason"`
	StartedAt      time.Time  `db:"started_at"`
	DurationMS     *int64     `db:"duration_ms"`
	RequestHeaders []byte     `db:"request_headers"`
	ErrorCode      *string    `db:"error_code"`
	ErrorMessage   *string    `db:"error_message"`
	NextAttemptAt  *time.Time `db:"next_attempt_at"`
	responseRow
}

// toAttempt needs the request as built, which all attempts of a call share but for the headers of
// the moment.
func (r attemptRow) toAttempt(request forgehook.Request) (a forgehook.Attempt, err error) {
	a = forgehook.Attempt{
		Number: r.Number, State: forgehook.AttemptState(r.State), Verdict: (*forgehook.Verdict)(r.Verdict), Reason: r.Reason,
		StartedAt: database.Moment(r.StartedAt), DurationMS: r.DurationMS, Request: request, Error: database.CallError(r.ErrorCode, r.ErrorMessage),
		NextAttemptAt: database.OptionalMoment(r.NextAttemptAt),
	}
	if r.RequestHeaders == nil {
		a.Request.Headers = maps.Clone(request.Headers)
	} else {
		a.Request.Headers = nil
		if err := json.Unmarshal(r.RequestHeaders, &a.Request.Headers); err != nil {
			return a, fmt.Errorf("headers of attempt %d: %w", r.Number, err)
		}
	}
	if a.Response, err = r.toResponse(); err != nil {
		return a, fmt.Errorf("response of attempt %d: %w", r.Number, err)
	}
	return a, nil
}

const attemptsList database.ListOf = "attempts"

// Attempts lists the attempts of a call, first to last; none before the request is built.
func (db *DB) Attempts(ctx context.Context, tenant forgehook.TenantID, callID string, page forgehook.Page) (attempts []forgehook.Attempt, next string, err error) {
	defer database.Wrap(&err, "attempts of call %s", callID)
	key, limit, err := attemptsList.ReadNumbers(page, 1)
	if err != nil {
		return nil, "", err
	}
	var rows []attemptRow
	err = db.conn.List(ctx, &rows, `
		SELECT a.number, a.state, a.verdict, a.reason, a.started_at, a.duration_ms, a.request_headers, a.status_code,
		       a.response_headers, a.response_body, a.response_truncated, a.error_code, a.error_message, a.next_attempt_at
		FROM calls c JOIN attempts a ON a.call_id = c.id
		WHERE c.tenant_id = $1 AND c.id = $2 AND a.number > $3 ORDER BY a.number LIMIT $4`, tenant, callID, catalog.First(key), limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(rows) == 0 {
		_, err := standing(ctx, db.conn.Conn, forgehook.CallRef{Tenant: tenant, CallID: callID})
		return []forgehook.Attempt{}, "", err
	}
	request, err := db.Request(ctx, tenant, callID)
	if err != nil {
		return nil, "", err
	}
	return database.Cut(rows, limit, func(r attemptRow) (forgehook.Attempt, error) { return r.toAttempt(request) },
		func(r attemptRow) string { return attemptsList.Next(r.Number) })
}
