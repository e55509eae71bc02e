package database

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/lib/pq"
)

// Inspection is what a server says of itself to a session of ours: what a check before production
// judges. Empty texts are settings that the server does not have.
type Inspection struct {
	Version                int           `db:"version"` // 150004 is 15.4
	Recovering             bool          `db:"recovering"`
	ReadOnly               string        `db:"read_only"`
	Fsync                  string        `db:"fsync"`
	FullPageWrites         string        `db:"full_page_writes"`
	SynchronousCommit      string        `db:"synchronous_commit"`
	Isolation              string        `db:"isolation"`
	Encoding               string        `db:"encoding"`
	Autovacuum             string        `db:"autovacuum"`
	IdleInTransaction      string        `db:"idle_in_transaction"`  // of this session
	MaxConnections         int           `db:"max_connections"`      // of the server, without those it keeps for superusers
	RoleConnections        int           `db:"role_connections"`     // -1: no limit
	DatabaseConnections    int           `db:"database_connections"` // -1: no limit
	OtherConnections       int           `db:"other_connections"`    // in use now by other programs than Forgehook
	MayCreate              bool          `db:"may_create"`           // tables, in the schema where new ones go
	Bytes                  int64         `db:"bytes"`                // of this database on disk
	ClockAhead, ClockDoubt time.Duration // the server's clock less ours, and how far that may be wrong
}

// Inspect reads what the server says of itself. It writes nothing.
func (db *Server) Inspect(ctx context.Context) (i Inspection, err error) {
	defer Wrap(&err, "inspect server")
	err = db.conn.Get(ctx, &i, `
		SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS recovering,
		       current_setting('default_transaction_read_only') AS read_only,
		       current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
		       current_setting('synchronous_commit') AS synchronous_commit,
		       current_setting('default_transaction_isolation') AS isolation,
		       pg_encoding_to_char(d.encoding) AS encoding, current_setting('autovacuum') AS autovacuum,
		       current_setting('idle_in_transaction_session_timeout') AS idle_in_transaction,
		       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
		         - COALESCE(current_setting('reserved_connections', true), '0')::int AS max_connections,
		       r.rolconnlimit AS role_connections, d.datconnlimit AS database_connections,
		       (SELECT count(*) FROM pg_stat_activity
		        WHERE datid IS NOT NULL AND usesysid IS NOT NULL AND application_name IS DISTINCT FROM 'forgehook') AS other_connections,
		       COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create, pg_database_size(d.oid) AS bytes
		FROM pg_database d, pg_roles r
		WHERE d.datname = current_database() AND r.rolname = current_user`)
	if err != nil {
		return i, err
	}
	before := time.Now()
	var there time.Time
	if err = db.conn.Get(ctx, &there, `SELECT clock_timestamp()`); err != nil {
		return i, err
	}
	i.ClockDoubt = time.Since(before) / 2
	i.ClockAhead = there.Sub(before.Add(i.ClockDoubt))
	return i, nil
}

// SchemaState compares the migrations of a database with those of this program.
type SchemaState struct {
	Pending []int64 // of this program, not applied
	Foreign []int64 // applied, not of this program: the database has been migrated by a newer one
	Known   int
}

// SchemaState reads the applied migrations. Other than MigrationStatus it neither locks nor makes
// the table that lists them.
func (db *Server) SchemaState(ctx context.Context) (s SchemaState, err error) {
	defer Wrap(&err, "schema state")
	provider, err := db.migrations()
	if err != nil {
		return s, err
	}
	var exists bool
	if err = db.conn.Get(ctx, &exists, `SELECT to_regclass('goose_db_version') IS NOT NULL`); err != nil {
		return s, err
	}
	var applied []int64
	if exists {
		err = db.conn.List(ctx, &applied, `
			SELECT version_id FROM (SELECT DISTINCT ON (version_id) version_id, is_applied FROM goose_db_version ORDER BY version_id, id DESC) latest
			WHERE is_applied AND version_id > 0 ORDER BY version_id`)
		if err != nil {
			return s, err
		}
	}
	for _, source := range provider.ListSources() {
		s.Known++
		if i, ok := slices.BinarySearch(applied, source.Version); ok {
			applied = slices.Delete(applied, i, i+1)
		} else {
			s.Pending = append(s.Pending, source.Version)
		}
	}
	s.Foreign = applied
	return s, nil
}

// TryPrepared fails if a connection loses its prepared statements, as it does behind a pooler that
// gives each transaction any free session. It uses a second connection to take the session that has
// just prepared.
func (db *Server) TryPrepared(ctx context.Context) (err error) {
	defer Wrap(&err, "use a prepared statement")
	ours, err := db.conn.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer ours.Close() //nolint:errcheck // it goes back to the pool
	other, err := db.conn.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer other.Close() //nolint:errcheck // it goes back to the pool
	statement, err := ours.PrepareContext(ctx, `SELECT $1::int`)
	if err != nil {
		return err
	}
	defer statement.Close() //nolint:errcheck // the session may be gone, which is what is found out
	tx, err := other.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it changed nothing
	if _, err = tx.ExecContext(ctx, `SELECT 1`); err != nil {
		return err
	}
	var one int
	return statement.QueryRowContext(ctx, 1).Scan(&one)
}

// TryNotify fails if a notification of one connection does not reach a listener on another before
// ctx ends.
func (db *Server) TryNotify(ctx context.Context, databaseURL string) (err error) {
	defer Wrap(&err, "listen for a notification")
	if _, err := pq.NewConfig(databaseURL); err != nil {
		return WithoutPassword(err)
	}
	channel := "forgehook_doctor_" + rand.Text()
	listener := pq.NewDialListener(Dialer{}, databaseURL, ReconnectAfter, ReconnectAtMost, nil)
	defer listener.Close() //nolint:errcheck // it has been told all or nothing
	listening := make(chan error, 1)
	go func() { listening <- listener.Listen(channel) }()
	select {
	case err := <-listening:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return errors.New("no connection to listen on")
	}
	if _, err := db.conn.pool.ExecContext(ctx, `SELECT pg_notify($1, '')`, channel); err != nil {
		return err
	}
	for {
		select {
		case told := <-listener.Notify:
			if told != nil { // nil: the listener has connected
				return nil
			}
		case <-ctx.Done():
			return errors.New("a notification did not arrive")
		}
	}
}
