package forgehook

import (
	"encoding/json"
	"slices"
	"time"
)

// What came of the steps of a call, in their order. Rules make it, internal/postgres stores it.

// Explained is what the conditions of a call say.
type Explained struct {
	Conditions []Condition
	Failure    *CallError // one of them could not be told, and all others passed: the call fails
}

// Fires reports whether the webhook is to be called: all conditions passed.
func (e *Explained) Fires() bool {
	return e.Failure == nil && len(e.Conditions) > 0 &&
		!slices.ContainsFunc(e.Conditions, func(c Condition) bool { return !c.Passed })
}

// Built is the request of a call, apart from what only an attempt knows: webhook-timestamp,
// webhook-signature, webhook-attempt, trace headers and the values of credentials, for which
// "[secret]" stands.
type Built struct {
	Method  string
	URL     string
	Headers map[string]string
	Body    []byte     // nil: none is sent
	SHA256  string     // hex, of the body; of no bytes where there is none
	Shown   *Shown     // nil: it is shown as it is sent
	Failure *CallError // the request could not be made: the call fails
}

// Shown is what everybody but the endpoint sees of a request that was made with values of secret
// fields, for which "[secret]" stands, or with a callback's URL, which ends in "[token]".
type Shown struct {
	URL     string
	Headers map[string]string
	Body    []byte
}

// Seen is the request as it may be shown.
func (b *Built) Seen() Request {
	r, body := Request{Method: b.Method, URL: b.URL, Headers: b.Headers}, b.Body
	if s := b.Shown; s != nil {
		r.URL, r.Headers, r.Masked, body = s.URL, s.Headers, true, s.Body
	}
	r.Body, r.BodyEncoding = BodyText(body)
	return r
}

// Exchange is one request and its response on the wire: a status, or an error, never both.
type Exchange struct {
	StartedAt  time.Time
	Duration   time.Duration
	StatusCode int               // 0: no response
	Status     string            // "503 Service Unavailable", in the endpoint's words
	Headers    map[string]string // canonical names; several values are joined by ", "
	Body       []byte            // decompressed; any bytes, not only text
	Truncated  bool              // Body is not all: too long, cut off, or not there before the deadline
	Err        *CallError        // why there is no response
	Sent       bool              // bytes of the request may have reached the endpoint
}

// EndedAt is the moment at which the exchange was over.
func (x *Exchange) EndedAt() time.Time { return x.StartedAt.Add(x.Duration) }

// Decision is what the rules say about an exchange. A success ends the call delivered, unless it
// awaits a callback; a final decision that is no success ends it failed, with Code and Message as
// its error; else the next attempt is due after Delay. Reason is for histories and logs: it holds
// nothing that the endpoint or a document wrote, except the host of a redirect. Message is for the
// caller only and may say more.
type Decision struct {
	Verdict Verdict
	Reason  string        // "503 Service Unavailable", "timed out after 30 s"
	Code    CallErrorCode // "" on success
	Message string        // "" on success
	Final   bool          // permanent, or budget used up; false on success
	Delay   time.Duration // before the next attempt, when it is retry and not final
	Await   time.Duration // how long a success waits for the endpoint's callback; 0: for none
}

// Outcome is how a call ends by the decision, "" where it goes on with another attempt.
func (d *Decision) Outcome() Outcome {
	switch {
	case d.Verdict == VerdictSuccess:
		return Delivered
	case d.Final || d.Verdict == VerdictPermanent:
		return Failed
	}
	return ""
}

// Awaits reports whether the endpoint took the request and calls back later.
func (d *Decision) Awaits() bool { return d.Verdict == VerdictSuccess && d.Await > 0 }

// Callback is what an endpoint says later.
type Callback struct {
	Result  json.RawMessage `json:"result"`  // any JSON; null where it is absent
	Outcome *Outcome        `json:"outcome"` // delivered or failed; nil: delivered
	Error   *string         `json:"error"`   // why it failed
}

// Ended is the outcome that the callback gives.
func (c *Callback) Ended() Outcome {
	if c.Outcome != nil {
		return *c.Outcome
	}
	return Delivered
}

// Reading is what the rules make of an exchange that succeeded, or of a callback. A nil part is
// none.
type Reading struct {
	Result    json.RawMessage // as it may be shown
	WriteBack *WriteBack      // as it is to be written, secrets included
	Secrets   []string        // values that nothing may show of what is written, in any form
}

// WriteBack is what a reading changes on what the call was about; nil parts and values leave what
// stands there.
type WriteBack struct {
	Document     *DocumentWrite     `json:"document,omitempty"`
	Verification *VerificationWrite `json:"verification,omitempty"`
	WorkItem     *WorkItemWrite     `json:"workItem,omitempty"`
}

// DocumentWrite changes a document. An empty text is a text.
type DocumentWrite struct {
	Status   *DocumentStatus `json:"status,omitempty"`
	Comment  *string         `json:"comment,omitempty"`
	Result   *string         `json:"result,omitempty"`
	Category *int32          `json:"category,omitempty"` // classId
	Fields   []FieldWrite    `json:"fields,omitempty"`   // in the order of their names
}

// FieldWrite gives the field of that name a value, as text: values of every type are texts.
type FieldWrite struct {
	Name  string `json:"name"` // of the parameter's definition
	Value string `json:"value"`
}

// VerificationWrite is a verification of type API that is added to the parameter the call was
// about.
type VerificationWrite struct {
	Value  *string             `json:"value,omitempty"`
	Status *VerificationStatus `json:"status,omitempty"`
	Info   *string             `json:"info,omitempty"`
}

// WorkItemWrite changes a work item.
type WorkItemWrite struct {
	Status            *WorkItemStatus `json:"status,omitempty"`
	ReasonCode        *string         `json:"reasonCode,omitempty"`
	ReasonDescription *string         `json:"reasonDescription,omitempty"`
	ReasonComment     *string         `json:"reasonComment,omitempty"`
}

// Change is one line of the difference that a call has made.
type Change struct {
	Path   string          `json:"path"` // "document.status", "document.fields.Total", "verification", "workItem.reasonCode"
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
	Note   string          `json:"note,omitempty"` // why nothing was changed: "not stored here"
}
