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

// Options are the options of a worker. Zero numbers mean the defaults.
type Options struct {
	Client     client.Client
	TaskQueue  string
	Activities workflows.Activities
	// Slots is the most activities, that is exchanges, at once. Slow endpoints fill them, and
	// goroutines are cheap. Default: 2,000.
	Slots int
	// Full says that no activity may start for now. AwaitRoom returns when one may, or when ctx
	// ends. Both may be nil.
	Full      func() bool
	AwaitRoom func(ctx context.Context) error
	// CachedRuns is the most runs in memory, about 28 KB each, over all workers of the process.
	// Others are replayed at their next event. Default: 10,000.
	CachedRuns int
	// StopTimeout is how long a stop waits for running steps. Default: 5 min 10 s, the longest
	// timeout of an exchange and its record.
	StopTimeout time.Duration
}

// Run works until ctx is done. Then it takes nothing new, lets running exchanges end, and returns
// nil. An error says that the worker could not start, or that Temporal refused it.
func Run(ctx context.Context, o Options) error {
	if o.CachedRuns > 0 {
		worker.SetStickyWorkflowCacheSize(o.CachedRuns)
	}
	// The default of two pollers limits the throughput with a distant server.
	pollers := worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{})
	tuner, err := slots(o, cmp.Or(o.Slots, 2000))
	if err != nil {
		return err
	}
	w := worker.New(o.Client, o.TaskQueue, worker.Options{
		WorkflowTaskPollerBehavior: pollers,
		ActivityTaskPollerBehavior: pollers,
		Tuner:                      tuner,
		// The SDK's 4 s leave no room for a lost beat in the 5 s that Deliver may be silent. The
		// cost: exchanges over 2 s take a transaction of the engine each 2 s.
		MaxHeartbeatThrottleInterval: 2 * time.Second,
		// Runs cached by a dead worker wait this long at their next event. A busy worker must not
		// lose its own runs.
		StickyScheduleToStartTimeout: 3 * time.Second,
		WorkerStopTimeout:            cmp.Or(o.StopTimeout, 5*time.Minute+10*time.Second),
		// A workflow that does not fit its history waits for code that fits.
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
