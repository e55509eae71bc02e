package webhook

import (
	"strings"
	"testing"
)

func TestWarnings_placeholders(t *testing.T) {
	t.Parallel()
	for change, want := range map[string]string{
		`{"webHook":{"url":"https://example.com/documents/{id}"}}`:              "webHook.url: {id} is sent as it stands: it is a placeholder of another tool. Here it is written {{ doc.id }}.",
		`{"webHook":{"url":"https://example.com/{{ doc.id }}/{doc.filename}"}}`: "webHook.url: {doc.filename} is sent as it stands: it is a placeholder of another tool. Here it is written {{ doc.filename }}.",
		`{"webHook":{"url":"https://example.com/${doc.id}"}}`:                   "webHook.url: ${doc.id} is sent as it stands: it is a placeholder of another tool. Here it is written {{ doc.id }}.",
		`{"headers":{"X-Id":"<<document.id>>"}}`:                                "headers.X-Id: <<document.id>> is sent as it stands: it is a placeholder of another tool. Here it is written {{ doc.id }}.",
		`{"webHook":{"body":"{\"id\": \"{doc.id}\"}"}}`:                         "webHook.body: {doc.id} is sent as it stands: it is a placeholder of another tool. Here it is written {{ doc.id }}.",
		`{"webHook":{"body":"{\"id\": \"{% raw %}\", \"n\": {{ doc.id }}}"}}`:   "webHook.body: {% raw %} is sent as it stands: it is a placeholder of another tool. Here it is written {{ doc.raw }}.",
		`{"webHook":{"body":"{\"a\": {\"id\": {{ doc.id }}}}"}}`:                "",
		`{"webHook":{"body":"a {word} and [[x]]","contentType":"text/plain"}}`:  "",
		`{"webHook":{"url":"$\"https://example.com/{doc.Id}\""}}`:               "",
		`{"webHook":{"body":"{\"a\": doc.id}","bodyKind":"expression"}}`:        "",
	} {
		var got []string
		for _, w := range compiled(t, settings(t, change)).Warnings() {
			if strings.Contains(w.Message, "another tool") {
				got = append(got, w.Path+": "+w.Message)
			}
		}
		diff(t, want, strings.Join(got, "\n"))
	}
}
