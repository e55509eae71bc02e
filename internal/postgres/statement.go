package postgres

import (
	"context"
	"sync"

	"github.com/jmoiron/sqlx"
)

// statements are those that every call runs, kept prepared on each connection: parsing and planning them is most of what they
// cost. A delivered call takes 3.7 ms of the database with them and 6.0 ms without (TestCost has the steps). Lists stay out: with
// their optional filters they need a plan of their own each time.
//
// A statement is prepared after its first run, when no transaction holds a connection: to wait for another one within a
// transaction could wait for ever.
type statements struct {
	mu        sync.Mutex
	ready     map[string]*sqlx.Stmt
	wanted    map[string]struct{}
	preparing sync.Mutex
}

// find returns the prepared statement of a query, nil where it has to run without.
func (s *statements) find(query string) *sqlx.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	stmt := s.ready[query]
	if stmt == nil {
		s.wanted[query] = struct{}{}
	}
	return stmt
}

// prepare makes the wanted statements ready. One caller at a time does it and the others go on; what fails is wanted again by its
// next run, as nothing depends on it.
func (s *statements) prepare(ctx context.Context, pool *sqlx.DB) {
	if !s.preparing.TryLock() {
		return
	}
	defer s.preparing.Unlock()
	s.mu.Lock()
	wanted := s.wanted
	s.wanted = map[string]struct{}{}
	s.mu.Unlock()
	for query := range wanted {
		stmt, err := pool.PreparexContext(ctx, query)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.ready[query] = stmt
		s.mu.Unlock()
	}
}

// conn runs statements, on the pool or in a transaction.
type conn struct {
	db    *DB
	tx    *sqlx.Tx // nil: on the pool
	often bool     // they are run by every call
}

// hot is for the statements that every call runs.
func (c conn) hot() conn {
	c.often = true
	return c
}

// get reads one row into dest; none is sql.ErrNoRows.
func (c conn) get(ctx context.Context, dest any, query string, args ...any) error {
	defer c.prepare(ctx)
	if stmt := c.prepared(ctx, query); stmt != nil {
		return orContext(ctx, stmt.GetContext(ctx, dest, args...))
	}
	return orContext(ctx, sqlx.GetContext(ctx, c.runner(), dest, query, args...))
}

// list reads all rows into the slice dest.
func (c conn) list(ctx context.Context, dest any, query string, args ...any) error {
	defer c.prepare(ctx)
	if stmt := c.prepared(ctx, query); stmt != nil {
		return orContext(ctx, stmt.SelectContext(ctx, dest, args...))
	}
	return orContext(ctx, sqlx.SelectContext(ctx, c.runner(), dest, query, args...))
}

// exec runs a statement and returns how many rows it touched. It is never hot unless in a transaction.
func (c conn) exec(ctx context.Context, query string, args ...any) (int, error) {
	run := func() (sqlResult, error) { return c.runner().ExecContext(ctx, query, args...) }
	if stmt := c.prepared(ctx, query); stmt != nil {
		run = func() (sqlResult, error) { return stmt.ExecContext(ctx, args...) }
	}
	result, err := run()
	if err != nil {
		return 0, orContext(ctx, err)
	}
	rows, err := result.RowsAffected()
	return int(rows), err
}
