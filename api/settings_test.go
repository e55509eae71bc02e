package api

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/webhook"
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

// A save warns of names that several fields of a stored document have, where the settings mean one
// of them by it.
func TestSettings_likeNamedFields(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	f.must(t, 201, "POST", "/v1/projects/1001/services", `{"id":48073,"name":"Other"}`)
	const table = `{"id":1,"paramDef":{"id":1,"name":"Lines"},"children":[{"id":2,"paramDef":{"id":2,"name":"Total"}}]}`
	store := func(id, serviceID int, name string) {
		f.must(t, 201, "POST", "/v1/projects/1001/documents", fmt.Sprintf(
			`{"id":%d,"serviceId":%d,"resultParameters":[%s,{"id":3,"paramDef":{"id":3,"name":%q},"verifications":[{"serviceId":48072}]}]}`,
			id, serviceID, table, name))
	}
	store(913, 48072, "Total")
	store(914, 48072, "Total")
	store(915, 48072, "TOTAL") // as it is written before any case: one field
	store(916, 48073, "Total") // of another service, which only a verification names
	const settings = `{"webHook":{"url":"https://erp.example.com/","body":"{\"a\": {{ doc.field('Total').value }}, \"b\": {{ srcdoc.field('total').value }}, \"c\": {{ doc.fields('Total') }}}"},
		"condition":"doc.field(\"Lines\").exists && doc.field(\"Gross\").exists", "response":{"writeBack":{"document":{"fields":{"Total":"doc.field('Total').value"}}}}}`
	const warning = "Document %d has %d fields %q: the first at the top level is %s, or else the first below it."
	want := []webhook.Warning{
		{Path: "webHook.body", Message: fmt.Sprintf(warning, 915, 2, "total", "read")},
		{Path: "webHook.body", Message: fmt.Sprintf(warning, 914, 2, "Total", "read")},
		{Path: "response.writeBack.document.fields.Total", Message: fmt.Sprintf(warning, 914, 2, "Total", "read")},
		{Path: "response.writeBack.document.fields.Total", Message: fmt.Sprintf(warning, 914, 2, "Total", "written")},
	}
	for _, save := range []reply{
		f.must(t, 200, "PATCH", "/v1/services/48080/settings", settings),
		f.must(t, 200, "POST", "/v1/services/48080/settings/versions/2/restore", ""),
		f.must(t, 201, "POST", "/v1/services/48072/utilities", `{"type":"WebHook","name":"x","settings":`+settings+`}`),
	} {
		var said struct{ Warnings []webhook.Warning }
		if err := json.Unmarshal(save.body, &said); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, said.Warnings); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}
