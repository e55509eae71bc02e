package activities

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/mask"
	"github.com/forgehook/forgehook/internal/outbound"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/webhook"
	"github.com/forgehook/forgehook/workflows"
)

// attempt is one exchange, ready to go.
type attempt struct {
	credentials
	plan    *webhook.Plan
	request outbound.Request
	headers map[string]string // to be sent, without credentials
	shown   map[string]string // headers, secrets masked
	fields  []string          // values of secret fields
	unseen  *mask.Redactor    // credentials and fields: masked in all that is kept; the rules see the fields in a response
}

// prepare adds what only this attempt may hold: time, signature, credentials.
func (a *Activities) prepare(ctx context.Context, call workflows.CallRef, started postgres.Started) (*attempt, error) {
	plan, err := a.plan(call.Tenant, started.WebHookServiceID, started.Settings)
	if err != nil {
		return nil, err
	}
	made, err := a.credentials(ctx, call, plan)
	if err != nil {
		return nil, err
	}
	now, built, settings := a.Now(), started.Built, plan.Settings()
	moment := map[string]string{
		"webhook-timestamp": strconv.FormatInt(now.Unix(), 10), "webhook-attempt": strconv.Itoa(started.Number),
		"traceparent": traceparent(call.CallID, started.Number),
	}
	if made.signing.IsSet() {
		if moment["webhook-signature"], err = webhook.Sign(made.signing.Reveal(), started.WebhookID, now, built.Body); err != nil {
			return nil, err
		}
	}
	t := &attempt{plan: plan, headers: maps.Clone(built.Headers), shown: maps.Clone(built.Headers), request: outbound.Request{
		Key:    endpointKey(call.Tenant, started.WebHookServiceID),
		Method: built.Method, URL: built.URL, Body: built.Body, Timeout: settings.Delivery.Timeout,
	}}
	if n := settings.Response.MaxBytes; n != nil {
		t.request.Keep = *n
	}
	if built.Shown != nil { // it holds values of secret fields, which the endpoint may send back
		t.shown = maps.Clone(built.Shown.Headers)
		subject, err := a.DB.Subject(ctx, call)
		if err != nil {
			return nil, err
		}
		t.fields = mask.Of(&subject).Values()
	}
	maps.Copy(t.headers, moment)
	maps.Copy(t.shown, moment)
	t.authenticate(made)
	return t, nil
}

// authenticate gives the request its credentials.
func (t *attempt) authenticate(c credentials) {
	t.credentials = c
	t.hide(nil)
	sent := maps.Clone(t.headers)
	for _, h := range c.headers {
		sent[h.Name], t.shown[h.Name] = h.Value, forgehook.Masked
	}
	t.request.Headers = nil
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		t.request.Headers = append(t.request.Headers, outbound.Header{Name: name, Value: sent[name]})
	}
}

// hide masks values of secret fields, too.
func (t *attempt) hide(fields []string) {
	t.fields = append(t.fields, fields...)
	t.unseen = t.secrets.With(t.fields...)
}

// exchange sends the request. The rules see what the endpoint says about secret fields, so that it
// can be written back; nothing else does.
func (a *Activities) exchange(ctx context.Context, t *attempt) forgehook.Exchange {
	return redact(a.Sender.Send(context.WithoutCancel(ctx), t.request), t.secrets)
}

// endpointKey names a utility's connections, and the pace of what it calls.
func endpointKey(tenant forgehook.TenantID, webHookServiceID int32) string {
	return fmt.Sprintf("%s/%d", tenant, webHookServiceID)
}

// abandon takes back an attempt of which nothing was sent: it spends no budget and tells nobody
// anything. Settings that are not allowed any more can never be sent: they end the call. All else
// may be mended, by an operator or by time.
func (a *Activities) abandon(ctx context.Context, call workflows.CallRef, number int, cause error) (workflows.DeliverResult, error) {
	lasting, cancel := lasting(ctx)
	defer cancel()
	err := persist(lasting, func() error { return a.DB.AbandonAttempt(lasting, call, number) })
	if err != nil {
		return workflows.DeliverResult{}, a.fault("abandon attempt", call, err)
	}
	if errors.Is(cause, context.Canceled) {
		return workflows.DeliverResult{}, cause
	}
	a.Log.Error("cannot prepare an attempt", "call", call.CallID, "error", cause)
	if forgehook.ErrorCode(cause) == forgehook.CodeInvalid {
		done, err := a.complete(context.WithoutCancel(ctx), call, forgehook.Failed, *forgehook.CallErrorSettings.Because())
		return workflows.DeliverResult{Outcome: done.Outcome, StatusCode: done.StatusCode, Attempts: done.Attempts, Wake: done.Wake}, err
	}
	return workflows.DeliverResult{}, temporal.NewApplicationErrorWithOptions("the request could not be prepared: see the worker's log", string(forgehook.CallErrorInternal),
		temporal.ApplicationErrorOptions{NextRetryDelay: ourFaultDelay})
}

// record stores what happened: a lost record would make the attempt unknown.
func (a *Activities) record(ctx context.Context, call workflows.CallRef, number int, t *attempt, x forgehook.Exchange, d forgehook.Decision, r forgehook.Reading) (recorded postgres.Recorded, err error) {
	err = persist(ctx, func() error {
		recorded, err = a.DB.RecordAttempt(ctx, postgres.AttemptEnd{
			Ref: call, Number: number, Headers: t.shown, Exchange: x, Decision: d, Reading: r, Now: a.Now(),
		})
		return err
	})
	return recorded, err
}

// lasting is the time that an activity has after its exchange, even where its context has ended.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
}

// persist tries for as long as ctx lasts while the database is away.
func persist(ctx context.Context, try func() error) error {
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		err := try()
		if err == nil || forgehook.ErrorCode(err) != forgehook.CodeUnavailable {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// traceparent gives every attempt of a call one trace: the call's id is the trace id.
func traceparent(callID string, number int) string {
	hex := make([]byte, 0, 32)
	for i := range len(callID) {
		if callID[i] != '-' {
			hex = append(hex, callID[i])
		}
	}
	return fmt.Sprintf("00-%s-%016x-01", hex, number)
}
