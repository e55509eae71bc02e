package pgtest

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/lib/pq"
)

// pool holds the databases of this process that no test uses now. It is all that the process's
// tests share.
var pool databases

type databases struct {
	mu       sync.Mutex
	template string // "" until the first database is made
	free     []*database
}

const namePrefix = "forgehook_test_"

// database is one that tests use in turn. Its session lasts as long as the process: a database
// without any belongs to nobody.
type database struct {
	name    string
	server  *url.URL
	session *sql.DB
}

// take gives an empty database, a new one if none is free.
func (p *databases) take(server *url.URL) (*database, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		d := p.free[n-1]
		p.free = p.free[:n-1]
		return d, nil
	}
	admin, err := sql.Open("postgres", server.String())
	if err != nil {
		return nil, err
	}
	defer func() { _ = admin.Close() }()
	ctx := context.Background()
	session, err := admin.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = session.Close() }() // and with it the lock
	// One process at a time: a database that was just made has no session for a moment.
	if _, err := session.ExecContext(ctx, `SELECT pg_advisory_lock(hashtext('forgehook test databases'))`); err != nil {
		return nil, err
	}
	if p.template == "" {
		if err := dropAbandoned(ctx, session); err != nil {
			return nil, err
		}
		if p.template, err = migrated(ctx, session, server); err != nil {
			return nil, err
		}
	}
	d := &database{name: namePrefix + unique(), server: server}
	// By copying files: writing the pages to the log takes four times as long.
	create := "CREATE DATABASE " + d.name + " TEMPLATE " + pq.QuoteIdentifier(p.template) + " STRATEGY file_copy"
	if _, err := session.ExecContext(ctx, create); err != nil {
		return nil, err
	}
	if d.session, err = sql.Open("postgres", inDatabase(server, d.name)); err != nil {
		return nil, err
	}
	d.session.SetMaxOpenConns(1)
	return d, d.session.PingContext(ctx)
}

// dropAbandoned drops the databases of processes that have ended.
func dropAbandoned(ctx context.Context, session *sql.Conn) error {
	rows, err := session.QueryContext(ctx, `
		SELECT datname FROM pg_database d
		WHERE starts_with(datname, $1) AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname)`, namePrefix)
	if err != nil {
		return err
	}
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return errors.Join(err, rows.Close())
		}
		names = append(names, name)
	}
	if err := cmp.Or(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, name := range names {
		if _, err := session.ExecContext(ctx, "DROP DATABASE IF EXISTS "+pq.QuoteIdentifier(name)); err != nil {
			return err
		}
	}
	return nil
}

// reusable is the largest size of a database, in bytes, that the next test gets. The deleted rows
// of a larger one would slow the tests that follow.
const reusable = 16 << 20

// emptied ends all other sessions and deletes every row. It disregards foreign keys, and so the
// order of the tables, and begins all sequences anew.
const emptied = `
	SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
	SET session_replication_role = replica;
	DO $$
	DECLARE name text;
	BEGIN
		FOR name IN SELECT oid::regclass FROM pg_class
			WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'goose_db_version' LOOP
			EXECUTE 'DELETE FROM ' || name;
		END LOOP;
		FOR name IN SELECT oid::regclass FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace LOOP
			EXECUTE 'ALTER SEQUENCE ' || name || ' RESTART';
		END LOOP;
	END $$`

// Tests are those of a package that looks for leaks: Run drops the databases when they have ended.
type Tests struct{ *testing.M }

// Run runs the tests and returns the exit code.
func (t Tests) Run() int {
	code := t.M.Run()
	if err := pool.close(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest: drop the tests' databases:", err)
	}
	return code
}

func (p *databases) close() (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.free {
		err = errors.Join(err, d.drop())
	}
	p.free = nil
	return err
}

func (d *database) drop() error {
	return cmp.Or(d.session.Close(), administer(context.Background(), d.server, "DROP DATABASE "+d.name+" WITH (FORCE)"))
}

// giveBack empties a database for the next test, or drops it.
func (p *databases) giveBack(d *database) error {
	ctx := context.Background()
	var size int
	if err := d.session.QueryRowContext(ctx, `SELECT pg_database_size(current_database())`).Scan(&size); err != nil {
		return err
	}
	if size > reusable {
		return d.drop()
	}
	if _, err := d.session.ExecContext(ctx, emptied); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, d)
	return nil
}
