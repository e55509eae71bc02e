package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/forgehook/forgehook/worker"
)

func (e *examination) temporal(ctx context.Context) {
	cluster, reached := e.reachTemporal(ctx)
	if !reached {
		for _, name := range []string{tShards, tNamespace, tAttributes, tWorkers, tSweep, tTimers, tClock, tFairness} {
			e.tell(skipped(name, tReach))
		}
		return
	}
	e.tell(judgeShards(cluster.Shards))
	ask, cancel := context.WithTimeout(ctx, 2*askWithin)
	defer cancel()
	state, err := worker.InspectNamespace(ask, e.Temporal, cluster.Namespace)
	judged := judgeNamespace(cluster.Namespace, state, err)
	e.tell(judged)
	if judged.State == Fault {
		for _, name := range []string{tAttributes, tWorkers, tSweep, tTimers, tClock, tFairness} {
			e.tell(skipped(name, tNamespace))
		}
		return
	}
	e.tell(judgeAttributes(worker.InspectSearchAttributes(ask, e.Temporal, cluster.Namespace)))
	queue, err := worker.InspectQueue(ask, e.Temporal, cluster.Namespace, e.TaskQueue)
	e.tell(judgeQueue(e.TaskQueue, queue, err))
	sweep, err := worker.InspectSweep(ask, e.Temporal, e.TaskQueue)
	e.tell(judgeSweep(sweep, err, time.Now()))
	e.probe(ctx, cluster.Namespace)
}

func (e *examination) reachTemporal(ctx context.Context) (cluster worker.Cluster, reached bool) {
	const why = "Accepted calls stay in the database until Temporal can be reached: nothing is delivered."
	if e.TemporalFault != nil {
		e.tell(Check{tReach, Fault, e.TemporalFault.Error(), why, "Correct the TEMPORAL_ variables or the profile file they name."})
		return cluster, false
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	cluster, err := worker.InspectCluster(ctx, e.Temporal)
	if err != nil {
		e.tell(Check{tReach, Fault, fmt.Sprintf("%s cannot be reached: %s", cluster.Address, err), why, mendReach(err)})
		return cluster, false
	}
	e.tell(ok(tReach, "Temporal %s at %s", cluster.Version, cluster.Address))
	return cluster, true
}

// mendReach recognizes TLS disagreements of client and server by gRPC's errors.
func mendReach(err error) string {
	denied := &serviceerror.PermissionDenied{}
	text := err.Error()
	switch {
	case errors.As(err, &denied) || strings.Contains(text, "Unauthenticated") || strings.Contains(text, "unauthorized"):
		return "The server wants other credentials: TEMPORAL_API_KEY, or TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH."
	case strings.Contains(text, "does not look like a TLS handshake"):
		return "The server speaks no TLS: unset TEMPORAL_API_KEY and all TEMPORAL_TLS_ variables, or set TEMPORAL_TLS=false."
	case strings.Contains(text, "x509"):
		return "The server's certificate is not trusted: TEMPORAL_TLS_SERVER_CA_CERT_PATH names the authority, TEMPORAL_TLS_SERVER_NAME the name in it."
	case strings.Contains(text, "server preface") || strings.Contains(text, "EOF") || strings.Contains(text, "connection closed"):
		return "The port is open, but gRPC is not understood: if the server wants TLS, set TEMPORAL_TLS=true; see that it is the frontend's gRPC port (7233)."
	}
	return "Check TEMPORAL_ADDRESS (host:port of the frontend) and the network between; from this machine: temporal operator cluster health"
}

func judgeShards(shards int) Check {
	switch {
	case shards == 0:
		return ok(tShards, "the server does not say, as hosted ones may")
	case shards >= 4:
		return ok(tShards, "%d history shards", shards)
	}
	return Check{tShards, Warning, fmt.Sprintf("%d history shard(s)", shards),
		"Shards work in parallel. With one, each hop of a call takes 50 ms more, and calls queue.",
		"numHistoryShards is fixed when a cluster's database is made: make a new one with 4 or more, 512 for a large installation."}
}

const leastRetention = 7 * 24 * time.Hour

func judgeNamespace(namespace string, s worker.NamespaceState, err error) Check {
	const command = "temporal operator namespace"
	switch {
	case err != nil:
		return Check{tNamespace, Warning, fmt.Sprintf("%q cannot be described: %s", namespace, err), "Retention and state are not known.", "Let this identity read the namespace, or ask somebody who may: " + command + " describe --namespace " + namespace}
	case !s.Exists:
		return Check{tNamespace, Fault, fmt.Sprintf("there is no namespace %q", namespace), "No workflow can start, so nothing is delivered.",
			command + " create --namespace " + namespace + " --retention 168h, or set TEMPORAL_NAMESPACE"}
	case !s.Registered:
		return Check{tNamespace, Fault, fmt.Sprintf("namespace %q is deprecated or being deleted", namespace), "No workflow can start, so nothing is delivered.", "Set TEMPORAL_NAMESPACE to another namespace."}
	case s.Retention < leastRetention:
		return Check{tNamespace, Warning, fmt.Sprintf("namespace %q keeps what has ended for %s", namespace, days(s.Retention)),
			"After a long weekend, a failed call has no workflow history any more. Outcomes stay in PostgreSQL.",
			command + " update --namespace " + namespace + " --retention 168h"}
	case !s.EagerStart:
		return Check{tNamespace, Warning, fmt.Sprintf("namespace %q has no eager workflow start", namespace), "With serve, each call costs the engine one more poll and 6 more transactions.",
			"Dynamic config: system.enableEagerWorkflowStart: true (the default of servers from 1.24 on)"}
	}
	return ok(tNamespace, "%q keeps what has ended for %s", namespace, days(s.Retention))
}

func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.String()
}

func judgeAttributes(s worker.AttributeState, err error) Check {
	const why = "Temporal refuses the start of a workflow with a search attribute that it does not know: nothing is delivered."
	switch {
	case err != nil:
		return Check{tAttributes, Fault, err.Error(), why, "See temporal operator search-attribute list; this identity needs to read them."}
	case len(s.Missing) > 0:
		return Check{tAttributes, Fault, fmt.Sprintf("%d of %d are missing: %s", len(s.Missing), s.Wanted, strings.Join(s.Missing, ", ")), why,
			"serve, api and worker add them when they start, if they are allowed to; otherwise an administrator runs:\n" + s.Command}
	}
	return ok(tAttributes, "all %d search attributes are registered", s.Wanted)
}

func judgeQueue(name string, q worker.QueueState, err error) Check {
	switch {
	case err != nil:
		return Check{tWorkers, Warning, err.Error(), "It is not known whether a worker runs.", "Let this identity describe task queues."}
	case q.Unrouted:
		return Check{tWorkers, Fault, fmt.Sprintf("the workers on %q have versions, but none is the current one", name), "They get no tasks: nothing is delivered.",
			"temporal worker deployment set-current-version --deployment-name ... --build-id ..."}
	case q.WorkflowPollers == 0 || q.ActivityPollers == 0:
		return Check{tWorkers, Warning, fmt.Sprintf("no worker on task queue %q, %d tasks wait", name, q.Backlog), "Accepted calls wait for a worker.",
			"Start forgehook worker or forgehook serve, with the same FORGEHOOK_TASK_QUEUE and TEMPORAL_NAMESPACE as the API."}
	case q.OldestWaits > time.Minute:
		return Check{tWorkers, Warning, fmt.Sprintf("%d tasks wait on %q, the oldest for %s", q.Backlog, name, q.OldestWaits.Round(time.Second)), "Calls are delivered late: the workers cannot keep up.",
			"Add forgehook worker processes, or raise FORGEHOOK_WORKER_SLOTS where they wait for slow endpoints."}
	}
	return ok(tWorkers, "%d worker(s) on task queue %q, %d tasks wait", max(q.WorkflowPollers, q.ActivityPollers), name, q.Backlog)
}

func judgeSweep(s worker.SweepState, err error, now time.Time) Check {
	const why = "The sweep starts calls that were accepted while Temporal was away, and settles those whose run was ended by hand."
	switch {
	case err != nil:
		return Check{tSweep, Warning, err.Error(), why, "Let this identity read schedules, or ask somebody who may: temporal schedule describe --schedule-id " + s.ID}
	case !s.Exists:
		return Check{tSweep, Warning, "there is no schedule " + s.ID, why, "serve, api and worker make it when they start, if they may; otherwise their log says why not."}
	case s.Paused:
		found := "schedule " + s.ID + " is paused"
		if s.Note != "" {
			found += fmt.Sprintf(": %q", s.Note)
		}
		return Check{tSweep, Fault, found, why, "temporal schedule toggle --unpause --reason resumed --schedule-id " + s.ID}
	case now.Sub(s.LastRun) > 3*s.Every+time.Minute:
		last := "never ran"
		if !s.LastRun.IsZero() {
			last = "ran last at " + s.LastRun.UTC().Format(time.RFC3339)
		}
		return Check{tSweep, Warning, fmt.Sprintf("schedule %s %s, though it is due every %s", s.ID, last, s.Every), why,
			"A new schedule is fine; otherwise look at its last run, which may hang without a worker: temporal schedule describe --schedule-id " + s.ID}
	}
	return ok(tSweep, "schedule %s ran %s ago", s.ID, now.Sub(s.LastRun).Round(time.Second))
}

func (e *examination) probe(ctx context.Context, namespace string) {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	p, err := worker.RunProbe(ctx, namespace)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("not within %s: %w", probeWithin, err)
	}
	unmeasured := func(name string) Check {
		return Check{name, Warning, "it could not be measured: " + err.Error(), "It shows only in a workflow.", "Let this identity start workflows of its own on task queues doctor/..., or free the server and try again."}
	}
	if p.Timed {
		e.tell(judgeTimers(p.TimerLate), judgeClock(tClock, "Temporal's", p.ClockAhead, p.ClockDoubt))
	} else {
		e.tell(unmeasured(tTimers), unmeasured(tClock))
	}
	if err != nil {
		e.tell(unmeasured(tFairness))
		return
	}
	e.tell(judgeFairness(p.Small, p.Looked))
}

const lateTimer = 300 * time.Millisecond

func judgeTimers(late time.Duration) Check {
	if late < lateTimer {
		return ok(tTimers, "a short timer fires %s late", late.Round(time.Millisecond))
	}
	return Check{tTimers, Warning, fmt.Sprintf("a short timer fires %s late", late.Round(10*time.Millisecond)),
		"Each retry with a delay of seconds waits that much longer, and so do Nexus operations: the default of the server is a second.",
		"Dynamic config of the server:\nhistory.timerProcessorMaxTimeShift:\n  - value: 10ms"}
}

// judgeFairness judges how many of the first tasks were a small tenant's: nearly half with
// fairness, none without.
func judgeFairness(small, of int) Check {
	if small > 0 {
		return ok(tFairness, "a small tenant's tasks do not wait behind a large one's")
	}
	return Check{tFairness, Warning, fmt.Sprintf("none of the first %d tasks was a small tenant's: they wait behind all of a large one's", of),
		"While workers are behind, one tenant's 100,000 calls keep every other tenant waiting.",
		"Dynamic config of the server:\nmatching.enableFairness:\n  - value: true"}
}
