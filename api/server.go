// Package api is the HTTP face of Forgehook: it lets clients in, reads what they send, asks the
// rooms that know and answers JSON or a problem (RFC 9457). It holds no rule and no SQL, and reaches
// Temporal only through package dispatch. Start with [New] and [register]; each noun has a file with
// its inputs, outputs and handlers in URL order.
package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/dispatch"
	"github.com/forgehook/forgehook/internal/jsontree"
	"github.com/forgehook/forgehook/internal/outbound"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/internal/webhook"
)

// Config is what the API needs. All but Log, Metrics, Registerer, RatePerSecond and Stopping must be set.
type Config struct {
	DB            *postgres.DB
	Waiter        *postgres.Waiter
	Engine        dispatch.Engine
	Secrets       *secret.Keeper
	Outbound      *outbound.Sender // checks URLs on save; sends nothing here
	Log           *slog.Logger
	Version       string                // of the program
	PublicURL     string                // where endpoints reach the API: their callbacks go below it
	Metrics       http.Handler          // served as /metrics; nil: no such route
	Registerer    prometheus.Registerer // takes the API's own metrics
	RatePerSecond float64               // requests of one key, with as many at once; 0: any
	Stopping      <-chan struct{}       // closed when the process will stop soon: it is not ready any more; nil: it never is

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
	starting chan struct{}       // see start
	starts   sync.WaitGroup      // likewise
	huma     huma.API
	schemas  schemas
}

// API is what [New] makes.
type API struct {
	http.Handler
	server *server
}

// Settle waits until the calls that were accepted have been handed to the engine: what a process does last, when it serves no more.
func (a *API) Settle() { a.server.starts.Wait() }

// New makes the API.
func New(config Config) (*API, error) {
	s := &server{
		Config: config, log: config.Log, gate: newGate(config.RatePerSecond), turns: make(chan struct{}, runtime.GOMAXPROCS(0)),
		room: semaphore.NewWeighted(largeBodies), starting: make(chan struct{}, startsAhead),
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
	document, err := s.document()
	if err != nil {
		return nil, err
	}
	return &API{withHead(router), s}, s.plain(router, document)
}

// withHead answers HEAD as GET, without the body, which net/http leaves away. A stream would never end for who does not read it.
func withHead(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && !strings.HasSuffix(r.URL.Path, "/stream") {
			r = r.WithContext(r.Context()) // a copy: net/http looks at its own
			r.Method = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

// router makes all routes of the contract.
func (s *server) router() *gin.Engine {
	gin.SetMode(gin.ReleaseMode) // else gin prints every route
	router := gin.New()
	router.HandleMethodNotAllowed = true
	router.RedirectTrailingSlash = false
	router.Use(s.serve)
	router.NoRoute(func(c *gin.Context) {
		s.fail(requestOf(c.Request.Context()), forgehook.Errorf(forgehook.CodeNotFound, "There is no %s here.", forgehook.Shorten(c.Request.URL.Path, 200)))
	})
	router.NoMethod(func(c *gin.Context) {
		s.fail(requestOf(c.Request.Context()), forgehook.Errorf(codeMethod, "%s is not known here; see the Allow header.", forgehook.Shorten(c.Request.Method, 20)))
	})
	s.huma = humagin.New(router, huma.Config{OpenAPI: newDocument()})
	s.schemas = s.huma.OpenAPI().Components.Schemas.Map()
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

// answer is what a handler says when all went well.
type answer[O any] struct {
	status   int
	location string // of what was made
	applied  string // Preference-Applied
	body     O
	lines    func(put func(...O) error) error // instead of body: NDJSON, sent as it is put
	events   func() error                     // instead of body: server-sent events, which it writes itself
}

// none is the body of a 204.
type none struct{}

func ok[O any](body O) *answer[O] { return &answer[O]{status: http.StatusOK, body: body} }

func created[O any](location string, body O) *answer[O] {
	return &answer[O]{status: http.StatusCreated, location: location, body: body}
}

func lines[O any](each func(put func(...O) error) error) *answer[O] {
	return &answer[O]{status: http.StatusOK, lines: each}
}

func noContent() *answer[none] { return &answer[none]{status: http.StatusNoContent} }

// register adds a route: huma fills the input and documents it; admission, body and answer are ours, so that every error takes
// the same way out.
func register[I, O any, P interface {
	*I
	input
}](s *server, rt route, handle func(context.Context, *request, P) (*answer[O], error)) {
	query := queryOf(reflect.TypeFor[I]())
	type output struct{ Body func(huma.Context) }
	huma.Register(s.huma, s.operation(rt, reflect.TypeFor[O]()), func(ctx context.Context, in *I) (*output, error) {
		r := requestOf(ctx)
		return &output{func(huma.Context) {
			out, err := func() (*answer[O], error) {
				if err := s.prepare(ctx, r, rt, P(in), query); err != nil {
					return nil, err
				}
				return handle(ctx, r, in)
			}()
			if err != nil {
				s.fail(r, err)
				return
			}
			for name, value := range map[string]string{"Location": out.location, "Preference-Applied": out.applied} {
				if value != "" {
					r.gin.Header(name, value)
				}
			}
			switch {
			case out.status == http.StatusNoContent:
				r.gin.Status(out.status)
			case out.lines != nil:
				stream(s, r, out)
			case out.events != nil:
				s.broken(r, out.events())
			default:
				s.write(r, out.status, "application/json", out.body)
			}
		}}, nil
	})
	s.documentBody(rt)
}

// prepare does what comes before every handler, in the order in which a client should hear of it.
func (s *server) prepare(ctx context.Context, r *request, rt route, in input, query []queryParameter) error {
	if rt.need != "" {
		if err := s.admit(ctx, r, rt.need); err != nil {
			return err
		}
	}
	in.parse(r)
	r.checkQuery(query)
	if err := r.invalid(); err != nil {
		return err
	}
	if rt.takes == nil || rt.streams || rt.late {
		return nil
	}
	return s.take(r.gin.Request.Context(), r)
}

// write answers JSON, or an internal error where the value has none. After half an answer there is nothing more to say.
func (s *server) write(r *request, status int, contentType string, body any) {
	if r.gin.Writer.Written() {
		return
	}
	s.letGo(r.gin) // it may have waited long
	data, err := jsontree.Marshal(body)
	if err != nil {
		s.fail(r, fmt.Errorf("encode answer: %w", err))
		return
	}
	r.gin.Data(status, contentType, append(plainHTML(data), '\n'))
}

// stream answers lines, each group as soon as it is there. An error before the first of them is answered as any other; after it the
// connection is cut, so that half an answer does not look whole.
func stream[O any](s *server, r *request, out *answer[O]) {
	err := out.lines(func(group ...O) error {
		var lines []byte
		for _, line := range group {
			data, err := jsontree.Marshal(line)
			if err != nil {
				return fmt.Errorf("encode answer: %w", err)
			}
			lines = append(append(lines, plainHTML(data)...), '\n')
		}
		r.gin.Header("Content-Type", lineMedia)
		r.gin.Status(out.status)
		if _, err := r.gin.Writer.Write(lines); err != nil {
			return fmt.Errorf("%w: %w", errGone, err)
		}
		r.gin.Writer.Flush()
		return nil
	})
	s.broken(r, err)
}

// broken ends a stream that could not be sent to its end.
func (s *server) broken(r *request, err error) {
	if errors.Is(err, errGone) {
		r.status = statusGone
	} else if err != nil {
		r.cut = r.gin.Writer.Written()
		s.fail(r, err)
	}
}

// errGone ends a stream whose reader has left.
var errGone = errors.New("the answer cannot be sent")

// htmlEscapes are how entities that marshal themselves write < > & all the same: harmless, but unreadable.
var htmlEscapes = map[string]byte{`\u003c`: '<', `\u003e`: '>', `\u0026`: '&'}

// plainHTML takes these escapes back, in place. A backslash that is escaped itself starts none.
func plainHTML(data []byte) []byte {
	out := data[:0]
	for i := 0; i < len(data); i++ {
		if data[i] == '\\' && i+1 < len(data) {
			if plain, ok := htmlEscapes[string(data[i:min(i+6, len(data))])]; ok {
				out = append(out, plain)
				i += 5
				continue
			}
			out = append(out, data[i])
			i++
		}
		out = append(out, data[i])
	}
	return out
}

type requestKey struct{}

// requestOf finds the exchange that serve began; only register and the router's own answers need it.
func requestOf(ctx context.Context) *request { return ctx.Value(requestKey{}).(*request) }

// goodRequestID is what may come back in headers, logs and problems.
var goodRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// serve goes around every request: its id, the headers of all answers, panics, log and metrics.
func (s *server) serve(c *gin.Context) {
	started := time.Now()
	r := &request{gin: c, raw: c.Request.Body, id: c.GetHeader("X-Request-Id")}
	if !goodRequestID.MatchString(r.id) {
		r.id = uuid.Must(uuid.NewV7()).String()
	}
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), requestKey{}, r))
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
		cut := r.cut || panicked != nil && c.Writer.Written() // half an answer must not look whole
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

// note logs and counts a request. Bodies and keys stay out.
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
