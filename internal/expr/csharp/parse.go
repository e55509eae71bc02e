package csharp

import (
	"slices"
	"strings"

	"github.com/forgehook/forgehook"
)

// Limits of one source. CEL has its own, but its messages would be about translated text.
const (
	maxSource = 32 << 10
	maxDepth  = 40
	maxChain  = 60 // operators in a row, except +
)

// parser is a Pratt parser with one token of lookahead. After the first fault every token is the
// end.
type parser struct {
	lexer
	current token
	depth   int
}

func parse(source string) (*script, *problem) {
	if len(source) > maxSource {
		return nil, &problem{0, 0, "the code is too long: at most 32 KiB are translated"}
	}
	p := &parser{lexer: lexer{source: source}}
	p.advance()
	s := p.script()
	if p.fault != nil {
		return nil, p.fault
	}
	return s, nil
}

func (p *parser) advance() token {
	t := p.current
	p.current = p.token()
	return t
}

func (p *parser) refuse(at, end int, message string) {
	p.current = p.fail(at, end, message)
}

func (p *parser) is(text string) bool {
	return p.current.text == text && (p.current.kind == tokenOperator || p.current.kind == tokenName)
}

func (p *parser) take(text string) bool {
	if !p.is(text) {
		return false
	}
	p.advance()
	return true
}

func (p *parser) expect(text, why string) {
	if p.take(text) {
		return
	}
	if hint, ok := refusedWords[p.current.text]; ok && p.current.kind == tokenName {
		why = hint
	}
	if p.current.kind == tokenEnd {
		p.refuse(len(p.source), len(p.source), "the code ends too early: "+why)
		return
	}
	p.refuse(p.current.at, p.current.end, why)
}

// try runs f and goes back if f returns false.
func (p *parser) try(f func() bool) bool {
	saved := *p
	if f() && p.fault == nil {
		return true
	}
	*p = saved
	return false
}

// Binding powers of binary operators, loosest first.
var power = map[string]int{
	"??": 2, "||": 3, "&&": 4, "|": 5, "^": 6, "&": 7, "==": 8, "!=": 8, "<": 9, ">": 9, "<=": 9, ">=": 9, "is": 9, "as": 9, "<<": 10,
	"+": 11, "-": 11, "*": 12, "/": 12, "%": 12,
}

const ternaryPower = 1

var assignments = []string{"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "??=", "<<=", ">>="}

func (p *parser) expression() *node { return p.operators(0) }

// operators reads an expression whose operators bind tighter than least.
func (p *parser) operators(least int) *node {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		p.refuse(p.current.at, p.current.end, hintNested)
	}
	left := p.unary()
	for chained := 0; p.fault == nil; chained++ {
		op := p.current
		if chained > maxChain && op.text != "+" {
			p.refuse(op.at, op.end, hintNested)
			break
		}
		if op.kind == tokenOperator && slices.Contains(assignments, op.text) {
			p.refuse(op.at, op.end, hintAssignment)
			break
		}
		if op.text == "?" && op.kind == tokenOperator {
			if ternaryPower < least {
				break
			}
			p.advance()
			yes := p.operators(ternaryPower)
			p.expect(":", "condition ? value : other value needs its colon")
			no := p.operators(ternaryPower)
			left = &node{kind: nodeTernary, at: left.start(), end: no.end, x: left, args: []*node{yes, no}}
			continue
		}
		binds, ok := power[op.text]
		if !ok || op.kind != tokenOperator && op.kind != tokenName || binds < least || binds == least && op.text != "??" {
			break
		}
		p.advance()
		switch op.text {
		case "is":
			left = p.isNull(left)
			continue
		case "as":
			p.refuse(op.at, op.end, "as is not translated: members are known with their types")
			continue
		case "<<":
			p.refuse(op.at, op.end, "shifts are not translated: write * or /")
			continue
		}
		right := p.operators(binds)
		left = &node{kind: nodeBinary, at: left.start(), end: right.end, text: op.text, x: left, args: []*node{right}}
	}
	return left
}

func (p *parser) isNull(x *node) *node {
	n := &node{kind: nodeIsNull, at: x.start(), x: x}
	if p.take("not") {
		n.text = "not"
	}
	n.end = p.current.end
	p.expect("null", "the only patterns translated are is null and is not null: compare with == and &&")
	return n
}

func (p *parser) unary() *node {
	t := p.current
	if t.kind == tokenOperator {
		switch t.text {
		case "!", "-", "+", "~":
			if p.depth++; p.depth > maxDepth {
				p.refuse(t.at, t.end, hintNested)
			}
			p.advance()
			x := p.unary()
			p.depth--
			return &node{kind: nodeUnary, at: t.at, end: x.end, text: t.text, x: x}
		case "++", "--":
			p.refuse(t.at, t.end, hintAssignment)
		case "(":
			if cast := p.cast(); cast != nil {
				return cast
			}
		}
	}
	return p.postfix(p.primary())
}

// castTypes are the types of casts, besides enums.
var castTypes = []string{"int", "long", "double", "string", "bool", "object", "decimal", "float", "short", "byte", "uint", "ulong", "char", "DateTime", "String", "Int32", "Int64", "Double"}

func isEnum(name string) bool {
	return slices.ContainsFunc(forgehook.EnumTables(), func(t forgehook.EnumTable) bool { return t.Kind() == name })
}

// cast reads (type) operand. It returns nil if the parenthesis is no cast.
func (p *parser) cast() *node {
	open := p.current
	typ := ""
	found := p.try(func() bool {
		p.advance()
		t := p.advance()
		if t.kind != tokenName || !slices.Contains(castTypes, t.text) && !isEnum(t.text) {
			return false
		}
		typ = t.text
		if p.take("?") {
			typ += "?"
		}
		if !p.take(")") {
			return false
		}
		// (Name) - 1 is a subtraction, (int) - 1 a cast.
		switch next := p.current; next.kind {
		case tokenName:
			return !next.isOperatorWord()
		case tokenOperator:
			return next.text == "(" || next.text == "!" || next.text == "~" || next.text == "-" && !isEnum(t.text)
		case tokenEnd:
			return false
		}
		return true
	})
	if !found {
		return nil
	}
	if p.depth++; p.depth > maxDepth {
		p.refuse(open.at, open.end, hintNested)
	}
	x := p.unary()
	p.depth--
	return &node{kind: nodeCast, at: open.at, end: x.end, text: typ, x: x}
}

func (t token) isOperatorWord() bool { return t.text == "is" || t.text == "as" }

// postfix reads what follows an operand: members, calls, indexers, and ?. with everything after it.
func (p *parser) postfix(x *node) *node {
	for steps := 0; p.fault == nil; steps++ {
		if steps > 4*maxDepth {
			p.refuse(p.current.at, p.current.end, "the chain is too long: put parts of it into var name = ...; before the return")
		}
		t := p.current
		if t.kind != tokenOperator {
			return x
		}
		switch t.text {
		case ".":
			p.advance()
			x = p.member(x)
		case "(":
			p.advance()
			x = &node{kind: nodeCall, at: x.at, x: x, args: p.list(")")}
			x.end = p.ended()
		case "[":
			p.advance()
			x = &node{kind: nodeIndex, at: x.at, x: x, args: p.list("]")}
			x.end = p.ended()
		case "?.", "?[":
			p.depth++
			if p.depth > maxDepth {
				p.refuse(t.at, t.end, "the chain is too long: put parts of it into var name = ...; before the return")
			}
			p.advance()
			rest := &node{kind: nodeReceiver, at: x.start(), end: x.end}
			if t.text == "?." {
				rest = p.member(rest)
			} else {
				rest = &node{kind: nodeIndex, at: x.at, x: rest, args: p.list("]")}
				rest.end = p.ended()
			}
			rest = p.postfix(rest)
			p.depth--
			return &node{kind: nodeSafe, at: x.start(), end: rest.end, x: x, args: []*node{rest}}
		case "++", "--":
			p.refuse(t.at, t.end, hintAssignment)
		case "!":
			// The null-forgiving operator has no effect at run time.
			if next := strings.TrimLeft(p.source[p.next:], " "); next == "" || strings.IndexByte(".,;)}]", next[0]) < 0 {
				return x
			}
			p.advance()
		default:
			return x
		}
	}
	return x
}

// ended is the end of the last token taken, without white space.
func (p *parser) ended() int {
	return len(strings.TrimRight(p.source[:min(p.current.at, len(p.source))], " \t\r\n"))
}

func (p *parser) member(x *node) *node {
	t := p.current
	if t.kind != tokenName {
		p.refuse(t.at, max(t.end, t.at), "a member's name must follow the dot")
		return x
	}
	p.advance()
	return &node{kind: nodeMember, at: t.at, end: t.end, text: t.text, x: x}
}

// list reads expressions between commas up to the closing bracket.
func (p *parser) list(closing string) []*node {
	var args []*node
	for p.fault == nil && !p.is(closing) {
		args = append(args, p.expression())
		if !p.take(",") {
			break
		}
	}
	p.expect(closing, "write "+closing+" here")
	return args
}
