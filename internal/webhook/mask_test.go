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
		{"source", `{{ doc.source }}`, `{"pin":"[secret]","n":1.5,"open":[true,"x"],"code":"[secret]"}`},
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

// What may be shown has no secret in any form, whatever the template does with it. What is sent has it.
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

func marshal(t *rapid.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// hiding is a subject with secrets wherever they can be, and the first one also where nobody expects it.
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
