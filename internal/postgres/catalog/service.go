package catalog

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

const servicesList database.ListOf = "services"

type ServiceRow struct {
	ID        int32  `db:"id"`
	ProjectID int32  `db:"project_id"`
	Body      []byte `db:"body"`
	Sample    []byte `db:"input_sample"` // NULL, or not asked for: none
}

func (r ServiceRow) ToService() (s forgehook.Service, err error) {
	if err := json.Unmarshal(r.Body, &s); err != nil {
		return s, fmt.Errorf("stored service %d: %w", r.ID, err)
	}
	s.ID, s.ProjectID, s.ServiceID, s.InputSample = r.ID, r.ProjectID, nil, r.Sample
	return s, nil
}

// serviceBody is a service without its sample, which has a column of its own: only readers of the
// service itself need it.
func serviceBody(s forgehook.Service) (body, sample []byte, err error) {
	sample, s.InputSample = s.InputSample, nil
	body, err = json.Marshal(s)
	return body, sample, err
}

// CreateService stores a plain service of a project. ID 0 is handed out; one that is taken is a
// CodeConflict.
func (db *Catalog) CreateService(ctx context.Context, tenant forgehook.TenantID, s forgehook.Service) (_ forgehook.Service, err error) {
	defer database.Wrap(&err, "create service %d in project %d", s.ID, s.ProjectID)
	at := database.Now()
	s.ServiceID = nil
	stampNew(&s.DTC, &s.DTM, at)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		if s.ID, err = database.OrNewEntityID(ctx, tx, tenant, s.ID); err != nil {
			return err
		}
		body, sample, err := serviceBody(s)
		if err != nil {
			return err
		}
		rows, err := tx.Exec(ctx, `
			INSERT INTO services (tenant_id, id, project_id, body, input_sample, created_at, updated_at)
			SELECT tenant_id, $3, id, $4, $6, $5, $5 FROM projects WHERE tenant_id = $1 AND id = $2`,
			tenant, s.ProjectID, s.ID, body, at, sample)
		if err == nil && rows == 0 {
			return database.NotFound("project", s.ProjectID)
		}
		return err
	})
	return s, err
}

// Service returns a plain service; a utility is not found here.
func (db *Catalog) Service(ctx context.Context, tenant forgehook.TenantID, id int32) (_ forgehook.Service, err error) {
	defer database.Wrap(&err, "service %d", id)
	var row ServiceRow
	err = db.conn.Get(ctx, &row, `
		SELECT id, project_id, body, input_sample FROM services WHERE tenant_id = $1 AND id = $2 AND parent_id IS NULL`, tenant, id)
	if err != nil {
		return forgehook.Service{}, database.OrNotFound(err, "service", id)
	}
	return row.ToService()
}

// Mapping returns the plain service whose input maps raw JSON, without its sample: the service of
// serviceID or, if a utility is named, the utility's parent. CodeNotFound says which of them is
// missing.
func (db *Catalog) Mapping(ctx context.Context, tenant forgehook.TenantID, serviceID, webHookServiceID *int32) (_ forgehook.Service, err error) {
	defer database.Wrap(&err, "service of raw JSON")
	kind, id := "service", serviceID
	if webHookServiceID != nil {
		kind, id = "utility", webHookServiceID
	}
	var row ServiceRow
	err = db.conn.Hot().Get(ctx, &row, `
		SELECT s.id, s.project_id, s.body FROM services u
		JOIN services s ON s.tenant_id = u.tenant_id AND s.id = COALESCE(u.parent_id, u.id)
		WHERE u.tenant_id = $1 AND u.id = $2 AND (u.parent_id IS NOT NULL) = $3`, tenant, id, webHookServiceID != nil)
	if err != nil {
		return forgehook.Service{}, database.OrNotFound(err, kind, *id)
	}
	return row.ToService()
}

// Services lists the plain services of a project by id, without their samples.
func (db *Catalog) Services(ctx context.Context, tenant forgehook.TenantID, projectID int32, page forgehook.Page) (list []forgehook.Service, next string, err error) {
	defer database.Wrap(&err, "list services of project %d", projectID)
	key, limit, err := servicesList.ReadNumbers(page, 1)
	if err != nil {
		return nil, "", err
	}
	var rows []ServiceRow
	err = db.conn.List(ctx, &rows, `
		SELECT id, project_id, body FROM services
		WHERE tenant_id = $1 AND project_id = $2 AND parent_id IS NULL AND id > $3 ORDER BY id LIMIT $4`,
		tenant, projectID, First(key), limit+1)
	if err != nil {
		return nil, "", err
	}
	return database.Cut(rows, limit, ServiceRow.ToService, func(r ServiceRow) string { return servicesList.Next(r.ID) })
}

// UpdateService lets change alter a plain service, whose row is locked meanwhile; its id and
// project stay.
func (db *Catalog) UpdateService(ctx context.Context, tenant forgehook.TenantID, id int32, change func(*forgehook.Service) error) (s forgehook.Service, err error) {
	defer database.Wrap(&err, "update service %d", id)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		var row ServiceRow
		err := tx.Get(ctx, &row, `
			SELECT id, project_id, body, input_sample FROM services
			WHERE tenant_id = $1 AND id = $2 AND parent_id IS NULL FOR NO KEY UPDATE`, tenant, id)
		if err != nil {
			return database.OrNotFound(err, "service", id)
		}
		if s, err = row.ToService(); err != nil {
			return err
		}
		at, before := database.Now(), s.DTM
		if err := change(&s); err != nil {
			return err
		}
		s.ID, s.ProjectID, s.ServiceID, s.DTM = id, row.ProjectID, nil, StampChange(before, s.DTM, at)
		body, sample, err := serviceBody(s)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE services SET body = $3, input_sample = $5, updated_at = $4 WHERE tenant_id = $1 AND id = $2`, tenant, id, body, at, sample)
		return err
	})
	return s, err
}

// DeleteService deletes a plain service without utilities; others are a CodeConflict that counts
// them.
func (db *Catalog) DeleteService(ctx context.Context, tenant forgehook.TenantID, id int32) (err error) {
	defer database.Wrap(&err, "delete service %d", id)
	return db.conn.InTx(ctx, func(tx database.Conn) error {
		var found int
		err := tx.Get(ctx, &found, `
			SELECT 1 FROM services WHERE tenant_id = $1 AND id = $2 AND parent_id IS NULL FOR UPDATE`, tenant, id)
		if err != nil {
			return database.OrNotFound(err, "service", id)
		}
		var utilities int
		err = tx.Get(ctx, &utilities, `SELECT count(*) FROM services WHERE tenant_id = $1 AND parent_id = $2`, tenant, id)
		if err != nil {
			return err
		}
		if err := database.InUse("Service", id, database.Counted(utilities, "utility")); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM services WHERE tenant_id = $1 AND id = $2`, tenant, id)
		return err
	})
}
