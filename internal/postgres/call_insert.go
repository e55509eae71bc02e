package postgres

import (
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// callRows are calls that are accepted together: what is frozen of them, column by column.
type callRows struct {
	tenant  forgehook.TenantID
	at      time.Time
	event   *string // nil: none, somebody has asked for them
	run     *string // of that event
	causeID *string
	cause   []int32

	ids, requests, webhookIDs       []string
	utilities, services, projects   []int32
	versions                        []int32
	documents, workItems, processed []*int32
	reasons, onFailure, roots       []*string
	deadlines                       []time.Time
}

// add adds a call of a request. Its descendants are counted at root; nil means at the call itself.
func (r *callRows) add(request string, root *string, call forgehook.Call, s forgehook.Settings) {
	r.ids, r.requests, r.webhookIDs = append(r.ids, call.ID), append(r.requests, request), append(r.webhookIDs, call.WebhookID)
	r.utilities = append(r.utilities, call.WebHookServiceID)
	r.services, r.projects = append(r.services, call.ServiceID), append(r.projects, call.ProjectID)
	r.versions = append(r.versions, int32(call.SettingsVersion)) //nolint:gosec // it comes from an integer column
	r.documents, r.workItems = append(r.documents, call.DocumentID), append(r.workItems, call.WorkItemID)
	r.processed = append(r.processed, (*int32)(s.DocumentProcessedStatus))
	r.reasons, r.onFailure, r.roots = append(r.reasons, call.Reason), append(r.onFailure, storedOnFailure(s)), append(r.roots, root)
	r.deadlines = append(r.deadlines, call.DeadlineAt.Time)
}

// storedOnFailure is NULL for those that go on: most do.
func storedOnFailure(s forgehook.Settings) *string {
	if s.OnFailure == forgehook.OnFailureContinue {
		return nil
	}
	return database.OrNull(s.OnFailure)
}

// insertCallRows inserts them, $1 to $20. A part of the statement before it, request, stores their
// requests: one whose key was taken gets no calls.
const insertCallRows = `
	INSERT INTO calls (id, tenant_id, request_id, project_id, service_id, webhook_service_id, document_id, work_item_id, settings_version,
	                   processed_status, webhook_id, reason, accepted_at, deadline_at, status, event_type, run_id, cause_id, cause, on_failure, root_id)
	SELECT c.id, $1, c.request, c.project, c.service, c.utility, c.document, c.work_item, c.version,
	       c.processed, c.webhook_id, c.reason, $2, c.deadline, 'accepted', $3, $4, $5, $6, c.on_failure, c.root
	FROM unnest($7::uuid[], $8::uuid[], $9::integer[], $10::integer[], $11::integer[], $12::integer[], $13::integer[], $14::integer[],
	            $15::integer[], $16::text[], $17::text[], $18::timestamptz[], $19::text[], $20::uuid[])
	     AS c (id, request, project, service, utility, document, work_item, version, processed, webhook_id, reason, deadline, on_failure, root)
	JOIN request ON request.id = c.request`

func (r *callRows) arguments() []any {
	return []any{
		r.tenant, database.Milliseconds(r.at), r.event, r.run, r.causeID, pq.Array(r.cause),
		pq.Array(r.ids), pq.Array(r.requests), pq.Array(r.projects), pq.Array(r.services), pq.Array(r.utilities), pq.Array(r.documents),
		pq.Array(r.workItems), pq.Array(r.versions), pq.Array(r.processed), pq.Array(r.webhookIDs), pq.Array(r.reasons),
		pq.Array(r.deadlines), pq.Array(r.onFailure), pq.Array(r.roots),
	}
}
