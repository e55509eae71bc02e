package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/catalog"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// callStartRow is what starts the workflow of a call and shows it there.
type callStartRow struct {
	Tenant           forgehook.TenantID `db:"tenant_id"`
	ID               string             `db:"id"`
	WebHookServiceID int32              `db:"webhook_service_id"`
	ServiceID        int32              `db:"service_id"`
	ProjectID        int32              `db:"project_id"`
	DocumentID       *int32             `db:"document_id"`
	AcceptedAt       time.Time          `db:"accepted_at"`
	DeadlineAt       time.Time          `db:"deadline_at"`
	UtilityBody      []byte             `db:"utility_body"`
	Settings         []byte             `db:"settings"`
}

// startSelect goes on with conditions on the call, c. Open calls have their utility and its
// settings: neither can be deleted.
const startSelect = `
	SELECT c.tenant_id, c.id, c.webhook_service_id, c.service_id, c.project_id, c.document_id, c.accepted_at, c.deadline_at,
	       u.body AS utility_body, v.settings
	FROM calls c
	JOIN services u ON u.tenant_id = c.tenant_id AND u.id = c.webhook_service_id
	JOIN settings_versions v
	  ON v.tenant_id = c.tenant_id AND v.service_id = c.webhook_service_id AND v.version = c.settings_version`

func (r callStartRow) toStart() (forgehook.CallStart, error) {
	name, err := catalog.UtilityName(r.UtilityBody)
	if err != nil {
		return forgehook.CallStart{}, fmt.Errorf("stored utility %d: %w", r.WebHookServiceID, err)
	}
	settings, err := forgehook.LoadSettings(r.Settings)
	if err != nil {
		return forgehook.CallStart{}, fmt.Errorf("settings of call %s: %w", r.ID, err)
	}
	return newStart(r.Tenant, forgehook.Call{
		ID: r.ID, WebHookServiceID: r.WebHookServiceID, ServiceID: r.ServiceID, ProjectID: r.ProjectID, DocumentID: r.DocumentID,
		AcceptedAt: database.Moment(r.AcceptedAt), DeadlineAt: database.Moment(r.DeadlineAt),
	}, name, settings), nil
}

func toStarts(rows []callStartRow) ([]forgehook.CallStart, error) {
	starts, _, err := database.Cut(rows, len(rows), callStartRow.toStart, nil)
	return starts, err
}

// CallStart is what gives an open call a run, CodeNotFound where the call has an outcome.
func (db *DB) CallStart(ctx context.Context, call forgehook.CallRef) (_ forgehook.CallStart, err error) {
	defer database.Wrap(&err, "start of call %s", call.CallID)
	var row callStartRow
	err = db.conn.Get(ctx, &row, startSelect+` WHERE c.tenant_id = $1 AND c.id = $2 AND c.outcome IS NULL`, call.Tenant, call.CallID)
	if err != nil {
		return forgehook.CallStart{}, database.OrNotFound(err, "call", call.CallID)
	}
	return row.toStart()
}

// startsOfRequest are the calls of a request whose workflow may not have been started.
func startsOfRequest(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, requestID string) ([]forgehook.CallStart, error) {
	var rows []callStartRow
	err := tx.List(ctx, &rows, startSelect+`
		WHERE c.tenant_id = $1 AND c.request_id = $2 AND c.status = 'accepted' ORDER BY c.id`, tenant, requestID)
	if err != nil {
		return nil, err
	}
	return toStarts(rows)
}

// UnstartedCalls lists calls of all tenants, oldest first, that were accepted before a moment and
// have done nothing since. The start of their workflow may have been lost.
func (db *DB) UnstartedCalls(ctx context.Context, olderThan time.Time, limit int) (starts []forgehook.CallStart, err error) {
	defer database.Wrap(&err, "list unstarted calls")
	var rows []callStartRow
	err = db.conn.List(ctx, &rows, startSelect+`
		WHERE c.outcome IS NULL AND c.status = 'accepted' AND COALESCE(c.checked_at, c.accepted_at) < $1
		ORDER BY COALESCE(c.checked_at, c.accepted_at) LIMIT $2`, olderThan, limit)
	if err != nil {
		return nil, err
	}
	return toStarts(rows)
}

// Things that may wait for weeks are checked this much later than others: runs that go on,
// processes that were seen to, and calls that await their callback. There may be many, and a
// callback ends its call without a sweep.
const (
	waitingCheck  = 10 * time.Minute
	awaitingCheck = time.Hour
)

// staleOf is the first part of a statement. It finds at most $2 rows of a table that have no
// outcome and were not checked since $1. It marks them as checked at $3, or at $4 if they may wait
// for long. Concurrent sweeps get different rows.
func staleOf(table, since, waitsLong string) string {
	return `
		WITH stale AS (
			SELECT id FROM ` + table + `
			WHERE outcome IS NULL AND COALESCE(checked_at, ` + since + `) < $1
			ORDER BY COALESCE(checked_at, ` + since + `) LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
		), checked AS (
			UPDATE ` + table + ` t SET checked_at = CASE WHEN ` + waitsLong + ` THEN $4::timestamptz ELSE $3 END
			FROM stale WHERE t.id = stale.id RETURNING t.*
		)`
}

// StaleCalls lists calls of all tenants that have no outcome and were not checked since a moment,
// and marks them as checked now. Their workflow may have ended without an outcome, or never begun.
// A call that awaits its callback is marked as checked an hour from now.
func (db *DB) StaleCalls(ctx context.Context, checkedBefore time.Time, limit int) (calls []forgehook.CallStart, err error) {
	defer database.Wrap(&err, "list stale calls")
	var rows []callStartRow
	at := database.Now()
	err = db.conn.List(ctx, &rows, staleOf("calls", "accepted_at", "status = 'awaiting_callback'")+startSelect+`
		JOIN checked ON checked.id = c.id ORDER BY c.id`, checkedBefore, limit, at, at.Add(awaitingCheck))
	if err != nil {
		return nil, err
	}
	return toStarts(rows)
}
