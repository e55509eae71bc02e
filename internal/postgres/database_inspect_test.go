package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	address := pgtest.EmptyURL(t)
	pool := rawPool(t, address)
	const alter = `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = local', current_database());
		EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database());
		EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 50', current_database()); END $$`
	_, err := pool.ExecContext(t.Context(), alter)
	check(t, err)
	i, err := open(t, address).Inspect(t.Context())
	check(t, err)
	if i.Version < 150000 || i.MaxConnections < 50 || i.Bytes == 0 || i.ClockAhead.Abs() > i.ClockDoubt+time.Second || !i.MayCreate {
		t.Errorf("%+v", i)
	}
	equal(t, "settings", []string{i.SynchronousCommit, i.Isolation, i.Encoding, i.ReadOnly, i.IdleInTransaction},
		[]string{"local", "serializable", "UTF8", "off", "10s"})
	equal(t, "connections", i.DatabaseConnections, 50)
}

func TestSchemaState(t *testing.T) {
	t.Parallel()
	address := pgtest.EmptyURL(t)
	db := open(t, address)
	s, err := db.SchemaState(t.Context())
	check(t, err)
	if s.Known == 0 || len(s.Pending) != s.Known || len(s.Foreign) != 0 {
		t.Errorf("empty: %+v", s)
	}
	var made bool
	check(t, rawPool(t, address).QueryRowContext(t.Context(), `SELECT to_regclass('goose_db_version') IS NOT NULL`).Scan(&made))
	if made {
		t.Error("looking made a table")
	}
	check(t, db.Migrate(t.Context()))
	check(t, db.MigrateDown(t.Context()))
	_, err = rawPool(t, address).ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, true)`)
	check(t, err)
	s, err = db.SchemaState(t.Context())
	check(t, err)
	equal(t, "pending", s.Pending, []int64{int64(s.Known)})
	equal(t, "foreign", s.Foreign, []int64{9000})
}

func TestTrySession(t *testing.T) {
	t.Parallel()
	address := pgtest.EmptyURL(t)
	db := open(t, address)
	check(t, db.TryPrepared(t.Context()))
	check(t, db.TryNotify(t.Context(), address))
	// Notifications stay within a database. A listener on a second database therefore hears as
	// little as a client of a pooler.
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := db.TryNotify(ctx, pgtest.EmptyURL(t)); err == nil {
		t.Error("a notification reached another database")
	}
}
