package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

const utilitiesList database.ListOf = "utilities"

// UtilityRow is a service with a parent, and its settings in force.
type UtilityRow struct {
	ID              int32      `db:"id"`
	ProjectID       int32      `db:"project_id"`
	ParentID        int32      `db:"parent_id"`
	Position        int32      `db:"position"`
	Body            []byte     `db:"body"`
	SettingsVersion int        `db:"settings_version"`
	Settings        []byte     `db:"settings"`
	PausedAt        *time.Time `db:"paused_at"`
	Draining        bool       `db:"draining"`
	HeldBy          *string    `db:"held_by"`
	CreatedAt       time.Time  `db:"created_at"`
	UpdatedAt       time.Time  `db:"updated_at"`
}

// utilitySelect goes on with conditions on the utility, u.
const utilitySelect = `
	SELECT u.id, u.project_id, u.parent_id, u.position, u.body, u.settings_version, v.settings, u.paused_at, u.draining,
	       u.held_by, u.created_at, u.updated_at
	FROM services u
	JOIN settings_versions v ON v.tenant_id = u.tenant_id AND v.service_id = u.id AND v.version = u.settings_version
	WHERE u.tenant_id = $1`

func (r UtilityRow) ToUtility() (u forgehook.Utility, err error) {
	u = forgehook.Utility{
		ID: r.ID, Type: forgehook.UtilityType, ProjectID: r.ProjectID, ServiceID: r.ParentID, Index: r.Position,
		SettingsVersion: r.SettingsVersion, PausedAt: database.OptionalMoment(r.PausedAt), Draining: r.Draining, HeldBy: r.HeldBy,
		CreatedAt: database.Moment(r.CreatedAt), UpdatedAt: database.Moment(r.UpdatedAt),
	}
	if u.Name, err = UtilityName(r.Body); err != nil {
		return u, fmt.Errorf("stored utility %d: %w", r.ID, err)
	}
	if u.Settings, err = forgehook.LoadSettings(r.Settings); err != nil {
		return u, fmt.Errorf("settings version %d of utility %d: %w", r.SettingsVersion, r.ID, err)
	}
	return u, nil
}

// utilityBody is a utility as the platform has it: a service of its own type. All members but the
// name also have columns, and the columns count.
func utilityBody(u forgehook.Utility) ([]byte, error) {
	serviceType := forgehook.WebHookServiceType
	return json.Marshal(forgehook.Service{
		ID: u.ID, ProjectID: u.ProjectID, ServiceID: &u.ServiceID, ServiceTypeID: &serviceType, Name: &u.Name, Index: &u.Index,
		DTC: &u.CreatedAt, DTM: &u.UpdatedAt,
	})
}

func UtilityName(body []byte) (string, error) {
	var s struct {
		Name string `json:"name"`
	}
	err := json.Unmarshal(body, &s)
	return s.Name, err
}

// CreateUtility attaches a utility to a plain service; its project is the service's. The secrets of
// its settings must be sealed. The settings become version 1. ID 0 asks for a new one; a used id is
// a CodeConflict. createdBy is an API key's id or "".
func (db *Catalog) CreateUtility(ctx context.Context, tenant forgehook.TenantID, u forgehook.Utility, createdBy string) (forgehook.Utility, error) {
	made, err := db.CreateUtilities(ctx, tenant, []forgehook.Utility{u}, createdBy, false)
	if err != nil {
		return u, err
	}
	return made[0], nil
}

// errDryRun rolls back a transaction that would have succeeded.
var errDryRun = errors.New("dry run")

// CreateUtilities creates several utilities, all or none. A dry run does everything and rolls it
// back, so its faults are those of a real run.
func (db *Catalog) CreateUtilities(ctx context.Context, tenant forgehook.TenantID, utilities []forgehook.Utility, createdBy string, dryRun bool) (made []forgehook.Utility, err error) {
	defer database.Wrap(&err, "create %s", database.Counted(len(utilities), "utility"))
	at := database.Now()
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		for _, u := range utilities {
			u, err := createUtility(ctx, tx, tenant, u, createdBy, at)
			if err != nil {
				return fmt.Errorf("utility %d of service %d: %w", u.ID, u.ServiceID, err)
			}
			made = append(made, u)
		}
		if dryRun {
			return errDryRun
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return nil, err
	}
	return made, nil
}

func createUtility(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, u forgehook.Utility, createdBy string, at time.Time) (_ forgehook.Utility, err error) {
	settings, err := forgehook.StoreSettings(u.Settings)
	if err != nil {
		return u, err
	}
	u.Type, u.SettingsVersion, u.PausedAt, u.Draining, u.HeldBy = forgehook.UtilityType, 1, nil, false, nil
	u.CreatedAt, u.UpdatedAt = database.Moment(at), database.Moment(at)
	if u.ID, err = database.OrNewEntityID(ctx, tx, tenant, u.ID); err != nil {
		return u, err
	}
	err = tx.Get(ctx, &u.ProjectID, `
		SELECT project_id FROM services WHERE tenant_id = $1 AND id = $2 AND parent_id IS NULL FOR KEY SHARE`, tenant, u.ServiceID)
	if err != nil {
		return u, database.OrNotFound(err, "service", u.ServiceID)
	}
	body, err := utilityBody(u)
	if err != nil {
		return u, err
	}
	_, err = tx.Exec(ctx, `
		WITH utility AS (
			INSERT INTO services (tenant_id, id, project_id, parent_id, position, body, settings_version, fires, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, 1, COALESCE($10::text[], '{}'), $7, $7) RETURNING tenant_id, id
		)
		INSERT INTO settings_versions (tenant_id, service_id, version, settings, created_at, created_by)
		SELECT tenant_id, id, 1, $8, $7, $9 FROM utility`,
		tenant, u.ID, u.ProjectID, u.ServiceID, u.Index, body, at, settings, database.OrNull(createdBy), pq.Array(u.Settings.Fires()))
	return u, err
}

// Utility returns a utility with its settings in force, secrets sealed. A plain service is not
// found.
func (db *Catalog) Utility(ctx context.Context, tenant forgehook.TenantID, id int32) (_ forgehook.Utility, err error) {
	defer database.Wrap(&err, "utility %d", id)
	return utility(ctx, db.conn.Conn, tenant, id)
}

func utility(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, id int32) (forgehook.Utility, error) {
	var row UtilityRow
	if err := tx.Get(ctx, &row, utilitySelect+` AND u.id = $2`, tenant, id); err != nil {
		return forgehook.Utility{}, database.OrNotFound(err, "utility", id)
	}
	return row.ToUtility()
}

// LockUtility reads a utility and stops other changes of it until the transaction ends. New calls
// of it are still accepted.
func LockUtility(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, id int32) (forgehook.Utility, error) {
	var found int
	err := tx.Get(ctx, &found, `
		SELECT 1 FROM services WHERE tenant_id = $1 AND id = $2 AND parent_id IS NOT NULL FOR NO KEY UPDATE`, tenant, id)
	if err != nil {
		return forgehook.Utility{}, database.OrNotFound(err, "utility", id)
	}
	return utility(ctx, tx, tenant, id) // a statement of its own: it sees the changes that the lock waited for
}

// Utilities lists the utilities of a service in the order of their calls: by index, then id.
func (db *Catalog) Utilities(ctx context.Context, tenant forgehook.TenantID, serviceID int32, page forgehook.Page) (list []forgehook.Utility, next string, err error) {
	defer database.Wrap(&err, "list utilities of service %d", serviceID)
	key, limit, err := utilitiesList.ReadNumbers(page, 2)
	if err != nil {
		return nil, "", err
	}
	var position, id *int32
	if key != nil {
		position, id = &key[0], &key[1]
	}
	var rows []UtilityRow
	err = db.conn.List(ctx, &rows, utilitySelect+`
		AND u.parent_id = $2 AND ($3::integer IS NULL OR (u.position, u.id) > ($3, $4::integer))
		ORDER BY u.position, u.id LIMIT $5`, tenant, serviceID, position, id, limit+1)
	if err != nil {
		return nil, "", err
	}
	return database.Cut(rows, limit, UtilityRow.ToUtility, func(r UtilityRow) string { return utilitiesList.Next(r.Position, r.ID) })
}

// UpdateUtility lets change alter name and index of a utility, whose row is locked meanwhile. Other
// changes are ignored.
func (db *Catalog) UpdateUtility(ctx context.Context, tenant forgehook.TenantID, id int32, change func(*forgehook.Utility) error) (u forgehook.Utility, err error) {
	defer database.Wrap(&err, "update utility %d", id)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		if u, err = LockUtility(ctx, tx, tenant, id); err != nil {
			return err
		}
		changed := u
		if err := change(&changed); err != nil {
			return err
		}
		at := database.Now()
		u.Name, u.Index, u.UpdatedAt = changed.Name, changed.Index, database.Moment(at)
		body, err := utilityBody(u)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE services SET body = $3, position = $4, updated_at = $5 WHERE tenant_id = $1 AND id = $2`,
			tenant, id, body, u.Index, at)
		return err
	})
	return u, err
}

// DeleteUtility deletes a utility and the versions of its settings. Its completed calls stay; open
// ones are a CodeConflict that counts them.
func (db *Catalog) DeleteUtility(ctx context.Context, tenant forgehook.TenantID, id int32) (err error) {
	defer database.Wrap(&err, "delete utility %d", id)
	return db.conn.InTx(ctx, func(tx database.Conn) error {
		// An acceptance holds the row FOR KEY SHARE. It either waits and then finds no utility, or
		// has committed and its calls are seen here.
		var found int
		err := tx.Get(ctx, &found, `
			SELECT 1 FROM services WHERE tenant_id = $1 AND id = $2 AND parent_id IS NOT NULL FOR UPDATE`, tenant, id)
		if err != nil {
			return database.OrNotFound(err, "utility", id)
		}
		var open int
		err = tx.Get(ctx, &open, `
			SELECT count(*) FROM calls WHERE tenant_id = $1 AND webhook_service_id = $2 AND outcome IS NULL`, tenant, id)
		switch {
		case err != nil:
			return err
		case open == 1:
			return forgehook.Errorf(forgehook.CodeConflict, "1 call is not completed: cancel it or wait.")
		case open > 1:
			return forgehook.Errorf(forgehook.CodeConflict, "%d calls are not completed: cancel them or wait.", open)
		}
		_, err = tx.Exec(ctx, `DELETE FROM services WHERE tenant_id = $1 AND id = $2`, tenant, id)
		return err
	})
}
