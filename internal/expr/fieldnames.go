package expr

import (
	"github.com/forgehook/forgehook/internal/expr/library"
	"slices"

	"cel.dev/cel-go/common/ast"
)

// FieldNames are the literal names that the expression passes to the document's function field.
func (p *Program) FieldNames() (names []string) {
	ast.PreOrderVisit(p.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if of, name, ok := namedField(e); ok && slices.Contains(documentNames, of) {
			names = append(names, name)
		}
	}))
	return names
}

var documentNames = []string{"doc", "srcdoc"}

// namedField recognises a call x.field("name").
func namedField(e ast.Expr) (of, name string, ok bool) {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != "field" || e.AsCall().Target().Kind() != ast.IdentKind {
		return "", "", false
	}
	name, ok = library.LiteralText(e.AsCall().Args()[0])
	return e.AsCall().Target().AsIdent(), name, ok
}
