package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/mask"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/internal/webhook"
)

const (
	callbacksPath    = "/v1/callbacks/"
	maxResult        = 1 << 20 // bytes of JSON
	maxCallbackError = 2000
)

// callbackRequest is the result that an endpoint sends later.
type callbackRequest struct {
	Result  json.RawMessage    `json:"result"`
	Outcome *forgehook.Outcome `json:"outcome"`
	Error   *string            `json:"error"`
}

// callbackResponse says what the callback did.
type callbackResponse struct {
	Status  string            `json:"status"`  // accepted: it ended the call; early: it will, once the response to the call's request is in
	Outcome forgehook.Outcome `json:"outcome"` // of the call
}

type callbackInput struct {
	Token string `path:"token"`
}

func (s *server) callbacks() {
	register(s, route{at: "POST " + callbacksPath + "{token}", id: "callBack", tag: "callbacks", takes: callbackRequest{}, late: true, conflicts: true, gone: true,
		summary: "Answer a call later", about: "For endpoints: the URL that came in the header Forgehook-Callback-Url needs no key. result is any JSON, at most 1 MiB; outcome is delivered (the default) or failed, and error says why it failed. " +
			"status is accepted when the call has ended by it, and early when the request has not been answered yet: the call ends by it then, whatever that answer says. " +
			"Once a call: 409 the second time, 410 after callback.timeout or when the call has ended otherwise, 404 for every other URL. What cannot be written back is 422: nothing is kept, and it may be sent again."}, s.callBack)
}

// errNoCallback is the one error for a token that is forged, names no call, or names a call that
// awaits no callback.
func errNoCallback() error {
	return forgehook.Errorf(forgehook.CodeNotFound, "No call awaits an answer here.")
}

// callBack checks the token before it reads the body: a client without a token must cost nothing.
func (s *server) callBack(ctx context.Context, r *request, in *callbackInput) (*response[callbackResponse], error) {
	call, err := s.calledBack(ctx, in.Token)
	if err != nil {
		return nil, err
	}
	r.key.Tenant = call.Ref.Tenant // for the log
	c := postgres.Callback{Ref: call.Ref, Now: time.Now()}
	if !call.Ended { // otherwise the store says why it is too late, whatever the body
		if err := s.readCallback(r, &c); err != nil {
			return nil, err
		}
		err := s.understand(ctx, &c, in.Token)
		if forgehook.ErrorCode(err) == forgehook.CodeNotFound {
			err = errNoCallback()
		}
		if err != nil {
			return nil, err
		}
	}
	done, err := s.DB.RecordCallback(ctx, c)
	if err != nil {
		return nil, writeBackFaults(err)
	}
	s.dispatch(r).Follow(ctx, postgres.Raised{Wakes: done.Wakes})
	out := callbackResponse{Status: "accepted", Outcome: c.Said.Ended()}
	if done.Early {
		out.Status = "early"
	}
	return ok(out), nil
}

// calledBack is the call that a token names.
func (s *server) calledBack(ctx context.Context, token string) (call postgres.CallbackTarget, err error) {
	callID, readable := secret.ReadCallbackToken(token)
	if !readable {
		return call, errNoCallback()
	}
	call, err = s.DB.CallbackCall(ctx, callID)
	if forgehook.ErrorCode(err) == forgehook.CodeNotFound || err == nil && call.Key == nil {
		return call, errNoCallback()
	}
	if err != nil {
		return call, err
	}
	key, err := s.Secrets.Unseal(call.Ref.Tenant, call.Key)
	if err != nil {
		return call, fmt.Errorf("open the key of callbacks: %w", err)
	}
	if !secret.CheckCallbackToken(key, call.Ref.Tenant, token) {
		return call, errNoCallback()
	}
	return call, nil
}

// readCallback reads the body.
func (s *server) readCallback(r *request, c *postgres.Callback) error {
	if err := s.take(r.gin.Request.Context(), r); err != nil {
		return err
	}
	var given callbackRequest
	if err := r.decode(&given, true); err != nil {
		return err
	}
	if o := given.Outcome; o != nil {
		ends := []forgehook.Outcome{forgehook.Delivered, forgehook.Failed}
		i := slices.IndexFunc(ends, func(end forgehook.Outcome) bool { return strings.EqualFold(string(end), string(*o)) })
		if i < 0 {
			r.fault("body.outcome", string(*o), "delivered or failed")
		} else {
			given.Outcome = &ends[i]
		}
	}
	c.Said = forgehook.Callback{Result: given.Result, Outcome: given.Outcome, Error: given.Error}
	if given.Error != nil && c.Said.Ended() == forgehook.Delivered {
		r.fault("body.error", "", "none, or outcome failed: a call that was delivered has no error")
	}
	if given.Error != nil && len(*given.Error) > maxCallbackError {
		r.fault("body.error", "", fmt.Sprintf("at most %d bytes", maxCallbackError))
	}
	if n := len(c.Said.Result); n > maxResult {
		r.fault("body.result", "", fmt.Sprintf("at most %d bytes of JSON; these are %d", maxResult, n))
	}
	return r.invalid()
}

// understand applies the rules of the settings version that the call began with. An endpoint may
// send back what it got, so the copy that is shown holds no secret of the settings, no token and no
// value of a secret field.
func (s *server) understand(ctx context.Context, c *postgres.Callback, token string) error {
	call, err := s.DB.Call(ctx, c.Ref.Tenant, c.Ref.CallID)
	if err != nil {
		return err
	}
	facts, err := s.DB.Facts(ctx, c.Ref)
	if err != nil {
		return err
	}
	defer facts.Done()
	key := webhook.PlanKey{Tenant: c.Ref.Tenant, WebHookServiceID: facts.Call.WebHookServiceID, Version: facts.Settings.Version, Sum: facts.Settings.Sum()}
	plan, err := s.plans.Get(key, facts.Settings.Load)
	if err != nil {
		return fmt.Errorf("settings of call %s: %w", c.Ref.CallID, err)
	}
	settings := plan.Settings()
	if err := s.Secrets.OpenSettings(c.Ref.Tenant, &settings); err != nil {
		return fmt.Errorf("settings of call %s: %w", c.Ref.CallID, err)
	}
	secrets := plan.Redactor(settings, plan.Credentials(settings), token)
	unseen := secrets.With(mask.Of(&facts.Subject).Values()...)
	if c.Said.Error != nil {
		c.Said.Error = new(unseen.Replace(*c.Said.Error))
	}
	c.Said.Result = secrets.ReplaceJSON(c.Said.Result)
	evidence := webhook.Evidence{Subject: &facts.Subject, Meta: s.metaOf(facts.Call, plan), Callback: &c.Said, Redact: unseen}
	if evidence.Exchange, err = call.Response.Exchange(); err != nil {
		return fmt.Errorf("response of call %s: %w", c.Ref.CallID, err)
	}
	err = s.turn(ctx, func() (err error) {
		c.Reading, err = plan.Read(evidence)
		return err
	})
	if failure, ok := errors.AsType[*forgehook.CallError](err); ok {
		return forgehook.Invalid(forgehook.FieldError{Path: "body.result", Allowed: "an answer that can be written back: " + failure.Message})
	}
	return err
}

// writeBackFaults blames the store's errors about a write-back on the result, which the endpoint
// can mend. The message names the setting.
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
