package expr

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/forgehook/forgehook"
)

// Template is literal text with expressions between {{ and }}.
type Template struct{ Parts []TemplatePart }

// TemplatePart is a piece of literal text or an expression.
type TemplatePart struct {
	Literal      string
	Expr         *Program // nil for literal text
	Start, End   int      // byte offsets in the template; braces included
	Line, Column int      // the start of the part, in characters from 1
}

// ParseTemplate finds and compiles the expressions of a text. "{{{{" is a literal "{{". "}}"
// outside an expression is literal. The error is [Faults], with positions in the template.
func ParseTemplate(scope Scope, text string, opts ...Option) (*Template, error) {
	o := options{line: 1, column: 1}
	for _, opt := range opts {
		opt(&o)
	}
	p := templateParser{scope: scope, text: text, options: o, opts: opts, programs: map[string]*Program{}}
	for p.next() {
	}
	if len(p.faults) > 0 {
		return nil, p.faults[:min(len(p.faults), maxFaults)]
	}
	return &Template{p.parts}, nil
}

type templateParser struct {
	scope    Scope
	text     string
	opts     []Option
	pos      int
	parts    []TemplatePart
	faults   Faults
	count    int                 // of expressions
	programs map[string]*Program // by their text
	options
	seenTo, seenLine, seenColumn int // how far lines and columns are counted
}

// maxExpressions bounds the expressions of one template.
const maxExpressions = 500

const (
	openMark  = "{{"
	closeMark = "}}"
)

// next reads one part. It reports whether more may follow.
func (p *templateParser) next() bool {
	if p.pos >= len(p.text) || len(p.faults) >= maxFaults {
		return false
	}
	start := p.pos
	literal, found := p.literal()
	if literal != "" {
		line, column := p.position(start)
		p.parts = append(p.parts, TemplatePart{Literal: literal, Start: start, End: p.pos, Line: line, Column: column})
	}
	if !found {
		return false
	}
	p.expression()
	return true
}

// literal reads text up to an expression or the end.
func (p *templateParser) literal() (text string, found bool) {
	var b strings.Builder
	for p.pos < len(p.text) {
		i := strings.Index(p.text[p.pos:], openMark)
		if i < 0 {
			b.WriteString(p.text[p.pos:])
			p.pos = len(p.text)
			break
		}
		b.WriteString(p.text[p.pos : p.pos+i])
		p.pos += i
		if !strings.HasPrefix(p.text[p.pos:], openMark+openMark) {
			return b.String(), true
		}
		b.WriteString(openMark)
		p.pos += 2 * len(openMark)
	}
	return b.String(), false
}

// expression reads from {{ to its }}.
func (p *templateParser) expression() {
	start := p.pos
	line, column := p.position(start)
	inner := start + len(openMark)
	end, ok := expressionEnd(p.text, inner)
	if !ok {
		message := "this {{ has no }}; write {{{{ for a literal {{"
		if rest := p.text[inner:]; strings.Contains(rest, closeMark) && strings.Contains(rest, `\"`) {
			message = "this {{ has no }}: an expression takes quotes without a backslash, write ' instead"
		}
		p.fault(line, column, p.text[start:min(len(p.text), start+40)], message)
		p.pos = len(p.text)
		return
	}
	p.pos = end + len(closeMark)
	source := p.text[inner:end]
	trimmed := strings.TrimLeft(source, " \t\r\n")
	if strings.TrimSpace(trimmed) == "" {
		p.fault(line, column, p.text[start:p.pos], "there is no expression between {{ and }}")
		return
	}
	if p.count++; p.count > maxExpressions {
		p.fault(line, column, p.text[start:p.pos], fmt.Sprintf("a template has at most %d expressions: write the rest as one, with map and join", maxExpressions))
		p.pos = len(p.text)
		return
	}
	exprLine, exprColumn := p.position(inner + len(source) - len(trimmed))
	program, err := p.compile(strings.TrimRight(trimmed, " \t\r\n"), exprLine, exprColumn)
	if err != nil {
		faults, ok := errors.AsType[Faults](err)
		if !ok {
			faults = Faults{{Line: exprLine, Column: exprColumn, Message: err.Error()}}
		}
		p.faults = append(p.faults, faults...)
		return
	}
	p.parts = append(p.parts, TemplatePart{Expr: program, Start: start, End: p.pos, Line: line, Column: column})
}

// compile compiles each text once, however often it occurs.
func (p *templateParser) compile(text string, line, column int) (*Program, error) {
	if known := p.programs[text]; known != nil {
		return known.at(line, column), nil
	}
	program, err := Compile(p.scope, AnyResult, text, append(p.opts[:len(p.opts):len(p.opts)], At(line, column))...)
	if err == nil {
		p.programs[text] = program
	}
	return program, err
}

func (p *templateParser) fault(line, column int, text, message string) {
	p.faults = append(p.faults, Fault{Line: line, Column: column, Text: forgehook.Shorten(text, 60), Message: message})
}

// position counts lines and columns up to an offset, starting at the last position.
func (p *templateParser) position(offset int) (line, column int) {
	if p.seenLine == 0 {
		p.seenLine, p.seenColumn = p.line, p.column
	}
	for p.seenTo < offset {
		r, size := utf8.DecodeRuneInString(p.text[p.seenTo:])
		p.seenTo += size
		if r == '\n' {
			p.seenLine, p.seenColumn = p.seenLine+1, 1
		} else {
			p.seenColumn++
		}
	}
	return p.seenLine, p.seenColumn
}

// expressionEnd finds the }} that ends an expression: one outside its texts, comments, maps, lists
// and calls.
func expressionEnd(text string, from int) (end int, ok bool) {
	depth := 0
	for i := from; i < len(text); {
		switch c := text[i]; {
		case c == '"' || c == '\'':
			if i, ok = stringEnd(text, i, isRaw(text[from:i])); !ok {
				return 0, false
			}
			continue
		case c == '/' && strings.HasPrefix(text[i:], "//"):
			if n := strings.IndexByte(text[i:], '\n'); n >= 0 {
				i += n
				continue
			}
			return commentEnd(text, i)
		case c == '{':
			depth++
		case c == '}' && depth > 0:
			depth--
		case c == '}' && strings.HasPrefix(text[i:], closeMark):
			return i, true
		}
		i++
	}
	return 0, false
}

// isRaw reports whether the letters before a quote start a raw string: r, br or rb that do not end
// a name.
func isRaw(before string) bool {
	name := strings.ToLower(before[len(strings.TrimRightFunc(before, isNameRune)):])
	return name == "r" || name == "br" || name == "rb"
}

// commentEnd ends a comment on the template's last line at the }} of the expression.
func commentEnd(text string, from int) (end int, ok bool) {
	n := strings.Index(text[from:], closeMark)
	return from + n, n >= 0
}

// stringEnd returns the offset after a CEL string: in single or triple quotes, raw or with escapes.
func stringEnd(text string, at int, raw bool) (end int, ok bool) {
	quote := text[at : at+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(text[at:], triple) {
		quote = triple
	}
	for i := at + len(quote); i < len(text); i++ {
		switch {
		case text[i] == '\\' && !raw:
			i++
		case text[i] == '\n' && len(quote) == 1:
			return 0, false
		case strings.HasPrefix(text[i:], quote):
			return i + len(quote), true
		}
	}
	return 0, false
}
