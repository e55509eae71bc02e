package worker

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/forgehook/forgehook/workflows"
)

// Options are what a worker needs. Zero numbers stand for the defaults.
type Options struct {
	Client     client.Client
	TaskQueue  string
	Activities workflows.Activities
	// Slots bounds the activities at once, that is the process's exchanges under way. Slow
	// endpoints fill them, and a goroutine is cheap: 2,000.
	Slots int
	// Full says that no activity is to be taken on for now, AwaitRoom returns when one may be
	// again, or when ctx ends. Both may be nil.
	Full      func() bool
	AwaitRoom func(ctx context.Context) error
	// CachedRuns bounds the runs kept in memory, about 28 KB each; others are replayed when
	// something happens to them. It is shared by all workers of the process: 10,000.
	CachedRuns int
	// StopTimeout is how long a stop waits for what is under way: 5 min 10 s, the longest timeout
	// of an exchange and its record.
	StopTimeout time.Duration
}

// Run works until ctx is done: then it takes nothing new, lets exchanges under way end, and returns
// nil. An error says that the worker could not start, or that Temporal refuses it.
func Run(ctx context.Context, o Options) error {
	if o.CachedRuns > 0 {
		worker.SetStickyWorkflowCacheSize(o.CachedRuns)
	}
	// The default two pollers cap the throughput with a server that is far away.
	pollers := worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{})
	tuner, err := slots(o, cmp.Or(o.Slots, 2000))
	if err != nil {
		return err
	}
	w := worker.New(o.Client, o.TaskQueue, worker.Options{
		WorkflowTaskPollerBehavior: pollers,
		ActivityTaskPollerBehavior: pollers,
		Tuner:                      tuner,
		// The SDK's own throttle, 4 s of the 5 s that Deliver may be silent, leaves no beat to be
		// lost. Exchanges over 2 s pay for it, with a transaction of the engine each 2 s.
		MaxHeartbeatThrottleInterval: 2 * time.Second,
		// Runs that a dead worker has cached wait so long for it, at whatever happens to them next.
		// A busy one must not lose its own.
		StickyScheduleToStartTimeout: 3 * time.Second,
		WorkerStopTimeout:            cmp.Or(o.StopTimeout, 5*time.Minute+10*time.Second),
		// A workflow that no longer fits its history waits for the code that does.
		WorkflowPanicPolicy: worker.BlockWorkflow,
	})
	w.RegisterWorkflow(workflows.CallWebhook)
	w.RegisterWorkflow(workflows.RequestCall)
	w.RegisterWorkflow(workflows.RunUtilities)
	w.RegisterWorkflow(workflows.ProcessWorkItem)
	w.RegisterWorkflow(workflows.DrainUtility)
	w.RegisterWorkflow(workflows.Sweep)
	w.RegisterActivity(o.Activities)
	w.RegisterNexusService(nexusService())

	stop := make(chan any)
	defer context.AfterFunc(ctx, func() { close(stop) })()
	if err := w.Run(stop); err != nil {
		return fmt.Errorf("work on task queue %q: %w", o.TaskQueue, err)
	}
	return nil
}
