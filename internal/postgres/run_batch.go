package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// AcceptBatch accepts the calls for the next documents of a run, in one transaction; running it
// twice goes on where the first left off. Where no document is left and no call is open the run
// completes. What is gone meanwhile, a document, its field, a work item or the utilities, is called
// for no more; nor is what the run's root has fired often enough, see firedOften. The calls of one
// batch are at most those of the firing utilities' smallest batchSize documents.
func (db *DB) AcceptBatch(ctx context.Context, run forgehook.RunRef, at time.Time) (batch Batch, err error) {
	defer database.Wrap(&err, "accept batch of run %s", run.RunID)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		batch, err = acceptBatch(ctx, tx, run, at)
		return err
	})
	if err != nil {
		return Batch{}, err
	}
	return batch, nil
}

func acceptBatch(ctx context.Context, tx database.Conn, ref forgehook.RunRef, at time.Time) (Batch, error) {
	run, common, err := lockRun(ctx, tx, ref)
	if err != nil {
		return Batch{}, err
	}
	batch := Batch{Open: run.Open, Done: run.Processed >= run.Documents, Stopped: run.StoppedBy != nil}
	switch {
	case run.Outcome != nil:
		batch.Outcome = forgehook.RunOutcome(*run.Outcome)
		return batch, nil
	case batch.Stopped:
		batch.Why, err = whyStopped(ctx, tx, ref, *run.StoppedBy)
		return batch, err
	case batch.Done:
		return completeDrained(ctx, tx, ref, batch, at)
	}
	t, err := firingTarget(ctx, tx, run)
	if err != nil {
		return Batch{}, err
	}
	if batch.Wait = t.waits(); batch.Wait && run.Open > 0 {
		return batch, nil
	}
	items, err := nextItems(ctx, tx, run, common, t.batchSize())
	if err != nil {
		return Batch{}, err
	}
	batch.Processed = len(items)
	if len(t.utilities) > 0 {
		subjects, err := subjectsOf(ctx, tx, run, common, items, t)
		if err != nil {
			return Batch{}, err
		}
		frozen, err := frozenSubjects(subjects)
		if err != nil {
			return Batch{}, err
		}
		batch.Processed = len(frozen)
		if batch.Starts, err = insertBatch(ctx, tx, run, t, subjects[:len(frozen)], frozen, at); err != nil {
			return Batch{}, err
		}
	}
	batch.Calls = len(batch.Starts)
	batch.Open += batch.Calls
	if batch.Calls == 0 && len(t.utilities) == 0 {
		batch.Processed = run.Documents - run.Processed // nobody hears any of them
	}
	batch.Done = run.Processed+batch.Processed >= run.Documents
	batch.Wait = batch.Wait && batch.Open > 0 && !batch.Done
	_, err = tx.Exec(ctx, `
		UPDATE runs SET status = 'running', processed = processed + $3, calls = calls + $4, open = open + $4
		WHERE tenant_id = $1 AND id = $2`, ref.Tenant, ref.RunID, batch.Processed, batch.Calls)
	if err != nil {
		return Batch{}, err
	}
	return completeDrained(ctx, tx, ref, batch, at)
}

// completeDrained ends a run that has nothing left to do and to wait for.
func completeDrained(ctx context.Context, tx database.Conn, run forgehook.RunRef, batch Batch, at time.Time) (Batch, error) {
	if !batch.Done || batch.Open > 0 {
		return batch, nil
	}
	batch.Outcome = forgehook.RunDone
	return batch, completeRun(ctx, tx, run, batch.Outcome, nil, at)
}

// whyStopped names the call that stopped a run.
func whyStopped(ctx context.Context, tx database.Conn, run forgehook.RunRef, callID string) (string, error) {
	var call struct {
		UtilityID int32  `db:"webhook_service_id"`
		Outcome   string `db:"outcome"`
	}
	err := tx.Get(ctx, &call, `SELECT webhook_service_id, outcome FROM calls WHERE tenant_id = $1 AND id = $2`, run.Tenant, callID)
	return fmt.Sprintf("Call %s of utility %d %s, whose onFailure is error.", callID, call.UtilityID, call.Outcome), database.OrNotFound(err, "call", callID)
}

// firingTarget is lockTarget with the utilities that the run fires, in the order of their calls.
func firingTarget(ctx context.Context, tx database.Conn, run runRow) (target, error) {
	t, err := lockTarget(ctx, tx, run.Tenant, nil, &run.ServiceID, nil)
	t.utilities = slices.DeleteFunc(t.utilities, func(u forgehook.Utility) bool {
		return !slices.Contains(u.Settings.Fires(), forgehook.EventType(run.EventType)) || slices.Contains(run.Cause, u.ID)
	})
	return t, err
}

// waits reports whether a batch follows only when no call is open.
func (t target) waits() bool {
	return slices.ContainsFunc(t.utilities, func(u forgehook.Utility) bool { return u.Settings.OnFailure == forgehook.OnFailureError })
}

// batchSize is the smallest of the utilities'.
func (t target) batchSize() int {
	size := defaultBatch
	for i, u := range t.utilities {
		own := defaultBatch
		if u.Settings.BatchSize != nil {
			own = max(*u.Settings.BatchSize, 1)
		}
		if i == 0 || own < size {
			size = own
		}
	}
	return size
}

const (
	defaultBatch = 100
	batchBytes   = 16 << 20 // of subjects, in one transaction: a batch of large ones is taken in parts
)

// nextItems are the next items to process: at least one, and no more than fit into a batch. Their
// size counts their stored data, their masters, and what the run's request gives each.
func nextItems(ctx context.Context, tx database.Conn, run runRow, common []byte, limit int) ([]runItem, error) {
	var rows []struct {
		runItem
		Bytes int `db:"bytes"`
	}
	err := tx.Hot().List(ctx, &rows, `
		SELECT i.document_id, i.document, i.parameter_id, i.verification_id, i.work_item_id,
		       $6 + COALESCE(octet_length(i.document), octet_length(d.body), 0) + COALESCE(octet_length(m.body), 0) AS bytes
		FROM (
			SELECT * FROM (
				SELECT *, sum(octet_length(document)) OVER (ORDER BY position) - octet_length(document) AS before
				FROM run_items WHERE run_id = $2 AND position >= $3 AND position < $3 + $4
			) n WHERE before IS NULL OR before <= $5
		) i
		LEFT JOIN documents d ON d.tenant_id = $1 AND d.id = i.document_id
		LEFT JOIN documents m ON m.tenant_id = $1 AND m.id = d.master_id
		ORDER BY i.position`, run.Tenant, run.ID, run.Processed, limit, batchBytes, len(common))
	if err != nil {
		return nil, err
	}
	var items []runItem
	for bytes, i := 0, 0; i < len(rows) && (i == 0 || bytes+rows[i].Bytes <= batchBytes); i++ {
		bytes += rows[i].Bytes
		items = append(items, rows[i].runItem)
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("run %s has no item at %d of %d", run.ID, run.Processed, run.Documents)
	}
	return items, nil
}

// frozenSubjects are the first subjects in their stored form, at least one and as many as fit into
// a batch; nil for a subject that no longer exists.
func frozenSubjects(subjects []*forgehook.Subject) (frozen [][]byte, err error) {
	bytes := 0
	for i, s := range subjects {
		var body []byte
		if s != nil {
			if body, err = forgehook.AppendJSON(nil, *s); err != nil {
				return nil, err
			}
		}
		if bytes += len(body); i > 0 && bytes > batchBytes {
			break
		}
		frozen = append(frozen, body)
	}
	return frozen, nil
}

// insertBatch stores a request for each subject and its calls, all in one statement.
func insertBatch(ctx context.Context, tx database.Conn, run runRow, t target, subjects []*forgehook.Subject, frozen [][]byte, at time.Time) ([]forgehook.CallStart, error) {
	often, err := firedOften(ctx, tx, run, t, subjects)
	if err != nil {
		return nil, err
	}
	var requests []string
	var bodies [][]byte
	rows := callRows{tenant: run.Tenant, run: &run.ID, event: &run.EventType, cause: run.Cause, causeID: run.CauseID, at: at}
	var starts []forgehook.CallStart
	ids := database.NewIDs(at, len(subjects)*len(t.utilities))
	acceptance := Acceptance{Request: forgehook.CallRequest{Reason: run.Reason}, Now: at}
	for i, s := range subjects {
		if s == nil {
			continue
		}
		request, before := database.NewID(at), len(starts)
		for j, u := range t.utilities {
			if often[firedFor{u.ID, s.Document.ID}] {
				continue
			}
			call := newCall(ids[i*len(t.utilities)+j], acceptance, u, *s)
			rows.add(request, new(rootOf(run, call, request)), call, u.Settings)
			starts = append(starts, newStart(run.Tenant, call, u.Name, u.Settings))
		}
		if len(starts) > before {
			requests, bodies = append(requests, request), append(bodies, frozen[i])
		}
	}
	if len(starts) == 0 {
		return nil, nil
	}
	_, err = tx.Hot().Exec(ctx, `
		WITH request AS (
			INSERT INTO call_requests (id, tenant_id, body_sha256, subject, accepted_at)
			SELECT r.id, $1, '', r.subject, $2 FROM unnest($21::uuid[], $22::bytea[]) AS r (id, subject)
			RETURNING id
		)`+insertCallRows, append(rows.arguments(), pq.Array(requests), pq.Array(bodies))...)
	return starts, err
}
