package catalog

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

const categoriesList database.ListOf = "categories"

type CategoryRow struct {
	ID        int32  `db:"id"`
	ProjectID int32  `db:"project_id"`
	Body      []byte `db:"body"`
}

func (r CategoryRow) ToCategory() (c forgehook.Category, err error) {
	if err := json.Unmarshal(r.Body, &c); err != nil {
		return c, fmt.Errorf("stored category %d: %w", r.ID, err)
	}
	c.ID, c.ProjectID = r.ID, r.ProjectID
	return c, nil
}

// PutCategory stores a category in the project it names, or replaces the category of that id, which
// then moves to the project. ID 0 asks for a new one. Missing dates become now.
func (db *Catalog) PutCategory(ctx context.Context, tenant forgehook.TenantID, c forgehook.Category) (_ forgehook.Category, created bool, err error) {
	defer database.Wrap(&err, "put category %d into project %d", c.ID, c.ProjectID)
	at := database.Now()
	stampNew(&c.DTC, &c.DTM, at)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		if c.ID, err = database.OrNewEntityID(ctx, tx, tenant, c.ID); err != nil {
			return err
		}
		body, err := json.Marshal(c)
		if err != nil {
			return err
		}
		var stored []bool
		err = tx.List(ctx, &stored, `
			INSERT INTO categories (tenant_id, id, project_id, body, created_at, updated_at)
			SELECT tenant_id, $3, id, $4, $5, $5 FROM projects WHERE tenant_id = $1 AND id = $2
			ON CONFLICT (tenant_id, id) DO UPDATE SET project_id = excluded.project_id, body = excluded.body, updated_at = excluded.updated_at
			RETURNING xmax = 0 AS created`, // nobody has locked a row that was just inserted
			tenant, c.ProjectID, c.ID, body, at)
		if err == nil && len(stored) == 0 {
			return database.NotFound("project", c.ProjectID)
		}
		created = len(stored) == 1 && stored[0]
		return err
	})
	return c, created, err
}

// Category returns a category.
func (db *Catalog) Category(ctx context.Context, tenant forgehook.TenantID, id int32) (_ forgehook.Category, err error) {
	defer database.Wrap(&err, "category %d", id)
	var row CategoryRow
	err = db.conn.Get(ctx, &row, `SELECT id, project_id, body FROM categories WHERE tenant_id = $1 AND id = $2`, tenant, id)
	if err != nil {
		return forgehook.Category{}, database.OrNotFound(err, "category", id)
	}
	return row.ToCategory()
}

// CategoryOf is the category that calls freeze with a document, nil if the document names none or
// one that is not stored.
func CategoryOf(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, document *forgehook.Document) (*forgehook.Category, error) {
	if document == nil || document.ClassID == nil {
		return nil, nil
	}
	found, err := CategoriesByID(ctx, tx, tenant, []int32{*document.ClassID})
	return found[*document.ClassID], err
}

// CategoriesByID returns the stored categories among ids.
func CategoriesByID(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, ids []int32) (map[int32]*forgehook.Category, error) {
	var rows []CategoryRow
	err := tx.Hot().List(ctx, &rows, `SELECT id, project_id, body FROM categories WHERE tenant_id = $1 AND id = ANY ($2)`, tenant, pq.Array(ids))
	if err != nil {
		return nil, err
	}
	found := map[int32]*forgehook.Category{}
	for _, row := range rows {
		category, err := row.ToCategory()
		if err != nil {
			return nil, err
		}
		found[row.ID] = &category
	}
	return found, nil
}

// Categories lists the categories of a project by id.
func (db *Catalog) Categories(ctx context.Context, tenant forgehook.TenantID, projectID int32, page forgehook.Page) (list []forgehook.Category, next string, err error) {
	defer database.Wrap(&err, "list categories of project %d", projectID)
	key, limit, err := categoriesList.ReadNumbers(page, 1)
	if err != nil {
		return nil, "", err
	}
	var rows []CategoryRow
	err = db.conn.List(ctx, &rows, `
		SELECT id, project_id, body FROM categories WHERE tenant_id = $1 AND project_id = $2 AND id > $3 ORDER BY id LIMIT $4`,
		tenant, projectID, First(key), limit+1)
	if err != nil {
		return nil, "", err
	}
	return database.Cut(rows, limit, CategoryRow.ToCategory, func(r CategoryRow) string { return categoriesList.Next(r.ID) })
}

// UpdateCategory lets change alter a category, whose row is locked meanwhile; its id and project
// stay.
func (db *Catalog) UpdateCategory(ctx context.Context, tenant forgehook.TenantID, id int32, change func(*forgehook.Category) error) (c forgehook.Category, err error) {
	defer database.Wrap(&err, "update category %d", id)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		var row CategoryRow
		err := tx.Get(ctx, &row, `
			SELECT id, project_id, body FROM categories WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`, tenant, id)
		if err != nil {
			return database.OrNotFound(err, "category", id)
		}
		if c, err = row.ToCategory(); err != nil {
			return err
		}
		at, before := database.Now(), c.DTM
		if err := change(&c); err != nil {
			return err
		}
		c.ID, c.ProjectID, c.DTM = id, row.ProjectID, StampChange(before, c.DTM, at)
		body, err := json.Marshal(c)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE categories SET body = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2`, tenant, id, body, at)
		return err
	})
	return c, err
}

// DeleteCategory deletes a category. Documents keep its number, and calls the category as it was
// when they were accepted.
func (db *Catalog) DeleteCategory(ctx context.Context, tenant forgehook.TenantID, id int32) (err error) {
	defer database.Wrap(&err, "delete category %d", id)
	rows, err := db.conn.Exec(ctx, `DELETE FROM categories WHERE tenant_id = $1 AND id = $2`, tenant, id)
	if err == nil && rows == 0 {
		return database.NotFound("category", id)
	}
	return err
}
