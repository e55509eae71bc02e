package csharp

import "strings"

// script reads declarations, logger lines, which it drops, and the result. A text without return is
// one expression, such as a URL.
func (p *parser) script() *script {
	s := &script{}
	p.otherLanguage()
	for p.fault == nil {
		t := p.current
		switch {
		case p.take(";"):
		case t.kind == tokenEnd:
			p.refuse(len(p.source), len(p.source), "nothing is returned: end with return and the body, such as return JsonSerializer.Serialize(new { doc.Id });")
		case t.text == "using" && t.kind == tokenName:
			p.using()
		case t.text == "logger" && t.kind == tokenName:
			s.dropped = append(s.dropped, p.logger())
		case t.text == "return" && t.kind == tokenName:
			p.advance()
			if p.is(";") {
				p.refuse(t.at, t.end, "nothing is returned: write the body after return")
			}
			s.result = p.expression()
			p.end()
			return s
		default:
			if d, ok := p.declaration(); ok {
				s.declared = append(s.declared, d)
				continue
			}
			s.result = p.expression()
			if p.is(";") {
				p.statement(s.result)
			}
			p.end()
			return s
		}
	}
	return s
}

// statement refuses an expression that is not the result. It would have an effect, which a body
// cannot have.
func (p *parser) statement(n *node) {
	if rest := strings.Trim(p.source[p.next:], "; \t\r\n"); rest == "" || strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "/*") {
		return
	}
	why := "only var name = ...; and logger lines may come before the return"
	for x := n; x != nil; x = x.x {
		if hint, ok := refusedClasses[x.text]; ok && x.kind == nodeName {
			why = hint
		}
	}
	p.refuse(n.at, n.end, why)
}

// end checks that nothing follows the result.
func (p *parser) end() {
	if p.take(";") {
		for p.take(";") {
		}
		if p.current.kind != tokenEnd {
			p.refuse(p.current.at, p.current.end, "nothing may follow: the code is var name = ...; lines and then one return")
		}
		return
	}
	if p.current.kind != tokenEnd {
		why := "an operator or ; is missing before this"
		if hint, ok := refusedWords[p.current.text]; ok && p.current.kind == tokenName {
			why = hint
		}
		p.refuse(p.current.at, p.current.end, why)
	}
}

// using skips a line such as using System.Text.Json;
func (p *parser) using() {
	start := p.advance()
	for p.fault == nil && !p.is(";") {
		if p.current.kind != tokenName && !p.is(".") {
			p.refuse(start.at, start.end, "the only using line allowed is using Some.Namespace;")
		}
		p.advance()
	}
	p.expect(";", "write ; here")
}

// logger skips logger.LogInformation(...); up to its closing bracket.
func (p *parser) logger() problem {
	start := p.current
	open := 0
	end := start.end
	for p.fault == nil {
		switch t := p.current; {
		case t.kind == tokenInterpolated:
			end = p.interpolated().end
			continue
		case t.kind == tokenEnd:
			p.refuse(start.at, start.end, "this line does not end: write ;")
		case t.text == "(":
			open++
		case t.text == ")":
			open--
		case t.text == ";" && open <= 0:
			p.advance()
			return problem{start.at, end, "the log line is omitted: a request has no log"}
		}
		end = p.current.end
		p.advance()
	}
	return problem{}
}

// declaration reads var name = value; or one with a type.
func (p *parser) declaration() (declaration, bool) {
	d := declaration{}
	if !p.try(func() bool {
		typ := p.advance()
		d.typ = typ.text
		if typ.kind != tokenName {
			return false
		}
		if p.take("?") {
			d.typ += "?"
		}
		t := p.advance()
		d.name, d.at, d.end = strings.TrimPrefix(t.text, "@"), t.at, t.end
		return t.kind == tokenName && !typ.isStatement() && (p.is("=") || p.is(";"))
	}) {
		return d, false
	}
	if p.is(";") {
		p.refuse(d.at, d.end, "a variable needs its value at once: var "+d.name+" = ...;")
		return d, true
	}
	p.advance()
	d.x = p.expression()
	p.expect(";", "write ; after the value of "+d.name)
	return d, true
}

// isStatement reports whether a word starts a statement that is no declaration.
func (t token) isStatement() bool {
	_, refused := refusedWords[t.text]
	return refused && t.text != "var" || t.text == "return" || t.text == "new"
}

// otherLanguage recognises the platform's other script languages by their first words.
func (p *parser) otherLanguage() {
	first := p.current
	if first.kind != tokenName {
		return
	}
	line, _, _ := strings.Cut(p.source[first.at:], "\n")
	words := strings.Fields(line)
	language := ""
	switch words[0] {
	case "Return", "Dim", "Imports", "Function", "Sub", "If", "Module":
		language = "Visual Basic"
	case "let", "open":
		language = "F#"
	case "import", "from", "def", "print", "f":
		language = "Python"
	}
	if strings.HasPrefix(line, `f"`) || strings.HasPrefix(line, "return {") || strings.HasPrefix(line, `return f"`) || strings.HasPrefix(line, "return None") {
		language = "Python"
	}
	if language == "" || language == "Python" && words[0] == "f" && !strings.HasPrefix(line, `f"`) {
		return
	}
	p.refuse(first.at, first.end, "this looks like "+language+": only C# is translated. Write an expression, such as {\"id\": doc.id}, with webHook.bodyKind \"expression\"")
}
