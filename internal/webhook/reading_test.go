package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/mask"
)

func jsonExchange(status int, body string) forgehook.Exchange {
	return forgehook.Exchange{StatusCode: status, Headers: map[string]string{"Content-Type": "application/json"}, Body: []byte(body), StartedAt: at}
}

// later returns the evidence after the endpoint's callback.
func later(e Evidence, callback *forgehook.Callback) Evidence {
	e.Callback = callback
	return e
}

func failureOf(t *testing.T, err error) forgehook.CallError {
	t.Helper()
	f, ok := errors.AsType[*forgehook.CallError](err)
	if !ok {
		t.Fatalf("got %v, want a failure", err)
	}
	return *f
}

// response.successWhen judges every response and overrules the status in either direction.
func TestJudge_successWhen(t *testing.T) {
	t.Parallel()
	const success, retry, permanent = forgehook.VerdictSuccess, forgehook.VerdictRetry, forgehook.VerdictPermanent
	const ok = `response.json.status == "ok" && response.headers["x-left"] == null`
	tests := []struct {
		name, when string
		exchange   forgehook.Exchange
		want       forgehook.Decision // without Delay
	}{
		{"2xx, true", ok, jsonExchange(200, `{"status":"ok"}`), forgehook.Decision{Verdict: success, Reason: "200 OK"}},
		{"404, true", `response.statusCode == 404`, jsonExchange(404, ``), forgehook.Decision{Verdict: success, Reason: "404 Not Found"}},
		{"302, true", `true`, forgehook.Exchange{StatusCode: 302, Headers: map[string]string{"Location": "/x"}}, forgehook.Decision{Verdict: success, Reason: "302 Found"}},
		{"503, true", `response.text == "fine"`, jsonExchange(503, `fine`), forgehook.Decision{Verdict: success, Reason: "503 Service Unavailable"}},
		{"2xx, false", ok, jsonExchange(200, `{"status":"failed"}`), judged(permanent, "200 OK, but response.successWhen is false", forgehook.CallErrorAnswerRefused,
			`response.successWhen is false: response.json.status == "ok"`, true)},
		{"2xx, no JSON", ok, jsonExchange(200, `<p>ok</p>`), judged(permanent, "200 OK, but response.successWhen is false", forgehook.CallErrorAnswerRefused,
			`response.successWhen is false: response.json.status == "ok"`, true)},
		{"2xx, cut off", ok, forgehook.Exchange{StatusCode: 200, Body: []byte(`{"status":"ok"}`), Truncated: true}, judged(
			permanent, "200 OK, but response.successWhen is false", forgehook.CallErrorAnswerRefused, `response.successWhen is false: response.json.status == "ok"`, true)},
		{"404, false", ok, jsonExchange(404, `{}`), judged(retry, "404 Not Found", "http_404", "404 Not Found", false)},
		{"422, false", ok, jsonExchange(422, `{}`), judged(permanent, "422 Unprocessable Entity", "http_422", "422 Unprocessable Entity", true)},
		{"2xx, error", `response.json.left > 3`, jsonExchange(200, `{"token":"hunter2"}`), judged(
			permanent, "200 OK, but response.successWhen cannot be evaluated", forgehook.CallErrorAnswerUnreadable,
			`response.successWhen, line 1, column 1: "response.json.left": response.json.left is null: test response.json.left != null first, or give another value with coalesce(response.json.left, ...).`,
			true)},
		{"2xx, neither true nor false", `response.json.ok`, jsonExchange(201, `{"ok":"hunter2"}`), judged(
			permanent, "201 Created, but response.successWhen cannot be evaluated", forgehook.CallErrorAnswerUnreadable,
			`response.successWhen, line 1, column 1: "response.json.ok": it gives a text, not true or false.`, true)},
		{"503, error", `response.json.left > 3`, jsonExchange(503, `{}`), judged(retry, "503 Service Unavailable", "http_503", "503 Service Unavailable", false)},
		{"no response", `true`, lost("timeout", ""), judged(retry, "timed out after 30 s", "timeout", "timed out after 30 s", false)},
		{"about the document", `doc.id == 912 && response.json.id == doc.id`, jsonExchange(409, `{"id":912}`), forgehook.Decision{Verdict: success, Reason: "409 Conflict"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := plan(t, nested("response.successWhen", string(toJSON(tt.when))))
			got := p.Judge(evidence(invoice(t), tt.exchange), Tally{Counted: 1})
			got.Delay = 0
			diff(t, tt.want, got)
		})
	}
}

// For any response: where successWhen is true, no attempt follows; where it is false, the response
// is not a success.
func TestJudge_successWhenProperties(t *testing.T) {
	t.Parallel()
	always, never := plan(t, nested("response.successWhen", `"true"`)), plan(t, nested("response.successWhen", `"false"`))
	plain, sub := plan(t, `{}`), invoice(t)
	rapid.Check(t, func(t *rapid.T) {
		a := forgehook.Exchange{
			StatusCode: rapid.IntRange(100, 999).Draw(t, "status"), Body: rapid.SliceOf(rapid.Byte()).Draw(t, "body"), StartedAt: at,
			Headers: rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "headers"), Truncated: rapid.Bool().Draw(t, "truncated"),
			Err: rapid.SampledFrom([]*forgehook.CallError{nil, {Code: "timeout"}, {Code: "guard_blocked"}}).Draw(t, "error"),
		}
		tally := Tally{Counted: rapid.IntRange(0, 20).Draw(t, "counted")}
		if d := always.Judge(evidence(sub, a), tally); d.Verdict != forgehook.VerdictSuccess || d.Final || d.Delay != 0 || d.Code != "" {
			t.Fatalf("%+v", d)
		}
		d := never.Judge(evidence(sub, a), tally)
		if d.Verdict == forgehook.VerdictSuccess {
			t.Fatalf("%+v", d)
		}
		if a.StatusCode/100 != 2 && d != plain.Judge(evidence(nil, a), tally) {
			t.Fatalf("%d is judged otherwise than without the setting: %+v", a.StatusCode, d)
		}
	})
}

func TestJudge_await(t *testing.T) {
	t.Parallel()
	p := plan(t, `{"callback":{"await":true,"timeout":"PT1H"}}`)
	if d := p.Judge(evidence(nil, forgehook.Exchange{StatusCode: 202}), Tally{Counted: 1}); d.Await != time.Hour {
		t.Errorf("%+v", d)
	}
	if d := p.Judge(evidence(nil, forgehook.Exchange{StatusCode: 503}), Tally{Counted: 1}); d.Await != 0 {
		t.Errorf("%+v", d)
	}
	if !p.Awaits() || plan(t, `{}`).Awaits() {
		t.Error("only settings that say so await a callback")
	}
}

func TestPlan_NeedsSubject(t *testing.T) {
	t.Parallel()
	for settings, want := range map[string]bool{
		`{}`: false, `{"callback":{"await":true}}`: false,
		`{"response":{"successWhen":"true"}}`: true, `{"response":{"result":"1"}}`: true,
		`{"response":{"writeBack":{"workItem":{"status":"8"}}}}`:               true,
		`{"response":{"writeBack":{"document":{"fields":{"A":"result.a"}}}}}`:  true,
		`{"response":{"writeBack":{"verification":{"info":"response.text"}}}}`: true,
	} {
		if got := plan(t, settings).NeedsSubject(); got != want {
			t.Errorf("%s: %v", settings, got)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	const all = `{"response":{"result":"{\"total\": response.json.total, \"state\": response.json.state}","writeBack":{
		"document":{"status":"result.state","comment":"response.json.note","result":"result","category":"response.json.category",
			"fields":{"Total":"result.total","Date":"timestamp(response.json.at)","Checked":"response.json.checked","Ref":"response.headers[\"x-ref\"]"}},
		"verification":{"value":"text(result.total)","status":"response.json.flags","info":"\"by the ERP\""},
		"workItem":{"status":"response.json.item","reasonCode":"response.statusCode","reasonDescription":"response.json.why","reasonComment":"doc.statusName"}}}}`
	tests := []struct {
		name, settings string
		exchange       forgehook.Exchange
		said           *forgehook.Callback
		want           string // Reading as JSON
	}{
		{"nothing is asked", `{}`, jsonExchange(200, `{"a":1}`), nil, `{"Result":null,"WriteBack":null}`},
		{"everything", all, jsonExchange(200, `{"total":118.40,"state":"processed","note":"fine","category":3307,"at":"2026-01-05T07:30:00+02:00",
			"checked":true,"flags":"Suspicious, scripted","item":8,"why":"ok"}`), nil,
			`{"Result":{"total":118.40,"state":"processed"},"WriteBack":{"document":{"status":10,"comment":"fine","result":"{\"total\":118.40,\"state\":\"processed\"}",` +
				`"category":3307,"fields":[{"name":"Checked","value":"True"},{"name":"Date","value":"2026-01-05T05:30:00.000Z"},{"name":"Total","value":"118.40"}]},` +
				`"verification":{"value":"118.40","status":8194,"info":"by the ERP"},` +
				`"workItem":{"status":8,"reasonCode":"200","reasonDescription":"ok","reasonComment":"Processed"}}}`},
		{"null leaves what stands there", `{"response":{"writeBack":{"document":{"status":"response.json.none","comment":"response.json.note"},"workItem":{"status":"null"}}}}`,
			jsonExchange(200, `{}`), nil, `{"Result":null,"WriteBack":null}`},
		{"an empty text is a text", `{"response":{"writeBack":{"document":{"comment":"\"\""}}}}`, jsonExchange(200, `{}`), nil,
			`{"Result":null,"WriteBack":{"document":{"comment":""}}}`},
		{"a text as result", `{"response":{"result":"response.text","writeBack":{"document":{"result":"result"}}}}`, jsonExchange(200, `<ok>`), nil,
			`{"Result":"<ok>","WriteBack":{"document":{"result":"<ok>"}}}`},
		{"XML", `{"response":{"result":"response.xml.Reply.Status"}}`, forgehook.Exchange{StatusCode: 200, Body: []byte(`<x:Reply xmlns:x="u"><Status>OK</Status></x:Reply>`)}, nil,
			`{"Result":"OK","WriteBack":null}`},
		{"a 404 that counts as success", `{"response":{"successWhen":"response.statusCode == 404","result":"response.statusCode"}}`, jsonExchange(404, ``), nil,
			`{"Result":404,"WriteBack":null}`},

		{"before the callback", `{"callback":{"await":true},"response":{"result":"1","writeBack":{"document":{"comment":"\"x\""}}}}`, jsonExchange(202, `{}`), nil,
			`{"Result":null,"WriteBack":null}`},
		{"a callback", `{"callback":{"await":true},"response":{"result":"1","writeBack":{"document":{"comment":"result.text + callback.outcome"}}}}`,
			jsonExchange(202, `{}`), &forgehook.Callback{Result: json.RawMessage(`{"text":"a "}`)},
			`{"Result":{"text":"a "},"WriteBack":{"document":{"comment":"a delivered"}}}`},
		{"a callback without settings of response", `{"callback":{"await":true}}`, jsonExchange(202, `{}`), &forgehook.Callback{Result: json.RawMessage(`[1]`)},
			`{"Result":[1],"WriteBack":null}`},
		{"a callback without result", `{"callback":{"await":true}}`, jsonExchange(202, `{}`), &forgehook.Callback{}, `{"Result":null,"WriteBack":null}`},
		{"a callback that says failed", `{"callback":{"await":true},"response":{"writeBack":{"document":{"status":"\"Error\""}}}}`, jsonExchange(202, `{}`),
			&forgehook.Callback{Result: json.RawMessage(`1`), Outcome: new(forgehook.Failed)}, `{"Result":1,"WriteBack":null}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sub := tasked(t)
			before := pretty(t, sub)
			got, err := plan(t, tt.settings).Read(later(evidence(sub, tt.exchange), tt.said))
			if err != nil {
				t.Fatal(err)
			}
			diff(t, tt.want, string(toJSON(struct {
				Result    json.RawMessage
				WriteBack *forgehook.WriteBack
			}{got.Result, got.WriteBack})))
			diff(t, before, pretty(t, sub))
		})
	}
}

// If one value does not fit, nothing is written, and the message names the setting.
func TestRead_refuses(t *testing.T) {
	t.Parallel()
	const path = "response.writeBack."
	long := `"` + strings.Repeat("x", 1<<20) + `"`
	tests := []struct {
		setting, text, body string
		code                forgehook.CallErrorCode
		want                string
	}{
		{"document.status", `result`, `"Procezzed"`, forgehook.CallErrorWriteBackRefused, `document.status: "Procezzed" is none of DocumentStatus; did you mean "Processed"?`},
		{"document.status", `result`, `77`, forgehook.CallErrorWriteBackRefused, `document.status: 77 is none of DocumentStatus`},
		{"document.status", `result`, `10.5`, forgehook.CallErrorWriteBackRefused, `document.status: 10.5 is none of DocumentStatus`},
		{"document.status", `result`, `1e300`, forgehook.CallErrorWriteBackRefused, `document.status: 1e300 is none of DocumentStatus`},
		{"document.status", `result`, `true`, forgehook.CallErrorWriteBackRefused, `document.status: true is none of DocumentStatus`},
		{"document.status", `result`, `["Processed"]`, forgehook.CallErrorWriteBackRefused, `document.status: a list is none of DocumentStatus`},
		{"document.status", `result`, `""`, forgehook.CallErrorWriteBackRefused, `document.status: "" is none of DocumentStatus`},
		{"document.category", `result`, `0`, forgehook.CallErrorWriteBackRefused, `document.category: 0, where the number of a category belongs`},
		{"document.category", `result`, `2147483648`, forgehook.CallErrorWriteBackRefused, `document.category: 2147483648, where the number of a category belongs`},
		{"document.category", `result`, `"Invoice"`, forgehook.CallErrorWriteBackRefused, `document.category: "Invoice", where the number of a category belongs`},
		{"document.comment", `result`, `{"a":1}`, forgehook.CallErrorWriteBackRefused, `document.comment: a map, where a text belongs`},
		{"document.comment", `result + result`, long[:1<<20-10] + `"`, forgehook.CallErrorWriteBackRefused, `document.comment: 2097130 bytes, of which at most 1048576 are stored`},
		{"document.comment", `response.json * 2`, `-1e400`, forgehook.CallErrorWriteBackRefused, `document.comment: a number without a value, where a text belongs`},
		{"document.fields.Total", `result`, `[1]`, forgehook.CallErrorWriteBackRefused, `document.fields.Total: a list, where a text belongs`},
		{"verification.status", `result`, `"Suspicious, Scriptd"`, forgehook.CallErrorWriteBackRefused, `verification.status: "Suspicious, Scriptd" is none of VerificationStatus`},
		{"verification.status", `result`, `65536`, forgehook.CallErrorWriteBackRefused, `verification.status: 65536 is none of VerificationStatus`},
		{"workItem.status", `result`, `"Verifed"`, forgehook.CallErrorWriteBackRefused, `workItem.status: "Verifed" is none of WorkItemStatus; did you mean "Verified"?`},
		{"workItem.reasonCode", `result`, `{}`, forgehook.CallErrorWriteBackRefused, `workItem.reasonCode: a map, where a text belongs`},
		{"document.comment", `par.value`, `1`, forgehook.CallErrorAnswerUnreadable, `document.comment, line 1, column 1: "par": par is null and has no value: test par != null first, or write .?value.`},
	}
	for _, tt := range tests {
		t.Run(tt.setting+" "+tt.body[:min(len(tt.body), 20)], func(t *testing.T) {
			t.Parallel()
			s := settings(t, nested(path+tt.setting, string(toJSON(tt.text))))
			s.Response.Result = new("response.json")
			got, err := compiled(t, s).Read(evidence(tasked(t), jsonExchange(200, tt.body)))
			diff(t, forgehook.CallError{Code: tt.code, Message: path + tt.want}, failureOf(t, err))
			diff(t, forgehook.Reading{}, got)
		})
	}
}

func TestRead_results(t *testing.T) {
	t.Parallel()
	p := plan(t, `{"response":{"result":"response.text"}}`)
	fits := strings.Repeat("x", 1<<20-2)
	if got, err := p.Read(evidence(invoice(t), jsonExchange(200, fits))); err != nil || len(got.Result) != 1<<20 {
		t.Errorf("%d bytes, %v", len(got.Result), err)
	}
	_, err := p.Read(evidence(invoice(t), jsonExchange(200, fits+"x")))
	diff(t, forgehook.CallError{Code: forgehook.CallErrorResultTooLarge, Message: "The result has 1048577 bytes of JSON; at most 1048576 are stored."}, failureOf(t, err))
	_, err = plan(t, `{"callback":{"await":true}}`).Read(later(evidence(nil, jsonExchange(202, ``)), &forgehook.Callback{Result: json.RawMessage(`"` + fits + `x"`)}))
	diff(t, forgehook.CallErrorResultTooLarge, failureOf(t, err).Code)
	_, err = plan(t, `{"response":{"result":"response.json.a + 1"}}`).Read(evidence(invoice(t), jsonExchange(200, `{"a":"hunter2"}`)))
	diff(t, forgehook.CallError{Code: forgehook.CallErrorAnswerUnreadable, Message: `response.result, line 1, column 1: "response.json.a + 1": + does not fit the types of these values: number(x) and text(x) convert them.`},
		failureOf(t, err))
}

// A hostile response ends the call, soon and with a code.
func TestRead_hostile(t *testing.T) {
	t.Parallel()
	const million = 1_000_000
	for name, body := range map[string]string{
		"many values": "[" + strings.Repeat("0,", million) + "0]", "many elements": "<a>" + strings.Repeat("<b/>", million) + "</a>",
	} {
		_, err := plan(t, `{"response":{"result":"[response.json, response.xml]"}}`).Read(evidence(invoice(t), jsonExchange(200, body)))
		if f := failureOf(t, err); f.Code != forgehook.CallErrorAnswerUnreadable || !strings.Contains(f.Message, "a body of more than 200000 values") {
			t.Errorf("%s: %+v", name, f)
		}
	}
	for name, body := range map[string]string{
		"deep": strings.Repeat("[", million), "deep XML": strings.Repeat("<a>", million), "no UTF-8": "\xff\xfe{", "NUL": "\x00",
		"billion laughs": `<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><l>&b;</l>`,
	} {
		got, err := plan(t, `{"response":{"result":"[response.json, response.xml]"}}`).Read(evidence(invoice(t), jsonExchange(200, body)))
		if err != nil || string(got.Result) != "[null,null]" {
			t.Errorf("%s: %.100s, %v", name, got.Result, err)
		}
	}
}

// tasked returns an invoice with a work item.
func tasked(t testing.TB) *forgehook.Subject {
	t.Helper()
	sub := invoice(t)
	sub.WorkItem = &forgehook.WorkItem{ID: 77}
	return sub
}

// A call without a work item does not evaluate expressions about one: they would fail.
func TestRead_withoutWorkItem(t *testing.T) {
	t.Parallel()
	p := plan(t, `{"response":{"writeBack":{"document":{"comment":"'seen'"},"workItem":{"reasonCode":"string(wi.id)"}}}}`)
	got, err := p.Read(evidence(invoice(t), jsonExchange(200, `{}`)))
	if err != nil || got.WriteBack == nil || got.WriteBack.Document == nil || got.WriteBack.WorkItem != nil {
		t.Errorf("%s, %v", toJSON(got), err)
	}
}

// Any response gives either a reading or an error with one of the three codes and the setting's
// name, never both.
func TestRead_properties(t *testing.T) {
	t.Parallel()
	p := plan(t, `{"response":{"result":"[response.json, response.xml, response.headers]","writeBack":{
		"document":{"status":"response.json.a","comment":"response.xml.a","result":"response.json","category":"response.json.b","fields":{"Total":"response.json.a.b"}},
		"verification":{"status":"response.json.c"},"workItem":{"status":"response.json.a","reasonCode":"response.text"}}}}`)
	sub := tasked(t)
	value := rapid.SampledFrom([]string{`"Processed"`, `10`, `-1`, `3307`, `"Suspicious"`, `null`, `true`, `[1]`, `{"b":"x"}`, `1e999`, `"<"`})
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.OneOf(
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
			rapid.Custom(func(t *rapid.T) string {
				return `{"a":` + value.Draw(t, "a") + `,"b":` + value.Draw(t, "b") + `,"c":` + value.Draw(t, "c") + `}`
			}),
			rapid.Map(rapid.String(), func(s string) string { return "<a>" + s + "</a>" }),
		).Draw(t, "body")
		a := forgehook.Exchange{StatusCode: 200, Body: []byte(body), Headers: rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "headers")}
		got, err := p.Read(evidence(sub, a))
		again, errAgain := p.Read(evidence(sub, a))
		if string(toJSON(got)) != string(toJSON(again)) || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Fatalf("%s, %v, another time %s, %v", toJSON(got), err, toJSON(again), errAgain)
		}
		if err == nil {
			if !json.Valid(got.Result) || got.WriteBack == nil {
				t.Fatalf("%s", toJSON(got))
			}
			return
		}
		f, ok := errors.AsType[*forgehook.CallError](err)
		if !ok || f.Code != forgehook.CallErrorAnswerUnreadable && f.Code != forgehook.CallErrorWriteBackRefused || !strings.HasPrefix(f.Message, "response.") || got.WriteBack != nil {
			t.Fatalf("%v, %s", err, toJSON(got))
		}
	})
}

// Neither a result nor a message shows the value of a secret field.
func TestRead_secrets(t *testing.T) {
	t.Parallel()
	sub := subject(t, `{"document":{"id":1,"resultParameters":[{"id":5,"value":"hunter2-`+strings.Repeat("x", 80)+`","paramDef":{"id":9,"name":"Key","valueType":10}}]}}`)
	got, err := plan(t, `{"response":{"result":"{\"echo\": response.text, \"key\": doc.field(\"Key\").value, \"doc\": doc}"}}`).Read(evidence(
		sub, jsonExchange(200, "you sent "+*sub.Document.ResultParameters[0].Value)))
	if err != nil || strings.Contains(string(got.Result), "hunter2") || !strings.HasPrefix(string(got.Result), `{"echo":"you sent [secret]","key":"[secret]","doc":{`) {
		t.Errorf("%s, %v", got.Result, err)
	}
	_, err = plan(t, `{"response":{"writeBack":{"document":{"status":"doc.field(\"Key\").value"}}}}`).Read(evidence(sub, jsonExchange(200, ``)))
	diff(t, forgehook.CallError{Code: forgehook.CallErrorWriteBackRefused, Message: "response.writeBack.document.status: [secret], which does not fit here"}, failureOf(t, err))
	awaiting, m := plan(t, `{"callback":{"await":true},"response":{"writeBack":{"document":{"comment":"call.callbackUrl"}}}}`), meta
	m.CallbackURL = callbackURL
	got, err = awaiting.Read(Evidence{Subject: invoice(t), Meta: m, Exchange: jsonExchange(200, ``), Callback: &forgehook.Callback{}})
	if err != nil || *got.WriteBack.Document.Comment != "https://hooks.example/v1/callbacks/[token]" {
		t.Errorf("%+v, %v", got, err)
	}
}

// The write-back has the endpoint's true values; the reading lists those that must be masked. The
// caller's own secrets are masked too.
func TestRead_writesSecrets(t *testing.T) {
	t.Parallel()
	sub := subject(t, `{"document":{"id":1,"resultParameters":[{"id":5,"value":"hunter\"2","paramDef":{"id":9,"name":"Key","valueType":10}},{"id":6,"value":"7","paramDef":{"id":9}}]}}`)
	e := evidence(sub, jsonExchange(200, `{"key":"hunter\"2","from":"me-0042"}`))
	e.Redact = mask.NewRedactor("me-0042")
	p := plan(t, `{"response":{"result":"response.json","successWhen":"response.json.key == doc.field(\"Key\").value","writeBack":{"document":{"comment":"result.key"}}}}`)
	if d := p.Judge(e, Tally{Counted: 1}); d.Verdict != forgehook.VerdictSuccess {
		t.Errorf("%+v", d)
	}
	got, err := p.Read(e)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, `{"key":"[secret]","from":"[secret]"}`, string(got.Result))
	diff(t, `hunter"2`, *got.WriteBack.Document.Comment)
	diff(t, []string{`hunter"2`, "7"}, got.Secrets)
	e.Exchange.StatusCode, e.Exchange.Status = 599, "599 hunter me-0042"
	diff(t, "599 hunter [secret]", plan(t, `{}`).Judge(e, Tally{}).Message)
}

// The new value of a secret field is masked like the old one, also where the write-back is refused.
func TestRead_newSecrets(t *testing.T) {
	t.Parallel()
	sub := subject(t, `{"document":{"id":1,"resultParameters":[{"children":[{"paramDef":{"id":8,"name":"Key"}}]},
		{"id":5,"value":"hunter2","paramDef":{"id":9,"name":"KEY","valueType":10}}]},"parameter":{"id":5}}`)
	for name, want := range map[string]struct{ result, secrets string }{
		"key": {`{"key":"[secret]","pin":"[secret]"}`, `["hunter2","new key","4711"]`}, // the first at the top
		"Key": {`{"key":"new key","pin":"[secret]"}`, `["hunter2","4711"]`},
	} {
		settings := `{"response":{"result":"response.json","writeBack":{"document":{"status":%s,"fields":{"` + name + `":"result.key"}},"verification":{"value":"result.pin"}}}}`
		e := evidence(sub, jsonExchange(200, `{"key":"new key","pin":4711}`))
		got, err := plan(t, fmt.Sprintf(settings, `null`)).Read(e)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, want.result, string(got.Result))
		diff(t, want.secrets, string(toJSON(got.Secrets)))
		refused, err := plan(t, fmt.Sprintf(settings, `"result.key"`)).Read(e)
		if err == nil || strings.Contains(err.Error(), "new key") != (name == "Key") {
			t.Errorf("a status of any name: %v", err)
		}
		diff(t, want.secrets, string(toJSON(refused.Secrets)))
	}
}

// Another item than the call's gets its part of the write-back; the document gets none.
func TestReadWorkItem(t *testing.T) {
	t.Parallel()
	p := plan(t, `{"response":{"writeBack":{"document":{"status":"result.none.of.these + 1"},"workItem":{"status":"result.state","reasonCode":"text(wi.id)"}}}}`)
	sub := invoice(t)
	for id := int32(1); id <= 2; id++ {
		sub.WorkItem = &forgehook.WorkItem{ID: id}
		got, err := p.ReadWorkItem(evidence(sub, jsonExchange(200, `{}`)), json.RawMessage(`{"state":"Verified"}`))
		if err != nil {
			t.Fatal(err)
		}
		diff(t, fmt.Sprintf(`{"status":8,"reasonCode":"%d"}`, id), string(toJSON(got)))
	}
	_, err := p.ReadWorkItem(evidence(sub, jsonExchange(200, `{}`)), json.RawMessage(`{"state":"Verifid"}`))
	diff(t, forgehook.CallErrorWriteBackRefused, failureOf(t, err).Code)
	if got, err := plan(t, `{}`).ReadWorkItem(evidence(nil, jsonExchange(200, `{}`)), nil); got != nil || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestCompile_responses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, settings, want string }{
		{"not true or false", `{"successWhen":"response.statusCode"}`, "response.successWhen | response.statusCode | line 1, column 1: the condition must give true or false, and this gives an int: compare it with == or another operator"},
		{"a name of another scope", `{"result":"result.a"}`, "response.result | result | line 1, column 1: no such name here: it belongs to response.writeBack"},
		{"a field's expression", `{"writeBack":{"document":{"fields":{"Total":"respons.json"}}}}`, "response.writeBack.document.fields.Total | respons | line 1, column 1: no such name: did you mean response?"},
		{"a list for a text", `{"writeBack":{"document":{"comment":"[1]"}}}`, "response.writeBack.document.comment | [1] | line 1, column 1: the expression must give a text, a number, true or false, or a time, and this gives a list"},
		{"an entity for a text", `{"writeBack":{"workItem":{"reasonCode":"doc"}}}`, "response.writeBack.workItem.reasonCode | doc | line 1, column 1: the expression must give a text, a number, true or false, or a time, and this gives a Document"},
		{"a constant that does not fit", `{"writeBack":{"document":{"status":"\"Procezzed\""}}}`, `response.writeBack.document.status | "Procezzed" | "Procezzed" is none of DocumentStatus; did you mean "Processed"?`},
		{"a constant number", `{"writeBack":{"verification":{"status":"65536"}}}`, "response.writeBack.verification.status | 65536 | 65536 is none of VerificationStatus"},
	}
	for _, tt := range tests {
		_, err := Compile(settings(t, `{"response":`+tt.settings+`}`))
		diff(t, []string{tt.want}, faultsOf(t, err))
	}
	// 50 fields fit; with 480 expressions elsewhere they do not.
	var fields, holes []string
	for i := range 50 {
		fields = append(fields, fmt.Sprintf(`"F%d":"result.a"`, i))
	}
	for range 480 {
		holes = append(holes, "{{doc.id}}")
	}
	many := `"response":{"writeBack":{"document":{"fields":{` + strings.Join(fields, ",") + `}}}}`
	plan(t, `{`+many+`}`)
	_, err := Compile(settings(t, `{`+many+`,"webHook":{"contentType":"text/plain","body":"`+strings.Join(holes, "")+`"}}`))
	if got := faultsOf(t, err); len(got) != 1 || !strings.Contains(got[0], "at most 500 expressions") {
		t.Errorf("%q", got)
	}
}
