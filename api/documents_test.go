package api

import (
	"strings"
	"testing"
)

// Secret fields are stored, and shown to nobody: neither value nor verification nor, where the sender's JSON repeats it, the source.
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
