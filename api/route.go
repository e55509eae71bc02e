package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
)

// route declares one operation: its path, who may use it, and its documentation.
type route struct {
	at         string // method and path
	id         string // operationId
	tag        string
	need       forgehook.Permission // "" admits everybody
	takes      any                  // a value of the documented type of the body; nil: no body
	streams    bool                 // the handler reads a body of NDJSON lines
	lines      bool                 // responds with NDJSON lines
	late       bool                 // the handler itself reads its JSON body
	feeds      bool                 // responds with server-sent events, whose data has the response's type
	status, or int                  // of success, the usual one first; 0 means 200
	absent     bool                 // may respond 404 though its path names nothing
	conflicts  bool                 // may answer 409
	gone       bool                 // may answer 410
	summary    string
	about      string // details beyond the summary
}

// response is a handler's result when it succeeds.
type response[O any] struct {
	status   int
	location string // of what was made
	applied  string // Preference-Applied
	body     O
	lines    func(put func(...O) error) error // instead of body: NDJSON lines, sent one by one
	events   func() error                     // instead of body: server-sent events, which it writes itself
}

// none is the body of a 204.
type none struct{}

func ok[O any](body O) *response[O] { return &response[O]{status: http.StatusOK, body: body} }

func created[O any](location string, body O) *response[O] {
	return &response[O]{status: http.StatusCreated, location: location, body: body}
}

func lines[O any](each func(put func(...O) error) error) *response[O] {
	return &response[O]{status: http.StatusOK, lines: each}
}

func noContent() *response[none] { return &response[none]{status: http.StatusNoContent} }

// ginPath is the path of a route as the router spells it.
var ginPath = strings.NewReplacer("{", ":", "}", "")

// register adds a route to the router and to the document. Its input is an I and its response an O.
// All errors leave through fail.
func register[I, O any](s *server, rt route, handle func(context.Context, *request, *I) (*response[O], error)) {
	parameters := parametersOf(reflect.TypeFor[I]())
	s.describe(rt, parameters, reflect.TypeFor[O]())
	method, path, _ := strings.Cut(rt.at, " ")
	s.routes.Handle(method, ginPath.Replace(path), func(c *gin.Context) {
		ctx, r, in := c.Request.Context(), requestOf(c), new(I)
		err := s.prepare(ctx, r, rt, parameters, in)
		var out *response[O]
		if err == nil {
			out, err = handle(ctx, r, in)
		}
		if err != nil {
			s.fail(r, err)
			return
		}
		for name, value := range map[string]string{"Location": out.location, "Preference-Applied": out.applied} {
			if value != "" {
				c.Header(name, value)
			}
		}
		switch {
		case out.status == http.StatusNoContent:
			c.Status(out.status)
		case out.lines != nil:
			stream(s, r, out)
		case out.events != nil:
			s.broken(r, out.events())
		default:
			s.write(r, out.status, "application/json", out.body)
		}
	})
}

// prepare runs before every handler. The order of its checks is the order in which a client needs
// to hear of them.
func (s *server) prepare(ctx context.Context, r *request, rt route, parameters []parameter, in any) error {
	if rt.need != "" {
		if err := s.admit(ctx, r, rt.need); err != nil {
			return err
		}
	}
	r.bind(parameters, in)
	if err := r.invalid(); err != nil {
		return err
	}
	if rt.takes == nil || rt.streams || rt.late {
		return nil
	}
	return s.take(ctx, r)
}

// write sends JSON, or an internal error if the value cannot be encoded. After half a response
// nothing more can be sent.
func (s *server) write(r *request, status int, contentType string, body any) {
	if r.gin.Writer.Written() {
		return
	}
	s.letGo(r.gin) // it may have waited long
	data, err := jsontree.Marshal(body)
	if err != nil {
		s.fail(r, fmt.Errorf("encode response: %w", err))
		return
	}
	r.gin.Data(status, contentType, append(plainHTML(data), '\n'))
}

// stream sends lines, each group as soon as it is ready. An error before the first line is an
// ordinary problem. After it the connection is cut, so that half a response does not look complete.
func stream[O any](s *server, r *request, out *response[O]) {
	err := out.lines(func(group ...O) error {
		var lines []byte
		for _, line := range group {
			data, err := jsontree.Marshal(line)
			if err != nil {
				return fmt.Errorf("encode response: %w", err)
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

// broken ends a stream that failed halfway.
func (s *server) broken(r *request, err error) {
	if errors.Is(err, errGone) {
		r.status = statusGone
	} else if err != nil {
		r.cut = r.gin.Writer.Written()
		s.fail(r, err)
	}
}

// errGone ends a stream whose reader has left.
var errGone = errors.New("the response cannot be sent")

// htmlEscapes are how entities with their own MarshalJSON write < > &: harmless, but unreadable.
var htmlEscapes = map[string]byte{`\u003c`: '<', `\u003e`: '>', `\u0026`: '&'}

// plainHTML replaces these escapes in place. An escaped backslash does not start one.
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
