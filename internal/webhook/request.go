package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr"
	"github.com/forgehook/forgehook/internal/mask"
)

// Meta is what a request and its expressions say about the call.
type Meta struct {
	CallID           string
	WebhookID        string // webhook-id: the same over attempts and replays
	WebHookServiceID int32
	Reason           string    // in the caller's words
	AcceptedAt       time.Time // the payload's timestamp, and the time that expressions see
	EventType        string    // the payload's type, a [forgehook.EventType]
	UserAgent        string    // "Forgehook/1.0.0"
	CallbackURL      string    // "": the endpoint does not call back
}

// vars are what expressions see, with their own budget.
func (m Meta) vars(sub *forgehook.Subject) *expr.Vars {
	vars := expr.SubjectVars(sub, m.call())
	vars.ShowEntities(entityView(sub))
	return vars
}

// call returns the facts of the call for expressions.
func (m Meta) call() expr.Call {
	return expr.Call{
		ID: m.CallID, WebhookID: m.WebhookID, WebHookServiceID: m.WebHookServiceID, Reason: m.Reason, EventType: m.EventType, AcceptedAt: m.AcceptedAt,
		CallbackURL: m.CallbackURL,
	}
}

// ShownToken replaces the token of a callback's URL in all that is stored or shown: the token is
// enough to call back for the endpoint.
const ShownToken = "[token]"

func (m Meta) callbackToken() string {
	return m.CallbackURL[strings.LastIndexByte(m.CallbackURL, '/')+1:]
}

// shown returns the Meta without the token, for all that is stored. A preview's Meta never has a
// token.
func (m Meta) shown() Meta {
	if m.CallbackURL != "" {
		m.CallbackURL = strings.TrimSuffix(m.CallbackURL, m.callbackToken()) + ShownToken
	}
	return m
}

// meta removes a callback's URL where the settings do not await a callback.
func (p *Plan) meta(m Meta) Meta {
	if !p.settings.Callback.Await {
		m.CallbackURL = ""
	}
	return m
}

// CallbackHeader names the header with the URL at which an endpoint calls back.
const CallbackHeader = "Forgehook-Callback-Url"

func (p *Plan) Request(sub *forgehook.Subject, m Meta) forgehook.Built {
	sub, m = p.subject(sub), p.meta(m)
	parts := p.build(sub, m)
	if parts.failure != nil {
		return forgehook.Built{Failure: parts.failure}
	}
	sum := sha256.Sum256(parts.body)
	built := forgehook.Built{
		Method: p.settings.WebHook.Method.String(), URL: parts.url, Headers: p.headerLines(m, parts), Body: parts.body,
		SHA256: hex.EncodeToString(sum[:]),
	}
	secrets, hasToken := mask.Of(sub), m != m.shown()
	hidden := secrets.Values()
	if hasToken {
		hidden = append(hidden, m.callbackToken())
	}
	if secrets.Found() || hasToken {
		redact := mask.NewRedactor(hidden...)
		if secrets.Found() {
			sub = secrets.Masked(redact)
		}
		built.Shown = p.shown(&built, sub, redact, m.shown())
	}
	return built
}

func (p *Plan) subject(sub *forgehook.Subject) *forgehook.Subject {
	if p.settings.RemoveComments {
		return withoutComments(sub)
	}
	return sub
}

// parts are the parts of a request that depend on the subject.
type parts struct {
	url     string
	values  []string // of the plan's headers
	body    []byte
	failure *forgehook.CallError // the first one
}

// build makes every part, even where one fails, so that a shown request has all the others. A
// failed part is "[secret]".
func (p *Plan) build(sub *forgehook.Subject, m Meta) parts {
	vars, made := m.vars(sub), parts{url: forgehook.Masked, body: []byte(forgehook.Masked)}
	note := func(failed *forgehook.CallError) bool {
		if made.failure == nil {
			made.failure = failed
		}
		return failed == nil
	}
	if url, failed := p.address.build(vars); note(failed) {
		made.url = url
	}
	for i := range p.headers {
		value, failed := p.headers[i].build(vars)
		if !note(failed) {
			value = forgehook.Masked
		}
		made.values = append(made.values, value)
	}
	if body, failed := p.buildBody(sub, m, vars); note(failed) {
		made.body = body
	}
	return made
}

func (p *Plan) buildBody(sub *forgehook.Subject, m Meta, vars *expr.Vars) ([]byte, *forgehook.CallError) {
	if p.body != nil {
		return p.body.build(vars)
	}
	if p.settings.WebHook.Body != nil || !hasPayload(p.settings.WebHook.Method) {
		return nil, nil
	}
	body, err := payload(sub, m)
	if err != nil {
		return nil, &forgehook.CallError{Code: forgehook.CallErrorPayload, Message: "The default payload of this document cannot be written as JSON."}
	}
	return body, nil
}

// headerLines returns the headers as they are stored; delivery adds the credentials.
func (p *Plan) headerLines(m Meta, made parts) map[string]string {
	lines := map[string]string{"User-Agent": m.UserAgent, "webhook-id": m.WebhookID}
	if made.body != nil {
		lines["Content-Type"] = p.contentType
	}
	if m.CallbackURL != "" {
		lines[CallbackHeader] = m.CallbackURL
	}
	for i, value := range made.values {
		if value != "" {
			lines[p.headers[i].name] = value
		}
	}
	for _, name := range p.credentialHeaders() {
		lines[name] = forgehook.Masked
	}
	return lines
}

// shown builds the request again for the masked subject, then redacts what is left of its secrets.
func (p *Plan) shown(sent *forgehook.Built, masked *forgehook.Subject, redact *mask.Redactor, m Meta) *forgehook.Shown {
	made := p.build(masked, m)
	s := &forgehook.Shown{URL: redact.Replace(made.url), Headers: p.headerLines(m, made)}
	for name, value := range s.Headers {
		s.Headers[name] = redact.Replace(value)
	}
	if made.body != nil {
		s.Body = []byte(redact.Replace(string(made.body)))
	}
	if s.URL == sent.URL && maps.Equal(s.Headers, sent.Headers) && bytes.Equal(s.Body, sent.Body) {
		return nil
	}
	return s
}
