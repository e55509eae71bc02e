package api

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/openapi"
)

// examples holds a request and a response for each operation that has them.
//
//go:embed examples.json
var examples []byte

// OpenAPI returns the document that GET /openapi.json serves. The same build always makes the same
// bytes.
func OpenAPI() ([]byte, error) {
	s := &server{}
	s.router()
	return s.document.Bytes()
}

const problemMedia = "application/problem+json"

// newDocument makes the parts that do not come from routes.
func newDocument() *openapi.Document {
	components := openapi.Components{
		Schemas:   map[string]*openapi.Schema{},
		Responses: map[string]*openapi.Response{},
		SecuritySchemes: map[string]openapi.SecurityScheme{
			"apiKey": {Type: "apiKey", In: "header", Name: "X-Api-Key"},
			"bearer": {Type: "http", Scheme: "bearer"},
		},
	}
	problemSchema := schemas(components.Schemas).of(reflect.TypeFor[problem]())
	for code, p := range problems {
		name := strconv.Itoa(p.status)
		if components.Responses[name] == nil {
			components.Responses[name] = &openapi.Response{Content: map[string]*openapi.Media{
				problemMedia: {Schema: problemSchema, Examples: map[string]openapi.Example{}},
			}}
		}
		components.Responses[name].Content[problemMedia].Examples[string(code)] = openapi.Example{Value: exampleProblem(code)}
	}
	for _, response := range components.Responses {
		var codes []string
		for code := range response.Content[problemMedia].Examples {
			codes = append(codes, problemPrefix+code)
		}
		slices.Sort(codes)
		response.Description = strings.Join(codes, ", ")
	}
	return &openapi.Document{
		OpenAPI: openapi.Version,
		Info: openapi.Info{Title: "Forgehook", Version: "1", Description: "Durable webhooks for document pipelines. " +
			"Ids of platform entities are int32; keys and calls have UUIDs. Times are RFC 3339 UTC with milliseconds. Errors are RFC 9457 problems."},
		Paths:      map[string]map[string]*openapi.Operation{},
		Components: components,
		Security:   []openapi.Requirement{{"apiKey": {}}, {"bearer": {}}},
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

// describe adds a route to the document.
func (s *server) describe(rt route, parameters []parameter, body reflect.Type) {
	method, path, _ := strings.Cut(rt.at, " ")
	op := &openapi.Operation{ID: rt.id, Summary: rt.summary, Description: rt.about, Tags: []string{rt.tag}}
	for i := range parameters {
		op.Parameters = append(op.Parameters, &parameters[i].Parameter)
	}
	if rt.need == "" {
		op.Security = []openapi.Requirement{{}}
	} else {
		op.Description = strings.TrimSpace(op.Description + fmt.Sprintf(" For keys that may %s.", rt.need))
	}
	op.RequestBody, op.Responses = s.requestBody(rt, method), s.responses(rt, path, body)
	if s.document.Paths[path] == nil {
		s.document.Paths[path] = map[string]*openapi.Operation{}
	}
	s.document.Paths[path][strings.ToLower(method)] = op
}

func (s *server) requestBody(rt route, method string) *openapi.RequestBody {
	if rt.takes == nil {
		return nil
	}
	media := "application/json"
	switch {
	case rt.streams:
		media = lineMedia
	case method == http.MethodPatch:
		media = "application/merge-patch+json"
	}
	return &openapi.RequestBody{Required: true, Content: map[string]*openapi.Media{
		media: {Schema: s.schemas().of(reflect.TypeOf(rt.takes)), Example: example(rt.id, "request")},
	}}
}

// responses are the success and the problems of the route.
func (s *server) responses(rt route, path string, body reflect.Type) map[string]*openapi.Response {
	all := map[string]*openapi.Response{}
	usual := cmp.Or(rt.status, http.StatusOK)
	for _, status := range []int{usual, cmp.Or(rt.or, usual)} {
		response := &openapi.Response{Description: http.StatusText(status)}
		if status != http.StatusNoContent {
			media := "application/json"
			switch {
			case rt.lines:
				media = lineMedia
			case rt.feeds:
				media = eventMedia
			}
			response.Content = map[string]*openapi.Media{media: {Schema: s.schemas().of(body), Example: example(rt.id, "answer")}}
		}
		if status == http.StatusCreated {
			response.Headers = map[string]openapi.Header{"Location": {Schema: openapi.In("string", "uri-reference")}}
		}
		all[strconv.Itoa(status)] = response
	}
	codes := []int{http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusServiceUnavailable}
	if rt.need != "" {
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
		all[strconv.Itoa(code)] = &openapi.Response{Ref: "#/components/responses/" + strconv.Itoa(code)}
	}
	return all
}

// example returns an operation's example, nil if it has none.
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
