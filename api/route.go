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

// route declares one operation: where it is, who may use it, what the document says of it.
type route struct {
	at         string // method and path
	id         string // operationId
	tag        string
	need       forgehook.Permission // "" lets anybody in
	takes      any                  // a value of the body's documented type, nil: no body
	streams    bool                 // the handler reads the body, of NDJSON lines
	lines      bool                 // answers NDJSON lines
	late       bool                 // the handler reads the body, of JSON
	feeds      bool                 // answers server-sent events, with the response's type as data
	status, or int                  // of success, the usual one first; 0: 200
	absent     bool                 // may answer 404 though its path names nothing
	conflicts  bool                 // may answer 409
	gone       bool                 // may answer 410
	summary    string
	about      string // more than the summary says
}

// response is what a handler gives back when all went well.
type response[O any] struct {
	status   int
	location string // of what was made
	applied  string // Preference-Applied
	body     O
	lines    func(put func(...O) error) error // instead of body: NDJSON, sent as it is put
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

// ginPath is how the router spells the path of a route.
var ginPath = strings.NewReplacer("{", ":", "}", "")

// register adds a route, whose input is an I and whose response is an O, to the router and to the
// document. Every error takes the same way out.
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

// prepare does what comes before every handler, in the order in which a client should hear of it.
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

// write answers JSON, or an internal error where the value has none. After half a response there is
// nothing more to say.
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

// stream answers lines, each group as soon as it is there. An error before the first of them is
// answered as any other; after it the connection is cut, so that half a response does not look
// whole.
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
var errGone = errors.New("the response cannot be sent")

// htmlEscapes are how entities that marshal themselves write < > & all the same: harmless, but
// unreadable.
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
