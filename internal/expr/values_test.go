package expr

import (
	"testing"

	"cel.dev/cel-go/common/types"

	"github.com/forgehook/forgehook/internal/expr/value"
)

func TestAppendJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{`{"z": 1, "a": {"y": 2, "b": 3}, "m": [{"x": 1, "c": 2}]}`, `{"z":1,"a":{"y":2,"b":3},"m":[{"x":1,"c":2}]}`},
		{`[1, 2].map(i, {"z": i, "a": i})`, `[{"z":1,"a":1},{"z":2,"a":2}]`},
		{`["b", "a"].transformMap(i, v, v)`, `{"0":"b","1":"a"}`},
		{`["z", "a", "m"].transformMapEntry(i, v, {v: {"y": i, "b": i}})`, `{"z":{"y":0,"b":0},"a":{"y":1,"b":1},"m":{"y":2,"b":2}}`},
		{`["z", "a", "m"].transformMapEntry(i, v, v != "a", {v: i})`, `{"z":0,"m":2}`},
		{`{"z": 1, "a": 2}.transformMap(k, v, v + 1)`, `{"z":2,"a":3}`},
		{`{"z": 1, "a": 2}.transformMap(k, v, v > 1, k)`, `{"a":"a"}`},
		{`{"z": 1, "a": 2}.transformList(k, v, k)`, `["z","a"]`},
		{`{"z": 1, "a": 2}.map(k, k)`, `["z","a"]`},
		{`cel.bind(m, {"z": 1, "a": 2}, {"first": m, "second": m})`, `{"first":{"z":1,"a":2},"second":{"z":1,"a":2}}`},
		{`true ? {"z": 1, "a": 2} : {"x": 1}`, `{"z":1,"a":2}`},
		{`optional.of({"z": 1, "a": 2})`, `{"z":1,"a":2}`},
		{`[{"z": 1, "a": 2}][0]`, `{"z":1,"a":2}`},
		{`{"a": doc.comment, ?"b": doc.?comment, ?"c": doc.?filename, "d": optional.none()}`, `{"a":null,"c":"inv-0042.pdf","d":null}`},
		{`{"j": 1, "i": 2, "h": 3, "g": 4, "f": 5, "e": 6, "d": 7, "c": 8, "b": 9, "a": 10}`, `{"j":1,"i":2,"h":3,"g":4,"f":5,"e":6,"d":7,"c":8,"b":9,"a":10}`},
		{`{1: "a", true: "b", 2.5: "c", 3u: "d"}`, `{"1":"a","true":"b","2.5":"c","3":"d"}`},
		{`[9007199254740993, -9223372036854775808, 18446744073709551615u]`, `[9007199254740993,-9223372036854775808,18446744073709551615]`},
		{`[1.0, 0.1, 1e20, 1e21, 1e-6, 1e-7, -0.0, 118.40]`, `[1,0.1,100000000000000000000,1e+21,0.000001,1e-07,0,118.4]`},
		{`[0.0 / 0.0, 1.0 / 0.0, -1.0 / 0.0]`, `[null,null,null]`},
		{`[timestamp("2026-01-05T09:30:00.25+02:00"), duration("90s"), duration("-1500ms")]`, `["2026-01-05T07:30:00.250Z","00:01:30","-00:00:01.5000000"]`},
		{`[b"abc", type(1), type(doc)]`, `["YWJj","int","Document"]`},
		{`"<a href=\"x\">&amp;</a>\n\t\\ é 😀 \u2028 \u0007"`, `"<a href=\"x\">&amp;</a>\n\t\\ é 😀 \u2028 \u0007"`},
		{`doc.source`, `{"z":1,"a":[2,{"y":1.5,"b":null}],"big":12345678901234567890}`},
		{`{"x": doc.source.a}`, `{"x":[2,{"y":1.5,"b":null}]}`},
		{`[]`, `[]`},
		{`{}`, `{}`},
	} {
		if got := eval(t, c.text); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.text, got, c.want)
		}
	}
}

func TestValue_Text(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`null`: ``, `doc.comment`: ``, `optional.none()`: ``, `optional.of("x")`: `x`, `true`: `True`, `false`: `False`,
		`"a\"b"`: `a"b`, `118.40`: `118.4`, `2.0`: `2`, `0.0 / 0.0`: `NaN`, `7`: `7`, `7u`: `7`,
		`now`: `2026-01-05T07:30:00.000Z`, `duration("30s")`: `00:00:30`, `b"abc"`: `YWJj`,
		`["a", 1]`: `["a",1]`, `{"b": null, "a": doc.id}`: `{"b":null,"a":912}`, `type(1)`: `"int"`, `doc.status`: `9`,
	} {
		v, err := compile(t, Subject, AnyResult, text).Eval(invoiceVars(t))
		if err != nil || v.Text() != want {
			t.Errorf("%s: got %q, %v, want %q", text, v.Text(), err, want)
		}
	}
	if (Value{}).Text() != "" || !(Value{}).IsNull() || (Value{}).Bool() {
		t.Error("the zero value is not null")
	}
	if v := (value.New(types.String("a\xffb"), nil)); v.Text() != "a\uFFFDb" {
		t.Errorf("got %q for what is no UTF-8", v.Text())
	}
}

func TestValue_kinds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]bool{ // null, scalar
		`null`: {true, true}, `doc.comment`: {true, true}, `optional.none()`: {true, true}, `"x"`: {false, true}, `now`: {false, true},
		`[1]`: {false, false}, `{"a": 1}`: {false, false}, `doc`: {false, false}, `optional.of([1])`: {false, false}, `doc.source`: {false, false},
		`doc.field("none")`: {true, true},
	} {
		v, err := compile(t, Subject, AnyResult, text).Eval(invoiceVars(t))
		if got := [2]bool{v.IsNull(), v.IsScalar()}; err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
}
