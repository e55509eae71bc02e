package postgres_test

import (
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

// TestCost holds what a call costs: how often each step waits for the server, and how many transactions all of it takes.
func TestCost(t *testing.T) {
	t.Parallel()
	trips := &countingDialer{}
	db, err := postgres.Open(t.Context(), pgtest.URL(t), postgres.Options{MaxConnections: 1}.WithDialer(trips))
	check(t, err)
	defer db.Close()
	s := pgtest.NewScene(t, db)
	master := pgtest.Invoice(t, s.Project.ID, s.Service.ID)
	master, _, err = db.PutDocument(t.Context(), s.Tenant, master)
	check(t, err)
	s.Document.MasterID = &master.ID
	_, _, err = db.PutDocument(t.Context(), s.Tenant, s.Document)
	check(t, err)

	costs := map[string]int64{}
	measure := func(step string, do func()) {
		before := trips.writes.Load()
		do()
		costs[step] = trips.writes.Load() - before
	}
	var call forgehook.Call
	measure("accept", func() { call = s.Call(t, db) })
	ref := forgehook.CallRef{Tenant: s.Tenant, CallID: call.ID}
	measure("evaluate", func() {
		_, _, err := db.Evaluate(t.Context(), ref, fires)
		check(t, err)
	})
	measure("build", func() {
		_, _, err := db.BuildRequest(t.Context(), ref, builds)
		check(t, err)
	})
	measure("start", func() {
		_, err := db.StartAttempt(t.Context(), postgres.StartAttempt{Ref: ref, Now: time.Now()})
		check(t, err)
	})
	measure("record a delivery", func() {
		recorded, err := db.RecordAttempt(t.Context(), postgres.RecordAttempt{
			Ref: ref, Number: 1, Now: time.Now(), Exchange: postgres.Exchange{StatusCode: 204},
			Decision: postgres.Decision{Verdict: forgehook.VerdictSuccess},
		})
		check(t, err)
		equal(t, "outcome", recorded.Outcome, forgehook.Delivered)
	})
	want := map[string]int64{ // BEGIN and COMMIT are two of each
		"accept":            5, // documents, utilities, insert
		"evaluate":          4,
		"build":             4,
		"start":             4,
		"record a delivery": 4,
	}
	if diff := cmp.Diff(want, costs); diff != "" {
		t.Errorf("round trips (-want +got):\n%s", diff)
	}
}

// countingDialer counts the messages that its connections send: the driver waits for an answer after each.
type countingDialer struct{ writes atomic.Int64 }

func (d *countingDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialTimeout(network, address, 0)
}

func (d *countingDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	c, err := net.DialTimeout(network, address, timeout)
	return countingConn{c, &d.writes}, err
}

type countingConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c countingConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}
