package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
)

// Tenant is a customer of an installation: whatever is stored belongs to one, and none sees another's.
type Tenant struct {
	ID        forgehook.TenantID
	Name      string
	CreatedAt forgehook.Time
}

type tenantRow struct {
	ID        string    `db:"id"`
	Name      string    `db:"name"`
	CreatedAt time.Time `db:"created_at"`
}

func (r tenantRow) toTenant() Tenant {
	return Tenant{ID: forgehook.TenantID(r.ID), Name: r.Name, CreatedAt: moment(r.CreatedAt)}
}

const maxTenantName = 200

// CreateTenant makes a tenant. A name that is taken is a CodeConflict.
func (db *DB) CreateTenant(ctx context.Context, name string) (_ Tenant, err error) {
	defer wrap(&err, "create tenant %q", name)
	if strings.TrimSpace(name) == "" || len(name) > maxTenantName || storable(name) != name {
		return Tenant{}, forgehook.Invalid(forgehook.FieldError{Path: "name", Value: forgehook.Shorten(name, 100), Allowed: "a text of 1 to 200 bytes"})
	}
	at := now()
	row := tenantRow{ID: newID(time.Now()), Name: name, CreatedAt: at}
	_, err = db.exec(ctx, `INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3)`, row.ID, row.Name, row.CreatedAt)
	return row.toTenant(), err
}

// Tenants lists all tenants by name.
func (db *DB) Tenants(ctx context.Context) (tenants []Tenant, err error) {
	defer wrap(&err, "list tenants")
	var rows []tenantRow
	if err := db.list(ctx, &rows, `SELECT id, name, created_at FROM tenants ORDER BY name`); err != nil {
		return nil, err
	}
	for _, row := range rows {
		tenants = append(tenants, row.toTenant())
	}
	return tenants, nil
}

// TenantByName finds a tenant.
func (db *DB) TenantByName(ctx context.Context, name string) (_ Tenant, err error) {
	defer wrap(&err, "tenant %q", name)
	var row tenantRow
	err = db.get(ctx, &row, `SELECT id, name, created_at FROM tenants WHERE name = $1`, storable(name))
	return row.toTenant(), orNotFound(err, "tenant", name)
}
