package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

func TestTenants(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	b, err := db.CreateTenant(t.Context(), "b")
	check(t, err)
	a, err := db.CreateTenant(t.Context(), "a")
	check(t, err)
	list, err := db.Tenants(t.Context())
	check(t, err)
	equal(t, "tenants", list, []postgres.Tenant{a, b})
	got, err := db.TenantByName(t.Context(), "b")
	check(t, err)
	equal(t, "tenant by name", got, b)

	_, err = db.TenantByName(t.Context(), "c")
	refused(t, "unknown name", err, forgehook.CodeNotFound)
	_, err = db.CreateTenant(t.Context(), "a")
	refused(t, "name that is taken", err, forgehook.CodeConflict)
	for _, name := range []string{"", "  ", "a\x00b", string(make([]byte, 201))} {
		_, err = db.CreateTenant(t.Context(), name)
		refused(t, "bad name", err, forgehook.CodeInvalid)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	expires := forgehook.Time{Time: at("2030-01-01T00:00:00Z")}
	full := forgehook.APIKey{
		ID: uuid.Must(uuid.NewV7()).String(), Name: "ci", Prefix: "fh_abc", Roles: []forgehook.Role{forgehook.Caller, forgehook.Viewer},
		CreatedAt: forgehook.Time{Time: at("2026-01-01T00:00:00.123456Z")}, ExpiresAt: &expires,
	}
	full, err := b.CreateKey(t.Context(), b.tenant, full, []byte("hash 1"))
	check(t, err)
	plain, err := b.CreateKey(t.Context(), b.tenant, forgehook.APIKey{Name: "plain", Roles: []forgehook.Role{forgehook.Owner}}, []byte("hash 2"))
	check(t, err)

	got, err := b.KeyByHash(t.Context(), []byte("hash 1"), at("2029-12-31T23:59:59Z"))
	check(t, err)
	equal(t, "key", got, full)
	equal(t, "its tenant", got.Tenant, b.tenant)
	_, err = b.KeyByHash(t.Context(), []byte("hash 1"), expires.Time)
	refused(t, "expired key", err, forgehook.CodeUnauthorized)
	_, err = b.KeyByHash(t.Context(), []byte("hash 3"), time.Now())
	refused(t, "unknown key", err, forgehook.CodeUnauthorized)
	_, err = b.CreateKey(t.Context(), b.tenant, forgehook.APIKey{}, []byte("hash 1"))
	refused(t, "hash that is taken", err, forgehook.CodeConflict)

	page, next, err := b.Keys(t.Context(), b.tenant, forgehook.Page{Limit: 1})
	check(t, err)
	rest, end, err := b.Keys(t.Context(), b.tenant, forgehook.Page{Cursor: next})
	check(t, err)
	equal(t, "keys", append(page, rest...), []forgehook.APIKey{full, plain})
	equal(t, "cursor behind the last page", end, "")

	none, _, err := b.Keys(t.Context(), b.stranger, forgehook.Page{})
	check(t, err)
	equal(t, "a stranger's keys", none, []forgehook.APIKey{})
	refused(t, "revoked by a stranger", b.RevokeKey(t.Context(), b.stranger, full.ID), forgehook.CodeNotFound)
	refused(t, "no UUID", b.RevokeKey(t.Context(), b.tenant, "nonsense"), forgehook.CodeNotFound)

	check(t, b.RevokeKey(t.Context(), b.tenant, plain.ID))
	refused(t, "revoked again", b.RevokeKey(t.Context(), b.tenant, plain.ID), forgehook.CodeNotFound)
	_, err = b.KeyByHash(t.Context(), []byte("hash 2"), time.Now())
	refused(t, "revoked key", err, forgehook.CodeUnauthorized)
	page, _, err = b.Keys(t.Context(), b.tenant, forgehook.Page{})
	check(t, err)
	equal(t, "keys after a revocation", page, []forgehook.APIKey{full})
}
