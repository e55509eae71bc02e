package postgres_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

func TestErrors_databaseAway(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), "postgres://user:hunter2@127.0.0.1:1/db?sslmode=disable")
	refused(t, "nobody listens", err, forgehook.CodeUnavailable)
	_, err = postgres.Open(t.Context(), "postgres://user:hunter2@127.0.0.1:port/db")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("an error shows the password: %v", err)
	}
}

func TestErrors_connectionLost(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	db := open(t, address)
	s := pgtest.NewScene(t, db)
	call := s.Call(t, db)

	// The connection breaks while a transaction is open.
	_, err := db.UpdateService(t.Context(), s.Tenant, s.Service.ID, func(*forgehook.Service) error {
		terminateConnections(t, address)
		return nil
	})
	refused(t, "broken in a transaction", err, forgehook.CodeUnavailable)
	// Outside of one nobody notices.
	terminateConnections(t, address)
	got, err := db.Call(t.Context(), s.Tenant, call.ID)
	check(t, err)
	equal(t, "call", got, call)
}

// terminateConnections ends all connections to the database of a URL, but for the one that it uses
// itself.
func terminateConnections(t *testing.T, address string) {
	t.Helper()
	pool := rawPool(t, address)
	_, err := pool.ExecContext(t.Context(), `
		SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	check(t, err)
}

func TestErrors_contextPassesThrough(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.s.Call(t, b.DB)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Call(canceled, b.tenant, call.ID)
	contextError(t, "canceled before", err, context.Canceled)

	// Canceled while a statement waits for a lock.
	ctx, cancel := context.WithCancel(t.Context())
	_, err = b.UpdateProject(t.Context(), b.tenant, b.s.Project.ID, func(*forgehook.Project) error {
		blocked := make(chan error)
		go func() {
			_, err := b.UpdateProject(ctx, b.tenant, b.s.Project.ID, func(*forgehook.Project) error { return nil })
			blocked <- err
		}()
		waitForLock(t, b.url)
		cancel()
		contextError(t, "canceled while waiting", <-blocked, context.Canceled)
		return nil
	})
	check(t, err)

	ctx, cancel = context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	_, _, err = b.Calls(ctx, b.tenant, forgehook.CallFilter{}, forgehook.Page{})
	contextError(t, "deadline", err, context.DeadlineExceeded)
}

func contextError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || forgehook.ErrorCode(err) != "" {
		t.Errorf("%s: got %v, want %v and no code", what, err, want)
	}
}

// waitForLock returns when a session of the database waits for a lock.
func waitForLock(t *testing.T, address string) {
	t.Helper()
	pool := rawPool(t, address)
	for waiting := false; !waiting; {
		err := pool.QueryRowContext(t.Context(), `
			SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waiting)
		check(t, err)
	}
}

func TestErrors_tooManyConnections(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	pool := rawPool(t, address)
	parsed, err := url.Parse(address)
	check(t, err)
	_, err = pool.ExecContext(t.Context(), "CREATE ROLE "+parsed.Path[1:]+" LOGIN PASSWORD 'secret' CONNECTION LIMIT 0")
	check(t, err)
	t.Cleanup(func() {
		_, err := pool.ExecContext(context.Background(), "DROP ROLE "+parsed.Path[1:])
		check(t, err)
	})
	parsed.User = url.UserPassword(parsed.Path[1:], "secret")
	_, err = postgres.Open(t.Context(), parsed.String())
	refused(t, "no connection left", err, forgehook.CodeUnavailable)
}
