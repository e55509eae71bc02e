package forgehook

import (
	"encoding/json"
	"slices"
	"time"
)

// What came of the steps of a call, in their order. Rules make these values, internal/postgres
// stores them.

// Explained is the result of a call's conditions.
type Explained struct {
	Conditions []Condition
	Failure    *CallError // a condition could not be evaluated, and all others passed: the call fails
}

// Fires reports whether all conditions passed.
func (e *Explained) Fires() bool {
	return e.Failure == nil && len(e.Conditions) > 0 &&
		!slices.ContainsFunc(e.Conditions, func(c Condition) bool { return !c.Passed })
}

// Built is the request of a call, without the parts of an attempt: webhook-timestamp,
// webhook-signature, webhook-attempt and trace headers. "[secret]" stands for the values of
// credentials.
type Built struct {
	Method  string
	URL     string
	Headers map[string]string
	Body    []byte     // nil: none is sent
	SHA256  string     // hex, of the body, or of no bytes
	Shown   *Shown     // nil: shown as sent
	Failure *CallError // the request could not be built: the call fails
}

// Shown is the request as users see it, where it has values of secret fields or a callback's URL.
// "[secret]" stands for the values, and the URL ends in "[token]".
type Shown struct {
	URL     string
	Headers map[string]string
	Body    []byte
}

// Seen is the request as users may see it.
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
	Truncated  bool              // Body is incomplete: too long, cut off, or late for the deadline
	Err        *CallError        // why there is no response
	Sent       bool              // bytes of the request may have reached the endpoint
}

// EndedAt is the end of the exchange.
func (x *Exchange) EndedAt() time.Time { return x.StartedAt.Add(x.Duration) }

// Decision is what the rules say about an exchange. A success ends the call delivered, unless it
// awaits a callback. A final decision that is no success ends it failed, with Code and Message as
// its error. Otherwise the next attempt is due after Delay. Reason goes into histories and logs, so
// of texts from the endpoint or a document it holds only the host of a redirect. Message is for the
// caller and may say more.
type Decision struct {
	Verdict Verdict
	Reason  string        // "503 Service Unavailable", "timed out after 30 s"
	Code    CallErrorCode // "" on success
	Message string        // "" on success
	Final   bool          // permanent, or no attempt left; false on success
	Delay   time.Duration // before the next attempt, if one follows
	Await   time.Duration // how long a success waits for the callback; 0: there is none
}

// Outcome is the end that the decision gives the call, "" if another attempt follows.
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

// Callback is the later message of an endpoint that took a request.
type Callback struct {
	Result  json.RawMessage `json:"result"`  // any JSON; null if absent
	Outcome *Outcome        `json:"outcome"` // delivered or failed; nil: delivered
	Error   *string         `json:"error"`   // why it failed
}

// Ended is the outcome that the callback gives the call.
func (c *Callback) Ended() Outcome {
	if c.Outcome != nil {
		return *c.Outcome
	}
	return Delivered
}

// Reading is what the rules make of an exchange that succeeded, or of a callback. Parts may be nil.
type Reading struct {
	Result    json.RawMessage // with secrets masked
	WriteBack *WriteBack      // to be written, secrets included
	Secrets   []string        // written values that must not be shown in any form
}

// WriteBack is what a reading changes on the subject. Nil parts and values change nothing.
type WriteBack struct {
	Document     *DocumentWrite     `json:"document,omitempty"`
	Verification *VerificationWrite `json:"verification,omitempty"`
	WorkItem     *WorkItemWrite     `json:"workItem,omitempty"`
}

// DocumentWrite changes a document. An empty text overwrites, nil does not.
type DocumentWrite struct {
	Status   *DocumentStatus `json:"status,omitempty"`
	Comment  *string         `json:"comment,omitempty"`
	Result   *string         `json:"result,omitempty"`
	Category *int32          `json:"category,omitempty"` // classId
	Fields   []FieldWrite    `json:"fields,omitempty"`   // sorted by name
}

// FieldWrite gives a field a value. Values of every type are texts.
type FieldWrite struct {
	Name  string `json:"name"` // in the field's definition
	Value string `json:"value"`
}

// VerificationWrite is a verification of type API, added to the parameter of the call.
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

// Change is one line of the difference that a call made.
type Change struct {
	Path   string          `json:"path"` // "document.status", "document.fields.Total", "verification", "workItem.reasonCode"
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
	Note   string          `json:"note,omitempty"` // why nothing was changed: "not stored here"
}
