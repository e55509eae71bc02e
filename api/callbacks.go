package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/internal/webhook"
)

const (
	callbacksPath    = "/v1/callbacks/"
	maxResult        = 1 << 20 // bytes of JSON
	maxCallbackError = 2000
)

// callbackRequest is what an endpoint says later.
type callbackRequest struct {
	Result  json.RawMessage    `json:"result"`
	Outcome *forgehook.Outcome `json:"outcome"`
	Error   *string            `json:"error"`
}

// callbackAnswer says what came of it.
type callbackAnswer struct {
	Status  string            `json:"status"`  // accepted: the call has ended by it; early: it will when its request has been answered
	Outcome forgehook.Outcome `json:"outcome"` // of the call
}

type callbackInput struct {
	Token string `path:"token"`
}

func (*callbackInput) parse(*request) {}

func (s *server) callbacks() {
	register(s, route{at: "POST " + callbacksPath + "{token}", id: "callBack", tag: "callbacks", takes: callbackRequest{}, late: true, conflicts: true, gone: true,
		summary: "Answer a call later", about: "For endpoints: the URL that came in the header Forgehook-Callback-Url needs no key. result is any JSON, at most 1 MiB; outcome is delivered (the default) or failed, and error says why it failed. " +
			"status is accepted when the call has ended by it, and early when the request has not been answered yet: the call ends by it then, whatever that answer says. " +
			"Once a call: 409 the second time, 410 after callback.timeout or when the call has ended otherwise, 404 for every other URL. What cannot be written back is 422: nothing is kept, and it may be sent again."}, s.callBack)
}

// errNoCallback is the one answer for tokens that are forged, of nothing, or of calls that await none.
func errNoCallback() error {
	return forgehook.Errorf(forgehook.CodeNotFound, "No call awaits an answer here.")
}

// callBack looks at the token before it reads anything: whoever has none may not make us read.
func (s *server) callBack(ctx context.Context, r *request, in *callbackInput) (*answer[callbackAnswer], error) {
	ref, err := s.calledBack(ctx, in.Token)
	if err != nil {
		return nil, err
	}
	r.key.Tenant = ref.Tenant // for the log
	facts, err := s.DB.Facts(ctx, ref)
	if forgehook.ErrorCode(err) == forgehook.CodeNotFound {
		err = errNoCallback()
	}
	if err != nil {
		return nil, err
	}
	c := postgres.Callback{Ref: ref, Now: time.Now()}
	if facts.Call.Outcome == nil { // else the store says why it is too late, whatever the body
		if err := s.readCallback(ctx, r, &c, facts); err != nil {
			return nil, err
		}
	}
	done, err := s.DB.RecordCallback(ctx, c)
	if err != nil {
		return nil, writeBackFaults(err)
	}
	s.follow(ctx, r, postgres.Raised{Wakes: done.Wakes})
	out := callbackAnswer{Status: "accepted", Outcome: c.Said.Ended()}
	if done.Early {
		out.Status = "early"
	}
	return ok(out), nil
}

// calledBack is the call that a token was made for.
func (s *server) calledBack(ctx context.Context, token string) (forgehook.CallRef, error) {
	callID, readable := secret.ReadCallbackToken(token)
	if !readable {
		return forgehook.CallRef{}, errNoCallback()
	}
	call, err := s.DB.CallbackCall(ctx, callID)
	if forgehook.ErrorCode(err) == forgehook.CodeNotFound || err == nil && call.Key == nil {
		return forgehook.CallRef{}, errNoCallback()
	}
	if err != nil {
		return forgehook.CallRef{}, err
	}
	key, err := s.Secrets.Unseal(call.Ref.Tenant, call.Key)
	if err != nil {
		return forgehook.CallRef{}, fmt.Errorf("open the key of callbacks: %w", err)
	}
	if !secret.CheckCallbackToken(key, call.Ref.Tenant, token) {
		return forgehook.CallRef{}, errNoCallback()
	}
	return call.Ref, nil
}

// readCallback reads the body and what the call's settings make of it.
func (s *server) readCallback(ctx context.Context, r *request, c *postgres.Callback, facts postgres.Facts) error {
	if err := s.take(r.gin.Request.Context(), r); err != nil {
		return err
	}
	var given callbackRequest
	if err := r.decode(&given, true); err != nil {
		return err
	}
	if o := given.Outcome; o != nil && *o != forgehook.Delivered && *o != forgehook.Failed {
		r.fault("body.outcome", string(*o), "delivered or failed")
	}
	c.Said = forgehook.CallbackAnswer{Result: asWritten(r.body, "result"), Outcome: given.Outcome, Error: given.Error}
	if given.Error != nil && c.Said.Ended() == forgehook.Delivered {
		r.fault("body.error", "", "none, or outcome failed: a call that was delivered has no error")
	}
	if given.Error != nil && len(*given.Error) > maxCallbackError {
		r.fault("body.error", "", fmt.Sprintf("at most %d bytes", maxCallbackError))
	}
	if n := len(c.Said.Result); n > maxResult {
		r.fault("body.result", "", fmt.Sprintf("at most %d bytes of JSON; these are %d", maxResult, n))
	}
	if err := r.invalid(); err != nil {
		return err
	}
	c.Answer.Result = c.Said.Result
	if c.Said.Ended() != forgehook.Delivered { // writes nothing
		return nil
	}
	reading, err := s.readSaid(ctx, c, facts)
	if failure, ok := errors.AsType[*webhook.Failure](err); ok {
		return forgehook.Invalid(forgehook.FieldError{Path: "body.result", Allowed: "an answer that can be written back: " + failure.Message})
	}
	c.Answer = postgres.Answer{Result: reading.Result, WriteBack: reading.WriteBack}
	return err
}

// readSaid applies the rules of the version of the settings that the call began with.
func (s *server) readSaid(ctx context.Context, c *postgres.Callback, facts postgres.Facts) (reading webhook.Reading, err error) {
	key := webhook.PlanKey{Tenant: c.Ref.Tenant, WebHookServiceID: facts.Call.WebHookServiceID, Version: facts.Settings.Version, Sum: facts.Settings.Sum()}
	plan, err := s.plans.Get(key, facts.Settings.Load)
	if err != nil {
		return reading, fmt.Errorf("settings of call %s: %w", c.Ref.CallID, err)
	}
	var answered webhook.Answer
	if response := facts.Call.Response; response != nil {
		body := []byte(response.Body)
		if response.BodyEncoding == "base64" {
			if body, err = base64.StdEncoding.DecodeString(response.Body); err != nil {
				return reading, fmt.Errorf("response of call %s: %w", c.Ref.CallID, err)
			}
		}
		answered = webhook.Answer{StatusCode: response.StatusCode, Headers: response.Headers, Body: body, Truncated: response.BodyTruncated, At: c.Now}
	}
	err = s.turn(ctx, func() (err error) {
		reading, err = plan.Read(&facts.Subject, s.metaOf(facts.Call, plan), answered, &c.Said)
		return err
	})
	return reading, err
}

// writeBackFaults puts what the store says against a write-back where the endpoint can mend it: its result. The place in the settings
// stands in the message.
func writeBackFaults(err error) error {
	e, ok := errors.AsType[*forgehook.Error](err)
	if !ok || e.Code != forgehook.CodeInvalid {
		return err
	}
	faults := make([]forgehook.FieldError, len(e.Fields))
	for i, f := range e.Fields {
		faults[i] = forgehook.FieldError{Path: "body.result", Allowed: "an answer that can be written back: " + f.Path + ": " + f.Allowed}
	}
	return forgehook.Invalid(faults...)
}
