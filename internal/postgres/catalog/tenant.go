// Package catalog stores what tenants have set up: API keys, projects, services, utilities with
// every version of their settings, and categories. It knows no call. Start with [Catalog]; its
// methods are those of [github.com/forgehook/forgehook/internal/postgres.DB], too.
package catalog

import (
	"context"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// Catalog is what tenants have set up: keys, projects, services, utilities, settings, categories.
type Catalog struct{ conn *database.Pool }

// New makes the catalog of a pool.
func New(p *database.Pool) *Catalog { return &Catalog{conn: p} }

// Tenant is a customer of an installation. All stored data belongs to one tenant and is hidden from
// the others.
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
	return Tenant{ID: forgehook.TenantID(r.ID), Name: r.Name, CreatedAt: database.Moment(r.CreatedAt)}
}

const maxTenantName = 200

// CreateTenant makes a tenant. A name that is taken is a CodeConflict.
func (db *Catalog) CreateTenant(ctx context.Context, name string) (_ Tenant, err error) {
	defer database.Wrap(&err, "create tenant %q", name)
	if strings.TrimSpace(name) == "" || len(name) > maxTenantName || database.Storable(name) != name {
		return Tenant{}, forgehook.Invalid(forgehook.FieldError{Path: "name", Value: forgehook.Shorten(name, 100), Allowed: "a text of 1 to 200 bytes"})
	}
	at := database.Now()
	row := tenantRow{ID: database.NewID(time.Now()), Name: name, CreatedAt: at}
	_, err = db.conn.Exec(ctx, `INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3)`, row.ID, row.Name, row.CreatedAt)
	return row.toTenant(), err
}

// Tenants lists all tenants by name.
func (db *Catalog) Tenants(ctx context.Context) (tenants []Tenant, err error) {
	defer database.Wrap(&err, "list tenants")
	var rows []tenantRow
	if err := db.conn.List(ctx, &rows, `SELECT id, name, created_at FROM tenants ORDER BY name`); err != nil {
		return nil, err
	}
	for _, row := range rows {
		tenants = append(tenants, row.toTenant())
	}
	return tenants, nil
}

// TenantByName finds a tenant.
func (db *Catalog) TenantByName(ctx context.Context, name string) (_ Tenant, err error) {
	defer database.Wrap(&err, "tenant %q", name)
	var row tenantRow
	err = db.conn.Get(ctx, &row, `SELECT id, name, created_at FROM tenants WHERE name = $1`, database.Storable(name))
	return row.toTenant(), database.OrNotFound(err, "tenant", name)
}
