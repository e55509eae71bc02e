package value

import (
	"encoding/json"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/forgehook/forgehook"
)

// Memory remembers, for one evaluation, the values made of entities and what functions have
// computed. It is not safe for concurrent use.
type Memory struct {
	// Memo holds results of functions. Each owner uses a key type of its own.
	Memo map[any]any
	// Shown returns what is written in place of a whole entity: a copy, or nil for null. If Shown
	// is nil, the entity itself is written.
	Shown func(entity any) any
	// Settles says that numbers of JSON do not keep their text.
	Settles bool
	// Language decides what the name of a field means.
	Language forgehook.Language

	lists   map[listKey]ref.Val
	written map[any][]byte // JSON of entities, by pointer
}

// NewMemory makes an empty memory.
func NewMemory() *Memory {
	return &Memory{Memo: map[any]any{}, lists: map[listKey]ref.Val{}, written: map[any][]byte{}}
}

// Wrap makes a value of a pointer to an entity; a nil pointer is null. It also takes values, and
// Go's strings, numbers and booleans.
func (m *Memory) Wrap(x any) ref.Val {
	switch x := x.(type) {
	case nil:
		return types.NullValue
	case ref.Val:
		return x
	case *forgehook.DocumentParameter: // the most frequent type
		if x == nil {
			return types.NullValue
		}
		return &Object{typ: parameterEntity, Entity: x, value: reflect.ValueOf(x).Elem(), Memory: m}
	case *string:
		return StringOrNull(x)
	}
	r := reflect.ValueOf(x)
	if r.Kind() == reflect.Pointer {
		if e := entityByType[r.Type().Elem()]; e != nil {
			if r.IsNil() {
				return types.NullValue
			}
			return &Object{typ: e, Entity: x, value: r.Elem(), Memory: m}
		}
	}
	return types.DefaultTypeAdapter.NativeToValue(x)
}

// Missing is a field that the document lacks.
func (m *Memory) Missing() ref.Val { return &Object{typ: parameterEntity, Memory: m} }

// listKey identifies a slice inside the subject.
type listKey struct {
	first   any // pointer to the first element, typed
	length  int
	settled bool
}

// list makes a list of a slice of the subject. The same slice gives the same list, so that a loop
// which reads the member thousands of times is not quadratic.
func (m *Memory) list(r reflect.Value) ref.Val {
	if r.Len() == 0 {
		return EmptyList
	}
	key := listKey{first: r.Index(0).Addr().Interface(), length: r.Len()}
	if known, ok := m.lists[key]; ok {
		return known
	}
	elems := make([]ref.Val, r.Len())
	for i := range elems {
		if r.Type().Elem().Kind() == reflect.String {
			elems[i] = types.String(r.Index(i).String())
		} else {
			elems[i] = m.Wrap(r.Index(i).Addr().Interface())
		}
	}
	made := NewList(elems)
	m.lists[key] = made
	return made
}

// Raw makes a value of a sender's JSON and remembers it.
func (m *Memory) Raw(data json.RawMessage) ref.Val {
	if len(data) == 0 {
		return types.NullValue
	}
	key := listKey{&data[0], len(data), m.Settles}
	if known, ok := m.lists[key]; ok {
		return known
	}
	made, err := DecodeJSON(data)
	if err != nil {
		made = types.NewErr("the sender's JSON cannot be read: %s", err)
	}
	if m.Settles {
		made = SettleAll(made)
	}
	m.lists[key] = made
	return made
}
