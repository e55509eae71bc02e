package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/operatorservice/v1"
	sdk "go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
	"github.com/forgehook/forgehook/worker"
	"github.com/forgehook/forgehook/workflows"
)

// way is one way to await a call, and how long it takes from the request to the answer.
type way struct {
	Name  string  `json:"name"`
	P50MS float64 `json:"p50Ms"`
	P95MS float64 `json:"p95Ms"`
	Ratio float64 `json:"ratioToBare"` // of p50, to the bare workflow that is started and waited for
}

// bareParent runs the bare shape as a child: the floor of a child workflow.
func bareParent(ctx workflow.Context) error {
	return workflow.ExecuteChildWorkflow(ctx, "BareCall").Get(ctx, nil)
}

// benchParent is a user's workflow that calls a webhook.
func benchParent(ctx workflow.Context, in workflows.RequestInput, queue string) (workflows.RequestResult, error) {
	var result workflows.RequestResult
	err := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{TaskQueue: queue}), workflows.RequestCall, in).Get(ctx, &result)
	return result, err
}

// benchAbroad is the same over Nexus.
func benchAbroad(ctx workflow.Context, in workflows.RequestInput, endpoint string) (workflows.RequestResult, error) {
	var result workflows.RequestResult
	operation := workflow.NewNexusClient(endpoint, worker.NexusService).ExecuteOperation(ctx, worker.NexusCallOperation, in, workflow.NexusOperationOptions{})
	return result, operation.Get(ctx, &result)
}

// ways measures each way to await, one call at a time, in turns with the bare engine.
func (b *bench) ways(ctx context.Context, s *service, site *benchSite, bare shape) ([]way, error) {
	const queue = "forgehook-bench-callers"
	callers := sdkworker.New(s.client, queue, sdkworker.Options{})
	callers.RegisterWorkflow(benchParent)
	callers.RegisterWorkflow(benchAbroad)
	if err := callers.Start(); err != nil {
		return nil, err
	}
	defer callers.Stop()
	endpoint, remove, err := b.nexusEndpoint(ctx, s)
	if err != nil {
		return nil, err
	}
	defer remove()
	site.backAtOnce.Store(true)
	defer site.backAtOnce.Store(false)
	shapes := []shape{
		{"bare workflow, start and wait", bare.call},
		{"bare child workflow", b.started(s, bareQueue, "BareParent")},
		site.overHTTP(),
		{"SSE stream", site.streamed},
		{"Go client, Await", site.awaited},
		{"child workflow RequestCall", b.fromWorkflow(s, site, queue, benchParent, s.config.TaskQueue)},
		{"Nexus operation CallWebhook", b.fromWorkflow(s, site, queue, benchAbroad, endpoint)},
		site.waited("callback, at once", site.later),
	}
	latencies := make([][]float64, len(shapes))
	for range b.single {
		for i, x := range shapes {
			begin := time.Now()
			if _, err := x.call(ctx); err != nil {
				return nil, fmt.Errorf("%s: %w", x.name, err)
			}
			latencies[i] = append(latencies[i], float64(time.Since(begin).Microseconds())/1000)
		}
	}
	list := make([]way, len(shapes))
	for i, x := range shapes {
		slices.Sort(latencies[i])
		list[i] = way{Name: x.name, P50MS: quantile(latencies[i], 0.5), P95MS: quantile(latencies[i], 0.95)}
		list[i].Ratio = list[i].P50MS / list[0].P50MS
	}
	return list, nil
}

// started runs a workflow by its name and waits for it.
func (b *bench) started(s *service, queue, name string, args ...any) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		id := name + "/" + uuid.NewString()
		run, err := s.client.ExecuteWorkflow(ctx, sdk.StartWorkflowOptions{ID: id, TaskQueue: queue}, name, args...)
		if err != nil {
			return "", err
		}
		return id, run.Get(ctx, nil)
	}
}

// nexusEndpoint leads to the product's task queue.
func (b *bench) nexusEndpoint(ctx context.Context, s *service) (name string, remove func(), err error) {
	namespace, err := worker.Namespace()
	if err != nil {
		return "", nil, err
	}
	name = "forgehook-bench-" + uuid.NewString()
	made, err := s.client.OperatorService().CreateNexusEndpoint(ctx, &operatorservice.CreateNexusEndpointRequest{Spec: &nexus.EndpointSpec{
		Name: name, Target: &nexus.EndpointTarget{Variant: &nexus.EndpointTarget_Worker_{
			Worker: &nexus.EndpointTarget_Worker{Namespace: namespace, TaskQueue: s.config.TaskQueue},
		}},
	}})
	if err != nil {
		return "", nil, err
	}
	return name, func() {
		_, _ = s.client.OperatorService().DeleteNexusEndpoint(context.WithoutCancel(ctx), &operatorservice.DeleteNexusEndpointRequest{
			Id: made.GetEndpoint().GetId(), Version: made.GetEndpoint().GetVersion(),
		})
	}, nil
}

// fromWorkflow has a user's workflow call the webhook, in the way that it is given.
func (b *bench) fromWorkflow(s *service, site *benchSite, queue string, caller any, way string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		in := workflows.RequestInput{Tenant: site.tenant, Request: site.request(site.webhook), WithResult: true}
		id := "bench-caller/" + uuid.NewString()
		run, err := s.client.ExecuteWorkflow(ctx, sdk.StartWorkflowOptions{ID: id, TaskQueue: queue}, caller, in, way)
		if err != nil {
			return "", err
		}
		var result workflows.RequestResult
		if err := run.Get(ctx, &result); err != nil {
			return "", err
		}
		if len(result.Calls) != 1 || result.Calls[0].Outcome != forgehook.Delivered {
			return "", fmt.Errorf("the caller got %+v", result)
		}
		return id, nil
	}
}

func (site *benchSite) accepted(ctx context.Context, webhook int32) (forgehook.Call, error) {
	answer, err := site.client.CallWebhook(ctx, site.request(webhook), client.Options{})
	if err != nil {
		return forgehook.Call{}, err
	}
	return answer.Calls[0], nil
}

// streamed asks for the call and reads the stream of what becomes of it.
func (site *benchSite) streamed(ctx context.Context) (string, error) {
	call, err := site.accepted(ctx, site.webhook)
	if err != nil {
		return "", err
	}
	for call, err = range site.client.Stream(ctx, call.ID) {
		if err != nil {
			return "", err
		}
	}
	return delivered(call)
}

func (site *benchSite) awaited(ctx context.Context) (string, error) {
	call, err := site.accepted(ctx, site.webhook)
	if err != nil {
		return "", err
	}
	if call, err = site.client.Await(ctx, call.ID); err != nil {
		return "", err
	}
	return delivered(call)
}

func printWays(w io.Writer, ways []way) {
	fmt.Fprintf(w, "\n| %-30s | %8s | %8s | %7s |\n|---|---|---|---|\n", "way to await", "p50, ms", "p95, ms", "to bare")
	for _, x := range ways {
		fmt.Fprintf(w, "| %-30s | %8.1f | %8.1f | %7.2f |\n", x.Name, x.P50MS, x.P95MS, x.Ratio)
	}
}

// waitingFigures are what calls cost that await a callback.
type waitingFigures struct {
	Calls         int     `json:"calls"`
	HeapBytes     float64 `json:"heapBytesPerCall"` // of the process with API and worker, after the workflow cache was emptied
	CachedBytes   float64 `json:"cachedBytesPerCall"`
	Goroutines    int     `json:"goroutinesMore"`
	EngineBytes   float64 `json:"engineBytesPerCall"` // resident, of the Temporal server's process; 0 where it is not known
	DatabaseBytes float64 `json:"databaseBytesPerCall"`
	IdlePerMinute float64 `json:"transactionsPerMinuteBefore"` // of the engine and all else, while nothing was called
	WaitPerMinute float64 `json:"transactionsPerMinuteWhileWaiting"`
	PerSecond     float64 `json:"callbacksPerSecond"`
	Waiters       int     `json:"httpWaiters"` // connections that waited for one of them at once
	WaiterBytes   float64 `json:"heapBytesPerWaiter"`
	WaiterTx      float64 `json:"transactionsPerWaiter"`
}

// await has calls wait for their callbacks, looks at what that costs, and calls back.
func (b *bench) await(ctx context.Context, s *service, site *benchSite, progress io.Writer) (*waitingFigures, error) {
	if b.awaiting == 0 {
		return nil, nil
	}
	f := &waitingFigures{Calls: b.awaiting}
	idle, err := quiet(ctx, s)
	if err != nil {
		return nil, err
	}
	f.IdlePerMinute = idle
	sdkworker.PurgeStickyWorkflowCache()
	before, err := s.db.ServerFigures(ctx)
	if err != nil {
		return nil, err
	}
	heap, goroutines, engine := liveHeap(), runtime.NumGoroutine(), engineMemory(s.config.Dev.StackPID)
	fmt.Fprintf(progress, "%d calls that await a callback\n", b.awaiting)
	last, err := b.fill(ctx, site)
	if err != nil {
		return nil, err
	}
	for {
		call, err := site.client.Call(ctx, last, 0)
		if err != nil {
			return nil, err
		}
		if call.Status == forgehook.CallAwaiting {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	n := float64(b.awaiting)
	f.CachedBytes = float64(liveHeap()-heap) / n
	sdkworker.PurgeStickyWorkflowCache()
	f.HeapBytes, f.Goroutines = float64(liveHeap()-heap)/n, runtime.NumGoroutine()-goroutines
	f.EngineBytes = float64(engineMemory(s.config.Dev.StackPID)-engine) / n
	full, err := s.db.ServerFigures(ctx)
	if err != nil {
		return nil, err
	}
	f.DatabaseBytes = float64(full.Bytes-before.Bytes) / n
	if f.WaitPerMinute, err = quiet(ctx, s); err != nil {
		return nil, err
	}
	if err := b.waiters(ctx, s, site, last, f, progress); err != nil {
		return nil, err
	}
	fmt.Fprintf(progress, "%d callbacks\n", b.awaiting)
	begin := time.Now()
	urls := make(chan string)
	go func() {
		defer close(urls)
		for range b.awaiting {
			urls <- <-site.urls
		}
	}()
	if err := b.atOnce(func() error {
		for url := range urls {
			if err := callBackTo(ctx, url); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	f.PerSecond = n / time.Since(begin).Seconds()
	return f, nil
}

// quiet counts the database's transactions while nothing is asked of it, a minute.
func quiet(ctx context.Context, s *service) (float64, error) {
	const settle, watch = 10 * time.Second, 20 * time.Second
	time.Sleep(settle)
	before, err := s.db.ServerFigures(ctx)
	if err != nil {
		return 0, err
	}
	time.Sleep(watch)
	after, err := s.db.ServerFigures(ctx)
	return float64(after.Transactions-before.Transactions) * float64(time.Minute/watch), err
}

// fill accepts the calls and returns the id of one of the last.
func (b *bench) fill(ctx context.Context, site *benchSite) (last string, err error) {
	var n atomic.Int64
	var mu sync.Mutex
	err = b.atOnce(func() error {
		for n.Add(1) <= int64(b.awaiting) {
			call, err := site.accepted(ctx, site.later)
			if err != nil {
				return err
			}
			mu.Lock()
			last = max(last, call.ID)
			mu.Unlock()
		}
		return nil
	})
	for len(site.urls) < b.awaiting && err == nil && ctx.Err() == nil {
		time.Sleep(50 * time.Millisecond)
	}
	return last, err
}

// waiters has as many HTTP clients as calls wait for one call at once.
func (b *bench) waiters(ctx context.Context, s *service, site *benchSite, id string, f *waitingFigures, progress io.Writer) error {
	f.Waiters = min(b.awaiting, 9_000) // each takes two of the 20,000 files that a process may usually have
	fmt.Fprintf(progress, "%d clients that wait over HTTP\n", f.Waiters)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	heap := liveHeap()
	before, err := s.db.ServerFigures(ctx)
	if err != nil {
		return err
	}
	var waiters sync.WaitGroup
	for range f.Waiters {
		waiters.Go(func() { _, _ = site.client.Call(ctx, id, 5*time.Minute) })
	}
	for s.waiter.Load().Waiting() < f.Waiters && ctx.Err() == nil {
		time.Sleep(50 * time.Millisecond)
	}
	f.WaiterBytes = float64(liveHeap()-heap) / float64(f.Waiters)
	after, err := s.db.ServerFigures(ctx)
	if err != nil {
		return err
	}
	f.WaiterTx = float64(after.Transactions-before.Transactions) / float64(f.Waiters)
	cancel()
	waiters.Wait()
	return nil
}

// atOnce runs do as often as there are callers.
func (b *bench) atOnce(do func() error) error {
	faults := make([]error, b.callers)
	var callers sync.WaitGroup
	for i := range b.callers {
		callers.Go(func() { faults[i] = do() })
	}
	callers.Wait()
	return errors.Join(faults...)
}

func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse) //nolint:gosec // it is far below
}

// engineMemory is what the development stack holds, with the Temporal server in it.
func engineMemory(pid int) int64 {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(content), "VmRSS:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kilobytes, _ := strconv.ParseInt(number, 10, 64)
	return kilobytes << 10
}

func (f *waitingFigures) print(w io.Writer) {
	if f == nil {
		return
	}
	fmt.Fprintf(w, "\n| %d calls that await a callback | a call |\n|---|---|\n", f.Calls)
	for _, line := range []struct {
		name  string
		value float64
	}{
		{"heap of API and worker, bytes", f.HeapBytes},
		{"the same with the workflows cached, bytes", f.CachedBytes},
		{"resident memory of the engine, bytes", f.EngineBytes},
		{"database, engine included, bytes", f.DatabaseBytes},
		{"heap of each HTTP client that waits, both ends, bytes", f.WaiterBytes},
		{"transactions for each of those", f.WaiterTx},
		{"goroutines more, all calls together", float64(f.Goroutines)},
		{"transactions a minute before, all together", f.IdlePerMinute},
		{"transactions a minute while they wait, all together", f.WaitPerMinute},
		{"callbacks a second", f.PerSecond},
	} {
		fmt.Fprintf(w, "| %-52s | %10.1f |\n", line.name, line.value)
	}
}

// eventFigures are what one event costs that fires a webhook for many documents.
type eventFigures struct {
	Documents    int     `json:"documents"`
	Delivered    int     `json:"delivered"`
	PerSecond    float64 `json:"documentsPerSecond"`
	AcceptedIn   float64 `json:"secondsToAcceptAll"`
	Transactions float64 `json:"transactionsPerDocument"`
	WALBytes     float64 `json:"walBytesPerDocument"`
	HistoryBytes float64 `json:"runHistoryBytes"` // of the run's own workflow, its last continuation
}

// event raises after_process for many stored documents.
func (b *bench) event(ctx context.Context, s *service, site *benchSite, progress io.Writer) (*eventFigures, error) {
	if b.items == 0 {
		return nil, nil
	}
	fmt.Fprintf(progress, "%d documents of one event\n", b.items)
	ids, err := site.store(ctx, s, b.items)
	if err != nil {
		return nil, err
	}
	before, err := s.db.ServerFigures(ctx)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	var answer struct{ Run forgehook.Run }
	if err := site.client.Do(ctx, "POST", fmt.Sprintf("/v1/services/%d/events", site.service), map[string]any{"type": "after_process", "documentIds": ids}, &answer); err != nil {
		return nil, err
	}
	f, run := &eventFigures{Documents: b.items}, answer.Run
	for run.Status != forgehook.RunCompleted {
		if err := site.client.Do(ctx, "GET", "/v1/runs/"+run.ID, nil, &run); err != nil {
			return nil, err
		}
		if f.AcceptedIn == 0 && run.Processed == run.Documents {
			f.AcceptedIn = time.Since(begin).Seconds()
		}
		time.Sleep(100 * time.Millisecond)
	}
	f.Delivered, f.PerSecond = run.Delivered, float64(b.items)/time.Since(begin).Seconds()
	after, err := s.db.ServerFigures(ctx)
	if err != nil {
		return nil, err
	}
	f.Transactions = float64(after.Transactions-before.Transactions) / float64(b.items)
	f.WALBytes = float64(after.WALBytes-before.WALBytes) / float64(b.items)
	described, err := s.client.DescribeWorkflowExecution(ctx, run.WorkflowID, "")
	if err != nil {
		return nil, err
	}
	f.HistoryBytes = float64(described.GetWorkflowExecutionInfo().GetHistorySizeBytes())
	return f, nil
}

// store puts documents into the project.
func (site *benchSite) store(ctx context.Context, s *service, n int) ([]int32, error) {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(i + 1)
	}
	_, _, _, err := s.db.ImportDocuments(ctx, site.tenant, site.project, "", func(put func([]forgehook.Document) error) error {
		for chunk := range slices.Chunk(ids, 500) {
			documents := make([]forgehook.Document, len(chunk))
			for i, id := range chunk {
				documents[i] = *site.document
				documents[i].ID, documents[i].ServiceID = id, site.service
			}
			if err := put(documents); err != nil {
				return err
			}
		}
		return nil
	})
	return ids, err
}

func (f *eventFigures) print(w io.Writer) {
	if f == nil {
		return
	}
	fmt.Fprintf(w, "\n| an event of %d documents | |\n|---|---|\n", f.Documents)
	for _, line := range []struct {
		name  string
		value float64
	}{
		{"delivered", float64(f.Delivered)},
		{"documents a second, to the last outcome", f.PerSecond},
		{"seconds until all calls were accepted", f.AcceptedIn},
		{"PostgreSQL transactions a document", f.Transactions},
		{"WAL bytes a document", f.WALBytes},
		{"history bytes of the run's workflow", f.HistoryBytes},
	} {
		fmt.Fprintf(w, "| %-42s | %10.1f |\n", line.name, line.value)
	}
}
