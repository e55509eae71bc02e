package expr

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/forgehook/forgehook"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{`doc.status == 9`, `+ doc.status == 9 {"doc.status":9}`},
		{`doc.status == DocumentStatus.Processed && doc.usage == UsageType.Outbox`,
			"- doc.status == DocumentStatus.Processed {\"doc.status\":9} doc.status is Verification\n" +
				`+ doc.usage == UsageType.Outbox {"doc.usage":3}`},
		{"  (doc.status == 9\n && doc.usage ==  4) && \"a)\" != 'b'",
			"+ doc.status == 9 {\"doc.status\":9}\n- doc.usage ==  4 {\"doc.usage\":3} doc.usage is Outbox\n+ \"a)\" != 'b' {}"},
		{`(doc.classId > 5 || doc.comment == "x") && (doc.usage + 1) * 2 == 8`,
			"+ (doc.classId > 5 || doc.comment == \"x\") {\"doc.classId\":3307,\"doc.comment\":null}\n+ (doc.usage + 1) * 2 == 8 {\"doc.usage\":3}"},
		{`doc.comment == "a"`, `- doc.comment == "a" {"doc.comment":null} doc.comment is null`},
		{`doc.comment.contains("a") && doc.status == 9`,
			"- doc.comment.contains(\"a\") {} doc.comment is null: test doc.comment != null first, or give another value with coalesce(doc.comment, ...)\n" +
				`+ doc.status == 9 {"doc.status":9}`},
		{`master.id == 1`, `- master.id == 1 {} master is null and has no id: test master != null first, or write .?id`},
		{`master != null`, `- master != null {"master":null} master is null`},
		{`doc != null && doc.resultParameters.size() == 2`, "+ doc != null {\"doc\":{\"id\":912}}\n+ doc.resultParameters.size() == 2 {\"doc.resultParameters.size()\":2}"},
		{`doc.filename == "INV-0042.pdf"`, `- doc.filename == "INV-0042.pdf" {"doc.filename":"inv-0042.pdf"} only upper and lower case differ: compare lower() of both`},
		{`"inv-0042.pdf " == doc.filename`, `- "inv-0042.pdf " == doc.filename {"doc.filename":"inv-0042.pdf"} only space at the ends differs: compare trim() of it`},
		{`doc.resultParameters.all(p, p.value == "x")`, `- doc.resultParameters.all(p, p.value == "x") {"doc.resultParameters.all(p, p.value == \"x\")":false}`},
		{`doc.status in [1, 2]`, `- doc.status in [1, 2] {"doc.status":9} doc.status is Verification`},
		{`def.isEnabled`, `- def.isEnabled {} def is null and has no isEnabled: test def != null first, or write .?isEnabled`},
		{`doc.source.a[1].b && true`, "- doc.source.a[1].b {\"doc.source.a[1].b\":null} doc.source.a[1].b is null, neither true nor false\n+ true {}"},
		{`doc.comment == "a" && 1 / (doc.usage - 3) == 1`,
			"- doc.comment == \"a\" {\"doc.comment\":null} doc.comment is null\n- 1 / (doc.usage - 3) == 1 {\"doc.usage\":3} this divides by zero"},
		{`doc.source == null && doc.resultParameters == []`,
			"- doc.source == null {\"doc.source\":{\"z\":1,\"a\":[2,{\"y\":1.5,\"b\":null}],\"big\":12345678901234567890}}\n- doc.resultParameters == [] {\"doc.resultParameters\":\"a list of 2\"}"},
		{`true`, `+ true {}`},
		{`!(doc.status == 9 && true)`, `- !(doc.status == 9 && true) {"doc.status":9} doc.status is Verification`},
	} {
		passed, parts, err := compile(t, Subject, BoolResult, c.text).Explain(invoiceVars(t))
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		lines, all := make([]string, len(parts)), true
		for i, p := range parts {
			lines[i] = strings.TrimSpace(fmt.Sprintf("%s %s %s %s", map[bool]string{true: "+", false: "-"}[p.Passed], p.Text, p.Actual, p.Hint))
			all = all && p.Passed
		}
		if got := strings.Join(lines, "\n"); got != c.want || all != passed {
			t.Errorf("%s: passed %v\ngot  %s\nwant %s", c.text, passed, got, c.want)
		}
	}
}

func TestExplain_failures(t *testing.T) {
	t.Parallel()
	for text, code := range map[string]forgehook.CallErrorCode{
		`1 / (doc.usage - 3) == 1`: CodeError,
		`doc.source.z`:             CodeError,
		`lists.range(100000).all(a, lists.range(100000).all(b, b >= 0)) && doc.status == 1`: CodeLimit,
	} {
		_, _, err := compile(t, Subject, BoolResult, text).Explain(invoiceVars(t))
		if f, ok := errors.AsType[*Failure](err); !ok || f.Code != code {
			t.Errorf("%s: got %v, want %s", text, err, code)
		}
	}
}

// TestExplain_long: an explanation is short, whatever the document holds.
func TestExplain_long(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	sub := subject(t, `{"filename":"`+long+`","info":["`+long+`"]}`)
	sub.Document.Source = []byte(`{"a":"` + long + `"}`)
	_, parts, err := compile(t, Subject, BoolResult, `doc.filename == "a" && doc.info == ["a"] && doc.source == "a" && doc.filename + "b" == "c"`).Explain(SubjectVars(sub, Call{AcceptedAt: accepted}))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		if len(p.Actual) > 500 || len(p.Hint) > 500 {
			t.Errorf("%s: %d bytes of values, %d of hint", p.Text, len(p.Actual), len(p.Hint))
		}
	}
}
