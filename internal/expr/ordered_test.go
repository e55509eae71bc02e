package expr

import (
	"fmt"
	"testing"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// TestOrderedMap_shared: a map never changes, also when several longer ones are made of it.
func TestOrderedMap_shared(t *testing.T) {
	t.Parallel()
	text := func(m *orderedMap) string { s, _ := Value{val: m}.AppendJSON(nil); return string(s) }
	grow := func(m *orderedMap, name string) *orderedMap {
		longer, err := m.insert(types.String(name), types.Int(m.size))
		if err != nil {
			t.Fatal(err)
		}
		return longer
	}
	base := newOrderedMap(0)
	for i := range 20 {
		left, right := grow(base, "left"), grow(base, "right")
		if got := text(right); got == text(left) || left.size != i+1 || right.Contains(types.String("left")) == types.True {
			t.Fatalf("after %d: %s", i, got)
		}
		if left.Equal(right) == types.True {
			t.Error("maps of other names are equal")
		}
		base = grow(base, fmt.Sprint("n", i))
	}
	if _, err := base.insert(types.String("n3"), types.True); err == nil {
		t.Error("a name stands twice")
	}
	if _, err := base.insert(newList(nil), types.True); err == nil {
		t.Error("a list is a name")
	}
}

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
	m := newOrderedMap(1)
	m.put("a", types.Int(1))
	if plain, ok := m.Value().(map[ref.Val]ref.Val); !ok || plain[types.String("a")] != types.Int(1) {
		t.Error("Value gives no Go map")
	}
}
