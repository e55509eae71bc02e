package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// happening is an event that a change raises: a run over its items, in their order, for the
// utilities of a service that fire on the event.
type happening struct {
	event     forgehook.EventType
	serviceID int32
	items     []runItem
}

// runItem is what the calls of a run for one document, verification or work item are about. Call
// events take their subject from the call that is the run's cause; of the item they use the
// document's id.
type runItem struct {
	DocumentID     *int32 `db:"document_id"`
	Document       []byte `db:"document"` // as it was given, or as it was when it was deleted; nil: as it is stored
	ParameterID    *int32 `db:"parameter_id"`
	VerificationID *int32 `db:"verification_id"`
	WorkItemID     *int32 `db:"work_item_id"`
}

// findCause resolves a call's id, with or without dashes, or a webhook-id. A text that names no
// call of the tenant is the zero cause: senders may send anything.
func findCause(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, named string) (cause, error) {
	id, err := uuid.Parse(strings.TrimPrefix(named, webhookIDPrefix))
	if err != nil || id.Version() != database.IDVersion {
		return cause{}, nil //nolint:nilerr // see above; few trace ids of others look like ours
	}
	found, _, err := causeOf(ctx, tx, forgehook.CallRef{Tenant: tenant, CallID: id.String()})
	if forgehook.ErrorCode(err) == forgehook.CodeNotFound {
		return cause{}, nil
	}
	return found, err
}

// webhookIDPrefix is what a webhook-id has before the id of the call that it was made for; see
// newWebhookID.
const webhookIDPrefix = "msg_"

// raise stores a run for each happening that fires some utility of its service, apart from the
// utilities that led to it. It runs in the transaction of the change. Usually nothing fires, and
// that costs one cheap query.
func raise(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, because cause, at time.Time, happenings ...happening) ([]forgehook.RunStart, error) {
	fired, err := firing(ctx, tx, tenant, because, happenings)
	if err != nil || len(fired) == 0 {
		return nil, err
	}
	runs := make([]newRun, len(fired))
	ids := database.NewIDs(at, len(fired))
	for i, f := range fired {
		h := happenings[f.Place-1]
		runs[i] = newRun{
			id: ids[i], projectID: f.ProjectID, serviceID: h.serviceID, event: h.event, cause: because, items: h.items, acceptedAt: database.Milliseconds(at),
		}
	}
	starts := make([]forgehook.RunStart, len(runs))
	for i, r := range runs {
		if _, err := insertRun(ctx, tx, tenant, r); err != nil {
			return nil, err
		}
		starts[i] = r.start(tenant)
	}
	return starts, nil
}

// firedRow is a happening, counted from 1, on which a utility fires.
type firedRow struct {
	Place     int   `db:"place"`
	ProjectID int32 `db:"project_id"` // of the service
}

// firing finds the happenings on which a utility fires, in their order.
func firing(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, because cause, happenings []happening) ([]firedRow, error) {
	var services []int32
	var events []string
	for _, h := range happenings {
		services, events = append(services, h.serviceID), append(events, string(h.event))
	}
	if len(happenings) == 0 {
		return nil, nil
	}
	var rows []firedRow
	err := tx.Hot().List(ctx, &rows, `
		SELECT h.place, s.project_id
		FROM unnest($2::integer[], $3::text[]) WITH ORDINALITY AS h (service, event, place)
		JOIN services s ON s.tenant_id = $1 AND s.id = h.service AND s.parent_id IS NULL
		WHERE EXISTS (
			SELECT FROM services u
			WHERE u.tenant_id = $1 AND u.parent_id = h.service AND h.event = ANY (u.fires) AND u.id <> ALL ($4::integer[])
		) ORDER BY h.place`, tenant, pq.Array(services), pq.Array(events), int32s(because.mustNot))
	return rows, err
}

// fires returns the events that some utility of a service fires on.
func fires(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, because cause, serviceID int32, events ...forgehook.EventType) (map[forgehook.EventType]bool, error) {
	happenings := make([]happening, len(events))
	for i, event := range events {
		happenings[i] = happening{event: event, serviceID: serviceID}
	}
	fired, err := firing(ctx, tx, tenant, because, happenings)
	found := map[forgehook.EventType]bool{}
	for _, f := range fired {
		found[events[f.Place-1]] = true
	}
	return found, err
}

// int32s is a list that is never NULL.
func int32s(list []int32) any {
	if list == nil {
		list = []int32{}
	}
	return pq.Array(list)
}

// newRun is a run that is to be stored. One that fires nothing is stored as completed.
type newRun struct {
	id                   string
	projectID, serviceID int32
	event                forgehook.EventType
	reason               *string
	key                  string // "": none
	bodySHA256           []byte
	cause                cause
	request              []byte // see runs.request
	items                []runItem
	acceptedAt           time.Time
	completed            bool
}

func (r newRun) start(tenant forgehook.TenantID) forgehook.RunStart {
	return forgehook.RunStart{
		RunRef: forgehook.RunRef{Tenant: tenant, RunID: r.id}, ServiceID: r.serviceID, ProjectID: r.projectID, Type: r.event, Documents: len(r.items),
	}
}

// insertRun stores a run and its items in one statement; false where its idempotency key is taken.
func insertRun(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, r newRun) (bool, error) {
	status, processed := forgehook.RunAccepted, 0
	var outcome *forgehook.RunOutcome
	var completedAt *time.Time
	documents := len(r.items)
	if r.completed {
		status, processed, outcome, completedAt = forgehook.RunCompleted, documents, new(forgehook.RunDone), &r.acceptedAt
		r.items, r.request = nil, nil // nobody will read them
	}
	n := len(r.items)
	ids, parameters, verifications, workItems := make([]*int32, n), make([]*int32, n), make([]*int32, n), make([]*int32, n)
	bodies := make([][]byte, n)
	for i, item := range r.items {
		ids[i], bodies[i] = item.DocumentID, item.Document
		parameters[i], verifications[i], workItems[i] = item.ParameterID, item.VerificationID, item.WorkItemID
	}
	root := r.cause.root
	if root == "" {
		root = r.id
	}
	var stored bool
	err := tx.Get(ctx, &stored, `
		WITH run AS (
			INSERT INTO runs (id, tenant_id, project_id, service_id, event_type, reason, idempotency_key, body_sha256, cause_id, cause,
			                  request, documents, processed, accepted_at, status, outcome, completed_at, root_id)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $23)
			ON CONFLICT (tenant_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
			RETURNING id
		), items AS (
			INSERT INTO run_items (run_id, position, document_id, document, parameter_id, verification_id, work_item_id)
			SELECT run.id, i.place - 1, i.document, NULLIF(i.body, ''), i.parameter, i.verification, i.work_item
			FROM run, unnest($18::integer[], $19::bytea[], $20::integer[], $21::integer[], $22::integer[])
			     WITH ORDINALITY AS i (document, body, parameter, verification, work_item, place)
		)
		SELECT EXISTS (SELECT FROM run)`,
		r.id, tenant, r.projectID, r.serviceID, r.event, r.reason, database.OrNull(r.key), r.bodySHA256, r.cause.callID(), int32s(r.cause.mustNot),
		r.request, documents, processed, r.acceptedAt, status, outcome, completedAt,
		pq.Array(ids), pq.Array(bodies), pq.Array(parameters), pq.Array(verifications), pq.Array(workItems), root)
	return stored, err
}

// verificationItems are the verifications of a document that it did not have before, each with its
// parameter. Those without an id cannot be told from others.
func verificationItems(before, after *forgehook.Document) (items []runItem) {
	type key struct{ parameter, verification int32 }
	known := map[key]bool{}
	for p := range before.Fields() {
		for i := range p.Verifications {
			known[key{p.ID, p.Verifications[i].ID}] = true
		}
	}
	for p := range after.Fields() {
		for i := range p.Verifications {
			k := key{p.ID, p.Verifications[i].ID}
			if k.verification == 0 || known[k] {
				continue
			}
			known[k] = true
			items = append(items, runItem{DocumentID: &after.ID, ParameterID: orNullID(k.parameter), VerificationID: new(k.verification)})
		}
	}
	return items
}

// documentItems are documents as they are stored, in the order of their ids.
func documentItems(ids ...int32) []runItem {
	slices.Sort(ids)
	items := make([]runItem, len(ids))
	for i := range ids {
		items[i] = runItem{DocumentID: &ids[i]}
	}
	return items
}
