package expr

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/library"
	"github.com/forgehook/forgehook/internal/expr/value"
)

// Result says what an expression must give.
type Result int

// What an expression must give.
const (
	AnyResult    Result = iota
	BoolResult          // a condition
	ObjectResult        // a map: the document that an input makes
	TextResult          // a text or what can become one: no list, map or entity, if the type is known
)

type options struct {
	line, column int
	language     forgehook.Language
	more         *library.Library
}

// Option changes how a text is compiled.
type Option func(*options)

// At says where the text starts inside a longer one, in lines and columns from 1. Faults then point
// into the longer text.
func At(line, column int) Option {
	return func(o *options) { o.line, o.column = line, column }
}

// With adds a library to the standard one. Its texts have the rules of the first language.
func With(l *library.Library) Option { return func(o *options) { o.more = l } }

// In says in which language the text was saved, [forgehook.LanguageNow] unless it is given.
func In(language forgehook.Language) Option { return func(o *options) { o.language = language } }

// Program is a compiled expression, safe for concurrent use.
type Program struct {
	scope   Scope
	text    string
	options options
	want    Result
	env     *environment
	ast     *ast.AST
	run     cel.Program
	once    func() (Value, bool) // the constant value, if there is one
	parts   func() ([]conditionPart, error)
}

// Compile checks a text and prepares it for evaluation. The error is [Faults].
func Compile(scope Scope, want Result, text string, opts ...Option) (*Program, error) {
	o := options{line: 1, column: 1, language: forgehook.LanguageNow}
	for _, opt := range opts {
		opt(&o)
	}
	env, err := environmentOf(scope, o)
	if err != nil {
		return nil, err
	}
	c := compiler{env: env, text: text, options: o}
	checked, faults := c.check(want)
	if faults != nil {
		return nil, faults
	}
	p := &Program{scope: scope, text: text, options: o, want: want, env: env, ast: checked}
	if p.run, err = p.plan(checked); err != nil {
		return nil, Faults{c.fault(1, 0, "", err.Error())}
	}
	p.once = sync.OnceValues(p.constant)
	p.parts = sync.OnceValues(p.split)
	return p, nil
}

// plan makes a program of a checked syntax tree, the text's own or one of a part of it.
func (p *Program) plan(checked *ast.AST) (cel.Program, error) {
	e := p.env
	// A missing member of an endpoint's or a sender's JSON is null in what is asked about it. In
	// what is sent it is an error.
	open := e.scope == Received || e.scope == WriteBack || e.open && p.want == BoolResult
	numbers := e.settleParsed
	if e.open {
		numbers = e.openNumbers(checked)
	}
	return e.cel.PlanProgram(checked,
		cel.Functions(e.guarded...), //nolint:staticcheck // nothing else can precede the library's own functions
		cel.CustomDecoratorV2(orderMaps(checked)),
		cel.CustomDecoratorV2(replaceCalls),
		cel.CustomDecoratorV2(numbers),
		cel.CustomDecoratorV2(newTracer(checked, open).decorate),
		cel.CostTracking(nil),
		cel.CostTrackerOptions(e.prices...),
		cel.CostLimit(maxCost),
		cel.InterruptCheckFrequency(1), // one step may take a tenth of the time
	)
}

func (p *Program) Text() string { return p.text }

// Constant is the value of an expression that needs no subject: false, 1 > 2, false && doc.id == 7.
func (p *Program) Constant() (Value, bool) { return p.once() }

func (p *Program) constant() (Value, bool) {
	v := newVars()
	v.spent = maxTime - maxTime/20 // a save does not wait for a long calculation
	val, err := p.eval(p.run, v)
	if err != nil {
		return Value{}, false
	}
	return value.New(val, v.memory), true
}

// Eval evaluates the expression. The error is a [*Failure].
func (p *Program) Eval(v *Vars) (Value, error) {
	val, err := p.eval(p.run, v)
	if err != nil {
		return Value{}, p.failure(v, err)
	}
	if failure := p.checkResult(val); failure != nil {
		return Value{}, failure
	}
	if over := v.charge(val); over {
		return Value{}, p.limited(fmt.Sprintf("all expressions together give more than %d MiB", value.MaxOutput>>20))
	}
	return value.New(val, v.memory), nil
}

// checkResult checks what only evaluation can tell: the type of a value from a sender's JSON.
func (p *Program) checkResult(val ref.Val) *Failure {
	code, val := CodeError, value.Plain(val)
	if val == types.NullValue {
		code = CodeNull
	}
	_, isMap := val.(traits.Mapper)
	switch {
	case p.want == BoolResult && val.Type() != types.BoolType:
		return p.failed(code, p.ast.Expr(), "it gives "+value.TypeName(val)+", not true or false")
	case p.want == ObjectResult && !isMap:
		return p.failed(code, p.ast.Expr(), "it gives "+value.TypeName(val)+", not a map")
	}
	return nil
}

// eval runs a program within the rest of the budget.
func (p *Program) eval(run cel.Program, v *Vars) (ref.Val, error) {
	if v.spent >= maxTime || v.cost >= maxCost {
		return nil, errTime
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), maxTime-v.spent, errTime)
	defer cancel()
	started := time.Now()
	v.trace = nil
	v.memory.Settles, v.memory.Language = !p.env.open, p.options.language
	val, details, err := run.ContextEval(ctx, v)
	v.spent += time.Since(started)
	if details != nil && details.ActualCost() != nil {
		v.cost += *details.ActualCost()
	}
	if err == nil && v.spent > maxTime { // the last step took too long
		return nil, errTime
	}
	return val, err
}

// at is the program at another position with the same text.
func (p *Program) at(line, column int) *Program {
	moved := *p
	moved.options.line, moved.options.column = line, column
	return &moved
}

// charge adds the size of a value to the output. It reports whether the output exceeds its limit.
func (v *Vars) charge(val ref.Val) bool {
	if value.IsScalar(val) {
		if s, ok := val.(types.String); ok {
			v.output += len(s)
		}
		return v.output > value.MaxOutput
	}
	total, fits := value.New(val, v.memory).AddSize(v.output)
	v.output = total
	return !fits
}
