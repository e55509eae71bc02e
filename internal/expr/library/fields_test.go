package library_test

import (
	"testing"

	"github.com/forgehook/forgehook"
)

// likeNamed has a table before the total, and a column with the total's name. One field carries
// only its definition's id, others only their definition.
const likeNamed = `{"resultParameters":[
	{"id":1,"paramDef":{"id":10,"name":"Lines","grouping":3},"children":[
		{"id":2,"paramDef":{"id":11,"name":"Total","grouping":5},"value":"line"},
		{"id":3,"paramDef":{"id":12,"name":"Net"},"value":"below"}]},
	{"id":4,"paramDefId":13,"paramDef":{"name":"Total"},"value":"total"},
	{"id":5,"paramDef":{"id":14,"name":"NET"},"value":"top"},
	{"id":8,"children":[{"id":6,"paramDefId":15}]},
	{"id":7,"paramDefId":15}]}`

func TestFields_likeNamed(t *testing.T) {
	t.Parallel()
	var doc forgehook.Document
	if err := forgehook.Decode([]byte(likeNamed), &doc); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`doc.field("Total").value`:                                  "total",
		`doc.field("TOTAL").value`:                                  "total",
		`doc.field("Net").value`:                                    "below",
		`doc.field("net").value`:                                    "top",
		`doc.field("Lines").field("total").value`:                   "line",
		`doc.fields("Total").map(f, f.value).join(" ")`:             "line total",
		`doc.fields("TOTAL").map(f, f.value).join(" ")`:             "line total",
		`doc.fields("net").map(f, f.value).join(" ")`:               "below top",
		`doc.fields(15).map(f, string(f.id)).join(" ")`:             "6 7",
		`doc.fields().map(f, string(f.id)).join(" ")`:               "1 2 3 4 5 8 6 7",
		`doc.field(13).value + " " + doc.definition(13).name`:       "total Total",
		`doc.field(14).value + " " + doc.definition(14).name`:       "top NET",
		`doc.field("Lines").field(12).value`:                        "below",
		`string(doc.field(0).exists) + string(doc.field(5).exists)`: "falsefalse",
	} {
		if got, err := evalDocument(t, &doc, text); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
}
