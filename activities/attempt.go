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

// attempt is one exchange, ready to be sent.
type attempt struct {
	credentials
	plan    *webhook.Plan
	request outbound.Request
	headers map[string]string // sent, without credentials
	shown   map[string]string // recorded, with secrets masked
	fields  []string          // values of secret fields
	unseen  *mask.Redactor    // masks credentials and secret fields in all that is stored; the rules do see the fields of a response
}

// prepare adds what is new in each attempt: time, signature, credentials.
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
	if built.Shown != nil { // the request holds values of secret fields, which the endpoint may send back
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

// hide also masks these values of secret fields.
func (t *attempt) hide(fields []string) {
	t.fields = append(t.fields, fields...)
	t.unseen = t.secrets.With(t.fields...)
}

// exchange sends the request. Its result still holds values of secret fields: the rules need them
// for write-backs, and nothing else may see them.
func (a *Activities) exchange(ctx context.Context, t *attempt) forgehook.Exchange {
	return redact(a.Sender.Send(context.WithoutCancel(ctx), t.request), t.secrets)
}

// endpointKey is the key of a utility's connections and of its pace.
func endpointKey(tenant forgehook.TenantID, webHookServiceID int32) string {
	return fmt.Sprintf("%s/%d", tenant, webHookServiceID)
}

// abandon takes back an attempt that was not sent. It costs no budget and is not reported. Settings
// that are no longer allowed end the call; an operator or time may fix any other cause.
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

// record stores the result of an attempt. Without it the attempt becomes unknown.
func (a *Activities) record(ctx context.Context, call workflows.CallRef, number int, t *attempt, x forgehook.Exchange, d forgehook.Decision, r forgehook.Reading) (recorded postgres.Recorded, err error) {
	err = persist(ctx, func() error {
		recorded, err = a.DB.RecordAttempt(ctx, postgres.AttemptEnd{
			Ref: call, Number: number, Headers: t.shown, Exchange: x, Decision: d, Reading: r, Now: a.Now(),
		})
		return err
	})
	return recorded, err
}

// lasting is the time that an activity has left after its exchange. It outlives the activity's
// context.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
}

// persist retries while the database is away, until ctx ends.
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

// traceparent puts all attempts of a call into one trace: its id is the call's.
func traceparent(callID string, number int) string {
	hex := make([]byte, 0, 32)
	for i := range len(callID) {
		if callID[i] != '-' {
			hex = append(hex, callID[i])
		}
	}
	return fmt.Sprintf("00-%s-%016x-01", hex, number)
}
