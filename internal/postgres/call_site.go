package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/catalog"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// Site is where settings are tried: a utility, or a plain service that could get one.
type Site struct {
	Project *forgehook.Project
	Service *forgehook.Service // the plain one
	Utility *forgehook.Utility // nil: the place is the service itself
}

// Site finds a service or utility together with the entities that its calls share.
func (db *DB) Site(ctx context.Context, tenant forgehook.TenantID, serviceID int32) (_ Site, err error) {
	defer database.Wrap(&err, "service %d and what it belongs to", serviceID)
	var row struct {
		targetRow
		Parent  *int32 `db:"parent"`
		Version *int   `db:"version"`
	}
	err = db.conn.Hot().Get(ctx, &row, `
		SELECT u.id, u.project_id, u.parent_id AS parent, u.position, u.body, u.settings_version AS version, v.settings, u.paused_at,
		       u.draining, u.created_at, u.updated_at, s.body AS service_body, p.body AS project_body
		FROM services u
		JOIN services s ON s.tenant_id = u.tenant_id AND s.id = COALESCE(u.parent_id, u.id)
		JOIN projects p ON p.tenant_id = u.tenant_id AND p.id = u.project_id
		LEFT JOIN settings_versions v ON v.tenant_id = u.tenant_id AND v.service_id = u.id AND v.version = u.settings_version
		WHERE u.tenant_id = $1 AND u.id = $2`, tenant, serviceID)
	if err != nil {
		return Site{}, database.OrNotFound(err, "service", serviceID)
	}
	at := catalog.ServiceRow{ID: serviceID, ProjectID: row.ProjectID, Body: row.ServiceBody}
	var found Site
	if row.Parent != nil && row.Version != nil {
		row.ParentID, row.SettingsVersion, at.ID = *row.Parent, *row.Version, *row.Parent
		u, err := row.ToUtility()
		if err != nil {
			return Site{}, err
		}
		found.Utility = &u
	}
	service, err := at.ToService()
	if err != nil {
		return Site{}, err
	}
	project, err := catalog.ProjectRow{ID: row.ProjectID, Body: row.ProjectBody}.ToProject()
	if err != nil {
		return Site{}, err
	}
	found.Project, found.Service = &project, &service
	return found, nil
}

// FreezeSubject makes the subject of a call exactly as AcceptCalls stores it, and stores nothing.
// Its faults are those of a request for calls.
func (db *DB) FreezeSubject(ctx context.Context, tenant forgehook.TenantID, at Site, request forgehook.CallRequest) (_ forgehook.Subject, err error) {
	defer database.Wrap(&err, "freeze subject for service %d", at.id())
	if err := request.Validate(); err != nil {
		return forgehook.Subject{}, err
	}
	subject, faults, err := freeze(ctx, db.conn.Conn, tenant, request)
	if err != nil {
		return forgehook.Subject{}, err
	}
	if err := forgehook.Invalid(append(faults, at.elsewhere(request)...)...); err != nil {
		return forgehook.Subject{}, err
	}
	at.complete(&subject)
	if subject.Category, err = catalog.CategoryOf(ctx, db.conn.Conn, tenant, subject.Document); err != nil {
		return forgehook.Subject{}, err
	}
	frozen, err := forgehook.AppendJSON(nil, subject)
	if err != nil {
		return forgehook.Subject{}, err
	}
	// What is read back is what rules see of a call: times in milliseconds, say.
	subject = forgehook.Subject{}
	return subject, json.Unmarshal(frozen, &subject)
}

// NewCall is the call that would be made for a subject at a place. It is not stored.
func (p Site) NewCall(reason *string, subject forgehook.Subject, at time.Time) forgehook.Call {
	utility := forgehook.Utility{ServiceID: p.Service.ID, ProjectID: p.Project.ID}
	if p.Utility != nil {
		utility = *p.Utility
	}
	return newCall(database.NewID(at), Acceptance{Request: forgehook.CallRequest{Reason: reason}, Now: at}, utility, subject)
}

// complete adds what a subject has of its utility.
func (p Site) complete(subject *forgehook.Subject) {
	subject.Project, subject.Service = p.Project, withoutInput(p.Service)
}

func (p Site) id() int32 {
	if p.Utility != nil {
		return p.Utility.ID
	}
	return p.Service.ID
}

// elsewhere are the faults of a request that names a different service or utility.
func (p Site) elsewhere(request forgehook.CallRequest) (faults []forgehook.FieldError) {
	other := func(path string, given *int32, here int32) {
		if given != nil && *given != here {
			faults = append(faults, forgehook.FieldError{
				Path: path, Value: strconv.Itoa(int(*given)), Allowed: fmt.Sprintf("%d, which the path names, or absent", here),
			})
		}
	}
	other("serviceId", request.ServiceID, p.Service.ID)
	if p.Utility != nil {
		other("webHookServiceId", request.WebHookServiceID, p.Utility.ID)
	} else if request.WebHookServiceID != nil {
		faults = append(faults, forgehook.FieldError{
			Path: "webHookServiceId", Value: strconv.Itoa(int(*request.WebHookServiceID)), Allowed: "absent: the path names a service, no utility",
		})
	}
	return faults
}
