package expr

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
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

// What an explanation shows apart from each other. The programs of parts and leaves are kept as long as the condition.
const (
	maxParts    = 50  // of a condition; all that follow are one
	maxLeaves   = 20  // of a part
	maxPrograms = 150 // of a condition
)

// split takes a condition apart.
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

// joined makes one expression of operands of &&, nested no deeper than it has to be.
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

// planned are the programs that the parts and leaves of a condition have; equal ones share theirs.
type planned struct {
	program *Program
	byText  map[string]cel.Program
}

// part makes a program of a part of the syntax tree.
func (x *planned) part(wording string, e ast.Expr) (cel.Program, error) {
	p := x.program
	if known := x.byText[wording]; known != nil {
		return known, nil
	}
	run, err := p.env.plan(ast.NewCheckedAST(ast.NewAST(e, p.ast.SourceInfo()), p.ast.TypeMap(), p.ast.ReferenceMap()))
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

// Explain evaluates every part of a condition and says what it saw. A part that calculates with null is not true: it does not pass
// and says which expression is null. The error is a [*Failure] with code expression_error or expression_limit, of the first part that
// could not be evaluated while no other part is false or null.
func (p *Program) Explain(v *Vars) (passed bool, parts []Part, err error) {
	split, err := p.parts()
	if err != nil {
		return false, nil, p.limited(err.Error())
	}
	passed = true
	var failure *Failure
	refused, hints := false, maxMissing
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
			refused = refused || f.Code == CodeNull
			if f.Code != CodeNull && failure == nil {
				failure = f
			}
		}
		shown := p.showLeaves(&part, c.leaves, v)
		if !part.Passed && part.Hint == "" {
			part.Hint = p.hint(c.expr, shown)
		}
		if !part.Passed {
			started := time.Now()
			part.Hint = strings.Trim(missingFields(c.expr, v, &hints)+part.Hint, " ")
			v.spent += time.Since(started)
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
		actual = append(jsontree.AppendString(actual, l.text), ':')
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
		return jsontree.AppendString(dst, forgehook.Shorten(string(x), maxShownText))
	case *object:
		id, ok := x.member("id")
		if !ok {
			id = types.NullValue
		}
		short := newOrderedMap(1)
		short.put("id", id)
		val = short
	case traits.Lister:
		if !isShort(x) {
			return jsontree.AppendString(dst, "a list of "+Value{val: types.Int(listLen(x))}.Text())
		}
	case traits.Mapper:
		if !isShort(x) {
			return jsontree.AppendString(dst, "a map of "+Value{val: x.Size()}.Text())
		}
	}
	start := len(dst)
	shown, err := Value{val, v}.AppendJSON(dst)
	if err != nil || len(shown)-start > 4*maxShownJSON {
		return jsontree.AppendString(dst[:start], "a "+strings.TrimPrefix(typeName(plain(val)), "a "))
	}
	return shown
}

// isShort reports a list or map that is shown as a whole: a small one without an entity anywhere.
func isShort(v ref.Val) bool {
	return measure(v, maxShownJSON, func(leaf ref.Val) int {
		switch x := leaf.(type) {
		case types.String:
			return 1 + len(x)
		case types.Bytes:
			return 1 + len(x)
		case *object:
			return maxShownJSON
		}
		return 1
	}) < maxShownJSON
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

// Bounds of what an explanation says of fields that are not there.
const (
	maxMissing = 3   // such fields
	maxNear    = 200 // names that are compared with the one that was asked for; among more, none is searched for
)

// missingFields says which fields, named by a literal, the document or the field asked for them does not have; left is how many may
// still be said.
func missingFields(e ast.Expr, v *Vars, left *int) string {
	var words []string
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		of, name, ok := namedField(e)
		if !ok || *left <= 0 {
			return
		}
		target, found := v.ResolveName(of)
		o, isObject := target.(*object)
		if !found || !isObject || o.isMissing() || len(indexOf(o).Named(name)) > 0 {
			return
		}
		word := fmt.Sprintf("%s has no field %q", of, name)
		if names := indexOf(o).Names(); len(names) <= maxNear {
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
