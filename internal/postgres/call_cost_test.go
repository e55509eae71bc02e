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

// TestCost holds what a call costs: how often each step waits for the server, and how many
// transactions all of it takes.
func TestCost(t *testing.T) {
	t.Parallel()
	trips := &countingDialer{}
	db := open(t, pgtest.URL(t), postgres.Options{MaxConnections: 1, Dialer: trips})
	s := pgtest.NewScene(t, db)
	master := pgtest.Invoice(t, s.Project.ID, s.Service.ID)
	master, _, _, err := db.PutDocument(t.Context(), s.Tenant, master, "", nil)
	check(t, err)
	s.Document.MasterID = &master.ID
	_, _, _, err = db.PutDocument(t.Context(), s.Tenant, s.Document, "", nil)
	check(t, err)

	delivered(t, db, s, func(_ string, do func()) { do() }) // from now on the statements are prepared
	costs := map[string]int64{}
	delivered(t, db, s, func(step string, do func()) {
		before := trips.writes.Load()
		do()
		costs[step] = trips.writes.Load() - before
	})
	want := map[string]int64{ // BEGIN and COMMIT are two of each
		"accept":            5, // documents, utilities, insert
		"evaluate":          2,
		"build":             2,
		"start":             4,
		"record a delivery": 4,
	}
	if diff := cmp.Diff(want, costs); diff != "" {
		t.Errorf("round trips (-want +got):\n%s", diff)
	}
}

// delivered takes a call from its acceptance to its end; each step is one transaction.
func delivered(t testing.TB, db *postgres.DB, s pgtest.Scene, each func(step string, do func())) {
	t.Helper()
	ref := forgehook.CallRef{Tenant: s.Tenant}
	var err error
	each("accept", func() { ref.CallID = s.Call(t, db).ID })
	each("evaluate", func() { explain(t, db, ref, fires) })
	each("build", func() { build(t, db, ref, built) })
	each("start", func() { _, err = db.StartAttempt(t.Context(), postgres.AttemptStart{Ref: ref, Now: time.Now()}) })
	check(t, err)
	var recorded postgres.Recorded
	each("record a delivery", func() { recorded, err = db.RecordAttempt(t.Context(), success(ref, 1)) })
	check(t, err)
	if recorded.Outcome != forgehook.Delivered {
		t.Fatalf("the call was not delivered: %+v", recorded)
	}
}

// BenchmarkDeliveredCall reports what the database's part of a delivered call takes, on a server
// that does nothing else.
func BenchmarkDeliveredCall(b *testing.B) {
	db := pgtest.New(b)
	s := pgtest.NewScene(b, db.DB)
	before, err := db.ServerFigures(b.Context())
	check(b, err)
	for b.Loop() {
		delivered(b, db.DB, s, func(_ string, do func()) { do() })
	}
	after, err := db.ServerFigures(b.Context())
	check(b, err)
	b.ReportMetric(float64(after.WALBytes-before.WALBytes)/float64(b.N), "walB/op")
}

// countingDialer counts the messages that its connections send: the driver waits for an answer
// after each.
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
