package expr

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// orderedMap is a map that keeps the order in which its members were written, because receivers read bodies and compare bytes.
// It is immutable: insert gives a longer one, which shares the entries as an appended slice does.
type orderedMap struct {
	shared *entries
	size   int
}

type entries struct {
	keys, values []ref.Val
	index        map[any]int // of a large map; in a small one looking through the keys is faster
}

const smallMap = 8

func newOrderedMap(capacity int) *orderedMap {
	return &orderedMap{shared: &entries{keys: make([]ref.Val, 0, capacity), values: make([]ref.Val, 0, capacity)}}
}

// find returns the place of a key, -1 when it is not there.
func (e *entries) find(key any) int {
	if e.index != nil {
		if i, ok := e.index[key]; ok {
			return i
		}
		return -1
	}
	for i, k := range e.keys {
		if known, _ := hashable(k); known == key {
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
			h, _ := hashable(known)
			e.index[h] = i
		}
	}
}

// hashable is what equal keys have in common: 1, 1u and 1.0 are one key.
func hashable(key ref.Val) (any, bool) {
	switch k := key.(type) {
	case types.String:
		return string(k), true
	case types.Int:
		return int64(k), true
	case types.Bool:
		return bool(k), true
	case types.Uint, types.Double:
		if i, ok := k.ConvertToType(types.IntType).(types.Int); ok && i.Equal(key) == types.True {
			return int64(i), true
		}
		return k.Value(), true
	}
	return nil, false
}

// insert returns the map with one more member. The error says what is wrong with the key.
func (m *orderedMap) insert(key, value ref.Val) (*orderedMap, *types.Err) {
	k, ok := hashable(key)
	if !ok {
		return nil, types.NewErr("a name in a map must be a text, not %s", typeName(key)).(*types.Err)
	}
	if i := m.shared.find(k); i >= 0 && i < m.size {
		return nil, types.NewErr("a name stands twice in a map").(*types.Err)
	}
	shared := m.shared
	if len(shared.keys) != m.size { // somebody has made another longer one of it
		shared = newOrderedMap(m.size + 1).shared
		for i := range m.size {
			h, _ := hashable(m.shared.keys[i])
			shared.add(h, m.shared.keys[i], m.shared.values[i])
		}
	}
	shared.add(k, key, value)
	return &orderedMap{shared, m.size + 1}, nil
}

// put sets a member of a map that nobody else has yet; the last of two equal keys counts, at the place of the first.
func (m *orderedMap) put(key string, value ref.Val) {
	if i := m.shared.find(key); i >= 0 {
		m.shared.values[i] = value
		return
	}
	m.shared.add(key, types.String(key), value)
	m.size++
}

// Find returns a member.
func (m *orderedMap) Find(key ref.Val) (ref.Val, bool) {
	k, ok := hashable(key)
	if !ok {
		return nil, false
	}
	i := m.shared.find(k)
	if i < 0 || i >= m.size {
		return nil, false
	}
	return m.shared.values[i], true
}

// Get returns a member or an error.
func (m *orderedMap) Get(key ref.Val) ref.Val {
	if value, ok := m.Find(key); ok {
		return value
	}
	return types.NewErr("no such key: %v", key)
}

// Contains answers the operator in.
func (m *orderedMap) Contains(key ref.Val) ref.Val {
	_, ok := m.Find(key)
	return types.Bool(ok)
}

// Size is the number of members.
func (m *orderedMap) Size() ref.Val { return types.Int(m.size) }

// IsZeroValue tells optional.ofNonZeroValue.
func (m *orderedMap) IsZeroValue() bool { return m.size == 0 }

// Iterator gives the keys in their order.
func (m *orderedMap) Iterator() traits.Iterator { return newList(m.shared.keys[:m.size]).Iterator() }

// Fold gives keys and values in their order to a comprehension.
func (m *orderedMap) Fold(f traits.Folder) {
	for i := range m.size {
		if !f.FoldEntry(m.shared.keys[i], m.shared.values[i]) {
			return
		}
	}
}

// Type is CEL's map.
func (m *orderedMap) Type() ref.Type { return types.MapType }

// Value gives what Go code of CEL's extensions expects of a map.
func (m *orderedMap) Value() any {
	plain := make(map[ref.Val]ref.Val, m.size)
	for i := range m.size {
		plain[m.shared.keys[i]] = m.shared.values[i]
	}
	return plain
}

// Equal does not ask for the order.
func (m *orderedMap) Equal(other ref.Val) ref.Val {
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

// ConvertToType gives the type and the map itself.
func (m *orderedMap) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.MapType:
		return m
	case types.TypeType:
		return types.MapType
	}
	return types.NewErr("a map is no %s", t.TypeName())
}

// ConvertToNative serves the functions of CEL's libraries that want a Go map.
func (m *orderedMap) ConvertToNative(t reflect.Type) (any, error) {
	if t.Kind() == reflect.Interface && reflect.TypeFor[*orderedMap]().Implements(t) {
		return m, nil
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, m.Value().(map[ref.Val]ref.Val)).ConvertToNative(t)
}

// mapLiteral evaluates {...} to an ordered map in place of the interpreter's own.
type mapLiteral struct {
	id       int64
	parts    []interpreter.InterpretableV2 // key, value, key, value
	optional []bool                        // by member: {?key: optional}
}

// ID is that of the literal's node.
func (l *mapLiteral) ID() int64 { return l.id }

// InitVals are the keys and values.
func (l *mapLiteral) InitVals() []interpreter.InterpretableV2 { return l.parts }

// Type is CEL's map.
func (l *mapLiteral) Type() ref.Type { return types.MapType }

// Eval evaluates without a frame.
func (l *mapLiteral) Eval(a interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(a, l.Exec)
}

// Exec makes the map.
func (l *mapLiteral) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	made := newOrderedMap(len(l.optional))
	for i, optional := range l.optional {
		key := l.parts[2*i].Exec(frame)
		if types.IsUnknownOrError(key) {
			return key
		}
		value := l.parts[2*i+1].Exec(frame)
		if types.IsUnknownOrError(value) {
			return value
		}
		if optional {
			o, ok := value.(*types.Optional)
			if !ok {
				return types.NewErrWithNodeID(l.id, "after ?name stands an optional value, not %s", typeName(value))
			}
			if !o.HasValue() {
				continue
			}
			value = o.GetValue()
		}
		longer, err := made.insert(key, value)
		if err != nil {
			return types.LabelErrNode(l.id, err)
		}
		made = longer
	}
	if costs := frame.CostTracker(); costs != nil {
		costs.CreateMap(l.id, made)
	}
	return made
}

// orderMaps is the decorator that puts mapLiteral in the place of the interpreter's maps; which members are optional only the
// syntax tree says.
func orderMaps(checked *ast.AST) interpreter.InterpretableDecoratorV2 {
	literals := map[int64][]bool{}
	ast.PreOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.MapKind {
			return
		}
		flags := make([]bool, e.AsMap().Size())
		for i, entry := range e.AsMap().Entries() {
			flags[i] = entry.AsMapEntry().IsOptional()
		}
		literals[e.ID()] = flags
	}))
	return func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		made, ok := i.(interpreter.InterpretableConstructor)
		if !ok || made.Type() != types.MapType {
			return i, nil
		}
		flags, ok := literals[i.ID()]
		if parts := made.InitVals(); ok && len(parts) == 2*len(flags) {
			return &mapLiteral{i.ID(), parts, flags}, nil
		}
		return nil, fmt.Errorf("the map with id %d is not in the syntax tree", i.ID())
	}
}

const insertMember = "@insertMember"

// orderedComprehensions replaces transformMap and transformMapEntry, which would build Go maps.
func orderedComprehensions() []cel.EnvOption {
	k, v := cel.TypeParamType("K"), cel.TypeParamType("V")
	m := cel.MapType(k, v)
	return []cel.EnvOption{
		cel.Function(insertMember,
			cel.Overload("@insert_member", []*cel.Type{m, k, v}, m, cel.FunctionBinding(func(args ...ref.Val) ref.Val {
				into, ok := args[0].(*orderedMap)
				if !ok {
					return types.MaybeNoSuchOverloadErr(args[0])
				}
				longer, err := into.insert(args[1], args[2])
				if err != nil {
					return err
				}
				return longer
			})),
			cel.Overload("@insert_members", []*cel.Type{m, m}, m, cel.BinaryBinding(func(target, more ref.Val) ref.Val {
				into, ok := target.(*orderedMap)
				from, fromOK := more.(traits.Mapper)
				if !ok || !fromOK {
					return types.MaybeNoSuchOverloadErr(target)
				}
				for it := from.Iterator(); it.HasNext() == types.True; {
					key := it.Next()
					longer, err := into.insert(key, from.Get(key))
					if err != nil {
						return err
					}
					into = longer
				}
				return into
			})),
		),
		cel.Macros(
			cel.ReceiverMacro("transformMap", 3, insertMacro), cel.ReceiverMacro("transformMap", 4, insertMacro),
			cel.ReceiverMacro("transformMapEntry", 3, insertEntryMacro), cel.ReceiverMacro("transformMapEntry", 4, insertEntryMacro),
		),
	}
}

func insertMacro(f cel.MacroExprFactory, target ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	return foldMap(f, target, args, true)
}

func insertEntryMacro(f cel.MacroExprFactory, target ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	return foldMap(f, target, args, false)
}

// foldMap expands list.transformMap(i, v, [filter,] value) and map.transformMapEntry(k, v, [filter,] {key: value}).
func foldMap(f cel.MacroExprFactory, target ast.Expr, args []ast.Expr, withKey bool) (ast.Expr, *cel.Error) {
	for i, arg := range args[:2] {
		if arg.Kind() != ast.IdentKind {
			return nil, f.NewError(arg.ID(), "argument must be a simple name")
		}
		if i == 1 && arg.AsIdent() == args[0].AsIdent() {
			return nil, f.NewError(arg.ID(), "duplicate variable name: "+arg.AsIdent())
		}
	}
	key, value := args[0].AsIdent(), args[1].AsIdent()
	insert := []ast.Expr{f.NewAccuIdent()}
	if withKey {
		insert = append(insert, f.NewIdent(key))
	}
	step := f.NewCall(insertMember, append(insert, args[len(args)-1])...)
	if len(args) == 4 {
		step = f.NewCall("_?_:_", args[2], step, f.NewAccuIdent())
	}
	return f.NewComprehensionTwoVar(target, key, value, f.AccuIdentName(), f.NewMap(), f.NewLiteral(types.True), step, f.NewAccuIdent()), nil
}

// typeName names the type of a value in words for messages.
func typeName(v ref.Val) string {
	switch x := v.(type) {
	case types.Null:
		return "null"
	case types.String:
		return "a text"
	case types.Int, types.Uint:
		return "a whole number"
	case types.Double:
		return "a number"
	case types.Bool:
		return "true or false"
	case types.Bytes:
		return "bytes"
	case types.Timestamp:
		return "a timestamp"
	case types.Duration:
		return "a duration"
	case *types.Optional:
		return "an optional value"
	case *object:
		return "a " + x.entity.name
	case traits.Mapper:
		return "a map"
	case traits.Lister:
		return "a list"
	}
	return v.Type().TypeName()
}
