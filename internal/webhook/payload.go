package webhook

import (
	"fmt"
	"slices"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
	"github.com/forgehook/forgehook/internal/mask"
)

// hasPayload reports whether a request without a body of its own gets the default payload.
func hasPayload(m forgehook.Method) bool {
	return m == forgehook.MethodPost || m == forgehook.MethodPut || m == forgehook.MethodPatch
}

// payload is the default body: the subject as the platform writes it, with all eight keys and
// without secret fields. A call that the end of another has fired adds call. The order of members
// is fixed and <, >, & are not escaped, so a receiver may compare bytes.
func payload(sub *forgehook.Subject, m Meta) ([]byte, error) {
	b := jsontree.AppendString([]byte(`{"type":`), m.EventType)
	b = fmt.Appendf(b, `,"timestamp":"%s",`, forgehook.Time{Time: m.AcceptedAt})
	if m.CallbackURL != "" {
		b = append(jsontree.AppendString(append(b, `"callbackUrl":`...), m.CallbackURL), ',')
	}
	b, err := forgehook.AppendJSON(append(b, `"data":`...), withoutSources(mask.Of(sub).Without()))
	return append(b, '}'), err
}

// withoutSources drops what only expressions see: the sender's JSON, the category, a service's
// input.
func withoutSources(sub forgehook.Subject) forgehook.Subject {
	sub.Category = nil
	sub.Document, sub.MasterDocument = sourceless(sub.Document), sourceless(sub.MasterDocument)
	sub.Service = inputless(sub.Service)
	return sub
}

func inputless(service *forgehook.Service) *forgehook.Service {
	if service == nil || service.Input == nil && service.InputSample == nil {
		return service
	}
	clean := *service
	clean.Input, clean.InputSample, clean.InputLanguage = nil, nil, 0
	return &clean
}

func sourceless(doc *forgehook.Document) *forgehook.Document {
	if doc == nil || doc.Source == nil && doc.Documents == nil {
		return doc
	}
	clean := *doc
	clean.Source = nil
	clean.Documents = slices.Clone(doc.Documents)
	for i := range clean.Documents {
		clean.Documents[i] = *sourceless(&clean.Documents[i])
	}
	return &clean
}

// entityView returns what an expression that is a whole entity, like {{ doc }}, writes: the same as
// the default payload. A secret field and its verifications become nil.
func entityView(sub *forgehook.Subject) func(entity any) any {
	var secrets *mask.Secrets
	return func(entity any) any {
		if secrets == nil {
			secrets = mask.Of(sub)
		}
		switch e := secrets.Entity(entity).(type) {
		case *forgehook.Document:
			return sourceless(e)
		case *forgehook.Service:
			return inputless(e)
		default:
			return e
		}
	}
}
