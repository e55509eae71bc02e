package api

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/forgehook/forgehook"
)

type health struct {
	Status  string `json:"status"`
	Version string `json:"version"`
}

// readiness says whether calls are accepted. Only PostgreSQL is needed for that: calls start when
// Temporal is back.
type readiness struct {
	Status   string `json:"status"` // ok
	Version  string `json:"version"`
	Temporal string `json:"temporal"` // ok or unreachable
}

func (s *server) health() {
	register(s, route{at: "GET /healthz", id: "health", tag: "health",
		summary: "Whether the process runs"}, s.getHealth)
	register(s, route{at: "GET /readyz", id: "readiness", tag: "health",
		summary: "Whether calls are accepted, and whether Temporal can be reached to start them"}, s.getReadiness)
}

func (s *server) getHealth(context.Context, *request, *nothing) (*response[health], error) {
	return ok(health{"ok", s.Version}), nil
}

func (s *server) getReadiness(ctx context.Context, _ *request, _ *nothing) (*response[readiness], error) {
	if s.stops() {
		return nil, forgehook.Errorf(forgehook.CodeUnavailable, "This process stops. It answers what still comes.")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := s.DB.Ping(ctx); err != nil {
		return nil, &forgehook.Error{Code: forgehook.CodeUnavailable, Detail: "PostgreSQL cannot be reached.", Err: err}
	}
	ready := readiness{"ok", s.Version, "ok"}
	if s.Engine.Ping(ctx) != nil {
		ready.Temporal = "unreachable"
	}
	return ok(ready), nil
}

// stops reports whether the process was told to stop.
func (s *server) stops() bool {
	select {
	case <-s.Stopping:
		return true
	default:
		return false
	}
}

// letGo closes the connection with this response when the process stops. A request that arrives on
// an idle connection just as it closes would be lost.
func (s *server) letGo(c *gin.Context) {
	if s.stops() {
		c.Header("Connection", "close")
	}
}

//go:embed page
var page embed.FS

// plain mounts the routes that are no JSON operations: metrics, the OpenAPI document and its page.
func (s *server) plain(router *gin.Engine, document []byte) error {
	if s.Metrics != nil {
		router.GET("/metrics", gin.WrapH(s.Metrics))
	}
	serve := func(path, kind string, body []byte) {
		router.GET(path, func(c *gin.Context) {
			c.Header("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
			c.Data(http.StatusOK, kind, body)
		})
	}
	serve("/openapi.json", "application/json", document)
	for _, part := range []struct{ path, file, kind string }{
		{"/docs", "page/docs.html", "text/html"}, {"/docs.js", "page/docs.js", "text/javascript"}, {"/docs.css", "page/docs.css", "text/css"},
	} {
		body, err := page.ReadFile(part.file)
		if err != nil {
			return fmt.Errorf("read embedded page: %w", err)
		}
		serve(part.path, part.kind+"; charset=utf-8", body)
	}
	return nil
}

// metrics count requests by route, never by path: ids would make endless series.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newMetrics(into prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "forgehook_http_requests_total", Help: "HTTP requests by method, route and status.",
		}, []string{"method", "route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "forgehook_http_request_duration_seconds", Help: "Time to the end of the answer, waits included.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 10),
		}, []string{"method", "route"}),
	}
	if into == nil {
		return m, nil
	}
	for _, collector := range []prometheus.Collector{m.requests, m.duration} {
		if err := into.Register(collector); err != nil {
			return nil, fmt.Errorf("register HTTP metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) observe(method, route, status string, took time.Duration) {
	if route == "" {
		method, route = "other", "none" // clients can send any method
	}
	m.requests.WithLabelValues(method, route, status).Inc()
	m.duration.WithLabelValues(method, route).Observe(took.Seconds())
}
