package forgehook

import (
	"strings"
	"testing"
)

func TestCallRequest_Validate(t *testing.T) {
	t.Parallel()
	const about = "document |  | required: documentId, document, or a work item with a documentId"
	tests := []struct {
		name, in string
		want     []string
	}{
		{"by id", `{"documentId":1}`, nil},
		{"inline", `{"document":{"id":1},"masterDocumentId":2,"parameter":{},"parameterDefId":3,"verification":{},"workItem":{}}`, nil},
		{"of a work item", `{"workItem":{"documentId":1}}`, nil},
		{"nothing", `{}`, []string{about}},
		{"a work item without document", `{"workItem":{"id":1}}`, []string{about}},
		{"a stored work item", `{"workItemId":1,"documentId":1}`, nil},
		{"all twice", `{"documentId":1,"document":{},"masterDocumentId":1,"masterDocument":{},"parameterId":1,"parameter":{},"parameterDefId":1,"parameterDef":{},
			"verificationId":1,"verification":{}}`, []string{
			"document |  | either documentId or document, not both", "masterDocument |  | either masterDocumentId or masterDocument, not both",
			"parameter |  | either parameterId or parameter, not both", "parameterDef |  | either parameterDefId or parameterDef, not both",
			"verification |  | either verificationId or verification, not both"}},
		{"a long reason", `{"documentId":1,"reason":"` + strings.Repeat("x", MaxReason+1) + `"}`, []string{"reason | " + strings.Repeat("x", 97) + "... | at most 500 bytes"}},
		{"a reason", `{"documentId":1,"reason":"` + strings.Repeat("x", MaxReason) + `"}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var r CallRequest
			if err := DecodeStrict([]byte(tt.in), &r); err != nil {
				t.Fatal(err)
			}
			diff(t, tt.want, faultsOf(t, r.Validate()))
		})
	}
}
