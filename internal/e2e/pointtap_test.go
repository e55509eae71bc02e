//go:build e2e

package e2e

import (
	"database/sql"
	"net"
	"net/url"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

// TestTap_postgres cuts a commit before it reaches the server, which then does not have it, and
// after, when it does.
func TestTap_postgres(t *testing.T) {
	t.Parallel()
	for side, want := range map[string]int{"before": 0, "after": 1} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			direct := pgtest.URL(t)
			server, err := url.Parse(direct)
			check(t, err)
			var passed trail
			server.Host = tap(t, server.Host, speakPostgres, func(point string) bool {
				return passed.add(point) != "postgres/COMMIT of INSERT tenants/"+side
			})
			through, err := sql.Open("postgres", server.String())
			check(t, err)
			t.Cleanup(func() { _ = through.Close() })
			tx, err := through.BeginTx(t.Context(), nil)
			check(t, err)
			_, err = tx.ExecContext(t.Context(), "INSERT INTO tenants (id, name, created_at) VALUES ($1, 'a', now())", "0190d0a0-0000-7000-8000-000000000001")
			check(t, err)
			if err := tx.Commit(); err == nil {
				t.Error("the commit was confirmed")
			}
			db, err := sql.Open("postgres", direct)
			check(t, err)
			t.Cleanup(func() { _ = db.Close() })
			var n int
			check(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM tenants").Scan(&n))
			equal(t, "rows after a commit that was cut "+side, n, want)
			if points := passed.all(); !slices.Contains(points, "postgres/INSERT tenants/after") {
				t.Errorf("passed %v", points)
			}
		})
	}
}

// TestTap_temporal has a point before and after each request.
func TestTap_temporal(t *testing.T) {
	t.Parallel()
	var passed trail
	var took atomic.Int32
	speak := func(client, server net.Conn, at watcher) {
		speakTemporal(client, server, at, func(time.Time) { took.Add(1) })
	}
	addr := tap(t, os.Getenv("TEMPORAL_ADDRESS"), speak, func(point string) bool { passed.add(point); return true })
	c, err := client.DialContext(t.Context(), client.Options{HostPort: addr})
	check(t, err)
	defer c.Close()
	_, err = c.CheckHealth(t.Context(), &client.CheckHealthRequest{})
	check(t, err)
	equal(t, "points", passed.all(), []string{
		"temporal/GetSystemInfo/before", "temporal/GetSystemInfo/after", "temporal/Check/before", "temporal/Check/after",
	})
	equal(t, "requests that took their time", took.Load(), 2)
}

// trail records the passed points.
type trail struct {
	mu     sync.Mutex
	points []string
}

func (p *trail) add(point string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.points = append(p.points, point)
	return point
}

func (p *trail) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.points)
}
