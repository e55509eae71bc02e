//go:build e2e

package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
)

var (
	soakFor  = flag.Duration("soak", 0, "how long TestSoak runs, such as 30m; 0: half a minute, in which nothing can be judged but errors")
	soakRate = flag.Float64("soak-rate", 5, "calls a second of TestSoak")
)

// soakGauges are what a soak watches, in the order of soak.read. Tolerances are for the growth
// after the first third. The engine's data is only shown: it keeps each history for the namespace's
// retention.
func soakGauges() []gauge {
	const mib = 1 << 20
	var list []gauge
	for _, process := range []string{"API", "worker"} {
		list = append(list,
			gauge{name: process + " goroutines", unit: 1, share: 0.1, least: 15},
			gauge{name: process + " live heap MiB", unit: mib, share: 0.1, least: 3 * mib},
			gauge{name: process + " RSS MiB", unit: mib, share: 0.1, least: 12 * mib},
			gauge{name: process + " files", unit: 1, share: 0.1, least: 8},
		)
	}
	return append(list,
		gauge{name: "connections", unit: 1, share: 0.1, least: 4},
		gauge{name: "open calls", unit: 1, share: 0.2, least: 15},
		gauge{name: "owed signals", unit: 1, share: 0.1, least: 5},
		gauge{name: "waiters", unit: 1, share: 0.1, least: 5},
		gauge{name: "dead rows per 100", unit: 1, share: 0.2, least: 15},
		gauge{name: "KiB a call", unit: 1 << 10, share: 0.1, least: 1 << 10},
		gauge{name: "calls", unit: 1, only: true},
		gauge{name: "tables MiB", unit: mib, only: true},
		gauge{name: "indexes MiB", unit: mib, only: true},
		gauge{name: "engine's database MiB", unit: mib, only: true},
		gauge{name: "engine RSS MiB", unit: mib, only: true},
	)
}

// TestSoak puts a steady load on an API and a worker whose endpoints are quick, slow, failing,
// flapping, resetting and verbose, and watches processes and tables. After the warm-up, the first
// third, all must be flat; tables may grow by the same bytes for each call. In the end each call is
// compared with what the endpoints saw.
func TestSoak(t *testing.T) {
	t.Parallel()
	s := newSoak(t)
	duration := *soakFor
	if duration == 0 {
		duration = 30 * time.Second
	}
	gauges := soakGauges()
	t.Log(header(gauges))
	readings := s.run(duration, func(r reading) { t.Log(row(gauges, r)) })
	report, growing := verdict(gauges, readings)
	t.Logf("%d calls and %d events in %s\n%s", len(s.calls), s.events, duration, report)
	if *soakFor > 0 {
		for _, line := range growing {
			t.Error(line)
		}
	}
	s.check()
}

// soak is an installation under a steady load.
type soak struct {
	*installation
	apiMember, workerMember *member
	begin                   time.Time
	kinds                   []soaked
	webhooks                []int32 // of the kinds
	deck                    []int   // kinds by weight
	documents               []int32
	log                     receiverLog

	under  sync.WaitGroup // requests
	mu     sync.Mutex
	floors [][]float64 // the least of each process's gauges since the last reading
	calls  []acceptedCall
	runs   []string
	events int
	faults []error
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	s := &soak{installation: install(t, map[string]any{"executeAfterProcess": false}), begin: time.Now()}
	s.api.kill()
	s.worker.kill()
	s.apiMember = s.join("api")
	address := "http://" + s.apiMember.addr
	s.workerMember = s.join("worker", "FORGEHOOK_PUBLIC_URL="+address)
	s.client = client.New(address, s.key)
	s.kinds = soakedKinds(s.begin)
	for i, kind := range s.kinds {
		settings := merge(map[string]any{"documentProcessedStatus": nil}, kind.settings)
		settings["webHook"] = merge(map[string]any{"url": newLoggedEndpoint(t, &s.log, kind.respond).URL}, settings["webHook"])
		s.webhooks = append(s.webhooks, s.attach(kind.name, settings))
		for range kind.weight {
			s.deck = append(s.deck, i)
		}
	}
	var first struct {
		ServiceID int32 `json:"serviceId"`
		ProjectID int32 `json:"projectId"`
	}
	s.do("GET", fmt.Sprintf("/v1/documents/%d", s.document), nil, &first)
	for i := range 20 {
		var document struct{ ID int32 }
		s.do("POST", fmt.Sprintf("/v1/projects/%d/documents", first.ProjectID), map[string]any{
			"serviceId": first.ServiceID, "status": "Processed", "usage": "Outbox", "filename": fmt.Sprintf("soak-%d.pdf", i),
		}, &document)
		s.documents = append(s.documents, document.ID)
	}
	return s
}

// run loads the installation, even while its responses are slow, and reads the gauges each minute,
// or more often in a short run.
func (s *soak) run(duration time.Duration, tell func(reading)) (readings []reading) {
	s.t.Helper()
	pause := time.Duration(float64(time.Second) / *soakRate)
	load, look := time.NewTicker(pause), time.NewTicker(min(max(duration/30, 3*time.Second), time.Minute))
	defer load.Stop()
	defer look.Stop()
	event := time.NewTicker(15 * time.Second)
	defer event.Stop()
	over := time.After(duration)
	sample := time.NewTicker(2 * time.Second)
	defer sample.Stop()
	for n := 0; ; {
		select {
		case <-sample.C:
			s.sample()
		case <-load.C:
			n++
			s.under.Go(func() { s.one(s.deck[(n*7)%len(s.deck)], n) })
		case <-event.C:
			s.under.Go(func() { s.event(n) })
		case <-look.C:
			readings = append(readings, s.read())
			tell(readings[len(readings)-1])
		case <-over:
			s.under.Wait()
			return readings
		}
	}
}

// one makes a call of a kind and waits for the end of every second call.
func (s *soak) one(kind, n int) {
	webhook, document := s.webhooks[kind], s.documents[rand.IntN(len(s.documents))]
	options := client.Options{IdempotencyKey: fmt.Sprintf("soak-%d", n), Wait: time.Duration(n%2) * 20 * time.Second}
	accepted, err := s.client.CallWebhook(s.t.Context(), forgehook.CallRequest{WebHookServiceID: &webhook, DocumentID: &document}, options)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.faults = append(s.faults, err)
		return
	}
	s.calls = append(s.calls, acceptedCall{id: accepted.Calls[0].ID, key: options.IdempotencyKey, outcomes: s.kinds[kind].outcomes})
}

// event fires all kinds for a document.
func (s *soak) event(n int) {
	request := forgehook.EventRequest{Type: forgehook.EventAfterProcess, DocumentIDs: []int32{s.documents[n%len(s.documents)]}}
	accepted, err := s.client.Event(s.t.Context(), s.service(), request, client.Options{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events++
	if err != nil {
		s.faults = append(s.faults, err)
		return
	}
	s.runs = append(s.runs, accepted.Run.ID)
}

func (s *soak) service() int32 {
	var utility struct {
		ServiceID int32 `json:"serviceId"`
	}
	s.do("GET", fmt.Sprintf("/v1/services/%d", s.webhooks[0]), nil, &utility)
	return utility.ServiceID
}

// sample reads the processes. Between events and exchanges they return to their base level, which a
// leak raises.
func (s *soak) sample() {
	s.t.Helper()
	for i, m := range []*member{s.apiMember, s.workerMember} {
		g, err := m.gauges()
		check(s.t, err)
		// The heap after the last collection: the next is due when it has doubled.
		seen := []float64{g["go_goroutines"], g["go_memstats_next_gc_bytes"] / 2, g["process_resident_memory_bytes"], g["process_open_fds"]}
		if len(s.floors) == i {
			s.floors = append(s.floors, seen)
		}
		for k := range seen {
			s.floors[i][k] = min(s.floors[i][k], seen[k])
		}
	}
}

// read reads all gauges, in the order of soakGauges.
func (s *soak) read() reading {
	s.t.Helper()
	s.sample()
	r := reading{at: time.Since(s.begin), values: slices.Concat(s.floors...)}
	s.floors = nil
	var connections, open, wakes, waiters, dead, calls, tables, indexes, engine float64
	check(s.t, s.sql.QueryRowContext(s.t.Context(), `
		SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
		       (SELECT count(*) FROM calls WHERE outcome IS NULL), (SELECT count(*) FROM wakes), (SELECT count(*) FROM call_waiters),
		       (SELECT 100.0 * sum(n_dead_tup) / greatest(sum(n_live_tup), 1) FROM pg_stat_user_tables),
		       (SELECT count(*) FROM calls),
		       (SELECT sum(pg_table_size(relid)) FROM pg_stat_user_tables), (SELECT sum(pg_indexes_size(relid)) FROM pg_stat_user_tables),
		       (SELECT COALESCE(sum(pg_database_size(datname)), 0) FROM pg_database WHERE datname LIKE 'temporal%')`).
		Scan(&connections, &open, &wakes, &waiters, &dead, &calls, &tables, &indexes, &engine))
	r.values = append(r.values, connections, open, wakes, waiters, dead, (tables+indexes)/max(calls, 1), calls, tables, indexes, engine, stackRSS())
	return r
}

// stackRSS is the memory of the development stack's process, mostly the engine's, in bytes; 0 if
// unknown.
func stackRSS() float64 {
	status, err := os.ReadFile("/proc/" + os.Getenv("FORGEHOOK_DEV_STACK_PID") + "/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	number, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	kib, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0
	}
	return kib * 1024
}

// check waits until all has ended, and looks for leftovers and contradictions.
func (s *soak) check() {
	s.t.Helper()
	for _, err := range s.faults {
		s.t.Errorf("a caller saw: %v", err)
	}
	for _, id := range s.runs {
		run, err := s.client.AwaitRun(s.t.Context(), id)
		check(s.t, err)
		s.calls = append(s.calls, s.fired(run)...)
	}
	for _, left := range []string{"calls WHERE outcome IS NULL", "runs WHERE outcome IS NULL", "wakes", "call_waiters"} {
		s.eventually("no more "+left, func() bool { return s.count(left) == 0 })
	}
	c := checker{client: s.client, log: &s.log, calls: s.calls, webhooks: s.webhooks}
	for _, fault := range c.check(s.t.Context()) {
		s.t.Error(fault)
	}
}

// fired are the calls of an event's run: one of each kind.
func (s *soak) fired(run forgehook.Run) (list []acceptedCall) {
	var page struct{ Calls []forgehook.Call }
	s.do(http.MethodGet, "/v1/calls?limit=100&runId="+run.ID, nil, &page)
	for _, call := range page.Calls {
		for i, webhook := range s.webhooks {
			if webhook == call.WebHookServiceID {
				list = append(list, acceptedCall{id: call.ID, outcomes: s.kinds[i].outcomes})
			}
		}
	}
	if len(list) != len(s.kinds) {
		s.t.Errorf("event run %s fired %d calls, want one of each kind, %d", run.ID, len(list), len(s.kinds))
	}
	return list
}
