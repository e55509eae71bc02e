package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/forgehook/forgehook"
)

const projectsList listOf = "projects"

type projectRow struct {
	ID   int32  `db:"id"`
	Body []byte `db:"body"`
}

func (r projectRow) toProject() (p forgehook.Project, err error) {
	if err := json.Unmarshal(r.Body, &p); err != nil {
		return p, fmt.Errorf("stored project %d: %w", r.ID, err)
	}
	p.ID = r.ID
	return p, nil
}

// CreateProject stores a project. ID 0 is handed out; one that is taken is a CodeConflict. Its two dates are now where it has
// none.
func (db *DB) CreateProject(ctx context.Context, tenant forgehook.TenantID, p forgehook.Project) (_ forgehook.Project, err error) {
	defer wrap(&err, "create project %d", p.ID)
	at := now()
	stampNew(&p.DTC, &p.DTM, at)
	err = db.inTx(ctx, func(tx conn) error {
		if p.ID, err = orNewEntityID(ctx, tx, tenant, p.ID); err != nil {
			return err
		}
		body, err := json.Marshal(p)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `
			INSERT INTO projects (tenant_id, id, body, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)`, tenant, p.ID, body, at)
		return err
	})
	return p, err
}

// Project returns a project.
func (db *DB) Project(ctx context.Context, tenant forgehook.TenantID, id int32) (_ forgehook.Project, err error) {
	defer wrap(&err, "project %d", id)
	var row projectRow
	if err := db.get(ctx, &row, `SELECT id, body FROM projects WHERE tenant_id = $1 AND id = $2`, tenant, id); err != nil {
		return forgehook.Project{}, orNotFound(err, "project", id)
	}
	return row.toProject()
}

// Projects lists projects by id.
func (db *DB) Projects(ctx context.Context, tenant forgehook.TenantID, page forgehook.Page) (list []forgehook.Project, next string, err error) {
	defer wrap(&err, "list projects")
	key, limit, err := projectsList.readNumbers(page, 1)
	if err != nil {
		return nil, "", err
	}
	var rows []projectRow
	err = db.list(ctx, &rows, `
		SELECT id, body FROM projects WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3`, tenant, first(key), limit+1)
	if err != nil {
		return nil, "", err
	}
	return cut(rows, limit, projectRow.toProject, func(r projectRow) string { return projectsList.next(r.ID) })
}

// UpdateProject lets change alter a project, whose row is locked meanwhile; its id stays.
func (db *DB) UpdateProject(ctx context.Context, tenant forgehook.TenantID, id int32, change func(*forgehook.Project) error) (p forgehook.Project, err error) {
	defer wrap(&err, "update project %d", id)
	err = db.inTx(ctx, func(tx conn) error {
		var row projectRow
		err := tx.get(ctx, &row, `SELECT id, body FROM projects WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`, tenant, id)
		if err != nil {
			return orNotFound(err, "project", id)
		}
		if p, err = row.toProject(); err != nil {
			return err
		}
		at, before := now(), p.DTM
		if err := change(&p); err != nil {
			return err
		}
		p.ID, p.DTM = id, stampChange(before, p.DTM, at)
		body, err := json.Marshal(p)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `UPDATE projects SET body = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2`, tenant, id, body, at)
		return err
	})
	return p, err
}

// DeleteProject deletes a project that has nothing left: services, documents, categories or work items are a CodeConflict that counts
// them.
func (db *DB) DeleteProject(ctx context.Context, tenant forgehook.TenantID, id int32) (err error) {
	defer wrap(&err, "delete project %d", id)
	return db.inTx(ctx, func(tx conn) error {
		// The lock keeps new services, documents, categories and work items out, whose foreign keys want it too.
		var found int
		err := tx.get(ctx, &found, `SELECT 1 FROM projects WHERE tenant_id = $1 AND id = $2 FOR UPDATE`, tenant, id)
		if err != nil {
			return orNotFound(err, "project", id)
		}
		var rest struct {
			Services, Documents, Categories int
			WorkItems                       int `db:"work_items"`
		}
		err = tx.get(ctx, &rest, `
			SELECT (SELECT count(*) FROM services WHERE tenant_id = $1 AND project_id = $2) AS services,
			       (SELECT count(*) FROM documents WHERE tenant_id = $1 AND project_id = $2) AS documents,
			       (SELECT count(*) FROM categories WHERE tenant_id = $1 AND project_id = $2) AS categories,
			       (SELECT count(*) FROM work_items WHERE tenant_id = $1 AND project_id = $2) AS work_items`, tenant, id)
		if err != nil {
			return err
		}
		err = inUse("Project", id, counted(rest.Services, "service"), counted(rest.Documents, "document"), counted(rest.Categories, "category"),
			counted(rest.WorkItems, "work item"))
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `DELETE FROM projects WHERE tenant_id = $1 AND id = $2`, tenant, id)
		return err
	})
}

// first is the number that a list goes on behind, 0 at its start: ids begin at 1.
func first(key []int32) int32 {
	if key == nil {
		return 0
	}
	return key[0]
}

// stampNew dates an entity that was made here; dates that came with it stay.
func stampNew(dtc, dtm **forgehook.Time, at time.Time) {
	for _, date := range []**forgehook.Time{dtc, dtm} {
		if *date == nil {
			*date = &forgehook.Time{Time: at}
		}
	}
}

// stampChange is the time of modification after a change: what the change set, else now.
func stampChange(before, after *forgehook.Time, at time.Time) *forgehook.Time {
	if before != nil && after != nil && !after.Equal(before.Time) || before == nil && after != nil {
		return after
	}
	return &forgehook.Time{Time: at}
}
