package value

import (
	"time"

	"cel.dev/cel-go/common/types/ref"

	"github.com/forgehook/forgehook"
)

// Call is what an expression may know of its call.
type Call struct {
	ID, WebhookID, Reason, EventType string
	CallbackURL                      string // "": the call awaits no callback
	WebHookServiceID                 int32
	AcceptedAt                       time.Time
}

// callFacts is the variable call.
type callFacts struct {
	ID               string          `json:"id"`
	WebhookID        string          `json:"webhookId"`
	WebHookServiceID int32           `json:"webHookServiceId"`
	Reason           string          `json:"reason"`
	EventType        string          `json:"eventType"`
	AcceptedAt       *forgehook.Time `json:"acceptedAt"`
	CallbackURL      *string         `json:"callbackUrl"`
}

// Call makes the variable call of x.
func (m *Memory) Call(c Call) ref.Val {
	facts := callFacts{
		ID: c.ID, WebhookID: c.WebhookID, WebHookServiceID: c.WebHookServiceID, Reason: c.Reason, EventType: c.EventType,
		AcceptedAt: &forgehook.Time{Time: c.AcceptedAt.UTC()},
	}
	if c.CallbackURL != "" {
		facts.CallbackURL = &c.CallbackURL
	}
	return m.Wrap(&facts)
}
