// Package postgres holds all SQL. It knows tables, not rules: what a call's conditions, request and answer mean is decided by
// functions that it is given (internal/webhook), inside its transactions.
//
// Exported methods open a transaction and commit it; what they are made of takes the transaction, so that steps compose.
// Every statement on tenants' data names the tenant, and another tenant's row is the same as none. Errors that a caller may see
// are [*forgehook.Error]; see errors.go. Transactions are READ COMMITTED and lock in one order: a call's row first, then its
// attempts, its document, the process of its work item, that item (a parent before its child), its run, its utility. One step is out of
// order: a call that passes the hold of its utility keeps that from being paused until its attempt is noted, so it has the utility's
// lock when it fails as worker_lost instead. Two of those at once may be refused by PostgreSQL, and are tried again.
//
// Start with [DB.AcceptCalls] in accept.go, then follow a call through evaluate.go, build.go, attempt.go, record.go, callback.go and
// complete.go; writeback.go is what an answer changes, caused.go and event.go are the runs of events.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
)

// DB is the database. Its methods may be called from many goroutines.
type DB struct {
	conn       // statements outside of a transaction
	pool       *sqlx.DB
	statements statements
	large      chan struct{} // see turn
	evaluated  *subjects
}

// Options tune a [DB]; the zero value is good.
type Options struct {
	MaxConnections int // 0 is 20. All may stay open while idle, each for an hour at most

	dialer pq.Dialer // nil: the network
}

const (
	defaultConnections = 20
	connectionLifetime = time.Hour // so that a failover or a new proxy is noticed
	connectTimeout     = 10 * time.Second
	// A process that freezes within a transaction must not keep its row locks: the server ends the session.
	idleInTransaction = "10s"
)

// Open connects to the database at a postgres:// URL and fails when it cannot be reached. At most one Options is used. A pooler in
// between must know prepared statements (PgBouncer from 1.21 on).
func Open(ctx context.Context, databaseURL string, options ...Options) (db *DB, err error) {
	defer wrap(&err, "open database")
	var o Options
	if len(options) > 0 {
		o = options[0]
	}
	config, err := pq.NewConfig(databaseURL)
	if err != nil {
		return nil, withoutPassword(err)
	}
	// One round trip a statement instead of two, also for those that are not prepared: parse, bind and execute travel together.
	config.BinaryParameters = true
	if config.FallbackApplicationName == "" {
		config.FallbackApplicationName = "forgehook"
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.Runtime == nil {
		config.Runtime = map[string]string{}
	}
	if config.Runtime["idle_in_transaction_session_timeout"] == "" {
		config.Runtime["idle_in_transaction_session_timeout"] = idleInTransaction
	}
	connector, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, err
	}
	if o.dialer != nil {
		connector.Dialer(o.dialer)
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = defaultConnections
	}
	pool := sqlx.NewDb(sql.OpenDB(connector), "postgres")
	pool.SetMaxOpenConns(o.MaxConnections)
	pool.SetMaxIdleConns(o.MaxConnections)
	pool.SetConnMaxLifetime(connectionLifetime)
	db = &DB{pool: pool, large: make(chan struct{}, runtime.GOMAXPROCS(0)), statements: statements{ready: map[string]*sqlx.Stmt{}, wanted: map[string]bool{}}, evaluated: newSubjects()}
	db.conn = conn{db: db}
	if err := db.Ping(ctx); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return db, nil
}

// withoutPassword drops the URL that net/url repeats in its errors.
func withoutPassword(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("the database URL is no URL: %w", e.Err)
	}
	return err
}

// Close ends all connections.
func (db *DB) Close() error { return db.pool.Close() }

// Ping asks the database for an answer.
func (db *DB) Ping(ctx context.Context) (err error) {
	defer wrap(&err, "ping")
	var one int
	return db.get(ctx, &one, `SELECT 1`)
}

// inTx runs do in a transaction: committed when it returns nil, else rolled back.
func (db *DB) inTx(ctx context.Context, do func(tx conn) error) error {
	tx, err := db.pool.BeginTxx(ctx, nil)
	if err != nil {
		return orContext(ctx, err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := do(conn{db: db, tx: tx}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return orContext(ctx, err)
	}
	db.hot().prepare(ctx)
	return nil
}

// orContext names the end of ctx as the cause where there is one: the driver then reports whatever broke first, a closed socket
// or a canceled statement.
func orContext(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%w (%v)", ctx.Err(), err) //nolint:errorlint // err must not be mistaken for the cause
}

// milliseconds is the precision of every moment that is stored and answered.
func milliseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func now() time.Time { return milliseconds(time.Now()) }

// instant is finer than what is shown: what was stored last must be told from what was stored just before.
func instant() time.Time { return time.Now().UTC() }

func moment(t time.Time) forgehook.Time { return forgehook.Time{Time: t.UTC()} }

func optionalMoment(t *time.Time) *forgehook.Time {
	if t == nil {
		return nil
	}
	m := moment(*t)
	return &m
}
