package expr

import (
	"fmt"
	"github.com/forgehook/forgehook/internal/expr/library"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/value"
)

// hint says what may help with a false part.
func (p *Program) hint(e ast.Expr, shown []shownLeaf) string {
	var hints []string
	for _, l := range shown {
		switch x := l.value.(type) {
		case types.Null:
			hints = append(hints, l.text+" is null")
		case types.Int:
			if name := p.enumName(l.expr, x); name != "" {
				hints = append(hints, l.text+" is "+name)
			}
		}
	}
	if h := spellingHint(e, shown); h != "" {
		hints = append(hints, h)
	}
	return strings.Join(hints, "; ")
}

// Bounds of what an explanation says about missing fields.
const (
	maxMissing = 3   // how many it names
	maxNear    = 200 // names to search for a similar one; more are not searched
)

// missingFields lists fields that the expression reads by a literal name and that are missing. left
// bounds the list.
func missingFields(e ast.Expr, v *Vars, left *int) string {
	var words []string
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		of, name, ok := namedField(e)
		if !ok || *left <= 0 {
			return
		}
		target, found := v.ResolveName(of)
		o, isObject := target.(*value.Object)
		if !found || !isObject || o.IsMissing() || len(o.Fields().Named(name)) > 0 {
			return
		}
		word := fmt.Sprintf("%s has no field %q", of, name)
		if names := o.Fields().Names(); len(names) <= maxNear {
			if near := forgehook.Nearest(name, names); near != "" {
				word += fmt.Sprintf(", but it has %q", near)
			}
		}
		if word += ". "; !slices.Contains(words, word) {
			words = append(words, word)
			*left--
		}
	}))
	return strings.Join(words, "")
}

// enumName returns the name of a number from an enum member, "" for other numbers.
func (p *Program) enumName(e ast.Expr, n types.Int) string {
	if e.Kind() != ast.SelectKind {
		return ""
	}
	owner := p.ast.GetType(e.AsSelect().Operand().ID())
	if owner == nil {
		return ""
	}
	facts, _ := value.MemberType(unwrapped(owner).TypeName(), e.AsSelect().FieldName())
	table, ok := value.EnumTable(facts.Enum)
	if !ok {
		return ""
	}
	if name := table.Name(int32(n)); name != nil { //nolint:gosec // it was read from an int32
		return *name
	}
	return ""
}

// spellingHint is for two texts that differ only in case or space at the ends.
func spellingHint(e ast.Expr, shown []shownLeaf) string {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.Equals || len(shown) == 0 {
		return ""
	}
	args := e.AsCall().Args()
	wanted, ok := library.LiteralText(args[1])
	if !ok {
		wanted, ok = library.LiteralText(args[0])
	}
	got, isText := shown[0].value.(types.String)
	switch {
	case !ok || !isText || string(got) == wanted:
		return ""
	case strings.EqualFold(string(got), wanted):
		return "only upper and lower case differ: compare lower() of both"
	case strings.TrimSpace(string(got)) == strings.TrimSpace(wanted):
		return "only space at the ends differs: compare trim() of it"
	}
	return ""
}
