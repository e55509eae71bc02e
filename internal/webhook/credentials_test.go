package webhook

import (
	"testing"

	"github.com/forgehook/forgehook"
)

func TestCredentials(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, settings string
		want           []Header
	}{
		{"none", `{}`, nil},
		{"basic", `{"webHook":{"username":"jo","password":"pass:wörd"}}`, []Header{{"Authorization", "Basic am86cGFzczp3w7ZyZA==", true}}},
		{"basic without password", `{"webHook":{"username":"jo"}}`, []Header{{"Authorization", "Basic am86", true}}},
		{"API key", `{"webHook":{"apiKey":"Bearer x"}}`, []Header{{"X-Api-Key", "Bearer x", true}}},
		{"API key in its header", `{"webHook":{"apiKey":"Bearer x","apiKeyHeader":"authorization"}}`, []Header{{"authorization", "Bearer x", true}}},
		{"both", `{"webHook":{"username":"jo","password":"p","apiKey":"k","apiKeyHeader":"X-Key"}}`, []Header{
			{"Authorization", "Basic am86cA==", true}, {"X-Key", "k", true}}},
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
			p, err := Compile(sealed) // as a run does
			if err != nil {
				t.Fatal(err)
			}
			diff(t, tt.want, p.Credentials(opened))

			// What is stored names the same headers and holds none of their values.
			r, err := p.Request(invoice(t), meta)
			if err != nil {
				t.Fatal(err)
			}
			var masked []Header
			for _, h := range r.Headers {
				if h.Secret {
					masked = append(masked, h)
				}
			}
			for i, h := range tt.want {
				tt.want[i] = Header{Name: h.Name, Secret: true}
			}
			diff(t, tt.want, masked)
		})
	}
}
