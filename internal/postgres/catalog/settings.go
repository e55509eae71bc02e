package catalog

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

const versionsList database.ListOf = "settings-versions"

type settingsRow struct {
	Version   int       `db:"version"`
	Settings  []byte    `db:"settings"`
	CreatedAt time.Time `db:"created_at"`
	CreatedBy *string   `db:"created_by"`
}

func (r settingsRow) toVersion() (v forgehook.SettingsVersion, err error) {
	v = forgehook.SettingsVersion{Version: r.Version, CreatedAt: database.Moment(r.CreatedAt), CreatedBy: r.CreatedBy}
	if v.Settings, err = forgehook.LoadSettings(r.Settings); err != nil {
		return v, fmt.Errorf("settings version %d: %w", r.Version, err)
	}
	return v, nil
}

// Settings returns the version in force of a utility's settings, secrets sealed.
func (db *Catalog) Settings(ctx context.Context, tenant forgehook.TenantID, webHookServiceID int32) (_ forgehook.SettingsVersion, err error) {
	defer database.Wrap(&err, "settings of utility %d", webHookServiceID)
	row, err := settingsInForce(ctx, db.conn.Conn, tenant, webHookServiceID)
	if err != nil {
		return forgehook.SettingsVersion{}, err
	}
	return row.toVersion()
}

func settingsInForce(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, webHookServiceID int32) (settingsRow, error) {
	var row settingsRow
	err := tx.Get(ctx, &row, `
		SELECT v.version, v.settings, v.created_at, v.created_by FROM services u
		JOIN settings_versions v ON v.tenant_id = u.tenant_id AND v.service_id = u.id AND v.version = u.settings_version
		WHERE u.tenant_id = $1 AND u.id = $2`, tenant, webHookServiceID)
	return row, database.OrNotFound(err, "utility", webHookServiceID)
}

// SettingsVersion returns one version of a utility's settings, secrets sealed.
func (db *Catalog) SettingsVersion(ctx context.Context, tenant forgehook.TenantID, webHookServiceID int32, version int) (_ forgehook.SettingsVersion, err error) {
	defer database.Wrap(&err, "settings version %d of utility %d", version, webHookServiceID)
	var row settingsRow
	err = db.conn.Get(ctx, &row, `
		SELECT version, settings, created_at, created_by FROM settings_versions
		WHERE tenant_id = $1 AND service_id = $2 AND version = $3`, tenant, webHookServiceID, version)
	if err != nil {
		return forgehook.SettingsVersion{}, database.OrNotFound(err, fmt.Sprintf("version %d of the settings of utility", version), webHookServiceID)
	}
	return row.toVersion()
}

// SettingsVersions lists all versions of a utility's settings, newest first.
func (db *Catalog) SettingsVersions(ctx context.Context, tenant forgehook.TenantID, webHookServiceID int32, page forgehook.Page) (list []forgehook.SettingsVersion, next string, err error) {
	defer database.Wrap(&err, "list settings versions of utility %d", webHookServiceID)
	key, limit, err := versionsList.ReadNumbers(page, 1)
	if err != nil {
		return nil, "", err
	}
	before := int32(math.MaxInt32)
	if key != nil {
		before = key[0]
	}
	var rows []settingsRow
	err = db.conn.List(ctx, &rows, `
		SELECT version, settings, created_at, created_by FROM settings_versions
		WHERE tenant_id = $1 AND service_id = $2 AND version < $3 ORDER BY version DESC LIMIT $4`,
		tenant, webHookServiceID, before, limit+1)
	if err != nil {
		return nil, "", err
	}
	return database.Cut(rows, limit, settingsRow.toVersion, func(r settingsRow) string { return versionsList.Next(r.Version) })
}

// SaveSettings lets change make the next settings out of those in force, secrets sealed in both.
// Other saves wait meanwhile. The result becomes a new version; unchanged settings make none, and
// the present version is returned. Accepted calls keep their version. createdBy is an API key's id
// or "".
func (db *Catalog) SaveSettings(ctx context.Context, tenant forgehook.TenantID, webHookServiceID int32, createdBy string, change func(present forgehook.Settings) (forgehook.Settings, error)) (v forgehook.SettingsVersion, err error) {
	defer database.Wrap(&err, "save settings of utility %d", webHookServiceID)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		if _, err := LockUtility(ctx, tx, tenant, webHookServiceID); err != nil {
			return err
		}
		row, err := settingsInForce(ctx, tx, tenant, webHookServiceID)
		if err != nil {
			return err
		}
		if v, err = row.toVersion(); err != nil {
			return err
		}
		next, err := change(v.Settings)
		if err != nil {
			return err
		}
		stored, err := forgehook.StoreSettings(next)
		if err != nil || bytes.Equal(stored, row.Settings) {
			return err
		}
		at := database.Now()
		v = forgehook.SettingsVersion{Version: v.Version + 1, Settings: next, CreatedAt: database.Moment(at), CreatedBy: database.OrNull(createdBy)}
		_, err = tx.Exec(ctx, `
			WITH version AS (
				INSERT INTO settings_versions (tenant_id, service_id, version, settings, created_at, created_by)
				VALUES ($1, $2, $3, $4, $5, $6)
			)
			UPDATE services SET settings_version = $3, updated_at = $5, fires = COALESCE($7::text[], '{}') WHERE tenant_id = $1 AND id = $2`,
			tenant, webHookServiceID, v.Version, stored, at, v.CreatedBy, pq.Array(next.Fires()))
		return err
	})
	return v, err
}

// LatestSettings are the settings that any tenant saved last. A process tries its keys on them.
// CodeNotFound if there are none.
func (db *Catalog) LatestSettings(ctx context.Context) (tenant forgehook.TenantID, _ forgehook.Settings, err error) {
	defer database.Wrap(&err, "latest settings")
	var row struct {
		Tenant   forgehook.TenantID `db:"tenant_id"`
		Settings []byte             `db:"settings"`
	}
	err = db.conn.Get(ctx, &row, `SELECT tenant_id, settings FROM settings_versions ORDER BY created_at DESC LIMIT 1`)
	if err != nil {
		return "", forgehook.Settings{}, database.OrNotFound(err, "settings version", "latest")
	}
	settings, err := forgehook.LoadSettings(row.Settings)
	return row.Tenant, settings, err
}

// UtilitySettings are the settings of a utility in force.
type UtilitySettings struct {
	WebHookServiceID int32
	Settings         forgehook.Settings
}

// OldSettings finds settings of all tenants in force that were saved in an older language, at most
// limit of them.
func (db *Catalog) OldSettings(ctx context.Context, limit int) (old []UtilitySettings, all int, err error) {
	defer database.Wrap(&err, "settings in an older language")
	var rows []struct {
		ID       int32  `db:"id"`
		Settings []byte `db:"settings"`
		All      int    `db:"all"`
	}
	err = db.conn.List(ctx, &rows, `
		SELECT u.id, v.settings, count(*) OVER () AS all FROM services u
		JOIN settings_versions v ON v.tenant_id = u.tenant_id AND v.service_id = u.id AND v.version = u.settings_version
		WHERE NOT starts_with(encode(substring(v.settings FROM 1 FOR 16), 'escape'), $1)
		ORDER BY u.id LIMIT $2`, fmt.Sprintf(`{"language":%d,`, forgehook.LanguageNow), limit)
	for _, row := range rows {
		settings, err := forgehook.LoadSettings(row.Settings)
		if err != nil {
			return nil, 0, err
		}
		old, all = append(old, UtilitySettings{row.ID, settings}), row.All
	}
	return old, all, err
}
