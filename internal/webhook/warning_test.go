package webhook

import (
	"testing"

	"github.com/forgehook/forgehook"
)

const signed = `"signing":{"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}`

var unsigned = Warning{"signing.secret", "Requests are not signed: the endpoint cannot tell them from forged ones."}

func TestWarnings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, settings string
		want           []Warning
	}{
		{"none", `{"enabled":true,` + signed + `}`, []Warning{}},
		{"unsigned", `{}`, []Warning{unsigned}},
		{"body with GET", `{"webHook":{"method":"GET","body":"{}"},` + signed + `}`, []Warning{
			{"webHook.body", "A GET request is sent with this body; many endpoints ignore it."}}},
		{"body with HEAD", `{"webHook":{"method":"HEAD","body":"{{ doc.id }}"},` + signed + `}`, []Warning{
			{"webHook.body", "A HEAD request is sent with this body; many endpoints ignore it."}}},
		{"body with DELETE", `{"webHook":{"method":"DELETE","body":"{}"},` + signed + `}`, []Warning{}},
		{"type without body", `{"webHook":{"method":"DELETE","contentType":"text/xml"},` + signed + `}`, []Warning{
			{"webHook.contentType", "Not sent: DELETE has no body here. Set webHook.body, or use POST, PUT or PATCH."}}},
		{"kind without body", `{"webHook":{"bodyKind":"template"},` + signed + `}`, []Warning{{"webHook.bodyKind", "No effect: there is no webHook.body."}}},
		{"default payload as XML", `{"webHook":{"contentType":"text/xml"},` + signed + `}`, []Warning{
			{"webHook.contentType", "The default payload is JSON, and is sent as text/xml."}}},
		{"charset", `{"webHook":{"contentType":"text/xml; charset=ISO-8859-1","body":"<a/>"}}`, []Warning{
			{"webHook.contentType", "The body is sent in UTF-8, not in iso-8859-1."}, unsigned}},
		{"C# beyond what is translated", `{"webHook":{"contentType":"text/plain","body":"foreach (var p in doc.Parameters) { }"},` + signed + `}`, []Warning{{"webHook.body", "Looks like a script, and is sent as text. A C# body is translated if it starts with return or $\"; set webHook.bodyKind to static if this text is meant."}}},
		{"VB", `{"webHook":{"contentType":"text/plain","body":"Dim x As String = \"a\""},` + signed + `}`, []Warning{{"webHook.body", "Looks like a script, and is sent as text. A C# body is translated if it starts with return or $\"; set webHook.bodyKind to static if this text is meant."}}},
		{"Python", `{"webHook":{"contentType":"text/plain","body":"import json\nprint(1)"},` + signed + `}`, []Warning{{"webHook.body", "Looks like a script, and is sent as text. A C# body is translated if it starts with return or $\"; set webHook.bodyKind to static if this text is meant."}}},
		{"prose that begins like a script", `{"webHook":{"contentType":"text/plain","body":"from now on\nif you like"},` + signed + `}`, []Warning{}},
		{"disabled", `{"enabled":false,` + signed + `}`, []Warning{{"enabled", "Never fires: every call is skipped while enabled is false."}}},
		{"condition that is false", `{"condition":"1 > 2",` + signed + `}`, []Warning{{"condition", "Never fires: this is false whatever the document."}}},
		{"condition that is true", `{"condition":"true",` + signed + `}`, []Warning{{"condition", "No effect: this is true whatever the document."}}},
		{"condition", `{"condition":"doc.id > 2",` + signed + `}`, []Warning{}},
		{"Inbox documents after processing", `{"document":{"usage":"Inbox"},` + signed + `}`, []Warning{{"document.usage",
			"Never fires after processing, which is about Outbox documents: widen document.usage, or set executeBeforeProcess. Explicit calls are not affected."}}},
		{"Deleted documents", `{"document":{"status":"Deleted"},` + signed + `}`, []Warning{{"document.status",
			"Hardly ever fires: only executeOnTrigger, which is off, is about Deleted documents. Explicit calls are not affected."}}},
		{"extension in capitals", `{"document":{"extension":"^(\\.?tif|PDF)$"},` + signed + `}`, []Warning{{"document.extension",
			"Case counts: pdf in lower case does not match. (?i) at the start lets both match."}}},
		{"extension in both", `{"document":{"extension":"(?i)^(\\.?tif|PDF)$"},` + signed + `}`, []Warning{}},
		{"extension of no kind known", `{"document":{"extension":"^X\\d$"},` + signed + `}`, []Warning{}},
		{"pattern in capitals", `{"document":{"pattern":"^INV.*\\.(PDF|TIF)$"},` + signed + `}`, []Warning{{"document.pattern",
			"Case counts: .pdf in lower case does not match. (?i) at the start lets both match."}}},
		{"pattern in both", `{"document":{"pattern":"(?i)^INV.*\\.PDF$"},` + signed + `}`, []Warning{}},
		{"every response", `{"response":{"successWhen":"true"},` + signed + `}`, []Warning{{"response.successWhen",
			"Every response is a success, whatever its status: this is always true."}}},
		{"no response", `{"response":{"successWhen":"1 > 2"},` + signed + `}`, []Warning{{"response.successWhen",
			"No response is a success: this is always false."}}},
		{"responses", `{"response":{"successWhen":"response.json.ok == true","result":"response.json","writeBack":{"document":{"status":"\"Processed\""}}},` + signed + `}`, []Warning{}},
		{"a result beside a callback", `{"callback":{"await":true},"response":{"result":"response.json"},` + signed + `}`, []Warning{{"response.result",
			"No effect: the callback's result is the call's."}}},
		{"a callback of a request without body", `{"callback":{"await":true,"timeout":"PT1H"},"webHook":{"method":"GET"},` + signed + `}`, []Warning{}},
		{"a timeout without callback", `{"callback":{"timeout":"PT1H"},` + signed + `}`, []Warning{{"callback.timeout", "No effect: callback.await is false."}}},
		{"on failure", `{"onFailure":"hold","executeOnTrigger":true,"batchSize":1,` + signed + `}`, []Warning{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			diff(t, tt.want, plan(t, tt.settings).Warnings())
		})
	}
}

// An import stores what has no effect yet. The platform's default fires before processing, where
// hardly anything passes.
func TestWarnings_imported(t *testing.T) {
	t.Parallel()
	const later = "No effect yet: what this does comes with a later release."
	p := imported(t, `{"executeBeforeProcess":true,"executeAfterProcess":false,"batchSize":7,"archivingStrategy":30,"forcePdfImage":true,
		"webHook":{"url":"https://example.com/","domain":"CORP","username":"CORP\\jo","password":"p"},`+signed+`}`)
	diff(t, []Warning{
		{"executeBeforeProcess", "Hardly ever fires: before processing, a document is not Processed yet. Set executeAfterProcess, or widen document.status. Explicit calls are not affected."},
		{"webHook.domain", "Requests are sent without credentials: NTLM comes with a later release."},
		{"archivingStrategy", later}, {"forcePdfImage", later},
	}, p.Warnings())
	p = imported(t, `{"executeBeforeProcess":true,"executeAfterProcess":false,"document":{"status":[]},"webHook":{"url":"https://example.com/"},`+signed+`}`)
	diff(t, Warning{"executeBeforeProcess", "Hardly ever fires: what is about to be processed is an Inbox document. Set executeAfterProcess, or widen document.usage. Explicit calls are not affected."},
		p.Warnings()[0])
}

func TestPlan_settings(t *testing.T) {
	t.Parallel()
	s := settings(t, `{"removeComments":true,"webHook":{"username":"jo","password":"p"}}`)
	got := compiled(t, s).Settings()
	diff(t, pretty(t, s), pretty(t, got))
	got.WebHook.Password = forgehook.Secret{} // a copy
	diff(t, "p", s.WebHook.Password.Reveal())
}
