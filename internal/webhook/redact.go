package webhook

import (
	"errors"
	"slices"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/mask"
)

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

// redacted is a *Failure without secrets in its message.
func redacted(err error, redact *mask.Redactor) error {
	if f, ok := errors.AsType[*Failure](err); ok {
		return &Failure{f.Code, redact.Replace(f.Message)}
	}
	return err
}
