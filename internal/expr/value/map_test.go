package value

import (
	"fmt"
	"testing"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// TestOrderedMap_shared: a map never changes, even when several longer maps are made of it.
func TestOrderedMap_shared(t *testing.T) {
	t.Parallel()
	text := func(m *Map) string { s, _ := New(m, nil).AppendJSON(nil); return string(s) }
	grow := func(m *Map, name string) *Map {
		longer, err := m.Insert(types.String(name), types.Int(m.size))
		if err != nil {
			t.Fatal(err)
		}
		return longer
	}
	base := NewMap(0)
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
	if _, err := base.Insert(types.String("n3"), types.True); err == nil {
		t.Error("a name stands twice")
	}
	if _, err := base.Insert(NewList(nil), types.True); err == nil {
		t.Error("a list is a name")
	}
}

func TestOrderedMap_Value(t *testing.T) {
	t.Parallel()
	m := NewMap(1)
	m.Put("a", types.Int(1))
	if plain, ok := m.Value().(map[ref.Val]ref.Val); !ok || plain[types.String("a")] != types.Int(1) {
		t.Error("Value gives no Go map")
	}
}
