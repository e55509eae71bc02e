package activities

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/outbound"
	"github.com/forgehook/forgehook/internal/webhook"
)

// leastSecret is the length from which a secret is looked for in answers: shorter ones would shred ordinary text.
const leastSecret = 4

// redactor hides the secrets of a request in what the endpoint answers: some send back what they got. hidden are secrets beside those
// of the settings.
func redactor(opened forgehook.Settings, credentials []webhook.Header, hidden []string) *strings.Replacer {
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
	var forms []string
	for _, s := range secrets {
		quoted, _ := json.Marshal(s) // a string always marshals
		forms = append(forms, s, strings.Trim(string(quoted), `"`), url.QueryEscape(s), url.PathEscape(s))
	}
	slices.SortFunc(forms, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // a whole header before a part of it
	var pairs []string
	for _, s := range slices.Compact(forms) {
		if len(s) >= leastSecret {
			pairs = append(pairs, s, masked)
		}
	}
	return strings.NewReplacer(pairs...)
}

// redact returns the exchange as it may be kept.
func redact(x outbound.Exchange, secrets *strings.Replacer) outbound.Exchange {
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
