package expr

import (
	"errors"
	"strings"
	"testing"
)

// TestNull: null may always be compared. Calculating with it is an error that names what is null.
func TestNull(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{ // want: JSON, or the expression that is null
		{`doc.comment`, `= null`},
		{`doc.comment == null`, `= true`},
		{`doc.comment == "x"`, `= false`},
		{`doc.comment != "x"`, `= true`},
		{`doc.masterId == 7`, `= false`},
		{`doc.masterId in [1, 2]`, `= false`},
		{`doc.dtc == now`, `= false`},
		{`{"a": doc.comment, "b": [doc.masterId]}`, `= {"a":null,"b":[null]}`},
		{`doc.comment == null ? "-" : doc.comment`, `= "-"`},
		{`master == null || master.id == 1`, `= true`},
		{`def`, `= null`},
		{`doc.comment + "x"`, `doc.comment`},
		{`"x" + doc.comment`, `doc.comment`},
		{`doc.masterId + 1`, `doc.masterId`},
		{`-doc.masterId`, `doc.masterId`},
		{`doc.masterId > 1`, `doc.masterId`},
		{`1 < doc.masterId`, `doc.masterId`},
		{`doc.dtc < now`, `doc.dtc`},
		{`doc.comment.size() > 1`, `doc.comment`},
		{`size(doc.comment)`, `doc.comment`},
		{`doc.comment.lowerAscii()`, `doc.comment`},
		{`doc.filename.contains(doc.comment)`, `doc.comment`},
		{`doc.comment.matches("x")`, `doc.comment`},
		{`doc.dtc.getFullYear()`, `doc.dtc`},
		{`string(doc.comment)`, `doc.comment`},
		{`doc.resultParameters[1].value + "x"`, `doc.resultParameters[1].value`},
		{`doc.resultParameters[1].paramDef.name`, `doc.resultParameters[1].paramDef`},
		{`doc.resultParameters.map(p, p.paramDef.name)`, `p.paramDef`},
		{`doc.resultParameters.map(p, p.value + "x")`, `p.value`},
		{`doc.resultParameters.all(p, p.value > "0")`, `p.value`},
		{`doc.resultParameters.filter(p, p.confidence > 0.5)`, `p.confidence`},
		{`doc.resultParameters[1].lastVerification.confidence`, `doc.resultParameters[1].lastVerification`},
		{`master.id`, `master`},
		{`master.resultParameters.map(p, p.id)`, `master`},
		{`doc.source.a[1].b + 1`, `doc.source.a[1].b`},
		{`doc.source.a[1].b.c`, `doc.source.a[1].b`},
		{`doc.source.a[1].b.map(x, x)`, `doc.source.a[1].b`},
		{`doc.source.a[1].b ? 1 : 2`, `doc.source.a[1].b`},
		{`doc.source.a[1].b && true`, `doc.source.a[1].b`},
		{`!doc.source.a[1].b`, `doc.source.a[1].b`},
		{`par.paramDef.isEnabled && true`, `par`},
		{`[1, 2][doc.masterId]`, ``},
		{`cel.bind(c, doc.comment, c + "x")`, `c`},
		{`{"a": {"b": [doc.comment + "x"]}}`, `doc.comment`},
		{`(master == null ? doc.comment : "x") + "y"`, `(master == null) ? doc.comment : "x"`},
	} {
		if want, ok := strings.CutPrefix(c.text+"\x00"+c.want, c.text+"\x00= "); ok {
			if got := eval(t, c.text); got != want {
				t.Errorf("%s: got %s, want %s", c.text, got, want)
			}
			continue
		}
		f := failure(t, c.text)
		if c.want == "" {
			if f.Code != CodeError && f.Code != CodeNull {
				t.Errorf("%s: got %s %v", c.text, f.Code, f)
			}
			continue
		}
		if f.Code != CodeNull || f.Text != c.want || !strings.HasPrefix(f.Message, c.want+" is null") {
			t.Errorf("%s: got %s %v, want that %s is null", c.text, f.Code, f, c.want)
		}
	}
}

// TestFailure: messages are plain and hold no value of the document.
func TestFailure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{`doc.comment + "x"`, `line 1, column 1: "doc.comment": doc.comment is null: test doc.comment != null first, or give another value with coalesce(doc.comment, ...)`},
		{"doc.status == 9 &&\n master.id == 1", `line 2, column 2: "master": master is null and has no id: test master != null first, or write .?id`},
		{`doc.source.a[1].b.map(x, x)`, `line 1, column 1: "doc.source.a[1].b": doc.source.a[1].b is null: there is nothing to loop over`},
		{`doc.source.a[1].b && true`, `line 1, column 1: "doc.source.a[1].b": doc.source.a[1].b is null, neither true nor false`},
		{`doc.source.total`, `line 1, column 1: "doc.source.total": there is no member total: test has(...) first, or write .?total.orValue(...)`},
		{`doc.source["total"]`, "line 1, column 1: `doc.source[\"total\"]`: there is no member total: test has(...) first, or write .?total.orValue(...)"},
		{`doc.source[doc.filename]`, `line 1, column 1: "doc.source[doc.filename]": there is no member of this name`},
		{`doc.source.z.k`, `line 1, column 1: "doc.source.z.k": there is no member k: test has(...) first, or write .?k.orValue(...)`},
		{`doc.resultParameters[7].id`, `line 1, column 1: "doc.resultParameters[7]": the list has no element with this index`},
		{`doc.source.a[5]`, `line 1, column 1: "doc.source.a[5]": the list has no element with this index`},
		{`1 + 1 / (doc.usage - 3)`, `line 1, column 5: "1 / (doc.usage - 3)": this divides by zero`},
		{`doc.id % (doc.usage - 3)`, `line 1, column 1: "doc.id % (doc.usage - 3)": this divides by zero`},
		{`9223372036854775807 + doc.id`, `line 1, column 1: "9223372036854775807 + doc.id": the result does not fit: a number too large, or a moment outside the years 1 to 9999`},
		{`int(doc.filename)`, `line 1, column 1: "int(doc.filename)": the value cannot be converted to int`},
		{`timestamp(doc.filename)`, `line 1, column 1: "timestamp(doc.filename)": the value cannot be converted to timestamp`},
		{`doc.filename.substring(50)`, `line 1, column 14: "doc.filename.substring(50)": the position is outside of the text`},
		{`doc.source.z + doc.filename`, `line 1, column 1: "doc.source.z + doc.filename": + does not fit the types of these values: number(x) and text(x) convert them`},
		{`doc.source.z.size()`, `line 1, column 14: "doc.source.z.size()": size does not take values of these types`},
		{`doc.source.z.map(x, x)`, `line 1, column 1: "doc.source.z.map(x, x)": only a list or a map has elements to loop over`},
		{`doc.source.z && true`, `line 1, column 1: "doc.source.z && true": && does not fit the types of these values: number(x) and text(x) convert them`},
		{`{doc.source.a: 1}`, `line 1, column 1: "{doc.source.a: 1}": a name in a map must be a text, not a list`},
		{`{doc.filename: 1, "inv-" + "0042.pdf": 2}`, "line 1, column 1: `{doc.filename: 1, \"inv-\" + \"0042.pdf\": 2}`: a map has a name twice"},
		{`["a", "a"].transformMapEntry(i, v, {v: i})`, "line 1, column 1: `[\"a\", \"a\"].transformMapEntry(i, v, {v: i})`: a map has a name twice"},
		{`doc.?comment.value()`, `line 1, column 14: "doc.?comment.value()": the optional value has no value: orValue(x) gives another one`},
		{`doc.filename.matches(doc.filename + "(")`, "line 1, column 14: `doc.filename.matches(doc.filename + \"(\")`: the pattern cannot be read"},
	} {
		if got := failure(t, c.text); got.Error() != c.want {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, got, c.want)
		}
	}
}

// TestFailure_values: no error carries a value of the document.
func TestFailure_values(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-value"
	for _, text := range []string{
		`int(doc.externalId)`, `double(doc.externalId)`, `bool(doc.externalId)`, `timestamp(doc.externalId)`, `duration(doc.externalId)`,
		`doc.source[doc.externalId]`, `{"a": 1}[doc.externalId]`, `doc.externalId.substring(100)`, `"x".matches(doc.externalId + "(")`,
		`[1][dyn(doc.externalId)]`, `dyn(doc.externalId) + 1`, `dyn(doc.externalId) > 1`, `dyn(doc.externalId).map(x, x)`, `dyn(doc.externalId).a`,
		`"%d".format([dyn(doc.externalId)])`, `doc.externalId.format([])`, `now.getFullYear(doc.externalId)`, `[3, dyn(doc.externalId)].sort()`,
		`lists.range(dyn(doc.externalId))`, `dyn(doc.externalId) in 3`, `-dyn(doc.externalId)`, `{doc.externalId: 1, dyn(doc.externalId): 2}`,
	} {
		p, err := Compile(Subject, AnyResult, text)
		if err != nil {
			continue // the checker refuses it
		}
		sub := subject(t, `{"externalId":"`+secret+`%q"}`)
		_, err = p.Eval(SubjectVars(sub, Call{AcceptedAt: accepted}))
		f, ok := errors.AsType[*Failure](err)
		if !ok {
			t.Errorf("%s: got error %v, want a failure", text, err)
			continue
		}
		if strings.Contains(f.Error(), secret) {
			t.Errorf("%s: the failure shows the value: %v", text, f)
		}
	}
}
