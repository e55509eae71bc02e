package webhook

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/forgehook/forgehook"
)

// tabled is a document with a table before its total, and a sender's JSON.
const tabled = `{"document":{"id":7,"source":{"total":1999,"price":100.00},"info":[],"resultParameters":[
	{"id":1,"paramDef":{"id":5,"name":"Lines"},"children":[{"id":2,"paramDefId":6,"paramDef":{"id":6,"name":"Total"},"value":"LINE","children":[]}]},
	{"id":3,"paramDefId":8,"paramDef":{"id":8,"name":"Total"},"value":"DOC"}]}}`

// A version of settings keeps the language that it was saved with.
func TestRequest_language(t *testing.T) {
	t.Parallel()
	s := withBody("application/json", forgehook.BodyExpression,
		`{"share": doc.source.total / 100, "price": doc.source.price, "total": doc.field("Total").value, "lines": doc.field(5).exists}`)
	for language, want := range map[forgehook.Language]string{
		forgehook.Language1: `{"share":19,"price":100,"total":"LINE","lines":false}`,
		forgehook.Language2: `{"share":19.99,"price":100.00,"total":"DOC","lines":true}`,
	} {
		s.Language = language
		built, err := requested(compiled(t, s), subject(t, tabled), meta)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, want, string(built.Body))
	}
}

// C# keeps its own arithmetic.
func TestRequest_languageOfScripts(t *testing.T) {
	t.Parallel()
	s := withBody("application/json", forgehook.BodyCSharp, `return JsonSerializer.Serialize(new { half = 7 / 2 });`)
	built, err := requested(compiled(t, s), subject(t, tabled), meta)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, `{"half":3}`, string(built.Body))
}

func TestChanges(t *testing.T) {
	t.Parallel()
	s := withBody("application/json", forgehook.BodyTemplate, `{"a": {{ doc.source.total / 100 }}, "b": "{{ doc.field('Total').value }}", "c": {{ doc.id + 1 }}}`)
	if lines := Changes(s); lines != nil {
		t.Errorf("of settings in the present language: %q", lines)
	}
	s.Language = forgehook.Language1
	diff(t, []string{"webHook.body: doc.source.total / 100", `webHook.body: doc.field("Total")`}, Changes(s))
}

// An empty body is none; null is the default payload, in which an empty list stays one.
func TestRequest_emptyBody(t *testing.T) {
	t.Parallel()
	s := settings(t, `{"webHook":{"body":""}}`)
	built, err := requested(compiled(t, s), subject(t, tabled), meta)
	if err != nil {
		t.Fatal(err)
	}
	if _, has := built.Headers["Content-Type"]; has || len(built.Body) > 0 {
		t.Errorf("sends %q with %v", built.Body, built.Headers)
	}
	built, err = requested(compiled(t, settings(t, `{}`)), subject(t, tabled), meta)
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{`"info":[]`, `"children":[]`} {
		if !strings.Contains(string(built.Body), list) || !json.Valid(built.Body) {
			t.Errorf("%s is not in %s", list, built.Body)
		}
	}
	imported, err := forgehook.DecodeImported([]byte(`{"webHook":{"url":"https://example.com/","body":""}}`))
	if err != nil || imported.WebHook.Body != nil {
		t.Errorf("an imported blank is %v, %v", imported.WebHook.Body, err)
	}
}
