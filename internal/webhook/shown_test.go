package webhook

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/mask"
	"github.com/forgehook/forgehook/internal/place"
)

const vault = `{"document":{"id":1,"filename":"hunter2-door.pdf","source":{"pin":"hunter2-door","n":1.50,"open":[true,"x"],"code":20260105},
	"resultParameters":[
		{"id":5,"value":"hunter2-door","data":"aHVudGVyMi1kb29y","paramDef":{"id":9,"name":"Door","valueType":10,"defaultValue":"default-door"},
			"verifications":[{"id":6,"value":"hunter2-old","result":"hunter2 read","confidence":0.5}],"children":[{"id":7,"value":"hunter2-child"}]},
		{"id":8,"value":"20260105","paramDef":{"id":10,"name":"Code","valueType":11}},
		{"id":11,"value":"open","paramDef":{"id":12,"name":"Plain","valueType":1,"defaultValue":"d"}}]}}`

func TestRequest_shown(t *testing.T) {
	t.Parallel()
	const door = `doc.field("Door")`
	tests := []struct{ name, body, want string }{
		{"value", `{"d":"{{ ` + door + `.value }}"}`, `{"d":"[secret]"}`},
		{"whole field", `{"d":{{ ` + door + `.lastVerification.value }}}`, `{"d":"[secret]"}`},
		{"file name", `"{{ doc.filename }}"`, `"[secret].pdf"`},
		{"changed", `"{{ doc.filename.upper() }}"`, `"[SECRET].PDF"`},
		{"source", `{{ doc.source }}`, `{"pin":"[secret]","n":1.50,"open":[true,"x"],"code":"[secret]"}`},
		{"cannot be made without", `{{ int(doc.field("Code").value) + 1 }}`, `[secret]`},
		{"literal", `"hunter2-door"`, `"[secret]"`},
		{"nothing secret", `{{ doc.id }}`, `-`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := withBody("application/json", forgehook.BodyTemplate, tt.body)
			s.Headers = []forgehook.Header{{Name: "X-Plain", Value: "{{ doc.id }}"}}
			r, err := requested(compiled(t, s), subject(t, vault), meta)
			if err != nil {
				t.Fatal(err)
			}
			got := "-"
			if r.Shown != nil {
				got = string(r.Shown.Body)
				diff(t, r.URL, r.Shown.URL)
				diff(t, r.Headers, r.Shown.Headers)
			}
			diff(t, tt.want, got)
		})
	}
	s := withURL(`https://a.test/{{ doc.field("Door").value }}?c={{ doc.field("Code").value }}`)
	s.Headers = []forgehook.Header{{Name: "X-Door", Value: `{{ doc.field("Door").value }}`}}
	r, err := requested(compiled(t, s), subject(t, vault), meta)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, []string{"https://a.test/hunter2-door?c=20260105", "https://a.test/[secret]?c=[secret]"}, []string{r.URL, r.Shown.URL})
	diff(t, []string{"hunter2-door", "[secret]"}, []string{r.Headers["X-Door"], r.Shown.Headers["X-Door"]})
}

// A shown request has no secret in any form, whatever the template does with it. The sent one has
// it.
func TestRequest_neverShowsSecrets(t *testing.T) {
	t.Parallel()
	uses := []string{
		`%s`, `%s.upper()`, `%s.lower()`, `base64(%s)`, `sha256(%s)`, `urlEncode(%s)`, `json(%s)`, `%s.substring(1)`, `%s.replace("a", "b")`, `string(size(%s))`,
		`%s.padLeft(40)`, `"x" + %s + "y"`, `hmacSha256(%s, "k")`, `%s == "x" ? "yes" : "no"`, `%s.split("")[0]`, `%s.reverse()`, `text(%s)`, `[%s, %[1]s]`, `{"a": %s}`,
	}
	sources := []string{
		`doc.field("Key").value`, `doc.field("Key").lastVerification.value`, `doc.field("Key").paramDef.defaultValue`, `doc.fields()[0].value`, `doc.filename`,
		`doc.source.deep[0].key`, `string(doc.source)`, `par.value`, `verification.value`, `def.defaultValue`, `wi.info`, `doc.resultParameters[0].children[0].value`, `json(doc)`, `json(par)`,
	}
	letters := rapid.StringOfN(rapid.SampledFrom([]rune(`abcXYZ019 "'\<>&/?#%+=]äß€😀`)), 6, 20, -1)
	secret := rapid.Custom(func(t *rapid.T) string { return "K" + letters.Draw(t, "letters") + "9" })
	rapid.Check(t, func(t *rapid.T) {
		values := []string{secret.Draw(t, "value"), secret.Draw(t, "verified"), secret.Draw(t, "default"), secret.Draw(t, "child")}
		sub := hiding(t, values)
		use := func(label string) string {
			return fmt.Sprintf(rapid.SampledFrom(uses).Draw(t, label), rapid.SampledFrom(sources).Draw(t, label+" of"))
		}
		var s forgehook.Settings
		switch rapid.SampledFrom([]string{"json", "xml", "form", "plain", "expression", "default"}).Draw(t, "body") {
		case "json":
			s = withBody("application/json", "", fmt.Sprintf(`{"a":"{{ %s }}","b":{{ %s }}}`, use("a"), use("b")))
		case "xml":
			s = withBody("text/xml", "", fmt.Sprintf(`<a b="{{ %s }}">{{ %s }}<![CDATA[{{ %s }}]]></a>`, use("a"), use("b"), use("c")))
		case "form":
			s = withBody("application/x-www-form-urlencoded", "", fmt.Sprintf(`a={{ %s }}`, use("a")))
		case "plain":
			s = withBody("text/plain", "", fmt.Sprintf(`{{ %s }}{{ %s }}`, use("a"), use("b")))
		case "expression":
			s = withBody("application/json", forgehook.BodyExpression, use("a"))
		default:
			s = withURL("")
		}
		address := fmt.Sprintf("https://example.com/x{{ %s }}?q={{ %s }}", use("segment"), use("query"))
		s.WebHook.URL = &address
		s.Headers = []forgehook.Header{{Name: "X-A", Value: "{{ " + use("header") + " }}"}}
		condition := fmt.Sprintf("[%s] != [] && string(doc.id) != %s", use("condition"), rapid.SampledFrom(sources[:5]).Draw(t, "compared"))
		s.Condition = &condition
		p, err := Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		conditions, err := conditionsOf(p, sub, meta)
		checkHidden(t, values, "explanation", marshal(t, conditions))
		if err != nil {
			checkHidden(t, values, "failure", err.Error())
		}
		r, err := requested(p, sub, meta)
		if err != nil {
			checkHidden(t, values, "failure", err.Error())
			return
		}
		if r.Shown == nil {
			r.Shown = &forgehook.Shown{URL: r.URL, Headers: r.Headers, Body: r.Body}
		}
		checkHidden(t, values, "URL", r.Shown.URL)
		checkHidden(t, values, "headers", marshal(t, r.Shown.Headers))
		for name, value := range r.Shown.Headers {
			checkHidden(t, values, name, value)
		}
		checkHidden(t, values, "body", string(r.Shown.Body))
		if again, err := requested(p, sub, meta); err != nil || marshal(t, again.Shown) != marshal(t, r.Shown) && again.Shown != nil {
			t.Fatalf("another time it is %+v, %v", again, err)
		}
	})
}

// A secret too short to be searched for within texts is hidden where it is a whole text.
func TestShown_short(t *testing.T) {
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

// A whole entity is written without secret fields and without the sender's JSON.
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

// A failed condition repeats no secret.
func TestExplain_hints(t *testing.T) {
	t.Parallel()
	sub := subject(t, `{"document":{"id":1,"source":{"key":"hunter2-door"},"resultParameters":[{"id":5,"value":"hunter2-door","paramDef":{"id":9,"name":"Door","valueType":10},
		"verifications":[{"id":6,"value":"hunter2-old","info":"two digits of it were read"}]}]}}`)
	settings := withURL("https://example.com/")
	settings.Condition = new(`doc.id == 2 && doc.source.key + "s" == "hunter2-door"`) // a hint repeats the failed operand
	conditions, err := conditionsOf(compiled(t, settings), sub, meta)
	if err != nil {
		t.Fatal(err)
	}
	c := conditions[6]
	if strings.Contains(string(c.Actual)+c.Hint, "hunter2-door") || !strings.Contains(c.Hint, forgehook.Masked) {
		t.Errorf("actual %s, hint %q", c.Actual, c.Hint)
	}
}

func marshal(t *rapid.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// hiding returns a subject with secrets wherever they can be; the first is also in an unexpected
// field.
func hiding(t *rapid.T, values []string) *forgehook.Subject {
	name, kind := "Key", rapid.SampledFrom([]forgehook.ValueType{forgehook.ValuePassword, forgehook.ValueSecure}).Draw(t, "type")
	data := base64.StdEncoding.EncodeToString([]byte(values[0]))
	def := forgehook.ParameterDef{ID: 9, Name: &name, ValueType: kind, DefaultValue: &values[2]}
	p := forgehook.DocumentParameter{
		ID: 5, Value: &values[0], Data: &data, ParamDef: &def, Verifications: []forgehook.Verification{{ID: 6, ParameterID: 5, Value: &values[1]}},
		Children: []forgehook.DocumentParameter{{ID: 7, Value: &values[3]}},
	}
	filename, source := "a"+values[0]+".pdf", fmt.Sprintf(`{"deep":[{"key":%s}],"text":%s}`, toJSON(values[0]), toJSON("see "+values[1]))
	sub := &forgehook.Subject{Document: &forgehook.Document{ID: 1, Filename: &filename, Source: json.RawMessage(source), ResultParameters: []forgehook.DocumentParameter{p}}}
	if rapid.Bool().Draw(t, "about the field") {
		sub.Parameter, sub.ParameterDef, sub.Verification = &p, &def, &p.Verifications[0]
	}
	if rapid.Bool().Draw(t, "work item") {
		info := "the key is " + values[3]
		sub.WorkItem = &forgehook.WorkItem{ID: 3, Info: &info}
	}
	return sub
}

func checkHidden(t *rapid.T, values []string, where, text string) {
	for _, v := range values {
		quoted := string(toJSON(v))
		forms := []string{
			v, quoted[1 : len(quoted)-1], url.QueryEscape(v), url.PathEscape(v), strings.ToUpper(v), strings.ToLower(v),
			strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(v)), "="),
		}
		for _, p := range []place.Place{place.Header, place.Path, place.Form, place.JSONString, place.XMLText, place.XMLAttribute, place.CDATA} {
			forms = append(forms, string(p.Append(nil, v)))
		}
		if i := slices.IndexFunc(forms, func(f string) bool { return strings.Contains(text, f) }); i >= 0 {
			t.Fatalf("%q, as %q, is in the %s: %s", v, forms[i], where, text)
		}
	}
}
