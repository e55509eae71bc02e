package expr

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// conditionPart is a part of a condition with the leaves whose values explain it.
type conditionPart struct {
	text   string
	expr   ast.Expr
	run    cel.Program
	leaves []leaf
}

// leaf is an operand that depends on the subject.
type leaf struct {
	text string
	expr ast.Expr
	run  cel.Program
}

// How finely an explanation splits a condition. The programs of parts and leaves live as long as
// the condition.
const (
	maxParts    = 50  // of a condition; the rest becomes one part
	maxLeaves   = 20  // of a part
	maxPrograms = 150 // of a condition
)

// split splits a condition into parts.
func (p *Program) split() ([]conditionPart, error) {
	var operands []ast.Expr
	flatten(p.ast.Expr(), operators.LogicalAnd, &operands)
	texts := p.partTexts(len(operands))
	if len(operands) > maxParts {
		last := maxParts - 1
		rest := texts[last]
		if rest != "" {
			rest = strings.Join(texts[last:], " && ")
		}
		operands, texts = append(operands[:last:last], p.joined(operands[last:])), append(texts[:last:last], rest)
	}
	planned := &planned{program: p, byText: map[string]cel.Program{}}
	parts := make([]conditionPart, len(operands))
	for i, e := range operands {
		parts[i] = conditionPart{text: texts[i], expr: e}
		wording := p.source().wording(e)
		if texts[i] == "" {
			parts[i].text = wording
		}
		var err error
		if parts[i].run, err = planned.part(wording, e); err != nil {
			return nil, err
		}
	}
	for i := range parts {
		var err error
		if parts[i].leaves, err = planned.leaves(parts[i].expr); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// joined joins operands with &&, nested no deeper than necessary.
func (p *Program) joined(operands []ast.Expr) ast.Expr {
	fac, id := ast.NewExprFactory(), ast.MaxID(p.ast)
	var join func(operands []ast.Expr) ast.Expr
	join = func(operands []ast.Expr) ast.Expr {
		if len(operands) == 1 {
			return operands[0]
		}
		half := len(operands) / 2
		left, right := join(operands[:half]), join(operands[half:])
		id++
		return fac.NewCall(id, operators.LogicalAnd, left, right)
	}
	return join(operands)
}

// planned makes the programs of parts and leaves. Equal texts share a program.
type planned struct {
	program *Program
	byText  map[string]cel.Program
}

// part makes a program of a subtree.
func (x *planned) part(wording string, e ast.Expr) (cel.Program, error) {
	p := x.program
	if known := x.byText[wording]; known != nil {
		return known, nil
	}
	run, err := p.plan(ast.NewCheckedAST(ast.NewAST(e, p.ast.SourceInfo()), p.ast.TypeMap(), p.ast.ReferenceMap()))
	if err == nil && wording != "" {
		x.byText[wording] = run
	}
	return run, err
}

func flatten(e ast.Expr, operator string, into *[]ast.Expr) {
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operator {
		for _, arg := range e.AsCall().Args() {
			flatten(arg, operator, into)
		}
		return
	}
	*into = append(*into, e)
}

// partTexts splits the text at the top-level &&, so that each part reads as it was written. It
// returns empty texts if the split does not match.
func (p *Program) partTexts(n int) []string {
	var cuts []int
	src := p.source()
	var find func(e ast.Expr)
	find = func(e ast.Expr) {
		if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.LogicalAnd {
			cuts = append(cuts, src.offsetOf(e.ID()))
			for _, arg := range e.AsCall().Args() {
				find(arg)
			}
		}
	}
	find(p.ast.Expr())
	texts := make([]string, n)
	if len(cuts) != n-1 || slices.Contains(cuts, -1) {
		return texts
	}
	slices.Sort(cuts)
	from := 0
	for i := range texts {
		to := len(src.runes)
		if i < len(cuts) {
			to = cuts[i]
		}
		if from > to {
			return make([]string, n)
		}
		texts[i] = balanced(strings.TrimSpace(string(src.runes[from:to])))
		from = min(len(src.runes), to+len("&&"))
	}
	return texts
}

// balanced drops brackets that enclose more than this part.
func balanced(s string) string {
	opened, closed := bracketsOver(s)
	for ; opened > 0 && strings.HasPrefix(s, "("); opened-- {
		s = strings.TrimSpace(s[1:])
	}
	for ; closed > 0 && strings.HasSuffix(s, ")"); closed-- {
		s = strings.TrimSpace(s[:len(s)-1])
	}
	return s
}

// bracketsOver counts unmatched round brackets outside string literals.
func bracketsOver(s string) (opened, closed int) {
	for i := 0; i < len(s); {
		switch s[i] {
		case '"', '\'':
			end, ok := stringEnd(s, i, false)
			if !ok {
				return opened, closed
			}
			i = end
			continue
		case '(':
			opened++
		case ')':
			if opened > 0 {
				opened--
			} else {
				closed++
			}
		}
		i++
	}
	return opened, closed
}

// leaves finds the subexpressions whose values explain an expression.
func (x *planned) leaves(e ast.Expr) ([]leaf, error) {
	var found []leaf
	var failed error
	p := x.program
	src := p.source()
	var visit func(e ast.Expr)
	visit = func(e ast.Expr) {
		if e.Kind() == ast.CallKind && isOperator(e.AsCall().FunctionName()) && !readsMember(e.AsCall().FunctionName()) {
			for _, arg := range e.AsCall().Args() {
				visit(arg)
			}
			return
		}
		text := src.wording(e)
		if len(found) >= maxLeaves || !p.dependsOnSubject(e) || slices.ContainsFunc(found, func(l leaf) bool { return l.text == text }) {
			return
		}
		if len(x.byText) >= maxPrograms && x.byText[text] == nil {
			return
		}
		run, err := x.part(text, e)
		if err != nil {
			failed = err
			return
		}
		found = append(found, leaf{text, e, run})
	}
	visit(e)
	return found, failed
}

func readsMember(function string) bool {
	return function == operators.Index || function == operators.OptIndex || function == operators.OptSelect
}

// dependsOnSubject reports whether an expression reads a variable of the scope.
func (p *Program) dependsOnSubject(e ast.Expr) bool {
	found := false
	names := variableNames(p.scope)
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.IdentKind && slices.Contains(names, e.AsIdent()) {
			found = true
		}
	}))
	return found
}
