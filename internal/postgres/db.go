// Package postgres stores. It knows tables, not rules. Others decide what a call's conditions,
// request and response mean: they read facts here, think, and write their findings. The rooms below
// are the connections (database), what tenants set up (catalog), waiting for ends (await), and what
// tests need (pgtest).
//
// An exported method opens a transaction and commits it. Unexported ones take the transaction, so
// that steps compose. Every statement on tenants' data names the tenant; a row of another tenant is
// treated as missing. Errors for a caller are [*forgehook.Error]; see database/errors.go.
//
// Transactions are READ COMMITTED and lock in one order: a call's row first, then its attempts, its
// document, the process of its work item, that item (a parent before its child), its run, its
// utility. One step is out of order. A call that passes the hold of its utility stops the utility
// from being paused until its attempt is noted, so it has the utility's lock when it fails as
// worker_lost. PostgreSQL may refuse one of two such calls at once; it is tried again.
//
// Files sort by their subject: call, run (of an event), item (documents and work items). Start with
// [DB.AcceptCalls] in call_accept.go, then follow a call through call_evaluate.go, call_build.go,
// call_attempt.go, call_record.go, call_callback.go and call_complete.go. call_writeback.go stores
// the changes of a response; run_caused.go and run_event.go are the runs of events.
package postgres

import (
	"context"
	"runtime"

	"github.com/forgehook/forgehook/internal/postgres/catalog"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// What rooms below this one declare and others use.
type (
	Options         = database.Options
	Inspection      = database.Inspection
	SchemaState     = database.SchemaState
	ServerFigures   = database.ServerFigures
	Tenant          = catalog.Tenant
	UtilitySettings = catalog.UtilitySettings
)

// DB is the database. Its methods may be called from many goroutines.
type DB struct {
	*database.Server
	*catalog.Catalog
	conn      *database.Pool
	large     chan struct{} // see turn
	evaluated *subjects
}

// Open connects to the database at a postgres:// URL and fails when it cannot be reached. At most
// one Options is used. A pooler in between must know prepared statements (PgBouncer from 1.21 on).
func Open(ctx context.Context, databaseURL string, options ...database.Options) (db *DB, err error) {
	defer database.Wrap(&err, "open database")
	var o database.Options
	if len(options) > 0 {
		o = options[0]
	}
	pool, err := database.Open(ctx, databaseURL, o)
	if err != nil {
		return nil, err
	}
	return &DB{
		Server: database.NewServer(pool), Catalog: catalog.New(pool), conn: pool,
		large: make(chan struct{}, runtime.GOMAXPROCS(0)), evaluated: newSubjects(),
	}, nil
}
