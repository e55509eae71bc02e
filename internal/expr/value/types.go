package value

import (
	"encoding/json"
	"reflect"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/forgehook/forgehook"
)

// entity is a type of the domain as expressions see it: a struct of the root, whose members have
// their JSON names, and derived members.
type entity struct {
	name    string
	goType  reflect.Type
	celType *types.Type
	members []*member // in the order of the struct, each enum followed by its name; derived ones last
	byName  map[string]*member
}

// member is a member of an entity. get returns a value or null, never nil.
type member struct {
	name    string
	celType *types.Type
	facts   MemberFacts
	field   *types.FieldType
	get     func(o *Object) ref.Val
	always  bool // get is also called for a missing object
}

// The types of the domain, under the names in error messages and documentation.
var (
	DocumentType     = cel.ObjectType("Document")
	ParameterType    = cel.ObjectType("Parameter")
	VerificationType = cel.ObjectType("Verification")
	DefinitionType   = cel.ObjectType("ParameterDef")
	RowType          = cel.ObjectType("Row")
	CallType         = cel.ObjectType("Call")
	CauseType        = cel.ObjectType("Cause")
	ResponseType     = cel.ObjectType("Response")
	CallbackType     = cel.ObjectType("Callback")
)

var entities = []*entity{
	{name: "Document", goType: reflect.TypeFor[forgehook.Document]()},
	{name: "Parameter", goType: reflect.TypeFor[forgehook.DocumentParameter]()},
	{name: "Verification", goType: reflect.TypeFor[forgehook.Verification]()},
	{name: "DocumentData", goType: reflect.TypeFor[forgehook.DocumentData]()},
	{name: "ParameterDef", goType: reflect.TypeFor[forgehook.ParameterDef]()},
	{name: "WorkItem", goType: reflect.TypeFor[forgehook.WorkItem]()},
	{name: "Project", goType: reflect.TypeFor[forgehook.Project]()},
	{name: "Service", goType: reflect.TypeFor[forgehook.Service]()},
	{name: "Category", goType: reflect.TypeFor[forgehook.Category]()},
	{name: "Call", goType: reflect.TypeFor[callFacts]()},
	{name: "Row", goType: reflect.TypeFor[Row]()},
	{name: "Cause", goType: reflect.TypeFor[forgehook.Cause]()},
	{name: "Response", goType: reflect.TypeFor[responseFacts]()},
	{name: "Callback", goType: reflect.TypeFor[callbackFacts]()},
}

var parameterEntity = entities[1]

var (
	entityByName = map[string]*entity{}
	entityByType = map[reflect.Type]*entity{}
)

func init() {
	for _, e := range entities {
		e.celType, e.byName = cel.ObjectType(e.name), map[string]*member{}
		entityByName[e.name], entityByType[e.goType] = e, e
	}
	for _, e := range entities {
		for i := range e.goType.NumField() {
			e.declare(i)
		}
		for _, m := range derived[e.name] {
			e.add(m)
		}
	}
}

// hidden are struct members that expressions do not see: a call has no use for how a service makes
// documents.
var hidden = map[string][]string{"Service": {"input", "inputSample", "inputLanguage"}}

// declare adds the member for a struct field, and the name of an enum.
func (e *entity) declare(i int) {
	name, _, _ := strings.Cut(e.goType.Field(i).Tag.Get("json"), ",")
	if name == "" || name == "-" {
		return
	}
	for _, h := range hidden[e.name] {
		if h == name {
			return
		}
	}
	m, table := describe(name, e.goType.Field(i).Type)
	read := reader(e.goType.Field(i).Type)
	m.get = func(o *Object) ref.Val { return read(o.value.Field(i), o.Memory) }
	e.add(m)
	if table == nil {
		return
	}
	number := m.get
	e.add(&member{
		name: name + "Name", celType: Nullable(types.StringType), facts: MemberFacts{Type: "string", Nullable: true},
		get: func(o *Object) ref.Val {
			n, ok := number(o).(types.Int)
			if !ok {
				return types.NullValue
			}
			return StringOrNull(table.Name(int32(n))) //nolint:gosec // it was read from an int32
		},
	})
}

func (e *entity) add(m *member) {
	get := func(o *Object) ref.Val {
		if o.IsMissing() && !m.always {
			return types.NullValue
		}
		return m.get(o)
	}
	m.field = &types.FieldType{
		Type: m.celType,
		IsSet: func(target any) bool {
			o, ok := target.(*Object)
			return ok && get(o) != types.NullValue
		},
		GetFrom: func(target any) (any, error) {
			o, ok := target.(*Object)
			if !ok {
				return nil, &NullMemberError{entity: e.name, member: m.name}
			}
			return get(o), nil
		},
	}
	e.members = append(e.members, m)
	e.byName[m.name] = m
}

// NullMemberError says that a member of null was read. It does not know which expression is null.
type NullMemberError struct{ entity, member string }

func (e *NullMemberError) Error() string {
	return "the member " + e.member + " of a " + e.entity + " that is null was read"
}

func Nullable(t *types.Type) *types.Type { return types.NewNullableType(t) }

var (
	timeGoType     = reflect.TypeFor[forgehook.Time]()
	timeSpanGoType = reflect.TypeFor[forgehook.TimeSpan]()
	rawGoType      = reflect.TypeFor[json.RawMessage]()
	numberGoType   = reflect.TypeFor[json.Number]()
)

// describe maps a Go type to the member that expressions see. The table is set for an enum.
func describe(name string, t reflect.Type) (*member, *forgehook.EnumTable) {
	m := &member{name: name}
	if t.Kind() == reflect.Pointer {
		m.facts.Nullable = true
		t = t.Elem()
	}
	scalar := func(kind string, of *types.Type) {
		m.facts.Type, m.celType = kind, of
		if m.facts.Nullable {
			m.celType = Nullable(of)
		}
	}
	if table, ok := forgehook.EnumTableOf(reflect.Zero(t).Interface()); ok {
		scalar("enum", types.IntType)
		m.facts.Enum = table.Kind()
		return m, &table
	}
	switch t {
	case timeGoType:
		m.facts.Type, m.celType = "timestamp", types.TimestampType
		return m, nil
	case timeSpanGoType:
		m.facts.Type, m.celType = "duration", types.DurationType
		return m, nil
	case rawGoType:
		m.facts.Type, m.celType, m.facts.Nullable = "dyn", types.DynType, true
		return m, nil
	case numberGoType:
		scalar("double", types.DoubleType)
		return m, nil
	}
	switch t.Kind() {
	case reflect.String:
		scalar("string", types.StringType)
	case reflect.Int32, reflect.Int64:
		scalar("int", types.IntType)
	case reflect.Float64:
		scalar("double", types.DoubleType)
	case reflect.Bool:
		scalar("bool", types.BoolType)
	case reflect.Slice:
		m.facts.Type = "list"
		if e := entityByType[t.Elem()]; e != nil {
			m.facts.Object, m.celType = e.name, types.NewListType(e.celType)
		} else {
			m.celType = types.NewListType(types.StringType)
		}
	case reflect.Struct:
		e := entityByType[t]
		m.facts.Type, m.facts.Object, m.celType = "object", e.name, e.celType
	default:
		panic("expr: no rule for " + t.String())
	}
	return m, nil
}

// Provider tells CEL about the entities. The registry knows all other types.
type Provider struct{ *types.Registry }

func (p Provider) FindStructType(name string) (*types.Type, bool) {
	if e, ok := entityByName[name]; ok {
		return types.NewTypeTypeWithParam(e.celType), true
	}
	return p.Registry.FindStructType(name)
}

func (p Provider) FindIdent(name string) (ref.Val, bool) {
	if e, ok := entityByName[name]; ok {
		return e.celType, true
	}
	return p.Registry.FindIdent(name)
}

func (p Provider) FindStructFieldNames(name string) ([]string, bool) {
	if _, ok := entityByName[name]; ok {
		return MemberNames(name), true
	}
	return p.Registry.FindStructFieldNames(name)
}

func (p Provider) FindStructFieldType(name, member string) (*types.FieldType, bool) {
	if e, ok := entityByName[name]; ok {
		m, ok := e.byName[member]
		if !ok {
			return nil, false
		}
		return m.field, true
	}
	return p.Registry.FindStructFieldType(name, member)
}

// NewValue refuses Document{...}, because expressions write maps.
func (p Provider) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if _, ok := entityByName[name]; ok {
		return types.NewErr("a %s cannot be made here: write a map", name)
	}
	return p.Registry.NewValue(name, fields)
}
