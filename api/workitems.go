package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
)

type workItemList struct {
	WorkItems  []forgehook.WorkItem `json:"workItems"`
	NextCursor *string              `json:"nextCursor"`
}

// byIDPrefer names what may be waited for.
type byIDPrefer struct {
	byID
	Prefer string `header:"Prefer" doc:"wait=N waits up to N seconds, at most 300, for the process to complete."`
}

// startProcessInput names the item of a process.
type startProcessInput struct {
	byIDPrefer
	Cause string `header:"Forgehook-Cause" doc:"The id, or webhook-id, of the call that this comes from. The call is made all the same, but what it changes does not fire the utilities that led to it. A traceparent that we sent says the same."`
}

func (s *server) workItems() {
	const tag, ofProject, one = "work items", "/v1/projects/{id}/work-items", "/v1/work-items/{id}"
	register(s, route{at: "POST " + ofProject, id: "putWorkItem", tag: tag, need: forgehook.MayCall, takes: forgehook.WorkItem{}, status: http.StatusCreated, or: http.StatusOK, conflicts: true,
		summary: "Store a work item", about: "By its id: 201 when it is new, 200 when it takes the place of the one before. Without an id it is given one. workItemId is its parent: a process that waits with the parent goes on with the child when the parent was handed over."}, s.putWorkItem)
	register(s, route{at: "GET " + ofProject, id: "listWorkItems", tag: tag, need: forgehook.MayRead,
		summary: "List the work items of a project"}, s.listWorkItems)
	register(s, route{at: "GET " + one, id: "getWorkItem", tag: tag, need: forgehook.MayRead,
		summary: "Read a work item"}, s.getWorkItem)
	register(s, route{at: "PATCH " + one, id: "updateWorkItem", tag: tag, need: forgehook.MayCall, takes: forgehook.WorkItem{},
		summary: "Change a work item", about: "JSON Merge Patch; null puts a default back."}, s.updateWorkItem)
	register(s, route{at: "DELETE " + one, id: "deleteWorkItem", tag: tag, need: forgehook.MayCall, status: http.StatusNoContent,
		summary: "Delete a work item", about: "A process that waits with it ends. Calls keep the subject that was frozen for them."}, s.deleteWorkItem)
	register(s, route{at: "POST " + one + "/process", id: "startProcess", tag: tag, need: forgehook.MayCall, takes: forgehook.ProcessRequest{}, status: http.StatusAccepted, or: http.StatusOK, conflicts: true,
		summary: "Have a work item wait for a call", about: "With callId for a call that is there, or with webHookServiceId for a new one about the item, which its id and reason name: the same again is the same call. " +
			"When the call is delivered, what response.writeBack.workItem makes of the answer is written to the item. onDue says what is done at the due date without an answer. A process that waits with another onDue or dueDate is a conflict. 202 while it waits."}, s.startProcess)
	register(s, route{at: "GET " + one + "/process", id: "getProcess", tag: tag, need: forgehook.MayRead,
		summary: "Read a work item's last process, or wait for its end"}, s.getProcess)
}

func (s *server) putWorkItem(ctx context.Context, r *request, in *changeInput) (*response[forgehook.WorkItem], error) {
	var item forgehook.WorkItem
	if err := r.decode(&item, false); err != nil {
		return nil, err
	}
	r.ownID(item.ID)
	if err := r.invalid(); err != nil {
		return nil, err
	}
	item, isNew, raised, err := s.DB.PutWorkItem(ctx, r.tenant(), in.ID, item, r.cause())
	if err != nil {
		return nil, err
	}
	s.dispatch(r).Follow(ctx, raised)
	if !isNew {
		return ok(item), nil
	}
	return created(fmt.Sprintf("/v1/work-items/%d", item.ID), item), nil
}

func (s *server) listWorkItems(ctx context.Context, r *request, in *byIDPaged) (*response[workItemList], error) {
	items, next, err := s.DB.WorkItems(ctx, r.tenant(), in.ID, in.page())
	if err == nil && len(items) == 0 {
		_, err = s.DB.Project(ctx, r.tenant(), in.ID) // an unknown id is not an empty page
	}
	return ok(workItemList{some(items), cursor(next)}), err
}

func (s *server) getWorkItem(ctx context.Context, r *request, in *byID) (*response[forgehook.WorkItem], error) {
	item, err := s.DB.WorkItem(ctx, r.tenant(), in.ID)
	return ok(item), err
}

func (s *server) updateWorkItem(ctx context.Context, r *request, in *changeInput) (*response[forgehook.WorkItem], error) {
	item, raised, err := s.DB.UpdateWorkItem(ctx, r.tenant(), in.ID, r.cause(), func(w *forgehook.WorkItem) error { return patched(r, w, "id", "projectId") })
	if err != nil {
		return nil, err
	}
	s.dispatch(r).Follow(ctx, raised)
	return ok(item), nil
}

func (s *server) deleteWorkItem(ctx context.Context, r *request, in *byID) (*response[none], error) {
	raised, err := s.DB.DeleteWorkItem(ctx, r.tenant(), in.ID)
	if err == nil {
		s.dispatch(r).Follow(ctx, raised)
	}
	return noContent(), err
}

func (s *server) startProcess(ctx context.Context, r *request, in *startProcessInput) (*response[forgehook.WorkItemProcess], error) {
	var given forgehook.ProcessRequest
	if err := r.decode(&given, true); err != nil {
		return nil, err
	}
	r.checkProcess(&given)
	if err := r.invalid(); err != nil {
		return nil, err
	}
	if _, err := s.DB.WorkItem(ctx, r.tenant(), in.ID); err != nil {
		return nil, err
	}
	a := postgres.ProcessAcceptance{WorkItemID: in.ID, CallID: value(given.CallID), OnDue: forgehook.DueWait, Now: time.Now()}
	if given.OnDue != nil {
		a.OnDue = *given.OnDue
	}
	if given.DueDate != nil {
		a.DueAt = &given.DueDate.Time
	}
	own, err := s.callOfProcess(ctx, r, &a, given)
	if err != nil {
		return nil, err
	}
	process, ref, _, err := s.DB.AcceptProcess(ctx, r.tenant(), a)
	if err != nil {
		s.withdraw(ctx, r, own)
		return nil, err
	}
	s.start(ctx, r, own.Starts)
	if process.Outcome == nil {
		s.dispatch(r).StartProcess(ctx, forgehook.ProcessStart{ProcessRef: ref, WorkItemID: process.WorkItemID, CallID: process.CallID})
	}
	out := &response[forgehook.WorkItemProcess]{status: http.StatusOK, body: process}
	if wait, waits := preferredWait(r.gin.Request.Header.Values("Prefer")); waits {
		out.body, out.applied = s.waitForProcess(ctx, r, process, wait), applied(wait)
	}
	if out.body.Outcome == nil {
		out.status = http.StatusAccepted
	}
	return out, nil
}

// checkProcess adds the faults of a request for a process, and normalizes its call's id.
func (r *request) checkProcess(p *forgehook.ProcessRequest) {
	switch {
	case p.CallID != nil && p.WebHookServiceID != nil:
		r.fault("body.callId", *p.CallID, "either callId or webHookServiceId, not both")
	case p.CallID == nil && p.WebHookServiceID == nil:
		r.fault("body.callId", "", "required: callId or webHookServiceId")
	case p.CallID != nil:
		id, ok := parseUUID(*p.CallID)
		if !ok {
			r.fault("body.callId", *p.CallID, "the id of a call: a UUID")
		}
		*p.CallID = id
	}
	if p.Reason != nil && len(*p.Reason) > forgehook.MaxReason {
		r.fault("body.reason", *p.Reason, "at most 500 bytes")
	}
	if p.OnDue == nil {
		return
	}
	names := make([]string, len(forgehook.OnDues))
	for i, due := range forgehook.OnDues {
		if due == *p.OnDue {
			return
		}
		names[i] = string(due)
	}
	allowed := "one of " + strings.Join(names, ", ")
	if near := forgehook.Nearest(string(*p.OnDue), names); near != "" {
		allowed = fmt.Sprintf("did you mean %q? Allowed: %s", near, allowed)
	}
	r.fault("body.onDue", string(*p.OnDue), allowed)
}

// callOfProcess accepts the call of a process that asks for a new one. A repeated request gets the
// call of the first. If the item already waits with another process no call is accepted.
func (s *server) callOfProcess(ctx context.Context, r *request, a *postgres.ProcessAcceptance, given forgehook.ProcessRequest) (postgres.Accepted, error) {
	if given.WebHookServiceID == nil {
		return postgres.Accepted{}, nil
	}
	request := forgehook.CallRequest{WebHookServiceID: given.WebHookServiceID, WorkItemID: &a.WorkItemID, Reason: given.Reason}
	sum, err := sumOf(request)
	if err != nil {
		return postgres.Accepted{}, err
	}
	acceptance := postgres.Acceptance{Request: request, IdempotencyKey: processKey(a.WorkItemID, value(given.Reason)), BodySHA256: sum, CauseID: r.cause(), Now: a.Now}
	accepted, found, err := s.DB.AcceptedBefore(ctx, r.tenant(), acceptance)
	if err == nil && !found {
		if err := s.free(ctx, r, a.WorkItemID); err != nil {
			return accepted, err
		}
		accepted, err = s.DB.AcceptCalls(ctx, r.tenant(), acceptance)
		if forgehook.ErrorCode(err) == forgehook.CodeNotFound { // the request names the work item, not the utility
			r.fault("body.webHookServiceId", fmt.Sprint(*given.WebHookServiceID), "the id of a WebHook utility")
			err = r.invalid()
		}
	}
	if err != nil {
		return accepted, err
	}
	a.CallID, a.OwnsCall = accepted.Calls[0].ID, true
	return accepted, nil
}

// free returns a conflict if the item already waits with a process.
func (s *server) free(ctx context.Context, r *request, workItemID int32) error {
	process, _, err := s.DB.Process(ctx, r.tenant(), workItemID)
	if forgehook.ErrorCode(err) == forgehook.CodeNotFound {
		return nil
	}
	if err == nil && process.Outcome == nil {
		err = forgehook.Errorf(forgehook.CodeConflict, "Work item %d waits for call %s already.", workItemID, process.CallID)
	}
	return err
}

// processKey is the idempotency key of the call that a process makes.
func processKey(workItemID int32, reason string) string {
	if len(reason) > 200 || strings.ContainsFunc(reason, func(c rune) bool { return c < ' ' || c == 0xfffd }) {
		sum := sha256.Sum256([]byte(reason))
		reason = hex.EncodeToString(sum[:])
	}
	return fmt.Sprintf("work-item/%d/%s", workItemID, reason)
}

// withdraw ends the call of a process that could not be accepted, before the call starts.
func (s *server) withdraw(ctx context.Context, r *request, own postgres.Accepted) {
	if own.Repeated {
		return
	}
	for _, start := range own.Starts {
		call := forgehook.CallRef{Tenant: start.Tenant, CallID: start.CallID}
		if _, err := s.dispatch(r).EndCall(ctx, call, forgehook.Canceled, &forgehook.CallError{Code: forgehook.CallErrorCanceled, Message: "The work item cannot wait for it."}, time.Now()); err != nil {
			s.warn(ctx, r, "a call that nobody waits for goes on", err)
		}
	}
}

func (s *server) getProcess(ctx context.Context, r *request, in *byIDPrefer) (*response[forgehook.WorkItemProcess], error) {
	process, _, err := s.DB.Process(ctx, r.tenant(), in.ID)
	if err != nil {
		return nil, err
	}
	out := ok(process)
	if wait, waits := preferredWait(r.gin.Request.Header.Values("Prefer")); waits {
		out.body, out.applied = s.waitForProcess(ctx, r, process, wait), applied(wait)
	}
	return out, nil
}

// waitForProcess returns the process as it stands when it has completed or the time is up.
func (s *server) waitForProcess(ctx context.Context, r *request, process forgehook.WorkItemProcess, wait time.Duration) forgehook.WorkItemProcess {
	if process.Outcome != nil {
		return process
	}
	timed, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	now, err := s.Waiter.WaitProcess(timed, r.tenant(), process.WorkItemID)
	if err != nil {
		if ctx.Err() == nil {
			s.warn(ctx, r, "wait for a process", err)
		}
		return process
	}
	return now
}
