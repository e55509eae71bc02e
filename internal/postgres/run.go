package postgres

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

const runsList database.ListOf = "runs"

// Batch is what [DB.AcceptBatch] did.
type Batch struct {
	Starts    []forgehook.CallStart // of the calls that were accepted now
	Processed int                   // documents of this batch
	Calls     int                   // calls of this batch
	Open      int                   // calls of the run without outcome, these included
	Wait      bool                  // nothing more is accepted until no call is open: a utility says onFailure error
	Done      bool                  // no document is left
	Outcome   forgehook.RunOutcome  // set when the run has ended
	Stopped   bool                  // a call failed whose utility says error
	Why       string                // which one, where Stopped
}

// runRow is a run.
type runRow struct {
	Tenant       forgehook.TenantID `db:"tenant_id"`
	ID           string             `db:"id"`
	ProjectID    int32              `db:"project_id"`
	ServiceID    int32              `db:"service_id"`
	EventType    string             `db:"event_type"`
	Reason       *string            `db:"reason"`
	CauseID      *string            `db:"cause_id"`
	Cause        pq.Int32Array      `db:"cause"`
	RootID       string             `db:"root_id"`
	Documents    int                `db:"documents"`
	AcceptedAt   time.Time          `db:"accepted_at"`
	Processed    int                `db:"processed"`
	Calls        int                `db:"calls"`
	Open         int                `db:"open"`
	Delivered    int                `db:"delivered"`
	Skipped      int                `db:"skipped"`
	Failed       int                `db:"failed"`
	StoppedBy    *string            `db:"stopped_by"`
	Status       string             `db:"status"`
	Outcome      *string            `db:"outcome"`
	CompletedAt  *time.Time         `db:"completed_at"`
	ErrorCode    *string            `db:"error_code"`
	ErrorMessage *string            `db:"error_message"`
}

const runColumns = `r.tenant_id, r.id, r.project_id, r.service_id, r.event_type, r.reason, r.cause_id, r.cause, r.root_id, r.documents, r.accepted_at,
	r.processed, r.calls, r.open, r.delivered, r.skipped, r.failed, r.stopped_by, r.status, r.outcome, r.completed_at, r.error_code, r.error_message`

func (r runRow) toRun() (forgehook.Run, error) {
	return forgehook.Run{
		ID: r.ID, WorkflowID: forgehook.RunWorkflowID(r.ID), ProjectID: r.ProjectID, ServiceID: r.ServiceID, Type: forgehook.EventType(r.EventType),
		Status: forgehook.RunStatus(r.Status), Outcome: (*forgehook.RunOutcome)(r.Outcome), Reason: r.Reason, CauseID: r.CauseID,
		Documents: r.Documents, Processed: r.Processed, Calls: r.Calls, Open: r.Open, Delivered: r.Delivered, Skipped: r.Skipped, Failed: r.Failed,
		AcceptedAt: database.Moment(r.AcceptedAt), CompletedAt: database.OptionalMoment(r.CompletedAt), Error: database.CallError(r.ErrorCode, r.ErrorMessage),
	}, nil
}

func (r runRow) toStart() forgehook.RunStart {
	return forgehook.RunStart{
		RunRef: forgehook.RunRef{Tenant: r.Tenant, RunID: r.ID}, ServiceID: r.ServiceID, ProjectID: r.ProjectID,
		Type: forgehook.EventType(r.EventType), Documents: r.Documents,
	}
}

func toRunStarts(rows []runRow) []forgehook.RunStart {
	starts := make([]forgehook.RunStart, len(rows))
	for i, row := range rows {
		starts[i] = row.toStart()
	}
	return starts
}

// runBefore finds the run that first used an idempotency key.
func runBefore(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, a EventAcceptance) (_ AcceptedEvent, found bool, err error) {
	var row struct {
		runRow
		BodySHA256 []byte `db:"body_sha256"`
	}
	err = tx.Get(ctx, &row, `SELECT `+runColumns+`, r.body_sha256 FROM runs r WHERE r.tenant_id = $1 AND r.idempotency_key = $2`,
		tenant, a.IdempotencyKey)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return AcceptedEvent{}, false, nil
	case err != nil:
		return AcceptedEvent{}, false, err
	case !bytes.Equal(row.BodySHA256, a.BodySHA256):
		return AcceptedEvent{}, true, forgehook.Errorf(forgehook.CodeKeyReused, "This Idempotency-Key was used for another request.")
	}
	accepted := AcceptedEvent{Repeated: true}
	if accepted.Run, err = row.toRun(); err != nil {
		return AcceptedEvent{}, true, err
	}
	if accepted.Run.Status == forgehook.RunAccepted {
		accepted.Start = new(row.toStart())
	}
	return accepted, true, nil
}

// lockRun locks the run until the transaction ends.
func lockRun(ctx context.Context, tx database.Conn, run forgehook.RunRef) (row runRow, request []byte, err error) {
	var locked struct {
		runRow
		Request []byte `db:"request"`
	}
	err = tx.Get(ctx, &locked, `SELECT `+runColumns+`, r.request FROM runs r WHERE r.tenant_id = $1 AND r.id = $2 FOR NO KEY UPDATE`,
		run.Tenant, run.RunID)
	return locked.runRow, locked.Request, database.OrNotFound(err, "run", run.RunID)
}

// CompleteRun ends a run unless it has ended; the outcome that stands is returned. Calls of it that
// are open go on.
func (db *DB) CompleteRun(ctx context.Context, run forgehook.RunRef, outcome forgehook.RunOutcome, because *forgehook.CallError, at time.Time) (_ forgehook.RunOutcome, err error) {
	defer database.Wrap(&err, "complete run %s as %s", run.RunID, outcome)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		row, _, err := lockRun(ctx, tx, run)
		if err != nil {
			return err
		}
		if row.Outcome != nil {
			outcome = forgehook.RunOutcome(*row.Outcome)
			return nil
		}
		return completeRun(ctx, tx, run, outcome, because, at)
	})
	return outcome, err
}

// completeRun ends a locked run and tells its waiters. It deletes the run's items, which are no
// longer needed.
func completeRun(ctx context.Context, tx database.Conn, run forgehook.RunRef, outcome forgehook.RunOutcome, because *forgehook.CallError, at time.Time) error {
	code, message := database.StorableError(because)
	_, err := tx.Exec(ctx, `
		WITH done AS (
			UPDATE runs SET status = 'completed', outcome = $3, completed_at = $4, error_code = $5, error_message = $6, request = NULL
			WHERE tenant_id = $1 AND id = $2 AND outcome IS NULL
			RETURNING id
		), items AS (
			DELETE FROM run_items i USING done WHERE i.run_id = done.id
		)
		SELECT pg_notify('`+EndsChannel+`', $1 || '/' || id) FROM done`,
		run.Tenant, run.RunID, outcome, database.Milliseconds(at), code, message)
	return err
}

// Run returns a run.
func (db *DB) Run(ctx context.Context, tenant forgehook.TenantID, id string) (_ forgehook.Run, err error) {
	defer database.Wrap(&err, "run %s", id)
	var row runRow
	if err := db.conn.Get(ctx, &row, `SELECT `+runColumns+` FROM runs r WHERE r.tenant_id = $1 AND r.id = $2`, tenant, id); err != nil {
		return forgehook.Run{}, database.OrNotFound(err, "run", id)
	}
	return row.toRun()
}

// RunFilter selects runs of a list; zero values select all.
type RunFilter struct {
	ServiceID int32
	Type      forgehook.EventType
	Status    forgehook.RunStatus
}

// Runs lists runs, newest first.
func (db *DB) Runs(ctx context.Context, tenant forgehook.TenantID, filter RunFilter, page forgehook.Page) (_ []forgehook.Run, next string, err error) {
	defer database.Wrap(&err, "list runs")
	before, limit, err := runsList.ReadID(page)
	if err != nil {
		return nil, "", err
	}
	var rows []runRow
	err = db.conn.List(ctx, &rows, `
		SELECT `+runColumns+` FROM runs r
		WHERE r.tenant_id = $1
		  AND ($2::uuid IS NULL OR r.id < $2)
		  AND ($3::integer IS NULL OR r.service_id = $3)
		  AND ($4::text IS NULL OR r.event_type = $4)
		  AND ($5::text IS NULL OR r.status = $5)
		ORDER BY r.id DESC LIMIT $6`,
		tenant, before, orNullID(filter.ServiceID), database.OrNull(string(filter.Type)), database.OrNull(string(filter.Status)), limit+1)
	if err != nil {
		return nil, "", err
	}
	return database.Cut(rows, limit, runRow.toRun, func(r runRow) string { return runsList.Next(r.ID) })
}

// CausedRuns are the runs that the end of a call has raised and that have not begun.
func (db *DB) CausedRuns(ctx context.Context, call forgehook.CallRef) (_ []forgehook.RunStart, err error) {
	defer database.Wrap(&err, "runs caused by call %s", call.CallID)
	var rows []runRow
	err = db.conn.List(ctx, &rows, `
		SELECT `+runColumns+` FROM runs r
		WHERE r.tenant_id = $1 AND r.cause_id = $2 AND r.outcome IS NULL AND r.status = 'accepted' ORDER BY r.id`, call.Tenant, call.CallID)
	return toRunStarts(rows), err
}

// StaleRuns lists runs of all tenants without outcome that were not checked since a moment, and
// notes that they are being checked now.
func (db *DB) StaleRuns(ctx context.Context, checkedBefore time.Time, limit int) (_ []forgehook.RunStart, err error) {
	defer database.Wrap(&err, "list stale runs")
	var rows []runRow
	at := database.Now()
	err = db.conn.List(ctx, &rows, staleOf("runs", "accepted_at", "status = 'running'")+`
		SELECT `+runColumns+` FROM checked r ORDER BY r.id`, checkedBefore, limit, at, at.Add(waitingCheck))
	return toRunStarts(rows), err
}
