package place

import (
	"encoding/json"
	"encoding/xml"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func equal[T any](t *testing.T, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// hostile are values that try to break out of their place.
var hostile = []string{
	"", " ", `"`, `'`, `\`, `\"`, "a\r\nX-Evil: 1", "../", "..", ".", "/", "//evil.test", "?a=b#c", "&a=b", "%2e%2e", "%", "]]>", "]]", "]", ">", "<!--", "-->",
	"<x/>", "&amp;", "&", "{{ doc.id }}", "}}", "\x00", "\x7f", "\u0085", "\u2028", "\ufeff", "\ufffe", "ä€😀", "\xff\xfe", "\xed\xa0\x80", "@evil.test", ":8080", ";x=1", "\t",
}

func TestAppend(t *testing.T) {
	t.Parallel()
	const value = "a b\"'<&>\r\n\t/../?x=1#y%]]>\x00\xff\u00e4"
	tests := []struct {
		name  string
		place Place
		want  string
	}{
		{"plain", Plain, value},
		{"header", Header, "a b\"'<&>   /../?x=1#y%]]> \ufffd\u00e4"},
		{"path", Path, "a%20b%22%27%3C%26%3E%0D%0A%09%2F..%2F%3Fx%3D1%23y%25%5D%5D%3E%00%EF%BF%BD%C3%A4"},
		{"query", Query, "a%20b%22%27%3C%26%3E%0D%0A%09%2F..%2F%3Fx%3D1%23y%25%5D%5D%3E%00%EF%BF%BD%C3%A4"},
		{"form", Form, "a+b%22%27%3C%26%3E%0D%0A%09%2F..%2F%3Fx%3D1%23y%25%5D%5D%3E%00%EF%BF%BD%C3%A4"},
		{"JSON string", JSONString, `a b\"'<&>\r\n\t/../?x=1#y%]]>\u0000\ufffd` + "\u00e4"},
		{"XML text", XMLText, "a b&#34;&#39;&lt;&amp;&gt;&#13;\n\t/../?x=1#y%]]&gt;\ufffd\ufffd\u00e4"},
		{"XML attribute", XMLAttribute, "a b&#34;&#39;&lt;&amp;&gt;&#13;&#10;&#9;/../?x=1#y%]]&gt;\ufffd\ufffd\u00e4"},
		{"CDATA", CDATA, "]]><![CDATA[a b\"'<&>\r\n\t/../?x=1#y%]]]]><![CDATA[>\ufffd\ufffd\u00e4]]><![CDATA["},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			equal(t, tt.want, string(tt.place.Append(nil, value)))
		})
	}
}

// A reader gets back exactly the value, whatever it is.
func TestAppend_readBack(t *testing.T) {
	t.Parallel()
	cleanXML := func(s string) string {
		return strings.Map(func(r rune) rune {
			if !isXML(r) {
				return utf8.RuneError
			}
			return r
		}, s)
	}
	unicode := func(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
	lines := func(s string) string { return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s) } // as XML readers do
	for _, v := range append(values(), hostile...) {
		if got, err := url.PathUnescape(string(Path.Append(nil, v))); err != nil || unicode(v) != got && strings.ToValidUTF8(v, "") == v {
			t.Errorf("path of %q reads %q, %v", v, got, err)
		}
		if got, err := url.QueryUnescape(string(Form.Append(nil, v))); err != nil || strings.ToValidUTF8(v, "") == v && got != v {
			t.Errorf("form of %q reads %q, %v", v, got, err)
		}
		var text string
		if err := json.Unmarshal([]byte(`"`+string(JSONString.Append(nil, v))+`"`), &text); err != nil || strings.ToValidUTF8(v, "") == v && text != v {
			t.Errorf("JSON of %q reads %q, %v", v, text, err)
		}
		var doc struct {
			A string `xml:"a,attr"`
			B string `xml:"b"`
			C string `xml:"c"`
		}
		source := `<x a="` + string(XMLAttribute.Append(nil, v)) + `"><b>` + string(XMLText.Append(nil, v)) + `</b><c><![CDATA[` +
			string(CDATA.Append(nil, v)) + `]]></c></x>`
		if err := xml.Unmarshal([]byte(source), &doc); err != nil {
			t.Errorf("XML of %q: %v: %s", v, err, source)
		} else {
			equal(t, []string{cleanXML(v), cleanXML(v), lines(cleanXML(v))}, []string{doc.A, doc.B, doc.C})
		}
		if line := string(Header.Append(nil, v)); strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }) || !utf8.ValidString(line) {
			t.Errorf("header of %q is %q", v, line)
		}
	}
}

// values are random, but the same in each run.
func values() []string {
	return []string{rapid.StringN(0, 30, 60).Example(1), rapid.StringN(0, 30, 60).Example(2), string(rapid.SliceOfN(rapid.Byte(), 0, 40).Example(3))}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	names := map[Place]string{
		Path: "path", Query: "query", JSONString: "string", JSONValue: "value", XMLText: "text", XMLAttribute: "attribute", CDATA: "cdata",
	}
	const (
		inTag     = "1: expressions stand in text, quoted attribute values and CDATA of XML, not in a tag; an attribute's value needs quotes"
		inComment = "1: expressions stand in text, quoted attribute values and CDATA of XML, not in comments, instructions and DOCTYPE"
		inHost    = "1: no expression in scheme, host or port: the URL starts as https://example.com/ and expressions follow in path and query"
	)
	find := map[string]func([]string) ([]Place, *Misplaced){
		"url":  InURL,
		"json": func(l []string) ([]Place, *Misplaced) { return InJSON(l), nil },
		"xml":  InXML,
	}
	tests := []struct{ kind, text, want string }{ // @ is a hole
		{"url", "https://a.test/@/x?b=@&@=@", "path query query query"},
		{"url", "https://a.test?@", "query"},
		{"url", "HTTP://a.test:80/@.@", "path path"},
		{"url", "https://a.test@", inHost},
		{"url", "https://a.test:@/", inHost},
		{"url", "https://@/", inHost},
		{"url", "@", inHost},
		{"url", "@://a.test/", inHost},
		{"url", `https://a.test\@/`, inHost},
		{"url", "https://a.test#@", inHost},
		{"url", "https://a.test/@?b=%2@", "2: no expression after a single %, which is written %25"},
		{"url", "https://a.test/%@", "1: no expression after a single %, which is written %25"},
		{"json", `{"a":"@","b":@,"c":["x@y",@]}`, "string value string value"},
		{"json", `{"a\"":"\\","b":"\"@"}`, "string"},
		{"json", `@`, "value"},
		{"xml", `<a b="@" c='@'>@<![CDATA[@]]>@</a>`, "attribute attribute text cdata text"},
		{"xml", `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><!-- <a b=" --><a>@</a>`, "text"},
		{"xml", `<a><![CDATA[<b c="]]>@</a>`, "text"},
		{"xml", `<a b=">">@</a>`, "text"},
		{"xml", `<a><![CDATA[]]@></a>`, "cdata"},
		{"xml", `<a b=@>`, inTag},
		{"xml", `<@>`, inTag},
		{"xml", `</@>`, inTag},
		{"xml", `<a @="x">`, inTag},
		{"xml", `<!--@-->`, inComment},
		{"xml", `<?a @?>`, inComment},
		{"xml", `<!DOCTYPE @>`, inComment},
		{"xml", `<!DOCTYPE a [<!ENTITY b "@">]>`, inComment},
	}
	for _, tt := range tests {
		t.Run(tt.kind+" "+tt.text, func(t *testing.T) {
			t.Parallel()
			places, why := find[tt.kind](strings.Split(tt.text, "@"))
			var got []string
			for _, p := range places {
				got = append(got, names[p])
			}
			if why != nil {
				got = []string{string(rune('1'+why.Hole)) + ": " + why.Why}
			}
			equal(t, tt.want, strings.Join(got, " "))
		})
	}
}

// XML stays one document for all neighbouring values and literals, also for empty values.
func TestInXML_neighbours(t *testing.T) {
	t.Parallel()
	pieces := []string{"", "]", "]]", ">", "]>", "]]>", "x", "<", "&"}
	for _, before := range []string{"", "]", "]]"} {
		for _, after := range []string{"", ">", "]>", "x"} {
			for _, section := range [][2]string{{"", ""}, {"<![CDATA[", "]]>"}} {
				literals := []string{"<a>" + section[0] + before, "", after + section[1] + "</a>"}
				places, _ := InXML(literals)
				literals = XMLLiterals(literals, places)
				for _, one := range pieces {
					for _, two := range pieces {
						text := literals[0] + string(places[0].Append(nil, one)) + literals[1] + string(places[1].Append(nil, two)) + literals[2]
						var got string
						if err := xml.Unmarshal([]byte(text), &got); err != nil || got != before+one+two+after {
							t.Errorf("%q %q in %q reads %q, %v", one, two, text, got, err)
						}
					}
				}
			}
		}
	}
}
