package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

const projectsList database.ListOf = "projects"

type ProjectRow struct {
	ID   int32  `db:"id"`
	Body []byte `db:"body"`
}

func (r ProjectRow) ToProject() (p forgehook.Project, err error) {
	if err := json.Unmarshal(r.Body, &p); err != nil {
		return p, fmt.Errorf("stored project %d: %w", r.ID, err)
	}
	p.ID = r.ID
	return p, nil
}

// CreateProject stores a project. ID 0 asks for a new one; a used id is a CodeConflict. Missing
// dates become now.
func (db *Catalog) CreateProject(ctx context.Context, tenant forgehook.TenantID, p forgehook.Project) (_ forgehook.Project, err error) {
	defer database.Wrap(&err, "create project %d", p.ID)
	at := database.Now()
	stampNew(&p.DTC, &p.DTM, at)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		if p.ID, err = database.OrNewEntityID(ctx, tx, tenant, p.ID); err != nil {
			return err
		}
		body, err := json.Marshal(p)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO projects (tenant_id, id, body, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)`, tenant, p.ID, body, at)
		return err
	})
	return p, err
}

// Project returns a project.
func (db *Catalog) Project(ctx context.Context, tenant forgehook.TenantID, id int32) (_ forgehook.Project, err error) {
	defer database.Wrap(&err, "project %d", id)
	var row ProjectRow
	if err := db.conn.Get(ctx, &row, `SELECT id, body FROM projects WHERE tenant_id = $1 AND id = $2`, tenant, id); err != nil {
		return forgehook.Project{}, database.OrNotFound(err, "project", id)
	}
	return row.ToProject()
}

// Projects lists projects by id.
func (db *Catalog) Projects(ctx context.Context, tenant forgehook.TenantID, page forgehook.Page) (list []forgehook.Project, next string, err error) {
	defer database.Wrap(&err, "list projects")
	key, limit, err := projectsList.ReadNumbers(page, 1)
	if err != nil {
		return nil, "", err
	}
	var rows []ProjectRow
	err = db.conn.List(ctx, &rows, `
		SELECT id, body FROM projects WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3`, tenant, First(key), limit+1)
	if err != nil {
		return nil, "", err
	}
	return database.Cut(rows, limit, ProjectRow.ToProject, func(r ProjectRow) string { return projectsList.Next(r.ID) })
}

// UpdateProject lets change alter a project, whose row is locked meanwhile; its id stays.
func (db *Catalog) UpdateProject(ctx context.Context, tenant forgehook.TenantID, id int32, change func(*forgehook.Project) error) (p forgehook.Project, err error) {
	defer database.Wrap(&err, "update project %d", id)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		var row ProjectRow
		err := tx.Get(ctx, &row, `SELECT id, body FROM projects WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`, tenant, id)
		if err != nil {
			return database.OrNotFound(err, "project", id)
		}
		if p, err = row.ToProject(); err != nil {
			return err
		}
		at, before := database.Now(), p.DTM
		if err := change(&p); err != nil {
			return err
		}
		p.ID, p.DTM = id, StampChange(before, p.DTM, at)
		body, err := json.Marshal(p)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE projects SET body = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2`, tenant, id, body, at)
		return err
	})
	return p, err
}

// DeleteProject deletes an empty project. Remaining services, documents, categories or work items
// are a CodeConflict that counts them.
func (db *Catalog) DeleteProject(ctx context.Context, tenant forgehook.TenantID, id int32) (err error) {
	defer database.Wrap(&err, "delete project %d", id)
	return db.conn.InTx(ctx, func(tx database.Conn) error {
		// The lock stops new services, documents, categories and work items, because their foreign
		// keys need it too.
		var found int
		err := tx.Get(ctx, &found, `SELECT 1 FROM projects WHERE tenant_id = $1 AND id = $2 FOR UPDATE`, tenant, id)
		if err != nil {
			return database.OrNotFound(err, "project", id)
		}
		var rest struct {
			Services, Documents, Categories int
			WorkItems                       int `db:"work_items"`
		}
		err = tx.Get(ctx, &rest, `
			SELECT (SELECT count(*) FROM services WHERE tenant_id = $1 AND project_id = $2) AS services,
			       (SELECT count(*) FROM documents WHERE tenant_id = $1 AND project_id = $2) AS documents,
			       (SELECT count(*) FROM categories WHERE tenant_id = $1 AND project_id = $2) AS categories,
			       (SELECT count(*) FROM work_items WHERE tenant_id = $1 AND project_id = $2) AS work_items`, tenant, id)
		if err != nil {
			return err
		}
		err = database.InUse("Project", id, database.Counted(rest.Services, "service"), database.Counted(rest.Documents, "document"), database.Counted(rest.Categories, "category"),
			database.Counted(rest.WorkItems, "work item"))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM projects WHERE tenant_id = $1 AND id = $2`, tenant, id)
		return err
	})
}

// First is the id after which a list continues, 0 at its start: ids begin at 1.
func First(key []int32) int32 {
	if key == nil {
		return 0
	}
	return key[0]
}

// stampNew sets the missing dates of a new entity.
func stampNew(dtc, dtm **forgehook.Time, at time.Time) {
	for _, date := range []**forgehook.Time{dtc, dtm} {
		if *date == nil {
			*date = &forgehook.Time{Time: at}
		}
	}
}

// StampChange is the time of modification after a change: what the change set, else now.
func StampChange(before, after *forgehook.Time, at time.Time) *forgehook.Time {
	if before != nil && after != nil && !after.Equal(before.Time) || before == nil && after != nil {
		return after
	}
	return &forgehook.Time{Time: at}
}
