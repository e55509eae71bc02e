package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Probe is what two short workflows, doctor/<random>/timers and .../fairness, found on their own
// task queue: it shows Temporal's configuration, which no API tells. Retention deletes them.
type Probe struct {
	Timed      bool          // timers and clock were measured, even if fairness was not
	TimerLate  time.Duration // how late a short timer fired
	Small      int           // tasks of the small tenant among the first Looked; the large tenant filled the backlog first
	Looked     int
	ClockAhead time.Duration // the server's clock minus ours, exact to ClockDoubt
	ClockDoubt time.Duration
}

const (
	probeTimer  = 20 * time.Millisecond
	probeTimers = 2
	many, few   = 60, 5 // backlogged tasks of the two tenants
	looked      = 12    // fewer than the many on each of a server's 4 default partitions, so that no task of the few comes by chance
	probeWithin = time.Minute
	backlogIn   = 3 * time.Second // then the backlog is taken as it is
)

// RunProbe measures for a few seconds. With an error it returns the measurements so far.
func RunProbe(ctx context.Context, namespace string) (p Probe, err error) {
	c, err := Dial(ctx, DialOptions{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return p, err
	}
	defer c.Close()
	name := "doctor/" + rand.Text()
	stop, err := startProbeWorker(c, name, worker.Options{LocalActivityWorkerOnly: true}, func(w worker.Worker) {
		w.RegisterWorkflowWithOptions(probeTimersLate, workflow.RegisterOptions{Name: "DoctorTimers"})
		w.RegisterWorkflowWithOptions(probeBacklog, workflow.RegisterOptions{Name: "DoctorFairness"})
	})
	if err != nil {
		return p, err
	}
	defer stop()
	if err := p.measureTimers(ctx, c, name); err != nil {
		return p, fmt.Errorf("measure timers: %w", err)
	}
	if err := p.measureFairness(ctx, c, namespace, name); err != nil {
		return p, fmt.Errorf("measure fairness: %w", err)
	}
	return p, nil
}

func startProbeWorker(c client.Client, taskQueue string, o worker.Options, register func(worker.Worker)) (stop func(), err error) {
	w := worker.New(c, taskQueue, o)
	register(w)
	if err := w.Start(); err != nil {
		return nil, err
	}
	return w.Stop, nil
}

// startProbe starts a workflow that ends by itself, or within a minute if this process dies.
func startProbe(ctx context.Context, c client.Client, id, taskQueue, kind string) (client.WorkflowRun, error) {
	return c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: taskQueue, WorkflowExecutionTimeout: probeWithin, StaticSummary: "forgehook doctor measures this Temporal",
	}, kind)
}

// timersFound is the result of probeTimersLate.
type timersFound struct {
	StartedAt time.Time
	Late      time.Duration // of the most punctual timer: a busy machine delays one timer, a setting all
}

func probeTimersLate(ctx workflow.Context) (timersFound, error) {
	found := timersFound{StartedAt: workflow.GetInfo(ctx).WorkflowStartTime, Late: probeWithin}
	for range probeTimers {
		before := workflow.Now(ctx)
		if err := workflow.Sleep(ctx, probeTimer); err != nil {
			return found, err
		}
		found.Late = min(found.Late, workflow.Now(ctx).Sub(before)-probeTimer)
	}
	return found, nil
}

func (p *Probe) measureTimers(ctx context.Context, c client.Client, name string) error {
	before := time.Now()
	run, err := startProbe(ctx, c, name+"/timers", name, "DoctorTimers")
	if err != nil {
		return err
	}
	p.ClockDoubt = time.Since(before) / 2
	var found timersFound
	if err := run.Get(ctx, &found); err != nil {
		return err
	}
	p.TimerLate = found.Late
	p.Timed = true
	p.ClockAhead = found.StartedAt.Sub(before.Add(p.ClockDoubt))
	return nil
}

// theFew is the signal that starts the small tenant's tasks.
const theFew = "few"

// probeBacklog makes a backlog: the many tasks of one tenant, then the few of another. It ends with
// the first results, and the server forgets the other tasks.
func probeBacklog(ctx workflow.Context) error {
	done := workflow.NewSelector(ctx)
	var fault error
	start := func(tenant string, n int) {
		options := workflow.ActivityOptions{
			StartToCloseTimeout: probeWithin, DisableEagerExecution: true,
			Priority: temporal.Priority{FairnessKey: tenant},
		}
		for range n {
			task := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), "DoctorTask", tenant)
			done.AddFuture(task, func(f workflow.Future) { fault = errors.Join(fault, f.Get(ctx, nil)) })
		}
	}
	start("many", many)
	workflow.GetSignalChannel(ctx, theFew).Receive(ctx, nil)
	start("few", few)
	for range looked {
		done.Select(ctx)
	}
	return fault
}

// order records the tenants of tasks in order of arrival.
type order struct {
	mu      sync.Mutex
	tenants []string
}

func (o *order) note(_ context.Context, tenant string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tenants = append(o.tenants, tenant)
	return nil
}

// first counts the few among the first tasks.
func (o *order) first() (small, of int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	begun := o.tenants[:min(looked, len(o.tenants))]
	for _, tenant := range begun {
		if tenant == "few" {
			small++
		}
	}
	return small, len(begun)
}

// measureFairness lets the backlog grow, the large tenant's tasks first, before one slot works on
// it.
func (p *Probe) measureFairness(ctx context.Context, c client.Client, namespace, name string) error {
	run, err := startProbe(ctx, c, name+"/fairness", name, "DoctorFairness")
	if err != nil {
		return err
	}
	if err := awaitBacklog(ctx, c, namespace, name, many); err != nil {
		return err
	}
	if err := c.SignalWorkflow(ctx, run.GetID(), run.GetRunID(), theFew, nil); err != nil {
		return err
	}
	if err := awaitBacklog(ctx, c, namespace, name, many+few); err != nil {
		return err
	}
	seen := &order{}
	stop, err := startProbeWorker(c, name, worker.Options{
		DisableWorkflowWorker: true, MaxConcurrentActivityExecutionSize: 1, MaxConcurrentActivityTaskPollers: 1,
	}, func(w worker.Worker) {
		w.RegisterActivityWithOptions(seen.note, activity.RegisterOptions{Name: "DoctorTask"})
	})
	if err != nil {
		return err
	}
	defer stop()
	if err := run.Get(ctx, nil); err != nil {
		return err
	}
	p.Small, p.Looked = seen.first()
	return nil
}

func awaitBacklog(ctx context.Context, c client.Client, namespace, taskQueue string, tasks int64) error {
	enough := time.After(backlogIn)
	for {
		d, err := describeQueue(ctx, c, namespace, taskQueue, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
		if err != nil {
			return err
		}
		if d.GetStats().GetApproximateBacklogCount() >= tasks {
			return nil
		}
		select {
		case <-enough:
			return nil
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
