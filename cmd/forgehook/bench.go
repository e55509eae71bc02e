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
	"strings"
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
	awaiting int // calls that await a callback at once
	items    int // documents of one event
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
	cmd.Flags().IntVar(&b.awaiting, "awaiting", 10_000, "calls that await a callback at once; 0 leaves this out")
	cmd.Flags().IntVar(&b.items, "documents", 10_000, "documents of one event; 0 leaves this out")
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
	stop, site, err := b.startProduct(ctx, s)
	if err != nil {
		return err
	}
	defer stop()
	product := site.overHTTP()
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
	fmt.Fprintln(progress, "ways to await a call")
	ways, err := b.ways(ctx, s, site, bare)
	if err != nil {
		return err
	}
	waiting, err := b.await(ctx, s, site, progress)
	if err != nil {
		return err
	}
	ran, err := b.event(ctx, s, site, progress)
	if err != nil {
		return err
	}
	return b.print(out, results[0], results[1], ways, waiting, ran)
}

// benchSite is the product that is measured: an API and a worker in this process, a webhook, and an endpoint that answers at once.
type benchSite struct {
	tenant           forgehook.TenantID
	client           *client.Client
	project, service int32
	webhook          int32 // its endpoint answers at once
	later            int32 // its endpoint calls back
	document         *forgehook.Document
	backAtOnce       atomic.Bool // whether the endpoint calls back by itself, else what it was told is in urls
	urls             chan string
}

// ServeHTTP is the endpoint.
func (site *benchSite) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	url := r.Header.Get("Forgehook-Callback-Url")
	switch {
	case url == "":
	case site.backAtOnce.Load():
		go func() { _ = callBackTo(context.WithoutCancel(r.Context()), url) }()
	default:
		site.urls <- url
	}
}

func callBackTo(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"result":{"approved":true}}`))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("callback: %s", response.Status)
	}
	return nil
}

// startProduct runs the API and a worker in this process, and the endpoint.
func (b *bench) startProduct(ctx context.Context, s *service) (stop func(), site *benchSite, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var parts sync.WaitGroup
	stop = func() { cancel(); parts.Wait() }
	if err := s.listenAPI(); err != nil {
		return stop, nil, err
	}
	s.config.PublicURL = "http://" + s.api.Addr().String()
	endpoint, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return stop, nil, err
	}
	site = &benchSite{urls: make(chan string, b.awaiting+1)}
	s.control.EagerStart = true // as serve does
	faults := make(chan error, 3)
	parts.Go(func() { faults <- s.serveAPI(ctx) })
	parts.Go(func() { faults <- s.runWorker(ctx) })
	parts.Go(func() { faults <- serveHTTP(ctx, endpoint, site) })
	if err := site.set(ctx, s, "http://"+endpoint.Addr().String()+"/"); err != nil {
		return stop, nil, err
	}
	return stop, site, nil
}

// set makes a tenant, its key, and what is called.
func (site *benchSite) set(ctx context.Context, s *service, url string) error {
	tenant, err := s.db.CreateTenant(ctx, fmt.Sprintf("bench-%d", time.Now().UnixNano()))
	if err != nil {
		return err
	}
	site.tenant = tenant.ID
	key, err := newKey(ctx, s.db, tenant.ID, forgehook.APIKey{Name: "bench", Roles: []forgehook.Role{forgehook.Owner}})
	if err != nil {
		return err
	}
	site.client = client.New("http://"+s.api.Addr().String(), key)
	seed := devSeed{client: site.client}
	if err := seed.ready(ctx); err != nil {
		return err
	}
	if site.document, err = benchDocument(); err != nil {
		return err
	}
	var project, service, webhook, later struct{ ID int32 }
	webHook := map[string]any{"url": url}
	steps := []struct {
		path func() string
		body any
		out  any
	}{
		{func() string { return "/v1/projects" }, map[string]any{"name": "bench"}, &project},
		{func() string { return fmt.Sprintf("/v1/projects/%d/services", project.ID) }, map[string]any{"name": "bench"}, &service},
		{func() string { return fmt.Sprintf("/v1/services/%d/utilities", service.ID) },
			map[string]any{"type": forgehook.UtilityType, "name": "bench", "settings": map[string]any{"webHook": webHook}}, &webhook},
		{func() string { return fmt.Sprintf("/v1/services/%d/utilities", service.ID) },
			map[string]any{"type": forgehook.UtilityType, "name": "bench callback", "settings": map[string]any{
				"webHook": webHook, "executeAfterProcess": false, "callback": map[string]any{"await": true},
			}}, &later},
	}
	for _, step := range steps {
		if err := site.client.Do(ctx, http.MethodPost, step.path(), step.body, step.out); err != nil {
			return err
		}
	}
	site.project, site.service, site.webhook, site.later = project.ID, service.ID, webhook.ID, later.ID
	return nil
}

// request is a call of a webhook for the document.
func (site *benchSite) request(webhook int32) forgehook.CallRequest {
	return forgehook.CallRequest{WebHookServiceID: &webhook, Document: site.document}
}

// overHTTP is the product as most callers use it: one request that waits for the answer.
func (site *benchSite) overHTTP() shape { return site.waited("HTTP, Prefer: wait", site.webhook) }

func (site *benchSite) waited(name string, webhook int32) shape {
	return shape{name, func(ctx context.Context) (string, error) {
		answer, err := site.client.CallWebhook(ctx, site.request(webhook), client.Options{Wait: time.Minute})
		if err != nil {
			return "", err
		}
		return delivered(answer.Calls[0])
	}}
}

// delivered names the workflow of a call that has gone well.
func delivered(call forgehook.Call) (string, error) {
	if call.Outcome == nil || *call.Outcome != forgehook.Delivered {
		return "", fmt.Errorf("call %s was not delivered", call.ID)
	}
	return call.WorkflowID, nil
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

const bareQueue = "forgehook-bench-bare"

func (b *bench) startBare(s *service) (shape, func(), error) {
	w := sdkworker.New(s.client, bareQueue, sdkworker.Options{
		WorkflowTaskPollerBehavior: sdkworker.NewPollerBehaviorAutoscaling(sdkworker.PollerBehaviorAutoscalingOptions{}),
		ActivityTaskPollerBehavior: sdkworker.NewPollerBehaviorAutoscaling(sdkworker.PollerBehaviorAutoscalingOptions{}),
	})
	w.RegisterWorkflowWithOptions(bareCall, workflow.RegisterOptions{Name: "BareCall"})
	w.RegisterWorkflowWithOptions(bareParent, workflow.RegisterOptions{Name: "BareParent"})
	w.RegisterActivityWithOptions(bareStep, activity.RegisterOptions{Name: "bare-step"})
	if err := w.Start(); err != nil {
		return shape{}, nil, err
	}
	var n atomic.Int64
	run := fmt.Sprintf("bare/%d/", time.Now().UnixNano())
	return shape{"bare engine", func(ctx context.Context) (string, error) {
		id := fmt.Sprintf("%s%d", run, n.Add(1))
		started, err := s.client.ExecuteWorkflow(ctx, sdk.StartWorkflowOptions{ID: id, TaskQueue: bareQueue}, "BareCall")
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

func (b *bench) print(w io.Writer, bare, product *figures, ways []way, waiting *waitingFigures, ran *eventFigures) error {
	if b.asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(map[string]any{"bare": bare, "product": product, "waysToAwait": ways, "awaitingCallbacks": waiting, "event": ran})
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
	printWays(w, ways)
	waiting.print(w)
	ran.print(w)
	return nil
}
