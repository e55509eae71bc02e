package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/forgehook/forgehook"
)

// Meta is what a request says about its call.
type Meta struct {
	CallID     string
	WebhookID  string    // webhook-id: the same over attempts and replays
	AcceptedAt time.Time // the payload's timestamp
	EventType  string    // the payload's type, "document.processed"
	UserAgent  string    // "Forgehook/1.0.0"
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
}

// Request makes the request for a subject. The error is a *Failure.
func (p *Plan) Request(sub *forgehook.Subject, m Meta) (*Request, error) {
	method := p.settings.WebHook.Method
	r := &Request{Method: method.String(), URL: p.url.String(), Host: p.url.Host, Body: p.body}
	if r.Body == nil && hasPayload(method) {
		body, err := payload(sub, m)
		if err != nil {
			return nil, &Failure{CodePayload, "The default payload of this document cannot be written as JSON."}
		}
		r.Body = body
	}
	if r.Body != nil {
		r.Headers = append(r.Headers, Header{Name: "Content-Type", Value: p.contentType})
	}
	r.Headers = append(r.Headers, Header{Name: "User-Agent", Value: m.UserAgent}, Header{Name: "webhook-id", Value: m.WebhookID})
	r.Headers = append(r.Headers, p.maskedCredentials()...)
	sum := sha256.Sum256(r.Body)
	r.SHA256 = hex.EncodeToString(sum[:])
	return r, nil
}
