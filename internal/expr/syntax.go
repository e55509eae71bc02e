package expr

import (
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
)

// syntaxFaults rewords the parser's messages. Each position keeps its first fault, because later
// ones are mostly consequences.
func (c *compiler) syntaxFaults(issues *cel.Issues) Faults {
	var fs Faults
	for _, e := range issues.Errors() {
		line, column := e.Location.Line(), e.Location.Column()
		if len(fs) > 0 && strings.HasPrefix(e.Message, "Syntax error") {
			continue
		}
		text, message := c.syntaxWords(line, column, e.Message)
		fs = append(fs, c.fault(line, max(column, 0), text, message))
	}
	return fs[:min(len(fs), maxFaults)]
}

// rest is the text from a position on.
func (c *compiler) rest(line, column int) string {
	lines := strings.Split(c.text, "\n")
	if line < 1 || line > len(lines) {
		return ""
	}
	runes := []rune(lines[line-1])
	if column < 0 || column > len(runes) {
		return ""
	}
	return string(runes[column:])
}

// before is the line's text up to a position.
func (c *compiler) before(line, column int) string {
	lines := strings.Split(c.text, "\n")
	if line < 1 || line > len(lines) {
		return ""
	}
	runes := []rune(lines[line-1])
	return string(runes[:max(0, min(column, len(runes)))])
}

const optionalMember = `write .? for a member that may be absent: doc.?comment.orValue("")`

// habits from SQL, JavaScript or the platform's scripts, and what to write instead. at matches the
// text at the fault, before the text that ends there.
var habits = []struct {
	before, at *regexp.Regexp
	message    string
}{
	{nil, regexp.MustCompile(`^\\["']`), `an expression takes quotes without a backslash: write ' instead`},
	{regexp.MustCompile(`\?$`), regexp.MustCompile(`^\?`), `?? does not exist here: coalesce(a, b) gives the first that is not null`},
	{nil, regexp.MustCompile(`^\?\?`), `?? does not exist here: coalesce(a, b) gives the first that is not null`},
	{regexp.MustCompile(`\?$`), regexp.MustCompile(`^\.`), optionalMember},
	{nil, regexp.MustCompile(`^\?\.`), optionalMember},
	{nil, regexp.MustCompile(`^=>`), `write a loop as list.map(x, ...), list.filter(x, ...) or list.exists(x, ...)`},
	{nil, regexp.MustCompile(`^=([^=]|$)`), `write == to compare`},
	{regexp.MustCompile(`==$`), regexp.MustCompile(`^=`), `write == to compare`},
	{nil, regexp.MustCompile(`(?i)^and\b`), `write && for and`},
	{nil, regexp.MustCompile(`(?i)^or\b`), `write || for or`},
	{regexp.MustCompile(`(?i)\bnot\s+$`), nil, `write ! for not`},
	{nil, regexp.MustCompile(`^<>`), `write != for not equal`},
	{regexp.MustCompile(`<$`), regexp.MustCompile(`^>`), `write != for not equal`},
	{nil, regexp.MustCompile(`(?i)^is\s+(not\s+)?null`), `write == null or != null`},
	{nil, regexp.MustCompile(`^;`), `an expression has no ; at its end`},
	{nil, regexp.MustCompile(`^&([^&]|$)`), `write && for and`},
	{nil, regexp.MustCompile(`^\|([^|]|$)`), `write || for or`},
	{nil, regexp.MustCompile(`^\$@?"`), `a text with $ before it is none here: texts are joined with +`},
	{nil, regexp.MustCompile("^`"), "write a text in \" or '"},
	{regexp.MustCompile(`^\s*return\s$|^\s*(new|var|let|const)\s+$`), nil, `an expression is one value, without statements`},
	{nil, regexp.MustCompile(`^["']`), `the text that begins here has no end`},
}

func (c *compiler) syntaxWords(line, column int, message string) (text, words string) {
	rest, before := c.rest(line, column), c.before(line, column)
	text = firstToken(rest)
	for _, h := range habits {
		if (h.before == nil || h.before.MatchString(before)) && (h.at == nil || h.at.MatchString(rest)) {
			return text, h.message
		}
	}
	if strings.HasPrefix(message, "invalid argument to has() macro") {
		return text, `has() takes a member, such as has(doc.comment): for a key that is calculated write "k in row"`
	}
	if m := reservedWord.FindStringSubmatch(message); m != nil {
		return m[1], "this is a reserved word: an expression is one value, without statements"
	}
	switch {
	case strings.Contains(message, "<EOF>") && strings.TrimSpace(rest) == "" && chained.MatchString(c.text):
		return "", optionalMember
	case strings.Contains(message, "<EOF>") && strings.TrimSpace(rest) == "":
		return "", "the expression ends too early: something is missing at its end, such as ) ] } or a value"
	case strings.Contains(message, "recursion") || strings.Contains(message, "nesting"):
		return "", "the expression is nested too deeply"
	case strings.Contains(message, "size exceeds") || strings.Contains(message, "count exceeds"):
		return "", "the expression is too long"
	case strings.Contains(message, "Syntax error"):
		return text, "this cannot stand here"
	}
	return text, plainWords(message)
}

var (
	reservedWord = regexp.MustCompile(`^(?:Syntax error: )?reserved identifier: (\w+)`)
	chained      = regexp.MustCompile(`[\w)\]]\?\.[A-Za-z_]`) // a?.b, which reads as the start of a ? b : c
)

var tokenPattern = regexp.MustCompile(`^(?:[A-Za-z_][A-Za-z0-9_.]*|[0-9][0-9A-Za-z.]*|"[^"]*"?|'[^']*'?|[^\sA-Za-z0-9]{1,2})`)

func firstToken(rest string) string { return tokenPattern.FindString(rest) }

// plainWords serves messages without a wording of their own. It drops what concerns CEL's
// internals.
func plainWords(message string) string {
	message = strings.TrimPrefix(message, "Syntax error: ")
	message = strings.TrimPrefix(message, "ERROR: ")
	message = strings.ReplaceAll(message, "wrapper(", "(")
	return strings.TrimSuffix(message, ".")
}
