package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/catalog"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

const documentsList database.ListOf = "documents"

// documentRow is a document. Status and date of modification have columns, so that a delivered call
// sets them without rewriting the body. The columns count.
type documentRow struct {
	ID        int32      `db:"id"`
	ProjectID int32      `db:"project_id"`
	Status    int32      `db:"status"`
	Modified  *time.Time `db:"modified"`
	Body      []byte     `db:"body"`
}

func (r documentRow) toDocument() (d forgehook.Document, err error) {
	if err := json.Unmarshal(r.Body, &d); err != nil {
		return d, fmt.Errorf("stored document %d: %w", r.ID, err)
	}
	d.ID, d.ProjectID, d.Status, d.DTM = r.ID, r.ProjectID, forgehook.DocumentStatus(r.Status), database.OptionalMoment(r.Modified)
	return d, nil
}

// modified is the column for dtm, in the precision that a document is answered in.
func modified(d *forgehook.Document) *time.Time {
	if d.DTM == nil {
		return nil
	}
	at := database.Milliseconds(d.DTM.Time)
	return &at
}

// Keep copies into a replacing document what its client cannot know of the stored one. stored
// returns that, nil if there is none. An error aborts the change.
type Keep func(d *forgehook.Document, stored func() (*forgehook.Document, error)) error

// PutDocument stores a document in the project it names, or replaces the document of that id, which
// then moves to the project. ID 0 asks for a new one. cause is the call that the change comes from,
// "" if unknown: the utilities that led to it do not fire again. keep may be nil.
func (db *DB) PutDocument(ctx context.Context, tenant forgehook.TenantID, d forgehook.Document, cause string, keep Keep) (_ forgehook.Document, created bool, raised Raised, err error) {
	defer database.Wrap(&err, "put document %d into project %d", d.ID, d.ProjectID)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		because, err := findCause(ctx, tx, tenant, cause)
		if err != nil {
			return err
		}
		if d.ID, err = database.OrNewEntityID(ctx, tx, tenant, d.ID); err != nil {
			return err
		}
		if err := keep.of(ctx, tx, tenant, &d); err != nil {
			return err
		}
		fired, err := fires(ctx, tx, tenant, because, d.ServiceID, forgehook.EventDocumentCreated, forgehook.EventDocumentUpdated, forgehook.EventVerification)
		if err != nil {
			return err
		}
		var before *forgehook.Document
		if fired[forgehook.EventDocumentUpdated] || fired[forgehook.EventVerification] {
			if before, err = lockDocument(ctx, tx, tenant, &d.ID); err != nil {
				return err
			}
		}
		isNew, err := putDocuments(ctx, tx, tenant, d.ProjectID, []forgehook.Document{d})
		if err != nil || len(fired) == 0 {
			created = isNew[d.ID]
			return err
		}
		if created = isNew[d.ID]; created {
			raised.Runs, err = raise(ctx, tx, tenant, because, database.Now(), happening{forgehook.EventDocumentCreated, d.ServiceID, documentItems(d.ID)})
			return err
		}
		raised.Runs, err = raiseUpdated(ctx, tx, tenant, because, before, &d)
		return err
	})
	if err != nil {
		return forgehook.Document{}, false, Raised{}, err
	}
	return d, created, raised, nil
}

// of keeps what it may of a document, whose row is locked where it is asked for.
func (k Keep) of(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, d *forgehook.Document) error {
	if k == nil {
		return nil
	}
	return k(d, func() (*forgehook.Document, error) { return lockDocument(ctx, tx, tenant, &d.ID) })
}

// raiseUpdated raises the event of a changed document, unless only its date of modification
// changed. before is nil if that does not matter.
func raiseUpdated(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, because cause, before, after *forgehook.Document) ([]forgehook.RunStart, error) {
	happenings := []happening{{forgehook.EventDocumentUpdated, after.ServiceID, documentItems(after.ID)}}
	if before != nil {
		if same, err := sameDocument(*before, *after); same || err != nil {
			return nil, err
		}
		if items := verificationItems(before, after); len(items) > 0 {
			happenings = append(happenings, happening{forgehook.EventVerification, after.ServiceID, items})
		}
	}
	return raise(ctx, tx, tenant, because, database.Now(), happenings...)
}

// sameDocument compares all but the date of modification.
func sameDocument(a, b forgehook.Document) (bool, error) {
	a.DTM, b.DTM = nil, nil
	one, err := forgehook.AppendJSON(nil, a)
	if err != nil {
		return false, err
	}
	other, err := forgehook.AppendJSON(nil, b)
	return bytes.Equal(one, other), err
}

const documentSelect = `SELECT id, project_id, status, modified, body FROM documents WHERE tenant_id = $1`

// Document returns a document with the status and date of modification in force.
func (db *DB) Document(ctx context.Context, tenant forgehook.TenantID, id int32) (_ forgehook.Document, err error) {
	defer database.Wrap(&err, "document %d", id)
	var row documentRow
	if err := db.conn.Get(ctx, &row, documentSelect+` AND id = $2`, tenant, id); err != nil {
		return forgehook.Document{}, database.OrNotFound(err, "document", id)
	}
	return row.toDocument()
}

// Documents lists the documents of a project by id.
func (db *DB) Documents(ctx context.Context, tenant forgehook.TenantID, projectID int32, page forgehook.Page) (list []forgehook.Document, next string, err error) {
	defer database.Wrap(&err, "list documents of project %d", projectID)
	key, limit, err := documentsList.ReadNumbers(page, 1)
	if err != nil {
		return nil, "", err
	}
	var rows []documentRow
	err = db.conn.List(ctx, &rows, documentSelect+` AND project_id = $2 AND id > $3 ORDER BY id LIMIT $4`,
		tenant, projectID, catalog.First(key), limit+1)
	if err != nil {
		return nil, "", err
	}
	return database.Cut(rows, limit, documentRow.toDocument, func(r documentRow) string { return documentsList.Next(r.ID) })
}

// storedDocuments returns those of the documents that are here, and the masters of those, by id.
func storedDocuments(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, ids []int32) (map[int32]*forgehook.Document, error) {
	documents := map[int32]*forgehook.Document{}
	if len(ids) == 0 {
		return documents, nil
	}
	var rows []documentRow
	err := tx.Hot().List(ctx, &rows, `
		WITH asked AS (
			SELECT id, project_id, master_id, status, modified, body FROM documents WHERE tenant_id = $1 AND id = ANY ($2)
		)
		SELECT id, project_id, status, modified, body FROM asked
		UNION ALL
		SELECT m.id, m.project_id, m.status, m.modified, m.body FROM asked JOIN documents m ON m.tenant_id = $1 AND m.id = asked.master_id`,
		tenant, pq.Array(ids))
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		d, err := row.toDocument()
		if err != nil {
			return nil, err
		}
		documents[d.ID] = &d
	}
	return documents, nil
}

// UpdateDocument lets change alter a document, whose row is locked meanwhile; its id and project
// stay. Its date of modification is now unless change sets one.
func (db *DB) UpdateDocument(ctx context.Context, tenant forgehook.TenantID, id int32, cause string, change func(*forgehook.Document) error) (d forgehook.Document, raised Raised, err error) {
	defer database.Wrap(&err, "update document %d", id)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		because, err := findCause(ctx, tx, tenant, cause)
		if err != nil {
			return err
		}
		var row documentRow
		if err := tx.Get(ctx, &row, documentSelect+` AND id = $2 FOR NO KEY UPDATE`, tenant, id); err != nil {
			return database.OrNotFound(err, "document", id)
		}
		before, err := row.toDocument()
		if err != nil {
			return err
		}
		if d, err = row.toDocument(); err != nil { // a second copy, which shares nothing with the first
			return err
		}
		at := database.Now()
		if err := change(&d); err != nil {
			return err
		}
		d.ID, d.ProjectID, d.DTM = id, row.ProjectID, catalog.StampChange(before.DTM, d.DTM, at)
		body, err := forgehook.AppendJSON(nil, d)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE documents SET body = $3, master_id = $4, status = $5, modified = $6, updated_at = $7
			WHERE tenant_id = $1 AND id = $2`, tenant, id, body, d.MasterID, int32(d.Status), modified(&d), database.Instant())
		if err != nil {
			return err
		}
		raised.Runs, err = raiseUpdated(ctx, tx, tenant, because, &before, &d)
		return err
	})
	if err != nil {
		return forgehook.Document{}, Raised{}, err
	}
	return d, raised, nil
}

// DeleteDocument deletes a document; its open work items become DocumentDeleted. Calls keep their
// frozen subject. Calls that the deletion fires see the document as it was.
func (db *DB) DeleteDocument(ctx context.Context, tenant forgehook.TenantID, id int32, cause string) (raised Raised, err error) {
	defer database.Wrap(&err, "delete document %d", id)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		because, err := findCause(ctx, tx, tenant, cause)
		if err != nil {
			return err
		}
		var row documentRow
		err = tx.Get(ctx, &row, `
			DELETE FROM documents WHERE tenant_id = $1 AND id = $2 RETURNING id, project_id, status, modified, body`, tenant, id)
		if err != nil {
			return database.OrNotFound(err, "document", id)
		}
		d, err := row.toDocument()
		if err != nil {
			return err
		}
		body, err := forgehook.AppendJSON(nil, d)
		if err != nil {
			return err
		}
		runs, err := raise(ctx, tx, tenant, because, database.Now(), happening{forgehook.EventDocumentDeleted, d.ServiceID, []runItem{{Document: body}}})
		if err != nil {
			return err
		}
		raised, err = documentGone(ctx, tx, tenant, because, d, body)
		raised.Runs = append(runs, raised.Runs...)
		return err
	})
	if err != nil {
		return Raised{}, err
	}
	return raised, nil
}

// [DB.LatestDocuments] looks at this much: a sample with a bounded cost.
const (
	latestAmong = 100       // documents of the project
	latestBytes = 256 << 10 // of a document's JSON; larger ones are passed over
)

// LatestDocuments are at most n documents of a service, or of the parent of a utility, highest ids
// first. Only the last documents of their project are searched.
func (db *DB) LatestDocuments(ctx context.Context, tenant forgehook.TenantID, serviceID int32, n int) (list []forgehook.Document, err error) {
	defer database.Wrap(&err, "latest documents of service %d", serviceID)
	var rows []struct {
		documentRow
		ServiceID int32 `db:"service_id"`
	}
	err = db.conn.List(ctx, &rows, `
		SELECT d.id, d.project_id, d.status, d.modified, d.body, s.id AS service_id
		FROM (SELECT COALESCE(parent_id, id) AS id, project_id FROM services WHERE tenant_id = $1 AND id = $2) s
		CROSS JOIN LATERAL (
			SELECT id, project_id, status, modified, body FROM documents
			WHERE tenant_id = $1 AND project_id = s.project_id AND octet_length(body) <= $4 ORDER BY id DESC LIMIT $5
		) d
		WHERE position(convert_to('"serviceId":' || s.id || ',', 'UTF8') IN d.body) > 0
		ORDER BY d.id DESC LIMIT $3`, tenant, serviceID, n, latestBytes, latestAmong)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		d, err := row.toDocument()
		if err != nil {
			return nil, err
		}
		if d.ServiceID == row.ServiceID { // a verification may name the service too
			list = append(list, d)
		}
	}
	return list, nil
}
