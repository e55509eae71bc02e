package forgehook

import "encoding/json"

// WriteBack is what an answer changes on what the call was about; nil parts and values leave what stands there.
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

// VerificationWrite is a verification of type API that is added to the parameter the call was about.
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

// CallbackAnswer is what an endpoint says later.
type CallbackAnswer struct {
	Result  json.RawMessage `json:"result"`  // any JSON; null where it is absent
	Outcome *Outcome        `json:"outcome"` // delivered or failed; nil: delivered
	Error   *string         `json:"error"`   // why it failed
}

// Ended is the outcome that the answer gives.
func (a *CallbackAnswer) Ended() Outcome {
	if a.Outcome != nil {
		return *a.Outcome
	}
	return Delivered
}

// Cause is the call that an event is about, as the calls which the event fires see it.
type Cause struct {
	ID               string          `json:"id"`
	WebHookServiceID int32           `json:"webHookServiceId"`
	Reason           *string         `json:"reason"`
	Outcome          string          `json:"outcome"`
	StatusCode       *int32          `json:"statusCode"` // of the last answer; null where there was none
	Attempts         int32           `json:"attempts"`
	ErrorCode        *string         `json:"errorCode"`
	ErrorMessage     *string         `json:"errorMessage"`
	Result           json.RawMessage `json:"result"`
}
