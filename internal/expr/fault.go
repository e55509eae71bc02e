package expr

import (
	"fmt"
	"github.com/forgehook/forgehook/internal/expr/library"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/value"
)

// Fault is an error at a position of a text.
type Fault struct {
	Line, Column int    // in characters, from 1
	Text         string // the piece at fault, at most 60 bytes
	Message      string
}

func (f Fault) Error() string {
	if f.Text == "" {
		return fmt.Sprintf("line %d, column %d: %s", f.Line, f.Column, f.Message)
	}
	quote := `"`
	if strings.Contains(f.Text, quote) {
		quote = "`"
	}
	return fmt.Sprintf("line %d, column %d: %s%s%s: %s", f.Line, f.Column, quote, f.Text, quote, f.Message)
}

// Faults are the faults of a text, at most 20.
type Faults []Fault

func (fs Faults) Error() string {
	texts := make([]string, len(fs))
	for i, f := range fs {
		texts[i] = f.Error()
	}
	return strings.Join(texts, "; ")
}

const maxFaults = 20

// compiler checks one text and finds its faults.
type compiler struct {
	env  *environment
	text string
	options
}

func (c *compiler) check(want Result) (*ast.AST, Faults) {
	if strings.TrimSpace(c.text) == "" {
		return nil, Faults{c.fault(1, 0, "", "the expression is empty")}
	}
	if len(c.text) > maxCodePoints {
		return nil, Faults{c.fault(1, 0, "", fmt.Sprintf("the expression has more than %d bytes", maxCodePoints))}
	}
	parsed, issues := c.env.cel.Parse(c.text)
	if issues.Err() != nil {
		return nil, c.syntaxFaults(issues)
	}
	if f := c.nestingFault(parsed.NativeRep()); f != nil { // before the checker, which would take minutes
		return nil, Faults{*f}
	}
	checked, done, issues := c.checkRepaired()
	if issues.Err() != nil {
		return nil, c.typeFaults(issues, done)
	}
	tree := checked.NativeRep()
	if f := c.wrongResult(tree, want); f != nil {
		return nil, Faults{*f}
	}
	if fs := c.constantFaults(tree); fs != nil {
		return nil, fs
	}
	return tree, nil
}

// fault makes a fault at a position. line counts from 1 and column from 0, as in CEL.
func (c *compiler) fault(line, column int, text, message string) Fault {
	return c.shift(Fault{Line: max(line, 1), Column: column + 1, Text: forgehook.Shorten(text, 60), Message: message})
}

// wrongResult refuses a condition that can never be true or false, and an input that can never be a
// document.
func (c *compiler) wrongResult(tree *ast.AST, want Result) *Fault {
	got := tree.GetType(tree.Expr().ID())
	if got.Kind() == types.DynKind || got.Kind() == types.TypeParamKind {
		return nil
	}
	message := ""
	switch {
	case want == BoolResult && got.Kind() != types.BoolKind:
		message = "the condition must give true or false, and this gives " + typeWords(got)
		if got.Kind() == types.StringKind || got.Kind() == types.IntKind {
			message += ": compare it with == or another operator"
		}
	case want == ObjectResult && got.Kind() != types.MapKind:
		message = "the expression must give a map {\"name\": value, ...}, and this gives " + typeWords(got)
	case want == TextResult && (got.Kind() == types.MapKind || got.Kind() == types.ListKind || got.Kind() == types.StructKind):
		message = "the expression must give a text, a number, true or false, or a time, and this gives " + typeWords(got)
	}
	if message == "" {
		return nil
	}
	src := newSource(c.text, tree.SourceInfo(), c.options)
	f := src.at(src.start(tree.Expr()), src.wording(tree.Expr()), message)
	return &f
}

// constantFaults finds what is wrong for every subject: invalid patterns and repeated names in a
// map.
func (c *compiler) constantFaults(tree *ast.AST) Faults {
	src := newSource(c.text, tree.SourceInfo(), c.options)
	var fs Faults
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.MapKind:
			seen := map[any]bool{}
			for _, entry := range e.AsMap().Entries() {
				key := entry.AsMapEntry().Key()
				if key.Kind() != ast.LiteralKind {
					continue
				}
				k, ok := value.Hashable(key.AsLiteral())
				if ok && seen[k] {
					fs = append(fs, src.at(src.start(key), src.wording(key), "the map has this name twice"))
				}
				seen[k] = true
			}
		case ast.CallKind:
			call := e.AsCall()
			if call.FunctionName() != "matches" {
				return
			}
			pattern := call.Args()[len(call.Args())-1]
			if s, ok := library.LiteralText(pattern); ok {
				if err := validPattern(s); err != nil {
					fs = append(fs, src.at(src.start(pattern), src.wording(pattern), "the pattern cannot be read: "+strings.TrimPrefix(err.Error(), "error parsing regexp: ")))
				}
			}
		}
	}))
	return fs[:min(len(fs), maxFaults)]
}
