package forgehook

import (
	"encoding/base64"
	"encoding/json"
	"time"
	"unicode/utf8"
)

// CallStatus says where a call stands.
type CallStatus string

// The states of a call; docs show the transitions.
const (
	CallAccepted     CallStatus = "accepted"
	CallEvaluating   CallStatus = "evaluating"
	CallDelivering   CallStatus = "delivering"
	CallWaitingRetry CallStatus = "waiting_retry"
	CallPaused       CallStatus = "paused"
	CallAwaiting     CallStatus = "awaiting_callback" // the endpoint took the request and calls back later
	CallCompleted    CallStatus = "completed"
)

// CallStatuses lists every state, in the order a call meets them.
var CallStatuses = []CallStatus{CallAccepted, CallEvaluating, CallDelivering, CallWaitingRetry, CallPaused, CallAwaiting, CallCompleted}

// Outcome is the one end of a call; "" while it has none.
type Outcome string

// The outcomes.
const (
	Delivered Outcome = "delivered" // the response was 2xx or met response.successWhen, and an awaited callback came
	Skipped   Outcome = "skipped"   // a condition failed; see the explanation
	Failed    Outcome = "failed"    // a permanent failure, no attempt left, or no request could be built
	Canceled  Outcome = "canceled"  // by a user or operator
	Expired   Outcome = "expired"   // delivery.deadline or callback.timeout passed
)

// Outcomes lists every outcome.
var Outcomes = []Outcome{Delivered, Skipped, Failed, Canceled, Expired}

// Condition is one line of an explanation: what was required, what was found.
type Condition struct {
	Condition string          `json:"condition"` // a setting's path: "document.status"
	Expected  json.RawMessage `json:"expected"`
	Actual    json.RawMessage `json:"actual"`
	Passed    bool            `json:"passed"`
	Hint      string          `json:"hint,omitempty"` // what to change, where that is not obvious
}

// CallRef names a call.
type CallRef struct {
	Tenant TenantID
	CallID string
}

// Call is one invocation of one WebHook utility for one subject.
type Call struct {
	ID               string          `json:"id"` // UUIDv7
	WorkflowID       string          `json:"workflowId"`
	WebhookID        string          `json:"webhookId"` // the webhook-id sent; the same over attempts and replays
	WebHookServiceID int32           `json:"webHookServiceId"`
	ServiceID        int32           `json:"serviceId"`
	ProjectID        int32           `json:"projectId"`
	DocumentID       *int32          `json:"documentId"`
	WorkItemID       *int32          `json:"workItemId"`
	SettingsVersion  int             `json:"settingsVersion"`
	EventType        EventType       `json:"eventType"`
	RunID            *string         `json:"runId"`   // the run of an event that fired it
	CauseID          *string         `json:"causeId"` // the call that caused the event
	Reason           *string         `json:"reason"`
	Status           CallStatus      `json:"status"`
	Outcome          *Outcome        `json:"outcome"`
	Explanation      []Condition     `json:"explanation"`
	Request          *RequestInfo    `json:"request"`
	Response         *Response       `json:"response"`
	Result           json.RawMessage `json:"result"`            // what response.result made of the response, or the result of the callback
	Changes          []Change        `json:"changes,omitempty"` // made by the response
	Attempts         int             `json:"attempts"`
	NextAttemptAt    *Time           `json:"nextAttemptAt"`
	AcceptedAt       Time            `json:"acceptedAt"`
	DeadlineAt       Time            `json:"deadlineAt"`
	CallbackUntil    *Time           `json:"callbackUntil"` // while it awaits a callback
	CompletedAt      *Time           `json:"completedAt"`
	Error            *CallError      `json:"error"`
}

// RequestInfo describes a call's request without its body. Secrets are masked.
type RequestInfo struct {
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	BodyBytes int               `json:"bodyBytes"`
	SHA256    string            `json:"sha256"`           // hex, of the body
	Masked    bool              `json:"masked,omitempty"` // built again with [secret] for secret fields: values made of one may differ from those sent
}

// Request is the request as it was sent, except that secrets are masked.
type Request struct {
	Method       string            `json:"method"`
	URL          string            `json:"url"`
	Headers      map[string]string `json:"headers"`
	Body         string            `json:"body"`
	BodyEncoding string            `json:"bodyEncoding"`     // utf8 or base64
	Masked       bool              `json:"masked,omitempty"` // built again with [secret] for secret fields: values made of one may differ from those sent
}

// Response is the endpoint's response within an exchange.
type Response struct {
	StatusCode    int               `json:"statusCode"`
	Headers       map[string]string `json:"headers"`
	Body          string            `json:"body"`
	BodyEncoding  string            `json:"bodyEncoding"` // utf8 or base64
	BodyTruncated bool              `json:"bodyTruncated"`
}

// Exchange is the response as the rules read it. Without a response, as when an endpoint calls back
// early, it is zero.
func (r *Response) Exchange() (x Exchange, err error) {
	if r == nil {
		return x, nil
	}
	x = Exchange{StatusCode: r.StatusCode, Headers: r.Headers, Body: []byte(r.Body), Truncated: r.BodyTruncated}
	if r.BodyEncoding == "base64" {
		x.Body, err = base64.StdEncoding.DecodeString(r.Body)
	}
	return x, err
}

// BodyText is a body as JSON can hold it: text where it is UTF-8, else base64. encoding is "utf8"
// or "base64".
func BodyText(body []byte) (text, encoding string) {
	if utf8.Valid(body) {
		return string(body), "utf8"
	}
	return base64.StdEncoding.EncodeToString(body), "base64"
}

// Verdict is what one exchange means.
type Verdict string

// The verdicts.
const (
	VerdictSuccess   Verdict = "success"
	VerdictRetry     Verdict = "retry"
	VerdictPermanent Verdict = "permanent"
)

// Verdicts lists every verdict.
var Verdicts = []Verdict{VerdictSuccess, VerdictRetry, VerdictPermanent}

// AttemptState says how an attempt ended.
type AttemptState string

// The states of an attempt. Unknown: its worker died, and the endpoint may have got the request.
const (
	AttemptStarted  AttemptState = "started"
	AttemptFinished AttemptState = "finished"
	AttemptUnknown  AttemptState = "unknown"
)

// AttemptStates lists every state.
var AttemptStates = []AttemptState{AttemptStarted, AttemptFinished, AttemptUnknown}

// Attempt is one exchange of a call and its record.
type Attempt struct {
	Number        int          `json:"number"` // 1-based
	State         AttemptState `json:"state"`
	Verdict       *Verdict     `json:"verdict"`
	Reason        *string      `json:"reason"`
	StartedAt     Time         `json:"startedAt"`
	DurationMS    *int64       `json:"durationMs"`
	Request       Request      `json:"request"`
	Response      *Response    `json:"response"`
	Error         *CallError   `json:"error"`
	NextAttemptAt *Time        `json:"nextAttemptAt"`
}

// CallRequest asks for calls of one utility, or of every enabled utility of a service. Each entity
// is given by id or inline.
type CallRequest struct {
	ServiceID        *int32             `json:"serviceId"`
	WebHookServiceID *int32             `json:"webHookServiceId"`
	DocumentID       *int32             `json:"documentId"`
	Document         *Document          `json:"document"`
	MasterDocumentID *int32             `json:"masterDocumentId"`
	MasterDocument   *Document          `json:"masterDocument"`
	ParameterID      *int32             `json:"parameterId"`
	Parameter        *DocumentParameter `json:"parameter"`
	ParameterDefID   *int32             `json:"parameterDefId"`
	ParameterDef     *ParameterDef      `json:"parameterDef"`
	VerificationID   *int32             `json:"verificationId"`
	Verification     *Verification      `json:"verification"`
	WorkItemID       *int32             `json:"workItemId"`
	WorkItem         *WorkItem          `json:"workItem"`
	Reason           *string            `json:"reason"`
}

// MaxReason bounds CallRequest.Reason, in bytes.
const MaxReason = 500

// Validate reports entities that are missing or given twice. The store checks that ids exist.
func (r *CallRequest) Validate() error { return Invalid(r.faults()...) }

func (r *CallRequest) faults() (faults []FieldError) {
	both := func(name string, id *int32, inline bool) {
		if id != nil && inline {
			faults = append(faults, FieldError{Path: name, Allowed: "either " + name + "Id or " + name + ", not both"})
		}
	}
	both("document", r.DocumentID, r.Document != nil)
	both("masterDocument", r.MasterDocumentID, r.MasterDocument != nil)
	both("parameter", r.ParameterID, r.Parameter != nil)
	both("parameterDef", r.ParameterDefID, r.ParameterDef != nil)
	both("verification", r.VerificationID, r.Verification != nil)
	both("workItem", r.WorkItemID, r.WorkItem != nil)
	if !r.hasDocument() {
		faults = append(faults, documentRequired)
	}
	if r.Reason != nil && len(*r.Reason) > MaxReason {
		faults = append(faults, FieldError{Path: "reason", Value: Shorten(*r.Reason, 100), Allowed: "at most 500 bytes"})
	}
	return faults
}

// hasDocument reports whether the request names a document, if only by a work item.
func (r *CallRequest) hasDocument() bool {
	return r.DocumentID != nil || r.Document != nil || r.WorkItemID != nil || r.WorkItem != nil && r.WorkItem.DocumentID != nil
}

var documentRequired = FieldError{Path: "document", Allowed: "required: documentId, document, or a work item with a documentId"}

// NotCalled names a utility of the service that was not called, and why.
type NotCalled struct {
	WebHookServiceID int32  `json:"webHookServiceId"`
	Reason           string `json:"reason"`
}

// CallFilter selects calls of a list. Zero values select all.
type CallFilter struct {
	Status           CallStatus
	Outcome          Outcome
	WebHookServiceID int32
	DocumentID       int32
	WorkItemID       int32
	RunID            string
	From, To         time.Time // acceptedAt, From inclusive, To exclusive
}

// CallStart starts the workflow of an accepted call and shows the call there: no document values,
// no path, no query.
type CallStart struct {
	Tenant           TenantID
	CallID           string
	WebHookServiceID int32
	UtilityName      string
	ServiceID        int32
	ProjectID        int32
	DocumentID       *int32
	Method           string
	Host             string // "" when it depends on the document
	AcceptedAt       time.Time
	Deadline         time.Duration
	Timeout          time.Duration
}
