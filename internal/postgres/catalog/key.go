package catalog

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

const keysList database.ListOf = "keys"

type keyRow struct {
	ID        string         `db:"id"`
	TenantID  string         `db:"tenant_id"`
	Name      string         `db:"name"`
	Prefix    string         `db:"prefix"`
	Roles     pq.StringArray `db:"roles"`
	CreatedAt time.Time      `db:"created_at"`
	ExpiresAt *time.Time     `db:"expires_at"`
	RevokedAt *time.Time     `db:"revoked_at"`
}

func (r keyRow) toKey() (forgehook.APIKey, error) {
	key := forgehook.APIKey{
		ID: r.ID, Tenant: forgehook.TenantID(r.TenantID), Name: r.Name, Prefix: r.Prefix,
		CreatedAt: database.Moment(r.CreatedAt), ExpiresAt: database.OptionalMoment(r.ExpiresAt),
	}
	for _, role := range r.Roles {
		key.Roles = append(key.Roles, forgehook.Role(role))
	}
	return key, nil
}

// CreateKey stores a key under the SHA-256 hash of what its bearer sends. An id and a time of
// creation are given where they are missing.
func (db *Catalog) CreateKey(ctx context.Context, tenant forgehook.TenantID, key forgehook.APIKey, hash []byte) (_ forgehook.APIKey, err error) {
	defer database.Wrap(&err, "create key %q", key.Name)
	key.Tenant, key.Name = tenant, database.Storable(key.Name)
	if key.CreatedAt.IsZero() {
		key.CreatedAt.Time = database.Now()
	}
	key.CreatedAt.Time = database.Milliseconds(key.CreatedAt.Time)
	if key.ID == "" {
		key.ID = database.NewID(time.Now())
	}
	var expires *time.Time
	if key.ExpiresAt != nil {
		at := database.Milliseconds(key.ExpiresAt.Time)
		expires, key.ExpiresAt = &at, &forgehook.Time{Time: at}
	}
	roles := make(pq.StringArray, len(key.Roles))
	for i, role := range key.Roles {
		roles[i] = string(role)
	}
	_, err = db.conn.Exec(ctx, `
		INSERT INTO api_keys (id, tenant_id, name, prefix, hash, roles, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		key.ID, tenant, key.Name, key.Prefix, hash, roles, key.CreatedAt.Time, expires)
	return key, err
}

// KeyByHash finds the key of a request. An unknown, revoked or expired key is CodeUnauthorized.
// Only an expired one is named as such, because its bearer has proved to know it.
func (db *Catalog) KeyByHash(ctx context.Context, hash []byte, at time.Time) (_ forgehook.APIKey, err error) {
	defer database.Wrap(&err, "key by hash")
	var row keyRow
	err = db.conn.Hot().Get(ctx, &row, `
		SELECT id, tenant_id, name, prefix, roles, created_at, expires_at, revoked_at FROM api_keys WHERE hash = $1`, hash)
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && row.RevokedAt != nil:
		return forgehook.APIKey{}, forgehook.Errorf(forgehook.CodeUnauthorized, "The API key is unknown or revoked.")
	case err != nil:
		return forgehook.APIKey{}, err
	case row.ExpiresAt != nil && !row.ExpiresAt.After(at):
		return forgehook.APIKey{}, forgehook.Errorf(forgehook.CodeUnauthorized, "The API key expired at %s.", database.Moment(*row.ExpiresAt))
	}
	return row.toKey()
}

// Key returns a key that is not revoked.
func (db *Catalog) Key(ctx context.Context, tenant forgehook.TenantID, id string) (_ forgehook.APIKey, err error) {
	defer database.Wrap(&err, "key %s", id)
	var row keyRow
	err = db.conn.Get(ctx, &row, `
		SELECT id, tenant_id, name, prefix, roles, created_at, expires_at, revoked_at FROM api_keys
		WHERE tenant_id = $1 AND id::text = lower($2) AND revoked_at IS NULL`, tenant, id)
	if err != nil {
		return forgehook.APIKey{}, database.OrNotFound(err, "API key", id)
	}
	return row.toKey()
}

// Keys lists the keys that are not revoked, oldest first.
func (db *Catalog) Keys(ctx context.Context, tenant forgehook.TenantID, page forgehook.Page) (keys []forgehook.APIKey, next string, err error) {
	defer database.Wrap(&err, "list keys")
	after, limit, err := keysList.ReadID(page)
	if err != nil {
		return nil, "", err
	}
	var rows []keyRow
	err = db.conn.List(ctx, &rows, `
		SELECT id, tenant_id, name, prefix, roles, created_at, expires_at, revoked_at FROM api_keys
		WHERE tenant_id = $1 AND ($2::uuid IS NULL OR id > $2) AND revoked_at IS NULL ORDER BY id LIMIT $3`, tenant, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	return database.Cut(rows, limit, keyRow.toKey, func(r keyRow) string { return keysList.Next(r.ID) })
}

// RevokeKey ends a key at once.
func (db *Catalog) RevokeKey(ctx context.Context, tenant forgehook.TenantID, id string) (err error) {
	defer database.Wrap(&err, "revoke key %s", id)
	rows, err := db.conn.Exec(ctx, `
		UPDATE api_keys SET revoked_at = $3 WHERE tenant_id = $1 AND id::text = lower($2) AND revoked_at IS NULL`, tenant, id, database.Now())
	if err == nil && rows == 0 {
		return database.NotFound("API key", id)
	}
	return err
}
