package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestMonitor stops a process slowly, as a worker may. It can be watched to its end, and is not
// ready.
func TestMonitor(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	metrics, err := newMetrics()
	check(t, err)
	s := &service{log: slog.New(slog.DiscardHandler), monitor: listener, metrics: metrics}
	ctx, stop := context.WithCancel(t.Context())
	err = s.run(ctx, func(_ *service, ctx context.Context) error {
		stop()
		<-ctx.Done()
		for path, want := range map[string]struct {
			status int
			text   string
		}{
			"/metrics": {http.StatusOK, "go_goroutines"},
			"/healthz": {http.StatusOK, ""},
			"/readyz":  {http.StatusServiceUnavailable, "This process stops."},
		} {
			response, err := http.Get("http://" + listener.Addr().String() + path) //nolint:noctx // the test's own server
			if err != nil {
				return err
			}
			text, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil || response.StatusCode != want.status || !strings.Contains(string(text), want.text) {
				t.Errorf("%s: %d, want %d with %q in %.100s (%v)", path, response.StatusCode, want.status, want.text, text, err)
			}
		}
		return nil
	})
	check(t, err)
	if _, err := net.Dial("tcp", listener.Addr().String()); err == nil {
		t.Error("the port is open after the end")
	}
}
