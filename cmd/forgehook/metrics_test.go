package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Latencies of milliseconds need buckets below a second. The names are those in docs/operations.md.
func TestMetrics_latency(t *testing.T) {
	t.Parallel()
	m, err := newMetrics()
	if err != nil {
		t.Fatal(err)
	}
	m.temporal.Timer("temporal_activity_schedule_to_start_latency").Record(20 * time.Millisecond)
	recorder := httptest.NewRecorder()
	m.handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`temporal_activity_schedule_to_start_latency_seconds_bucket{le="0.01"} 0`,
		`temporal_activity_schedule_to_start_latency_seconds_bucket{le="0.025"} 1`,
	} {
		if got := recorder.Body.String(); !strings.Contains(got, want+"\n") {
			t.Errorf("no line %s in\n%s", want, got)
		}
	}
}
