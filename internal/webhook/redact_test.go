package webhook

import (
	"strings"
	"testing"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/mask"
)

// A secret that is too short to be looked for inside texts is hidden where it is all of one.
func TestMask_short(t *testing.T) {
	t.Parallel()
	sub := subject(t, `{"document":{"id":1,"comment":"abc","filename":"abc.pdf","source":{"pw":"abc","pin":12,"n":128},"resultParameters":[
		{"id":5,"value":"abc","paramDef":{"id":9,"name":"Key","valueType":10}},{"id":6,"value":"12","paramDef":{"id":10,"name":"Pin","valueType":11}}]}}`)
	s := withBody("application/json", "", `{"k":"{{ doc.source.pw }}","p":{{ doc.source.pin }},"n":{{ doc.source.n }},"c":{{ doc.comment }},"f":{{ doc.filename }}}`)
	s.Condition = new(`doc.source.pw == "x" && doc.source.pin == 1 && doc.source.n == 128 && doc.field("Key").value == "y"`)
	s.Headers = []forgehook.Header{{Name: "X-Key", Value: "{{ doc.comment }}"}}
	p := compiled(t, s)
	r, err := requested(p, sub, meta)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, `{"k":"abc","p":12,"n":128,"c":"abc","f":"abc.pdf"}`, string(r.Body))
	diff(t, `{"k":"[secret]","p":"[secret]","n":128,"c":"[secret]","f":"abc.pdf"}`, string(r.Shown.Body))
	diff(t, []string{"abc", "[secret]"}, []string{r.Headers["X-Key"], r.Shown.Headers["X-Key"]})
	conditions, err := conditionsOf(p, sub, meta)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, `{"doc.source.pw":"[secret]","doc.source.pin":"[secret]","doc.source.n":128,"doc.field(\"Key\").value":"[secret]"}`, string(conditions[6].Actual))
}

// What an expression gives as a whole is written without what no expression has named: secret fields, and what the sender posted.
func TestRequest_wholeEntities(t *testing.T) {
	t.Parallel()
	const data = `{"document":{"id":1,"source":{"pin":"posted"},"resultParameters":[
		{"value":"hunter2","paramDef":{"id":9,"name":"Door","valueType":10,"defaultValue":"hunter2"},"verifications":[{"value":"hunter2"}],
			"children":[{"value":"hunter2","children":[{"value":"hunter2"}]}]},
		{"id":11,"value":"open","paramDef":{"id":12,"name":"Plain","valueType":1},"children":[{"id":13,"paramDefId":9,"value":"hunter2"},{"id":14,"value":"cell"}]}],
		"documents":[{"id":2,"source":{"pin":"posted"},"resultParameters":[{"id":21,"paramDefId":9,"value":"hunter2"}]}]},
		"masterDocument":{"id":3,"resultParameters":[{"id":31,"paramDefId":9,"value":"hunter2"}]},
		"parameter":{"id":5,"value":"hunter2","children":[{"value":"hunter2"}]},"parameterDef":{"id":9,"valueType":10,"defaultValue":"hunter2"},
		"verification":{"id":6,"value":"hunter2"},"service":{"id":7,"input":"\"posted\""}}`
	for _, expression := range []string{
		"doc", "docs", "doc.fields()", "doc.documents", "doc.resultParameters[0]", `doc.field("Door")`, `doc.field("Door").lastVerification`, `doc.field("Door").verifications`,
		`doc.field("Door").paramDef`, "doc.resultParameters[0].children", "doc.resultParameters[0].children[0].children[0]", "doc.resultParameters[1]",
		"doc.documents[0].resultParameters", "master", "master.resultParameters[0]", "par", "par.children", "def", "verification", "service", "[doc, par]", `{"d": doc}`,
	} {
		for _, body := range []string{expression, "json(" + expression + ")", "text(" + expression + ")"} {
			r, err := requested(compiled(t, withBody("text/plain", "", "{{ "+body+" }}")), subject(t, data), meta)
			if err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			if strings.Contains(string(r.Body), "hunter2") || strings.Contains(string(r.Body), "posted") {
				t.Errorf("%s sends %s", body, r.Body)
			}
		}
	}
	below := subject(t, `{"document":{"id":1},"parameter":{"id":5,"value":"open","children":[{"value":"hunter2","paramDef":{"id":9,"valueType":10}}]}}`)
	r, err := requested(compiled(t, withBody("text/plain", "", "{{ par.children }}{{ par.children[0] }}")), below, meta)
	if err != nil || string(r.Body) != "[null]null" {
		t.Errorf("the children of a field come out as %s, %v", r.Body, err)
	}
	r, err = requested(compiled(t, withBody("application/json", "", `{"d":{{ doc }},"v":{{ doc.field("Door").value }},"m":{{ par.value }},"p":{{ par }}}`)), subject(t, data), meta)
	if err != nil {
		t.Fatal(err)
	}
	want := withoutSources(mask.Of(subject(t, data)).Without())
	shown, err := forgehook.AppendJSON(nil, want.Document)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, `{"d":`+string(shown)+`,"v":"hunter2","m":"hunter2","p":null}`, string(r.Body))
	if !strings.Contains(string(shown), `"cell"`) {
		t.Errorf("a plain cell is missing in %s", shown)
	}
}

// The text about a verification, what a failed condition says, and the field that the call is about.
func TestMask_tells(t *testing.T) {
	t.Parallel()
	sub := subject(t, `{"document":{"id":1,"source":{"key":"hunter2-door"},"resultParameters":[{"id":5,"value":"hunter2-door","paramDef":{"id":9,"name":"Door","valueType":10},
		"verifications":[{"id":6,"value":"hunter2-old","info":"two digits of it were read"}]}]}}`)
	secrets := mask.Of(sub)
	masked := secrets.Masked(mask.NewRedactor(secrets.Values()...))
	diff(t, forgehook.Masked, *masked.Document.ResultParameters[0].Verifications[0].Info)

	settings := withURL("https://example.com/")
	settings.Condition = new(`doc.id == 2 && doc.source.key + "s" == "hunter2-door"`) // a hint repeats what failed
	conditions, err := conditionsOf(compiled(t, settings), sub, meta)
	if err != nil {
		t.Fatal(err)
	}
	c := conditions[6]
	if strings.Contains(string(c.Actual)+c.Hint, "hunter2-door") || !strings.Contains(c.Hint, forgehook.Masked) {
		t.Errorf("actual %s, hint %q", c.Actual, c.Hint)
	}
}
