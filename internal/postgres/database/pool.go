// Package database is the connections to PostgreSQL and what all statements share: transactions,
// prepared statements, errors, pages, ids, times, and the schema. It knows no entity, and only
// rooms of [github.com/forgehook/forgehook/internal/postgres] import it. Start with [Pool] and
// [Conn].
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Pool is the connections to a database. Its statements run outside of a transaction.
type Pool struct {
	Conn
	pool       *sqlx.DB
	statements statements
}

// Options tune a [DB]; the zero value is good.
type Options struct {
	MaxConnections int // 0 is 20. All may stay open while idle, each for an hour at most

	Dialer pq.Dialer // nil: the network
}

const (
	defaultConnections = 20
	connectionLifetime = time.Hour // so that a failover or a new proxy is noticed
	connectTimeout     = 10 * time.Second
	// A process that freezes within a transaction must not keep its row locks, so the server ends
	// the session.
	idleInTransaction = "10s"
)

// Open connects to the database at a postgres:// URL and fails when it cannot be reached.
func Open(ctx context.Context, databaseURL string, o Options) (*Pool, error) {
	config, err := pq.NewConfig(databaseURL)
	if err != nil {
		return nil, WithoutPassword(err)
	}
	// One round trip a statement instead of two, also for those that are not prepared: parse, bind
	// and execute travel together.
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
	if o.Dialer != nil {
		connector.Dialer(o.Dialer)
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = defaultConnections
	}
	pool := sqlx.NewDb(sql.OpenDB(connector), "postgres")
	pool.SetMaxOpenConns(o.MaxConnections)
	pool.SetMaxIdleConns(o.MaxConnections)
	pool.SetConnMaxLifetime(connectionLifetime)
	p := &Pool{pool: pool, statements: statements{ready: map[string]*sqlx.Stmt{}, wanted: map[string]bool{}}}
	p.Conn = Conn{pool: p}
	if err := p.ping(ctx); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return p, nil
}

// WithoutPassword drops the URL that net/url repeats in its errors.
func WithoutPassword(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("the database URL is no URL: %w", e.Err)
	}
	return err
}

func (p *Pool) ping(ctx context.Context) error {
	var one int
	return p.Get(ctx, &one, `SELECT 1`)
}

// InTx runs do in a transaction: committed when it returns nil, else rolled back.
func (p *Pool) InTx(ctx context.Context, do func(tx Conn) error) error {
	tx, err := p.pool.BeginTxx(ctx, nil)
	if err != nil {
		return orContext(ctx, err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := do(Conn{pool: p, tx: tx}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return orContext(ctx, err)
	}
	p.Hot().prepare(ctx)
	return nil
}

// orContext names the end of ctx as the cause if it has ended. The driver reports only what broke
// first, such as a closed socket or a canceled statement.
func orContext(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%w (%v)", ctx.Err(), err) //nolint:errorlint // err must not be mistaken for the cause
}
