package activities

import (
	"slices"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/outbound"
	"github.com/forgehook/forgehook/internal/webhook"
)

// redactor hides the secrets of a request in what the endpoint answers: some send back what they got. Hidden are secrets beside those
// of the settings.
func redactor(opened forgehook.Settings, credentials []webhook.Header, hidden []string) *webhook.Redactor {
	secrets := slices.Clone(hidden)
	_ = opened.EachSecret(func(_ string, s *forgehook.Secret) error { // the visit never fails
		secrets = append(secrets, s.Reveal())
		return nil
	})
	for _, h := range credentials {
		secrets = append(secrets, h.Value)
		if _, token, ok := strings.Cut(h.Value, " "); ok { // "Basic dXNlcg==", "Bearer ..."
			secrets = append(secrets, token)
		}
	}
	return webhook.NewRedactor(secrets...)
}

// redact returns the exchange as it may be kept.
func redact(x outbound.Exchange, secrets *webhook.Redactor) outbound.Exchange {
	x.Status = secrets.Replace(x.Status)
	if x.Body != nil {
		x.Body = []byte(secrets.Replace(string(x.Body)))
	}
	headers := make(map[string]string, len(x.Headers))
	for name, value := range x.Headers {
		headers[secrets.Replace(name)] = secrets.Replace(value)
	}
	x.Headers = headers
	return x
}
