package expr

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"

	"github.com/forgehook/forgehook/internal/expr/value"
)

// mapLiteral evaluates {...} to an ordered map. It replaces the interpreter's own literal.
type mapLiteral struct {
	id       int64
	parts    []interpreter.InterpretableV2 // key, value, key, value
	optional []bool                        // for each member: {?key: optional}
}

func (l *mapLiteral) ID() int64 { return l.id }

// InitVals are the keys and values.
func (l *mapLiteral) InitVals() []interpreter.InterpretableV2 { return l.parts }

func (l *mapLiteral) Type() ref.Type { return types.MapType }

// Eval evaluates without a frame.
func (l *mapLiteral) Eval(a interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(a, l.Exec)
}

func (l *mapLiteral) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	made := value.NewMap(len(l.optional))
	for i, optional := range l.optional {
		key := l.parts[2*i].Exec(frame)
		if types.IsUnknownOrError(key) {
			return key
		}
		val := l.parts[2*i+1].Exec(frame)
		if types.IsUnknownOrError(val) {
			return val
		}
		if optional {
			o, ok := val.(*types.Optional)
			if !ok {
				return types.NewErrWithNodeID(l.id, "?name needs an optional value, not %s", value.TypeName(val))
			}
			if !o.HasValue() {
				continue
			}
			val = o.GetValue()
		}
		longer, err := made.Insert(key, val)
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

// orderMaps decorates the interpreter: mapLiteral replaces its maps. The syntax tree tells which
// members are optional.
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

// orderedComprehensions replaces transformMap and transformMapEntry, which would make unordered Go
// maps.
func orderedComprehensions() []cel.EnvOption {
	k, v := cel.TypeParamType("K"), cel.TypeParamType("V")
	m := cel.MapType(k, v)
	return []cel.EnvOption{
		cel.Function(insertMember,
			cel.Overload("@insert_member", []*cel.Type{m, k, v}, m, cel.FunctionBinding(func(args ...ref.Val) ref.Val {
				into, ok := args[0].(*value.Map)
				if !ok {
					return types.MaybeNoSuchOverloadErr(args[0])
				}
				longer, err := into.Insert(args[1], args[2])
				if err != nil {
					return err
				}
				return longer
			})),
			cel.Overload("@insert_members", []*cel.Type{m, m}, m, cel.BinaryBinding(func(target, more ref.Val) ref.Val {
				into, ok := target.(*value.Map)
				from, fromOK := more.(traits.Mapper)
				if !ok || !fromOK {
					return types.MaybeNoSuchOverloadErr(target)
				}
				for it := from.Iterator(); it.HasNext() == types.True; {
					key := it.Next()
					longer, err := into.Insert(key, from.Get(key))
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

// foldMap expands list.transformMap(i, v, [filter,] value) and map.transformMapEntry(k, v,
// [filter,] {key: value}).
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
