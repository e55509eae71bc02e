package webhook

import (
	"maps"
	"slices"
	"testing"

	"github.com/forgehook/forgehook"
)

func TestCredentials(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, settings string
		want           []Credential
	}{
		{"none", `{}`, nil},
		{"basic", `{"webHook":{"username":"jo","password":"pass:wörd"}}`, []Credential{{"Authorization", "Basic am86cGFzczp3w7ZyZA=="}}},
		{"basic without password", `{"webHook":{"username":"jo"}}`, []Credential{{"Authorization", "Basic am86"}}},
		{"API key", `{"webHook":{"apiKey":"Bearer x"}}`, []Credential{{"X-Api-Key", "Bearer x"}}},
		{"API key in its header", `{"webHook":{"apiKey":"Bearer x","apiKeyHeader":"authorization"}}`, []Credential{{"authorization", "Bearer x"}}},
		{"both", `{"webHook":{"username":"jo","password":"p","apiKey":"k","apiKeyHeader":"X-Key"}}`, []Credential{
			{"Authorization", "Basic am86cA=="}, {"X-Key", "k"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			opened := settings(t, tt.settings)
			sealed := opened
			err := sealed.EachSecret(func(_ string, s *forgehook.Secret) error {
				*s = forgehook.Secret{Sealed: []byte{1}}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			p, err := Compile(sealed) // as a call does
			if err != nil {
				t.Fatal(err)
			}
			diff(t, tt.want, p.Credentials(opened))

			// The stored request names the same headers without their values.
			r, err := requested(p, invoice(t), meta)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range tt.want {
				diff(t, forgehook.Masked, r.Headers[c.Name])
			}
			hidden := slices.DeleteFunc(slices.Collect(maps.Values(r.Headers)), func(value string) bool { return value != forgehook.Masked })
			diff(t, len(tt.want), len(hidden))
		})
	}
}
