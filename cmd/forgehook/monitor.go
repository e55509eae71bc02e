package main

import (
	"context"
	"net/http"
	"time"
)

// startMonitor serves metrics and health if the process has a port for them, until end is called.
// It also serves while the process stops, which may take a worker minutes. It calls fail if it
// cannot go on.
func (s *service) startMonitor(ctx context.Context, fail func()) (end func() error) {
	if s.monitor == nil {
		return func() error { return nil }
	}
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() {
		ended <- s.serveMonitor(serving, ctx.Done())
		fail()
	}()
	return func() error {
		cancel()
		return <-ended
	}
}

// serveMonitor serves until the context ends. A worker has no API that could do it.
func (s *service) serveMonitor(ctx context.Context, stopping <-chan struct{}) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		fault := "This process stops."
		select {
		case <-stopping:
		default:
			fault = s.unready(r.Context())
		}
		if fault != "" {
			http.Error(w, fault, http.StatusServiceUnavailable)
		}
	})
	s.log.Info("metrics are served", "address", s.monitor.Addr().String())
	return serveHTTP(ctx, s.monitor, mux)
}

// unready says what keeps a worker from working, "" if nothing does.
func (s *service) unready(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if s.db.Ping(ctx) != nil {
		return "PostgreSQL cannot be reached."
	}
	if s.control.Ping(ctx) != nil {
		return "Temporal cannot be reached."
	}
	return ""
}
