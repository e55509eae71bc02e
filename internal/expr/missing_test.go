package expr

import "testing"

func TestExplain_missingField(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`doc.field("Totl").value == "1"`:               `doc has no field "Totl", but it has "Total". doc.field("Totl").value is null`,
		`number(doc.field("Zebra").value) > 1`:         `doc has no field "Zebra". number(doc.field("Zebra").value) is null: test number(doc.field("Zebra").value) != null first, or give another value with coalesce(number(doc.field("Zebra").value), ...)`,
		`!doc.field("Total").exists`:                   ``,
		`doc.field("total").value == "x"`:              ``,
		`doc.field("Totl").exists && doc.id == doc.id`: `doc has no field "Totl", but it has "Total".`,
	} {
		p, err := Compile(Subject, BoolResult, text)
		if err != nil {
			t.Fatal(err)
		}
		passed, parts, err := p.Explain(SubjectVars(ExampleSubject(), ExampleCall()))
		if err != nil || passed || parts[0].Hint != want {
			t.Errorf("%s: got %q, %v, want %q", text, parts[0].Hint, err, want)
		}
	}
}
