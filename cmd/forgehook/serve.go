package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lmittmann/tint"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/activities"
	"github.com/forgehook/forgehook/api"
	"github.com/forgehook/forgehook/internal/outbound"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/await"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/internal/webhook"
	"github.com/forgehook/forgehook/worker"
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run the API and a worker in one process", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), true, true) },
	}
}

func apiCommand() *cobra.Command {
	return &cobra.Command{
		Use: "api", Short: "Run the API alone", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), true, false) },
	}
}

func workerCommand() *cobra.Command {
	return &cobra.Command{
		Use: "worker", Short: "Run a worker alone; add processes to scale", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), false, true) },
	}
}

// service is one process: its stores, its engine, its ports.
type service struct {
	config  config
	log     *slog.Logger
	db      *postgres.DB
	secrets *secret.Keeper
	sender  *outbound.Sender
	metrics *metrics
	client  client.Client
	control *worker.Control
	api     net.Listener
	monitor net.Listener                 // nil: no monitor
	waiter  atomic.Pointer[await.Waiter] // the API's
}

// part is one task of a process, which runs until its context ends.
type part func(*service, context.Context) error

// serve runs the API, a worker or both until the context ends or one of them fails; the other then
// also stops in order.
func serve(ctx context.Context, withAPI, withWorker bool) error {
	c, err := loadConfig()
	if err != nil {
		return err
	}
	s, err := openService(ctx, c, newLogger(os.Stderr, c))
	if err != nil {
		return err
	}
	defer s.close()
	parts := []part{(*service).prepareWhenReachable}
	if c.MetricsAddr != "" {
		if s.monitor, err = listen(c.MetricsAddr, "/metrics", "FORGEHOOK_METRICS_ADDR"); err != nil {
			return err
		}
	}
	if withAPI {
		if err := s.listenAPI(); err != nil {
			return err
		}
		parts = append(parts, (*service).serveAPI)
	}
	if withWorker {
		parts = append(parts, (*service).runWorker)
	}
	if err := s.db.CheckSchema(ctx); err != nil {
		return err
	}
	if err := s.checkKeyset(ctx); err != nil {
		return err
	}
	// If the API and a worker share one client, the response to a start brings the call's first
	// task: no poll, 6 fewer transactions.
	s.control.EagerStart = withAPI && withWorker
	return s.run(ctx, parts...)
}

func (s *service) run(ctx context.Context, parts ...part) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	endMonitor := s.startMonitor(ctx, cancel)
	ended := make(chan error, len(parts))
	for _, do := range parts {
		go func() { ended <- do(s, ctx) }()
	}
	var faults []error
	for range parts {
		faults = append(faults, <-ended)
		cancel()
	}
	return errors.Join(append(faults, endMonitor())...)
}

// openService connects everything. Its error names what cannot be reached.
func openService(ctx context.Context, c config, log *slog.Logger) (*service, error) {
	if c.DatabaseURL == "" {
		return nil, errors.New("FORGEHOOK_DATABASE_URL is not set: give PostgreSQL as postgres://user:password@host:port/database")
	}
	keyset, err := c.keyset()
	if err != nil {
		return nil, err
	}
	s := &service{config: c, log: log}
	if s.secrets, err = secret.Open(keyset); err != nil {
		return nil, fmt.Errorf("FORGEHOOK_ENCRYPTION_KEYSET: %w", err)
	}
	allow, err := outbound.ParseAllow(c.EgressAllow)
	if err != nil {
		return nil, fmt.Errorf("FORGEHOOK_EGRESS_ALLOW: %w", err)
	}
	if s.sender, err = outbound.New(outbound.Options{Allow: allow, QuickWithin: c.FastPath, Logger: log}); err != nil {
		return nil, err
	}
	if s.metrics, err = newMetrics(); err != nil {
		return nil, err
	}
	if s.db, err = postgres.Open(ctx, c.DatabaseURL, postgres.Options{MaxConnections: c.DatabaseConnections}); err != nil {
		return nil, fmt.Errorf("PostgreSQL cannot be reached (FORGEHOOK_DATABASE_URL): %w", err)
	}
	if s.client, err = worker.Dial(ctx, worker.DialOptions{Logger: log, Metrics: s.metrics.temporal, Lazy: true}); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	s.control = worker.NewControl(s.client, c.TaskQueue)
	return s, nil
}

// checkKeyset opens the latest stored secret. With a wrong key set, every delivery that needs a
// secret would wait for an operator.
func (s *service) checkKeyset(ctx context.Context) error {
	tenant, settings, err := s.db.LatestSettings(ctx)
	if forgehook.ErrorCode(err) == forgehook.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.secrets.OpenSettings(tenant, &settings); err != nil {
		return fmt.Errorf("FORGEHOOK_ENCRYPTION_KEYSET does not open the secrets in this database: it must be the key set they were sealed with: %w", err)
	}
	return nil
}

func (s *service) close() {
	s.client.Close()
	s.sender.Close()
	if err := s.db.Close(); err != nil {
		s.log.Warn("closing the database", "error", err)
	}
}

// awaitEngine waits for Temporal. Until then the API accepts calls, which start when Temporal is
// back.
func (s *service) awaitEngine(ctx context.Context) error {
	for wait := time.Second; ; wait = min(2*wait, 15*time.Second) {
		err := s.control.Ping(ctx)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		s.log.Warn("Temporal cannot be reached (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE); calls are accepted and start when it is back", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func (s *service) prepareWhenReachable(ctx context.Context) error {
	if s.awaitEngine(ctx) == nil {
		s.prepareEngine(ctx)
	}
	<-ctx.Done()
	return nil
}

// prepareEngine registers what Temporal must know. If it may not, it tells the operator how to do
// it.
func (s *service) prepareEngine(ctx context.Context) {
	namespace, err := worker.Namespace()
	if err == nil {
		err = worker.RegisterSearchAttributes(ctx, s.client, namespace)
	}
	if err != nil {
		s.log.Warn("search attributes are not registered", "error", err)
	}
	if err := worker.EnsureSweep(ctx, s.client, s.config.TaskQueue, s.config.SweepInterval); err != nil {
		s.log.Warn("the sweep is not scheduled: accepted calls without a run stay so", "error", err)
	}
}

func (s *service) runWorker(ctx context.Context) error {
	if s.awaitEngine(ctx) != nil {
		return nil
	}
	s.log.Info("worker starts", "taskQueue", s.config.TaskQueue)
	first, starts := activities.NewFirstAttempts(activities.Patience), activities.NewStarts(activities.MaxStarts)
	stopped, cancel := outlast(ctx, s.config.StopTimeout)
	defer cancel()
	defer first.Wait(stopped) // for attempts that no activity has taken over
	return worker.Run(ctx, worker.Options{
		Client: s.client, TaskQueue: s.config.TaskQueue, Slots: s.config.WorkerSlots, CachedRuns: s.config.WorkerCache,
		Full: starts.Full, AwaitRoom: starts.AwaitRoom, StopTimeout: s.config.StopTimeout,
		Activities: &activities.Activities{
			DB: s.db, Secrets: s.secrets, Sender: s.sender, Engine: s.control, Plans: webhook.NewPlans(), First: first, Starts: starts, FastPath: s.config.FastPath > 0, Now: time.Now,
			UserAgent: "Forgehook/" + version, PublicURL: s.config.publicURL(s.api), Log: s.log,
		},
	})
}

// serveAPI serves until the context ends, and then for the drain delay: load balancers need time to
// see that it is not ready.
func (s *service) serveAPI(ctx context.Context) error {
	stopping := ctx.Done()
	ctx, cancel := outlast(ctx, s.config.DrainDelay)
	defer cancel()
	waiter, err := await.New(s.config.DatabaseURL, s.db, s.log)
	if err != nil {
		return err
	}
	defer waiter.Close() //nolint:errcheck // the process ends
	s.waiter.Store(waiter)
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "forgehook_waiting_requests", Help: "HTTP requests that wait for a call, a run or a work item."},
		func() float64 { return float64(waiter.Waiting()) })
	if err := s.metrics.registry.Register(waiting); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	handler, err := api.New(api.Config{
		DB: s.db, Waiter: waiter, Engine: s.control, Secrets: s.secrets, Outbound: s.sender, Log: s.log, Version: version,
		PublicURL: s.config.publicURL(s.api), Metrics: s.metrics.handler(), Registerer: s.metrics.registry, RatePerSecond: s.config.RateLimit,
		Stopping: stopping,
	})
	if err != nil {
		return err
	}
	defer handler.Settle()
	s.log.Info("API listens", "address", s.api.Addr().String())
	present := func() { _ = waiter.Close() } // waiters get the present state, so that a stop is quick
	return serveHTTP(ctx, s.api, handler, present)
}

// outlast is a context that ends some time after ctx.
func outlast(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(by, cancel) })
	return longer, cancel
}

// listenAPI opens the API's port before a worker takes tasks. If the port is taken, no worker
// starts only to stop at once.
func (s *service) listenAPI() (err error) {
	s.api, err = listen(s.config.HTTPAddr, "the API", "FORGEHOOK_HTTP_ADDR")
	return err
}

// listen opens a port. If the port is taken, the error names the setting that changes it.
func listen(addr, what, setting string) (net.Listener, error) {
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %s is taken: %s needs it; stop what uses it or set %s", addr, what, setting)
	}
	return listener, err
}

// serveHTTP serves until the context ends, then lets requests under way finish. It calls closing
// when the shutdown begins and connections are no longer reused.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler, closing ...func()) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute,
		WriteTimeout: 10 * time.Minute, // longer than the longest wait
	}
	for _, do := range closing {
		server.RegisterOnShutdown(do)
	}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

func newLogger(w io.Writer, c config) *slog.Logger {
	if c.LogFormat == "text" {
		return slog.New(tint.NewTextHandler(w, &tint.Options{Level: c.LogLevel, TimeFormat: time.TimeOnly, NoColor: !isTerminal(w)}))
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: c.LogLevel}))
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
