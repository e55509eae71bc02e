package main

import (
	"context"
	"net/http"
	"time"
)

// serveMonitor serves what watches a process: a worker has no API that could.
func (s *service) serveMonitor(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if fault := s.unready(r.Context()); fault != "" {
			http.Error(w, fault, http.StatusServiceUnavailable)
		}
	})
	s.log.Info("metrics are served", "address", s.monitor.Addr().String())
	return serveHTTP(ctx, s.monitor, mux)
}

// unready says what keeps a worker from working, "" where nothing does.
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
