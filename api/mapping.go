package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr"
	"github.com/forgehook/forgehook/internal/jsontree"
)

// programsKept bounds the compiled inputs in memory. Compiling one takes less than a millisecond.
const programsKept = 256

// mapper makes documents of raw JSON with the input of a service.
type mapper struct {
	mu       sync.Mutex
	programs map[mapping]*expr.Program
}

// mapping is the input of a service.
type mapping struct {
	language forgehook.Language
	text     string
}

func mappingOf(service forgehook.Service) mapping {
	return mapping{max(service.InputLanguage, forgehook.Language1), *service.Input}
}

func (m *mapper) program(of mapping) (*expr.Program, error) {
	m.mu.Lock()
	known := m.programs[of]
	m.mu.Unlock()
	if known != nil {
		return known, nil
	}
	made, err := expr.Compile(expr.Input, expr.ObjectResult, of.text, expr.In(of.language))
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.programs == nil || len(m.programs) >= programsKept {
		m.programs = map[mapping]*expr.Program{}
	}
	m.programs[of] = made
	return made, nil
}

// document applies a service's input to raw JSON, which the document then keeps as its source. A
// fault has the line and column of the input, or the path in the result, and never a value of
// either.
func (m *mapper) document(service forgehook.Service, raw json.RawMessage, now time.Time) (_ *forgehook.Document, faults []string) {
	of := mappingOf(service)
	program, err := m.program(of)
	if err != nil {
		return nil, inputFaults(err)
	}
	vars, err := expr.InputVars(of.language, raw, now)
	if err != nil {
		return nil, []string{err.Error()}
	}
	value, err := program.Eval(vars)
	if err != nil {
		return nil, inputFaults(err)
	}
	result, err := value.AppendJSON(nil)
	if err != nil {
		return nil, inputFaults(err)
	}
	var document forgehook.Document
	if err := forgehook.Decode(result, &document); err != nil {
		return nil, resultFaults(err)
	}
	if document.ID < 0 {
		return nil, []string{"input result: id: " + ownIDs}
	}
	document.Source = raw
	if document.ServiceID == 0 {
		document.ServiceID = service.ID
	}
	if document.ProjectID == 0 {
		document.ProjectID = service.ProjectID
	}
	return &document, nil
}

func inputFaults(err error) (texts []string) {
	if faults, ok := errors.AsType[expr.Faults](err); ok {
		for _, fault := range faults {
			texts = append(texts, "input, "+fault.Error())
		}
		return texts
	}
	return []string{"input, " + err.Error()}
}

func resultFaults(err error) (texts []string) {
	e, ok := errors.AsType[*forgehook.Error](err)
	if !ok || len(e.Fields) == 0 {
		return []string{"input result: it is no JSON"}
	}
	for _, f := range e.Fields {
		at := f.Path + ": "
		if f.Path == "" {
			at = ""
		}
		texts = append(texts, "input result: "+at+f.Allowed)
	}
	return texts
}

// mapped makes a document of a member of the body, nil if the member is absent. After a fault it
// returns an empty document, so that other rules do not report a missing one.
func (s *server) mapped(r *request, at string, service forgehook.Service, part *jsontree.Node, now time.Time) *forgehook.Document {
	if part == nil {
		return nil
	}
	var document *forgehook.Document
	var faults []string
	err := s.turn(r.gin.Request.Context(), func() error {
		document, faults = s.mapper.document(service, part.Append(nil), now)
		return nil
	})
	if err != nil {
		s.log.LogAttrs(r.gin.Request.Context(), slog.LevelError, "an input could not be evaluated", slog.String("request_id", r.id), slog.Any("error", err))
		faults = []string{"the input could not be evaluated"}
	}
	for _, text := range faults {
		r.fault(at, "", text)
	}
	if document == nil {
		return &forgehook.Document{}
	}
	return document
}

// mapping finds the service whose input the query asks for.
func (s *server) mapping(ctx context.Context, r *request, serviceID, webHookServiceID int32) (forgehook.Service, error) {
	at, id := "query.serviceId", serviceID
	if webHookServiceID != 0 {
		at, id = "query.webHookServiceId", webHookServiceID
	}
	service, err := s.DB.Mapping(ctx, r.tenant(), optionalID(serviceID), optionalID(webHookServiceID))
	if err == nil && service.Input == nil {
		r.fault(at, strconv.Itoa(int(id)), fmt.Sprintf("none, or a service with an input: service %d has none, so the body has to be the platform's JSON", service.ID))
	}
	return service, err
}

func optionalID(id int32) *int32 {
	if id == 0 {
		return nil
	}
	return &id
}

// takeDocuments takes the members that hold raw JSON out of the body, so that the rest can be
// decoded.
func (r *request) takeDocuments(names ...string) (map[string]*jsontree.Node, error) {
	body, err := r.parse()
	if err != nil {
		return nil, err
	}
	taken := map[string]*jsontree.Node{}
	for _, name := range names {
		if member := body.Member(name); !member.IsNull() {
			taken[name] = member
		}
		body.Remove(name)
	}
	return taken, nil
}

// checkInput checks a service's input: the expression, and the document it makes of the sample. An
// input that the request gives gets the present language.
func (s *server) checkInput(r *request, service *forgehook.Service, given bool) {
	if service.Input != nil && *service.Input == "" {
		service.Input = nil
	}
	switch {
	case service.Input == nil:
		service.InputLanguage = 0
	case given:
		service.InputLanguage = forgehook.LanguageNow
	}
	if service.Input == nil {
		return
	}
	if _, err := s.mapper.program(mappingOf(*service)); err != nil {
		faults, _ := errors.AsType[expr.Faults](err)
		for _, fault := range faults {
			r.fault("body.input", fault.Text, fault.Error())
		}
		if len(faults) == 0 {
			r.fault("body.input", "", err.Error())
		}
		return
	}
	if service.InputSample == nil {
		return
	}
	_, faults := s.mapper.document(*service, service.InputSample, time.Now())
	for _, text := range faults {
		r.fault("body.input", "", "an expression that makes a document of inputSample: "+text)
	}
}
