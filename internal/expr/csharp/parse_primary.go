package csharp

import (
	"slices"
	"strconv"
	"strings"
)

func (p *parser) primary() *node {
	t := p.current
	n := &node{at: t.at, end: t.end, text: t.text, value: t.value, long: t.long}
	switch t.kind {
	case tokenInt:
		n.kind = nodeInt
	case tokenReal:
		n.kind = nodeReal
	case tokenString:
		n.kind = nodeString
	case tokenChar:
		n.kind = nodeChar
	case tokenInterpolated:
		return p.interpolated()
	case tokenName:
		return p.nameOrKeyword()
	case tokenOperator:
		if t.text == "(" {
			return p.parenthesis()
		}
		p.refuse(t.at, t.end, "a value is missing here")
		return n
	default:
		p.refuse(t.at, t.end, "the code ends too early: a value is missing here")
		return n
	}
	p.advance()
	return n
}

func (p *parser) parenthesis() *node {
	open := p.current
	parameter := ""
	if p.try(func() bool {
		p.advance()
		t := p.advance()
		parameter = t.text
		return t.kind == tokenName && p.take(")") && p.take("=>")
	}) {
		return p.lambda(open.at, parameter)
	}
	p.advance()
	x := p.expression()
	if p.is(",") {
		p.refuse(p.current.at, p.current.end, "tuples and lambdas with several parameters are not translated")
	}
	p.expect(")", "write ) here")
	inner := *x
	inner.at, inner.end = open.at, p.ended()
	return &inner
}

func (p *parser) lambda(at int, parameter string) *node {
	if p.is("{") {
		p.refuse(p.current.at, p.current.end, "lambdas with statements are not translated: write one expression after =>")
	}
	body := p.expression()
	return &node{kind: nodeLambda, at: at, end: body.end, text: parameter, x: body}
}

func (p *parser) nameOrKeyword() *node {
	t := p.current
	n := &node{at: t.at, end: t.end, text: t.text}
	switch t.text {
	case "true", "false":
		n.kind, n.value = nodeBool, t.text == "true"
	case "null":
		n.kind = nodeNull
	case "new":
		return p.newObject()
	default:
		if hint, ok := refusedWords[t.text]; ok {
			p.refuse(t.at, t.end, hint)
			return n
		}
		n.kind, n.text = nodeName, strings.TrimPrefix(t.text, "@")
	}
	p.advance()
	if n.kind == nodeName && p.take("=>") {
		return p.lambda(t.at, n.text)
	}
	if n.kind == nodeName && p.current.kind == tokenName && p.current.text == "switch" {
		p.refuse(p.current.at, p.current.end, refusedWords["switch"])
	}
	return n
}

// newObject reads new { ... }, new[] { ... } and new type[] { ... }.
func (p *parser) newObject() *node {
	start := p.advance()
	switch {
	case p.is("{"):
		return p.anonymous(start.at)
	case p.take("["):
		p.expect("]", "write new[] { ... }")
		return p.array(start.at, "")
	case p.current.kind == tokenName:
		typ := p.advance()
		if p.take("[") {
			p.expect("]", "write new[] { ... } with the values")
			return p.array(start.at, typ.text)
		}
		hint := "objects of classes are not made: write new { Name = value }"
		if h, ok := refusedClasses[typ.text]; ok {
			hint = h
		}
		p.refuse(start.at, typ.end, hint)
	default:
		p.refuse(start.at, start.end, "write new { Name = value } or new[] { value }")
	}
	return &node{kind: nodeNull, at: start.at, end: start.end}
}

func (p *parser) array(at int, typ string) *node {
	n := &node{kind: nodeArray, at: at, text: typ}
	p.expect("{", "write the values: new[] { a, b }")
	n.args = p.list("}")
	n.end = p.ended()
	return n
}

func (p *parser) anonymous(at int) *node {
	n := &node{kind: nodeAnonymous, at: at}
	p.advance()
	for p.fault == nil && !p.is("}") {
		first := p.current
		given := ""
		if p.try(func() bool {
			t := p.advance()
			given = strings.TrimPrefix(t.text, "@")
			return t.kind == tokenName && p.take("=")
		}) {
			n.names = append(n.names, name{given, first.at, first.end})
			n.args = append(n.args, p.expression())
		} else {
			x := p.expression()
			inferred := x
			for inferred.kind == nodeSafe {
				inferred = inferred.args[0]
			}
			if p.fault == nil && inferred.kind != nodeMember && inferred.kind != nodeName {
				p.refuse(x.at, x.end, "this member has no name: write Name = value")
			}
			n.names = append(n.names, name{inferred.text, x.at, x.end})
			n.args = append(n.args, x)
		}
		last := n.names[len(n.names)-1]
		if slices.ContainsFunc(n.names[:len(n.names)-1], func(o name) bool { return o.text == last.text }) {
			p.refuse(last.at, last.end, "the object has a member of this name already")
		}
		if !p.take(",") {
			break
		}
	}
	p.expect("}", "write } or a comma here")
	n.end = p.ended()
	return n
}

// interpolated reads $"..." with its expressions. The lexer is after the opening quote.
func (p *parser) interpolated() *node {
	open := p.current
	n := &node{kind: nodeInterpolated, at: open.at}
	if p.depth++; p.depth > maxDepth {
		p.refuse(open.at, open.end, hintNested)
	}
	defer func() { p.depth-- }()
	var b strings.Builder
	for p.fault == nil {
		if p.next >= len(p.source) {
			p.refuse(open.at, open.end, `this string does not end: write "`)
			break
		}
		rest := p.source[p.next:]
		c := rest[0]
		switch {
		case strings.HasPrefix(rest, "{{") || strings.HasPrefix(rest, "}}") || open.verbatim && strings.HasPrefix(rest, `""`):
			b.WriteByte(c)
			p.next += 2
		case c == '"':
			p.next++
			if b.Len() > 0 || len(n.parts) == 0 {
				n.parts = append(n.parts, part{literal: b.String()})
			}
			n.end = p.next
			p.advance()
			return n
		case c == '{':
			if b.Len() > 0 {
				n.parts = append(n.parts, part{literal: b.String()})
				b.Reset()
			}
			p.next++
			n.parts = append(n.parts, p.hole(open.verbatim))
		case c == '}':
			p.refuse(p.next, p.next+1, "write a closing brace in $\"...\" as }}")
		case !open.verbatim && (c == '\n' || c == '\r'):
			p.refuse(open.at, p.next, `this string does not end in its line: write " or use $@"..."`)
		case !open.verbatim && c == '\\':
			size, text := p.escape(p.next)
			if size == 0 {
				p.refuse(0, 0, "")
				break
			}
			b.WriteString(text)
			p.next += size
		default:
			b.WriteByte(c)
			p.next++
		}
	}
	return n
}

// hole reads {expression,alignment:format}. The lexer is after the opening brace.
func (p *parser) hole(verbatim bool) part {
	p.advance()
	if p.is("}") {
		p.refuse(p.current.at-1, p.current.end, "write an expression between the braces; {{ and }} are braces of the text")
	}
	h := part{x: p.operators(ternaryPower + 1)}
	if p.is("?") {
		p.refuse(p.current.at, p.current.end, "a ternary inside {...} needs parentheses: {(a ? b : c)}")
	}
	if p.take(",") {
		sign := 1
		if p.take("-") {
			sign = -1
		}
		width, ok := p.current.value.(int64)
		if !ok || width > 1000 {
			p.refuse(p.current.at, p.current.end, "the alignment is a whole number of at most 1000: {value,8} or {value,-8}")
		}
		h.align = sign * int(width)
		p.advance()
	}
	if p.is(":") {
		h.formatAt, h.hasFormat = p.next, true
		end := p.next
		for end < len(p.source) && p.source[end] != '}' && p.source[end] != '"' && p.source[end] != '{' {
			end++
		}
		if end >= len(p.source) || p.source[end] != '}' || strings.HasPrefix(p.source[end:], "}}") && !p.closesHere(end) {
			p.refuse(p.current.at, min(end+1, len(p.source)), "a format ends with the brace and holds no brace or quote")
			return h
		}
		h.format = p.source[h.formatAt:end]
		if !verbatim && strings.Contains(h.format, `\`) {
			unquoted, err := strconv.Unquote(`"` + h.format + `"`)
			if err != nil {
				p.refuse(h.formatAt, end, `write a backslash in a format as \\`)
				return h
			}
			h.format = unquoted
		}
		if h.format == "" {
			p.refuse(p.current.at, p.current.end, "write a format after the colon")
		}
		p.next = end + 1
		return h
	}
	if !p.is("}") {
		p.refuse(p.current.at, max(p.current.end, p.current.at), "write } here")
		return h
	}
	return h
}

// closesHere reports whether the first of two closing braces ends the hole. C# reads both as an
// escaped brace of the format, which nobody means. So only }}} is in doubt.
func (p *parser) closesHere(end int) bool {
	return !strings.HasPrefix(p.source[end:], "}}}")
}
