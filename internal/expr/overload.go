package expr

import (
	"fmt"
	"github.com/forgehook/forgehook/internal/expr/library"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/value"
)

// typeOf names the type of an expression, with the enum that it is.
func (w *wording) typeOf(e ast.Expr) string {
	if table, ok := w.enumOf(e); ok {
		return "a " + table.Kind() + " (an int)"
	}
	return typeWords(w.tree.GetType(e.ID()))
}

// enumOf finds the enum of an expression's number.
func (w *wording) enumOf(e ast.Expr) (forgehook.EnumTable, bool) {
	if e.Kind() != ast.SelectKind {
		return forgehook.EnumTable{}, false
	}
	t := w.tree.GetType(e.AsSelect().Operand().ID())
	if t == nil {
		return forgehook.EnumTable{}, false
	}
	facts, ok := value.MemberType(unwrapped(t).TypeName(), e.AsSelect().FieldName())
	if !ok || facts.Enum == "" {
		return forgehook.EnumTable{}, false
	}
	return value.EnumTable(facts.Enum)
}

// noOverload is the fault of operands that do not fit together.
func (w *wording) noOverload(e ast.Expr, function string) Fault {
	written := w.written(e)
	ops := operands(written)
	fault := w.at(w.start(written), w.wording(written), "")
	names := make([]string, len(ops))
	for i, op := range ops {
		names[i] = w.typeOf(op)
	}
	switch sign := operatorSign(function); {
	case len(ops) == 2 && isComparison(function):
		if hint := w.constantHint(ops[0], ops[1]); hint != "" {
			fault.Message = hint
			return fault
		}
		fault.Message = fmt.Sprintf("%s cannot compare %s with %s", sign, names[0], names[1])
		if names[0] == names[1] {
			fault.Message += " whose contents have other types"
		}
		if hint := conversionHint(w.tree.GetType(ops[0].ID()), w.tree.GetType(ops[1].ID())); hint != "" {
			fault.Message += ": " + hint
		}
	case function == operators.LogicalNot:
		fault.Message = "! needs true or false, and this is " + names[0]
	case function == operators.LogicalAnd || function == operators.LogicalOr:
		fault.Message = fmt.Sprintf("%s needs true or false on every side, and this has %s", sign, strings.Join(names, " and "))
	case function == operators.Conditional:
		fault.Message = w.choice(written.AsCall().Args())
	case sign != "" && len(ops) == 2:
		fault.Message = fmt.Sprintf("%s does not fit %s and %s", sign, names[0], names[1])
		if function == operators.Add && (isTextType(w.tree.GetType(ops[0].ID())) || isTextType(w.tree.GetType(ops[1].ID()))) {
			fault.Message += ": text(x) makes a string of a value, number(x) a number of a string"
		} else if hint := conversionHint(w.tree.GetType(ops[0].ID()), w.tree.GetType(ops[1].ID())); hint != "" {
			fault.Message += ": " + hint
		}
	case sign != "" && len(ops) == 1:
		fault.Message = fmt.Sprintf("%s does not fit %s", sign, names[0])
	default:
		fault = w.at(w.name(written), w.wording(written), function+" does not take "+strings.Join(names, ", "))
		if len(names) == 0 {
			fault.Message = function + " needs arguments"
		}
		if usage := w.usage(function); usage != "" {
			fault.Message += "; it is used as " + usage
		}
	}
	return fault
}

// choice is the message for a choice that does not fit, with what to write instead.
func (w *wording) choice(ops []ast.Expr) string {
	if t := w.tree.GetType(ops[0].ID()); t != nil && t.Kind() != types.BoolKind && t.Kind() != types.DynKind {
		return "the condition before ? must be true or false, and this is " + w.typeOf(ops[0])
	}
	mend := fmt.Sprintf("dyn(%s) leaves the type open", w.wording(ops[1]))
	for i, op := range ops[1:] {
		if isTextType(w.tree.GetType(op.ID())) {
			mend = fmt.Sprintf("write text(%s)", w.wording(ops[2-i]))
		}
	}
	return fmt.Sprintf("both values of a choice must be of one type, and these are %s and %s: %s", w.typeOf(ops[1]), w.typeOf(ops[2]), mend)
}

// constantHint is for an enum's number that is compared with a name as a string.
func (w *wording) constantHint(a, b ast.Expr) string {
	name, ok := library.LiteralText(b)
	e := a
	if !ok {
		name, ok = library.LiteralText(a)
		e = b
	}
	table, isEnum := w.enumOf(e)
	if !ok || !isEnum {
		return ""
	}
	if n, err := table.Number(name); err == nil && table.Name(n) != nil && !strings.ContainsAny(name, "0123456789,") {
		name = *table.Name(n)
	} else if near := forgehook.Nearest(name, table.Names()); near != "" {
		name = near
	} else {
		return fmt.Sprintf("%s is a number: compare it with a constant such as %s.%s; its names are %s", w.wording(e), table.Kind(), table.Names()[0], listed(table.Names(), 40))
	}
	return fmt.Sprintf("%s is a number: did you mean %s.%s?", w.wording(e), table.Kind(), name)
}

func isTextType(t *types.Type) bool { return t != nil && t.Kind() == types.StringKind }

func conversionHint(a, b *types.Type) string {
	if a == nil || b == nil {
		return ""
	}
	if a.Kind() == types.IntKind && b.Kind() == types.DoubleKind || a.Kind() == types.DoubleKind && b.Kind() == types.IntKind {
		return "double(x) makes a double of an int"
	}
	isNumber := func(t *types.Type) bool {
		return t.Kind() == types.IntKind || t.Kind() == types.DoubleKind || t.Kind() == types.UintKind
	}
	switch {
	case a.Kind() == types.StringKind && isNumber(b), isNumber(a) && b.Kind() == types.StringKind:
		return "number(x) makes a number of a string, text(x) a string of a number"
	case a.Kind() == types.TimestampKind && b.Kind() == types.StringKind, a.Kind() == types.StringKind && b.Kind() == types.TimestampKind:
		return "date(x) makes a timestamp of a string"
	case a.Kind() == types.NullTypeKind || b.Kind() == types.NullTypeKind:
		return "it is never null"
	}
	return ""
}

func isComparison(function string) bool {
	switch function {
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals, operators.In:
		return true
	}
	return false
}

// operatorSign is the written form of an operator, "" for a function.
func operatorSign(function string) string {
	if sign, ok := operators.FindReverse(function); ok && sign != "" {
		return sign
	}
	if function == operators.Conditional {
		return "? :"
	}
	if function == operators.Index {
		return "[ ]"
	}
	return ""
}

// usage shows how a function is called.
func (w *wording) usage(function string) string {
	f := w.env.cel.Functions()[function]
	if f == nil {
		return ""
	}
	var forms []string
	for _, o := range f.OverloadDecls() {
		args := make([]string, len(o.ArgTypes()))
		for i, t := range o.ArgTypes() {
			args[i] = plainType(cel.FormatCELType(t))
		}
		form := function + "(" + strings.Join(args, ", ") + ")"
		if o.IsMemberFunction() && len(args) > 0 {
			form = args[0] + "." + function + "(" + strings.Join(args[1:], ", ") + ")"
		}
		if !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	if len(forms) > 4 {
		forms = append(forms[:4], "...")
	}
	return strings.Join(forms, ", ")
}
