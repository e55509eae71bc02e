package postgres_test

import (
	"errors"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

func TestMigrate_upDownUp(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.EmptyURL(t))
	applied := func() (n int) {
		t.Helper()
		migrations, err := db.MigrationStatus(t.Context())
		check(t, err)
		for _, m := range migrations {
			if m.AppliedAt != nil {
				n++
			}
		}
		return n
	}
	if got := applied(); got != 0 {
		t.Fatalf("a new database has %d migrations applied", got)
	}
	check(t, db.Migrate(t.Context()))
	all := applied()
	if all == 0 {
		t.Fatal("no migration was applied")
	}
	pgtest.NewScene(t, db) // down works on tables with rows
	for range all {
		check(t, db.MigrateDown(t.Context()))
	}
	if got := applied(); got != 0 {
		t.Fatalf("%d migrations are still applied", got)
	}
	if err := db.MigrateDown(t.Context()); err == nil {
		t.Error("a step down from nothing succeeded")
	}
	check(t, db.Migrate(t.Context()))
	pgtest.NewScene(t, db).Call(t, db)
}

// Utilities of earlier releases fire on what their settings say.
func TestMigrate_firesOfEarlierUtilities(t *testing.T) {
	t.Parallel()
	address := pgtest.EmptyURL(t)
	db := open(t, address)
	check(t, db.Migrate(t.Context()))
	s := pgtest.NewScene(t, db)
	documents := []forgehook.EventType{forgehook.EventDocumentCreated, forgehook.EventDocumentUpdated, forgehook.EventDocumentDeleted}
	for _, change := range []func(*forgehook.Settings){
		func(s *forgehook.Settings) { s.ExecuteBeforeProcess, s.ExecuteOnTrigger = true, documents },
		func(s *forgehook.Settings) {
			s.ExecuteOnTrigger = []forgehook.EventType{forgehook.EventWorkItem, forgehook.EventCallFailed}
		},
		func(s *forgehook.Settings) { s.ExecuteAfterProcess = false },
		func(s *forgehook.Settings) { s.Enabled = false },
		func(s *forgehook.Settings) { s.Condition = new("document.comment == '\\\\u0000\x00'") }, // an escape that is none, and one that is
	} {
		pgtest.Utility(t, db, s.Tenant, s.Service.ID, change)
	}
	pool := rawPool(t, address)
	_, err := pool.ExecContext(t.Context(), `
		INSERT INTO services (tenant_id, id, project_id, parent_id, body, settings_version, created_at, updated_at)
		SELECT tenant_id, 7, project_id, parent_id, body, 1, created_at, updated_at FROM services WHERE tenant_id = $1 AND id = $2`, s.Tenant, s.Utility.ID)
	check(t, err)
	_, err = pool.ExecContext(t.Context(), `
		INSERT INTO settings_versions (tenant_id, service_id, version, settings, created_at) VALUES ($1, 7, 1, '{"enabled":true}', now())`, s.Tenant)
	check(t, err)
	fires := func() (lists []string) {
		t.Helper()
		rows, err := pool.QueryContext(t.Context(), `SELECT id || ' ' || fires::text FROM services WHERE parent_id IS NOT NULL ORDER BY id`)
		check(t, err)
		defer func() { check(t, rows.Close()) }()
		for rows.Next() {
			var list string
			check(t, rows.Scan(&list))
			lists = append(lists, list)
		}
		return lists
	}
	want := fires()
	want[0] = "7 {after_process}" // a setting that is missing has its default
	equal(t, "utilities", len(want), 7)
	for applied := true; applied; {
		check(t, db.MigrateDown(t.Context()))
		check(t, pool.QueryRowContext(t.Context(), `
			SELECT EXISTS (SELECT FROM information_schema.columns WHERE table_name = 'services' AND column_name = 'fires')`).Scan(&applied))
	}
	check(t, db.Migrate(t.Context()))
	equal(t, "fires", fires(), want)
}

func TestMigrate_concurrent(t *testing.T) {
	t.Parallel()
	url := pgtest.EmptyURL(t)
	var group errgroup.Group
	for range 4 {
		group.Go(func() error {
			db, err := postgres.Open(t.Context(), url)
			if err != nil {
				return err
			}
			return errors.Join(db.Migrate(t.Context()), db.Close())
		})
	}
	check(t, group.Wait())
	db := open(t, url)
	pgtest.NewScene(t, db).Call(t, db)
}
