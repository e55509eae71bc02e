package forgehook

import (
	"bytes"
	"encoding/json"
	"os"
	"strconv"
	"testing"
	"time"
)

// platformDocument is written as on the platform: a field with a verification, and a table of one
// column and one cell.
const platformDocument = `{"id":912,"userId":"5f1c0f0e-6f0a-4c5e-9a3b-0d6f2b1c7e11","projectId":1001,"serviceId":48072,"status":9,"usage":3,"classId":3307,
"contentType":"application/pdf","filename":"inv-0042.pdf","fileType":"pdf","dtc":"2026-01-05T07:30:00.000Z",
"dtm":"2026-01-05T07:31:02.250Z","documentId":null,"externalId":"PO-7","masterId":911,"result":null,"resultId":"run-1",
"resultIndex":0,"comment":null,"resultParameters":[
{"id":50,"documentId":912,"paramDefId":179804,"parentId":null,"value":"118.40","index":null,
"paramDef":{"id":179804,"name":"Total","label":"Total","category":4,"grouping":12,"valueType":3},"children":[],
"verifications":[{"id":70,"parameterId":50,"value":"118.40","dt":"2026-01-05T07:31:02.000Z","confidence":0.62,"type":1,
"status":3,"provider":"OCR","box":null}]},
{"id":60,"documentId":912,"paramDefId":179810,"parentId":null,"value":null,
"paramDef":{"id":179810,"name":"Lines","label":"Lines","category":4,"grouping":3,"valueType":0},"children":[
{"id":61,"documentId":912,"paramDefId":179811,"parentId":60,"colIndex":0,
"paramDef":{"id":179811,"name":"Text","label":"Text","category":4,"grouping":5,"valueType":1},
"children":[{"id":62,"documentId":912,"paramDefId":179811,"parentId":61,"rowIndex":0,"colIndex":0,"value":"Bolts M6"}]}]}]}`

func decoded(t testing.TB, data string) *Document {
	t.Helper()
	var doc Document
	if err := Decode([]byte(data), &doc); err != nil {
		t.Fatal(err)
	}
	return &doc
}

// No value of the platform is lost or changed. Nulls and names of enums are added.
func TestDocument_roundTrip(t *testing.T) {
	t.Parallel()
	written, err := json.Marshal(decoded(t, platformDocument))
	if err != nil {
		t.Fatal(err)
	}
	var sent, got any
	for data, into := range map[string]*any{platformDocument: &sent, string(written): &got} {
		dec := json.NewDecoder(bytes.NewReader([]byte(data)))
		dec.UseNumber()
		if err := dec.Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	contains(t, "document", sent, got)
	again, err := json.Marshal(decoded(t, string(written)))
	if err != nil {
		t.Fatal(err)
	}
	diff(t, string(written), string(again))
}

// contains reports whatever want has and got has not.
func contains(t *testing.T, path string, want, got any) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		have, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s: got %v", path, got)
			return
		}
		for name, w := range want {
			contains(t, join(path, name), w, have[name])
		}
	case []any:
		have, _ := got.([]any)
		if len(have) != len(want) {
			t.Errorf("%s: got %d items, want %d", path, len(have), len(want))
			return
		}
		for i := range want {
			contains(t, path, want[i], have[i])
		}
	default:
		if want != got {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}

// Absent scalars are written as null. Absent collections and expansions are left out.
func TestDocument_absent(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(decoded(t, `{"id":1,"resultParameters":[{"id":2}]}`))
	if err != nil {
		t.Fatal(err)
	}
	diff(t, `{"id":1,"userId":null,"status":0,"usage":0,"classId":null,"contentType":null,"filename":null,"fileType":null,"dtc":null,`+
		`"dtm":null,"documentId":null,"externalId":null,"masterId":null,"result":null,"resultId":null,"resultIndex":null,"comment":null,"availability":null,`+
		`"latestChildStatus":null,"originId":null,"resultParameters":[{"id":2,"paramDefId":null,"parentId":null,"sourceId":null,"value":null,`+
		`"data":null,"index":null,"colIndex":null,"colSpan":null,"rowIndex":null,"rowSpan":null,"availability":null}],"statusName":"None","usageName":"Definition"}`, string(b))
}

// Extracted values are texts for every value type, numbers keep their spelling, and HTML characters
// are not escaped.
func TestDocument_valuesAsTheyAre(t *testing.T) {
	t.Parallel()
	doc := decoded(t, `{"filename":"<a>&b","resultParameters":[{"value":"9.00","verifications":[{"charge":0.10,"symbolsConfidence":[0.90,"<"]}]}]}`)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(Subject{Document: doc}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"filename":"<a>&b"`, `"value":"9.00"`, `"charge":0.10`, `"symbolsConfidence":[0.90,"<"]`} {
		if !bytes.Contains(b.Bytes(), []byte(want)) {
			t.Errorf("no %s in %s", want, b.String())
		}
	}
	escaped, err := json.Marshal(doc) // an encoder that escapes still does
	if err != nil || !bytes.Contains(escaped, []byte(`"filename":"\u003ca\u003e\u0026b"`)) {
		t.Errorf("got %s, %v", escaped, err)
	}
}

func TestExtension(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"fileType":"jpg","filename":"a.pdf"}`: "jpg", `{"fileType":".jpg"}`: "jpg", `{"fileType":"","filename":"a.b.PDF"}`: "PDF",
		`{"filename":"README"}`: "", `{"filename":"a."}`: "", `{"filename":".env"}`: "env", `{}`: "",
	} {
		if got := decoded(t, in).Extension(); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}

func TestDocument_find(t *testing.T) {
	t.Parallel()
	doc := decoded(t, platformDocument)
	if p := doc.Parameter(62); p == nil || *p.Value != "Bolts M6" {
		t.Errorf("cell: got %+v", p)
	}
	if p, v := doc.Verification(70); p == nil || p.ID != 50 || v == nil || v.ID != 70 {
		t.Errorf("verification: got %+v of %+v", v, p)
	}
	if def := doc.ParameterDef(179811); def == nil || *def.Name != "Text" {
		t.Errorf("definition: got %+v", def)
	}
	p, v := doc.Verification(1)
	if doc.Parameter(1) != nil || p != nil || v != nil || doc.ParameterDef(1) != nil {
		t.Error("a missing entity was found")
	}
}

func TestLastVerification(t *testing.T) {
	t.Parallel()
	early, late := &Time{time.Unix(1, 0)}, &Time{time.Unix(2, 0)}
	for name, tt := range map[string]struct {
		in   []Verification
		want int32
	}{
		"by time":        {[]Verification{{ID: 1, DT: late}, {ID: 2, DT: early}}, 1},
		"then by id":     {[]Verification{{ID: 2, DT: late}, {ID: 1, DT: late}}, 2},
		"a time is last": {[]Verification{{ID: 9}, {ID: 1, DT: early}}, 1},
		"no times":       {[]Verification{{ID: 2}, {ID: 3}, {ID: 1}}, 3},
	} {
		if got := (&DocumentParameter{Verifications: tt.in}).LastVerification(); got == nil || got.ID != tt.want {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	if got := (&DocumentParameter{}).LastVerification(); got != nil {
		t.Errorf("none: got %+v", got)
	}
}

// A subject is frozen as JSON and read back for every step.
func TestSubject_roundTrip(t *testing.T) {
	t.Parallel()
	var first, second Subject
	in := `{"document":` + platformDocument + `,"masterDocument":{"id":911},"parameter":{"id":50},"parameterDef":{"id":7},"verification":{"id":70},
		"workItem":{"id":5,"duration":"1.00:00:00","dueDate":"2026-01-06T07:30:00"},"project":{"id":1001,"name":"AP"},"service":{"id":48072}}`
	if err := Decode([]byte(in), &first); err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := Decode(stored, &second); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(second)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, string(stored), string(again))
}

func BenchmarkDecode(b *testing.B) {
	receipts, err := os.ReadFile("internal/bench/receipts.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	receipt, _, _ := bytes.Cut(receipts, []byte("\n"))
	for name, data := range map[string][]byte{"document": []byte(platformDocument), "receipt": receipt} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				var doc Document
				if err := Decode(data, &doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// nested has fields of like names at the top and below a table and a group.
const nested = `{"resultParameters":[
	{"id":1,"paramDefId":10,"paramDef":{"id":10,"name":"Lines","grouping":3},"children":[
		{"id":2,"paramDefId":11,"paramDef":{"id":11,"name":"Total","grouping":5},"children":[{"id":3,"paramDefId":11}]},
		{"id":4,"paramDef":{"id":12,"name":"net"}}]},
	{"id":5,"paramDef":{"id":13,"name":"TOTAL"}},
	{"id":6,"paramDefId":14,"paramDef":{"name":"Total"}},
	{"id":7,"paramDef":{"id":15,"name":"NET"},"children":[{"id":8,"paramDef":{"id":16,"name":"Gro\u017fs"}}]},
	{"id":9,"paramDefId":0,"paramDef":{"name":""}},
	{"id":10,"paramDefId":12},
	{"id":11,"paramDefId":17,"paramDef":{"id":18,"name":"Other"}}]}`

// A name means the exact spelling before any case, the top before what is below, and then document
// order.
func TestFieldIndex(t *testing.T) {
	t.Parallel()
	doc := decoded(t, nested)
	fields := IndexFields(doc.ResultParameters)
	ids := func(found []*DocumentParameter) (text string) {
		for _, p := range found {
			text += " " + strconv.Itoa(int(p.ID))
		}
		return text
	}
	for name, want := range map[string]string{
		"Total": " 6 2", "TOTAL": " 5", "total": " 5 6 2", // at the top before below it
		"net": " 4", "NET": " 7", "Net": " 7 4", // exact, even below, before any case
		"lines": " 1", "GROSS": " 8", "Tota": "", "": "",
	} {
		found := fields.Named(name)
		diff(t, name+":"+want, name+":"+ids(found))
		if one := doc.Field(name); len(found) > 0 && one != found[0] || len(found) == 0 && one != nil {
			t.Errorf("%s: means %v", name, one)
		}
	}
	for id, want := range map[int32]string{11: " 2 3", 12: " 10 4", 14: " 6", 15: " 7", 17: " 11", 18: " 11", 0: "", 99: ""} {
		diff(t, strconv.Itoa(int(id))+want, strconv.Itoa(int(id))+ids(fields.Defined(id)))
	}
	for id, want := range map[int32]string{11: "Total", 12: "net", 14: "Total", 18: "Other", 17: "", 0: ""} {
		name := ""
		if def := doc.ParameterDef(id); def != nil {
			name = *def.Name
		}
		diff(t, want, name)
	}
	diff(t, " 1 2 3 4 5 6 7 8 9 10 11", ids(fields.All()))
	diff(t, " 2 3 4", ids(IndexFields(doc.Parameter(1).Children).All()))
	for p := range doc.Fields() {
		if p.ID == 3 {
			break // stops the walk below it too
		}
	}
}
