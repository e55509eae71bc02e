package outbound

import (
	"strings"
	"testing"
	"time"

	"github.com/forgehook/forgehook/internal/outbound/zoo"
)

func TestTry(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Allow: local, RootCAs: zoo.Roots(t)})
	strict := setup(t, Options{})
	tests := []struct {
		name   string
		sender *Sender
		url    string
		tls    bool
		fault  string
	}{
		{"plain", s, zoo.OK(t).URL, false, ""},
		{"TLS", s, zoo.TLS(t).URL, true, ""},
		{"expired", s, zoo.Expired(t).URL, true, "tls_untrusted: the endpoint's certificate has expired"},
		{"not TLS", s, zoo.NotTLS(t).URL, true, "tls_error: "},
		{"refused by the guard", strict, "https://127.0.0.1/hidden", true, "guard_blocked: 127.0.0.1:443, "},
		{"nobody there", s, "http://127.0.0.1:1", false, "connection_refused: "},
		{"no URL", s, "ftp://x", false, "it must be an absolute URL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := tt.sender.Try(t.Context(), tt.url)
			if tt.fault != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tt.fault) || strings.Contains(err.Error(), "hidden") {
					t.Errorf("got %v, want %s", err, tt.fault)
				}
				return
			}
			if err != nil || c.Address == "" || tt.tls != (c.TLS == "TLS 1.3") || tt.tls != c.Certificate.After(time.Now()) {
				t.Errorf("%+v, %v", c, err)
			}
		})
	}
}
