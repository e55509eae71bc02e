package expr

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/checker"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// CEL refuses some texts that have only one meaning. They are repaired where the check fails, and
// nowhere else:
//
//   - An int literal beside a double is a double: number(x) > 1000.
//   - Of a choice between null and a value, or between numbers, the result is of an open type:
//     c ? "a" : null, c ? doc.id : 1.5.
type repairs struct {
	double map[int64]bool // int literals that are doubles
	open   map[int64]bool // choices whose type is left open
}

// openCall gives its argument an open type. No text can contain an @.
const openCall = "@open"

var openFunction = cel.Function(openCall, cel.Overload(openCall, []*cel.Type{cel.TypeParamType("T")}, cel.DynType,
	cel.UnaryBinding(func(v ref.Val) ref.Val { return v })))

// maxRounds bounds the nesting of repairs. Each round repairs operators whose operands got types in
// the round before.
const maxRounds = 20

// checkRepaired checks the text and repairs it while that helps. The repairs are returned for a
// later check of the same text.
func (c *compiler) checkRepaired() (checked *cel.Ast, done repairs, issues *cel.Issues) {
	done = repairs{map[int64]bool{}, map[int64]bool{}}
	for range maxRounds {
		parsed := c.parsed(done)
		if checked, issues = c.env.cel.Check(parsed); issues.Err() == nil {
			return checked, done, issues
		}
		if !c.repair(done) {
			break
		}
	}
	return checked, done, issues
}

// parsed parses the text again and applies repairs.
func (c *compiler) parsed(done repairs) *cel.Ast {
	parsed, _ := c.env.cel.Parse(c.text)
	tree := parsed.NativeRep()
	fac, id := ast.NewExprFactory(), ast.MaxID(tree)
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch {
		case done.double[e.ID()]:
			n, _ := e.AsLiteral().(types.Int)
			e.SetKindCase(fac.NewLiteral(e.ID(), types.Double(n)))
		case done.open[e.ID()]:
			args := e.AsCall().Args()
			for i := 1; i <= 2; i++ {
				id++
				tree.SourceInfo().SetMacroCall(id, args[i]) // so that messages quote what was written
				args[i] = fac.NewCall(id, openCall, args[i])
			}
			e.SetKindCase(fac.NewCall(e.ID(), operators.Conditional, args...))
		}
	}))
	return parsed
}

// repair adds what can be repaired. It reports whether there was something new.
func (c *compiler) repair(done repairs) bool {
	parsed := c.parsed(done)
	tree, _ := checker.Check(parsed.NativeRep(), parsed.Source(), c.env.checker)
	found := false
	add := func(to map[int64]bool, e ast.Expr) {
		if !to[e.ID()] {
			to[e.ID()], found = true, true
		}
	}
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind {
			return
		}
		args := e.AsCall().Args()
		switch function := e.AsCall().FunctionName(); {
		case function == operators.Conditional && len(args) == 3:
			one, other := args[1], args[2]
			a, b := tree.GetType(one.ID()), tree.GetType(other.ID())
			switch {
			case a == nil || b == nil:
			case isIntLiteral(one) && isKind(b, types.DoubleKind):
				add(done.double, one)
			case isIntLiteral(other) && isKind(a, types.DoubleKind):
				add(done.double, other)
			case opens(a, b, tree.GetType(e.ID())):
				add(done.open, e)
			}
		case takesNumbers(function) && len(args) == 2:
			for i, literal := range args {
				if t := tree.GetType(args[1-i].ID()); isIntLiteral(literal) && t != nil && isKind(t, types.DoubleKind) {
					add(done.double, literal)
				}
			}
		}
	}))
	return found
}

// opens reports whether a choice between two types is of an open type: between null and a value,
// and between two kinds of numbers. made is the type that CEL gives it; of null and a nullable type
// that is null.
func opens(a, b, made *types.Type) bool {
	a, b = unwrapped(a), unwrapped(b)
	if a.Kind() == types.NullTypeKind || b.Kind() == types.NullTypeKind {
		return a.Kind() != b.Kind() && (made == nil || made.Kind() == types.NullTypeKind || made.Kind() == types.ErrorKind)
	}
	return a.Kind() == types.IntKind && b.Kind() == types.DoubleKind || a.Kind() == types.DoubleKind && b.Kind() == types.IntKind
}

func isIntLiteral(e ast.Expr) bool {
	return e.Kind() == ast.LiteralKind && e.AsLiteral().Type() == types.IntType
}

func isKind(t *types.Type, kind types.Kind) bool { return unwrapped(t).Kind() == kind }

func takesNumbers(function string) bool {
	switch function {
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide:
		return true
	}
	return isComparison(function) && function != operators.In
}
