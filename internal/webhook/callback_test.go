package webhook

import (
	"strings"
	"testing"
)

const (
	callbackToken = "AZuNIQAAcACAAAAAAAAAAR0xZ1Jm7yq3cTzJm0rWv0yQ4yV8hQ2pYb6nT5sL0aKe"
	callbackURL   = "https://hooks.example/v1/callbacks/" + callbackToken
	shownURL      = "https://hooks.example/v1/callbacks/[token]"
)

// The URL is in the header, the default payload and the expressions. The shown request has no token
// in any of them, in any encoding.
func TestRequest_callback(t *testing.T) {
	t.Parallel()
	m := meta
	m.CallbackURL = callbackURL
	tests := []struct{ name, settings, sent, shown string }{
		{"default payload", `{}`, `{"type":"document.processed","timestamp":"2026-01-05T07:31:03.123Z","callbackUrl":"` + callbackURL + `","data":{`,
			`{"type":"document.processed","timestamp":"2026-01-05T07:31:03.123Z","callbackUrl":"` + shownURL + `","data":{`},
		{"a template", `{"webHook":{"body":"{\"reply\":\"{{ call.callbackUrl }}\"}"}}`, `{"reply":"` + callbackURL + `"}`, `{"reply":"` + shownURL + `"}`},
		{"in other letters", `{"webHook":{"bodyKind":"expression","body":"call.callbackUrl.upper()"}}`, strings.ToUpper(`"` + callbackURL + `"`), strings.ToUpper(`"` + shownURL + `"`)},
		{"no body", `{"webHook":{"method":"GET"}}`, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := settings(t, tt.settings)
			s.Callback.Await = true
			r, err := requested(compiled(t, s), invoice(t), m)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(r.Body), tt.sent) || header(r.Headers, CallbackHeader) != callbackURL {
				t.Errorf("sent %.300s, %v", r.Body, r.Headers)
			}
			if r.Shown == nil || !strings.HasPrefix(string(r.Shown.Body), tt.shown) || header(r.Shown.Headers, CallbackHeader) != shownURL {
				t.Fatalf("shown %+v", r.Shown)
			}
			if all := pretty(t, r.Shown) + string(r.Shown.Body); strings.Contains(strings.ToLower(all), strings.ToLower(callbackToken)) {
				t.Errorf("the token is in %s", all)
			}
		})
	}
}

// A part of the token is not shown either, although building again does not remove it.
func TestRequest_callbackPart(t *testing.T) {
	t.Parallel()
	m := meta
	m.CallbackURL = callbackURL
	s := settings(t, `{"callback":{"await":true},"webHook":{"url":"https://example.com/a?back={{ call.callbackUrl }}"},"headers":{"X-Back":"{{ call.callbackUrl.split(\"/\")[5] }}"}}`)
	r, err := requested(compiled(t, s), invoice(t), m)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "https://example.com/a?back=https%3A%2F%2Fhooks.example%2Fv1%2Fcallbacks%2F%5Btoken%5D", r.Shown.URL)
	diff(t, callbackToken, r.Headers["X-Back"])
	diff(t, ShownToken, r.Shown.Headers["X-Back"])
}

// A preview has no token: it is sent and shown in the same form.
func TestRequest_callbackPreview(t *testing.T) {
	t.Parallel()
	m := meta
	m.CallbackURL = shownURL
	r, err := requested(plan(t, `{"callback":{"await":true}}`), invoice(t), m)
	if err != nil || r.Shown != nil || r.Headers[CallbackHeader] != shownURL || !strings.Contains(string(r.Body), `"callbackUrl":"`+shownURL+`"`) {
		t.Errorf("%+v, %v", r, err)
	}
}

// Settings that await no callback send no URL, even if the call has one.
func TestRequest_withoutCallback(t *testing.T) {
	t.Parallel()
	m := meta
	m.CallbackURL = callbackURL
	p := plan(t, `{"webHook":{"bodyKind":"expression","body":"[call.callbackUrl]"}}`)
	r, err := requested(p, invoice(t), m)
	if err != nil || string(r.Body) != "[null]" || r.Shown != nil || r.Headers[CallbackHeader] != "" {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = requested(plan(t, `{}`), invoice(t), m)
	if err != nil || strings.Contains(string(r.Body), "callbackUrl") || r.Shown != nil {
		t.Errorf("%+v, %v", r, err)
	}
}

// Conditions store what they saw, without the token.
func TestExplain_callback(t *testing.T) {
	t.Parallel()
	m := meta
	m.CallbackURL = callbackURL
	conditions, err := conditionsOf(plan(t, `{"callback":{"await":true},"condition":"call.callbackUrl != null && call.callbackUrl.size() > 500"}`), invoice(t), m)
	if all := pretty(t, conditions); err != nil || strings.Contains(all, callbackToken) || !strings.Contains(all, ShownToken) {
		t.Errorf("%s, %v", all, err)
	}
}

// A call that the end of another has fired names that call, after the platform's keys and to
// expressions.
func TestRequest_cause(t *testing.T) {
	t.Parallel()
	sub := subject(t, `{"document":{"id":1},"call":{"id":"c1","webHookServiceId":9,"outcome":"failed","attempts":10,"errorCode":"http_503","result":{"a":"<"}}}`)
	r, err := requested(plan(t, `{}`), sub, meta)
	if err != nil {
		t.Fatal(err)
	}
	const want = `"service":null,"call":{"id":"c1","webHookServiceId":9,"reason":null,"outcome":"failed","statusCode":null,"attempts":10,"errorCode":"http_503","errorMessage":null,"result":{"a":"<"}}}}`
	if !strings.HasSuffix(string(r.Body), want) {
		t.Errorf("got %s", r.Body)
	}
	p := plan(t, `{"condition":"cause != null && cause.errorCode == \"http_503\"","webHook":{"bodyKind":"expression","body":"{\"failed\": cause.id, \"of\": cause.webHookServiceId, \"a\": cause.result.a}"}}`)
	if r, err = requested(p, sub, meta); err != nil || string(r.Body) != `{"failed":"c1","of":9,"a":"<"}` {
		t.Errorf("%s, %v", r.Body, err)
	}
}
