package api

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forgehook/forgehook"
)

// Secret fields are stored, and shown to nobody: neither value nor verification nor, where the
// sender's JSON repeats it, the source.
func TestDocuments_secretFields(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	const withSecret = `{"id":7001,"filename":"door.pdf","source":{"pin":"0815-4711"},"resultParameters":[
		{"id":1,"value":"0815-4711","paramDef":{"id":1,"name":"Pin","valueType":11},"verifications":[{"id":2,"value":"0815-4711"}]},
		{"id":3,"value":"open","paramDef":{"id":2,"name":"Note","valueType":1}}]}`
	for _, got := range []reply{
		f.must(t, 201, "POST", "/v1/projects/1001/documents", withSecret),
		f.must(t, 200, "POST", "/v1/projects/1001/documents", withSecret),
		f.must(t, 200, "GET", "/v1/documents/7001", ""),
		f.must(t, 200, "GET", "/v1/projects/1001/documents", ""),
		f.must(t, 200, "PATCH", "/v1/documents/7001", `{"comment":"x"}`),
	} {
		shown := string(got.body)
		if strings.Contains(shown, "0815") || !strings.Contains(shown, "[secret]") || !strings.Contains(shown, `"open"`) {
			t.Errorf("got %s", shown)
		}
	}
	stored, err := f.db.Document(t.Context(), f.tenant, 7001)
	if err != nil || *stored.ResultParameters[0].Value != "0815-4711" || *stored.Comment != "x" {
		t.Errorf("stored %+v, %v", stored, err)
	}
}

// Who reads a document, changes it and sends it back loses no secret, and sends none of the masks
// that stand for them.
func TestDocuments_readAndWrittenBack(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	const withSecret = `{"id":7001,"filename":"door.pdf","source":{"z":1,"pin":"0815-4711"},"comment":"opens with 0815-4711","resultParameters":[
		{"id":1,"value":"0815-4711","paramDef":{"id":1,"name":"Pin","valueType":11},"verifications":[{"id":2,"value":"0815-4711"}]}]}`
	f.must(t, 201, "POST", "/v1/projects/1001/documents", withSecret)
	read := func() string { return string(f.must(t, 200, "GET", "/v1/documents/7001", "").body) }
	if shown := read(); strings.Contains(shown, "0815") {
		t.Fatalf("shown is %s", shown)
	}
	want, err := f.db.Document(t.Context(), f.tenant, 7001)
	if err != nil {
		t.Fatal(err)
	}
	write := map[string]func(){
		"POST":   func() { f.must(t, 200, "POST", "/v1/projects/1001/documents", read()) },
		"PATCH":  func() { f.must(t, 200, "PATCH", "/v1/documents/7001", read()) },
		"import": func() { f.must(t, 200, "POST", "/v1/projects/1001/documents/import", read()) },
	}
	for name, back := range write {
		back()
		got, err := f.db.Document(t.Context(), f.tenant, 7001)
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(forgehook.Document{}, "DTM")); err != nil || diff != "" {
			t.Errorf("after %s (-want +got): %v\n%s", name, err, diff)
		}
	}

	elsewhere := strings.Replace(read(), "7001", "7002", 1)
	refused := []struct{ name, method, path, body, location string }{
		{"another document", "POST", "/v1/projects/1001/documents", elsewhere, "body.resultParameters[0].value"},
		{"imported", "POST", "/v1/projects/1001/documents/import", elsewhere, "body[document 7002].resultParameters[0].value"},
		{"another field", "PATCH", "/v1/documents/7001", `{"resultParameters":[{"id":5,"value":"[secret]","paramDef":{"id":1,"name":"Pin","valueType":11}}]}`,
			"body.resultParameters[0].value"},
		{"called", "POST", "/v1/calls", `{"webHookServiceId":48080,"document":` + read() + `}`, "body.document.resultParameters[0].value"},
		{"an event's", "POST", "/v1/services/48072/events", `{"type":"after_process","documents":[` + read() + `]}`, "body.documents[0].resultParameters[0].value"},
	}
	for _, tt := range refused {
		if got := f.must(t, 422, tt.method, tt.path, tt.body); !strings.Contains(string(got.body), `"`+tt.location+`"`) || !strings.Contains(string(got.body), "in its place") {
			t.Errorf("%s: %s", tt.name, got.body)
		}
	}
	if got, err := f.db.Document(t.Context(), f.tenant, 7001); err != nil || *got.ResultParameters[0].Value != "0815-4711" {
		t.Errorf("in the end it is %+v, %v", got, err)
	}
}
