package value

import (
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Map keeps the order in which its members were written, because receivers read bodies and compare
// bytes. A map is immutable: Insert returns a longer one, which shares the entries as an appended
// slice does.
type Map struct {
	shared *entries
	size   int
}

type entries struct {
	keys, values []ref.Val
	index        map[any]int // of a large map; a small one is searched faster without
}

const smallMap = 8

func NewMap(capacity int) *Map {
	return &Map{shared: &entries{keys: make([]ref.Val, 0, capacity), values: make([]ref.Val, 0, capacity)}}
}

// find returns the index of a key, -1 if the map lacks it.
func (e *entries) find(key any) int {
	if e.index != nil {
		if i, ok := e.index[key]; ok {
			return i
		}
		return -1
	}
	for i, k := range e.keys {
		if known, _ := Hashable(k); known == key {
			return i
		}
	}
	return -1
}

func (e *entries) add(k any, key, value ref.Val) {
	e.keys, e.values = append(e.keys, key), append(e.values, value)
	switch {
	case e.index != nil:
		e.index[k] = len(e.keys) - 1
	case len(e.keys) > smallMap:
		e.index = make(map[any]int, 2*len(e.keys))
		for i, known := range e.keys {
			h, _ := Hashable(known)
			e.index[h] = i
		}
	}
}

// Hashable returns a Go value that equal keys share: 1, 1u and 1.0 are one key.
func Hashable(key ref.Val) (any, bool) {
	switch k := Settle(key).(type) {
	case types.String:
		return string(k), true
	case types.Int:
		return int64(k), true
	case types.Bool:
		return bool(k), true
	case types.Uint, types.Double:
		if i, ok := k.ConvertToType(types.IntType).(types.Int); ok && i.Equal(k) == types.True {
			return int64(i), true
		}
		return k.Value(), true
	}
	return nil, false
}

// Insert returns the map with a further member. The error says what is wrong with the key.
func (m *Map) Insert(key, value ref.Val) (*Map, *types.Err) {
	k, ok := Hashable(key)
	if !ok {
		return nil, types.NewErr("a name in a map must be a text, not %s", TypeName(key)).(*types.Err)
	}
	if i := m.shared.find(k); i >= 0 && i < m.size {
		return nil, types.NewErr("a map has a name twice").(*types.Err)
	}
	shared := m.shared
	if len(shared.keys) != m.size { // another longer map already uses the entries
		shared = NewMap(m.size + 1).shared
		for i := range m.size {
			h, _ := Hashable(m.shared.keys[i])
			shared.add(h, m.shared.keys[i], m.shared.values[i])
		}
	}
	shared.add(k, key, value)
	return &Map{shared, m.size + 1}, nil
}

// Put sets a member of a map that only the caller holds. A repeated key replaces the value and
// keeps its position.
func (m *Map) Put(key string, value ref.Val) {
	if i := m.shared.find(key); i >= 0 {
		m.shared.values[i] = value
		return
	}
	m.shared.add(key, types.String(key), value)
	m.size++
}

func (m *Map) Find(key ref.Val) (ref.Val, bool) {
	k, ok := Hashable(key)
	if !ok {
		return nil, false
	}
	i := m.shared.find(k)
	if i < 0 || i >= m.size {
		return nil, false
	}
	return m.shared.values[i], true
}

// Get returns a member or an error value.
func (m *Map) Get(key ref.Val) ref.Val {
	if value, ok := m.Find(key); ok {
		return value
	}
	return types.NewErr("no such key: %v", key)
}

// Contains is the operator in.
func (m *Map) Contains(key ref.Val) ref.Val {
	_, ok := m.Find(key)
	return types.Bool(ok)
}

func (m *Map) Size() ref.Val { return types.Int(m.size) }

// IsZeroValue serves optional.ofNonZeroValue.
func (m *Map) IsZeroValue() bool { return m.size == 0 }

// Iterator yields the keys in order.
func (m *Map) Iterator() traits.Iterator { return NewList(m.shared.keys[:m.size]).Iterator() }

// Fold passes keys and values to a comprehension, in order.
func (m *Map) Fold(f traits.Folder) {
	for i := range m.size {
		if !f.FoldEntry(m.shared.keys[i], m.shared.values[i]) {
			return
		}
	}
}

// Type is CEL's map.
func (m *Map) Type() ref.Type { return types.MapType }

// Value returns the Go map that CEL's extensions expect.
func (m *Map) Value() any {
	plain := make(map[ref.Val]ref.Val, m.size)
	for i := range m.size {
		plain[m.shared.keys[i]] = m.shared.values[i]
	}
	return plain
}

// Equal ignores the order of members.
func (m *Map) Equal(other ref.Val) ref.Val {
	o, ok := other.(traits.Mapper)
	if !ok || o.Size() != m.Size() {
		return types.False
	}
	for i := range m.size {
		value, ok := o.Find(m.shared.keys[i])
		if !ok || types.Equal(m.shared.values[i], value) != types.True {
			return types.False
		}
	}
	return types.True
}

// ConvertToType returns the type or the map itself.
func (m *Map) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.MapType:
		return m
	case types.TypeType:
		return types.MapType
	}
	return types.NewErr("a map is no %s", t.TypeName())
}

// ConvertToNative serves functions of CEL's libraries that want a Go map.
func (m *Map) ConvertToNative(t reflect.Type) (any, error) {
	if t.Kind() == reflect.Interface && reflect.TypeFor[*Map]().Implements(t) {
		return m, nil
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, m.Value().(map[ref.Val]ref.Val)).ConvertToNative(t)
}
