package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/activity"
	sdk "go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
	"github.com/forgehook/forgehook/internal/secret"
)

// The bench puts a call of the product beside the bare engine: the same shape (two local activities, one regular one) with
// activities that do nothing. Both run in turns on one server, so that the ratios hold on any machine.
type bench struct {
	single   int           // calls one at a time, for latency
	callers  int           // callers at saturation
	duration time.Duration // of a saturation round
	rounds   int
	asJSON   bool
}

// figures are what one shape cost.
type figures struct {
	P50MS         float64 `json:"p50Ms"`
	P95MS         float64 `json:"p95Ms"`
	P99MS         float64 `json:"p99Ms"`
	PerSecond     float64 `json:"callsPerSecond"`
	Events        float64 `json:"historyEvents"`
	HistoryBytes  float64 `json:"historyBytes"`
	Transactions  float64 `json:"transactionsPerCall"`
	WALBytes      float64 `json:"walBytesPerCall"`
	latencies     []float64
	rates         []float64
	transactions  int64
	wal           int64
	measuredCalls int64
}

// shape is one way to run a call to its result; it returns the workflow's id.
type shape struct {
	name string
	call func(context.Context) (string, error)
}

func benchCommand() *cobra.Command {
	b := &bench{}
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure a call beside the bare engine, in one run on one server", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return b.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().IntVar(&b.single, "single", 100, "calls one at a time in a round")
	cmd.Flags().IntVar(&b.callers, "callers", 48, "callers at saturation")
	cmd.Flags().DurationVar(&b.duration, "duration", 5*time.Second, "length of a round at saturation")
	cmd.Flags().IntVar(&b.rounds, "rounds", 3, "rounds of each shape, in turns")
	cmd.Flags().BoolVar(&b.asJSON, "json", false, "print JSON")
	return cmd
}

func (b *bench) run(ctx context.Context, out, progress io.Writer) error {
	c, err := loadConfig()
	if err != nil {
		return err
	}
	if c.EncryptionKeyset, err = secret.NewKeyset(); err != nil {
		return err
	}
	c.EgressAllow, c.HTTPAddr, c.TaskQueue = "127.0.0.0/8", "127.0.0.1:0", "forgehook-bench"
	s, err := openService(ctx, c, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.db.Migrate(ctx); err != nil {
		return err
	}
	if err := s.awaitEngine(ctx); err != nil {
		return err
	}
	s.prepareEngine(ctx)
	stop, product, err := b.startProduct(ctx, s)
	if err != nil {
		return err
	}
	defer stop()
	bare, stopBare, err := b.startBare(s)
	if err != nil {
		return err
	}
	defer stopBare()

	shapes := []shape{bare, product}
	results := []*figures{{}, {}}
	for _, x := range shapes { // warm connections, caches and plans
		if _, err := b.saturate(ctx, x, 2*time.Second); err != nil {
			return fmt.Errorf("%s: %w", x.name, err)
		}
	}
	for round := range b.rounds {
		for i, x := range shapes {
			fmt.Fprintf(progress, "round %d of %d: %s\n", round+1, b.rounds, x.name)
			if err := b.measure(ctx, s, x, results[i]); err != nil {
				return fmt.Errorf("%s: %w", x.name, err)
			}
		}
	}
	for _, f := range results {
		f.summarise()
	}
	return b.print(out, results[0], results[1])
}

// startProduct runs the API and a worker in this process, and an endpoint that answers at once.
func (b *bench) startProduct(ctx context.Context, s *service) (stop func(), x shape, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var parts sync.WaitGroup
	stop = func() { cancel(); parts.Wait() }
	if err := s.listenAPI(); err != nil {
		return stop, x, err
	}
	endpoint, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return stop, x, err
	}
	s.control.EagerStart = true // as serve does
	faults := make(chan error, 3)
	parts.Go(func() { faults <- s.serveAPI(ctx) })
	parts.Go(func() { faults <- s.runWorker(ctx) })
	parts.Go(func() {
		faults <- serveHTTP(ctx, endpoint, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	})
	webhook, c, err := b.benchWebhook(ctx, s, "http://"+endpoint.Addr().String()+"/")
	if err != nil {
		return stop, x, err
	}
	document, err := benchDocument()
	if err != nil {
		return stop, x, err
	}
	return stop, shape{"product", func(ctx context.Context) (string, error) {
		answer, err := c.CallWebhook(ctx, forgehook.CallRequest{WebHookServiceID: &webhook, Document: document}, client.Options{Wait: time.Minute})
		if err != nil {
			return "", err
		}
		call := answer.Calls[0]
		if call.Outcome == nil || *call.Outcome != forgehook.Delivered {
			return "", fmt.Errorf("call %s was not delivered", call.ID)
		}
		return call.WorkflowID, nil
	}}, nil
}

func (b *bench) benchWebhook(ctx context.Context, s *service, url string) (int32, *client.Client, error) {
	tenant, err := s.db.CreateTenant(ctx, fmt.Sprintf("bench-%d", time.Now().UnixNano()))
	if err != nil {
		return 0, nil, err
	}
	key, err := newKey(ctx, s.db, tenant.ID, forgehook.APIKey{Name: "bench", Roles: []forgehook.Role{forgehook.Owner}})
	if err != nil {
		return 0, nil, err
	}
	c := client.New("http://"+s.api.Addr().String(), key)
	seed := devSeed{client: c}
	if err := seed.ready(ctx); err != nil {
		return 0, nil, err
	}
	var project, service, utility struct{ ID int32 }
	steps := []struct {
		path func() string
		body any
		out  any
	}{
		{func() string { return "/v1/projects" }, map[string]any{"name": "bench"}, &project},
		{func() string { return fmt.Sprintf("/v1/projects/%d/services", project.ID) }, map[string]any{"name": "bench"}, &service},
		{func() string { return fmt.Sprintf("/v1/services/%d/utilities", service.ID) },
			map[string]any{"type": forgehook.UtilityType, "name": "bench", "settings": map[string]any{"webHook": map[string]any{"url": url}}}, &utility},
	}
	for _, step := range steps {
		if err := c.Do(ctx, http.MethodPost, step.path(), step.body, step.out); err != nil {
			return 0, nil, err
		}
	}
	return utility.ID, c, nil
}

func benchDocument() (*forgehook.Document, error) {
	content, err := samples.ReadFile("samples/1-invoice.json")
	if err != nil {
		return nil, err
	}
	var document forgehook.Document
	return &document, forgehook.Decode(content, &document)
}

// bareCall is the floor: the shape of a call whose activities do nothing.
func bareCall(ctx workflow.Context) error {
	local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{ScheduleToCloseTimeout: 20 * time.Second})
	for range 2 {
		if err := workflow.ExecuteLocalActivity(local, bareStep).Get(ctx, nil); err != nil {
			return err
		}
	}
	regular := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	return workflow.ExecuteActivity(regular, "bare-step").Get(ctx, nil)
}

func bareStep(context.Context) error { return nil }

func (b *bench) startBare(s *service) (shape, func(), error) {
	const queue = "forgehook-bench-bare"
	w := sdkworker.New(s.client, queue, sdkworker.Options{
		WorkflowTaskPollerBehavior: sdkworker.NewPollerBehaviorAutoscaling(sdkworker.PollerBehaviorAutoscalingOptions{}),
		ActivityTaskPollerBehavior: sdkworker.NewPollerBehaviorAutoscaling(sdkworker.PollerBehaviorAutoscalingOptions{}),
	})
	w.RegisterWorkflowWithOptions(bareCall, workflow.RegisterOptions{Name: "BareCall"})
	w.RegisterActivityWithOptions(bareStep, activity.RegisterOptions{Name: "bare-step"})
	if err := w.Start(); err != nil {
		return shape{}, nil, err
	}
	var n atomic.Int64
	run := fmt.Sprintf("bare/%d/", time.Now().UnixNano())
	return shape{"bare engine", func(ctx context.Context) (string, error) {
		id := fmt.Sprintf("%s%d", run, n.Add(1))
		started, err := s.client.ExecuteWorkflow(ctx, sdk.StartWorkflowOptions{ID: id, TaskQueue: queue}, "BareCall")
		if err != nil {
			return "", err
		}
		return id, started.Get(ctx, nil)
	}}, w.Stop, nil
}

// measure adds one round of a shape to its figures.
func (b *bench) measure(ctx context.Context, s *service, x shape, f *figures) error {
	last := ""
	for range b.single {
		begin := time.Now()
		id, err := x.call(ctx)
		if err != nil {
			return err
		}
		f.latencies, last = append(f.latencies, float64(time.Since(begin).Microseconds())/1000), id
	}
	before, err := s.db.ServerFigures(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	calls, err := b.saturate(ctx, x, b.duration)
	if err != nil {
		return err
	}
	f.rates = append(f.rates, float64(calls)/time.Since(begin).Seconds())
	after, err := s.db.ServerFigures(ctx)
	if err != nil {
		return err
	}
	f.transactions += after.Transactions - before.Transactions
	f.wal += after.WALBytes - before.WALBytes
	f.measuredCalls += calls
	description, err := s.client.DescribeWorkflowExecution(ctx, last, "")
	if err != nil {
		return err
	}
	info := description.GetWorkflowExecutionInfo()
	f.Events, f.HistoryBytes = float64(info.GetHistoryLength()), float64(info.GetHistorySizeBytes())
	return nil
}

// saturate keeps callers busy for a while and counts the calls that came to their end.
func (b *bench) saturate(ctx context.Context, x shape, d time.Duration) (int64, error) {
	var calls atomic.Int64
	var callers sync.WaitGroup
	faults := make(chan error, b.callers)
	end := time.Now().Add(d)
	for range b.callers {
		callers.Go(func() {
			for time.Now().Before(end) && ctx.Err() == nil {
				if _, err := x.call(ctx); err != nil {
					faults <- err
					return
				}
				calls.Add(1)
			}
		})
	}
	callers.Wait()
	close(faults)
	var all []error
	for err := range faults {
		all = append(all, err)
	}
	return calls.Load(), errors.Join(all...)
}

func (f *figures) summarise() {
	slices.Sort(f.latencies)
	slices.Sort(f.rates)
	f.P50MS, f.P95MS, f.P99MS = quantile(f.latencies, 0.5), quantile(f.latencies, 0.95), quantile(f.latencies, 0.99)
	f.PerSecond = quantile(f.rates, 0.5)
	f.Transactions = float64(f.transactions) / float64(f.measuredCalls)
	f.WALBytes = float64(f.wal) / float64(f.measuredCalls)
}

func quantile(sorted []float64, q float64) float64 {
	return sorted[int(math.Ceil(q*float64(len(sorted))))-1]
}

func (b *bench) print(w io.Writer, bare, product *figures) error {
	if b.asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(map[string]any{"bare": bare, "product": product})
	}
	fmt.Fprintf(w, "| %-28s | %10s | %10s | %7s |\n|---|---|---|---|\n", "", "bare", "product", "ratio")
	for _, line := range []struct {
		name       string
		bare, prod float64
	}{
		{"p50 to result, ms", bare.P50MS, product.P50MS},
		{"p95, ms", bare.P95MS, product.P95MS},
		{"p99, ms", bare.P99MS, product.P99MS},
		{"calls/s at saturation", bare.PerSecond, product.PerSecond},
		{"history events", bare.Events, product.Events},
		{"history bytes", bare.HistoryBytes, product.HistoryBytes},
		{"PostgreSQL transactions/call", bare.Transactions, product.Transactions},
		{"WAL bytes/call", bare.WALBytes, product.WALBytes},
	} {
		fmt.Fprintf(w, "| %-28s | %10.1f | %10.1f | %7.2f |\n", line.name, line.bare, line.prod, line.prod/line.bare)
	}
	return nil
}
