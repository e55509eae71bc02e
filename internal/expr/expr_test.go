package expr

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
)

// invoice is the document of most tests: status 9, usage Outbox (3), with a total and a field
// without definition. Its comment and dates are null.
const invoice = `{"id":912,"status":9,"usage":3,"filename":"inv-0042.pdf","classId":3307,"externalId":"PO-7","resultParameters":[
	{"id":50,"value":"118.40","paramDef":{"id":179804,"name":"Total","valueType":3},
		"verifications":[{"id":70,"confidence":0.62,"status":3},{"id":71,"confidence":0.9}]},
	{"id":51}]}`

var accepted = time.Date(2026, 1, 5, 7, 30, 0, 0, time.UTC)

// subject decodes a document. Everything else of the subject is null.
func subject(t testing.TB, document string) *forgehook.Subject {
	t.Helper()
	sub := &forgehook.Subject{Document: &forgehook.Document{}}
	if err := forgehook.Decode([]byte(document), sub.Document); err != nil {
		t.Fatal(err)
	}
	sub.Document.Source = []byte(`{"z":1,"a":[2,{"y":1.5,"b":null}],"big":12345678901234567890}`)
	return sub
}

func invoiceVars(t testing.TB) *Vars {
	t.Helper()
	return SubjectVars(subject(t, invoice), Call{ID: "c1", WebhookID: "w1", WebHookServiceID: 5, Reason: "manual", EventType: "document.processed", AcceptedAt: accepted})
}

func compile(t testing.TB, scope Scope, want Result, text string) *Program {
	t.Helper()
	p, err := Compile(scope, want, text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

// eval returns the JSON of an expression on the invoice.
func eval(t testing.TB, text string) string {
	t.Helper()
	v, err := compile(t, Subject, AnyResult, text).Eval(invoiceVars(t))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	data, err := v.AppendJSON(nil)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return string(data)
}

func failure(t testing.TB, text string) *Failure {
	t.Helper()
	_, err := compile(t, Subject, AnyResult, text).Eval(invoiceVars(t))
	f, ok := errors.AsType[*Failure](err)
	if !ok {
		t.Fatalf("%s: got error %v, want a failure", text, err)
	}
	return f
}

func TestEval(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{`doc.status == DocumentStatus.Verification`, `true`},
		{`doc.status + 1`, `10`},
		{`doc.statusName`, `"Verification"`},
		{`doc.extension`, `"pdf"`},
		{`srcdoc.id == doc.id && docs[0] == doc`, `true`},
		{`masterdoc == null && parentservice == null`, `true`},
		{`master == null ? "none" : master.filename`, `"none"`},
		{`[call.id, call.webhookId, call.reason, call.eventType]`, `["c1","w1","manual","document.processed"]`},
		{`call.webHookServiceId`, `5`},
		{`[now, call.acceptedAt]`, `["2026-01-05T07:30:00.000Z","2026-01-05T07:30:00.000Z"]`},
		{`doc.resultParameters.map(p, p.name)`, `["Total",null]`},
		{`doc.resultParameters.map(p, p.exists)`, `[true,true]`},
		{`doc.resultParameters[0].lastVerification.id`, `71`},
		{`doc.resultParameters[0].confidence`, `0.9`},
		{`doc.resultParameters[1].confidence == null && doc.resultParameters[1].lastVerification == null`, `true`},
		{`doc.resultParameters.exists(p, p.value == "118.40" && p.confidence > 0.5)`, `true`},
		{`has(doc.comment) || !has(doc.filename)`, `false`},
		{`doc.?comment.orValue("-")`, `"-"`},
		{`doc.?filename.orValue("-")`, `"inv-0042.pdf"`},
		{`master.?filename.orValue("-")`, `"-"`},
		{`doc.resultParameters[1].?paramDef.?name.orValue("none")`, `"none"`},
		{`dyn(doc).status`, `9`},
		{`has(dyn(doc).comment)`, `false`},
		{`type(doc) == Document`, `true`},
		{`doc.classId in [3306, 3307]`, `true`},
		{`[3, 1, 2].sort().map(x, x * 2)`, `[2,4,6]`},
		{`["b", "a", "b", "a"].distinct()`, `["b","a"]`},
		{`[1, 1.0, null, null, "1"].distinct()`, `[1,null,"1"]`},
		{`[[1], [1]].distinct()`, `[[1]]`},
		{`cel.bind(name, doc.filename, name + "/" + name)`, `"inv-0042.pdf/inv-0042.pdf"`},
		{`"inv-0042".matches("^inv-[0-9]+$")`, `true`},
		{`doc.filename.matches("in" + "v")`, `true`},
		{`doc.source.a[1].y + 0.5`, `2`},
		{`doc.source == {"big": 12345678901234567890u, "z": 1, "a": [2, {"b": null, "y": 1.5}]}`, `true`},
		{`DocumentStatus.Processed in [DocumentStatus.Processed]`, `true`},
	} {
		if got := eval(t, c.text); got != c.want {
			t.Errorf("%s: got %s, want %s", c.text, got, c.want)
		}
	}
}

func TestEval_input(t *testing.T) {
	t.Parallel()
	p := compile(t, Input, ObjectResult, `{"filename": input.name, "externalId": source.?ref.orValue("none"), "dtc": now, "lines": source.lines.map(l, l.sku)}`)
	v, err := InputVars(forgehook.LanguageNow, []byte(`{"name":"a.pdf","lines":[{"sku":"B"},{"sku":"A"}]}`), accepted)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Eval(v)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := got.AppendJSON(nil)
	if want := `{"filename":"a.pdf","externalId":"none","dtc":"2026-01-05T07:30:00.000Z","lines":["B","A"]}`; string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}
	for raw, want := range map[string]string{
		`{"a":`: "line 1, column",
		`{} {}`: "line 1, column",
		"\xff":  "not UTF-8",
		``:      "empty",
		strings.Repeat("[", 501) + "1" + strings.Repeat("]", 501): "more than 500 levels",
	} {
		if _, err := InputVars(forgehook.LanguageNow, []byte(raw), accepted); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: got %v, want %q", raw, err, want)
		}
	}
}

func TestEval_wrongResult(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want Result
		text string
		code forgehook.CallErrorCode
	}{
		{BoolResult, `doc.source.z`, CodeError},
		{BoolResult, `doc.source.a[1].b`, CodeNull},
		{ObjectResult, `doc.source.a`, CodeError},
		{ObjectResult, `doc.source.a[1].b`, CodeNull},
		{BoolResult, `def.isEnabled`, CodeNull},
	} {
		_, err := compile(t, Subject, c.want, c.text).Eval(invoiceVars(t))
		if f, ok := errors.AsType[*Failure](err); !ok || f.Code != c.code {
			t.Errorf("%s: got %v, want %s", c.text, err, c.code)
		}
	}
}

func TestConstant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		known bool
		value bool
	}{
		{`false`, true, false},
		{`1 > 2`, true, false},
		{`doc.status == 9 && false`, true, false},
		{`true || doc.status == 9`, true, true},
		{`DocumentStatus.Processed == 10`, true, true},
		{`doc.status == 9`, false, false},
		{`now > timestamp("2020-01-01T00:00:00Z")`, false, false},
		{`1 / 0 == 1`, false, false},
	} {
		got, known := compile(t, Subject, BoolResult, c.text).Constant()
		if known != c.known || got.Bool() != c.value {
			t.Errorf("%s: got %v, %v", c.text, got.Bool(), known)
		}
	}
}

// TestProgram_concurrent serves the race detector.
func TestProgram_concurrent(t *testing.T) {
	t.Parallel()
	p := compile(t, Subject, BoolResult, `doc.comment == null && {"a": doc.resultParameters.map(x, x.value)}.a[0] + "x" != "" && doc.filename.matches("inv")`)
	failing := compile(t, Subject, AnyResult, `doc.resultParameters.map(p, p.value + "x")`)
	done := make(chan error)
	for range 4 {
		go func() {
			for range 50 {
				v := SubjectVars(subject(t, invoice), Call{AcceptedAt: accepted})
				if passed, _, err := p.Explain(v); err != nil || !passed {
					done <- errors.New("not passed")
					return
				}
				if _, err := failing.Eval(v); err == nil {
					done <- errors.New("no failure")
					return
				}
				p.Constant()
			}
			done <- nil
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
