package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// EventAcceptance raises an event of a service.
type EventAcceptance struct {
	ServiceID      int32
	Event          forgehook.EventRequest
	IdempotencyKey string // "": none
	BodySHA256     []byte
	CauseID        string // the call that caused it, "": none known
	Now            time.Time
}

// AcceptedEvent is the run of an event. If Repeated, the key was used before for the same request
// and this is its first run.
type AcceptedEvent struct {
	Run      forgehook.Run
	Start    *forgehook.RunStart // nil: it has begun, or ended
	Repeated bool
}

// AcceptEvent stores an event and its subjects, all or nothing. Once it returns the event is never
// lost. [DB.AcceptBatch] makes its calls. The run of an event that fires no utility has completed.
// A document that is named twice counts once. An unknown service is CodeNotFound. References that
// name nothing are CodeInvalid, all at once. It may also return CodeKeyReused.
func (db *DB) AcceptEvent(ctx context.Context, tenant forgehook.TenantID, a EventAcceptance) (accepted AcceptedEvent, err error) {
	defer database.Wrap(&err, "accept event %s of service %d", a.Event.Type, a.ServiceID)
	if err := a.Event.Validate(); err != nil {
		return AcceptedEvent{}, err
	}
	if err := validKey(a.IdempotencyKey); err != nil {
		return AcceptedEvent{}, err
	}
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		var taken bool
		accepted, taken, err = acceptEvent(ctx, tx, tenant, a)
		refused := taken || forgehook.ErrorCode(err) != ""
		if a.IdempotencyKey == "" || !refused {
			return err
		}
		earlier, found, lookupErr := runBefore(ctx, tx, tenant, a)
		if found || lookupErr != nil {
			accepted = earlier
			return lookupErr
		}
		return err
	})
	if err != nil {
		return AcceptedEvent{}, err
	}
	return accepted, nil
}

func acceptEvent(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, a EventAcceptance) (_ AcceptedEvent, taken bool, err error) {
	var service struct {
		ProjectID int32 `db:"project_id"`
	}
	err = tx.Get(ctx, &service, `
		SELECT project_id FROM services WHERE tenant_id = $1 AND id = $2 AND parent_id IS NULL`, tenant, a.ServiceID)
	if err != nil {
		return AcceptedEvent{}, false, database.OrNotFound(err, "service", a.ServiceID)
	}
	request := a.Event.About()
	faults, err := eventFaults(ctx, tx, tenant, service.ProjectID, a.Event, request)
	if err != nil {
		return AcceptedEvent{}, false, err
	}
	if err := forgehook.Invalid(faults...); err != nil {
		return AcceptedEvent{}, false, err
	}
	items, err := eventItems(a.Event, request)
	if err != nil {
		return AcceptedEvent{}, false, err
	}
	run := newRun{
		id: database.NewID(a.Now), projectID: service.ProjectID, serviceID: a.ServiceID, event: a.Event.Type, reason: database.OptionalStorable(a.Event.Request.Reason),
		key: a.IdempotencyKey, bodySHA256: a.BodySHA256, items: items, acceptedAt: database.Milliseconds(a.Now),
	}
	request.DocumentID, request.Document, request.Reason = nil, nil, nil // items and the run itself have them
	if request != (forgehook.CallRequest{}) {
		if run.request, err = forgehook.AppendJSON(nil, request); err != nil {
			return AcceptedEvent{}, false, err
		}
	}
	if run.cause, err = findCause(ctx, tx, tenant, a.CauseID); err != nil {
		return AcceptedEvent{}, false, err
	}
	fired, err := fires(ctx, tx, tenant, run.cause, a.ServiceID, a.Event.Type)
	if err != nil {
		return AcceptedEvent{}, false, err
	}
	run.completed = !fired[a.Event.Type]
	stored, err := insertRun(ctx, tx, tenant, run)
	if err != nil || !stored {
		return AcceptedEvent{}, !stored, err
	}
	accepted := AcceptedEvent{}
	if !run.completed {
		accepted.Start = new(run.start(tenant))
	}
	var row runRow
	if err := tx.Get(ctx, &row, `SELECT `+runColumns+` FROM runs r WHERE r.tenant_id = $1 AND r.id = $2`, tenant, run.id); err != nil {
		return AcceptedEvent{}, false, err
	}
	accepted.Run, err = row.toRun()
	return accepted, false, err
}

// eventFaults are references that name nothing, and documents of other projects.
func eventFaults(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, projectID int32, e forgehook.EventRequest, request forgehook.CallRequest) (faults []forgehook.FieldError, err error) {
	if len(e.DocumentIDs)+len(e.Documents) == 0 {
		subject, faults, err := freeze(ctx, tx, tenant, request)
		if d := subject.Document; d != nil && strange(*d, projectID) {
			faults = append(faults, forgehook.FieldError{Path: "documentId", Value: strconv.Itoa(int(d.ID)), Allowed: ofProject(projectID)})
		}
		return faults, err
	}
	for i, d := range e.Documents {
		if strange(d, projectID) {
			path := fmt.Sprintf("documents[%d].projectId", i)
			faults = append(faults, forgehook.FieldError{Path: path, Value: strconv.Itoa(int(d.ProjectID)), Allowed: strconv.Itoa(int(projectID)) + ", or absent"})
		}
	}
	var missing []struct {
		Place int   `db:"place"`
		ID    int32 `db:"id"`
	}
	err = tx.List(ctx, &missing, `
		SELECT g.place, g.id FROM unnest($2::integer[]) WITH ORDINALITY AS g (id, place)
		WHERE NOT EXISTS (SELECT FROM documents d WHERE d.tenant_id = $1 AND d.id = g.id AND d.project_id = $3) ORDER BY g.place LIMIT 100`,
		tenant, int32s(e.DocumentIDs), projectID)
	for _, m := range missing {
		faults = append(faults, forgehook.FieldError{
			Path: fmt.Sprintf("documentIds[%d]", m.Place-1), Value: strconv.Itoa(int(m.ID)), Allowed: ofProject(projectID),
		})
	}
	if id := request.MasterDocumentID; id != nil && err == nil {
		var stored bool
		err = tx.Get(ctx, &stored, `SELECT EXISTS (SELECT FROM documents WHERE tenant_id = $1 AND id = $2)`, tenant, *id)
		if !stored {
			faults = append(faults, forgehook.FieldError{Path: "masterDocumentId", Value: strconv.Itoa(int(*id)), Allowed: "the id of a stored document"})
		}
	}
	return faults, err
}

// strange reports whether a document is of another project. An inline document may omit its
// project.
func strange(d forgehook.Document, projectID int32) bool {
	return d.ProjectID != 0 && d.ProjectID != projectID
}

func ofProject(id int32) string { return fmt.Sprintf("the id of a stored document of project %d", id) }

// eventItems are the documents of an event, each id once.
func eventItems(e forgehook.EventRequest, request forgehook.CallRequest) ([]runItem, error) {
	ids, documents := e.DocumentIDs, e.Documents
	switch {
	case request.DocumentID != nil:
		ids = []int32{*request.DocumentID}
	case request.Document != nil:
		documents = []forgehook.Document{*request.Document}
	case len(ids)+len(documents) == 0:
		return []runItem{{}}, nil // of a work item
	}
	var items []runItem
	known := map[int32]bool{}
	for _, id := range ids {
		if !known[id] {
			known[id] = true
			items = append(items, runItem{DocumentID: new(id)})
		}
	}
	for i := range documents {
		body, err := forgehook.AppendJSON(nil, documents[i])
		if err != nil {
			return nil, err
		}
		items = append(items, runItem{Document: body})
	}
	return items, nil
}

// validKey checks an idempotency key.
func validKey(key string) error {
	if len(key) <= MaxIdempotencyKey && database.Storable(key) == key {
		return nil
	}
	return forgehook.Invalid(forgehook.FieldError{
		Path: "Idempotency-Key", Value: forgehook.Shorten(database.Storable(key), 100), Allowed: "a text of at most 255 bytes",
	})
}
