//go:build e2e

package e2e

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	sdk "go.temporal.io/sdk/client"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
	"github.com/forgehook/forgehook/internal/secret"
)

var (
	firstSeed = flag.Uint64("failpoints.first", 1, "the first seed of TestFailpoints")
	seeds     = flag.Uint64("failpoints.seeds", 10, "how many seeds TestFailpoints runs")
	lanes     = flag.Int("failpoints.lanes", 2, "how many seeds run at once, each on its own PostgreSQL and Temporal")
	extraEnv  = flag.String("failpoints.env", "", "settings of the processes for all seeds, as NAME=value with commas between")
	seedLogs  = flag.String("failpoints.logs", "", "where the logs of failed seeds go; by default a temporary folder")
)

// TestFailpoints breaks an installation under load as its seeds say: it kills, freezes or restarts
// our processes, PostgreSQL and Temporal, at named points and at random times. Each call must have
// one outcome, and the API's attempts must agree with the receiver.
func TestFailpoints(t *testing.T) {
	t.Parallel()
	for i := range min(*lanes, int(*seeds)) {
		t.Run(fmt.Sprintf("lane %d", i+1), func(t *testing.T) {
			t.Parallel()
			l := newLane(t)
			for seed := *firstSeed + uint64(i); seed < *firstSeed+*seeds; seed += uint64(*lanes) {
				t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { run(t, l, plan(seed)) })
			}
		})
	}
}

// planned is all that a seed decides.
type planned struct {
	seed   uint64
	faults []fault
	calls  []wanted
	env    []string
}

const (
	callsOfSeed = 200
	paceOfSeed  = 80 * time.Millisecond // less than the engines of two lanes can do, so that they do not fall behind
)

// fastPaths are the values of FORGEHOOK_FAST_PATH, in turns: the default, nearly all first attempts
// within the workflow task, and none.
var fastPaths = []string{"100ms", "1h", "0"}

// plan draws what happens in a seed.
func plan(seed uint64) planned {
	dice := rand.New(rand.NewPCG(seed, 1))
	p := planned{seed: seed, calls: plannedCalls(dice, seed, callsOfSeed)}
	p.env = []string{"FORGEHOOK_FAST_PATH=" + fastPaths[seed%uint64(len(fastPaths))]}
	for range 2 + dice.IntN(5) {
		p.faults = append(p.faults, plannedFault(dice))
	}
	if *extraEnv != "" {
		p.env = append(p.env, strings.Split(*extraEnv, ",")...)
	}
	return p
}

func plannedFault(dice *rand.Rand) fault {
	f := fault{after: 1 + dice.IntN(callsOfSeed), delay: time.Duration(dice.IntN(1500)) * time.Millisecond, length: time.Duration(500+dice.IntN(7500)) * time.Millisecond}
	others := []string{theAPI, aWorker, bWorker, thePostgres, theTemporal}
	if dice.IntN(10) < 7 { // early, because most points are rarely reached later
		f.after = 1 + f.after/2
		f.point, f.nth = points[dice.IntN(len(points))], 1+dice.IntN(4)
		others = []string{"", "", "", thePostgres, theTemporal}
	}
	f.to = others[dice.IntN(len(others))]
	actions := []action{killed, killed, stopped, restarted}
	if f.to == aWorker || f.to == bWorker || strings.HasPrefix(f.point, "worker") && f.to == "" {
		actions = append(actions, killed, superseded)
	}
	f.do = actions[dice.IntN(len(actions))]
	return f
}

// fuzzed is the installation of a seed.
type fuzzed struct {
	t        *testing.T
	plan     planned
	faults   *faults
	slots    map[string]*slot
	receiver *receiver
	clients  *clients
	log      receiverLog
	queue    string
}

// patience is the longest time from the last fault, or the last outcome after it, to the next
// outcome.
const patience = 90 * time.Second

// run runs a seed on a lane.
func run(t *testing.T, l *lane, p planned) {
	begin := time.Now()
	f := &fuzzed{t: t, plan: p, slots: map[string]*slot{}}
	t.Cleanup(f.keepLogs)
	temporal, err := sdk.DialContext(t.Context(), sdk.Options{HostPort: l.temporal.address})
	check(t, err)
	t.Cleanup(temporal.Close)
	t.Cleanup(func() { dropSweep(t, temporal, f.queue) })
	f.install(l)
	pause := fmt.Sprintf("/v1/services/%d/", f.clients.webhooks["paused"])
	f.clients.until(t.Context(), "pause", func() error { return f.clients.client.Do(t.Context(), http.MethodPost, pause+"pause", nil, nil) })

	go f.faults.watchStarving(t.Context())
	f.clients.make(t.Context(), p.calls)
	f.clients.until(t.Context(), "resume", func() error { return f.clients.client.Do(t.Context(), http.MethodPost, pause+"resume", nil, nil) })
	posted := time.Since(begin)
	c := &checker{client: f.clients.client, log: &f.log, calls: f.clients.accepted}
	for _, webhook := range f.clients.webhooks {
		c.webhooks = append(c.webhooks, webhook)
	}
	slices.Sort(c.webhooks)
	f.awaitPoints(c)
	f.faults.end()
	f.awaitOutcomes(c)
	ended := time.Since(begin)
	f.awaitWorkflows(temporal)
	c.cuts = f.faults.allCuts()
	for _, fault := range c.check(t.Context()) {
		t.Error(fault)
	}
	t.Logf("seed %d: %d calls, posted after %.1f s, ended after %.1f s, %d of %d attempts unknown; %s",
		p.seed, len(c.calls), posted.Seconds(), ended.Seconds(), c.unknown, c.attempts, f.faults.tell())
	if t.Failed() {
		t.Logf("again: make nightly ARGS='-failpoints.first %d -failpoints.seeds 1'", p.seed)
	}
}

// install starts the API and two workers, each behind its own taps.
func (f *fuzzed) install(l *lane) {
	t := f.t
	url := l.database.newDatabase(t, fmt.Sprintf("seed_%d_%d", f.plan.seed, time.Now().UnixNano()))
	keyset, err := secret.NewKeyset()
	check(t, err)
	addr := freeAddr(t)
	f.queue = fmt.Sprintf("seed-%d-%d", f.plan.seed, time.Now().UnixNano())
	env := append(environ(), "FORGEHOOK_ENCRYPTION_KEYSET="+keyset, "FORGEHOOK_HTTP_ADDR="+addr, "FORGEHOOK_EGRESS_ALLOW=127.0.0.0/8",
		"FORGEHOOK_TASK_QUEUE="+f.queue, "FORGEHOOK_SWEEP_INTERVAL=1s", "FORGEHOOK_STOP_TIMEOUT=30s", "FORGEHOOK_DRAIN_DELAY=500ms")
	env = append(env, f.plan.env...)
	in := &installation{t: t, env: append(slices.Clone(env), "FORGEHOOK_DATABASE_URL="+url)}
	in.run("migrate", "up")
	in.client = client.New("http://"+addr, in.run("tenants", "create", "e2e"))

	f.faults = &faults{due: f.plan.faults, passed: map[string]int{}, victims: map[string]*victim{
		thePostgres: l.database.postgresVictim(), theTemporal: l.temporal.temporalVictim(),
	}}
	for name, command := range map[string]string{theAPI: "api", aWorker: "worker", bWorker: "worker"} {
		at := func(point string) bool { return f.faults.at(func() string { return name }, command+" "+point) }
		took := f.faults.took
		if name == theAPI {
			took = func(time.Time) {} // no attempt waits for it
		}
		temporal := func(client, server net.Conn, at watcher) { speakTemporal(client, server, at, took) }
		server := strings.Split(strings.SplitN(url, "@", 2)[1], "/")[0]
		s := &slot{t: t, command: command, env: append(slices.Clone(env),
			"FORGEHOOK_DATABASE_URL="+strings.Replace(url, server, tap(t, server, speakPostgres, at), 1),
			"TEMPORAL_ADDRESS="+tap(t, l.temporal.address, temporal, at), "TEMPORAL_NAMESPACE=default")}
		f.slots[name], f.faults.victims[name] = s, s.victim(name)
		t.Cleanup(s.end)
		s.up()
	}
	f.receiver = newReceiver(t, &f.log, f.plan.seed, f.workerOf, func(worker, point string) {
		_ = f.faults.at(func() string { return cmp.Or(worker, aWorker) }, "worker "+point)
	})
	f.configure(in)
}

// workerOf is the worker at the other end of a connection to the receiver, "" if it is gone.
func (f *fuzzed) workerOf(remote net.Addr) string {
	for _, worker := range []string{aWorker, bWorker} {
		if f.slots[worker].holds(remote) {
			return worker
		}
	}
	return ""
}

// configure attaches a utility for each kind of call.
func (f *fuzzed) configure(in *installation) {
	in.eventually("the API is ready", func() bool { return in.client.Do(f.t.Context(), http.MethodGet, "/readyz", nil, nil) == nil })
	var project, service, document struct{ ID int32 }
	in.do("POST", "/v1/projects", map[string]any{"name": "e2e"}, &project)
	in.do("POST", fmt.Sprintf("/v1/projects/%d/services", project.ID), map[string]any{"name": "e2e"}, &service)
	in.do("POST", fmt.Sprintf("/v1/projects/%d/documents", project.ID),
		map[string]any{"serviceId": service.ID, "status": "Processed", "usage": "Outbox", "filename": "e2e.pdf"}, &document)
	f.clients = &clients{t: f.t, client: in.client, document: document.ID, webhooks: map[string]int32{}, progress: f.faults.accepted, pace: paceOfSeed}
	for _, k := range kinds {
		settings := map[string]any{
			"webHook":                 map[string]any{"url": f.receiver.url + "/" + k.name, "retryCount": 20, "retryDelay": "00:00:00.4"},
			"documentProcessedStatus": nil, "executeAfterProcess": false, "enabled": true,
		}
		var utility struct{ ID int32 }
		in.do("POST", fmt.Sprintf("/v1/services/%d/utilities", service.ID),
			map[string]any{"type": "WebHook", "name": k.name, "settings": merge(settings, k.settings)}, &utility)
		f.clients.webhooks[k.name] = utility.ID
	}
}

// awaitPoints gives faults at points the time in which most calls end. Later, few processes reach
// their points.
func (f *fuzzed) awaitPoints(c *checker) {
	tick := time.NewTicker(100 * time.Millisecond)
	for begin := time.Now(); f.faults.wait() && time.Since(begin) < 10*time.Second; <-tick.C {
		if open, err := f.open(f.t.Context(), c); err == nil && len(open) <= len(c.calls)/8 {
			return
		}
	}
}

// awaitOutcomes waits until all calls have ended.
func (f *fuzzed) awaitOutcomes(c *checker) {
	fewest, since := len(c.calls)+1, time.Now()
	for tick := time.NewTicker(500 * time.Millisecond); ; <-tick.C {
		open, err := f.open(f.t.Context(), c)
		switch {
		case err == nil && len(open) == 0:
			return
		case err == nil && len(open) < fewest:
			fewest, since = len(open), time.Now()
		case time.Since(since) > patience:
			f.t.Errorf("for %s no call has ended, %d are open (%v): %s", patience, len(open), err, strings.Join(open, ", "))
			return
		}
	}
}

// awaitWorkflows waits until the engine has finished the workflows of ended calls.
func (f *fuzzed) awaitWorkflows(temporal sdk.Client) {
	open := &workflowservice.ListWorkflowExecutionsRequest{Namespace: "default", Query: fmt.Sprintf(
		"TaskQueue = %q AND ExecutionStatus = 'Running' AND WorkflowType != 'Sweep'", f.queue)}
	var left []string
	for begin, tick := time.Now(), time.NewTicker(200*time.Millisecond); time.Since(begin) < patience; <-tick.C {
		listed, err := temporal.ListWorkflow(f.t.Context(), open)
		if err != nil {
			left = []string{err.Error()}
			continue
		}
		if left = nil; len(listed.GetExecutions()) == 0 {
			return
		}
		for _, e := range listed.GetExecutions() {
			left = append(left, e.GetType().GetName()+" "+e.GetExecution().GetWorkflowId())
		}
	}
	f.t.Errorf("all calls have ended, and these workflows have not: %s", strings.Join(left, ", "))
}

func (f *fuzzed) open(ctx context.Context, c *checker) (open []string, err error) {
	for _, webhook := range c.webhooks {
		calls, err := c.list(ctx, webhook)
		if err != nil {
			return open, err
		}
		for _, call := range calls {
			if call.Status != forgehook.CallCompleted {
				open = append(open, fmt.Sprintf("%s is %s with %d attempts", call.ID, call.Status, call.Attempts))
			}
		}
	}
	return open, nil
}

// keepLogs stores the output of a failed seed's processes.
func (f *fuzzed) keepLogs() {
	if !f.t.Failed() {
		return
	}
	dir := *seedLogs
	if dir == "" {
		dir = filepath.Join(os.TempDir(), "forgehook-failpoints")
	}
	dir = filepath.Join(dir, fmt.Sprintf("seed-%d", f.plan.seed))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		f.t.Log(err)
		return
	}
	for name, s := range f.slots {
		if err := os.WriteFile(filepath.Join(dir, name+".log"), []byte(s.said()), 0o600); err != nil {
			f.t.Log(err)
		}
	}
	f.t.Logf("what its processes said: %s", dir)
}
