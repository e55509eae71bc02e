package expr

import (
	"errors"
	"fmt"
	"github.com/forgehook/forgehook/internal/expr/library"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/value"
)

// The codes of failures.
const (
	CodeError = forgehook.CallErrorExpression      // it cannot be calculated
	CodeNull  = forgehook.CallErrorExpressionNull  // it calculates with null
	CodeLimit = forgehook.CallErrorExpressionLimit // it takes too long or too much memory, or gives too much
)

// Failure is an evaluation without a value. Its message holds no value of a document, so it may go
// where such values must not.
type Failure struct {
	Code forgehook.CallErrorCode
	Fault
}

func (f *Failure) Error() string { return f.Fault.Error() }

func (p *Program) limited(message string) *Failure {
	return &Failure{CodeLimit, p.options.shift(Fault{Line: 1, Column: 1, Message: message})}
}

// failed is a failure at an expression. For a member function it points at the function's name.
func (p *Program) failed(code forgehook.CallErrorCode, e ast.Expr, message string) *Failure {
	src := p.source()
	e = p.visible(src, e)
	at := src.start(e)
	if w := src.written(e); w.Kind() == ast.CallKind {
		at = src.name(e)
	}
	return &Failure{code, src.at(at, src.wording(e), message)}
}

// visible returns the expression, or the macro that made it.
func (p *Program) visible(src *source, e ast.Expr) ast.Expr {
	if !strings.Contains(src.wording(e), "@") {
		return e
	}
	around := e
	ast.PreOrderVisit(p.ast.Expr(), ast.NewExprVisitor(func(outer ast.Expr) {
		if _, isMacro := src.info.GetMacroCall(outer.ID()); !isMacro {
			return
		}
		ast.PreOrderVisit(outer, ast.NewExprVisitor(func(inner ast.Expr) {
			if inner.ID() == e.ID() {
				around = outer // the innermost macro comes last
			}
		}))
	}))
	return around
}

func (p *Program) source() *source { return newSource(p.text, p.ast.SourceInfo(), p.options) }

// failure says in plain words why an evaluation failed.
func (p *Program) failure(v *Vars, err error) *Failure {
	if _, ok := errors.AsType[interpreter.EvalCancelledError](err); ok || errors.Is(err, errTime) || errors.Is(err, interpreter.InterruptError{}) {
		return p.limited("it takes too long: all expressions of one evaluation together have one second and 10 million steps")
	}
	limit, isLimit := errors.AsType[*value.LimitError](err)
	at, known := v.originOf(err)
	e := p.find(at.id)
	if e == nil {
		e = p.ast.Expr()
	}
	switch {
	case isLimit:
		return p.failed(CodeLimit, e, "it needs "+limit.Error())
	case known && at.nullID != 0:
		return p.null(e, at)
	}
	return p.failed(CodeError, e, p.errorWords(e, err))
}

// originOf finds where an error began.
func (v *Vars) originOf(err error) (origin, bool) {
	val, ok := errors.AsType[*types.Err](err)
	if !ok {
		return origin{}, false
	}
	if v.trace != nil {
		if at, ok := v.trace.origins[val]; ok {
			return at, true
		}
	}
	return origin{id: val.NodeID()}, false
}

func (p *Program) find(id int64) ast.Expr {
	var found ast.Expr
	ast.PreOrderVisit(p.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.ID() == id {
			found = e
		}
	}))
	return found
}

// null says which expression is null and how to mend it.
func (p *Program) null(e ast.Expr, at origin) *Failure {
	src := p.source()
	empty := p.nullOperand(e, at)
	text := src.wording(empty)
	name := text
	if len(name) > 60 {
		name = "this"
	}
	if empty.Kind() == ast.LiteralKind {
		return p.failed(CodeNull, e, "null cannot be calculated with")
	}
	var message string
	switch {
	case e.Kind() == ast.SelectKind:
		message = fmt.Sprintf("%s is null and has no %s: test %s != null first, or write .?%s", name, e.AsSelect().FieldName(), name, e.AsSelect().FieldName())
	case e.Kind() == ast.ComprehensionKind:
		message = name + " is null: there is nothing to loop over"
	case e.Kind() == ast.CallKind && (e.AsCall().FunctionName() == operators.LogicalAnd || e.AsCall().FunctionName() == operators.LogicalOr):
		message = name + " is null, neither true nor false"
	default:
		message = fmt.Sprintf("%s is null: test %s != null first, or give another value with coalesce(%s, ...)", name, name, name)
	}
	return &Failure{CodeNull, src.at(src.start(empty), text, message)}
}

// nullOperand returns the null operand. If a member was read, this is the object.
func (p *Program) nullOperand(e ast.Expr, at origin) ast.Expr {
	if at.nullID != at.id {
		if found := p.find(at.nullID); found != nil {
			return found
		}
	}
	if ops := operands(e); len(ops) > 0 {
		return ops[0]
	}
	return e
}

// errorWords says in plain words what the interpreter or a function reported.
func (p *Program) errorWords(e ast.Expr, err error) string {
	message := err.Error()
	switch {
	case strings.HasPrefix(message, "no such key"), strings.HasPrefix(message, "no such attribute"):
		return p.missingKey(e)
	case isChain(e) && (strings.HasPrefix(message, "index") || strings.HasPrefix(message, "unsupported index")):
		return "the list has no element with this index"
	case strings.Contains(message, "division by zero"), strings.Contains(message, "modulus by zero"):
		return "this divides by zero"
	case strings.Contains(message, "overflow"), strings.Contains(message, "range error"):
		return "the result does not fit: a number too large, or a moment outside the years 1 to 9999"
	case strings.HasPrefix(message, "no such overload"):
		return p.unfitting(e)
	case strings.HasPrefix(message, "optional.none() dereference"):
		return "the optional value has no value: orValue(x) gives another one"
	}
	return p.functionWords(e, err)
}

// functionWords returns the message of one of our own functions. Messages of CEL's libraries may
// quote values, so they are replaced.
func (p *Program) functionWords(e ast.Expr, err error) string {
	if e.Kind() == ast.ComprehensionKind {
		return "only a list or a map has elements to loop over"
	}
	if e.Kind() == ast.MapKind {
		if val, ok := errors.AsType[*types.Err](err); ok {
			return val.Unwrap().Error()
		}
	}
	if e.Kind() != ast.CallKind {
		return "it cannot be calculated"
	}
	name := e.AsCall().FunctionName()
	if val, ok := errors.AsType[*types.Err](err); ok && (p.env.own[name] || name == insertMember) {
		return val.Unwrap().Error()
	}
	switch name {
	case operators.Modulo:
		return "% wants whole numbers"
	case "int", "uint", "double", "bool", "timestamp", "duration", "string", "bytes":
		return "the value cannot be converted to " + name
	case "substring", "charAt", "indexOf", "lastIndexOf":
		return "the position is outside of the text"
	case "slice", "flatten":
		return "the bounds do not fit the list"
	case "matches":
		return "the pattern cannot be read"
	}
	return name + " cannot be calculated for these values"
}

// missingKey is the message for a missing member of a sender's JSON or of a map.
func (p *Program) missingKey(e ast.Expr) string {
	name := ""
	switch e.Kind() {
	case ast.SelectKind:
		name = e.AsSelect().FieldName()
	case ast.CallKind:
		if args := e.AsCall().Args(); len(args) > 1 {
			name, _ = library.LiteralText(args[1])
		}
	}
	if name == "" {
		return "there is no member of this name"
	}
	return fmt.Sprintf("there is no member %s: test has(...) first, or write .?%s.orValue(...)", name, name)
}

// unfitting is the message for operands whose types are known only at evaluation.
func (p *Program) unfitting(e ast.Expr) string {
	if e.Kind() == ast.CallKind {
		if sign := operatorSign(e.AsCall().FunctionName()); sign != "" {
			return sign + " does not fit the types of these values: number(x) and text(x) convert them"
		}
		return e.AsCall().FunctionName() + " does not take values of these types"
	}
	return "the types of these values do not fit"
}
