package value

import (
	"fmt"
	"reflect"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/forgehook/forgehook"
)

// Object is an entity as a value: a pointer to a struct of the root. A field that the document
// lacks is an Object without entity, and its members are null.
type Object struct {
	typ    *entity
	Entity any           // such as *forgehook.Document; nil if missing
	value  reflect.Value // the struct
	Memory *Memory       // of the object's evaluation
}

// derived are the members that have no field in the struct.
var derived = map[string][]*member{
	"Response": responseMembers,
	"Document": {
		{name: "extension", celType: types.StringType, facts: MemberFacts{Type: "string"}, get: func(o *Object) ref.Val {
			return types.String(o.Entity.(*forgehook.Document).Extension())
		}},
	},
	"Parameter": {
		{name: "name", celType: Nullable(types.StringType), facts: MemberFacts{Type: "string", Nullable: true}, get: func(o *Object) ref.Val {
			if def := o.Entity.(*forgehook.DocumentParameter).ParamDef; def != nil {
				return StringOrNull(def.Name)
			}
			return types.NullValue
		}},
		{name: "exists", celType: types.BoolType, facts: MemberFacts{Type: "bool"}, always: true, get: func(o *Object) ref.Val {
			return types.Bool(!o.IsMissing())
		}},
		{name: "lastVerification", celType: VerificationType, facts: MemberFacts{Type: "object", Object: "Verification", Nullable: true}, get: func(o *Object) ref.Val {
			return o.Memory.Wrap(o.Entity.(*forgehook.DocumentParameter).LastVerification())
		}},
		{name: "confidence", celType: Nullable(types.DoubleType), facts: MemberFacts{Type: "double", Nullable: true}, get: func(o *Object) ref.Val {
			last := o.Entity.(*forgehook.DocumentParameter).LastVerification()
			if last == nil || last.Confidence == nil {
				return types.NullValue
			}
			return types.Double(*last.Confidence)
		}},
	},
}

// Document returns the document behind a value, nil for any other value.
func Document(x ref.Val) *forgehook.Document {
	if o, ok := x.(*Object); ok {
		d, _ := o.Entity.(*forgehook.Document)
		return d
	}
	return nil
}

// IsMissing reports whether the object is a field that the document lacks.
func (o *Object) IsMissing() bool { return o.Entity == nil }

// indexKey is the key of a field index in the memory of an evaluation.
type indexKey struct {
	root     any
	language forgehook.Language
}

// Fields returns the fields of a document or those below a field. They are indexed once per
// evaluation.
func (o *Object) Fields() *forgehook.FieldIndex {
	key := indexKey{o.Entity, o.Memory.Language}
	if known, ok := o.Memory.Memo[key].(*forgehook.FieldIndex); ok {
		return known
	}
	var top []forgehook.DocumentParameter
	switch root := o.Entity.(type) {
	case *forgehook.Document:
		top = root.ResultParameters
	case *forgehook.DocumentParameter:
		top = root.Children
	}
	index := o.Memory.Language.IndexFields(top)
	o.Memory.Memo[key] = index
	return index
}

// effortKey is the key of an entity's effort in the memory of an evaluation.
type effortKey struct{ ptr any }

// effort returns the number of values in the entity, counted once.
func (o *Object) effort() int {
	if o.IsMissing() {
		return 1
	}
	key := effortKey{o.Entity}
	if known, ok := o.Memory.Memo[key].(int); ok {
		return known
	}
	n := valuesIn(o.value)
	o.Memory.Memo[key] = n
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

// Member reads a member by its name. ok is false if the entity has no such member.
func (o *Object) Member(name string) (value ref.Val, ok bool) {
	m, ok := o.typ.byName[name]
	if !ok {
		return nil, false
	}
	got, err := m.field.GetFrom(o)
	if err != nil {
		return nil, false
	}
	return got.(ref.Val), true
}

// Get reads a member of an object whose type is known only at evaluation.
func (o *Object) Get(index ref.Val) ref.Val {
	name, _ := index.(types.String)
	if value, ok := o.Member(string(name)); ok {
		return value
	}
	return types.NewErr("no such member of %s", o.typ.name)
}

// IsSet serves has() on an object whose type is known only at evaluation.
func (o *Object) IsSet(index ref.Val) ref.Val {
	name, _ := index.(types.String)
	value, ok := o.Member(string(name))
	return types.Bool(ok && value != types.NullValue)
}

// Value returns the object itself, because [types.FieldType] reads members of it.
func (o *Object) Value() any { return o }

func (o *Object) Type() ref.Type { return o.typ.celType }

// Equal compares the contents of two objects.
func (o *Object) Equal(other ref.Val) ref.Val {
	p, ok := other.(*Object)
	if !ok || o.typ != p.typ {
		return types.False
	}
	return types.Bool(o.Entity == p.Entity || (!o.IsMissing() && !p.IsMissing() && reflect.DeepEqual(o.Entity, p.Entity)))
}

// ConvertToType returns the type or the object itself.
func (o *Object) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.TypeType:
		return o.typ.celType
	case o.typ.celType:
		return o
	}
	return types.NewErr("a %s is no %s", o.typ.name, t.TypeName())
}

// ConvertToNative returns the pointer to the entity.
func (o *Object) ConvertToNative(t reflect.Type) (any, error) {
	if o.Entity != nil && reflect.TypeOf(o.Entity).AssignableTo(t) {
		return o.Entity, nil
	}
	return nil, fmt.Errorf("a %s is no %s", o.typ.name, t)
}

// reader returns the function that makes values of this Go type. It is made once per type, so that
// reading a field needs no search.
func reader(t reflect.Type) func(reflect.Value, *Memory) ref.Val {
	if t.Kind() == reflect.Pointer {
		if entityByType[t.Elem()] != nil {
			return func(r reflect.Value, m *Memory) ref.Val { return m.Wrap(r.Interface()) }
		}
		inner := reader(t.Elem())
		return func(r reflect.Value, m *Memory) ref.Val {
			if r.IsNil() {
				return types.NullValue
			}
			return inner(r.Elem(), m)
		}
	}
	switch t {
	case timeGoType:
		return func(r reflect.Value, _ *Memory) ref.Val {
			return types.Timestamp{Time: r.Addr().Interface().(*forgehook.Time).UTC()}
		}
	case timeSpanGoType:
		return func(r reflect.Value, _ *Memory) ref.Val { return types.Duration{Duration: time.Duration(r.Int())} }
	case rawGoType:
		return func(r reflect.Value, m *Memory) ref.Val { return m.Raw(r.Bytes()) }
	case numberGoType:
		return func(r reflect.Value, _ *Memory) ref.Val {
			f, err := strconv.ParseFloat(r.String(), 64)
			if err != nil {
				return types.NullValue
			}
			return types.Double(f)
		}
	}
	switch t.Kind() {
	case reflect.String:
		return func(r reflect.Value, _ *Memory) ref.Val { return types.String(r.String()) }
	case reflect.Int32, reflect.Int64:
		return func(r reflect.Value, _ *Memory) ref.Val { return types.Int(r.Int()) }
	case reflect.Float64:
		return func(r reflect.Value, _ *Memory) ref.Val { return types.Double(r.Float()) }
	case reflect.Bool:
		return func(r reflect.Value, _ *Memory) ref.Val { return types.Bool(r.Bool()) }
	case reflect.Slice:
		return func(r reflect.Value, m *Memory) ref.Val { return m.list(r) }
	}
	panic("expr: no rule for " + t.String())
}

func StringOrNull(s *string) ref.Val {
	if s == nil {
		return types.NullValue
	}
	return types.String(*s)
}

var EmptyList = NewList(nil)

func NewList(elems []ref.Val) traits.Lister {
	return types.NewRefValList(types.DefaultTypeAdapter, elems)
}
