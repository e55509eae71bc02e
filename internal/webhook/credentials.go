package webhook

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode"

	"github.com/forgehook/forgehook"
)

const (
	authorization       = "Authorization"
	defaultAPIKeyHeader = "X-Api-Key" //nolint:gosec // a name, no credential
)

// reservedHeaders are set by Forgehook or by the connection; a prefix ends in "-".
var reservedHeaders = []string{
	"host", "content-length", "content-type", "content-encoding", "user-agent", "traceparent", "tracestate", "connection",
	"keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect", "proxy-", "webhook-", "forgehook-",
}

func (f *faults) checkCredentials(w *forgehook.WebHookSettings) {
	if w.Username != nil {
		f.checkUsername(*w.Username)
	} else if w.Password.IsSet() {
		f.add("webHook.password", "", "only together with webHook.username")
	}
	if w.APIKeyHeader == nil {
		return
	}
	const path = "webHook.apiKeyHeader"
	header := *w.APIKeyHeader
	switch {
	case !isToken(header):
		f.add(path, header, "a header name: letters, digits and !#$%&'*+-.^_`|~")
	case isReserved(header):
		f.add(path, header, "another header: this one is set by Forgehook or by the connection")
	case !w.APIKey.IsSet():
		f.add(path, header, "only together with webHook.apiKey")
	case strings.EqualFold(header, authorization) && w.Username != nil:
		f.add(path, header, "another header: webHook.username is sent in Authorization already")
	}
}

func (f *faults) checkUsername(name string) {
	const path = "webHook.username"
	switch {
	case strings.ContainsFunc(name, unicode.IsControl):
		f.add(path, "", "a name without control characters")
	case strings.Contains(name, `\`):
		f.add(path, name, `a name without backslash: DOMAIN\user means NTLM, which comes with a later release`)
	case strings.Contains(name, ":"):
		f.add(path, name, "a name without colon: HTTP Basic ends the name at the first one")
	}
}

// isToken reports whether s can be a header's name (RFC 9110, 5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

func isReserved(header string) bool {
	header = strings.ToLower(header)
	return slices.ContainsFunc(reservedHeaders, func(r string) bool {
		return header == r || (strings.HasSuffix(r, "-") && strings.HasPrefix(header, r))
	})
}

// Credentials returns the headers that authenticate, for settings whose secrets are open: HTTP Basic, an API key, or both. It is
// asked at delivery only, so that no stored request holds a secret.
func (p *Plan) Credentials(opened forgehook.Settings) []Header {
	headers := p.maskedCredentials()
	w := &opened.WebHook
	for i := range headers {
		if headers[i].Name == authorization && w.Username != nil {
			pair := *w.Username + ":" + w.Password.Reveal()
			headers[i].Value = "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
		} else {
			headers[i].Value = w.APIKey.Reveal()
		}
	}
	return headers
}

// maskedCredentials are the same headers without their values.
func (p *Plan) maskedCredentials() []Header {
	w := &p.settings.WebHook
	var headers []Header
	if w.Username != nil {
		headers = append(headers, Header{Name: authorization, Secret: true})
	}
	if w.APIKey.IsSet() {
		name := defaultAPIKeyHeader
		if w.APIKeyHeader != nil {
			name = *w.APIKeyHeader
		}
		headers = append(headers, Header{Name: name, Secret: true})
	}
	return headers
}
