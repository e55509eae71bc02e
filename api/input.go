package api

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/openapi"
)

// Inputs are the parameters of routes in path, query and headers. Members are read as their tags
// say and documented by the tag doc. An input may embed others.
type (
	nothing struct{}
	byID    struct {
		ID int32 `path:"id"`
	}
	changeInput struct {
		byID
		Cause string `header:"Forgehook-Cause" doc:"The id, or webhook-id, of the call that the change comes from: utilities that led to it do not fire again. A traceparent that we sent says the same."`
	}
	byUUID struct { // keys, calls and runs
		ID string `path:"id" format:"uuid"`
	}
	pageInput struct {
		Limit  pageLimit `query:"limit" doc:"Entries of a page."`
		Cursor string    `query:"cursor" doc:"nextCursor of the page before."`
	}
	byUUIDPaged struct {
		byUUID
		pageInput
	}
	byIDPaged struct {
		byID
		pageInput
	}
)

// pageLimit is the largest number of entries in a page; 0 means defaultLimit.
type pageLimit int

const defaultLimit, maxLimit = 50, 200

func (in *pageInput) page() forgehook.Page {
	return forgehook.Page{Limit: int(cmp.Or(in.Limit, defaultLimit)), Cursor: in.Cursor}
}

// checker is an input with rules across members.
type checker interface{ check(*request) }

// parameter is a member of an input.
type parameter struct {
	index []int // of the member
	read  reader
	openapi.Parameter
}

// reader reads a parameter's text, or returns its fault.
type reader func(r *request, at, text string, into reflect.Value)

// parametersOf lists the parameters of an input in the order of its members.
func parametersOf(input reflect.Type) (all []parameter) {
	for _, f := range reflect.VisibleFields(input) {
		for _, in := range []string{"path", "query", "header"} {
			name, doc := f.Tag.Get(in), f.Tag.Get("doc")
			if name == "" {
				continue
			}
			p := parameter{index: f.Index, Parameter: openapi.Parameter{In: in, Name: name, Description: doc, Required: in == "path"}}
			p.read, p.Schema = readerOf(f)
			p.Schema.Description = doc
			if in == "query" {
				p.Explode = new(p.many())
			}
			all = append(all, p)
		}
	}
	return all
}

// many reports whether the parameter may be given several times.
func (p *parameter) many() bool { return p.Schema.Items != nil }

// texts are the values that a request has for the parameter.
func (p *parameter) texts(c *gin.Context) (texts []string) {
	switch p.In {
	case "path":
		return []string{c.Param(p.Name)}
	case "query":
		texts = c.QueryArray(p.Name)
	case "header":
		texts = c.Request.Header.Values(p.Name)
	}
	if !p.many() && len(texts) > 1 {
		return texts[:1]
	}
	return texts
}

// bind fills the input that in points to, and adds all faults. An empty text counts as absent.
func (r *request) bind(parameters []parameter, in any) {
	v := reflect.ValueOf(in).Elem()
	for _, p := range parameters {
		at, texts := p.In+"."+p.Name, p.texts(r.gin)
		for _, text := range texts {
			if text != "" {
				p.read(r, at, text, v.FieldByIndex(p.index))
			}
		}
		if most := p.Schema.MaxItems; p.many() && len(texts) > most {
			r.fault(at, strconv.Itoa(len(texts)), fmt.Sprintf("at most %d", most))
		}
	}
	if c, ok := in.(checker); ok {
		c.check(r)
	}
	r.checkQuery(parameters)
}

// readerOf says how the member of an input is read, and describes it.
func readerOf(f reflect.StructField) (reader, *openapi.Schema) {
	if words, closed := closedWordList[f.Type]; closed {
		return readWord(words.Enum), new(*words)
	}
	switch f.Type {
	case reflect.TypeFor[int32]():
		return readWhole(math.MaxInt32), &openapi.Schema{Type: openapi.Types{"integer"}, Format: "int32", Minimum: 1, Maximum: math.MaxInt32}
	case reflect.TypeFor[pageLimit]():
		return readWhole(maxLimit), &openapi.Schema{Type: openapi.Types{"integer"}, Minimum: 1, Maximum: maxLimit, Default: defaultLimit}
	case reflect.TypeFor[bool]():
		return readBool, wordSchema([]string{"true", "false"})
	case timeType:
		return readTime, openapi.In("string", "date-time")
	case reflect.TypeFor[[]string]():
		return readCallIDs, &openapi.Schema{Type: openapi.Types{"array", "null"}, Items: openapi.Of("string"), MaxItems: maxStreamIDs}
	case reflect.TypeFor[string]():
		format := f.Tag.Get("format")
		schema := openapi.In("string", format)
		switch {
		case format == "uuid" && f.Tag.Get("path") != "":
			return readPathUUID, schema
		case format == "uuid":
			return readUUID, schema
		}
		return readText, schema
	}
	panic(fmt.Sprintf("input: no rule for member %s of type %s", f.Name, f.Type))
}

func readText(_ *request, _, text string, into reflect.Value) { into.SetString(text) }

// readWhole reads a whole number from 1.
func readWhole(most int64) reader {
	return func(r *request, at, text string, into reflect.Value) {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 1 || n > most {
			r.fault(at, text, fmt.Sprintf("a whole number from 1 to %d", most))
		}
		into.SetInt(n)
	}
}

// readWord reads a word of a closed list.
func readWord(words []string) reader {
	return func(r *request, at, text string, into reflect.Value) {
		if !slices.Contains(words, text) {
			r.fault(at, text, "one of "+strings.Join(words, ", "))
		}
		into.SetString(text)
	}
}

func readBool(r *request, at, text string, into reflect.Value) {
	on, err := strconv.ParseBool(text)
	if err != nil {
		r.fault(at, text, "true or false")
	}
	into.SetBool(on)
}

func readTime(r *request, at, text string, into reflect.Value) {
	t, err := forgehook.ParseTime(text)
	if err != nil {
		r.fault(at, text, err.Error())
	}
	into.Set(reflect.ValueOf(t))
}

// readPathUUID reads the id of a key, a call or a run. A text that is no UUID names nothing.
func readPathUUID(r *request, _, text string, into reflect.Value) {
	id, ok := parseUUID(text)
	if !ok {
		r.lost = forgehook.Errorf(forgehook.CodeNotFound, "There is nothing with the id %s.", forgehook.Shorten(text, 100))
	}
	into.SetString(id)
}

func readUUID(r *request, at, text string, into reflect.Value) {
	id, ok := parseUUID(text)
	if !ok {
		r.fault(at, text, "a UUID")
	}
	into.SetString(id)
}

// readCallIDs adds an id to a list, once.
func readCallIDs(r *request, at, text string, into reflect.Value) {
	id, ok := parseUUID(text)
	if !ok {
		r.fault(at, text, "the id of a call: a UUID")
	}
	if ids := into.Addr().Interface().(*[]string); !slices.Contains(*ids, id) {
		*ids = append(*ids, id)
	}
}

// parseUUID reads the usual spelling, in upper or lower case, and returns it in lower case.
func parseUUID(text string) (id string, ok bool) {
	parsed, err := uuid.Parse(text)
	return parsed.String(), err == nil && len(text) == len(parsed.String())
}

// checkQuery refuses query parameters that the route does not take, because a misspelt filter would
// select everything. It also refuses a repeated parameter, whose second value would be ignored.
func (r *request) checkQuery(parameters []parameter) {
	given := r.gin.Request.URL.Query()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		i := slices.IndexFunc(parameters, func(p parameter) bool { return p.In == "query" && p.Name == name })
		switch {
		case i < 0:
			r.fault("query."+name, given.Get(name), noParameter(parameters))
		case len(given[name]) > 1 && !parameters[i].many():
			r.fault("query."+name, strings.Join(given[name], ", "), "once")
		}
	}
}

// noParameter names the parameters that the route takes.
func noParameter(parameters []parameter) string {
	var names []string
	for _, p := range parameters {
		if p.In == "query" {
			names = append(names, p.Name)
		}
	}
	if names == nil {
		return "no query parameter is known here"
	}
	return "no such parameter; allowed: " + strings.Join(names, ", ")
}
