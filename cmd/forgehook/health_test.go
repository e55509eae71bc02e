package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	responding := func(status int, text string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/readyz" {
				status = http.StatusNotFound
			}
			http.Error(w, text, status)
		}))
		t.Cleanup(server.Close)
		return strings.TrimPrefix(server.URL, "http://")
	}
	ready, away := responding(http.StatusOK, "ok"), responding(http.StatusServiceUnavailable, "Temporal cannot be reached.")
	_, port, _ := strings.Cut(ready, ":")
	tests := []struct {
		name     string
		settings []string
		part     string
		want     string // the error; "": healthy
	}{
		{"an API", []string{"FORGEHOOK_HTTP_ADDR=" + ready}, "api", ""},
		{"an API that listens on all addresses", []string{"FORGEHOOK_HTTP_ADDR=:" + port}, "api", ""},
		{"a worker beside an API that is not asked", []string{"FORGEHOOK_METRICS_ADDR=" + ready, "FORGEHOOK_HTTP_ADDR=" + away}, "worker", ""},
		{"a worker that is not ready", []string{"FORGEHOOK_METRICS_ADDR=" + away}, "worker", "not ready: 503 Service Unavailable: Temporal cannot be reached."},
		{"a worker that says nothing anywhere", nil, "worker", "FORGEHOOK_METRICS_ADDR is not set"},
		{"an API that is not there", []string{"FORGEHOOK_HTTP_ADDR=127.0.0.1:1"}, "api", "connection refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := command(t, tt.settings, "health", tt.part)
			if healthy := got.Code == 0; healthy != (tt.want == "") || !strings.Contains(got.Err, tt.want) {
				t.Errorf("exit code %d, said %q, want %q", got.Code, got.Err, tt.want)
			}
		})
	}
}

func TestReachable(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		":8080": "127.0.0.1:8080", "0.0.0.0:8080": "127.0.0.1:8080", "[::]:8080": "127.0.0.1:8080",
		"127.0.0.2:8080": "127.0.0.2:8080", "[::1]:8080": "[::1]:8080", "localhost:8080": "localhost:8080",
	} {
		equal(t, addr, reachable(addr), want)
	}
}
