package webhook

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/forgehook/forgehook"
)

func TestBody(t *testing.T) {
	t.Parallel()
	const (
		asJSON, asXML, asForm, asText = "application/json", "text/xml", "application/x-www-form-urlencoded", "text/plain"
		csharp, expression            = forgehook.BodyCSharp, forgehook.BodyExpression
	)
	tests := []struct{ name, contentType, kind, body, filename, want string }{
		{"JSON: text in quotes", asJSON, "", `{"f":"<{{ doc.filename }}>"}`, "a\"\\\r\n\x00\xff]]>", `{"f":"<a\"\\\r\n\u0000` + "\ufffd" + `]]>>"}`},
		{"JSON: value", asJSON, "", `{"f":{{ doc.filename }},"i":{{ doc.id }},"c":{{ doc.comment }},"b":{{ doc.id > 1 }}}`, `"},`, `{"f":"\"},","i":912,"c":null,"b":true}`},
		{"JSON: null in quotes", asJSON, "", `"{{ doc.comment }}"`, "", `""`},
		{"JSON: object and list", asJSON, "", `{"o":{{ {"b": doc.id, "a": [doc.filename]} }}}`, "x", `{"o":{"b":912,"a":["x"]}}`},
		{"JSON: object in quotes", asJSON, "", `{"o":"{{ {"b": doc.filename} }}"}`, `"`, `{"o":"{\"b\":\"\\\"\"}"}`},
		{"JSON: a value as a key", asJSON, "", `{"k-{{ doc.filename }}":1}`, `":2,"`, `{"k-\":2,\"":1}`},
		{"JSON: whole body", asJSON, "", ` {{ doc.filename }} `, `x`, ` "x" `},
		{"XML: text", asXML, "", `<a>{{ doc.filename }}</a>`, "<b>&]]>\x00\r\"", `<a>&lt;b&gt;&amp;]]&gt;` + "\ufffd" + `&#13;&#34;</a>`},
		{"XML: attribute", asXML, "", `<a b="{{ doc.filename }}" c='{{ doc.filename }}'/>`, "\"'\n<", `<a b="&#34;&#39;&#10;&lt;" c='&#34;&#39;&#10;&lt;'/>`},
		{"XML: CDATA", asXML, "", `<a><![CDATA[{{ doc.filename }}]]></a>`, "<&x", `<a><![CDATA[<&x]]></a>`},
		{"XML: CDATA that would end", asXML, "", `<a><![CDATA[{{ doc.filename }}]]></a>`, "]]><b/>", `<a><![CDATA[]]><![CDATA[]]]]><![CDATA[><b/>]]><![CDATA[]]></a>`},
		{"XML: null", asXML, "", `<a>{{ doc.comment }}</a>`, "", `<a></a>`},
		{"form", asForm, "", `a={{ doc.filename }}&b={{ doc.comment }}&c={{ doc.id }}`, "x y&z=1\r\n\xff", `a=x+y%26z%3D1%0D%0A%EF%BF%BD&b=&c=912`},
		{"plain", asText, "", "{{ doc.filename }}: {{ doc.id > 1 }}", "a\r\n\"<", "a\r\n\"<: True"},
		{"literal braces", asText, "", "{{{{ x }} {{ doc.id }}", "", "{{ x }} 912"},
		{"template without expressions", asText, forgehook.BodyTemplate, "x", "", "x"},
		{"static with braces", asJSON, forgehook.BodyStatic, `"{{ doc.id }}"`, "", `"{{ doc.id }}"`},
		{"expression: order of members", asJSON, expression, `{"z": doc.filename, "a": {"y": doc.id, "b": null}}`, `"`, `{"z":"\"","a":{"y":912,"b":null}}`},
		{"expression: scalar", asJSON, expression, `doc.id`, "", "912"},
		{"expression: text", asText, expression, `doc.filename + "!"`, "a\"", `a"!`},
		{"expression: object as text", asText, expression, `{"a": doc.id}`, "", `{"a":912}`},
		{"C#: serializer", asJSON, "", `return JsonSerializer.Serialize(new { doc.Id, Name = doc.Filename });`, `"`, `{"Id":912,"Name":"\""}`},
		{"C#: string", asText, "", `$"{doc.Filename} {doc.Comment}!"`, `"`, `" !`},
		{"C#: in JSON", asJSON, "", `return $"{{\"f\":\"<{doc.Filename}>\",\"i\":{doc.Id}}}";`, "a\",\"b\":\n", `{"f":"<a\",\"b\":\n>","i":912}`},
		{"C#: in JSON, escapes itself", asJSON, "", `return $"{{\"f\":\"{doc.Filename.Replace("\"", "\\\"")}\"}}";`, `a"`, `{"f":"a\""}`},
		{"C#: in XML", asXML, "", `$"<a b='{doc.Filename}'>{doc.Filename}<![CDATA[{doc.Filename}]]></a>"`, "]]></a><a b='", `<a b=']]&gt;&lt;/a&gt;&lt;a b=&#39;'>]]&gt;&lt;/a&gt;&lt;a b=&#39;` +
			`<![CDATA[]]><![CDATA[]]]]><![CDATA[></a><a b=']]><![CDATA[]]></a>`},
		{"C#: in XML, declared", asXML, "", `var name = doc.Filename; return "<a>" + name + "</a>";`, "</a><evil/><a>", `<a>&lt;/a&gt;&lt;evil/&gt;&lt;a&gt;</a>`},
		{"C#: in XML, escapes itself", asXML, "", `$"<a>{doc.Filename.Replace("&", "&amp;").Replace("<", "&lt;")}</a>"`, "<&", `<a>&lt;&amp;</a>`},
		{"C#: in XML, writes markup", asXML, "", `$"<a>{(doc.Id > 1 ? "<b/>" : "")}{doc.Filename}</a>"`, "<", `<a><b/>&lt;</a>`},
		{"C#: in XML, an end of a section", asXML, "", `$"<a>]]{doc.Filename}></a>"`, "", `<a>]]&gt;</a>`},
		{"C#: in a tag", asXML, "", `$"<a {doc.Filename}/>"`, "b='1'", `<a b='1'/>`},
		{"C#: in a form", asForm, csharp, `"a=" + doc.Filename + "&b=" + doc.Id`, "&admin=1", `a=%26admin%3D1&b=912`},
		{"C#: in a form, writes fields", asForm, "", `$"{(doc.Id > 1 ? "a=1&b=" : "b=")}{doc.Filename}"`, "&", `a=1&b=%26`},
		{"C#: said so", asText, csharp, `doc.Filename + "!"`, "x", `x!`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := requested(compiled(t, withBody(tt.contentType, tt.kind, tt.body)), about(tt.filename), meta)
			if err != nil {
				t.Fatal(err)
			}
			diff(t, tt.want, string(r.Body))
			if r.Shown != nil {
				t.Error("something is masked")
			}
		})
	}
}

func TestBody_faults(t *testing.T) {
	t.Parallel()
	const (
		asJSON, asXML = "application/json", "text/xml"
		needs         = "JSON whose expressions are whole values or stand within quotes: "
		nowhere       = needs + "an expression cannot stand here"
		asItStands    = "; webHook.bodyKind static sends it as it stands"
		orType        = "JSON, or another webHook.contentType than application/json: "
	)
	tests := []struct{ name, contentType, kind, body, want string }{
		{"JSON: key", asJSON, "", `{ {{ doc.id }}: 1 }`, "doc.id | line 1, column 3: " + nowhere},
		{"JSON: beside a value", asJSON, "", "{\n \"a\": 1{{ doc.id }}\n}", "doc.id | line 2, column 8: " + nowhere},
		{"JSON: two values", asJSON, "", `[{{ doc.id }}{{ doc.id }}]`, "doc.id | line 1, column 14: " + nowhere},
		{"JSON: behind a backslash", asJSON, "", `"\{{ doc.id }}"`, "doc.id | line 1, column 3: " + nowhere},
		{"JSON: in a literal", asJSON, "", "{\"a\":{{ doc.id }},\n  \"ä\":\"{{{{\",x}", "x} | line 2, column 14: " + needs + "invalid character 'x' looking for beginning of object key string"},
		{"JSON: cut off", asJSON, "", `{"a":{{ doc.id }}`, " | line 1, column 18: " + needs + "unexpected end of JSON input"},
		{"XML: tag", asXML, "", "<{{ doc.filename }}/>", "doc.filename | line 1, column 2: expressions stand in text, quoted attribute values and CDATA of XML, not in a tag; an attribute's value needs quotes"},
		{"XML: comment", asXML, "", "<a><!-- {{ doc.filename }} --></a>", "doc.filename | line 1, column 9: expressions stand in text, quoted attribute values and CDATA of XML, not in comments, instructions and DOCTYPE"},
		{"XML: outside", asXML, "", "<a/>{{ doc.filename }}", "doc.filename | line 1, column 5: well-formed XML: an expression cannot stand here"},
		{"XML: two elements", asXML, "", "<a>{{ doc.id }}</a>\n<b/>", "<b/> | line 2, column 1: well-formed XML: there is a second element beside the first one"},
		{"XML: none", asXML, forgehook.BodyTemplate, " ", " | line 1, column 2: well-formed XML: it has no element"},
		{"XML: charset", asXML, "", `<?xml version="1.0" encoding="ISO-8859-1"?><a>{{ doc.id }}</a>`,
			`<?xml version="1.0" encoding="ISO-8859-1"?><a>{{ doc.id }... | line 1, column 1: well-formed XML: the body is sent in UTF-8: declare encoding="UTF-8", or none`},
		{"static: C#", asJSON, forgehook.BodyStatic, `return doc.Id;`, "return doc.Id; | " + orType +
			"invalid character 'r' looking for beginning of value, line 1, column 1; it looks like C#, which webHook.bodyKind csharp translates"},
		{"static: template", asJSON, forgehook.BodyStatic, `{{ doc.id }}`, "{{ doc.id }} | " + orType +
			"invalid character '{' looking for beginning of object key string, line 1, column 2; it looks like a template, which webHook.bodyKind template fills in"},
		{"static: expression", asJSON, "", `{"id": doc.id}`, `{"id": doc.id} | ` + orType +
			"invalid character 'd' looking for beginning of value, line 1, column 8; it is a CEL expression: webHook.bodyKind expression sends its value as JSON"},
		{"static: broken expression", asJSON, "", `{"id": doc.idd}`, `{"id": doc.idd} | ` + orType +
			"invalid character 'd' looking for beginning of value, line 1, column 8; if it is meant as one CEL expression, webHook.bodyKind expression says so"},
		{"static: another template language", asJSON, "", `{"id": ${doc.id}}`, `{"id": ${doc.id}} | ` + orType +
			"invalid character '$' looking for beginning of value, line 1, column 8; an expression within a text is written {{ doc.id }}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Compile(withBody(tt.contentType, tt.kind, tt.body))
			diff(t, []string{"webHook.body | " + tt.want}, faultsOf(t, err))
		})
	}
	for body, want := range map[string]string{ // messages in terms of the language
		`{"a":{{ doc.filenmae }}}`:                  "filename",
		`{"a":{{ }}}`:                               "line 1",
		`{"a":{{ doc.id }`:                          "line 1",
		`return await client.GetAsync("x");`:        asItStands,
		`{"a":{{ doc.status == "Processed" }}}`:     "DocumentStatus.Processed",
		`return $"{doc.Filenmae}";`:                 "line 1",
		`return JsonSerializer.Serialize(new { });`: "",
	} {
		_, err := Compile(withBody(asJSON, "", body))
		got := strings.Join(faultsOf(t, err), "\n")
		if want == "" && err == nil {
			continue
		}
		if !strings.HasPrefix(got, "webHook.body | ") || !strings.Contains(got, want) || strings.Count(got, "line 1, column") == 0 || !strings.Contains(got, asItStands) {
			t.Errorf("%s: %s", body, got)
		}
	}
}

func TestBody_failures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, contentType, kind, body, filename string
		code                                    forgehook.CallErrorCode
		message                                 string
	}{
		{"C#: no JSON", "application/json", "", `return $"{{\"f\":{doc.Filename}}}";`, `"hunter2`, "body_error",
			"webHook.body is not JSON: line 1, column 15 of what would be sent."},
		{"too long", "text/plain", "", strings.Repeat("{{ doc.filename }}", 20), strings.Repeat("hunter2-", 1<<17), "expression_limit", ""},
		{"null", "text/plain", "", "{{ doc.comment + doc.filename }}", "hunter2", "expression_null", ""},
		{"null in an expression", "application/json", forgehook.BodyExpression, "{'a': doc.comment.size()}", "hunter2", "expression_null", ""},
		{"no number", "text/plain", "", "{{ int(doc.filename) }}", "hunter2", "expression_error", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := requested(compiled(t, withBody(tt.contentType, tt.kind, tt.body)), about(tt.filename), meta)
			failure, ok := errors.AsType[*forgehook.CallError](err)
			if !ok || failure.Code != tt.code || tt.message != "" && failure.Message != tt.message || !strings.HasPrefix(failure.Message, "webHook.body") {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a value is in %v", err)
			}
		})
	}
}

func TestBody_warnings(t *testing.T) {
	t.Parallel()
	const (
		asJSON, asXML, asForm = "application/json", "text/xml", "application/x-www-form-urlencoded"
		inJSON                = "Values stand in this JSON as they are: a quote or line break in one breaks it, and the call fails. JsonSerializer.Serialize(new { ... }) or a template escapes them."
		inXML                 = "Values stand in this XML as they are: < and & in one are markup. A template, <a>{{ doc.filename }}</a>, escapes them."
		inForm                = "Values stand in this form as they are: & and = in one make more fields. A template, a={{ doc.filename }}, escapes them; in an expression urlEncode does."
		csharp, expression    = forgehook.BodyCSharp, forgehook.BodyExpression
	)
	for _, tt := range []struct{ contentType, kind, body, want string }{
		{asXML, "", "<a><b></a>", "Not well-formed XML, line 1, column 10: element <b> closed by </a>."},
		{asJSON, "", `return $"{doc.Id}";`, inJSON},
		{asJSON, "", `return $"{{\"f\":\"{doc.Filename}\"}}";`, ""},
		{asJSON, "", `return $"{{\"f\":\"{doc.Filename.Replace("\"", "'")}\"}}";`, inJSON},
		{asJSON, "", `return $"{{\"f\":\"{JsonSerializer.Serialize(doc.Filename)}\"}}";`, inJSON},
		{asJSON, "", `return JsonSerializer.Serialize(new { doc.Id });`, ""},
		{asJSON, "", `return doc.Id > 1 ? "1" : "2";`, inJSON},
		{asJSON, expression, `doc.filename`, ""},
		{asXML, "", `$"<a>{doc.Filename}</a>"`, ""},
		{asXML, "", `$"<a>{doc.Filename}{(doc.Id > 1 ? "<b/>" : "")}</a>"`, inXML},
		{asXML, "", `$"<{doc.Filename}/>"`, inXML},
		{asXML, csharp, `doc.Id > 1 ? "<a/>" : "<b/>"`, inXML},
		{asXML, expression, `"<a>" + doc.filename + "</a>"`, inXML},
		{asXML, expression, `"<a/>"`, ""},
		{asForm, "", `$"a={doc.Filename}"`, ""},
		{asForm, "", `var long = "` + strings.Repeat("x", 30_000) + `"; return $"a={doc.Filename}{doc.Id}{doc.Id}{doc.Id}{doc.Id}";`, inForm}, // each value repeats it
		{asForm, csharp, `doc.Filename.Trim()`, inForm},
		{asForm, expression, `"a=" + doc.filename`, inForm},
		{"text/plain", "", `return $"{doc.Filename}";`, ""},
		{"text/plain", expression, `doc.filename`, ""},
	} {
		want := []Warning{unsigned}
		if tt.want != "" {
			want = append(want, Warning{"webHook.body", tt.want})
		}
		t.Run(tt.contentType+" "+forgehook.Shorten(tt.body, 60), func(t *testing.T) {
			t.Parallel()
			diff(t, want, compiled(t, withBody(tt.contentType, tt.kind, tt.body)).Warnings())
		})
	}
	warnings := compiled(t, withBody("text/plain", "", "logger.LogInformation(\"x\");\nreturn doc.Filename;")).Warnings()
	if len(warnings) != 2 || warnings[1].Path != "webHook.body" || !strings.Contains(warnings[1].Message, "line 1") {
		t.Errorf("the dropped line: %v", warnings)
	}
}

func FuzzTemplateJSON(f *testing.F) {
	for _, v := range hostile {
		f.Add(`{"a":"x{{ doc.filename }}","b":[{{ doc.filename }},{{ doc.comment }}],"c{{ doc.filename }}":1}`, v)
	}
	f.Add(`"\\{{ doc.filename }}\u00e4"`, `"`)
	f.Add(`{{ {"a": doc.filename} }}`, `x`)
	f.Fuzz(func(t *testing.T, text, value string) {
		body, ok := fuzzed(t, "application/json", text, value)
		if ok && !json.Valid(body) {
			t.Fatalf("%q is no JSON", body)
		}
	})
}

func FuzzTemplateXML(f *testing.F) {
	for _, v := range hostile {
		f.Add(`<?xml version="1.0"?><a b="{{ doc.filename }}" c='{{ doc.filename }}'>]{{ doc.filename }}><![CDATA[]{{ doc.filename }}]>]]></a>`, v)
	}
	f.Add("<!DOCTYPE a [<!ENTITY x \"<y>\">]><a>{{ doc.filename }}</a><!-- x -->", "]]>")
	f.Fuzz(func(t *testing.T, text, value string) {
		if body, ok := fuzzed(t, "application/xml", text, value); ok {
			if at, why := xmlFault(string(body)); why != "" {
				t.Fatalf("%q is no XML at %d: %s", body, at, why)
			}
		}
	})
}

// fuzzed makes a body; ok is false where the template or the value is refused.
func fuzzed(t *testing.T, contentType, text, value string) (body []byte, ok bool) {
	if len(text) > 2000 || len(value) > 2000 || !json.Valid(toJSON(text)) {
		return nil, false
	}
	p, err := Compile(withBody(contentType, forgehook.BodyTemplate, text))
	if err != nil {
		return nil, false
	}
	r, err := requested(p, about(value), meta)
	if failure, isFailure := errors.AsType[*forgehook.CallError](err); isFailure && failure.Code == forgehook.CallErrorBody {
		t.Fatalf("%q with %q: %v", text, value, err)
	}
	if err != nil {
		return nil, false
	}
	return r.Body, true
}

func TestBody_formReadsBack(t *testing.T) {
	t.Parallel()
	p := compiled(t, withBody("application/x-www-form-urlencoded", "", "a={{ doc.filename }}&b=1"))
	for _, v := range hostile {
		r, err := requested(p, about(v), meta)
		if err != nil {
			t.Fatal(err)
		}
		got, err := url.ParseQuery(string(r.Body))
		if err != nil || len(got) != 2 || got.Get("a") != strings.ToValidUTF8(v, "\ufffd") && strings.ToValidUTF8(v, "") == v {
			t.Errorf("%q reads %v, %v", v, got, err)
		}
	}
}

// An ordinary XML reader reads the template of the other tests.
func TestBody_xmlReadsBack(t *testing.T) {
	t.Parallel()
	p := compiled(t, withBody("text/xml", "", `<a b="{{ doc.filename }}">{{ doc.filename }}</a>`))
	for _, v := range hostile {
		r, err := requested(p, about(v), meta)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			B string `xml:"b,attr"`
			A string `xml:",chardata"`
		}
		if err := xml.Unmarshal(r.Body, &doc); err != nil || doc.A != doc.B {
			t.Errorf("%q in %s reads %+v, %v", v, r.Body, doc, err)
		}
	}
}
