package api

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/forgehook/forgehook"
)

type health struct {
	Status  string `json:"status"`
	Version string `json:"version"`
}

func (s *server) health() {
	register(s, route{at: "GET /healthz", id: "health", tag: "health",
		summary: "Whether the process runs"}, s.getHealth)
	register(s, route{at: "GET /readyz", id: "readiness", tag: "health",
		summary: "Whether PostgreSQL and Temporal can be reached"}, s.getReadiness)
}

func (s *server) getHealth(context.Context, *request, *nothing) (*answer[health], error) {
	return ok(health{"ok", s.Version}), nil
}

func (s *server) getReadiness(ctx context.Context, _ *request, _ *nothing) (*answer[health], error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var away []string
	var errs []error
	for _, needed := range []struct {
		name string
		ping func(context.Context) error
	}{{"PostgreSQL", s.DB.Ping}, {"Temporal", s.Engine.Ping}} {
		if err := needed.ping(ctx); err != nil {
			away, errs = append(away, needed.name), append(errs, err)
		}
	}
	if len(errs) > 0 {
		return nil, &forgehook.Error{
			Code: forgehook.CodeUnavailable, Detail: strings.Join(away, " and ") + " cannot be reached.", Err: errors.Join(errs...),
		}
	}
	return ok(health{"ok", s.Version}), nil
}

//go:embed page
var page embed.FS

// plain mounts what is no JSON operation: metrics, the document and the page that shows it.
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
