package webhook

import (
	"errors"
	"strings"
	"testing"

	"github.com/forgehook/forgehook"
)

func withHeader(name, value string) forgehook.Settings {
	s := withURL("https://example.com/hook")
	s.Headers = []forgehook.Header{{Name: name, Value: value}}
	return s
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, value, filename, want string }{
		{"literal", "a, b", "", "a, b"},
		{"expression", "id={{ doc.id }}; f=\"{{ doc.filename }}\"", "x", `id=912; f="x"`},
		{"line break", "{{ doc.filename }}", "a\r\nX-Evil: 1", "a  X-Evil: 1"},
		{"line break of the literal", "a\r\nX-Evil: {{ doc.id }}", "", "a  X-Evil: 912"},
		{"NUL, DEL, tab", "{{ doc.filename }}", "a\x00b\x7fc\td", "a b c d"},
		{"invalid UTF-8", "{{ doc.filename }}", "a\xffb", "a\ufffdb"},
		{"quotes and others", "{{ doc.filename }}", `"'<?a=b#c]]>../`, `"'<?a=b#c]]>../`},
		{"trimmed", " {{ doc.filename }} ", "\r\n x \t", "x"},
		{"null", "{{ doc.comment }}", "", "-"},
		{"empty", "{{ doc.filename }}", " \r\n ", "-"},
		{"letters", "{{ doc.filename }}", "ä€", "ä€"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := requested(compiled(t, withHeader("X-Doc", tt.value)), about(tt.filename), meta)
			if err != nil {
				t.Fatal(err)
			}
			got, sent := r.Headers["X-Doc"]
			if !sent {
				got = "-"
			}
			diff(t, tt.want, got)
		})
	}
	_, err := requested(compiled(t, withHeader("X-Doc", "{{ doc.filename }}")), about(strings.Repeat("x", 8193)), meta)
	diff(t, error(&forgehook.CallError{Code: forgehook.CallErrorHeader, Message: "headers.X-Doc is longer than 8192 bytes."}), err)
	_, err = requested(compiled(t, withHeader("X-Doc", "{{ doc.comment + doc.filename }}")), about("hunter2"), meta)
	failure, ok := errors.AsType[*forgehook.CallError](err)
	if !ok || failure.Code != "expression_null" || !strings.HasPrefix(failure.Message, "headers.X-Doc, line 1, column ") || strings.Contains(failure.Message, "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestHeaders_faults(t *testing.T) {
	t.Parallel()
	const (
		reserved = "another header: this one is set by Forgehook or by the connection"
		apiKey   = "another header: this one comes from webHook.apiKey, whose value is kept secret"
	)
	for name, want := range map[string]string{
		"X Doc":              "a header name: letters, digits and !#$%&'*+-.^_`|~",
		"X-Doc: a\r\nX":      "a header name: letters, digits and !#$%&'*+-.^_`|~",
		"content-type":       "another header: webHook.contentType sets this one",
		"Host":               reserved,
		"Webhook-Signature":  reserved,
		"Proxy-Auth":         reserved,
		"Transfer-Encoding":  reserved,
		"Forgehook-Callback": reserved,
		"authorization":      "another header: this one comes from webHook.username, or from webHook.apiKeyHeader with webHook.apiKey, whose value is kept secret",
		"Cookie":             "another header: this one comes from webHook.apiKeyHeader with webHook.apiKey, whose value is kept secret",
		"x-api-key":          apiKey,
	} {
		_, err := Compile(withHeader(name, "x"))
		diff(t, []string{"headers." + name + " |  | " + want}, faultsOf(t, err))
	}
	s := withHeader("x-key", "x")
	own := "X-Key"
	s.WebHook.APIKey, s.WebHook.APIKeyHeader = forgehook.NewSecret("k"), &own
	_, err := Compile(s)
	diff(t, []string{"headers.x-key |  | " + apiKey}, faultsOf(t, err))
	_, err = Compile(withHeader("X-Doc", "a {{ doc.filenmae }}"))
	if got := strings.Join(faultsOf(t, err), ""); !strings.HasPrefix(got, "headers.X-Doc | ") || !strings.Contains(got, "filename") {
		t.Errorf("got %s", got)
	}
}
