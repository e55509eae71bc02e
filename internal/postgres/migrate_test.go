package postgres_test

import (
	"errors"
	"testing"

	"golang.org/x/sync/errgroup"

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
