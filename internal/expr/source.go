package expr

import (
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"

	"github.com/forgehook/forgehook"
)

// source is a text with its syntax tree. It finds positions and wordings of expressions.
type source struct {
	runes []rune
	info  *ast.SourceInfo
	options
}

func newSource(text string, info *ast.SourceInfo, o options) *source {
	return &source{[]rune(text), info, o}
}

// at makes a fault at an offset in characters.
func (s *source) at(offset int, text, message string) Fault {
	offset = max(0, min(offset, len(s.runes)))
	line, column := 1, 1
	for _, r := range s.runes[:offset] {
		if r == '\n' {
			line, column = line+1, 1
		} else {
			column++
		}
	}
	return s.shift(Fault{Line: line, Column: column, Text: forgehook.Shorten(text, 60), Message: message})
}

// shift moves a fault to its position in a longer text.
func (o options) shift(f Fault) Fault {
	if f.Line == 1 {
		f.Column += o.column - 1
	}
	f.Line += o.line - 1
	return f
}

// offsetOf returns the position of a node: its operator, dot or opening bracket. -1 means unknown.
func (s *source) offsetOf(id int64) int {
	r, ok := s.info.GetOffsetRange(id)
	if !ok {
		return -1
	}
	return int(r.Start)
}

// start is the position of an expression's first character.
func (s *source) start(e ast.Expr) int {
	first := e
	for {
		next := s.leftOperand(first)
		if next == nil {
			break
		}
		first = next
	}
	offset := s.offsetOf(first.ID())
	if first.Kind() == ast.CallKind && !isOperator(first.AsCall().FunctionName()) {
		return s.nameBefore(offset)
	}
	return max(0, offset)
}

// leftOperand returns the operand to the left of a node's sign.
func (s *source) leftOperand(e ast.Expr) ast.Expr {
	e = s.written(e)
	switch e.Kind() {
	case ast.SelectKind:
		return e.AsSelect().Operand()
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			return call.Target()
		}
		switch name := call.FunctionName(); name {
		case operators.LogicalNot, operators.Negate:
			return nil
		default:
			if isOperator(name) && len(call.Args()) > 0 {
				return call.Args()[0]
			}
		}
	}
	return nil
}

// written returns the macro call, as written, that made an expression.
func (s *source) written(e ast.Expr) ast.Expr {
	if call, ok := s.info.GetMacroCall(e.ID()); ok {
		return call
	}
	return e
}

func isOperator(function string) bool {
	return strings.ContainsAny(function, "_!-@") && !strings.ContainsAny(function[:1], "abcdefghijklmnopqrstuvwxyz")
}

// nameBefore is the start of the function name before an opening bracket.
func (s *source) nameBefore(offset int) int {
	i := min(max(offset, 0), len(s.runes))
	for i > 0 && isSpace(s.runes[i-1]) {
		i--
	}
	for i > 0 && (isNameRune(s.runes[i-1]) || s.runes[i-1] == '.') {
		i--
	}
	return i
}

// name is the start of the name of the member or function that a node uses.
func (s *source) name(e ast.Expr) int {
	e = s.written(e)
	offset := s.offsetOf(e.ID())
	switch e.Kind() {
	case ast.SelectKind:
		return s.after(offset)
	case ast.CallKind:
		switch call := e.AsCall(); {
		case call.FunctionName() == operators.OptSelect:
			return s.after(offset)
		case isOperator(call.FunctionName()):
			return s.start(e)
		default:
			at := s.nameBefore(offset)
			for i := offset - 1; i >= at; i-- { // only the last part of a.b.c(
				if s.runes[i] == '.' {
					return i + 1
				}
			}
			return at
		}
	}
	return max(0, offset)
}

// after skips the sign of a member access and space after it.
func (s *source) after(offset int) int {
	i := max(offset, 0)
	for i < len(s.runes) && (s.runes[i] == '.' || s.runes[i] == '?' || isSpace(s.runes[i])) {
		i++
	}
	return i
}

func isSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' }

func isNameRune(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// wording writes an expression as text: a member chain as written, everything else in CEL's layout.
func (s *source) wording(e ast.Expr) string {
	text, err := parser.Unparse(e, s.info)
	if err != nil {
		return ""
	}
	return strings.Join(strings.Fields(text), " ")
}

// typeWords names a type in words.
func typeWords(t *types.Type) string {
	if t == nil {
		return "something"
	}
	switch t.Kind() {
	case types.StringKind:
		return "a string"
	case types.IntKind, types.UintKind:
		return "an int"
	case types.DoubleKind:
		return "a double"
	case types.BoolKind:
		return "a bool"
	case types.BytesKind:
		return "bytes"
	case types.TimestampKind:
		return "a timestamp"
	case types.DurationKind:
		return "a duration"
	case types.NullTypeKind:
		return "null"
	case types.ListKind:
		return "a list"
	case types.MapKind:
		return "a map"
	case types.StructKind:
		return "a " + t.TypeName()
	case types.TypeKind:
		return "a type"
	case types.DynKind, types.AnyKind:
		return "any value"
	}
	if isOptional(t) {
		return "an optional value"
	}
	return t.TypeName()
}

func isOptional(t *types.Type) bool {
	return t.Kind() == types.OpaqueKind && t.TypeName() == "optional_type"
}
