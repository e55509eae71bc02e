package postgres

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// ImportDocuments stores many documents of one project as PutDocument stores one. feed supplies
// them in any number of batches. All are stored, or none. Of several documents with one id the last
// counts; the others count as updated.
func (db *DB) ImportDocuments(ctx context.Context, tenant forgehook.TenantID, projectID int32, cause string, keep Keep, feed func(put func([]forgehook.Document) error) error) (created, updated int, raised Raised, err error) {
	defer database.Wrap(&err, "import documents into project %d", projectID)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		imported := imported{}
		err := feed(func(documents []forgehook.Document) error {
			if len(documents) == 0 {
				return nil
			}
			distinct, err := withIDs(ctx, tx, tenant, documents)
			if err != nil {
				return err
			}
			for i := range distinct {
				if err := keep.of(ctx, tx, tenant, &distinct[i]); err != nil {
					return err
				}
			}
			isNew, err := putDocuments(ctx, tx, tenant, projectID, distinct)
			created, updated = created+len(isNew), updated+len(documents)-len(isNew)
			imported.add(distinct, isNew)
			return err
		})
		if err != nil {
			return err
		}
		because, err := findCause(ctx, tx, tenant, cause)
		if err != nil {
			return err
		}
		raised.Runs, err = raise(ctx, tx, tenant, because, database.Now(), imported.happenings()...)
		return err
	})
	if err != nil {
		return 0, 0, Raised{}, err
	}
	return created, updated, raised, nil
}

// imported are the documents of an import by id. One that came twice is new if it was at first, and
// of the service that it named last.
type imported map[int32]importedAs

type importedAs struct {
	serviceID int32
	isNew     bool
}

func (i imported) add(documents []forgehook.Document, isNew map[int32]bool) {
	for _, d := range documents {
		i[d.ID] = importedAs{serviceID: d.ServiceID, isNew: isNew[d.ID] || i[d.ID].isNew}
	}
}

// happenings are, of each service, the event of its new documents and that of the others.
func (i imported) happenings() (happenings []happening) {
	groups := map[importedAs][]int32{}
	for id, as := range i {
		groups[as] = append(groups[as], id)
	}
	services := slices.SortedFunc(maps.Keys(groups), func(a, b importedAs) int {
		if a.serviceID != b.serviceID {
			return cmp.Compare(a.serviceID, b.serviceID)
		}
		if a.isNew {
			return -1
		}
		return 1
	})
	for _, as := range services {
		event := forgehook.EventDocumentUpdated
		if as.isNew {
			event = forgehook.EventDocumentCreated
		}
		happenings = append(happenings, happening{event, as.serviceID, documentItems(groups[as]...)})
	}
	return happenings
}

// withIDs gives new documents their ids and drops all but the last document of each id. It sorts
// them by id, so that concurrent imports lock rows in one order.
func withIDs(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, documents []forgehook.Document) ([]forgehook.Document, error) {
	missing, last := 0, map[int32]int{}
	for i, d := range documents {
		if err := database.CheckID(d.ID); err != nil {
			return nil, err
		}
		if d.ID == 0 {
			missing++
		}
		last[d.ID] = i
	}
	ids, err := database.NewEntityIDs(ctx, tx, tenant, missing)
	if err != nil {
		return nil, err
	}
	distinct := make([]forgehook.Document, 0, len(documents))
	for i, d := range documents {
		switch {
		case d.ID == 0:
			d.ID, ids = ids[0], ids[1:]
		case last[d.ID] != i:
			continue
		}
		distinct = append(distinct, d)
	}
	slices.SortFunc(distinct, func(a, b forgehook.Document) int { return int(a.ID) - int(b.ID) })
	return distinct, nil
}

// putDocuments upserts documents with distinct ids in one statement and returns which of them are
// new.
func putDocuments(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, projectID int32, documents []forgehook.Document) (isNew map[int32]bool, err error) {
	n := len(documents)
	ids, masters, statuses := make([]int32, n), make([]*int32, n), make([]int32, n)
	dates, bodies := make([]*time.Time, n), make([][]byte, n)
	for i, d := range documents {
		d.ProjectID = projectID
		ids[i], masters[i], statuses[i], dates[i] = d.ID, d.MasterID, int32(d.Status), modified(&d)
		if bodies[i], err = forgehook.AppendJSON(nil, d); err != nil {
			return nil, fmt.Errorf("document %d: %w", d.ID, err)
		}
	}
	var stored []struct {
		ID      int32 `db:"id"`
		Created bool  `db:"created"`
	}
	err = tx.List(ctx, &stored, `
		INSERT INTO documents (tenant_id, id, project_id, master_id, status, modified, body, created_at, updated_at)
		SELECT p.tenant_id, d.id, p.id, d.master_id, d.status, d.modified, d.body, $8, $8
		FROM projects p, unnest($3::integer[], $4::integer[], $5::integer[], $6::timestamptz[], $7::bytea[])
		     AS d (id, master_id, status, modified, body)
		WHERE p.tenant_id = $1 AND p.id = $2
		ON CONFLICT (tenant_id, id) DO UPDATE SET project_id = excluded.project_id, master_id = excluded.master_id,
		    status = excluded.status, modified = excluded.modified, body = excluded.body, updated_at = excluded.updated_at
		RETURNING id, xmax = 0 AS created`, // a row that was inserted has not been locked by anyone yet
		tenant, projectID, pq.Array(ids), pq.Array(masters), pq.Array(statuses), pq.Array(dates), pq.Array(bodies), database.Instant())
	if err != nil {
		return nil, err
	}
	if len(stored) == 0 {
		return nil, database.NotFound("project", projectID)
	}
	isNew = map[int32]bool{}
	for _, d := range stored {
		if d.Created {
			isNew[d.ID] = true
		}
	}
	return isNew, nil
}
