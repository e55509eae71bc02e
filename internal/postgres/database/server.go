package database

import (
	"context"
	"fmt"
)

// Server is the server and the schema, whatever is stored: what operators and programs ask of it.
type Server struct{ conn *Pool }

// NewServer makes the face of a pool.
func NewServer(p *Pool) *Server { return &Server{conn: p} }

// Close ends all connections.
func (db *Server) Close() error { return db.conn.pool.Close() }

// Ping asks the database for an answer.
func (db *Server) Ping(ctx context.Context) (err error) {
	defer Wrap(&err, "ping")
	return db.conn.ping(ctx)
}

// ServerFigures are counters of the whole server with all databases. Measurements compare two of
// them.
type ServerFigures struct {
	Transactions int64 `db:"transactions"` // committed and rolled back
	WALBytes     int64 `db:"wal_bytes"`
	Bytes        int64 `db:"bytes"` // of all databases on disk

	OwnTransactions int64 `db:"own_transactions"` // of them those in this database
	OwnBytes        int64 `db:"own_bytes"`
}

// ServerFigures reads the counters. The server brings those of other connections in with up to a
// second of delay, and those of idle ones within ten.
func (db *Server) ServerFigures(ctx context.Context) (f ServerFigures, err error) {
	defer Wrap(&err, "server figures")
	err = db.conn.Get(ctx, &f, `
		SELECT (SELECT sum(xact_commit + xact_rollback)::bigint FROM pg_stat_database) AS transactions,
		       pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint AS wal_bytes,
		       (SELECT sum(pg_database_size(oid))::bigint FROM pg_database WHERE datallowconn) AS bytes,
		       (SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()) AS own_transactions,
		       pg_database_size(current_database()) AS own_bytes`)
	return f, err
}

// CheckSchema says what to do about a schema that is not the one of this program.
func (db *Server) CheckSchema(ctx context.Context) error {
	migrations, err := db.MigrationStatus(ctx)
	if err != nil {
		return err
	}
	pending := 0
	for _, m := range migrations {
		if m.AppliedAt == nil {
			pending++
		}
	}
	if pending > 0 {
		return fmt.Errorf("the database lacks %d of %d migrations: run forgehook migrate up", pending, len(migrations))
	}
	return nil
}
