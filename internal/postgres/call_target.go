package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/catalog"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// target is what a request calls: utilities of one service, in the order of their calls.
type target struct {
	project   *forgehook.Project
	service   *forgehook.Service
	category  *forgehook.Category // of the document, nil where it has none or none that is here
	utilities []forgehook.Utility
}

// targetRow is a utility with its service and project.
type targetRow struct {
	catalog.UtilityRow
	ServiceBody  []byte `db:"service_body"`
	ProjectBody  []byte `db:"project_body"`
	CategoryBody []byte `db:"category_body"` // NULL: there is none
	CategoryOf   *int32 `db:"category_of"`   // its project
}

// resolve finds the utilities to call. document is nil if the request's reference to it names
// nothing. Then its service is unknown, which is no further fault.
func resolve(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, r forgehook.CallRequest, document *forgehook.Document) (target, []forgehook.FieldError, error) {
	switch {
	case r.WebHookServiceID != nil:
		return oneUtility(ctx, tx, tenant, r, document)
	case r.ServiceID != nil:
		t, err := utilitiesOf(ctx, tx, tenant, *r.ServiceID, document)
		return t, nil, err
	case document == nil:
		return target{}, nil, nil
	}
	t, err := utilitiesOf(ctx, tx, tenant, document.ServiceID, document)
	if forgehook.ErrorCode(err) == forgehook.CodeNotFound {
		allowed := fmt.Sprintf("required, or webHookServiceId: the document's own service, %d, is none of the services here", document.ServiceID)
		if document.ServiceID == 0 {
			allowed = "required, or webHookServiceId: the document names no service"
		}
		return target{}, []forgehook.FieldError{{Path: "serviceId", Allowed: allowed}}, nil
	}
	return t, nil, err
}

// oneUtility is the utility that the request names, also a disabled one: its call says that it was.
func oneUtility(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, r forgehook.CallRequest, document *forgehook.Document) (target, []forgehook.FieldError, error) {
	t, err := lockTarget(ctx, tx, tenant, r.WebHookServiceID, nil, document)
	if err != nil {
		return target{}, nil, err
	}
	if len(t.utilities) == 0 {
		return target{}, nil, database.NotFound("utility", *r.WebHookServiceID)
	}
	if parent := t.utilities[0].ServiceID; r.ServiceID != nil && *r.ServiceID != parent {
		return target{}, []forgehook.FieldError{{
			Path: "serviceId", Value: strconv.Itoa(int(*r.ServiceID)),
			Allowed: fmt.Sprintf("%d, to which utility %d is attached, or absent", parent, *r.WebHookServiceID),
		}}, nil
	}
	return t, nil, nil
}

// utilitiesOf are all utilities of a service, possibly none.
func utilitiesOf(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, serviceID int32, document *forgehook.Document) (target, error) {
	t, err := lockTarget(ctx, tx, tenant, nil, &serviceID, document)
	if err != nil || t.service != nil {
		return t, err
	}
	var row catalog.ServiceRow
	err = tx.Get(ctx, &row, `
		SELECT id, project_id, body FROM services WHERE tenant_id = $1 AND id = $2 AND parent_id IS NULL`, tenant, serviceID)
	return target{}, database.OrNotFound(err, "service", serviceID)
}

// lockTarget reads one utility or all of a service, together with the service, the project and the
// document's category. The lock delays a deletion of the utilities until it can see the new calls.
func lockTarget(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, utilityID, serviceID *int32, document *forgehook.Document) (t target, err error) {
	var rows []targetRow
	var category *int32
	if document != nil {
		category = document.ClassID
	}
	err = tx.Hot().List(ctx, &rows, `
		SELECT u.id, u.project_id, u.parent_id, u.position, u.body, u.settings_version, v.settings, u.paused_at, u.draining,
		       u.created_at, u.updated_at, s.body AS service_body, p.body AS project_body, c.body AS category_body, c.project_id AS category_of
		FROM services u
		JOIN settings_versions v ON v.tenant_id = u.tenant_id AND v.service_id = u.id AND v.version = u.settings_version
		JOIN services s ON s.tenant_id = u.tenant_id AND s.id = u.parent_id
		JOIN projects p ON p.tenant_id = u.tenant_id AND p.id = u.project_id
		LEFT JOIN categories c ON c.tenant_id = u.tenant_id AND c.id = $4
		WHERE u.tenant_id = $1 AND (u.id = $2 OR u.parent_id = $3)
		ORDER BY u.position, u.id FOR KEY SHARE OF u`, tenant, utilityID, serviceID, category)
	if err != nil || len(rows) == 0 {
		return target{}, err
	}
	service, err := catalog.ServiceRow{ID: rows[0].ParentID, ProjectID: rows[0].ProjectID, Body: rows[0].ServiceBody}.ToService()
	if err != nil {
		return target{}, err
	}
	project, err := catalog.ProjectRow{ID: rows[0].ProjectID, Body: rows[0].ProjectBody}.ToProject()
	if err != nil {
		return target{}, err
	}
	t = target{project: &project, service: &service}
	if first := rows[0]; first.CategoryBody != nil {
		found, err := catalog.CategoryRow{ID: *category, ProjectID: *first.CategoryOf, Body: first.CategoryBody}.ToCategory()
		if err != nil {
			return target{}, err
		}
		t.category = &found
	}
	for _, row := range rows {
		u, err := row.ToUtility()
		if err != nil {
			return target{}, err
		}
		t.utilities = append(t.utilities, u)
	}
	return t, nil
}
