package webhook

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/mask"
)

const (
	authorization       = "Authorization"
	defaultAPIKeyHeader = "X-Api-Key" //nolint:gosec // a name, not a credential
)

func (f *faults) checkCredentials(s *forgehook.Settings) {
	w := &s.WebHook
	if w.Username != nil {
		f.checkUsername(*w.Username, w.Domain != nil)
	} else if w.Password.IsSet() {
		f.add("webHook.password", "", "only together with webHook.username; null removes a stored one")
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

// checkUsername lets a Windows user through where a domain is set: such a utility was imported, and
// authenticates not at all yet.
func (f *faults) checkUsername(name string, windows bool) {
	const path = "webHook.username"
	switch {
	case strings.ContainsFunc(name, unicode.IsControl):
		f.add(path, "", "a name without control characters")
	case strings.Contains(name, `\`) && !windows:
		f.add(path, name, `a name without backslash: DOMAIN\user means NTLM, which comes with a later release`)
	case strings.Contains(name, ":") && !windows:
		f.add(path, name, "a name without colon: HTTP Basic ends the name at the first one")
	}
}

// Credential is a header that authenticates. Only the wire has its value.
type Credential struct{ Name, Value string }

// Credentials returns the headers that authenticate, for settings whose secrets are open: HTTP
// Basic, an API key, or both. It is asked at delivery only, so that no stored request holds a
// secret.
func (p *Plan) Credentials(opened forgehook.Settings) []Credential {
	w := &opened.WebHook
	var credentials []Credential
	for _, name := range p.credentialHeaders() {
		value := w.APIKey.Reveal()
		if name == authorization && w.Username != nil {
			password := w.Password
			if !password.IsSet() {
				password = opened.Password
			}
			pair := *w.Username + ":" + password.Reveal()
			value = "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
		}
		credentials = append(credentials, Credential{name, value})
	}
	return credentials
}

// credentialHeaders are the names of those headers. There are none where a domain asks for NTLM: a
// password meant for one handshake is not sent in another.
func (p *Plan) credentialHeaders() (names []string) {
	w := &p.settings.WebHook
	if w.Domain != nil {
		return nil
	}
	if w.Username != nil {
		names = append(names, authorization)
	}
	if w.APIKey.IsSet() {
		name := defaultAPIKeyHeader
		if w.APIKeyHeader != nil {
			name = *w.APIKeyHeader
		}
		names = append(names, name)
	}
	return names
}

// Redactor hides what nobody may read in what an endpoint says: some send back what they got. It
// knows the secrets of the settings, which must be open, the credentials of the attempt, and more.
func (p *Plan) Redactor(opened forgehook.Settings, credentials []Credential, more ...string) *mask.Redactor {
	secrets := slices.Clone(more)
	_ = opened.EachSecret(func(_ string, s *forgehook.Secret) error { // the visit never fails
		secrets = append(secrets, s.Reveal())
		return nil
	})
	for _, c := range credentials {
		secrets = append(secrets, c.Value)
		if _, token, ok := strings.Cut(c.Value, " "); ok { // "Basic dXNlcg==", "Bearer ..."
			secrets = append(secrets, token)
		}
	}
	return mask.NewRedactor(secrets...)
}
