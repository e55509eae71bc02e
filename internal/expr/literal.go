package expr

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/checker"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// CEL separates int and double, but people write number(x) > 1000. So an int literal beside a
// double is read as a double. Nothing else is converted.

// maxRounds bounds the nesting of such operations. Each round converts literals whose operators got
// types in the round before.
const maxRounds = 20

// checkNumbers checks the text by that rule. asDouble are the converted literals, for a later check
// of the same text.
func (c *compiler) checkNumbers() (checked *cel.Ast, asDouble map[int64]bool, issues *cel.Issues) {
	asDouble = map[int64]bool{}
	for range maxRounds {
		parsed := c.parsed(asDouble)
		if checked, issues = c.env.cel.Check(parsed); issues.Err() == nil {
			return checked, asDouble, issues
		}
		if !c.findIntLiterals(asDouble) {
			break
		}
	}
	return checked, asDouble, issues
}

// parsed parses the text again and converts the literals of asDouble.
func (c *compiler) parsed(asDouble map[int64]bool) *cel.Ast {
	parsed, _ := c.env.cel.Parse(c.text)
	fac := ast.NewExprFactory()
	ast.PostOrderVisit(parsed.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if asDouble[e.ID()] {
			if n, ok := e.AsLiteral().(types.Int); ok {
				e.SetKindCase(fac.NewLiteral(e.ID(), types.Double(n)))
			}
		}
	}))
	return parsed
}

// findIntLiterals adds the int literals beside a double to asDouble. It reports whether there were
// new ones.
func (c *compiler) findIntLiterals(asDouble map[int64]bool) bool {
	parsed := c.parsed(asDouble)
	tree, _ := checker.Check(parsed.NativeRep(), parsed.Source(), c.env.checker)
	found := false
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || !takesNumbers(e.AsCall().FunctionName()) || len(e.AsCall().Args()) != 2 {
			return
		}
		args := e.AsCall().Args()
		for i, literal := range args {
			if literal.Kind() != ast.LiteralKind || literal.AsLiteral().Type() != types.IntType || asDouble[literal.ID()] {
				continue
			}
			if other := tree.GetType(args[1-i].ID()); other != nil && unwrapped(other).Kind() == types.DoubleKind {
				asDouble[literal.ID()], found = true, true
			}
		}
	}))
	return found
}

func takesNumbers(function string) bool {
	switch function {
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide:
		return true
	}
	return isComparison(function) && function != operators.In
}
