package api

import (
	"testing"

	"github.com/forgehook/forgehook"
)

// TestLiteralURL shows what the guard is asked about on save.
func TestLiteralURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://example.com/a?b=c":                        "https://example.com/a?b=c",
		"HTTPS://example.com/#x":                           "HTTPS://example.com/#x",
		"ftp://example.com/a":                              "ftp://example.com/",
		"example.com/a":                                    "example.com/a",
		"https://10.0.0.1:8443/{{ doc.id }}?x={{ 'a b' }}": "https://10.0.0.1:8443/",
		"$\"http://10.0.0.1/{doc.Id}\"":                    "http://10.0.0.1/",
		"return \"https://example.com/\" + doc.Id;":        "https://example.com/",
		"{{ doc.filename }}://example.com/":                "://example.com/",
		"https://{{ doc.filename }}/":                      "https://{{ doc.filename }}/",
	} {
		if got := literalURL(forgehook.WebHookSettings{URL: &text}); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
