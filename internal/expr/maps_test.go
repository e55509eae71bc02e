package expr

import "testing"

func TestOrderedMap_lookup(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{`{"a": 1, "b": 2}.b`, `2`},
		{`{"a": 1}["a"]`, `1`},
		{`{1: "x"}[dyn(1.0)]`, `"x"`},
		{`{1: "x"}[dyn(1u)]`, `"x"`},
		{`{"a": 1}.?b.orValue(2)`, `2`},
		{`"a" in {"a": 1} && !("b" in {"a": 1})`, `true`},
		{`has({"a": 1}.a) && !has({"a": 1}.b)`, `true`},
		{`{"a": 1, "b": 2} == {"b": 2, "a": 1}`, `true`},
		{`{"a": 1} == {"a": 2} || {"a": 1} == {"b": 1} || dyn({"a": 1}) == dyn({"a": 1, "b": 1})`, `false`},
		{`{"a": [1, {"b": 2}]} == {"a": [1, {"b": 2}]}`, `true`},
		{`size({"a": 1, "b": 2})`, `2`},
		{`{"a": 1, "b": 2}.all(k, k != "c")`, `true`},
		{`{"a": 1, "b": 2}.exists(k, v, v == 2)`, `true`},
		{`optional.ofNonZeroValue({}).hasValue()`, `false`},
		{`type({"a": 1}) == map`, `true`},
		{`[{"a": 1}, {"b": 1}] == [{"a": 1}, {"b": 1}]`, `true`},
		{`{"a": 1} in [{"a": 1}]`, `true`},
	} {
		if got := eval(t, c.text); got != c.want {
			t.Errorf("%s: got %s, want %s", c.text, got, c.want)
		}
	}
}
