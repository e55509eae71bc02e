package expr

import (
	"fmt"

	"cel.dev/cel-go/common/ast"
)

// The checker's time grows with a power of the depth of types. So depth is bounded before it
// starts.
const (
	maxLoops  = 8  // map, filter, exists and so on within each other
	maxNested = 64 // lists, maps, optional values and loops within each other
)

// nestingFault finds the first loop, list, map or optional value that is too deep.
func (c *compiler) nestingFault(tree *ast.AST) *Fault {
	n := nesting{}
	n.visit(tree.Expr(), 0, 0)
	if n.at == nil {
		return nil
	}
	src := newSource(c.text, tree.SourceInfo(), c.options)
	f := src.at(src.start(n.at), src.wording(n.at), n.message)
	return &f
}

type nesting struct {
	at      ast.Expr // the expression that is too deep
	message string
}

// visit checks an expression inside so many loops. nested counts all that deepens a type.
func (n *nesting) visit(e ast.Expr, loops, nested int) {
	if n.at != nil {
		return
	}
	if nested > maxNested {
		n.at, n.message = e, fmt.Sprintf("lists, maps and loops are nested at most %d deep: give a part of it a name with cel.bind(name, part, ...)", maxNested)
		return
	}
	switch e.Kind() {
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			n.visit(element, loops, nested+1)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			n.visit(entry.AsMapEntry().Key(), loops, nested+1)
			n.visit(entry.AsMapEntry().Value(), loops, nested+1)
		}
	case ast.SelectKind:
		n.visit(e.AsSelect().Operand(), loops, nested)
	case ast.CallKind:
		n.call(e.AsCall(), loops, nested)
	case ast.ComprehensionKind:
		n.comprehension(e, loops, nested)
	}
}

func (n *nesting) call(call ast.CallExpr, loops, nested int) {
	if call.IsMemberFunction() {
		n.visit(call.Target(), loops, nested)
		if call.Target().Kind() == ast.IdentKind && call.Target().AsIdent() == "optional" { // such as optional.of(x)
			nested++
		}
	}
	for _, arg := range call.Args() {
		n.visit(arg, loops, nested)
	}
}

// comprehension checks a loop, or a cel.bind, which CEL writes as a loop over an empty list.
func (n *nesting) comprehension(e ast.Expr, loops, nested int) {
	x := e.AsComprehension()
	if x.IterRange().Kind() == ast.ListKind && x.IterRange().AsList().Size() == 0 {
		n.visit(x.AccuInit(), loops, nested+1)
		n.visit(x.Result(), loops, nested)
		return
	}
	if loops == maxLoops {
		n.at, n.message = e, fmt.Sprintf("loops (map, filter, exists, all ...) are nested at most %d deep: give the inner list a name with cel.bind(name, list, ...) around the outer loop", maxLoops)
		return
	}
	n.visit(x.IterRange(), loops, nested+1)
	n.visit(x.LoopCondition(), loops+1, nested+1)
	n.visit(x.LoopStep(), loops+1, nested+1)
	n.visit(x.Result(), loops, nested)
}
