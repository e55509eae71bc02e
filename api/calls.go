package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
)

// callsResponse lists the calls that a request made.
type callsResponse struct {
	Calls     []forgehook.Call      `json:"calls"`
	NotCalled []forgehook.NotCalled `json:"notCalled,omitempty"`
}

type callList struct {
	Calls      []forgehook.Call `json:"calls"`
	NextCursor *string          `json:"nextCursor"`
}

type attemptList struct {
	Attempts   []forgehook.Attempt `json:"attempts"`
	NextCursor *string             `json:"nextCursor"`
}

type createCallsInput struct {
	Key              string `header:"Idempotency-Key" doc:"The same key and body answer the same calls. 1 to 255 visible ASCII characters."`
	Prefer           string `header:"Prefer" doc:"wait=N waits up to N seconds, at most 300, for the calls to complete."`
	ServiceID        int32  `query:"serviceId" doc:"The body is a sender's raw JSON for the input of this service, whose utilities are called."`
	WebHookServiceID int32  `query:"webHookServiceId" doc:"Likewise, but this utility of the service is called."`
	Reason           string `query:"reason" doc:"Of calls about raw JSON."`
	Cause            string `header:"Forgehook-Cause" doc:"The id, or webhook-id, of the call that this comes from. The call is made all the same, but what it changes does not fire the utilities that led to it. A traceparent that we sent says the same."`
}

func (in *createCallsInput) check(r *request) { // the handler reports the key's faults together with those of the body
	if in.Reason != "" && in.ServiceID == 0 && in.WebHookServiceID == 0 && len(r.faults) == 0 {
		r.fault("query.reason", in.Reason, "none, or one together with serviceId or webHookServiceId: else it stands in the body")
	}
}

type getCallInput struct {
	byUUID
	Prefer string `header:"Prefer" doc:"wait=N waits up to N seconds, at most 300, for the call to complete."`
}

type callsInput struct {
	Status           forgehook.CallStatus `query:"status"`
	Outcome          forgehook.Outcome    `query:"outcome"`
	WebHookServiceID int32                `query:"webHookServiceId"`
	DocumentID       int32                `query:"documentId"`
	From             forgehook.Time       `query:"from" doc:"Accepted then or later."`
	To               forgehook.Time       `query:"to" doc:"Accepted before."`
	WorkItemID       int32                `query:"workItemId"`
	RunID            string               `query:"runId" format:"uuid" doc:"Fired by this run of an event."`
	pageInput
}

func (in *callsInput) filter() forgehook.CallFilter {
	return forgehook.CallFilter{
		Status: in.Status, Outcome: in.Outcome, WebHookServiceID: in.WebHookServiceID, DocumentID: in.DocumentID,
		WorkItemID: in.WorkItemID, RunID: in.RunID, From: in.From.Time, To: in.To.Time,
	}
}

func (s *server) calls() {
	const tag, one = "calls", "/v1/calls/{id}"
	register(s, route{at: "POST /v1/calls", id: "createCalls", tag: tag, need: forgehook.MayCall, takes: forgehook.CallRequest{}, status: http.StatusAccepted, or: http.StatusOK, conflicts: true, absent: true,
		summary: "Call one webhook, or all of a service", about: "200 when all calls have completed, else 202: they are accepted and will be. 404 where there is no such utility or service to call; other ids that name nothing are faults of the body. " +
			"With serviceId or webHookServiceId in the query the body is raw JSON for the service's input; so are an inline document and masterDocument of a request that names a service with an input, or a utility of one."}, s.createCalls)
	register(s, route{at: "GET /v1/calls", id: "listCalls", tag: tag, need: forgehook.MayRead,
		summary: "List calls", about: "Newest first."}, s.listCalls)
	register(s, route{at: "GET /v1/calls/stream", id: "streamCalls", tag: tag, need: forgehook.MayRead, feeds: true, absent: true,
		summary: "Watch calls as they end", about: "Server-sent events. With id: an event call with each call as it is now, another at its end, and the event end when all have completed. " +
			"Without: an event call for each call of the tenant that ends and passes the filters; the event gap where some were missed, as they were too many at once, the database was away, or the reader was (it sends Last-Event-ID): list them. " +
			"The data of call is the call, its event id the call's id. What ends while nobody is connected is not repeated. A comment comes every 15 s. " +
			"At most 100 streams of a key are open at once, else 429. A stream ends when its key does."}, s.streamCalls)
	register(s, route{at: "GET " + one, id: "getCall", tag: tag, need: forgehook.MayRead,
		summary: "Read a call, or wait for its end"}, s.getCall)
	register(s, route{at: "GET " + one + "/attempts", id: "listAttempts", tag: tag, need: forgehook.MayRead,
		summary: "List the attempts of a call, with bodies"}, s.listAttempts)
	register(s, route{at: "GET " + one + "/request", id: "getRequest", tag: tag, need: forgehook.MayRead,
		summary: "Read the exact request of a call"}, s.getRequest)
	register(s, route{at: "POST " + one + "/retry", id: "retryCall", tag: tag, need: forgehook.MayOperate, status: http.StatusAccepted, conflicts: true,
		summary: "Make the next attempt now", about: "A call that awaits its callback is sent again, with the same URL to call back."}, s.retryCall)
	register(s, route{at: "POST " + one + "/cancel", id: "cancelCall", tag: tag, need: forgehook.MayOperate, status: http.StatusAccepted, conflicts: true,
		summary: "Cancel a call"}, s.cancelCall)
}

func (s *server) createCalls(ctx context.Context, r *request, in *createCallsInput) (*response[callsResponse], error) {
	if _, given := r.gin.Request.Header["Idempotency-Key"]; given && !goodIdempotencyKey(in.Key) {
		r.fault("header.Idempotency-Key", in.Key, "1 to 255 visible ASCII characters")
	}
	accepted, err := s.accept(ctx, r, in, time.Now())
	if err != nil {
		return nil, err
	}
	if r.done != nil {
		r.done() // free the memory before waiting
	}
	calls := accepted.Calls
	wait, waits := preferredWait(r.gin.Request.Header.Values("Prefer"))
	switch start := func() { s.start(ctx, r, accepted.Starts) }; {
	case !waits || len(calls) == 0:
		start()
	case accepted.Repeated: // some may have ended already
		start()
		calls = s.waitFor(ctx, r, calls, wait)
	default:
		calls = s.startAndWait(ctx, r, calls, wait, start)
	}
	out := &response[callsResponse]{status: http.StatusOK, body: callsResponse{some(calls), accepted.NotCalled}}
	if slices.ContainsFunc(calls, unfinished) {
		out.status = http.StatusAccepted
	}
	if waits {
		out.applied = applied(wait)
	}
	return out, nil
}

// accept reads the request and accepts its calls. The service's input may have changed since an
// idempotency key was used, so that the raw JSON no longer gives a document. Such a request still
// gets the calls of its first use.
func (s *server) accept(ctx context.Context, r *request, in *createCallsInput, now time.Time) (postgres.Accepted, error) {
	asked, err := s.readCalls(ctx, r, in, now)
	if err == nil {
		err = r.invalid()
	}
	a := postgres.Acceptance{Request: asked.CallRequest, IdempotencyKey: in.Key, BodySHA256: asked.sum, CauseID: r.cause(), Now: now}
	if err == nil {
		return s.DB.AcceptCalls(ctx, r.tenant(), a)
	}
	if asked.sum != nil && forgehook.ErrorCode(err) != "" && goodIdempotencyKey(in.Key) {
		earlier, found, lookupErr := s.DB.AcceptedBefore(ctx, r.tenant(), a)
		if found || lookupErr != nil {
			return earlier, lookupErr
		}
	}
	return postgres.Accepted{}, err
}

func goodIdempotencyKey(key string) bool {
	return key != "" && len(key) <= 255 && !strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' })
}

func unfinished(call forgehook.Call) bool { return call.Status != forgehook.CallCompleted }

// startsAhead is how many requests may have calls on the way to the engine after their response was
// sent. Further requests wait for their calls, so that the API never accepts more than the engine
// can take.
const startsAhead = 256

// start starts the workflows of accepted calls after the response. Accepted calls are stored, and
// the engine may be slow or away.
func (s *server) start(ctx context.Context, r *request, starts []forgehook.CallStart) {
	if len(starts) == 0 {
		return
	}
	then := s.dispatch(r)
	begin := func() { then.StartCalls(ctx, starts) }
	if !s.starting.TryAcquire(1) {
		begin()
		return
	}
	go func() {
		defer s.starting.Release(1)
		begin()
	}()
}

// waitFor returns the calls as they stand when all have completed or the time is up. They are
// already accepted, so an error while watching them does not fail the request.
func (s *server) waitFor(ctx context.Context, r *request, calls []forgehook.Call, wait time.Duration) []forgehook.Call {
	if !slices.ContainsFunc(calls, unfinished) {
		return calls
	}
	return s.awaited(ctx, r, calls, wait, func(ctx context.Context, ids []string) ([]forgehook.Call, error) {
		return s.Waiter.Wait(ctx, r.tenant(), ids)
	})
}

// startAndWait is waitFor for calls that were accepted just now, and starts them. It skips the
// first look for calls that have already ended.
func (s *server) startAndWait(ctx context.Context, r *request, calls []forgehook.Call, wait time.Duration, start func()) []forgehook.Call {
	return s.awaited(ctx, r, calls, wait, func(ctx context.Context, ids []string) ([]forgehook.Call, error) {
		return s.Waiter.WaitFrom(ctx, r.tenant(), ids, start)
	})
}

func (s *server) awaited(ctx context.Context, r *request, calls []forgehook.Call, wait time.Duration, until func(context.Context, []string) ([]forgehook.Call, error)) []forgehook.Call {
	ids := make([]string, len(calls))
	for i, call := range calls {
		ids[i] = call.ID
	}
	timed, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	now, err := until(timed, ids)
	if err != nil {
		if ctx.Err() == nil {
			s.warn(ctx, r, "wait for calls", err)
		}
		return calls
	}
	return now
}

func (s *server) listCalls(ctx context.Context, r *request, in *callsInput) (*response[callList], error) {
	calls, next, err := s.DB.Calls(ctx, r.tenant(), in.filter(), in.page())
	return ok(callList{some(calls), cursor(next)}), err
}

func (s *server) getCall(ctx context.Context, r *request, in *getCallInput) (*response[forgehook.Call], error) {
	call, err := s.DB.Call(ctx, r.tenant(), in.ID)
	if err != nil {
		return nil, err
	}
	out := ok(call)
	if wait, waits := preferredWait(r.gin.Request.Header.Values("Prefer")); waits {
		out.body = s.waitFor(ctx, r, []forgehook.Call{call}, wait)[0]
		out.applied = applied(wait)
	}
	return out, nil
}

func (s *server) listAttempts(ctx context.Context, r *request, in *byUUIDPaged) (*response[attemptList], error) {
	attempts, next, err := s.DB.Attempts(ctx, r.tenant(), in.ID, in.page())
	return ok(attemptList{some(attempts), cursor(next)}), err
}

func (s *server) getRequest(ctx context.Context, r *request, in *byUUID) (*response[forgehook.Request], error) {
	request, err := s.DB.Request(ctx, r.tenant(), in.ID)
	return ok(request), err
}

func (s *server) retryCall(ctx context.Context, r *request, in *byUUID) (*response[forgehook.Call], error) {
	call, err := s.open(ctx, r, in.ID)
	if err != nil {
		return nil, err
	}
	if call.Status == forgehook.CallPaused {
		return nil, forgehook.Errorf(forgehook.CodePaused, "Utility %d is paused: the call is sent when it is resumed.", call.WebHookServiceID)
	}
	if err := s.dispatch(r).RetryCall(ctx, forgehook.CallRef{Tenant: r.tenant(), CallID: call.ID}); err != nil {
		return nil, err
	}
	call, err = s.DB.Call(ctx, r.tenant(), call.ID)
	return &response[forgehook.Call]{status: http.StatusAccepted, body: call}, err
}

func (s *server) cancelCall(ctx context.Context, r *request, in *byUUID) (*response[forgehook.Call], error) {
	call, err := s.open(ctx, r, in.ID)
	if err != nil {
		return nil, err
	}
	if _, err := s.dispatch(r).CancelCall(ctx, forgehook.CallRef{Tenant: r.tenant(), CallID: call.ID}, canceledUnstarted, time.Now()); err != nil {
		return nil, err
	}
	call, err = s.DB.Call(ctx, r.tenant(), call.ID)
	return &response[forgehook.Call]{status: http.StatusAccepted, body: call}, err
}

// open reads a call that has not completed.
func (s *server) open(ctx context.Context, r *request, id string) (forgehook.Call, error) {
	call, err := s.DB.Call(ctx, r.tenant(), id)
	if err == nil && !unfinished(call) {
		err = forgehook.Errorf(forgehook.CodeCompleted, "The call has completed: %s.", *call.Outcome)
	}
	return call, err
}

// canceledUnstarted is the reason of a call or run that was canceled before it had a workflow.
const canceledUnstarted = "Canceled before it was started."

// maxWait bounds how long a response may wait for calls; a longer wait is clamped.
const maxWait = 300 * time.Second

// preferredWait reads "wait" from the Prefer headers. As RFC 7240 asks, the first one counts and an
// unreadable one is ignored.
func preferredWait(headers []string) (wait time.Duration, asked bool) {
	for _, preference := range splitOutsideQuotes(strings.Join(headers, ","), ',') {
		first := splitOutsideQuotes(preference, ';')[0]
		name, value, _ := strings.Cut(first, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return 0, false
		}
		return min(time.Duration(seconds)*time.Second, maxWait), true
	}
	return 0, false
}

// applied is the Preference-Applied header: the wait after clamping.
func applied(wait time.Duration) string { return fmt.Sprintf("wait=%d", int(wait.Seconds())) }

func splitOutsideQuotes(s string, separator rune) []string {
	quoted := false
	var parts []string
	start := 0
	for i, c := range s {
		switch {
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			parts, start = append(parts, s[start:i]), i+1
		}
	}
	return append(parts, s[start:])
}
