package value

import (
	"encoding/json"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/forgehook/forgehook"
)

// Memory is what is known of the entities of one evaluation: values that were made of them once,
// and what functions have found out. Not for concurrent use.
type Memory struct {
	// Memo is what was found out about the subject, by keys of types that only their owners know.
	Memo map[any]any
	// Shown gives what is written in the place of an entity as a whole: a copy, or nil for null.
	// Without it the entity itself is written.
	Shown func(entity any) any

	lists   map[listKey]ref.Val
	written map[any][]byte // JSON of entities, by pointer
}

// NewMemory is a memory that knows nothing yet.
func NewMemory() *Memory {
	return &Memory{Memo: map[any]any{}, lists: map[listKey]ref.Val{}, written: map[any][]byte{}}
}

// Wrap makes a value of a pointer to an entity; a nil pointer is null. It also takes what is a
// value already, and Go's strings, numbers and booleans.
func (m *Memory) Wrap(x any) ref.Val {
	switch x := x.(type) {
	case nil:
		return types.NullValue
	case ref.Val:
		return x
	case *forgehook.DocumentParameter: // the most frequent one
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

// Missing is the field that a document does not have.
func (m *Memory) Missing() ref.Val { return &Object{typ: parameterEntity, Memory: m} }

// listKey is the identity of a slice inside the subject.
type listKey struct {
	first  any // pointer to the first element, typed
	length int
}

// list makes a list of a slice of the subject. The same slice gives the same list, so that reading
// one member in a loop over thousands is not quadratic.
func (m *Memory) list(r reflect.Value) ref.Val {
	if r.Len() == 0 {
		return EmptyList
	}
	key := listKey{r.Index(0).Addr().Interface(), r.Len()}
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

// Raw makes a value of JSON that a sender wrote, once.
func (m *Memory) Raw(data json.RawMessage) ref.Val {
	if len(data) == 0 {
		return types.NullValue
	}
	key := listKey{&data[0], len(data)}
	if known, ok := m.lists[key]; ok {
		return known
	}
	made, err := DecodeJSON(data)
	if err != nil {
		made = types.NewErr("the sender's JSON cannot be read: %s", err)
	}
	m.lists[key] = made
	return made
}
