package expr

import (
	"encoding/json"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/forgehook/forgehook"
)

// Part is one operand of a condition's top-level &&.
type Part struct {
	Text   string
	Passed bool
	Actual json.RawMessage // values of what depends on the subject: {"doc.status": 9}
	Hint   string          // what is null, what to change
}

// conditionPart is a part that can be evaluated on its own, and the leaves whose values explain it.
type conditionPart struct {
	text   string
	expr   ast.Expr
	run    cel.Program
	leaves []leaf
}

// leaf is what an operator compares, calculates or combines, as far as it depends on the subject.
type leaf struct {
	text string
	expr ast.Expr
	run  cel.Program
}

// maxLeaves bounds what one part shows.
const maxLeaves = 20

// split takes a condition apart.
func (p *Program) split() ([]conditionPart, error) {
	var operands []ast.Expr
	flatten(p.ast.Expr(), operators.LogicalAnd, &operands)
	texts := p.partTexts(len(operands))
	parts := make([]conditionPart, len(operands))
	for i, e := range operands {
		run, err := p.planPart(e)
		if err != nil {
			return nil, err
		}
		parts[i] = conditionPart{text: texts[i], expr: e, run: run}
		if texts[i] == "" {
			parts[i].text = p.source().wording(e)
		}
		if parts[i].leaves, err = p.leaves(e); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// planPart makes a program of a part of the syntax tree.
func (p *Program) planPart(e ast.Expr) (cel.Program, error) {
	return p.env.plan(ast.NewCheckedAST(ast.NewAST(e, p.ast.SourceInfo()), p.ast.TypeMap(), p.ast.ReferenceMap()))
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

// partTexts cuts the text at the top-level &&, so that each part reads as it was written; "" where that does not come out.
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

// balanced drops the brackets that belong to a && around the part.
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

// bracketsOver counts the round brackets without a partner, outside of texts.
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

// leaves finds the parts of an expression whose values explain it.
func (p *Program) leaves(e ast.Expr) ([]leaf, error) {
	var found []leaf
	var failed error
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
		run, err := p.planPart(e)
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

// dependsOnSubject reports that a variable of the scope occurs.
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

// Explain evaluates every part of a condition and says what it saw. A part that calculates with null does not pass and says
// which expression is null. The error is a [*Failure] with code expression_error or expression_limit, of a part that could not be
// evaluated while no other part is false.
func (p *Program) Explain(v *Vars) (passed bool, parts []Part, err error) {
	split, err := p.parts()
	if err != nil {
		return false, nil, p.limited(err.Error())
	}
	passed = true
	var failure *Failure
	refused := false
	for _, c := range split {
		part := Part{Text: c.text, Actual: json.RawMessage("{}")}
		val, err := p.eval(c.run, v)
		var f *Failure
		if err != nil {
			f = p.failure(v, err)
		} else if f = p.conditionResult(c.expr, val); f == nil {
			part.Passed = plain(val) == types.True
			refused = refused || !part.Passed
		}
		if f != nil {
			part.Hint = f.Message
			if f.Code == CodeLimit {
				return false, nil, f
			}
			if f.Code == CodeError && failure == nil {
				failure = f
			}
		}
		shown := p.showLeaves(&part, c.leaves, v)
		if !part.Passed && part.Hint == "" {
			part.Hint = p.hint(c.expr, shown)
		}
		passed = passed && part.Passed
		parts = append(parts, part)
	}
	if failure != nil && !refused {
		return false, nil, failure
	}
	return passed, parts, nil
}

func (p *Program) conditionResult(e ast.Expr, val ref.Val) *Failure {
	switch val = plain(val); {
	case val == types.NullValue:
		return p.failed(CodeNull, e, p.source().wording(e)+" is null, neither true nor false")
	case val.Type() != types.BoolType:
		return p.failed(CodeError, e, "it gives "+typeName(val)+", not true or false")
	}
	return nil
}

// shownLeaf is a leaf with its value.
type shownLeaf struct {
	leaf
	value ref.Val
}

// showLeaves evaluates the leaves of a part. One that cannot be evaluated is left out: the hint says why.
func (p *Program) showLeaves(part *Part, leaves []leaf, v *Vars) []shownLeaf {
	var shown []shownLeaf
	actual := []byte{'{'}
	for _, l := range leaves {
		val, err := p.eval(l.run, v)
		if err != nil {
			continue
		}
		shown = append(shown, shownLeaf{l, plain(val)})
		if len(actual) > 1 {
			actual = append(actual, ',')
		}
		actual = append(appendQuoted(actual, l.text), ':')
		actual = appendShort(actual, val, v)
	}
	part.Actual = append(actual, '}')
	return shown
}

// Bounds of what an explanation shows of one value, in bytes.
const (
	maxShownText = 200
	maxShownJSON = 500
)

// appendShort writes a value as an explanation shows it: an entity by its id, a long text or list cut short.
func appendShort(dst []byte, val ref.Val, v *Vars) []byte {
	switch x := plain(val).(type) {
	case types.String:
		return appendQuoted(dst, forgehook.Shorten(string(x), maxShownText))
	case *object:
		id, ok := x.member("id")
		if !ok {
			id = types.NullValue
		}
		short := newOrderedMap(1)
		short.put("id", id)
		val = short
	case traits.Lister:
		n := listLen(x)
		if weigh(x, maxShownJSON) >= maxShownJSON || n > 0 && isObject(x.Get(types.IntZero)) {
			return appendQuoted(dst, "a list of "+Value{val: types.Int(n)}.Text())
		}
	case traits.Mapper:
		if weigh(x, maxShownJSON) >= maxShownJSON {
			return appendQuoted(dst, "a map of "+Value{val: x.Size()}.Text())
		}
	}
	start := len(dst)
	shown, err := Value{val, v}.AppendJSON(dst)
	if err != nil || len(shown)-start > 4*maxShownJSON {
		return appendQuoted(dst[:start], "a "+strings.TrimPrefix(typeName(plain(val)), "a "))
	}
	return shown
}

func isObject(v ref.Val) bool {
	_, ok := v.(*object)
	return ok
}

// hint says what is worth knowing of a part that is false.
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

// enumName is the name of a number that is read from an enum member, "" for any other number.
func (p *Program) enumName(e ast.Expr, n types.Int) string {
	if e.Kind() != ast.SelectKind {
		return ""
	}
	owner := p.ast.GetType(e.AsSelect().Operand().ID())
	if owner == nil {
		return ""
	}
	facts, _ := MemberType(unwrapped(owner).TypeName(), e.AsSelect().FieldName())
	table, ok := enumTable(facts.Enum)
	if !ok {
		return ""
	}
	if name := table.Name(int32(n)); name != nil { //nolint:gosec // it was read from an int32
		return *name
	}
	return ""
}

// spellingHint is for two texts that are equal but for case or space around them.
func spellingHint(e ast.Expr, shown []shownLeaf) string {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.Equals || len(shown) == 0 {
		return ""
	}
	args := e.AsCall().Args()
	wanted, ok := literalString(args[1])
	if !ok {
		wanted, ok = literalString(args[0])
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
