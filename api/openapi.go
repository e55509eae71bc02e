package api

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/forgehook/forgehook"
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
	feeds      bool                 // answers server-sent events, with the answer's type as data
	status, or int                  // of success, the usual one first; 0: 200
	absent     bool                 // may answer 404 though its path names nothing
	conflicts  bool                 // may answer 409
	gone       bool                 // may answer 410
	summary    string
	about      string // more than the summary says
}

// examples holds a request and an answer for each operation that has them.
//
//go:embed examples.json
var examples []byte

// OpenAPI returns the document that GET /openapi.json serves. Its bytes depend on nothing but the code.
func OpenAPI() ([]byte, error) {
	s := &server{}
	s.router()
	return s.document()
}

func (s *server) document() ([]byte, error) {
	compact, err := json.Marshal(s.huma.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("encode OpenAPI document: %w", err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, plainHTML(compact), "", "  "); err != nil {
		return nil, fmt.Errorf("indent OpenAPI document: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

func newDocument() *huma.OpenAPI {
	components := &huma.Components{
		Schemas:   huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
		Responses: map[string]*huma.Response{},
		SecuritySchemes: map[string]*huma.SecurityScheme{
			"apiKey": {Type: "apiKey", In: "header", Name: "X-Api-Key"},
			"bearer": {Type: "http", Scheme: "bearer"},
		},
	}
	problemSchema := schemas(components.Schemas.Map()).of(reflect.TypeFor[problem]())
	for code, p := range problems {
		name := strconv.Itoa(p.status)
		response := components.Responses[name]
		if response == nil {
			response = &huma.Response{Content: map[string]*huma.MediaType{"application/problem+json": {
				Schema: problemSchema, Examples: map[string]*huma.Example{},
			}}}
			components.Responses[name] = response
		}
		response.Content["application/problem+json"].Examples[string(code)] = &huma.Example{Value: exampleProblem(code)}
	}
	for _, response := range components.Responses {
		var codes []string
		for code := range response.Content["application/problem+json"].Examples {
			codes = append(codes, problemPrefix+code)
		}
		slices.Sort(codes)
		response.Description = strings.Join(codes, ", ")
	}
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{Title: "Forgehook", Version: "1", Description: "Durable webhooks for document pipelines. " +
			"Ids of platform entities are int32; keys and calls have UUIDs. Times are RFC 3339 UTC with milliseconds. Errors are RFC 9457 problems."},
		Components: components,
		Security:   []map[string][]string{{"apiKey": {}}, {"bearer": {}}},
	}
}

func exampleProblem(code forgehook.Code) problem {
	p := problem{
		Type: problemPrefix + string(code), Title: problems[code].title, Status: problems[code].status, Detail: "What happened this time.",
		Instance: "urn:forgehook:request:0193a5c2-7d3e-7a51-9c1e-5b8f0d2e4a67", Errors: []problemError{},
	}
	if code == forgehook.CodeInvalid {
		given := "FETCH"
		p.Errors = append(p.Errors, problemError{Location: "body.settings.webHook.method", Message: "one of GET, POST, PUT", Value: &given})
	}
	return p
}

// operation is a route as huma knows it. The body is documented by [server.documentBody] only after registration: huma would
// read and validate one that it sees.
func (s *server) operation(rt route, answer reflect.Type) huma.Operation {
	method, path, _ := strings.Cut(rt.at, " ")
	op := huma.Operation{
		Method: method, Path: path, OperationID: rt.id, Summary: rt.summary, Description: rt.about, Tags: []string{rt.tag},
		SkipValidateParams: true, Responses: map[string]*huma.Response{},
	}
	op.DefaultStatus = cmp.Or(rt.status, http.StatusOK)
	for _, status := range []int{op.DefaultStatus, cmp.Or(rt.or, op.DefaultStatus)} {
		response := &huma.Response{Description: http.StatusText(status)}
		if status != http.StatusNoContent {
			media := "application/json"
			switch {
			case rt.lines:
				media = lineMedia
			case rt.feeds:
				media = eventMedia
			}
			response.Content = map[string]*huma.MediaType{media: {Schema: s.schemas.of(answer), Example: example(rt.id, "answer")}}
		}
		if status == http.StatusCreated {
			response.Headers = map[string]*huma.Param{"Location": {Schema: &huma.Schema{Type: huma.TypeString, Format: "uri-reference"}}}
		}
		op.Responses[strconv.Itoa(status)] = response
	}
	codes := []int{http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusServiceUnavailable}
	if rt.need == "" {
		op.Security = []map[string][]string{{}}
	} else {
		op.Description = strings.TrimSpace(op.Description + fmt.Sprintf(" For keys that may %s.", rt.need))
		codes = append(codes, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests)
	}
	if rt.absent || strings.Contains(path, "{") {
		codes = append(codes, http.StatusNotFound)
	}
	if rt.conflicts {
		codes = append(codes, http.StatusConflict)
	}
	if rt.gone {
		codes = append(codes, http.StatusGone)
	}
	if rt.takes != nil {
		codes = append(codes, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	for _, code := range codes {
		op.Responses[strconv.Itoa(code)] = &huma.Response{Ref: "#/components/responses/" + strconv.Itoa(code)}
	}
	return op
}

func (s *server) documentBody(rt route) {
	if rt.takes == nil {
		return
	}
	method, path, _ := strings.Cut(rt.at, " ")
	item := s.huma.OpenAPI().Paths[path]
	op := map[string]*huma.Operation{http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch}[method]
	media := "application/json"
	switch {
	case rt.streams:
		media = lineMedia
	case method == http.MethodPatch:
		media = "application/merge-patch+json"
	}
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		media: {Schema: s.schemas.of(reflect.TypeOf(rt.takes)), Example: example(rt.id, "request")},
	}}
}

// example finds an operation's example, nil where it has none.
func example(id, of string) any {
	var all map[string]map[string]json.RawMessage
	if err := json.Unmarshal(examples, &all); err != nil {
		panic("examples.json: " + err.Error())
	}
	if found, ok := all[id][of]; ok {
		return found
	}
	return nil
}
