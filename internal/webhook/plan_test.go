package webhook

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/forgehook/forgehook"
)

func TestCompile(t *testing.T) {
	t.Parallel()
	const (
		absolute = "an absolute https URL with a host, like https://example.com/hook"
		reserved = "another header: this one is set by Forgehook or by the connection"
		spaces   = "an absolute URL without spaces and control characters: a space is written %20"
		media    = "a media type such as application/json or text/xml; charset=utf-8"
	)
	tests := []struct {
		name, settings string
		want           []string // path | value | allowed; none: it compiles
	}{
		{"defaults", `{}`, nil},
		{"everything", `{"document":{"extension":"^(?i)pdf$","pattern":"\\p{Cyrillic}"},"webHook":{"method":"PUT","url":"HTTP://Example.com:8443/a%20b?x=1",
			"body":"<a/>","contentType":"text/xml; charset=utf-8","username":"jo@example.com","password":"p","apiKey":"Bearer x","apiKeyHeader":"X-Key"}}`, nil},
		{"API key as Authorization", `{"webHook":{"apiKey":"Bearer x","apiKeyHeader":"authorization"}}`, nil},
		{"username without password", `{"webHook":{"username":"jo"}}`, nil},
		{"an @ in the path", `{"webHook":{"url":"https://example.com/@jo"}}`, nil},
		{"IPv6", `{"webHook":{"url":"https://[2001:db8::1]:8443/"}}`, nil},
		{"JSON with a charset", `{"webHook":{"contentType":"application/json; charset=utf-8","body":"[1]"}}`, nil},
		{"JSON that is not our own", `{"webHook":{"contentType":"application/vnd.x+json","body":"null"}}`, nil},
		{"no JSON for a plain type", `{"webHook":{"contentType":"text/plain","body":"returned goods"}}`, nil},

		{"regex", `{"document":{"extension":"(","pattern":"[z-a]"}}`, []string{
			"document.extension | ( | a .NET regular expression: missing closing )",
			"document.pattern | [z-a] | a .NET regular expression: [z-a] range in reverse order"}},
		{"regex: a file glob", `{"document":{"pattern":"*.pdf"}}`, []string{
			`document.pattern | *.pdf | a .NET regular expression: missing argument to repetition operator; files named *.pdf are found by \.pdf$`}},
		{"regex: .NET block of a script", `{"document":{"pattern":"\\p{IsCyrillic}"}}`, []string{
			`document.pattern | \p{IsCyrillic} | a .NET regular expression: block names such as \p{IsCyrillic} are not known here, use the script \p{Cyrillic}`}},
		{"regex: .NET block without script", `{"document":{"pattern":"\\P{IsBasicLatin}"}}`, []string{
			`document.pattern | \P{IsBasicLatin} | a .NET regular expression: block names such as \p{IsBasicLatin} are not known here, use a range like [\u0400-\u04FF]`}},
		{"regex: undefined group", `{"document":{"pattern":"(?<year>\\d)\\k<yea>"}}`, []string{
			`document.pattern | (?<year>\d)\k<yea> | a .NET regular expression: reference to undefined group name yea`}},

		{"method", `{"webHook":{"method":"CONNECT"}}`, []string{
			"webHook.method | CONNECT | GET, POST, PUT, HEAD, DELETE, PATCH or OPTIONS: CONNECT asks a proxy for a tunnel"}},

		{"url: relative", `{"webHook":{"url":"example.com/hook"}}`, []string{"webHook.url | example.com/hook | " + absolute}},
		{"url: opaque", `{"webHook":{"url":"https:example.com"}}`, []string{"webHook.url | https:example.com | " + absolute}},
		{"url: scheme", `{"webHook":{"url":"ftp://example.com"}}`, []string{"webHook.url | ftp://example.com | " + absolute}},
		{"url: no host", `{"webHook":{"url":"https:///hook"}}`, []string{"webHook.url | https:///hook | " + absolute}},
		{"url: port only", `{"webHook":{"url":"https://:443/"}}`, []string{"webHook.url | https://:443/ | " + absolute}},
		{"url: port 0", `{"webHook":{"url":"https://example.com:0/"}}`, []string{"webHook.url | https://example.com:0/ | a URL with a port from 1 to 65535"}},
		{"url: port", `{"webHook":{"url":"https://example.com:65536/"}}`, []string{"webHook.url | https://example.com:65536/ | a URL with a port from 1 to 65535"}},
		{"url: no port", `{"webHook":{"url":"https://example.com:x/"}}`, []string{
			`webHook.url | https://example.com:x/ | an absolute https URL: invalid port ":x" after host`}},
		{"url: leading space", `{"webHook":{"url":" https://example.com"}}`, []string{"webHook.url |  https://example.com | " + spaces}},
		{"url: line break", `{"webHook":{"url":"https://example.com/\r\nX: y"}}`, []string{"webHook.url | https://example.com/\r\nX: y | " + spaces}},
		{"url: space in the query", `{"webHook":{"url":"https://example.com/?q=a b"}}`, []string{"webHook.url | https://example.com/?q=a b | " + spaces}},
		{"url: letters in the query", `{"webHook":{"url":"https://example.com/?q=ü"}}`, []string{
			"webHook.url | https://example.com/?q=ü | a URL whose query is percent-encoded: ü is written %C3%BC"}},
		{"url: fragment", `{"webHook":{"url":"https://example.com/#top"}}`, []string{
			"webHook.url | https://example.com/#top | a URL without #fragment, which no client sends: a # in the path is written %23"}},
		{"url: empty fragment", `{"webHook":{"url":"https://example.com/#"}}`, []string{
			"webHook.url | https://example.com/# | a URL without #fragment, which no client sends: a # in the path is written %23"}},
		{"url: userinfo", `{"webHook":{"url":"https://jo:hunter2@example.com/"}}`, []string{
			"webHook.url |  | a URL without user and password: they belong in webHook.username and webHook.password"}},
		{"url: broken userinfo", `{"webHook":{"url":"https://jo:hunter/2@example.com/"}}`, []string{"webHook.url |  | an absolute https URL"}},
		{"url: backslash before host", `{"webHook":{"url":"http://127.0.0.1\\@a.test/"}}`, []string{"webHook.url |  | an absolute https URL"}},
		{"url: brackets", `{"webHook":{"url":"http://[[::1]]/"}}`, []string{
			`webHook.url | http://[[::1]]/ | an absolute https URL: invalid IP-literal`}},

		{"body: no JSON", `{"webHook":{"body":"{\n  \"ä\": 1,\n  \"b\": x\n}"}}`, []string{
			"webHook.body | {\n  \"ä\": 1,\n  \"b\": x\n} | JSON, or another webHook.contentType than application/json: invalid character 'x' looking for beginning of value, line 3, column 8"}},
		{"body: no JSON for a JSON type", `{"webHook":{"contentType":"application/problem+json","body":"<a/>"}}`, []string{
			"webHook.body | <a/> | JSON, or another webHook.contentType than application/problem+json: invalid character '<' looking for beginning of value, line 1, column 1"}},
		{"body: two values", `{"webHook":{"body":"{} {}"}}`, []string{
			"webHook.body | {} {} | JSON, or another webHook.contentType than application/json: invalid character '{' after top-level value, line 1, column 4"}},
		{"body: cut off", `{"webHook":{"body":"{"}}`, []string{
			"webHook.body | { | JSON, or another webHook.contentType than application/json: unexpected end of JSON input, line 1, column 1"}},
		{"body: blank", `{"webHook":{"body":" "}}`, []string{"webHook.body |   | JSON, or another webHook.contentType than application/json: it is empty"}},

		{"content type: no slash", `{"webHook":{"contentType":"json"}}`, []string{"webHook.contentType | json | " + media}},
		{"content type: parameters", `{"webHook":{"contentType":"text/xml; charset"}}`, []string{"webHook.contentType | text/xml; charset | " + media}},
		{"content type: line break", `{"webHook":{"contentType":"text/xml;\r\n x=y"}}`, []string{"webHook.contentType | text/xml;\r\n x=y | " + media}},

		{"header without key", `{"webHook":{"apiKeyHeader":"X-Key"}}`, []string{"webHook.apiKeyHeader | X-Key | only together with webHook.apiKey"}},
		{"header: no token", `{"webHook":{"apiKey":"k","apiKeyHeader":"X Key"}}`, []string{
			"webHook.apiKeyHeader | X Key | a header name: letters, digits and !#$%&'*+-.^_`|~"}},
		{"header: injection", `{"webHook":{"apiKey":"k","apiKeyHeader":"X: a\r\nY"}}`, []string{
			"webHook.apiKeyHeader | X: a\r\nY | a header name: letters, digits and !#$%&'*+-.^_`|~"}},
		{"header: Authorization beside Basic", `{"webHook":{"apiKey":"k","apiKeyHeader":"AUTHORIZATION","username":"jo"}}`, []string{
			"webHook.apiKeyHeader | AUTHORIZATION | another header: webHook.username is sent in Authorization already"}},
		{"password without username", `{"webHook":{"password":"hunter2"}}`, []string{"webHook.password |  | only together with webHook.username; null removes a stored one"}},
		{"username: colon", `{"webHook":{"username":"a:b"}}`, []string{"webHook.username | a:b | a name without colon: HTTP Basic ends the name at the first one"}},
		{"username: NTLM", `{"webHook":{"username":"DOM\\jo"}}`, []string{
			`webHook.username | DOM\jo | a name without backslash: DOMAIN\user means NTLM, which comes with a later release`}},
		{"username: control", `{"webHook":{"username":"a\nb"}}`, []string{"webHook.username |  | a name without control characters"}},

		{"all at once", `{"document":{"extension":"(","pattern":")"},"webHook":{"method":"CONNECT","url":"x","body":"{","contentType":"application/json",
			"username":"a:b","apiKeyHeader":"Host"}}`, []string{
			"document.extension | ( | a .NET regular expression: missing closing )",
			"document.pattern | ) | a .NET regular expression: unexpected )",
			"webHook.url | x | " + absolute,
			"webHook.body | { | JSON, or another webHook.contentType than application/json: unexpected end of JSON input, line 1, column 1",
			"webHook.method | CONNECT | GET, POST, PUT, HEAD, DELETE, PATCH or OPTIONS: CONNECT asks a proxy for a tunnel",
			"webHook.username | a:b | a name without colon: HTTP Basic ends the name at the first one",
			"webHook.apiKeyHeader | Host | " + reserved,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := Compile(settings(t, tt.settings))
			diff(t, tt.want, faultsOf(t, err))
			if (p == nil) != (err != nil) {
				t.Errorf("plan %v beside error %v", p, err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter") {
				t.Errorf("a password is in %q", err)
			}
		})
	}
}

func TestCompile_noURL(t *testing.T) {
	t.Parallel()
	_, err := Compile(forgehook.DefaultSettings())
	diff(t, []string{"webHook.url |  | required: an absolute https URL"}, faultsOf(t, err))
}

func TestCompile_reservedHeaders(t *testing.T) {
	t.Parallel()
	for _, header := range []string{
		"Host", "content-length", "Content-Type", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Connection", "Keep-Alive", "Expect",
		"User-Agent", "Proxy-Authorization", "proxy-connection", "webhook-id", "Webhook-Signature", "traceparent", "Forgehook-Callback-Url",
	} {
		_, err := Compile(settings(t, `{"webHook":{"apiKey":"k","apiKeyHeader":"`+header+`"}}`))
		diff(t, []string{"webHook.apiKeyHeader | " + header + " | another header: this one is set by Forgehook or by the connection"}, faultsOf(t, err))
	}
}

// URL, headers and body share one limit of expressions. The setting that crosses it gets the fault,
// and nothing after it is compiled.
func TestCompile_expressions(t *testing.T) {
	t.Parallel()
	const limit = ": at most 500 expressions in webHook.url, headers, webHook.body and response together"
	id := func(n int) string { return strings.Repeat("{{doc.id}}", n) }
	script := func(n int) string { return `return $"` + strings.Repeat("{doc.Id}", n) + `";` }
	tests := []struct {
		name, url, body string
		headers         []string
		want            string
	}{
		{"as many as may be", "https://example.com/" + id(100), id(200), []string{id(100), id(100)}, ""},
		{"one more in a header", "https://example.com/" + id(100), id(200), []string{id(100), id(101), "{{ doc.nothing }}"}, "headers.X-1"},
		{"in the body", "https://example.com/" + id(1), id(500), []string{"{{ doc.nothing }}"}, "webHook.body"},
		{"in the URL", "https://example.com/" + id(501), "{{ doc.nothing }}", nil, "webHook.url"},
		{"in C#", `$"https://example.com/{doc.Id}"`, script(500), nil, "webHook.body"},
		{"C# as may be", `$"https://example.com/{doc.Id}"`, script(99), nil, ""},
		{"literal braces", "https://example.com/", strings.Repeat("{{{{", 600) + "{{doc.id}}", nil, ""},
		{"many headers", "https://example.com/", "x", slices.Repeat([]string{strings.Repeat("{{1}}", 1600)}, 50), "headers.X-0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := withBody("application/x-www-form-urlencoded", "", tt.body)
			s.WebHook.URL = &tt.url
			for i, value := range tt.headers {
				s.Headers = append(s.Headers, forgehook.Header{Name: fmt.Sprintf("X-%d", i), Value: value})
			}
			_, err := Compile(s)
			var want []string
			if tt.want != "" {
				want = []string{tt.want + " |  | " + limit[2:]}
			}
			diff(t, want, faultsOf(t, err))
		})
	}
}
