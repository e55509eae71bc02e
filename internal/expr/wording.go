package expr

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/checker"
	"cel.dev/cel-go/common/ast"
)

// typeFaults rewords the checker's messages in plain words.
func (c *compiler) typeFaults(issues *cel.Issues, done repairs) Faults {
	parsed := c.parsed(done) // the check has rewritten parts of the first tree
	tree, _ := checker.Check(parsed.NativeRep(), parsed.Source(), c.env.checker)
	w := wording{source: newSource(c.text, parsed.NativeRep().SourceInfo(), c.options), env: c.env, tree: tree, exprs: map[int64]ast.Expr{}}
	again, _ := c.env.cel.Parse(c.text)
	w.index(again.NativeRep().Expr())
	ignored := w.insideUnknown(issues)
	var fs Faults
	for _, e := range issues.Errors() {
		if ignored[e.ExprID] {
			continue
		}
		f := w.fault(c, e)
		if !slices.ContainsFunc(fs, func(g Fault) bool { return g.Line == f.Line && g.Column == f.Column }) {
			fs = append(fs, f)
		}
	}
	return fs[:min(len(fs), maxFaults)]
}

// wording words the faults of one text.
type wording struct {
	*source
	env   *environment
	tree  *ast.AST           // typed where the checker understood it
	exprs map[int64]ast.Expr // as they were written
}

func (w *wording) index(e ast.Expr) {
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		w.exprs[e.ID()] = e
	}))
}

// insideUnknown are the names inside a call of an unknown function. It may be a misspelt macro,
// whose loop variable is unknown too. A fault about the variable would hide the real one.
func (w *wording) insideUnknown(issues *cel.Issues) map[int64]bool {
	ignored := map[int64]bool{}
	for _, e := range issues.Errors() {
		call := w.exprs[e.ExprID]
		if call == nil || call.Kind() != ast.CallKind || isOperator(call.AsCall().FunctionName()) || !undeclared.MatchString(e.Message) {
			continue
		}
		for _, arg := range call.AsCall().Args() {
			ast.PreOrderVisit(arg, ast.NewExprVisitor(func(e ast.Expr) { ignored[e.ID()] = e.Kind() == ast.IdentKind }))
		}
	}
	return ignored
}

var (
	undefinedField   = regexp.MustCompile(`^undefined field '(.*)'$`)
	undeclared       = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	noOverload       = regexp.MustCompile(`^found no matching overload for '([^']*)'`)
	noSelection      = regexp.MustCompile(`^type '(.*)' does not support field selection`)
	noRange          = regexp.MustCompile(`^expression of type '(.*)' cannot be range of a comprehension`)
	typeMismatch     = regexp.MustCompile(`^expected type '(.*)' but found '(.*)'`)
	optionalSelected = regexp.MustCompile(`^unsupported optional field selection`)
)

// fault words a message of the checker.
func (w *wording) fault(c *compiler, e *cel.Error) Fault {
	expr := w.exprs[e.ExprID]
	if expr == nil {
		_, words := c.syntaxWords(0, 0, e.Message)
		return c.fault(e.Location.Line(), max(0, e.Location.Column()), "", words)
	}
	if m := undefinedField.FindStringSubmatch(e.Message); m != nil {
		return w.unknownMember(expr, m[1])
	}
	if m := undeclared.FindStringSubmatch(e.Message); m != nil {
		return w.unknownName(expr, m[1])
	}
	if m := noOverload.FindStringSubmatch(e.Message); m != nil {
		return w.noOverload(expr, m[1])
	}
	fault := w.at(w.start(expr), w.wording(expr), "")
	switch {
	case noSelection.MatchString(e.Message):
		operand := operands(expr)[0]
		fault = w.at(w.name(expr), w.wording(expr), fmt.Sprintf("%s is %s, which has no members", w.wording(operand), w.typeOf(operand)))
	case noRange.MatchString(e.Message):
		fault.Message = "this is " + w.typeOf(expr) + ": only a list or a map has elements to loop over"
	case typeMismatch.MatchString(e.Message):
		fault.Message = w.mismatch(expr, typeMismatch.FindStringSubmatch(e.Message)[1])
	case optionalSelected.MatchString(e.Message):
		fault.Message = ".? needs the name of a member"
	default:
		fault.Message = plainWords(e.Message)
	}
	return fault
}

// mismatch is the message for a value of the wrong type.
func (w *wording) mismatch(e ast.Expr, needed string) string {
	if strings.HasPrefix(needed, "optional_type") {
		return "?name needs an optional value, such as doc.?comment; this is " + w.typeOf(e)
	}
	words := map[string]string{"bool": "true or false", "string": "a string", "int": "an int", "double": "a double"}[plainType(needed)]
	if words == "" {
		words = plainType(needed)
	}
	return "this must be " + words + ", but it is " + w.typeOf(e)
}

// plainType drops from a CEL type's name that it may be null.
func plainType(name string) string {
	return strings.NewReplacer("wrapper(", "", ")", "").Replace(name)
}
