package database

import (
	"context"
	"errors"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/forgehook/forgehook/migrations"
)

// Migration is one step of the schema.
type Migration struct {
	Version   int64
	Name      string     // of its file
	AppliedAt *time.Time // nil: pending
}

// Migrate brings the schema up to date. Processes that start together may all call it: one works,
// the others wait. The lock is the session's, so this needs a connection of its own, not a pooler
// in transaction mode.
func (db *Server) Migrate(ctx context.Context) (err error) {
	defer Wrap(&err, "migrate")
	provider, err := db.migrations()
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return orContext(ctx, err)
}

// MigrateDown takes the last migration back, and with it the data of its tables.
func (db *Server) MigrateDown(ctx context.Context) (err error) {
	defer Wrap(&err, "migrate down")
	provider, err := db.migrations()
	if err != nil {
		return err
	}
	if _, err = provider.Down(ctx); errors.Is(err, goose.ErrNoNextVersion) {
		return errors.New("no migration is applied")
	}
	return orContext(ctx, err)
}

// MigrationStatus lists all migrations, the applied and the pending ones.
func (db *Server) MigrationStatus(ctx context.Context) (list []Migration, err error) {
	defer Wrap(&err, "migration status")
	provider, err := db.migrations()
	if err != nil {
		return nil, err
	}
	states, err := provider.Status(ctx)
	if err != nil {
		return nil, orContext(ctx, err)
	}
	for _, s := range states {
		m := Migration{Version: s.Source.Version, Name: s.Source.Path}
		if s.State == goose.StateApplied {
			at := s.AppliedAt.UTC()
			m.AppliedAt = &at
		}
		list = append(list, m)
	}
	return list, nil
}

func (db *Server) migrations() (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // look every second, for five minutes
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db.conn.pool.DB, migrations.FS, goose.WithSessionLocker(locker))
}
