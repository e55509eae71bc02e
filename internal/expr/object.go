package expr

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/forgehook/forgehook"
)

// object is an entity as a value: a pointer to a struct of the root, read where it stands. A missing one (a field that a document
// does not have) has a nil pointer: its members are null.
type object struct {
	entity *entity
	ptr    any           // *forgehook.Document and so on; nil: missing
	value  reflect.Value // the struct
	vars   *Vars         // whose evaluation it belongs to
}

// derived are the members that are not in the struct.
var derived = map[string][]*member{
	"Response": responseMembers,
	"Document": {
		{name: "extension", celType: types.StringType, facts: MemberFacts{Type: "string"}, get: func(o *object) ref.Val {
			return types.String(o.ptr.(*forgehook.Document).Extension())
		}},
	},
	"Parameter": {
		{name: "name", celType: nullable(types.StringType), facts: MemberFacts{Type: "string", Nullable: true}, get: func(o *object) ref.Val {
			if def := o.ptr.(*forgehook.DocumentParameter).ParamDef; def != nil {
				return stringOrNull(def.Name)
			}
			return types.NullValue
		}},
		{name: "exists", celType: types.BoolType, facts: MemberFacts{Type: "bool"}, always: true, get: func(o *object) ref.Val {
			return types.Bool(!o.isMissing())
		}},
		{name: "lastVerification", celType: verificationType, facts: MemberFacts{Type: "object", Object: "Verification", Nullable: true}, get: func(o *object) ref.Val {
			return o.vars.wrap(o.ptr.(*forgehook.DocumentParameter).LastVerification())
		}},
		{name: "confidence", celType: nullable(types.DoubleType), facts: MemberFacts{Type: "double", Nullable: true}, get: func(o *object) ref.Val {
			last := o.ptr.(*forgehook.DocumentParameter).LastVerification()
			if last == nil || last.Confidence == nil {
				return types.NullValue
			}
			return types.Double(*last.Confidence)
		}},
	},
}

// wrap makes a value of a pointer to an entity, or of a list of entities; a nil pointer is null. It also takes what is a value
// already, and Go's strings, numbers and booleans.
func (v *Vars) wrap(x any) ref.Val {
	switch x := x.(type) {
	case nil:
		return types.NullValue
	case ref.Val:
		return x
	case *forgehook.DocumentParameter: // the most frequent one
		if x == nil {
			return types.NullValue
		}
		return &object{entity: parameterEntity, ptr: x, value: reflect.ValueOf(x).Elem(), vars: v}
	case *string:
		return stringOrNull(x)
	}
	r := reflect.ValueOf(x)
	if r.Kind() == reflect.Pointer {
		if e := entityByType[r.Type().Elem()]; e != nil {
			if r.IsNil() {
				return types.NullValue
			}
			return &object{entity: e, ptr: x, value: r.Elem(), vars: v}
		}
	}
	return types.DefaultTypeAdapter.NativeToValue(x)
}

// missing is the field that a document does not have.
func (v *Vars) missing() ref.Val { return &object{entity: parameterEntity, vars: v} }

// parameter returns the parameter behind a value, nil for a missing one or for what is none.
func parameter(x ref.Val) *forgehook.DocumentParameter {
	if o, ok := x.(*object); ok {
		p, _ := o.ptr.(*forgehook.DocumentParameter)
		return p
	}
	return nil
}

// document returns the document behind a value, nil for what is none.
func document(x ref.Val) *forgehook.Document {
	if o, ok := x.(*object); ok {
		d, _ := o.ptr.(*forgehook.Document)
		return d
	}
	return nil
}

func (o *object) isMissing() bool { return o.ptr == nil }

// effortKey is what comparing an entity takes, in the memory of an evaluation.
type effortKey struct{ ptr any }

// effort is the number of values in the entity, counted once.
func (o *object) effort() int {
	if o.isMissing() {
		return 1
	}
	key := effortKey{o.ptr}
	if known, ok := o.vars.memo[key].(int); ok {
		return known
	}
	n := valuesIn(o.value)
	o.vars.memo[key] = n
	return n
}

func valuesIn(r reflect.Value) int {
	n := 1
	switch r.Kind() {
	case reflect.Pointer:
		if !r.IsNil() {
			n += valuesIn(r.Elem())
		}
	case reflect.Struct:
		if r.Type() == timeGoType {
			return n
		}
		for i := range r.NumField() {
			n += valuesIn(r.Field(i))
		}
	case reflect.Slice:
		if r.Type().Elem().Kind() == reflect.Uint8 {
			return n + r.Len()/16
		}
		for i := range r.Len() {
			n += valuesIn(r.Index(i))
		}
	case reflect.String:
		n += r.Len() / 16
	}
	return n
}

// member reads a member by its name; ok is false where the entity has none of that name.
func (o *object) member(name string) (value ref.Val, ok bool) {
	m, ok := o.entity.byName[name]
	if !ok {
		return nil, false
	}
	got, err := m.field.GetFrom(o)
	if err != nil {
		return nil, false
	}
	return got.(ref.Val), true
}

// Get reads a member where the type is not known before evaluation.
func (o *object) Get(index ref.Val) ref.Val {
	name, _ := index.(types.String)
	if value, ok := o.member(string(name)); ok {
		return value
	}
	return types.NewErr("no such member of %s", o.entity.name)
}

// IsSet tells has() where the type is not known before evaluation.
func (o *object) IsSet(index ref.Val) ref.Val {
	name, _ := index.(types.String)
	value, ok := o.member(string(name))
	return types.Bool(ok && value != types.NullValue)
}

// Value is the object itself: [types.FieldType] reads members of it.
func (o *object) Value() any { return o }

// Type is the entity.
func (o *object) Type() ref.Type { return o.entity.celType }

// Equal compares what the objects hold.
func (o *object) Equal(other ref.Val) ref.Val {
	p, ok := other.(*object)
	if !ok || o.entity != p.entity {
		return types.False
	}
	return types.Bool(o.ptr == p.ptr || (!o.isMissing() && !p.isMissing() && reflect.DeepEqual(o.ptr, p.ptr)))
}

// ConvertToType gives the type of the object and nothing else.
func (o *object) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.TypeType:
		return o.entity.celType
	case o.entity.celType:
		return o
	}
	return types.NewErr("a %s is no %s", o.entity.name, t.TypeName())
}

// ConvertToNative gives the pointer.
func (o *object) ConvertToNative(t reflect.Type) (any, error) {
	if o.ptr != nil && reflect.TypeOf(o.ptr).AssignableTo(t) {
		return o.ptr, nil
	}
	return nil, fmt.Errorf("a %s is no %s", o.entity.name, t)
}

// reader makes the function that turns a field of this Go type into a value. It is made once, so that reading costs no search.
func reader(t reflect.Type) func(reflect.Value, *Vars) ref.Val {
	if t.Kind() == reflect.Pointer {
		if entityByType[t.Elem()] != nil {
			return func(r reflect.Value, v *Vars) ref.Val { return v.wrap(r.Interface()) }
		}
		inner := reader(t.Elem())
		return func(r reflect.Value, v *Vars) ref.Val {
			if r.IsNil() {
				return types.NullValue
			}
			return inner(r.Elem(), v)
		}
	}
	switch t {
	case timeGoType:
		return func(r reflect.Value, _ *Vars) ref.Val {
			return types.Timestamp{Time: r.Addr().Interface().(*forgehook.Time).UTC()}
		}
	case timeSpanGoType:
		return func(r reflect.Value, _ *Vars) ref.Val { return types.Duration{Duration: time.Duration(r.Int())} }
	case rawGoType:
		return func(r reflect.Value, v *Vars) ref.Val { return v.raw(r.Bytes()) }
	case numberGoType:
		return func(r reflect.Value, _ *Vars) ref.Val {
			f, err := strconv.ParseFloat(r.String(), 64)
			if err != nil {
				return types.NullValue
			}
			return types.Double(f)
		}
	}
	switch t.Kind() {
	case reflect.String:
		return func(r reflect.Value, _ *Vars) ref.Val { return types.String(r.String()) }
	case reflect.Int32, reflect.Int64:
		return func(r reflect.Value, _ *Vars) ref.Val { return types.Int(r.Int()) }
	case reflect.Float64:
		return func(r reflect.Value, _ *Vars) ref.Val { return types.Double(r.Float()) }
	case reflect.Bool:
		return func(r reflect.Value, _ *Vars) ref.Val { return types.Bool(r.Bool()) }
	case reflect.Slice:
		return func(r reflect.Value, v *Vars) ref.Val { return v.list(r) }
	}
	panic("expr: no rule for " + t.String())
}

func stringOrNull(s *string) ref.Val {
	if s == nil {
		return types.NullValue
	}
	return types.String(*s)
}

// listKey is the identity of a slice inside the subject.
type listKey struct {
	first  any // pointer to the first element, typed
	length int
}

// list makes a list of a slice of the subject. The same slice gives the same list, so that reading one member in a loop over
// thousands is not quadratic.
func (v *Vars) list(r reflect.Value) ref.Val {
	if r.Len() == 0 {
		return emptyList
	}
	key := listKey{r.Index(0).Addr().Interface(), r.Len()}
	if known, ok := v.lists[key]; ok {
		return known
	}
	elems := make([]ref.Val, r.Len())
	for i := range elems {
		if r.Type().Elem().Kind() == reflect.String {
			elems[i] = types.String(r.Index(i).String())
		} else {
			elems[i] = v.wrap(r.Index(i).Addr().Interface())
		}
	}
	made := newList(elems)
	v.lists[key] = made
	return made
}

// raw makes a value of JSON that a sender wrote, once.
func (v *Vars) raw(data json.RawMessage) ref.Val {
	if len(data) == 0 {
		return types.NullValue
	}
	key := listKey{&data[0], len(data)}
	if known, ok := v.lists[key]; ok {
		return known
	}
	made, err := decodeJSON(data)
	if err != nil {
		made = types.NewErr("the sender's JSON cannot be read: %s", err)
	}
	v.lists[key] = made
	return made
}

var emptyList = newList(nil)

func newList(elems []ref.Val) traits.Lister {
	return types.NewRefValList(types.DefaultTypeAdapter, elems)
}
