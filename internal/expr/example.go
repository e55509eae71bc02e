package expr

import (
	_ "embed"
	"encoding/json"
	"time"

	"github.com/forgehook/forgehook"
)

//go:embed example.json
var exampleJSON []byte

// ExampleSubject is the subject of the documentation's examples: an invoice with a total that OCR
// was not sure of, a supplier with a field below it, and a table of two lines.
func ExampleSubject() *forgehook.Subject {
	var sub forgehook.Subject
	if err := json.Unmarshal(exampleJSON, &sub); err != nil {
		panic("example.json: " + err.Error()) // example.json is part of the program
	}
	return &sub
}

// ExampleSource is a sender's JSON, for the examples of the scope Input.
const ExampleSource = `{"number": "INV-7", "total": {"amount": 118.4, "currency": "EUR"}, ` +
	`"lines": [{"sku": "B6", "qty": 100}, {"sku": "N6", "qty": 80}]}`

// ExampleCall is the call of the examples. Their now is the moment of its acceptance.
func ExampleCall() Call {
	return Call{
		ID: "018f6b1e-7f0a-7c5e-9a3b-0d6f2b1c7e11", WebhookID: "msg_2b1c7e11", Reason: "document.updated", EventType: "document.updated",
		WebHookServiceID: 48100, AcceptedAt: time.Date(2026, 1, 5, 7, 31, 3, 0, time.UTC),
	}
}
