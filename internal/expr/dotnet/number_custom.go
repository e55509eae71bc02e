package dotnet

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// token is a piece of a custom number format.
type token struct {
	kind  tokenKind
	text  string // of a literal
	zeros int    // of an exponent: its fewest digits
	plus  bool   // of an exponent: "+" is written too
	sign  bool   // of an exponent: "+" or "-" stands in the format
}

type tokenKind int

const (
	literalToken tokenKind = iota
	zeroToken
	digitToken
	pointToken
	commaToken
	percentToken
	permilleToken
	exponentToken
)

// layout is a parsed section of a custom format.
type layout struct {
	tokens      []token
	places      int // all digit places
	before      int // those before the decimal point
	least       int // integer digits that are always written
	leastAfter  int // digits after the point that are always written
	grouped     bool
	scale       int // the power of ten by which %, ‰ and trailing commas multiply
	exponential bool
}

// customDigits is the number of digits of a double in custom formats. .NET kept the Framework's 15.
const customDigits = 15

func formatCustom(n Number, format string, c *Culture) string {
	f := n.figure('e', customDigits-1)
	// A decimal zero with places ("0.00") counts as zero.
	if strings.Trim(f.digits, "0") == "" {
		f.digits, f.point, f.negative = "", 0, f.negative && f.signed
	}
	sections := splitSections(format)
	section := 0
	switch {
	case f.digits == "":
		section = pick(sections, 2)
	case f.negative:
		section = pick(sections, 1)
	}
	for {
		l := readLayout(sections[section])
		if f.digits != "" {
			f.point += l.scale
			keep := f.point + l.places - l.before
			if l.exponential {
				keep = l.places
			}
			f.round(keep)
			// A number that rounds to zero is written as zero.
			if zero := pick(sections, 2); f.digits == "" && zero != section {
				section = zero
				continue
			}
		}
		text := l.fill(f, c)
		if f.negative && section == 0 && (f.point != 0 || text != "") {
			text = c.minus + text
		}
		return text
	}
}

// pick returns section i, or the first one if section i is missing or empty.
func pick(sections []string, i int) int {
	if i >= len(sections) || sections[i] == "" {
		return 0
	}
	return i
}

// splitSections splits at unquoted semicolons.
func splitSections(format string) []string {
	var sections []string
	start := 0
	for i := 0; i < len(format); i++ {
		switch format[i] {
		case '\'', '"':
			if end := strings.IndexByte(format[i+1:], format[i]); end >= 0 {
				i += end + 1
			} else {
				i = len(format)
			}
		case '\\':
			i++
		case ';':
			sections = append(sections, format[start:i])
			start = i + 1
		}
	}
	return append(sections, format[min(start, len(format)):])
}

func readLayout(section string) layout {
	var l layout
	first, last, point := -1, 0, -1
	var commas []int
	for rest := section; rest != ""; {
		var t token
		t, rest = nextToken(rest)
		switch t.kind {
		case zeroToken:
			if first < 0 {
				first = l.places
			}
			l.places++
			last = l.places
		case digitToken:
			l.places++
		case pointToken:
			if point < 0 {
				point = l.places
			}
		case commaToken:
			if l.places > 0 && point < 0 {
				commas = append(commas, l.places)
			}
		case percentToken:
			l.scale += 2
		case permilleToken:
			l.scale += 3
		case exponentToken:
			l.exponential = true
		}
		l.tokens = append(l.tokens, t)
	}
	l.before = point
	if point < 0 {
		l.before = l.places
	}
	for _, at := range commas {
		if at == l.before {
			l.scale -= 3
		} else {
			l.grouped = true
		}
	}
	if first >= 0 {
		l.least = max(l.before-first, 0)
	}
	l.leastAfter = max(last-l.before, 0)
	return l
}

func nextToken(s string) (token, string) {
	switch s[0] {
	case '0':
		return token{kind: zeroToken}, s[1:]
	case '#':
		return token{kind: digitToken}, s[1:]
	case '.':
		return token{kind: pointToken}, s[1:]
	case ',':
		return token{kind: commaToken}, s[1:]
	case '%':
		return token{kind: percentToken}, s[1:]
	case '\'', '"':
		if end := strings.IndexByte(s[1:], s[0]); end >= 0 {
			return token{text: s[1 : end+1]}, s[end+2:]
		}
		return token{text: s[1:]}, ""
	case '\\':
		if len(s) == 1 {
			return token{}, ""
		}
		_, size := utf8.DecodeRuneInString(s[1:])
		return token{text: s[1 : 1+size]}, s[1+size:]
	case 'E', 'e':
		return exponentPiece(s)
	}
	if rest, ok := strings.CutPrefix(s, "‰"); ok {
		return token{kind: permilleToken}, rest
	}
	_, size := utf8.DecodeRuneInString(s)
	return token{text: s[:size]}, s[size:]
}

// exponentPiece reads E0, E+0 or E-0 with any number of zeros. An E without a zero is text.
func exponentPiece(s string) (token, string) {
	t := token{kind: exponentToken, text: s[:1]}
	rest := s[1:]
	if rest != "" && (rest[0] == '+' || rest[0] == '-') {
		t.sign, t.plus, rest = true, rest[0] == '+', rest[1:]
	}
	after := strings.TrimLeft(rest, "0")
	if t.zeros = len(rest) - len(after); t.zeros == 0 {
		return token{text: s[:1]}, s[1:]
	}
	return t, after
}

// fill writes rounded digits into the section's digit places.
func (l layout) fill(f figure, c *Culture) string {
	whole, part := f.split()
	exponent := 0
	if l.exponential {
		if f.digits != "" {
			exponent = f.point - l.before
		}
		digits := f.digits + strings.Repeat("0", max(l.before-len(f.digits), 0))
		whole, part = digits[:l.before], digits[l.before:]
	}
	whole = strings.Repeat("0", max(l.least-len(whole), 0)) + whole
	part += strings.Repeat("0", max(l.leastAfter-len(part), 0))
	var breaks []int
	if l.grouped && len(whole) > 0 {
		breaks = c.breaks(len(whole))
	}
	w := filler{whole: whole, part: part, left: l.before, breaks: breaks, separator: c.group}
	exponentDone := false
	for _, t := range l.tokens {
		switch t.kind {
		case literalToken:
			w.out.WriteString(t.text)
		case zeroToken, digitToken:
			w.digit()
		case pointToken:
			w.flush()
			if w.left == 0 && !w.pointed && part != "" && l.places > l.before {
				w.out.WriteString(c.decimal)
				w.pointed = true
			}
		case percentToken:
			w.out.WriteString("%")
		case permilleToken:
			w.out.WriteString("‰")
		case exponentToken:
			if exponentDone {
				w.out.WriteString(t.literal())
				continue
			}
			w.out.WriteString(exponentText(t.text[0], exponent, min(t.zeros, 10), t.plus, c))
			exponentDone = true
		}
	}
	return w.out.String()
}

// literal writes a second exponent, which counts as text.
func (t token) literal() string {
	mark := ""
	if t.sign {
		mark = "-"
		if t.plus {
			mark = "+"
		}
	}
	return t.text + mark + strings.Repeat("0", t.zeros)
}

// filler writes the digits from left to right.
type filler struct {
	out         strings.Builder
	whole, part string
	left        int // integer places still to fill
	breaks      []int
	separator   string
	pointed     bool
}

// flush writes the integer digits beyond the section's places.
func (w *filler) flush() {
	for len(w.whole) > w.left {
		w.next()
	}
}

func (w *filler) next() {
	w.out.WriteByte(w.whole[0])
	w.whole = w.whole[1:]
	if slices.Contains(w.breaks, len(w.whole)) {
		w.out.WriteString(w.separator)
	}
}

func (w *filler) digit() {
	if w.left > 0 {
		w.flush()
		if len(w.whole) == w.left {
			w.next()
		}
		w.left--
		return
	}
	w.flush()
	if w.part != "" {
		w.out.WriteByte(w.part[0])
		w.part = w.part[1:]
	}
}
