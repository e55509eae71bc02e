package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
	"github.com/forgehook/forgehook/internal/postgres"
)

// eventRequest raises an event. It has the members of a request for calls about one document, and
// lists for several.
type eventRequest struct {
	Type             *string                      `json:"type"`
	Event            *string                      `json:"event"` // the same as type
	DocumentIDs      []int32                      `json:"documentIds"`
	Documents        []forgehook.Document         `json:"documents"`
	DocumentID       *int32                       `json:"documentId"`
	Document         *forgehook.Document          `json:"document"`
	MasterDocumentID *int32                       `json:"masterDocumentId"`
	MasterDocument   *forgehook.Document          `json:"masterDocument"`
	ParameterID      *int32                       `json:"parameterId"`
	Parameter        *forgehook.DocumentParameter `json:"parameter"`
	ParameterDefID   *int32                       `json:"parameterDefId"`
	ParameterDef     *forgehook.ParameterDef      `json:"parameterDef"`
	VerificationID   *int32                       `json:"verificationId"`
	Verification     *forgehook.Verification      `json:"verification"`
	WorkItemID       *int32                       `json:"workItemId"`
	WorkItem         *forgehook.WorkItem          `json:"workItem"`
	Reason           *string                      `json:"reason"`
}

func (e eventRequest) event(kind forgehook.EventType) forgehook.EventRequest {
	return forgehook.EventRequest{
		Type: kind, DocumentIDs: e.DocumentIDs, Documents: e.Documents,
		Request: forgehook.CallRequest{
			DocumentID: e.DocumentID, Document: e.Document, MasterDocumentID: e.MasterDocumentID, MasterDocument: e.MasterDocument,
			ParameterID: e.ParameterID, Parameter: e.Parameter, ParameterDefID: e.ParameterDefID, ParameterDef: e.ParameterDef,
			VerificationID: e.VerificationID, Verification: e.Verification, WorkItemID: e.WorkItemID, WorkItem: e.WorkItem, Reason: e.Reason,
		},
	}
}

// runResponse is a run and the calls it has accepted so far, in that order. A long list holds only
// the last ones.
type runResponse struct {
	Run            forgehook.Run    `json:"run"`
	Calls          []forgehook.Call `json:"calls"`
	CallsTruncated bool             `json:"callsTruncated,omitempty" doc:"There are more than these."`
}

// maxCallsBytes bounds the calls in the response to an event, in bytes of JSON. Each call may have
// a large result.
const maxCallsBytes = 4 << 20

type runList struct {
	Runs       []forgehook.Run `json:"runs"`
	NextCursor *string         `json:"nextCursor"`
}

// raisedEvent is an event that a request or a change raises. It is no call.
type raisedEvent forgehook.EventType

var (
	anyEvent    = slices.Concat(forgehook.EventTypes, forgehook.OwnEventTypes)
	runStatuses = forgehook.RunStatuses
)

type raiseEventInput struct {
	byID
	Key    string `header:"Idempotency-Key" doc:"The same key and body answer the same run. 1 to 255 visible ASCII characters."`
	Prefer string `header:"Prefer" doc:"wait=N waits up to N seconds, at most 300, for the run to complete."`
	Cause  string `header:"Forgehook-Cause" doc:"The id, or webhook-id, of the call that the event comes from: utilities that led to it do not fire again. A traceparent that we sent says the same."`
}

type runsInput struct {
	ServiceID int32               `query:"serviceId"`
	Type      raisedEvent         `query:"type"`
	Status    forgehook.RunStatus `query:"status"`
	pageInput
}

type getRunInput struct {
	byUUID
	Prefer string `header:"Prefer" doc:"wait=N waits up to N seconds, at most 300, for the run to complete."`
}

func (s *server) events() {
	const tag, one = "events", "/v1/runs/{id}"
	register(s, route{at: "POST /v1/services/{id}/events", id: "raiseEvent", tag: tag, need: forgehook.MayCall, takes: eventRequest{}, status: http.StatusAccepted, or: http.StatusOK, conflicts: true,
		summary: "Raise an event of a service", about: "Every utility of the service that the event fires is called for every document: of documentIds or documents (10,000 at most) in batches, or of the one subject, which is given as for a call. " +
			"type is one of " + eventNames() + "; the platform's spelling (BeforeProcess) will do. Where the service has an input, inline documents are raw JSON. " +
			"200 when the run has completed, as it has at once where the event fires nothing. calls lists the last 200 at most, and at most 4 MiB of them: callsTruncated says that there are more. All are in GET /v1/calls?runId=."}, s.raiseEvent)
	register(s, route{at: "GET /v1/runs", id: "listRuns", tag: tag, need: forgehook.MayRead,
		summary: "List the runs of events", about: "Newest first."}, s.listRuns)
	register(s, route{at: "GET " + one, id: "getRun", tag: tag, need: forgehook.MayRead,
		summary: "Read a run, or wait for its end"}, s.getRun)
	register(s, route{at: "POST " + one + "/cancel", id: "cancelRun", tag: tag, need: forgehook.MayOperate, status: http.StatusAccepted, conflicts: true,
		summary: "Cancel a run", about: "No further document is called for. Calls that were accepted go on."}, s.cancelRun)
}

func eventNames() string {
	names := make([]string, len(forgehook.EventTypes))
	for i, e := range forgehook.EventTypes {
		names[i] = string(e)
	}
	return strings.Join(names, ", ")
}

func (s *server) raiseEvent(ctx context.Context, r *request, in *raiseEventInput) (*response[runResponse], error) {
	if _, given := r.gin.Request.Header["Idempotency-Key"]; given && !goodIdempotencyKey(in.Key) {
		r.fault("header.Idempotency-Key", in.Key, "1 to 255 visible ASCII characters")
	}
	service, err := s.DB.Service(ctx, r.tenant(), in.ID)
	if err != nil {
		return nil, s.onlyServices(ctx, r, in.ID, err)
	}
	now := time.Now()
	event, sum, err := s.readEvent(r, service, now)
	if err != nil {
		return nil, err
	}
	if err := r.invalid(); err != nil {
		return nil, err
	}
	accepted, err := s.DB.AcceptEvent(ctx, r.tenant(), postgres.EventAcceptance{
		ServiceID: in.ID, Event: event, IdempotencyKey: in.Key, BodySHA256: sum, CauseID: r.cause(), Now: now,
	})
	if err != nil {
		return nil, err
	}
	if r.done != nil {
		r.done() // before it waits
	}
	if accepted.Start != nil {
		s.dispatch(r).Follow(ctx, postgres.Raised{Runs: []forgehook.RunStart{*accepted.Start}})
	}
	out := &response[runResponse]{status: http.StatusOK}
	out.body.Run = accepted.Run
	if wait, waits := preferredWait(r.gin.Request.Header.Values("Prefer")); waits {
		out.body.Run = s.waitForRun(ctx, r, accepted.Run, wait)
		out.applied = applied(wait)
	}
	if out.body.Run.Outcome == nil {
		out.status = http.StatusAccepted
	}
	calls, more, err := s.lastCalls(ctx, r, out.body.Run.ID)
	out.body.Calls, out.body.CallsTruncated = some(calls), more
	return out, err
}

// lastCalls returns the last calls of a run in the order of their acceptance; more says that there
// are others. It reads small pages, because a few large calls may fill the response.
func (s *server) lastCalls(ctx context.Context, r *request, runID string) (last []forgehook.Call, more bool, err error) {
	const few = 20
	bytes := 0
	for page := (forgehook.Page{Limit: few}); len(last) < maxLimit; {
		calls, next, err := s.DB.Calls(ctx, r.tenant(), forgehook.CallFilter{RunID: runID}, page)
		if err != nil {
			return nil, false, err
		}
		for _, call := range calls {
			body, err := json.Marshal(call)
			if err != nil {
				return nil, false, err
			}
			if bytes += len(body); bytes > maxCallsBytes && len(last) > 0 {
				slices.Reverse(last)
				return last, true, nil
			}
			last = append(last, call)
		}
		page.Cursor, more = next, next != ""
		if !more {
			break
		}
	}
	slices.Reverse(last)
	return last, more, nil
}

// onlyServices explains a not-found error if the id is that of a utility.
func (s *server) onlyServices(ctx context.Context, r *request, id int32, err error) error {
	if forgehook.ErrorCode(err) != forgehook.CodeNotFound {
		return err
	}
	if at, placed := s.DB.Site(ctx, r.tenant(), id); placed == nil && at.Utility != nil {
		return forgehook.Errorf(forgehook.CodeNotFound, "Service %d is a utility: events are those of its service %d; POST /v1/calls calls the utility alone.", id, at.Utility.ServiceID)
	}
	return err
}

// readEvent reads the body. As in a request for calls, its documents are raw JSON if the service
// has an input. Equal events have equal sums, however they are spelt.
func (s *server) readEvent(r *request, service forgehook.Service, now time.Time) (event forgehook.EventRequest, sum []byte, err error) {
	var given eventRequest
	body, err := r.parse()
	if err != nil {
		return event, nil, err
	}
	var whole json.RawMessage
	var raw map[string]*jsontree.Node
	if service.Input != nil {
		whole = body.AppendSorted(nil)
		if raw, err = r.takeDocuments("document", "masterDocument", "documents"); err != nil {
			return event, nil, err
		}
	}
	if err := r.decode(&given, true); err != nil || r.faulty("body") {
		return event, nil, err
	}
	kind := r.eventType(given)
	if len(raw) == 0 {
		r.refuseMasks("body.document", given.Document)
		r.refuseMasks("body.masterDocument", given.MasterDocument)
		for i := range given.Documents {
			r.refuseMasks(fmt.Sprintf("body.documents[%d]", i), &given.Documents[i])
		}
		sum, err = sumOf([]any{service.ID, kind, clean(given)})
	} else {
		sum, err = sumOf(identity{ServiceID: service.ID, Raw: whole})
		s.mapDocuments(r, service, raw, &given, now)
	}
	event = given.event(kind)
	r.about(event.Validate())
	return event, sum, err
}

// about adds the faults of an event's subjects, except for places that already have a fault. A
// fault within a list does not hide a fault of the list itself.
func (r *request) about(err error) {
	e, _ := errors.AsType[*forgehook.Error](err)
	if e == nil {
		return
	}
	found := slices.Clone(r.faults)
	for _, f := range forgehook.Under("body", e.Fields) {
		if !slices.ContainsFunc(found, func(other forgehook.FieldError) bool { return other.Path == f.Path }) {
			r.faults = append(r.faults, f)
		}
	}
}

// mapDocuments makes the documents of an event out of raw JSON.
func (s *server) mapDocuments(r *request, service forgehook.Service, raw map[string]*jsontree.Node, given *eventRequest, now time.Time) {
	given.Document = s.mapped(r, "body.document", service, raw["document"], now)
	given.MasterDocument = s.mapped(r, "body.masterDocument", service, raw["masterDocument"], now)
	list := raw["documents"]
	if list != nil && list.Kind() != jsontree.List {
		r.fault("body.documents", list.String(), "a list of objects")
		return
	}
	for document := range list.All() {
		i := len(given.Documents)
		if i > forgehook.MaxEventDocuments || len(r.faults) >= importFaults {
			break
		}
		given.Documents = append(given.Documents, *s.mapped(r, fmt.Sprintf("body.documents[%d]", i), service, document, now))
	}
}

// clean is an event whose raw JSON has sorted members, like the rest of it.
func clean(given eventRequest) eventRequest {
	given.Type, given.Event = nil, nil
	given.Document, given.MasterDocument = orderedSource(given.Document), orderedSource(given.MasterDocument)
	given.Documents = slices.Clone(given.Documents)
	for i := range given.Documents {
		given.Documents[i] = *orderedSource(&given.Documents[i])
	}
	return given
}

// eventType reads the event's name: ours, or the platform's, which has no underscores.
func (r *request) eventType(given eventRequest) forgehook.EventType {
	text, at := given.Type, "body.type"
	if text == nil {
		text = given.Event
		if given.Event != nil {
			at = "body.event"
		}
	} else if given.Event != nil {
		r.fault("body.event", *given.Event, "either type or event, not both")
	}
	if r.faulty(at) {
		return ""
	}
	allowed := "one of " + eventNames()
	if text == nil {
		r.fault(at, "", "required: "+allowed)
		return ""
	}
	spelling := strings.NewReplacer("_", "", ".", "", "-", "", " ", "")
	names := make([]string, len(forgehook.EventTypes))
	for i, e := range forgehook.EventTypes {
		if strings.EqualFold(spelling.Replace(string(e)), spelling.Replace(*text)) {
			return e
		}
		names[i] = string(e)
	}
	if near := forgehook.Nearest(*text, names); near != "" {
		allowed = fmt.Sprintf("did you mean %q? Allowed: %s", near, allowed)
	}
	r.fault(at, *text, allowed)
	return ""
}

// waitForRun returns the run as it stands when it has completed or the time is up.
func (s *server) waitForRun(ctx context.Context, r *request, run forgehook.Run, wait time.Duration) forgehook.Run {
	if run.Outcome != nil {
		return run
	}
	timed, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	now, err := s.Waiter.WaitRun(timed, r.tenant(), run.ID)
	if err != nil {
		if ctx.Err() == nil {
			s.warn(ctx, r, "wait for a run", err)
		}
		return run
	}
	return now
}

func (s *server) listRuns(ctx context.Context, r *request, in *runsInput) (*response[runList], error) {
	runs, next, err := s.DB.Runs(ctx, r.tenant(), postgres.RunFilter{ServiceID: in.ServiceID, Type: forgehook.EventType(in.Type), Status: in.Status}, in.page())
	return ok(runList{some(runs), cursor(next)}), err
}

func (s *server) getRun(ctx context.Context, r *request, in *getRunInput) (*response[forgehook.Run], error) {
	run, err := s.DB.Run(ctx, r.tenant(), in.ID)
	if err != nil {
		return nil, err
	}
	out := ok(run)
	if wait, waits := preferredWait(r.gin.Request.Header.Values("Prefer")); waits {
		out.body, out.applied = s.waitForRun(ctx, r, run, wait), applied(wait)
	}
	return out, nil
}

func (s *server) cancelRun(ctx context.Context, r *request, in *byUUID) (*response[forgehook.Run], error) {
	run, err := s.DB.Run(ctx, r.tenant(), in.ID)
	if err != nil {
		return nil, err
	}
	if run.Outcome != nil {
		return nil, forgehook.Errorf(forgehook.CodeRunCompleted, "The run has completed: %s.", *run.Outcome)
	}
	if err := s.dispatch(r).CancelRun(ctx, forgehook.RunRef{Tenant: r.tenant(), RunID: run.ID}, canceledUnstarted, time.Now()); err != nil {
		return nil, err
	}
	run, err = s.DB.Run(ctx, r.tenant(), run.ID)
	return &response[forgehook.Run]{status: http.StatusAccepted, body: run}, err
}
