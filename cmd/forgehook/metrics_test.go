package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A quantile of milliseconds must not be lost in a bucket of seconds; the names are those of
// docs/operations.md.
func TestMetrics_latency(t *testing.T) {
	t.Parallel()
	m, err := newMetrics()
	if err != nil {
		t.Fatal(err)
	}
	m.temporal.Timer("temporal_activity_schedule_to_start_latency").Record(20 * time.Millisecond)
	answer := httptest.NewRecorder()
	m.handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`temporal_activity_schedule_to_start_latency_seconds_bucket{le="0.01"} 0`,
		`temporal_activity_schedule_to_start_latency_seconds_bucket{le="0.025"} 1`,
	} {
		if got := answer.Body.String(); !strings.Contains(got, want+"\n") {
			t.Errorf("no line %s in\n%s", want, got)
		}
	}
}
