package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr"
	"github.com/forgehook/forgehook/internal/mask"
)

// Meta is what a request says about its call.
type Meta struct {
	CallID           string
	WebhookID        string // webhook-id: the same over attempts and replays
	WebHookServiceID int32
	Reason           string    // why it was called, in the caller's words
	AcceptedAt       time.Time // the payload's timestamp, and the time that expressions see
	EventType        string    // the payload's type, a [forgehook.EventType]
	UserAgent        string    // "Forgehook/1.0.0"
	CallbackURL      string    // where the endpoint answers later; "": it does not
}

// vars are what expressions see, with a budget of their own.
func (m Meta) vars(sub *forgehook.Subject) *expr.Vars {
	vars := expr.SubjectVars(sub, m.call())
	vars.ShowEntities(entityView(sub))
	return vars
}

// call are the facts of the call as expressions see them.
func (m Meta) call() expr.Call {
	return expr.Call{
		ID: m.CallID, WebhookID: m.WebhookID, WebHookServiceID: m.WebHookServiceID, Reason: m.Reason, EventType: m.EventType, AcceptedAt: m.AcceptedAt,
		CallbackURL: m.CallbackURL,
	}
}

// ShownToken stands for the token of a callback's URL wherever that is kept or shown: who has it can answer for the endpoint.
const ShownToken = "[token]"

// callbackToken is the last segment of the callback's URL.
func (m Meta) callbackToken() string {
	return m.CallbackURL[strings.LastIndexByte(m.CallbackURL, '/')+1:]
}

// shown is the Meta with which may be kept what is made of it. A preview has that from the start.
func (m Meta) shown() Meta {
	if m.CallbackURL != "" {
		m.CallbackURL = strings.TrimSuffix(m.CallbackURL, m.callbackToken()) + ShownToken
	}
	return m
}

// meta has a callback's URL only where the settings await a callback.
func (p *Plan) meta(m Meta) Meta {
	if !p.settings.Callback.Await {
		m.CallbackURL = ""
	}
	return m
}

// Header is one line of a request. A secret one has its value only in the answer of [Plan.Credentials].
type Header struct {
	Name, Value string
	Secret      bool
}

// Request is what is sent, apart from what only an attempt knows: webhook-timestamp, webhook-signature, webhook-attempt, trace
// headers and the values of secrets.
type Request struct {
	Method  string
	URL     string
	Host    string // with the port, if the URL has one
	Headers []Header
	Body    []byte // nil: none
	SHA256  string // hex, of the body; of no bytes where there is none
	Shown   *Shown // nil: it may be shown as it is sent
}

// Shown is what may be shown of a request that was made with values of secret fields, for which "[secret]" stands, or with a
// callback's URL, which ends in "[token]".
type Shown struct {
	URL     string
	Headers []Header
	Body    []byte
}

// CallbackHeader is the header with the URL at which an endpoint answers later.
const CallbackHeader = "Forgehook-Callback-Url"

// Request makes the request for a subject. The error is a *Failure.
func (p *Plan) Request(sub *forgehook.Subject, m Meta) (*Request, error) {
	sub, m = p.subject(sub), p.meta(m)
	parts := p.build(sub, m)
	if parts.err != nil {
		return nil, parts.err
	}
	sum := sha256.Sum256(parts.body)
	r := &Request{
		Method: p.settings.WebHook.Method.String(), URL: parts.url, Host: p.address.host, Headers: p.headerLines(m, parts), Body: parts.body,
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
		r.Shown = p.shown(r, sub, redact, m.shown())
	}
	return r, nil
}

// subject is what the rules look at.
func (p *Plan) subject(sub *forgehook.Subject) *forgehook.Subject {
	if p.settings.RemoveComments {
		return withoutComments(sub)
	}
	return sub
}

// parts are what depends on the subject.
type parts struct {
	url    string
	values []string // of the plan's headers
	body   []byte
	err    error // the first one
}

// build makes every part, also where another one cannot be made, so that what is shown has them; a part that cannot is "[secret]".
func (p *Plan) build(sub *forgehook.Subject, m Meta) parts {
	vars, made := m.vars(sub), parts{url: forgehook.Masked, body: []byte(forgehook.Masked)}
	note := func(err error) bool {
		if made.err == nil && err != nil {
			made.err = err
		}
		return err == nil
	}
	if url, err := p.address.build(vars); note(err) {
		made.url = url
	}
	for i := range p.headers {
		value, err := p.headers[i].build(vars)
		if !note(err) {
			value = forgehook.Masked
		}
		made.values = append(made.values, value)
	}
	if body, err := p.buildBody(sub, m, vars); note(err) {
		made.body = body
	}
	return made
}

func (p *Plan) buildBody(sub *forgehook.Subject, m Meta, vars *expr.Vars) ([]byte, error) {
	if p.body != nil {
		return p.body.build(vars)
	}
	if !hasPayload(p.settings.WebHook.Method) {
		return nil, nil
	}
	body, err := payload(sub, m)
	if err != nil {
		return nil, &Failure{forgehook.CallErrorPayload, "The default payload of this document cannot be written as JSON."}
	}
	return body, nil
}

func (p *Plan) headerLines(m Meta, made parts) []Header {
	var lines []Header
	if made.body != nil {
		lines = append(lines, Header{Name: "Content-Type", Value: p.contentType})
	}
	lines = append(lines, Header{Name: "User-Agent", Value: m.UserAgent}, Header{Name: "webhook-id", Value: m.WebhookID})
	if m.CallbackURL != "" {
		lines = append(lines, Header{Name: CallbackHeader, Value: m.CallbackURL})
	}
	for i, value := range made.values {
		if value != "" {
			lines = append(lines, Header{Name: p.headers[i].name, Value: value})
		}
	}
	return append(lines, p.maskedCredentials()...)
}

// shown makes the request again for the subject without its secrets, and looks once more for what is left of them.
func (p *Plan) shown(sent *Request, masked *forgehook.Subject, redact *mask.Redactor, m Meta) *Shown {
	made := p.build(masked, m)
	s := &Shown{URL: redact.Replace(made.url), Headers: p.headerLines(m, made)}
	for i := range s.Headers {
		s.Headers[i].Value = redact.Replace(s.Headers[i].Value)
	}
	if made.body != nil {
		s.Body = []byte(redact.Replace(string(made.body)))
	}
	if s.URL == sent.URL && slices.Equal(s.Headers, sent.Headers) && bytes.Equal(s.Body, sent.Body) {
		return nil
	}
	return s
}
