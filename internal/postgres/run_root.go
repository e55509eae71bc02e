package postgres

import (
	"context"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// A root starts a chain: an event, or a requested call without a cause. The ancestry
// (cause.mustNot) alone ends every chain, but n utilities that write to documents they all listen
// to could form a chain of each of their orders: n! calls.

// maxFired is how often one root fires a utility for one document: once for the change, once for
// the changes that others made because of it.
const maxFired = 2

// firedFor is a utility that is fired for a document; 0: one without id.
type firedFor struct{ utility, document int32 }

// rootOf is where the descendants of a call of a run are counted. A document without an id cannot
// be told from others of its event, so the root is its own request.
func rootOf(run runRow, call forgehook.Call, request string) string {
	if run.CauseID == nil && call.DocumentID == nil {
		return request
	}
	return run.RootID
}

// firedOften lists what a run must no longer fire because other runs of its root did. Several calls
// of one run for one utility and document are one firing. Ends of calls are counted for each
// utility that made the call, so that all results of three utilities are passed on. Concurrent
// batches of one root wait here for each other. A run without a cause fires everything.
func firedOften(ctx context.Context, tx database.Conn, run runRow, t target, subjects []*forgehook.Subject) (map[firedFor]bool, error) {
	if run.CauseID == nil {
		return nil, nil
	}
	if _, err := tx.Hot().Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('root/' || $1, 0))`, run.RootID); err != nil {
		return nil, err
	}
	var utilities, documents []int32
	for _, u := range t.utilities {
		utilities = append(utilities, u.ID)
	}
	for _, s := range subjects {
		if s != nil {
			documents = append(documents, s.Document.ID)
		}
	}
	var ends *string // the event, where it is the end of a call
	if isCallEvent(forgehook.EventType(run.EventType)) {
		ends = &run.EventType
	}
	var rows []struct {
		Utility  int32 `db:"utility"`
		Document int32 `db:"document"`
	}
	err := tx.Hot().List(ctx, &rows, `
		SELECT c.webhook_service_id AS utility, COALESCE(c.document_id, 0) AS document
		FROM calls c
		WHERE c.root_id = $1 AND c.tenant_id = $2 AND COALESCE(c.document_id, 0) = ANY ($3) AND c.webhook_service_id = ANY ($4)
		  AND c.run_id IS DISTINCT FROM $5
		  AND CASE WHEN $6::text IS NULL THEN COALESCE(c.event_type, '') <> ALL ($7::text[])
		           ELSE c.event_type = $6 AND c.cause[cardinality(c.cause)] = $8 END
		GROUP BY 1, 2 HAVING count(DISTINCT COALESCE(c.run_id, c.id)) >= $9`,
		run.RootID, run.Tenant, int32s(documents), int32s(utilities), run.ID, ends, pq.Array(forgehook.OwnEventTypes), run.Cause[len(run.Cause)-1], maxFired)
	often := make(map[firedFor]bool, len(rows))
	for _, row := range rows {
		often[firedFor{row.Utility, row.Document}] = true
	}
	return often, err
}
