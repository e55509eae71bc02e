package library_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr"
	"github.com/forgehook/forgehook/internal/expr/library"
)

func exampleVars(t *testing.T, scope expr.Scope) *expr.Vars {
	t.Helper()
	if scope == expr.Subject {
		return expr.SubjectVars(expr.ExampleSubject(), expr.ExampleCall())
	}
	v, err := expr.InputVars(forgehook.LanguageNow, json.RawMessage(expr.ExampleSource), expr.ExampleCall().AcceptedAt)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// evalJSON returns the JSON of an expression's result, or "error: " and the message.
func evalJSON(t *testing.T, scope expr.Scope, text string) string {
	t.Helper()
	p, err := expr.Compile(scope, expr.AnyResult, text)
	if err != nil {
		return "fault: " + err.Error()
	}
	value, err := p.Eval(exampleVars(t, scope))
	if err != nil {
		return "error: " + err.Error()
	}
	data, err := value.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFunctionExamples(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range library.Docs() {
		if seen[f.Name] {
			t.Errorf("%s is declared twice", f.Name)
		}
		seen[f.Name] = true
		if f.Group == "" || f.Doc == "" || !strings.HasSuffix(f.Doc, ".") || len(f.Signatures) == 0 || len(f.Examples) == 0 {
			t.Errorf("%s: a function needs a group, a sentence, a signature and an example", f.Name)
		}
		for _, e := range f.Examples {
			scope := expr.Subject
			if e.OfSource {
				scope = expr.Input
			}
			if diff := cmp.Diff(e.Result, evalJSON(t, scope, e.Expr)); diff != "" {
				t.Errorf("%s: %s: -want +got:\n%s", f.Name, e.Expr, diff)
			}
		}
	}
}

func TestFunctionSignatures(t *testing.T) {
	t.Parallel()
	got := map[string][]string{}
	for _, f := range library.Docs() {
		got[f.Name] = f.Signatures
	}
	for name, want := range map[string]string{
		"field":    "Document.field(name string) -> Parameter",
		"hasFlag":  "int or null.hasFlag(flag int) -> bool",
		"table":    "Document.table(name string) -> list of map",
		"text":     "text(x any) -> string",
		"coalesce": "coalesce(a any, b any) -> any",
		"first":    "list of T.first() -> T",
		"round":    "round(x double or null) -> double or null",
		"date":     "date(x any) -> timestamp",
	} {
		if len(got[name]) == 0 || got[name][0] != want {
			t.Errorf("%s: %v, want %s first", name, got[name], want)
		}
	}
}

func TestFunctionFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ expr, want string }{
		{`text(doc.dtc, "q")`, "line 1, column 15: `\"q\"`: \"q\" is no date format: a single letter is one of d D f F g G m o r s t T u U y; for a part alone write %q"},
		{`text(doc.id, "Q2")`, `is no number format`},
		{`text(1.5, "D3")`, `D, X and B are for integers`},
		{`text(doc.filename, "F2")`, `a text takes no format`},
		{`text(duration("1h"), "hh:mm")`, `must stand behind a backslash or in quotes`},
		{`text(1.5, "F2", "de")`, `unknown culture "de": did you mean "de-DE"?`},
		{`number(doc.field("Total"), "xx-YY")`, `unknown culture "xx-YY": use one of invariant, en-US`},
		{`date(doc.field("Invoice date"), "dd/mm/yyyy")`, `did you mean the date format "dd/MM/yyyy"?`},
		{`date("x", ["dd/MM/yyyy", "dd/MM"])`, `it reads no year`},
		{`doc.filename.isMatch("(")`, `the pattern is no regular expression of .NET`},
		{`doc.filename.regexReplace("[", "x")`, `the pattern is no regular expression of .NET`},
		{`doc.feild("Total")`, `did you mean field?`},
		{`doc.field("Total").valeu`, `did you mean value?`},
		{`doc.field(1.5)`, ``},
		{`"a".padLeft("b")`, ``},
	} {
		_, err := expr.Compile(expr.Subject, expr.AnyResult, tt.expr)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.expr, err, tt.want)
		}
	}
	if _, err := expr.Compile(expr.Input, expr.AnyResult, `source.field("x")`); err == nil {
		t.Error("a sender's JSON has fields")
	}
}

// secretText stands in the document of TestFunctionErrors. No message may contain it.
const secretText = "Xq7-secret"

func TestFunctionErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		expr string
		code forgehook.CallErrorCode
		want string
	}{
		{`number(doc.comment)`, expr.CodeError, `the text is no number: it has characters that belong to no number of the culture`},
		{`number(true)`, expr.CodeError, `true or false is no number`},
		{`number("1", doc.comment)`, expr.CodeError, `there is no such culture`},
		{`date(doc.comment)`, expr.CodeError, `the text is no date`},
		{`date(doc.comment, "dd/MM/yyyy")`, expr.CodeError, `it does not fit the format`},
		{`date("2026-01-05", doc.comment)`, expr.CodeError, `the format cannot be used to read a date`},
		{`money(doc.comment)`, expr.CodeError, `the text is no number`},
		{`text(1.5, doc.comment.substring(0, 1) + "3")`, expr.CodeError, `the format does not fit a number`},
		{`text([1], "F2")`, expr.CodeError, `takes no format`},
		{`tryNumber("1", doc.comment)`, expr.CodeError, `there is no such culture`},
		{`parseJson(doc.comment)`, expr.CodeError, `the text is not JSON`},
		{`base64Decode(doc.comment)`, expr.CodeError, `the text is not Base64`},
		{`"a".isMatch("(" + doc.comment)`, expr.CodeError, `the pattern is no regular expression`},
		{`"a".regexFind("a", doc.comment)`, expr.CodeError, `the pattern has no such group`},
		{`"a".truncate(-1)`, expr.CodeError, `negative length`},
		{`"a".padLeft(5, "ab")`, expr.CodeError, `exactly one character`},
		{`sum([1, null])`, expr.CodeError, `element 1 of the list is null, not a number`},
		{`sum(doc.fields().map(f, f.value))`, expr.CodeError, `element 0 of the list is a text, not a number`},
		{`round(1.5, 999)`, expr.CodeError, `-300 to 300`},
		{`round(1.7976931348623157e308, -294)`, expr.CodeError, `too large`},
		{`doc.result.lower()`, expr.CodeNull, `doc.result`},
		{`master.field("Total").value`, expr.CodeNull, `master`},
	} {
		sub := expr.ExampleSubject()
		comment := secretText
		sub.Document.Comment, sub.MasterDocument = &comment, nil
		p, err := expr.Compile(expr.Subject, expr.AnyResult, tt.expr)
		if err != nil {
			t.Errorf("%s: %v", tt.expr, err)
			continue
		}
		_, err = p.Eval(expr.SubjectVars(sub, expr.ExampleCall()))
		var failure *expr.Failure
		if !errors.As(err, &failure) || failure.Code != tt.code || !strings.Contains(failure.Error(), tt.want) {
			t.Errorf("%s: %v, want %s %s", tt.expr, err, tt.code, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), secretText) {
			t.Errorf("%s: the message holds a value of the document: %v", tt.expr, err)
		}
	}
}

func TestFunctionValues(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ expr, want string }{
		// null stays null, and a field is read for its value
		{`[number(null), tryNumber(doc.field("Discount")), money(null), round(null)]`, `[null,null,null,null]`},
		{`[date(null), tryDate(doc.field("Discount"), "d")]`, `[null,null]`},
		{`[isBlank(null), isBlank(doc.field("Discount")), baseName(null), parseJson(null)]`, `[true,true,null,null]`},
		{`text(null, "F2")`, `""`},
		{`[text(true), text(true, "x"), text(1.0), text(doc.dtc), text([1, "a"]), text({"a": null})]`, `["True","True","1","2026-01-05T07:30:00.000Z","[1,\"a\"]","{\"a\":null}"]`},
		{`[doc.id.hasFlag(1), doc.resultIndex.hasFlag(0), doc.originId.hasFlag(0)]`, `[false,true,false]`},
		{`[number(5), number(5.5), number(doc.id)]`, `[5,5.5,912]`},
		{`money(1234.5)`, `{"amount":1234.5,"text":"1234.50","currency":null}`},
		{`money("$5")`, `{"amount":5,"text":"5","currency":null}`},
		{`money("$5", "en-US").currency`, `"USD"`},
		{`[date(now) == now, date(" 2026-01-05 ") < now]`, `[true,true]`},
		{`[round(1.005, 2), round(-2.5), round(0.4), round(-0.4), round(123456.0, -3), round(1e300, 2)]`, `[1.01,-3,0,0,123000,1e+300]`},
		{`[sum([]), sum([1, 2.5, 3u]), sum([1e300, 1.0]), sum([0.1, 0.1, 0.1])]`, `[0,6.5,1e+300,0.3]`},
		{`coalesce(null, null) == null`, `true`},
		{`coalesce(optional.none(), optional.of(1))`, `1`},
		{`[1, 2].last() + [1, 2].first()`, `3`},
		{`"".split(",").first()`, `""`},
		{`doc.table("lines")[1].Text`, `"Nuts M6"`},
		{`doc.rows("Lines")`, `[{"Text":"Bolts M6","Quantity":"100","Price":"1.10"},{"Text":"Nuts M6","Quantity":"80","Price":null}]`},
		{`doc.rows("Lines")[0].cell("Nothing").exists`, `false`},
		{`doc.field("Discount").field("x").fields()`, `[]`},
		{`doc.field("Lines").fields(179811).size()`, `3`},
		{`doc.fields(5000000000)`, `[]`},
		{`"x".regexFind("(a)?x", 1)`, `null`},
		{`"aaa".regexReplace("a", "$0$0")`, `"aaaaaa"`},
		{`["ab".padLeft(-1), "é".padLeft(2), "a.b".padRight(2)]`, `["ab"," é","a.b"]`},
		{`[baseName(".env"), baseName("/a/b/"), baseName("x")]`, `[".env","","x"]`},
		{`urlEncode("a+b&c~\u0000")`, `"a%2Bb%26c~%00"`},
	} {
		if got := evalJSON(t, expr.Subject, tt.expr); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.expr, got, tt.want)
		}
	}
}

func TestFunctionLimits(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`"a".padLeft(1000000)`,
		`("a".padLeft(40) + "!").isMatch("^(( |a)+)+$")`,
		`"a".padRight(5000, "a").regexReplace("(a*)*b|a", "$_")`,
		`"a".padRight(100000, "a").regexReplace("a", "a".padRight(1000, "b"))`,
		`("a".padRight(100000, "a") + "a".padRight(100000)).regexReplace("a", "$_")`,
		`doc.fields().map(a, doc.fields().map(b, doc.fields().map(c, doc.fields().map(d, doc.fields().map(e, "a".padLeft(1000))))))`,
	} {
		p, err := expr.Compile(expr.Subject, expr.AnyResult, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		_, err = p.Eval(exampleVars(t, expr.Subject))
		var failure *expr.Failure
		if !errors.As(err, &failure) || failure.Code != expr.CodeLimit {
			t.Errorf("%s: %v, want a limit", text, err)
		}
	}
}
