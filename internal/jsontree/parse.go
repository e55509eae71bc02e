package jsontree

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits bound a tree. A zero limit leaves only [maxDepth].
type Limits struct {
	Depth  int // of nested lists and objects
	Values int // in total
}

// maxDepth is the absolute limit of nesting, as in encoding/json.
const maxDepth = 10_000

// ErrDepth and ErrValues say that JSON exceeds its limits.
var (
	ErrDepth  = errors.New("too many levels")
	ErrValues = errors.New("too many values")
)

// SyntaxError says why a text is not exactly one JSON value in UTF-8.
type SyntaxError struct {
	Offset int    // of the wrong byte; the text's length if it ends too early
	Reason string // may quote a character of the text
	where  string
}

// Error returns the reason and, if known, line and column in characters from 1.
func (e *SyntaxError) Error() string { return e.Reason + e.where }

// Check returns the fault of a text, or nil if it is exactly one JSON value in UTF-8.
func Check(data []byte) *SyntaxError {
	switch {
	case !utf8.Valid(data):
		return &SyntaxError{Reason: "it is not UTF-8"}
	case json.Valid(data):
		return nil
	case len(bytes.TrimSpace(data)) == 0:
		return &SyntaxError{Offset: len(data), Reason: "it is empty"}
	}
	syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(data, new(json.RawMessage)))
	if !ok { // invalid JSON has a syntax error
		return &SyntaxError{Reason: "it cannot be read"}
	}
	// encoding/json counts the wrong byte too.
	e := &SyntaxError{Offset: max(0, int(syntax.Offset)-1), Reason: syntax.Error()}
	before := data[:min(e.Offset, len(data))]
	start := bytes.LastIndexByte(before, '\n') + 1
	e.where = fmt.Sprintf(", line %d, column %d", bytes.Count(before, []byte("\n"))+1, utf8.RuneCount(before[start:])+1)
	if strings.HasPrefix(e.Reason, "unexpected end") {
		e.Offset = len(data)
	}
	return e
}

// Parse reads exactly one JSON value. The error is a *[SyntaxError].
func Parse(data []byte) (*Node, error) { return ParseWithin(data, Limits{}) }

// ParseWithin is Parse within limits. The error is a *[SyntaxError], [ErrDepth] or [ErrValues].
func ParseWithin(data []byte, limits Limits) (*Node, error) {
	p := parser{text: string(data), limits: limits}
	if p.limits.Depth == 0 {
		p.limits.Depth = maxDepth
	}
	root := p.node()
	if utf8.ValidString(p.text) && p.value(root, 0) {
		if p.space(); p.at == len(p.text) {
			return root, nil
		}
	}
	if p.crowded {
		return nil, ErrValues
	}
	if fault := Check(data); fault != nil {
		return nil, fault
	}
	return nil, ErrDepth
}

// parser reads a text once. Its methods return false where the text is not JSON or exceeds the
// limits.
type parser struct {
	text    string
	at      int
	limits  Limits
	values  int
	crowded bool   // over the limit of values
	free    []Node // allocated, not used yet
}

// node returns a new node. It allocates many at once.
func (p *parser) node() *Node {
	if len(p.free) == 0 {
		p.free = make([]Node, min(max(8, 2*p.values), 1024))
	}
	n := &p.free[0]
	p.free = p.free[1:]
	p.values++
	return n
}

// space skips white space.
func (p *parser) space() {
	for ; p.at < len(p.text); p.at++ {
		if c := p.text[p.at]; c > ' ' || c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return
		}
	}
}

// next consumes the byte c if it comes next.
func (p *parser) next(c byte) bool {
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) value(n *Node, depth int) bool {
	if p.limits.Values > 0 && p.values > p.limits.Values {
		p.crowded = true
		return false
	}
	p.space()
	start, ok := p.at, false
	if start == len(p.text) {
		return false
	}
	switch p.text[start] {
	case '{':
		n.kind = Object
		return p.below(n, '}', depth+1)
	case '[':
		n.kind = List
		return p.below(n, ']', depth+1)
	case '"':
		n.kind, ok = String, p.quoted()
	case 't':
		n.kind, ok = Bool, p.word("true")
	case 'f':
		n.kind, ok = Bool, p.word("false")
	case 'n':
		n.kind, ok = Null, p.word("null")
	default:
		n.kind, ok = Number, p.number()
	}
	n.raw = p.text[start:p.at]
	return ok
}

// below reads the members or items of n up to the closing bracket.
func (p *parser) below(n *Node, closing byte, depth int) bool {
	if depth > p.limits.Depth {
		return false
	}
	p.at++
	if p.space(); p.next(closing) {
		return true
	}
	for {
		child := p.node()
		if n.kind == Object && !p.name(child) || !p.value(child, depth) {
			return false
		}
		n.link(child)
		if p.space(); p.next(closing) {
			return true
		}
		if !p.next(',') {
			return false
		}
	}
}

// name reads a member's name and colon.
func (p *parser) name(n *Node) bool {
	p.space()
	start := p.at
	if !p.quoted() {
		return false
	}
	n.key = p.text[start:p.at]
	p.space()
	return p.next(':')
}

func (p *parser) word(w string) bool {
	if strings.HasPrefix(p.text[p.at:], w) {
		p.at += len(w)
		return true
	}
	return false
}

// quoted reads a string.
func (p *parser) quoted() bool {
	if !p.next('"') {
		return false
	}
	for p.at < len(p.text) {
		c := p.text[p.at]
		p.at++
		switch {
		case c == '"':
			return true
		case c < ' ':
			return false
		case c == '\\' && !p.escape():
			return false
		}
	}
	return false
}

// escape reads what follows a backslash.
func (p *parser) escape() bool {
	if p.at == len(p.text) {
		return false
	}
	c := p.text[p.at]
	p.at++
	if c != 'u' {
		return strings.IndexByte(`"\/bfnrt`, c) >= 0
	}
	if _, ok := hexRune(p.text[p.at:]); !ok {
		return false
	}
	p.at += 4
	return true
}

func (p *parser) number() bool {
	p.next('-')
	if !p.next('0') && !p.digits() {
		return false
	}
	if p.next('.') && !p.digits() {
		return false
	}
	if p.next('e') || p.next('E') {
		if !p.next('+') {
			p.next('-')
		}
		return p.digits()
	}
	return true
}

// digits reads one digit or more.
func (p *parser) digits() bool {
	start := p.at
	for p.at < len(p.text) && '0' <= p.text[p.at] && p.text[p.at] <= '9' {
		p.at++
	}
	return p.at > start
}
