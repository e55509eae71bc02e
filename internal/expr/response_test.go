package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/quick"

	"cel.dev/cel-go/common/types"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/value"
)

func evalResponse(t testing.TB, text string, r forgehook.Exchange) (string, error) {
	t.Helper()
	got, err := compile(t, WriteBack, AnyResult, text).Eval(ResponseVars(subject(t, `{"id":7}`), ExampleCall(), &r))
	if err != nil {
		return "", err
	}
	data, err := got.AppendJSON(nil)
	return string(data), err
}

func TestResponseVars(t *testing.T) {
	t.Parallel()
	const body = "\uFEFF" + `{"ok":true,"n":null,"items":[{"sku":"B6"},{}],"total":118.40,"id":9007199254740993}`
	response := forgehook.Exchange{StatusCode: 207, Headers: map[string]string{"Content-Type": "application/json", "X-Id": "7"}, Body: []byte(body)}
	tests := []struct{ text, want string }{
		{`[response.statusCode, doc.id]`, `[207,7]`},
		{`response.headers["content-type"]`, `"application/json"`},
		{`response.headers["Content-Type"]`, `"application/json"`},
		{`"X-ID" in response.headers && !("X-I" in response.headers)`, `true`},
		{`response.headers.map(name, response.headers[name])`, `["application/json","7"]`},
		{`response.headers == {"x-id": "7", "content-type": "application/json"}`, `true`},
		{`has(response.headers.via)`, `false`},
		{`response.headers["x-none"] == null`, `true`},
		{`"x-id" in response.headers`, `true`},
		{`response.headers`, `{"content-type":"application/json","x-id":"7"}`},
		{`response.text.startsWith("\uFEFF{")`, `true`},
		{`response.json.ok && response.json.total > 100`, `true`},
		{`response.json.id`, `9007199254740993`},
		{`response.xml`, `null`},

		// Missing members of JSON are null, at any depth.
		{`response.json.none`, `null`},
		{`response.json.none.deeper["x"].still`, `null`},
		{`response.json.n.deeper`, `null`},
		{`response.json["none"] == null`, `true`},
		{`response.json[string(doc.id)]`, `null`},
		{`response.json.items.map(i, i.sku)`, `["B6",null]`},
		{`response.xml.Envelope.Body`, `null`},
		{`has(response.json.ok)`, `true`},
		{`has(response.json.none)`, `false`},
		{`has(response.json.none.deeper)`, `false`},
		{`response.json.?none.orValue(3)`, `3`},
		{`coalesce(response.json.none, "-")`, `"-"`},
		{`result.none.deeper`, `null`},
		{`callback`, `null`},
		{`callback == null`, `true`},
		{`cause == null && call.callbackUrl == null`, `true`},
	}
	for _, tt := range tests {
		if got, err := evalResponse(t, tt.text, response); err != nil || got != tt.want {
			t.Errorf("%s\n got %s, %v\nwant %s", tt.text, got, err, tt.want)
		}
	}
}

// A body is decoded by its header's charset.
func TestResponseVars_charset(t *testing.T) {
	t.Parallel()
	tests := []struct{ contentType, body, text, want string }{
		{"text/plain; charset=ISO-8859-1", "Gr\xfc\xdfe", `response.text`, `"Grüße"`},
		{"text/csv;charset=\"windows-1252\"", "5 \x80", `response.text`, `"5 €"`},
		{"text/html; charset=utf-16", "\xff\xfea\x00\xe4\x00", `response.text`, `"aä"`},
		{"text/plain; charset=utf-16le", "a\x00\xe4\x00", `response.text`, `"aä"`},
		{"application/xml; charset=iso-8859-15", "<p>\xa4</p>", `response.text`, `"<p>€</p>"`},
		{"application/soap+xml; charset=latin1", "<p>\xe4</p>", `response.text`, `"<p>ä</p>"`},
		{"text/plain; charset=klingon", "a\xff", `response.text`, `"a\ufffd"`},
		{"text/plain", "Grüße", `response.text`, `"Grüße"`},
		{"application/octet-stream; charset=latin1", "a\xfc", `response.text`, `"a\ufffd"`},
		{"application/json; charset=latin1", `{"a":"ü"}`, `response.json.a`, `"ü"`},
		{"text/xml", "<?xml version=\"1.0\" encoding=\"windows-1252\"?><p>5 \x80</p>", `response.xml.p`, `"5 €"`},
		{"text/xml", "\xff\xfe<\x00p\x00>\x00\xe4\x00<\x00/\x00p\x00>\x00", `response.xml.p`, `"ä"`},
		{"application/json", `{"a":1e400}`, `string(response.json.a == null) + text(response.json.a)`, `"false1e400"`},
	}
	for _, tt := range tests {
		r := forgehook.Exchange{StatusCode: 200, Headers: map[string]string{"Content-Type": tt.contentType}, Body: []byte(tt.body)}
		got, err := evalResponse(t, tt.text, r)
		var a, b any
		_, _ = json.Unmarshal([]byte(got), &a), json.Unmarshal([]byte(tt.want), &b)
		if err != nil || a != b {
			t.Errorf("%s %q: got %s, %v, want %s", tt.contentType, tt.body, got, err, tt.want)
		}
	}
}

// A body that is not JSON cannot be used in calculations, and the message says so.
func TestResponseVars_faults(t *testing.T) {
	t.Parallel()
	response := forgehook.Exchange{StatusCode: 200, Body: []byte(`{"items":[1],"text":"x"}`)}
	tests := []struct {
		text string
		code forgehook.CallErrorCode
		want string
	}{
		{`response.json.total > 3`, CodeNull, `line 1, column 1: "response.json.total": response.json.total is null: test response.json.total != null first, or give another value with coalesce(response.json.total, ...)`},
		{`response.json.none.exists(i, i == 1)`, CodeNull, `line 1, column 1: "response.json.none": response.json.none is null: there is nothing to loop over`},
		{`response.json.items[1]`, CodeError, `line 1, column 1: "response.json.items[1]": the list has no element with this index`},
		{`callback.outcome`, CodeNull, `line 1, column 1: "callback": callback is null and has no outcome: test callback != null first, or write .?outcome`},
		{`par.value`, CodeNull, `line 1, column 1: "par": par is null and has no value: test par != null first, or write .?value`},
	}
	for _, tt := range tests {
		_, err := evalResponse(t, tt.text, response)
		f, ok := errors.AsType[*Failure](err)
		if !ok || f.Code != tt.code || f.Error() != tt.want {
			t.Errorf("%s\n got %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

// Every name belongs to a scope.
func TestReceived_scopes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		scope      Scope
		text, want string
	}{
		{Subject, `response.json.ok`, "no such name here: it belongs to the settings below response"},
		{Received, `result.ok`, "no such name here: it belongs to response.writeBack"},
		{Received, `callback.result`, "no such name here: it belongs to response.writeBack"},
		{WriteBack, `source.ok`, "no such name here: it belongs to the input of a service"},
		{Input, `doc.id`, "no such name here: it belongs to conditions, URLs, headers and bodies of a webhook"},
		{WriteBack, `respons.json`, "no such name: did you mean response?"},
		{Received, `response.body`, "no such field of Response; it has statusCode, headers, text, json, xml"},
	}
	for _, tt := range tests {
		if _, err := Compile(tt.scope, AnyResult, tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.text, err, tt.want)
		}
	}
}

func TestVars_SetResult(t *testing.T) {
	t.Parallel()
	failed, why := forgehook.Failed, "no stock"
	v := ResponseVars(subject(t, `{"id":7}`), ExampleCall(), &forgehook.Exchange{StatusCode: 202})
	v.SetResult(json.RawMessage(`{"a":[1]}`), &forgehook.Callback{Result: json.RawMessage(`{"a":[1]}`), Outcome: &failed, Error: &why})
	got, err := compile(t, WriteBack, AnyResult, `[result.a, callback.result.a, callback.outcome, callback.error, result.b, response.json]`).Eval(v)
	if err != nil || got.Text() != `[[1],[1],"failed","no stock",null,null]` {
		t.Errorf("%s, %v", got.Text(), err)
	}
}

// The variable cause is the call that a call is about, with its result as JSON.
func TestSubjectVars_cause(t *testing.T) {
	t.Parallel()
	sub, status := subject(t, `{"id":1}`), int32(503)
	sub.Cause = &forgehook.Cause{ID: "c", WebHookServiceID: 9, Outcome: "failed", StatusCode: &status, Attempts: 10, Result: json.RawMessage(`{"a":{"b":2}}`)}
	call := ExampleCall()
	call.CallbackURL = "https://hooks.example/v1/callbacks/x"
	text := `[cause.id, cause.webHookServiceId, cause.outcome, cause.statusCode, cause.attempts, cause.errorCode, cause.result.a.b, call.callbackUrl]`
	got, err := compile(t, Subject, AnyResult, text).Eval(SubjectVars(sub, call))
	if want := `["c",9,"failed",503,10,null,2,"https://hooks.example/v1/callbacks/x"]`; err != nil || got.Text() != want {
		t.Errorf("%s, %v", got.Text(), err)
	}
}

func TestDecodeXML(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"leaf", `<a>x</a>`, `{"a":"x"}`},
		{"empty", `<a/>`, `{"a":""}`},
		{"children", `<a><b>1</b><c> 2 </c></a>`, `{"a":{"b":"1","c":"2"}}`},
		{"repeated", `<a><b>1</b><c/><b><d/></b></a>`, `{"a":{"b":["1",{"d":""}],"c":""}}`},
		{"attributes", `<a id="7" x:lang="de">t</a>`, `{"a":{"@id":"7","@lang":"de","#text":"t"}}`},
		{"mixed", `<a>one <b>2</b> three</a>`, `{"a":{"b":"2","#text":"one  three"}}`},
		{"CDATA, entities, comments", `<?xml version="1.0"?><!-- c --><a>&lt;<![CDATA[<&]]><!-- c -->&#228;</a>`, `{"a":"<<&ä"}`},
		{"SOAP", `<?xml version="1.0" encoding="utf-8"?>
			<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:x"><soap:Body><Reply><Status code="0">OK</Status></Reply></soap:Body></soap:Envelope>`,
			`{"Envelope":{"Body":{"Reply":{"Status":{"@code":"0","#text":"OK"}}}}}`},
		{"byte order mark", "\uFEFF<a>x</a>", `{"a":"x"}`},
		{"Latin 1", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>M\xfcller</a>", `{"a":"Müller"}`},

		{"a .NET text that says UTF-16", `<?xml version="1.0" encoding="utf-16"?><a>ü</a>`, `{"a":"ü"}`},

		{"empty text", ``, `null`},
		{"JSON", `{"a":1}`, `null`},
		{"two roots", `<a/><b/>`, `null`},
		{"text after it", `<a/>x`, `null`},
		{"not closed", `<a><b></a>`, `null`},
		{"cut off", `<a><b>1</b>`, `null`},
		{"invalid UTF-8", "<a>\xff</a>", `null`},
		{"an encoding nobody knows", `<?xml version="1.0" encoding="utf-7"?><a/>`, `null`},
		{"an entity of its own", `<a>&x;</a>`, `null`},
		{"a DTD", `<!DOCTYPE a><a/>`, `null`},
		{"billion laughs", `<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>`, `null`},
		{"a file", `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`, `null`},
		{"deep", strings.Repeat("<a>", 500) + strings.Repeat("</a>", 500), strings.Repeat(`{"a":`, 500) + `""` + strings.Repeat(`}`, 500)},
		{"too deep", strings.Repeat("<a>", 100_000) + strings.Repeat("</a>", 100_000), `null`},
	}
	for _, tt := range tests {
		if got, err := evalResponse(t, "response.xml", forgehook.Exchange{Body: []byte(tt.in)}); err != nil || got != tt.want {
			t.Errorf("%s: got %.300s, %v, want %.300s", tt.name, got, err, tt.want)
		}
	}
}

// A hostile body gives null or a limit, at once.
func TestResponseVars_hostile(t *testing.T) {
	t.Parallel()
	const million = 1_000_000
	tests := []struct{ name, text, body, want string }{
		{"many values", "response.json", "[" + strings.Repeat("0,", million) + "0]", "it needs a body of more than 200000 values"},
		{"many elements", "response.xml", "<a>" + strings.Repeat("<b/>", million) + "</a>", "it needs a body of more than 200000 values"},
		{"deep JSON", "response.json", strings.Repeat("[", million) + strings.Repeat("]", million), "null"},
		{"JSON with rubbish behind", "response.json", `{"a":1} x`, "null"},
		{"JSON of invalid UTF-8", "response.json", "{\"a\":\"\xff\"}", "null"},
		{"text of invalid UTF-8", "response.text", "a\xffb", `"a` + "\uFFFD" + `b"`},
		{"a long number", "response.json > 1", strings.Repeat("9", million), "true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ends(t, func() {
				got, err := evalResponse(t, tt.text, forgehook.Exchange{Body: []byte(tt.body)})
				if err != nil {
					got = err.Error()
				}
				if !strings.HasSuffix(got, tt.want) {
					t.Errorf("got %.200s, %v, want %s", got, err, tt.want)
				}
			})
		})
	}
	for _, text := range []string{"response.json", "response.xml"} {
		for _, body := range []string{"1", "<a/>"} {
			if got, err := evalResponse(t, text, forgehook.Exchange{Body: []byte(body), Truncated: true}); err != nil || got != "null" {
				t.Errorf("%s of a truncated %s: %s, %v", text, body, got, err)
			}
		}
	}
}

// Two spellings of a header are one header, in any order of the map.
func TestResponseVars_headers(t *testing.T) {
	t.Parallel()
	for range 20 {
		got, err := evalResponse(t, "response.headers", forgehook.Exchange{Headers: map[string]string{"B": "1", "b": "2", "A": "3", "C": "\xff"}})
		if want := `{"a":"3","b":"2","c":"` + "\uFFFD" + `"}`; err != nil || got != want {
			t.Fatalf("%s, %v", got, err)
		}
	}
}

// Whole numbers are whole in any spelling.
func TestValue_Whole(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`10`: "10 true", `10.0`: "10 true", `10u`: "10 true", `10.5`: "10 false", `"10"`: "0 false", `null`: "0 false", `1e300`: "0 false", `[1]`: "0 false", `-3`: "-3 true",
	} {
		v, err := compile(t, Subject, AnyResult, text).Eval(SubjectVars(subject(t, `{"id":1}`), Call{}))
		if err != nil {
			t.Fatal(err)
		}
		n, ok := v.Whole()
		if !ok {
			n = 0
			want = "0 false"
		}
		if got := fmt.Sprint(n, ok); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	exact := func(n int32) bool {
		got, ok := value.New(types.Double(n), nil).Whole()
		return ok && got == int64(n)
	}
	if err := quick.Check(exact, nil); err != nil {
		t.Error(err)
	}
}
