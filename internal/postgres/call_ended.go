package postgres

import (
	"context"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// EndsChannel is notified once of each outcome of a call: "<tenant>/<call id>/<outcome>". Runs of
// events and processes of work items are notified as "<tenant>/<id>". See room await.
const EndsChannel = "forgehook_calls"

// WaitedFor names the table of what is waited for.
type WaitedFor string

// What may be waited for.
const (
	ForCalls     WaitedFor = "calls"
	ForRuns      WaitedFor = "runs"
	ForProcesses WaitedFor = "work_item_processes"
)

// Ended are the ids of those calls, runs or processes that have an outcome.
func (db *DB) Ended(ctx context.Context, kind WaitedFor, refs []forgehook.CallRef) (ended []string, err error) {
	defer database.Wrap(&err, "look for the ends of %d %s", len(refs), kind)
	tenants, ids := splitRefs(refs)
	err = db.conn.List(ctx, &ended, `
		SELECT c.id FROM unnest($1::uuid[], $2::uuid[]) AS r (tenant_id, id)
		JOIN `+string(kind)+` c ON c.tenant_id = r.tenant_id AND c.id = r.id WHERE c.outcome IS NOT NULL`,
		pq.Array(tenants), pq.Array(ids))
	return ended, err
}
