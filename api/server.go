// Package api is the HTTP face of Forgehook. It admits clients, reads their requests, calls the
// rooms that hold the rules, and sends JSON or a problem (RFC 9457). It holds no rule and no SQL,
// and reaches Temporal only through package dispatch. Start with [New] and [register]. Each noun
// has a file with its inputs, outputs and handlers in URL order.
package api

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/dispatch"
	"github.com/forgehook/forgehook/internal/openapi"
	"github.com/forgehook/forgehook/internal/outbound"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/await"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/internal/webhook"
)

// Config is what the API needs. Only Log, Metrics, Registerer, RatePerSecond and Stopping may be
// left out.
type Config struct {
	DB            *postgres.DB
	Waiter        *await.Waiter
	Engine        dispatch.Engine
	Secrets       *secret.Keeper
	Outbound      *outbound.Sender // checks URLs on save; sends nothing here
	Log           *slog.Logger
	Version       string                // of the program
	PublicURL     string                // where endpoints reach the API; callback URLs start with it
	Metrics       http.Handler          // served as /metrics; nil: no such route
	Registerer    prometheus.Registerer // takes the API's own metrics
	RatePerSecond float64               // requests of one key, also its burst; 0: unlimited
	Stopping      <-chan struct{}       // closed when the process is about to stop and is no longer ready; nil: never

	heartbeat time.Duration // of streams; 0: beatEvery
}

type server struct {
	Config
	log      *slog.Logger
	gate     *gate
	feeds    feeds
	metrics  *metrics
	mapper   mapper
	plans    webhook.Plans
	turns    chan struct{}       // see turn
	room     *semaphore.Weighted // see take
	starting *semaphore.Weighted // see start
	routes   gin.IRoutes         // see register
	document *openapi.Document   // likewise
}

// API is what [New] makes.
type API struct {
	http.Handler
	server *server
}

// Settle waits until all accepted calls have been handed to the engine. A process calls it last,
// when it serves no more. Several calls at once are safe.
func (a *API) Settle() {
	starting := a.server.starting
	if starting.Acquire(context.Background(), startsAhead) == nil { // every permit: no start is under way
		starting.Release(startsAhead)
	}
}

// New makes the API.
func New(config Config) (*API, error) {
	s := &server{
		Config: config, log: config.Log, gate: newGate(config.RatePerSecond), turns: make(chan struct{}, runtime.GOMAXPROCS(0)),
		room: semaphore.NewWeighted(largeBodies), starting: semaphore.NewWeighted(startsAhead),
	}
	s.heartbeat = cmp.Or(s.heartbeat, beatEvery)
	s.PublicURL = strings.TrimSuffix(s.PublicURL, "/")
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.metrics, err = newMetrics(config.Registerer); err != nil {
		return nil, err
	}
	router := s.router()
	document, err := s.document.Bytes()
	if err != nil {
		return nil, err
	}
	return &API{withHead(router), s}, s.plain(router, document)
}

// withHead serves HEAD as GET; net/http leaves out the body. A stream has no HEAD, because it would
// never end for a client that reads nothing.
func withHead(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && !strings.HasSuffix(r.URL.Path, "/stream") {
			r = r.WithContext(r.Context()) // a copy: net/http looks at its own
			r.Method = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

// router registers all routes of the contract.
func (s *server) router() *gin.Engine {
	gin.SetMode(gin.ReleaseMode) // otherwise gin prints every route
	router := gin.New()
	router.HandleMethodNotAllowed = true
	router.RedirectTrailingSlash = false
	router.Use(s.serve)
	router.NoRoute(func(c *gin.Context) {
		s.fail(requestOf(c), forgehook.Errorf(forgehook.CodeNotFound, "There is no %s here.", forgehook.Shorten(c.Request.URL.Path, 200)))
	})
	router.NoMethod(func(c *gin.Context) {
		s.fail(requestOf(c), forgehook.Errorf(codeMethod, "%s is not known here; see the Allow header.", forgehook.Shorten(c.Request.Method, 20)))
	})
	s.routes, s.document = router, newDocument()
	s.health()
	s.keys()
	s.projects()
	s.categories()
	s.services()
	s.utilities()
	s.platform()
	s.settings()
	s.versions()
	s.trials()
	s.documents()
	s.workItems()
	s.calls()
	s.events()
	s.callbacks()
	return router
}

type requestKey struct{}

// requestOf returns the request that serve put into the context.
func requestOf(c *gin.Context) *request { return c.MustGet(requestKey{}).(*request) }

// goodRequestID is a request id that may be repeated in headers, logs and problems.
var goodRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// serve wraps every request: its id, the common headers, panics, the log and the metrics.
func (s *server) serve(c *gin.Context) {
	started := time.Now()
	r := &request{gin: c, raw: c.Request.Body, id: c.GetHeader("X-Request-Id")}
	if !goodRequestID.MatchString(r.id) {
		r.id = uuid.Must(uuid.NewV7()).String()
	}
	c.Set(requestKey{}, r)
	for name, value := range map[string]string{
		"X-Request-Id":            r.id,
		"X-Content-Type-Options":  "nosniff",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		"Referrer-Policy":         "no-referrer",
		"Cache-Control":           "no-store",
	} {
		c.Header(name, value)
	}
	s.letGo(c)
	defer func() {
		panicked := recover()
		if r.done != nil {
			r.done()
		}
		cut := r.cut || panicked != nil && c.Writer.Written() // half a response must not look whole
		if panicked != nil {
			s.fail(r, fmt.Errorf("panic: %v\n%s", panicked, debug.Stack()))
		}
		s.note(r, time.Since(started))
		if cut {
			panic(http.ErrAbortHandler)
		}
	}()
	c.Next()
}

// note logs and counts a request, without bodies and keys.
func (s *server) note(r *request, took time.Duration) {
	c, status := r.gin, r.status
	if status == 0 {
		status = c.Writer.Status()
	}
	route := c.FullPath()
	s.metrics.observe(c.Request.Method, route, strconv.Itoa(status), took)
	level := slog.LevelInfo
	if r.tenant() == "" && status < http.StatusBadRequest {
		level = slog.LevelDebug // probes and pages
	}
	s.log.LogAttrs(c.Request.Context(), level, "request", slog.String("method", c.Request.Method), slog.String("route", route),
		slog.Int("status", status), slog.Duration("duration", took), slog.String("request_id", r.id), slog.String("tenant", string(r.tenant())))
}
