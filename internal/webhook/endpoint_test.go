package webhook

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/forgehook/forgehook"
)

// about returns a subject whose document has this file name; comment is null.
func about(filename string) *forgehook.Subject {
	return &forgehook.Subject{Document: &forgehook.Document{ID: 912, Filename: &filename}}
}

func withURL(text string) forgehook.Settings {
	s := forgehook.DefaultSettings()
	s.WebHook.URL = &text
	return s
}

func withBody(contentType, kind, text string) forgehook.Settings {
	s := withURL("https://example.com/hook")
	s.WebHook.Body, s.WebHook.ContentType = &text, &contentType
	if kind != "" {
		s.WebHook.BodyKind = &kind
	}
	return s
}

func compiled(t testing.TB, s forgehook.Settings) *Plan {
	t.Helper()
	p, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var column = regexp.MustCompile(`column \d+`)

func TestURL(t *testing.T) {
	t.Parallel()
	const (
		empty = "url_error: webHook.url, line 1, column %, {{ doc.filename }}: its part of the path comes out empty."
		step  = "url_error: webHook.url, line 1, column %, {{ doc.filename }}: its part of the path comes out as a step within the path (. or ..)."
		null  = "url_error: webHook.url, line 1, column %, {{ doc.comment }}: its part of the path is null."
	)
	tests := []struct{ name, url, filename, want string }{
		{"path and query", "https://a.test/{{ doc.id }}/x?f={{ doc.filename }}", "a b", "https://a.test/912/x?f=a%20b"},
		{"quotes", "https://a.test/{{ doc.filename }}?q={{ doc.filename }}", `"'`, "https://a.test/%22%27?q=%22%27"},
		{"line break", "https://a.test/{{ doc.filename }}?q={{ doc.filename }}", "a\r\nHost: b", "https://a.test/a%0D%0AHost%3A%20b?q=a%0D%0AHost%3A%20b"},
		{"slashes", "https://a.test/{{ doc.filename }}/x", "../../admin", "https://a.test/..%2F..%2Fadmin/x"},
		{"query and fragment", "https://a.test/{{ doc.filename }}?q={{ doc.filename }}", "?a=b&c#d", "https://a.test/%3Fa%3Db%26c%23d?q=%3Fa%3Db%26c%23d"},
		{"NUL", "https://a.test/{{ doc.filename }}?q={{ doc.filename }}", "\x00", "https://a.test/%00?q=%00"},
		{"invalid UTF-8", "https://a.test/{{ doc.filename }}?q={{ doc.filename }}", "\xff", "https://a.test/%EF%BF%BD?q=%EF%BF%BD"},
		{"percent", "https://a.test/{{ doc.filename }}", "%2e%2e%2f", "https://a.test/%252e%252e%252f"},
		{"CDATA's end", "https://a.test/{{ doc.filename }}", "]]>", "https://a.test/%5D%5D%3E"},
		{"two in a segment", "https://a.test/{{ doc.id }}-{{ doc.filename }}.x", "..", "https://a.test/912-...x"},
		{"letters of the literal", "https://a.test/ü|/{{ doc.filename }}", "a/b", "https://a.test/%C3%BC%7C/a%2Fb"},
		{"literal escapes", "https://a.test/a%2Fb/{{ doc.filename }}", "/", "https://a.test/a%2Fb/%2F"},
		{"two braces", "https://a.test/{{{{x/{{ doc.filename }}", "y", "https://a.test/%7B%7Bx/y"},
		{"query only", "https://a.test?{{ doc.filename }}", "a=b", "https://a.test?a%3Db"},
		{"null in the query", "https://a.test/?c={{ doc.comment }}&d", "", "https://a.test/?c=&d"},
		{"? in a value stays in the path", "https://a.test/{{ doc.filename }}/{{ doc.filename }}", "?", "https://a.test/%3F/%3F"},

		{"empty", "https://a.test/x/{{ doc.filename }}", "", empty},
		{"empty before the query", "https://a.test/{{ doc.filename }}?x", "", empty},
		{"empty in the middle", "https://a.test/{{ doc.filename }}/x", "", empty},
		{"null in the path", "https://a.test/x{{ doc.comment }}/", "", null},
		{"dot", "https://a.test/{{ doc.filename }}/x", ".", step},
		{"two dots", "https://a.test/{{ doc.filename }}/x", "..", step},
		{"a dot of the literal", "https://a.test/.{{ doc.filename }}", ".", step},
		{"an escaped dot of the literal", "https://a.test/%2e{{ doc.filename }}", ".", step},
		{"dots before a parameter", "https://a.test/{{ doc.filename }};v=1/x", "..", step},
		{"too long", "https://a.test/?{{ doc.filename }}", strings.Repeat("x", 40_000), "url_error: webHook.url is longer than 32768 bytes."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := requested(compiled(t, withURL(tt.url)), about(tt.filename), meta)
			got := ""
			if err != nil {
				got = column.ReplaceAllString(err.Error(), "column %")
			} else {
				got = r.URL
				u, err := url.Parse(got)
				if err != nil || u.Host != "a.test" {
					t.Errorf("sent to %q, %v", got, err)
				}
			}
			diff(t, tt.want, got)
		})
	}
}

func TestURL_faults(t *testing.T) {
	t.Parallel()
	const host = ": no expression in scheme, host or port: the URL starts as https://example.com/ and expressions follow in path and query"
	tests := []struct{ name, url, want string }{
		{"host", "https://{{ doc.filename }}/x", "webHook.url | doc.filename | line 1, column 9" + host},
		{"part of the host", "https://{{ doc.filename }}.example.com/", "webHook.url | doc.filename | line 1, column 9" + host},
		{"port", "https://a.test:{{ doc.id }}/", "webHook.url | doc.id | line 1, column 16" + host},
		{"behind the host", "https://a.test{{ doc.id }}", "webHook.url | doc.id | line 1, column 15" + host},
		{"user", "https://{{ doc.id }}@a.test/", "webHook.url | doc.id | line 1, column 9" + host},
		{"everything", "{{ doc.externalId }}", "webHook.url | doc.externalId | line 1, column 1" + host},
		{"fragment", "https://a.test/#{{ doc.id }}", "webHook.url | https://a.test/#{{ doc.id }} | a URL without #fragment, which no client sends: a # in the path is written %23"},
		{"half an escape", "https://a.test/%2{{ doc.id }}", "webHook.url | doc.id | line 1, column 18: no expression after a single %, which is written %25"},
		{"space", "https://a.test/a b/{{ doc.id }}", "webHook.url | https://a.test/a b/{{ doc.id }} | an absolute URL without spaces and control characters: a space is written %20"},
		{"password", "https://jo:hunter2@a.test/{{ doc.id }}", "webHook.url |  | a URL without user and password: they belong in webHook.username and webHook.password"},
		{"C# that is no string", `return doc.Filename;`, `webHook.url | return doc.Filename; | ` +
			`C# that is one interpolated string, like $"https://example.com/{doc.Id}", or a template: https://example.com/{{ doc.id }}`},
		{"C# with a value as host", `$"https://{doc.Filename}/"`, "webHook.url |  | value 1 of the C# string" + host},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Compile(withURL(tt.url))
			diff(t, []string{tt.want}, faultsOf(t, err))
		})
	}
	_, err := Compile(withURL("https://a.test/{{ doc.filenmae }}"))
	if got := strings.Join(faultsOf(t, err), ""); !strings.HasPrefix(got, "webHook.url | ") || !strings.Contains(got, "line 1, column ") || !strings.Contains(got, "filename") {
		t.Errorf("got %s", got)
	}
}

// Every value of a C# URL is encoded for its place, as in a template.
func TestURL_csharp(t *testing.T) {
	t.Parallel()
	tests := []struct{ url, filename, want string }{
		{`$"https://a.test/{doc.Filename}?f={doc.Filename}&id={doc.Id:D6}"`, "a/b c", "https://a.test/a%2Fb%20c?f=a%2Fb%20c&id=000912"},
		{`return $"https://a.test/{doc.Filename}";`, "..", "url_error"},
		{`return $@"https://a.test/{doc.Filename}" ;`, "x", "https://a.test/x"},
		{`@$"https://a.test/{{x}}/{doc.Filename}"`, "x", "https://a.test/%7Bx%7D/x"},
		{`var id = doc.Id; return $"https://a.test/{id}?c={doc.Comment}";`, "x", "https://a.test/912?c="},
		{`$"https://a.test/{(doc.Comment ?? "none")}"`, "x", "https://a.test/none"},
		{`$"https://a.test/{doc.Comment}"`, "x", "url_error"},
		{`return "https://a.test/" + doc.Filename + "?" + doc.Id;`, "/", "https://a.test/%2F?912"},
	}
	for _, tt := range tests {
		t.Run(tt.url, func(t *testing.T) {
			t.Parallel()
			r, err := requested(compiled(t, withURL(tt.url)), about(tt.filename), meta)
			got := ""
			if failure, ok := errors.AsType[*forgehook.CallError](err); ok {
				got = string(failure.Code)
			} else {
				got = r.URL
			}
			diff(t, tt.want, got)
		})
	}
	_, err := Compile(withURL(`$"https://a.test/{doc.Id}/{doc.Filenmae}"`))
	if got := strings.Join(faultsOf(t, err), ""); !strings.Contains(got, "line 1, column ") || !strings.Contains(got, "Filenmae") {
		t.Errorf("got %s", got)
	}
}

// No template and no value changes scheme, host, or the number of segments and parameters.
func FuzzTemplateURL(f *testing.F) {
	for _, v := range hostile {
		f.Add("https://a.test/x/{{ doc.filename }}/y?q={{ doc.filename }}&r", v)
	}
	for _, u := range []string{"https://a.test/{{ doc.filename }};x/ü?", "http://[::1]:80/.{{ doc.filename }}{{ doc.filename }}", "https://a.test?{{doc.filename}}", "https://a.test/{{ doc.id }}/%2e%2e/{{ doc.filename }}"} {
		f.Add(u, "..")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		if len(text) > 2000 || len(value) > 2000 {
			return
		}
		p, err := Compile(withURL(text))
		if err != nil {
			return
		}
		r, err := requested(p, about(value), meta)
		if err != nil {
			return
		}
		checkShape(t, p, r.URL)
	})
}

func checkShape(t fatal, p *Plan, sent string) {
	if p.address.text == nil {
		return
	}
	want, err := url.Parse(p.address.text.filled(placeholder))
	if err != nil {
		t.Fatalf("%v", err)
	}
	got, err := url.Parse(sent)
	if err != nil {
		t.Fatalf("%q: %v", sent, err)
	}
	if got.String() != sent {
		t.Fatalf("%q is sent as %q", sent, got)
	}
	shape := func(u *url.URL) [6]any {
		return [6]any{strings.ToLower(u.Scheme), u.Host, strings.Count(u.EscapedPath(), "/"), u.RawQuery != "", strings.Count(u.RawQuery, "&"), u.Fragment}
	}
	if shape(got) != shape(want) {
		t.Fatalf("%q has another shape than %q: %v, %v", sent, want, shape(got), shape(want))
	}
	if strings.ContainsFunc(sent, func(r rune) bool { return r <= ' ' || r >= 0x7f }) || !utf8.ValidString(sent) {
		t.Fatalf("%q is not plain ASCII", sent)
	}
	for _, s := range strings.Split(got.EscapedPath(), "/")[1:] {
		if plain, _ := url.PathUnescape(s); plain == ".." && !strings.Contains(want.Path, "..") {
			t.Fatalf("%q climbs", sent)
		}
	}
}

type fatal interface{ Fatalf(string, ...any) }
