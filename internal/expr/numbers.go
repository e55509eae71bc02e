package expr

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/value"
)

// JSON does not tell 96 from 96.0, but CEL does. So a number whose type the text leaves open
// calculates with any other number, divides as a decimal, and fits a function that wants the other
// type. What is typed int by the domain, such as doc.id, stays an int: doc.id / 2 is whole. A text
// of the first language, and the platform's scripts, keep CEL's rules.

// signs are the operators that calculate.
var signs = map[string]byte{
	operators.Add: '+', operators.Subtract: '-', operators.Multiply: '*', operators.Divide: '/', operators.Modulo: '%',
}

// mixedNumbers lets int and double calculate with each other where both types are known.
func mixedNumbers() []cel.EnvOption {
	opts := []cel.EnvOption{cel.CrossTypeNumericComparisons(true)}
	for function, name := range map[string]string{
		operators.Add: "add", operators.Subtract: "subtract", operators.Multiply: "multiply", operators.Divide: "divide",
	} {
		opts = append(opts, cel.Function(function,
			cel.Overload(name+"_int_double", []*cel.Type{cel.IntType, cel.DoubleType}, cel.DoubleType),
			cel.Overload(name+"_double_int", []*cel.Type{cel.DoubleType, cel.IntType}, cel.DoubleType)))
	}
	return opts
}

// openNumbers decorates the calls of a checked tree whose arguments may be numbers of open types.
type openNumbers struct {
	env   *environment
	calls map[int64]ast.Expr
	types func(id int64) *types.Type
	refs  map[int64]*ast.ReferenceInfo
}

func (e *environment) openNumbers(checked *ast.AST) interpreter.InterpretableDecoratorV2 {
	o := openNumbers{e, map[int64]ast.Expr{}, checked.GetType, checked.ReferenceMap()}
	ast.PreOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.CallKind {
			o.calls[e.ID()] = e
		}
	}))
	return o.decorate
}

func (o openNumbers) decorate(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := i.(interpreter.InterpretableCall)
	if !ok || passesOn[call.Function()] {
		return i, nil
	}
	written := o.calls[i.ID()]
	if written == nil {
		return i, nil
	}
	args := operands(written)
	if len(args) != len(call.Args()) {
		return i, nil
	}
	open, mixed := false, false
	for _, arg := range args {
		t := o.types(arg.ID())
		open = open || holdsOpen(t)
		mixed = mixed || isNumeric(t) && kindOf(t) != kindOf(o.types(args[0].ID()))
	}
	sign, calculates := signs[call.Function()]
	if !open && (!calculates || !mixed) {
		return i, nil
	}
	made := func(impl functions.FunctionOp) (interpreter.InterpretableV2, error) {
		return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), impl), nil
	}
	switch function := call.Function(); {
	case calculates:
		return made(calculation(sign))
	case function == operators.Equals, function == operators.NotEquals:
		wanted := types.Bool(function == operators.Equals)
		return made(func(args ...ref.Val) ref.Val {
			if err := value.GuardEqual(args); err != nil {
				return err
			}
			return types.Bool(value.Equal(args[0], args[1]) == wanted)
		})
	case comparisons[function] != nil:
		return made(comparison(comparisons[function]))
	}
	impl := o.env.implementation(call)
	if impl == nil {
		return i, nil
	}
	fits := o.fitting(written, len(args))
	deep := !o.env.own[call.Function()]
	return made(func(args ...ref.Val) ref.Val {
		for i, arg := range args {
			switch {
			case fits[i] != types.DynKind:
				args[i] = value.AsKind(arg, fits[i])
			case i == ordered[call.Function()]-1:
				args[i] = value.Uniform(arg)
			case call.Function() == sortedByKeys: // its elements are only moved
			case deep:
				args[i] = value.SettleAll(arg)
			}
			if types.IsError(args[i]) {
				return args[i]
			}
		}
		return impl(args...)
	})
}

const sortedByKeys = "@sortByAssociatedKeys"

// ordered are functions that need a list of one type, with the number of that argument, from 1.
var ordered = map[string]int{"sort": 1, sortedByKeys: 2}

// passesOn are functions that give their arguments on as they are.
var passesOn = map[string]bool{
	operators.Conditional: true, operators.Index: true, operators.OptIndex: true, operators.OptSelect: true,
	operators.LogicalAnd: true, operators.LogicalOr: true, operators.LogicalNot: true, operators.NotStrictlyFalse: true,
	"dyn": true, openCall: true, "orValue": true, "or": true, "value": true, "hasValue": true, "optional.of": true,
	"optional.ofNonZeroValue": true, "optional.none": true, insertMember: true,
	"distinct": true, "flatten": true, "reverse": true, "slice": true, "size": true,
}

func calculation(sign byte) functions.FunctionOp {
	return func(args ...ref.Val) ref.Val {
		a, b := args[0], args[1]
		if value.IsNumber(a) && value.IsNumber(b) {
			return value.Calculate(sign, a, b)
		}
		a, b = value.Settle(a), value.Settle(b)
		if x, ok := a.(traits.Adder); ok && sign == '+' {
			if err := guardSum([]ref.Val{a, b}); err != nil {
				return err
			}
			return x.Add(b)
		}
		if x, ok := a.(traits.Subtractor); ok && sign == '-' {
			return x.Subtract(b)
		}
		return types.MaybeNoSuchOverloadErr(a)
	}
}

var comparisons = map[string]func(int) bool{
	operators.Less:          func(c int) bool { return c < 0 },
	operators.LessEquals:    func(c int) bool { return c <= 0 },
	operators.Greater:       func(c int) bool { return c > 0 },
	operators.GreaterEquals: func(c int) bool { return c >= 0 },
}

func comparison(holds func(int) bool) functions.FunctionOp {
	return func(args ...ref.Val) ref.Val {
		order := value.Compare(args[0], args[1])
		c, ok := order.(types.Int)
		if !ok {
			return order
		}
		return types.Bool(holds(int(c)))
	}
}

// fitting says for each argument which kind of number the function wants: int, double, or dyn where
// it takes any.
func (o openNumbers) fitting(call ast.Expr, n int) []types.Kind {
	fits := make([]types.Kind, n)
	declared := o.env.cel.Functions()[call.AsCall().FunctionName()]
	for i := range fits {
		ints, doubles, others := false, false, false
		for _, id := range o.refs[call.ID()].OverloadIDs {
			for _, overload := range declared.OverloadDecls() {
				if overload.ID() != id || i >= len(overload.ArgTypes()) {
					continue
				}
				switch kindOf(overload.ArgTypes()[i]) {
				case types.IntKind, types.UintKind:
					ints = true
				case types.DoubleKind:
					doubles = true
				case types.DynKind, types.TypeParamKind, types.ListKind, types.MapKind:
					others = true
				}
			}
		}
		fits[i] = types.DynKind
		switch {
		case others || ints == doubles:
		case ints:
			fits[i] = types.IntKind
		case doubles:
			fits[i] = types.DoubleKind
		}
	}
	return fits
}

// settleParsed decorates parseJson for texts that keep CEL's rules.
func (e *environment) settleParsed(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := i.(interpreter.InterpretableCall)
	if !ok || call.Function() != "parseJson" {
		return i, nil
	}
	impl := e.implementation(call)
	return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), func(args ...ref.Val) ref.Val {
		return value.SettleAll(impl(args...))
	}), nil
}

// implementation finds what a call does, with its guard.
func (e *environment) implementation(call interpreter.InterpretableCall) functions.FunctionOp {
	found := e.bindings[call.OverloadID()]
	if found == nil {
		found = e.bindings[call.Function()]
	}
	if found == nil {
		return nil
	}
	switch {
	case found.Unary != nil && len(call.Args()) == 1:
		return func(args ...ref.Val) ref.Val { return found.Unary(args[0]) }
	case found.Binary != nil && len(call.Args()) == 2:
		return func(args ...ref.Val) ref.Val { return found.Binary(args[0], args[1]) }
	}
	return found.Function
}

// bindingsOf are the implementations of all functions by overload and by name, the guarded ones
// first.
func bindingsOf(env *cel.Env, guarded []*functions.Overload) (map[string]*functions.Overload, error) {
	all := map[string]*functions.Overload{}
	for _, f := range env.Functions() {
		bindings, err := f.Bindings()
		if err != nil {
			return nil, err
		}
		for _, b := range bindings {
			all[b.Operator] = b
		}
	}
	for _, b := range guarded {
		all[b.Operator] = b
	}
	return all, nil
}

func isNumeric(t *types.Type) bool {
	return kindOf(t) == types.IntKind || kindOf(t) == types.DoubleKind
}

// kindOf is the kind of a type that may be nullable.
func kindOf(t *types.Type) types.Kind {
	if t == nil {
		return types.DynKind
	}
	return unwrapped(t).Kind()
}

// holdsOpen reports whether a value of the type may be, or hold, a number of an open type.
func holdsOpen(t *types.Type) bool {
	switch kindOf(t) {
	case types.DynKind, types.AnyKind, types.TypeParamKind:
		return true
	case types.ListKind, types.MapKind, types.OpaqueKind:
		for _, p := range t.Parameters() {
			if holdsOpen(p) {
				return true
			}
		}
	}
	return false
}

// Changes lists the parts of the text that the present language may read in another way: what reads
// or calculates with JSON, and what finds a field by its name. It is empty for a text of the
// present language.
func (p *Program) Changes() (parts []string) {
	if p.options.language != forgehook.Language1 {
		return nil
	}
	src := p.source()
	ast.PreOrderVisit(p.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.SelectKind && holdsOpen(p.ast.GetType(e.AsSelect().Operand().ID())) {
			parts = addPart(parts, src.wording(e))
		}
		if e.Kind() != ast.CallKind {
			return
		}
		function, changes := e.AsCall().FunctionName(), e.AsCall().FunctionName() == "parseJson"
		switch {
		case signs[function] != 0 && p.options.more == nil:
			for _, arg := range e.AsCall().Args() {
				changes = changes || holdsOpen(p.ast.GetType(arg.ID()))
			}
		case function == "field", function == "table", function == "rows":
			changes = true
		}
		if changes {
			parts = addPart(parts, src.wording(e))
		}
	}))
	return parts
}

// addPart adds a part that no earlier one contains.
func addPart(parts []string, text string) []string {
	if slices.ContainsFunc(parts, func(known string) bool { return strings.Contains(known, text) }) {
		return parts
	}
	return append(parts, text)
}
