package worker

import (
	"context"
	"crypto/rand"
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

// Probe is what two short workflows, doctor/<random>/timers and .../fairness, found on a task queue of their own: how a Temporal
// is set is nowhere to be read, but shows. Both complete; the namespace's retention deletes them.
type Probe struct {
	TimerLate  time.Duration // how much later than asked for a short timer fired
	MeanPlace  float64       // where tasks of the small tenant came in the backlog, of Places
	Places     int
	ClockAhead time.Duration // the server's clock less ours, right to ClockDoubt
	ClockDoubt time.Duration
}

const (
	probeTimer  = 20 * time.Millisecond
	probeTimers = 2
	many, few   = 20, 5 // tasks of the two tenants in the backlog
	probeWithin = time.Minute
	backlogIn   = 3 * time.Second // then the backlog is looked at as it is
)

// RunProbe measures within a few seconds.
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

// startProbe starts a workflow that ends by itself, or within a minute if this process is gone.
func startProbe(ctx context.Context, c client.Client, id, taskQueue, kind string) (client.WorkflowRun, error) {
	return c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: taskQueue, WorkflowExecutionTimeout: probeWithin, StaticSummary: "forgehook doctor measures this Temporal",
	}, kind)
}

// timersFound is what probeTimersLate tells.
type timersFound struct {
	StartedAt time.Time
	Late      time.Duration // the least of all timers: a busy machine makes one late, a setting all
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
	p.ClockAhead = found.StartedAt.Sub(before.Add(p.ClockDoubt))
	return nil
}

// probeBacklog makes a backlog: the many tasks of one tenant, then the few of another.
func probeBacklog(ctx workflow.Context) error {
	var pending []workflow.Future
	for i := range many + few {
		tenant := "many"
		if i >= many {
			tenant = "few"
		}
		options := workflow.ActivityOptions{
			StartToCloseTimeout: probeWithin, DisableEagerExecution: true,
			Priority: temporal.Priority{FairnessKey: tenant},
		}
		pending = append(pending, workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), "DoctorTask", tenant))
	}
	for _, f := range pending {
		if err := f.Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// places notes in which order tasks come.
type places struct {
	mu    sync.Mutex
	order []string
}

func (p *places) note(_ context.Context, tenant string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.order = append(p.order, tenant)
	return nil
}

// mean is the average place of the few, from 1 on.
func (p *places) mean() float64 {
	sum, n := 0, 0
	for i, tenant := range p.order {
		if tenant == "few" {
			sum += i + 1
			n++
		}
	}
	return float64(sum) / float64(max(n, 1))
}

// measureFairness lets the backlog grow before one slot works on it.
func (p *Probe) measureFairness(ctx context.Context, c client.Client, namespace, name string) error {
	run, err := startProbe(ctx, c, name+"/fairness", name, "DoctorFairness")
	if err != nil {
		return err
	}
	if err := awaitBacklog(ctx, c, namespace, name); err != nil {
		return err
	}
	seen := &places{}
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
	p.MeanPlace, p.Places = seen.mean(), len(seen.order)
	return nil
}

func awaitBacklog(ctx context.Context, c client.Client, namespace, taskQueue string) error {
	enough := time.After(backlogIn)
	for {
		d, err := describeQueue(ctx, c, namespace, taskQueue, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
		if err != nil {
			return err
		}
		if d.GetStats().GetApproximateBacklogCount() >= many+few {
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
