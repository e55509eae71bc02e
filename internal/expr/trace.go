package expr

import (
	"errors"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"

	"github.com/forgehook/forgehook/internal/expr/value"
)

// tracer adds two things to the interpreter. It ends an evaluation between two steps when the time
// is over. And it remembers at which node an error began and what the operands were then, because a
// loop soon overwrites them.
type tracer struct {
	exprs map[int64]ast.Expr                    // the syntax tree, by id
	nodes map[int64]interpreter.InterpretableV2 // their evaluators, by id
	open  bool                                  // a missing member of JSON is null
}

// origin says where an error began.
type origin struct {
	id     int64
	nullID int64 // the null node; 0 for none
}

// traceName is the variable by which nodes find their [Vars]. No expression can contain an @.
const traceName = "@vars"

// maxOrigins bounds the remembered errors: all() and || continue after an error.
const maxOrigins = 200

func newTracer(checked *ast.AST, open bool) *tracer {
	t := &tracer{exprs: map[int64]ast.Expr{}, nodes: map[int64]interpreter.InterpretableV2{}, open: open}
	ast.PreOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) { t.exprs[e.ID()] = e }))
	return t
}

// decorate watches every node except constants.
func (t *tracer) decorate(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	switch x := i.(type) {
	case interpreter.InterpretableConst:
		return i, nil
	case *attributeNode, *node:
		return i, nil
	case interpreter.InterpretableAttribute:
		i = &attributeNode{x, t}
	default:
		i = &node{i, t}
	}
	t.nodes[i.ID()] = i
	return i, nil
}

// watch evaluates a node if there is time left.
func (t *tracer) watch(frame *interpreter.ExecutionFrame, of interpreter.InterpretableV2) ref.Val {
	checkTime(frame)
	val := of.Exec(frame)
	if err, ok := val.(*types.Err); ok {
		t.failed(frame, of.ID(), err)
	}
	return val
}

type node struct {
	interpreter.InterpretableV2
	tracer *tracer
}

func (n *node) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return n.tracer.watch(frame, n.InterpretableV2)
}

func (n *node) Eval(a interpreter.Activation) ref.Val { return interpreter.EvalActivation(a, n.Exec) }

type attributeNode struct {
	interpreter.InterpretableAttribute
	tracer *tracer
}

func (n *attributeNode) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return n.tracer.watch(frame, n.InterpretableAttribute)
}

func (n *attributeNode) Eval(a interpreter.Activation) ref.Val {
	return interpreter.EvalActivation(a, n.Exec)
}

// AddQualifier watches the member or index that is read.
func (n *attributeNode) AddQualifier(q interpreter.Qualifier) (interpreter.Attribute, error) {
	if constant, ok := q.(interpreter.ConstantQualifier); ok {
		q = &constantQualifier{constant, n.tracer.open}
	} else {
		q = &qualifier{q, n.tracer.open}
	}
	_, err := n.InterpretableAttribute.AddQualifier(q)
	return n, err
}

type qualifier struct {
	interpreter.Qualifier
	open bool
}

func (q *qualifier) Qualify(vars interpreter.Activation, obj any) (any, error) {
	return qualify(q.Qualifier, q.open, vars, obj)
}

type constantQualifier struct {
	interpreter.ConstantQualifier
	open bool
}

func (q *constantQualifier) Qualify(vars interpreter.Activation, obj any) (any, error) {
	return qualify(q.ConstantQualifier, q.open, vars, obj)
}

func qualify(q interpreter.Qualifier, open bool, vars interpreter.Activation, obj any) (any, error) {
	out, err := q.Qualify(vars, obj)
	switch {
	case err == nil:
		return out, nil
	case open && isAbsent(obj, err):
		return types.NullValue, nil
	}
	notReadable(vars, q.ID(), obj, err)
	return out, err
}

// isAbsent reports whether a map or JSON's null lacks the member that was read. A null entity still
// gives an error.
func isAbsent(obj any, err error) bool {
	if _, typed := errors.AsType[*value.NullMemberError](err); typed {
		return false
	}
	if obj == types.NullValue {
		return true
	}
	_, isMap := obj.(traits.Mapper)
	return isMap && strings.HasPrefix(err.Error(), "no such key")
}

func checkTime(frame *interpreter.ExecutionFrame) {
	if frame.CheckInterrupt() {
		panic(interpreter.EvalCancelledError{Cause: interpreter.ContextCancelled, Message: errTime.Error()})
	}
}

// trace holds the errors of one evaluation.
type trace struct {
	origins    map[*types.Err]origin
	qualifiers map[error]origin
	looking    bool // operands are evaluated again; their errors are not new
}

func traceOf(a interpreter.Activation) *trace {
	found, _ := a.ResolveName(traceName)
	v, ok := found.(*Vars)
	if !ok {
		return nil
	}
	if v.trace == nil {
		v.trace = &trace{origins: map[*types.Err]origin{}, qualifiers: map[error]origin{}}
	}
	if len(v.trace.origins) >= maxOrigins || len(v.trace.qualifiers) >= maxOrigins {
		clear(v.trace.origins)
		clear(v.trace.qualifiers)
	}
	return v.trace
}

// notReadable remembers a member that could not be read, and whether its object was null.
func notReadable(a interpreter.Activation, id int64, obj any, err error) {
	tr := traceOf(a)
	if tr == nil || tr.looking {
		return
	}
	if _, known := tr.qualifiers[err]; known {
		return
	}
	o := origin{id: id}
	if value, ok := obj.(ref.Val); ok && value == types.NullValue {
		o.nullID = id
	}
	tr.qualifiers[err] = o
}

// failed remembers an error the first time it is seen, which is where it began.
func (t *tracer) failed(frame *interpreter.ExecutionFrame, id int64, err *types.Err) {
	tr := traceOf(frame)
	if tr == nil || tr.looking {
		return
	}
	if _, known := tr.origins[err]; known {
		return
	}
	o, known := tr.qualifiers[err]
	if !known {
		o, known = tr.qualifiers[err.Unwrap()]
	}
	if known {
		tr.origins[err] = o
		return
	}
	o = origin{id: id}
	if e := t.exprs[id]; e != nil && !isChain(e) {
		tr.looking = true
		for _, operand := range operands(e) {
			if t.isNull(frame, operand) {
				o.nullID = operand.ID()
				break
			}
		}
		tr.looking = false
	}
	tr.origins[err] = o
}

// isChain reports whether one node evaluates the expression together with its object.
func isChain(e ast.Expr) bool { return attributeRoot(e) != e }

// isNull evaluates an operand again, right when the error occurs.
func (t *tracer) isNull(frame *interpreter.ExecutionFrame, e ast.Expr) bool {
	if e.Kind() == ast.LiteralKind {
		return e.AsLiteral() == types.NullValue
	}
	n := t.nodes[attributeRoot(e).ID()]
	return n != nil && n.Exec(frame) == types.NullValue
}

// attributeRoot is the object at the start of a chain of members and indexes, whose node evaluates
// the chain.
func attributeRoot(e ast.Expr) ast.Expr {
	for {
		switch e.Kind() {
		case ast.SelectKind:
			e = e.AsSelect().Operand()
			continue
		case ast.CallKind:
			switch e.AsCall().FunctionName() {
			case "_[_]", "_?._", "_[?_]":
				e = e.AsCall().Args()[0]
				continue
			}
		}
		return e
	}
}

// operands are the subexpressions that an expression works on.
func operands(e ast.Expr) []ast.Expr {
	switch e.Kind() {
	case ast.SelectKind:
		return []ast.Expr{e.AsSelect().Operand()}
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			return append([]ast.Expr{call.Target()}, call.Args()...)
		}
		if call.FunctionName() == "_?_:_" {
			return call.Args()[:1]
		}
		return call.Args()
	case ast.ComprehensionKind:
		return []ast.Expr{e.AsComprehension().IterRange()}
	}
	return nil
}
