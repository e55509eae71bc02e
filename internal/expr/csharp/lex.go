package csharp

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenInt    // value is int64, suffix L makes it long
	tokenReal   // value is float64
	tokenString // value is the string
	tokenChar
	tokenInterpolated // the start of $"; the parser reads the rest
	tokenOperator
)

type token struct {
	kind     tokenKind
	text     string // as written
	at, end  int    // byte offsets
	value    any
	long     bool // 5L
	verbatim bool // $@"
}

// lexer reads one token at a time, because an interpolated string can be read only together with
// its expressions.
type lexer struct {
	source string
	next   int
	fault  *problem
}

// problem is an error at byte offsets of the code.
type problem struct {
	at, end int
	message string
}

func (l *lexer) fail(at, end int, message string) token {
	if l.fault == nil {
		l.fault = &problem{at, max(end, at), message}
	}
	return token{kind: tokenEnd, at: len(l.source), end: len(l.source)}
}

// operators, longest first.
var operators = []string{
	"??=", "<<=", ">>=", "=>", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "?[", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<", "::", "..", "->",
}

func (l *lexer) token() token {
	if l.fault != nil {
		return token{kind: tokenEnd, at: len(l.source), end: len(l.source)}
	}
	if t, ended := l.skipSpace(); ended {
		return t
	}
	start := l.next
	rest := l.source[start:]
	if rest == "" {
		return token{kind: tokenEnd, at: start, end: start}
	}
	r, size := utf8.DecodeRuneInString(rest)
	switch {
	case strings.HasPrefix(rest, `$@"`) || strings.HasPrefix(rest, `@$"`):
		l.next += 3
		return token{kind: tokenInterpolated, text: rest[:3], at: start, end: l.next, verbatim: true}
	case strings.HasPrefix(rest, `$"""`) || strings.HasPrefix(rest, `"""`) || strings.HasPrefix(rest, `$$`):
		return l.fail(start, start+3, `raw strings are not translated: write @"..." or $@"..." and double the quotes in it`)
	case strings.HasPrefix(rest, `$"`):
		l.next += 2
		return token{kind: tokenInterpolated, text: rest[:2], at: start, end: l.next}
	case strings.HasPrefix(rest, `@"`):
		return l.verbatimString(start)
	case r == '"':
		return l.quotedString(start)
	case r == '\'':
		return l.character(start)
	case r >= '0' && r <= '9' || r == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
		return l.number(start)
	case r == '_' || unicode.IsLetter(r) || r == '@' && len(rest) > 1 && isNameStart(rest[1:]):
		end := start + size
		for end < len(l.source) {
			c, n := utf8.DecodeRuneInString(l.source[end:])
			if c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
				break
			}
			end += n
		}
		l.next = end
		return token{kind: tokenName, text: l.source[start:end], at: start, end: end}
	}
	for _, op := range operators {
		// a ?.5 : b is a ternary.
		if strings.HasPrefix(rest, op) && (op != "?." || len(rest) < 3 || rest[2] < '0' || rest[2] > '9') {
			l.next += len(op)
			return token{kind: tokenOperator, text: op, at: start, end: l.next}
		}
	}
	if strings.ContainsRune("+-*/%=<>!&|^~?:;,.()[]{}", r) {
		l.next += size
		return token{kind: tokenOperator, text: rest[:size], at: start, end: l.next}
	}
	if r == '#' {
		return l.fail(start, start+1, "lines that start with # are not translated: delete it")
	}
	return l.fail(start, start+size, "no C# begins like this")
}

func isNameStart(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return r == '_' || unicode.IsLetter(r)
}

// skipSpace skips white space and comments.
func (l *lexer) skipSpace() (token, bool) {
	for l.next < len(l.source) {
		rest := l.source[l.next:]
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case unicode.IsSpace(r) || r == '\ufeff':
			l.next += size
		case strings.HasPrefix(rest, "//"):
			end := strings.IndexAny(rest, "\r\n")
			if end < 0 {
				end = len(rest)
			}
			l.next += end
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return l.fail(l.next, l.next+2, "this comment does not end: write */"), true
			}
			l.next += end + 4
		default:
			return token{}, false
		}
	}
	return token{}, false
}

func (l *lexer) verbatimString(start int) token {
	var b strings.Builder
	i := start + 2
	for i < len(l.source) {
		if l.source[i] != '"' {
			b.WriteByte(l.source[i])
			i++
			continue
		}
		if strings.HasPrefix(l.source[i:], `""`) {
			b.WriteByte('"')
			i += 2
			continue
		}
		l.next = i + 1
		return token{kind: tokenString, text: l.source[start:l.next], at: start, end: l.next, value: b.String()}
	}
	return l.fail(start, start+2, `this string does not end: write "`)
}

func (l *lexer) quotedString(start int) token {
	var b strings.Builder
	i := start + 1
	for i < len(l.source) {
		switch c := l.source[i]; c {
		case '"':
			l.next = i + 1
			return token{kind: tokenString, text: l.source[start:l.next], at: start, end: l.next, value: b.String()}
		case '\n', '\r':
			return l.fail(start, i, `this string does not end in its line: write " or use @"..."`)
		case '\\':
			n, text := l.escape(i)
			if n == 0 {
				return l.fail(0, 0, "")
			}
			b.WriteString(text)
			i += n
		default:
			b.WriteByte(c)
			i++
		}
	}
	return l.fail(start, start+1, `this string does not end: write "`)
}

var simpleEscapes = map[byte]string{
	'\'': "'", '"': `"`, '\\': `\`, '0': "\x00", 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v", 'e': "\x1b",
}

// escape reads the escape at i. It returns n = 0 and reports a fault if there is no valid one. \x,
// \u and \U give code points; two \u that form a surrogate pair are joined.
func (l *lexer) escape(i int) (n int, text string) {
	if i+1 >= len(l.source) {
		l.fail(i, i+1, "nothing follows the backslash")
		return 0, ""
	}
	c := l.source[i+1]
	if text, ok := simpleEscapes[c]; ok {
		return 2, text
	}
	least, most := 0, 0
	switch c {
	case 'x':
		least, most = 1, 4
	case 'u':
		least, most = 4, 4
	case 'U':
		least, most = 8, 8
	default:
		_, size := utf8.DecodeRuneInString(l.source[i+1:])
		l.fail(i, i+1+size, `C# knows no such escape: write \\ for a backslash, or use @"..."`)
		return 0, ""
	}
	digits := 0
	for digits < most && i+2+digits < len(l.source) && strings.IndexByte("0123456789abcdefABCDEF", l.source[i+2+digits]) >= 0 {
		digits++
	}
	value, err := strconv.ParseUint(l.source[i+2:i+2+digits], 16, 32)
	if digits < least || err != nil || value > unicode.MaxRune {
		l.fail(i, min(i+2+digits, len(l.source)), "the escape has too few digits or is no character")
		return 0, ""
	}
	n = 2 + digits
	if value >= 0xD800 && value < 0xE000 {
		low, ok := l.lowSurrogate(i + n)
		if value >= 0xDC00 || !ok {
			l.fail(i, i+n, "this is half a character: write both halves")
			return 0, ""
		}
		return n + 6, string(rune(0x10000 + (value-0xD800)<<10 + low - 0xDC00)) //nolint:gosec // both are 16-bit halves
	}
	return n, string(rune(value))
}

func (l *lexer) lowSurrogate(i int) (uint64, bool) {
	if !strings.HasPrefix(l.source[i:], `\u`) || i+6 > len(l.source) {
		return 0, false
	}
	v, err := strconv.ParseUint(l.source[i+2:i+6], 16, 32)
	return v, err == nil && v >= 0xDC00 && v < 0xE000
}

func (l *lexer) character(start int) token {
	i := start + 1
	text := ""
	switch {
	case i >= len(l.source):
		return l.fail(start, start+1, "this character does not end: write '")
	case l.source[i] == '\\':
		n, s := l.escape(i)
		if n == 0 {
			return l.fail(0, 0, "")
		}
		text, i = s, i+n
	default:
		r, n := utf8.DecodeRuneInString(l.source[i:])
		text, i = string(r), i+n
	}
	if i >= len(l.source) || l.source[i] != '\'' || text == "" {
		return l.fail(start, min(i, len(l.source)), `single quotes hold one character: write "..." for text`)
	}
	if r, _ := utf8.DecodeRuneInString(text); r > 0xFFFF {
		return l.fail(start, i+1, `this is no single UTF-16 character in C#: write "..."`)
	}
	l.next = i + 1
	return token{kind: tokenChar, text: l.source[start:l.next], at: start, end: l.next, value: text}
}

func (l *lexer) number(start int) token {
	rest := l.source[start:]
	base, digits := 10, "0123456789_"
	i := 0
	if len(rest) > 1 && rest[0] == '0' {
		switch rest[1] {
		case 'x', 'X':
			base, digits, i = 16, "0123456789abcdefABCDEF_", 2
		case 'b', 'B':
			base, digits, i = 2, "01_", 2
		}
	}
	from := i
	run := func() {
		for i < len(rest) && strings.IndexByte(digits, rest[i]) >= 0 {
			i++
		}
	}
	run()
	real := false
	if base == 10 {
		if i+1 < len(rest) && rest[i] == '.' && rest[i+1] >= '0' && rest[i+1] <= '9' {
			real = true
			i++
			run()
		}
		if i < len(rest) && (rest[i] == 'e' || rest[i] == 'E') {
			j := i + 1
			if j < len(rest) && (rest[j] == '+' || rest[j] == '-') {
				j++
			}
			if j < len(rest) && rest[j] >= '0' && rest[j] <= '9' {
				real, i = true, j
				run()
			}
		}
	}
	text := strings.ReplaceAll(rest[from:i], "_", "")
	suffixStart := i
	for i < len(rest) && isNameStart(rest[i:]) {
		_, size := utf8.DecodeRuneInString(rest[i:])
		i += size
	}
	suffix := rest[suffixStart:i]
	l.next = start + i
	t := token{text: rest[:i], at: start, end: l.next}
	switch {
	case strings.EqualFold(suffix, "m"):
		return l.fail(start, l.next, "decimal numbers are not translated: write a double, without m")
	case strings.EqualFold(suffix, "f"):
		return l.fail(start, l.next, "float numbers are not translated: write a double, without f")
	case strings.EqualFold(suffix, "d") || real && suffix == "":
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return l.fail(start, l.next, "the number is too large")
		}
		t.kind, t.value = tokenReal, v
	case !real && (suffix == "" || strings.EqualFold(suffix, "l")):
		v, err := strconv.ParseInt(text, base, 64)
		if err != nil {
			return l.fail(start, l.next, "the number is too large")
		}
		t.kind, t.value, t.long = tokenInt, v, suffix != "" || v > 1<<31-1
	default:
		return l.fail(start, l.next, "no such suffix is translated: L and d are")
	}
	return t
}
