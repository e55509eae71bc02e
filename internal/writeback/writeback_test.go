package writeback

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

var at = time.Date(2026, 1, 5, 7, 31, 3, 0, time.UTC)

// invoice has a field, a secret field with another of the same definition and one below it, a
// table, and ambiguous names.
func invoice(t *testing.T) *forgehook.Document {
	t.Helper()
	const text = `{"id":1,"serviceId":3,"status":10,"classId":3307,"comment":"pin hun\"ter2","result":"7","resultParameters":[
		{"id":50,"value":"118.40","paramDef":{"id":9,"name":"Total"}},
		{"id":60,"value":"hun\"ter2","paramDef":{"id":8,"name":"Pin","valueType":10}},
		{"id":61,"value":"7","paramDef":{"id":8,"name":"Twin"},"children":[{"id":62,"paramDef":{"name":"Below"}}]},
		{"id":101,"paramDef":{"name":"Iban"}},{"id":102,"paramDef":{"name":"Iban"}},{"id":103,"paramDef":{"name":"IBAN"}},
		{"id":104,"paramDef":{"name":"Party","grouping":2},"children":[{"id":105,"paramDef":{"name":"Name"}}]},
		{"id":106,"paramDef":{"name":"Party2","grouping":2},"children":[{"id":107,"paramDef":{"name":"Name"}},{"id":108,"paramDef":{"name":"Party"}}]},
		{"id":109,"paramDef":{"name":"Items","grouping":3},"children":[
			{"id":110,"paramDef":{"name":"Price","grouping":5},"children":[{"id":111,"paramDef":{"name":"Price"}},{"id":112,"paramDef":{"name":"Price"}}]},
			{"id":113,"paramDef":{"name":"","grouping":4},"children":[{"id":114,"paramDef":{"name":"Unit"}}]},
			{"id":115,"paramDef":{"name":"","grouping":4},"children":[{"id":116,"paramDef":{"name":"Unit"}}]}]}]}`
	var d forgehook.Document
	if err := forgehook.Decode([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return &d
}

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// lines shows the changes as "path: before > after", or "path: note".
func lines(p Plan) (list []string) {
	for _, c := range p.Changes {
		if c.Note != "" {
			list = append(list, c.Path+": "+c.Note)
			continue
		}
		list = append(list, c.Path+": "+string(c.Before)+" > "+string(c.After))
	}
	return list
}

func field(name, value string) *forgehook.WriteBack {
	return &forgehook.WriteBack{Document: &forgehook.DocumentWrite{Fields: []forgehook.FieldWrite{{Name: name, Value: value}}}}
}

func TestOf_document(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("\u00e9", 10_000)
	shown, err := json.Marshal(forgehook.Shorten(long, maxShownText))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		write   forgehook.DocumentWrite
		secrets []string
		want    []string
	}{
		{
			"everything", forgehook.DocumentWrite{
				Status: new(forgehook.DocumentStatus(121)), Comment: new(""), Result: new(`{"a":"<"}`), Category: new(int32(7)),
				Fields: []forgehook.FieldWrite{{Name: "total", Value: "120.00"}, {Name: "Party", Value: ""}},
			}, nil, []string{
				`document.status: "Processed" > "CustomReleased"`, `document.comment: "pin [secret]" > ""`, `document.result: "[secret]" > "{\"a\":\"<\"}"`,
				`document.category: 3307 > 7`, `document.fields.total: "118.40" > "120.00"`, `document.fields.Party: null > ""`,
			},
		},
		{
			"what stands there", forgehook.DocumentWrite{
				Status: new(forgehook.DocumentStatus(10)), Comment: new(`pin hun"ter2`), Category: new(int32(3307)),
				Fields: []forgehook.FieldWrite{{Name: "Total", Value: "118.40"}},
			}, nil, nil,
		},
		{"a status without a name", forgehook.DocumentWrite{Status: new(forgehook.DocumentStatus(777))}, nil, []string{`document.status: "Processed" > 777`}},
		{"a status that is a secret", forgehook.DocumentWrite{Status: new(forgehook.DocumentStatus(121))}, []string{"CustomReleased"}, []string{`document.status: "Processed" > "[secret]"`}},
		{"secrets of the reading", forgehook.DocumentWrite{Comment: new("a b-frozen c")}, []string{"b-frozen"}, []string{`document.comment: "pin [secret]" > "a [secret] c"`}},
		{"a short secret within a text", forgehook.DocumentWrite{Result: new("70")}, nil, []string{`document.result: "[secret]" > "70"`}},
		{"a secret field", *field("Pin", "new").Document, nil, []string{`document.fields.Pin: "[secret]" > "[secret]"`}},
		{"what a secret field is given", forgehook.DocumentWrite{Comment: new("now 0815"), Fields: field("Twin", "0815").Document.Fields}, nil,
			[]string{`document.comment: "pin [secret]" > "now [secret]"`, `document.fields.Twin: "[secret]" > "[secret]"`}},
		{"a secret field without a value", *field("Below", "new").Document, nil, []string{`document.fields.Below: null > "[secret]"`}},
		{"a long text", forgehook.DocumentWrite{Result: &long}, nil, []string{`document.result: "[secret]" > ` + string(shown)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := invoice(t)
			p := Of(forgehook.Reading{WriteBack: &forgehook.WriteBack{Document: &tt.write}, Secrets: tt.secrets}, Stored{Document: d}, at)
			diff(t, "changes", tt.want, lines(p))
			diff(t, "faults", []forgehook.FieldError(nil), p.Faults)
			diff(t, "is to be stored", tt.want != nil, p.Document == d)
			diff(t, "sets the status", tt.write.Status != nil, p.StatusSet)
			if w := tt.write; w.Status != nil {
				diff(t, "status", *w.Status, d.Status)
			}
			if w := tt.write; w.Result != nil {
				diff(t, "result", *w.Result, *d.Result)
			}
			for _, f := range tt.write.Fields {
				diff(t, f.Name, f.Value, *forgehook.IndexFields(d.ResultParameters).Named(f.Name)[0].Value)
			}
		})
	}
}

// An ambiguous name is refused; cells of a table share the name of their column.
func TestOf_fieldsOfOneName(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]int32{"IBAN": 103, "Party": 104, "Price": 110, "unit": 114} {
		d := invoice(t)
		p := Of(forgehook.Reading{WriteBack: field(name, "!")}, Stored{Document: d}, at)
		diff(t, "faults of "+name, []forgehook.FieldError(nil), p.Faults)
		if value := d.Parameter(id).Value; value == nil || *value != "!" {
			t.Errorf("%s: field %d has %v", name, id, value)
		}
	}
}

// All faults are reported at once.
func TestOf_faults(t *testing.T) {
	t.Parallel()
	verify := func(value string) *forgehook.WriteBack {
		return &forgehook.WriteBack{Verification: &forgehook.VerificationWrite{Value: &value}}
	}
	const refusal = `a value, not what is shown in its place: "[secret]"`
	both := field("Totl", "1")
	both.Verification = &forgehook.VerificationWrite{}
	tests := []struct {
		name  string
		write *forgehook.WriteBack
		about *int32
		want  string
	}{
		{"no such field", field("Totl", "1"), nil, `document.fields.Totl: the document has no field "Totl"; did you mean "Total"?`},
		{"two at once", both, nil, `document.fields.Totl: the document has no field "Totl"; did you mean "Total"?; response.writeBack.verification: the call has no parameter`},
		{"two fields", field("Iban", "1"), nil, `document.fields.Iban: the document has 2 fields "Iban": which one is meant is unclear`},
		{"three in any case", field("iban", "1"), nil, `document.fields.iban: the document has 3 fields "iban": which one is meant is unclear`},
		{"two below", field("name", "1"), nil, `document.fields.name: the document has 2 fields "name": which one is meant is unclear`},
		{"the mask, by its definition", field("Pin", "A-[secret]"), nil, "document.fields.Pin: " + refusal},
		{"the mask, by the same definition", field("Twin", "[secret]"), nil, "document.fields.Twin: " + refusal},
		{"the mask, by where it stands", field("Below", "[secret]"), nil, "document.fields.Below: " + refusal},
		{"the mask as a verification", verify("[secret]"), new(int32(60)), "verification.value: " + refusal},
		{"about no parameter", verify("1"), nil, "verification: the call has no parameter"},
		{"a parameter that is gone", verify("1"), new(int32(51)), "verification: the document no longer has parameter 51"},
		{"a parameter without an id", verify("1"), new(int32(0)), "verification: the document no longer has parameter 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := Of(forgehook.Reading{WriteBack: tt.write}, Stored{Document: invoice(t), ParameterID: tt.about}, at)
			diff(t, "refusal", &forgehook.CallError{Code: forgehook.CallErrorWriteBackRefused, Message: "response.writeBack." + tt.want}, p.Refusal())
		})
	}
}

func TestOf_verification(t *testing.T) {
	t.Parallel()
	write := &forgehook.WriteBack{Verification: &forgehook.VerificationWrite{
		Value: new("1 <"), Status: new(forgehook.VerificationStatus(8194)), Info: new(`by hun"ter2`),
	}}
	for id, value := range map[int32]string{50: "1 <", 60: "[secret]"} {
		d := invoice(t)
		p := Of(forgehook.Reading{WriteBack: write}, Stored{Document: d, ParameterID: &id, VerificationID: 70}, at)
		want := forgehook.Verification{
			ID: 70, ParameterID: id, Value: new("1 <"), Status: 8194, Info: new(`by hun"ter2`), Type: 7, Provider: new("Forgehook"), DT: &forgehook.Time{Time: at},
		}
		diff(t, "verification", &want, p.Verification)
		diff(t, "of the document", []forgehook.Verification{want}, p.Document.Parameter(id).Verifications)
		number, err := json.Marshal(id)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, "changes", []string{
			`verification: null > {"id":70,"parameterId":` + string(number) + `,"value":"` + value + `","status":"Suspicious, Scripted","info":"by [secret]"}`,
		}, lines(p))
	}
}

func TestOf_workItem(t *testing.T) {
	t.Parallel()
	item := func(status forgehook.WorkItemStatus) *forgehook.WorkItem {
		return &forgehook.WorkItem{ID: 77, Status: status, ReasonCode: new("R1")}
	}
	completes := forgehook.WorkItemWrite{Status: new(forgehook.WorkItemStatus(2)), ReasonCode: new("R2"), ReasonDescription: new("d"), ReasonComment: new("c")}
	written := []string{
		`workItem.status: "Created" > "Completed"`, `workItem.reasonCode: "R1" > "R2"`, `workItem.reasonDescription: null > "d"`, `workItem.reasonComment: null > "c"`,
	}
	decided := func(as string) []string { return []string{"workItem: not written: the item is " + as} }
	tests := []struct {
		name           string
		stored         Stored
		write          forgehook.WorkItemWrite
		want           []string
		changes, moved bool
	}{
		{"actionable", Stored{Item: item(1)}, completes, written, true, true},
		{"new", Stored{Item: item(0)}, completes, append([]string{`workItem.status: "None" > "Completed"`}, written[1:]...), true, true},
		{"escalated", Stored{Item: item(4)}, completes, append([]string{`workItem.status: "EscalateRx" > "Completed"`}, written[1:]...), true, true},
		{"received", Stored{Item: item(6)}, completes, append([]string{`workItem.status: "Received" > "Completed"`}, written[1:]...), true, true},
		{"a reason only", Stored{Item: item(1)}, forgehook.WorkItemWrite{Status: new(forgehook.WorkItemStatus(1)), ReasonCode: new("x")}, []string{`workItem.reasonCode: "R1" > "x"`}, true, false},
		{"what stands there", Stored{Item: item(1)}, forgehook.WorkItemWrite{ReasonCode: new("R1")}, nil, false, false},
		{"none", Stored{}, completes, []string{"workItem: not stored here"}, false, false},
		{"a process waits", Stored{Item: item(1), Waited: true}, completes, []string{"workItem: left to the process of the work item"}, false, false},
		{"handed over", Stored{Item: item(5), Handed: true}, completes, []string{"workItem: handed over, the child is not here yet"}, false, false},
		{"completed", Stored{Item: item(2)}, completes, decided("Completed"), false, false},
		{"verified", Stored{Item: item(8)}, completes, decided("Verified"), false, false},
		{"rejected", Stored{Item: item(10)}, completes, decided("Rejected"), false, false},
		{"deleted", Stored{Item: item(90)}, completes, decided("Deleted"), false, false},
		{"in error", Stored{Item: item(99)}, completes, decided("Error"), false, false},
		{"a status without a name", Stored{Item: item(7)}, completes, decided("7"), false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := Of(forgehook.Reading{WriteBack: &forgehook.WriteBack{WorkItem: &tt.write}}, tt.stored, at)
			diff(t, "changes", tt.want, lines(p))
			diff(t, "is to be stored, has moved", []bool{tt.changes, tt.moved}, []bool{p.Item != nil, p.ItemMoved})
		})
	}
}

// Entities that the call brought are not stored here, which is not a fault.
func TestOf_notStoredHere(t *testing.T) {
	t.Parallel()
	p := Of(forgehook.Reading{WriteBack: &forgehook.WriteBack{
		Document: &forgehook.DocumentWrite{Status: new(forgehook.DocumentStatus(121))}, Verification: &forgehook.VerificationWrite{}, WorkItem: &forgehook.WorkItemWrite{},
	}}, Stored{ParameterID: new(int32(50))}, at)
	diff(t, "changes", []string{"document: not stored here", "verification: not stored here", "workItem: not stored here"}, lines(p))
	diff(t, "nothing is to be stored", []bool{true, true, false}, []bool{p.Document == nil, p.Item == nil, p.StatusSet})
}
