package dotnet

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Amount is a number that was read. Text has its exact digits with trailing zeros ("-1234.50").
type Amount struct {
	Text     string
	Value    float64
	Currency string // ISO 4217; "" without a mark, or if several currencies share it
}

// The limits of a number's text.
const (
	maxNumberText   = 200
	maxNumberDigits = 60
)

// ParseNumber reads a number in the output of OCR, with the culture's decimal point and group
// separator. It accepts a currency sign or code on either side, a minus before or behind,
// parentheses, spaces and apostrophes as group separators, and "12,-" for no cents. It never
// guesses: groups must have the culture's sizes. So "1.234" is 1234 in de-DE and 1.234 in en-US,
// and de-DE refuses "1.23". The error is an *UnreadableError.
func ParseNumber(text string, c *Culture) (Amount, error) {
	if len(text) > maxNumberText {
		return Amount{}, unreadableNumber("it is too long")
	}
	r := numberReader{c: c, rest: strings.TrimSpace(text)}
	amount, problem := r.read()
	if problem != "" {
		return Amount{}, unreadableNumber(problem)
	}
	return amount, nil
}

func unreadableNumber(problem string) error { return &UnreadableError{"number", problem} }

type numberReader struct {
	c        *Culture
	rest     string
	negative bool
	signs    int
	currency string
	marks    int // currency signs and codes
}

func (r *numberReader) read() (Amount, string) {
	if r.rest == "" {
		return Amount{}, "it is blank"
	}
	if inner, ok := strings.CutPrefix(r.rest, "("); ok {
		if inner, ok = strings.CutSuffix(inner, ")"); !ok {
			return Amount{}, "a parenthesis is not closed"
		}
		r.rest, r.negative, r.signs = strings.TrimSpace(inner), true, 1
	}
	for r.signBefore() || r.currencyBefore() {
		r.rest = strings.TrimSpace(r.rest)
	}
	noCents := r.noCents()
	for !noCents && (r.signBehind() || r.currencyBehind()) {
		r.rest = strings.TrimSpace(r.rest)
		noCents = r.noCents()
	}
	switch {
	case r.signs > 1:
		return Amount{}, "it has more than one sign"
	case r.marks > 1:
		return Amount{}, "it has more than one currency"
	case strings.HasSuffix(r.rest, "%") || strings.HasSuffix(r.rest, "‰"):
		return Amount{}, "it is a percentage: take the percent sign away first, and divide if that is meant"
	}
	digits, problem := r.digits(noCents)
	if problem != "" {
		return Amount{}, problem
	}
	if r.negative {
		digits = "-" + digits
	}
	value, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return Amount{}, "it is too large"
	}
	return Amount{Text: digits, Value: value, Currency: r.currency}, ""
}

// minusSigns are a hyphen, the minus and signs that OCR reads instead.
const minusSigns = "-\u2212\u2013\u2012\uff0d"

func (r *numberReader) signBefore() bool {
	sign, size := utf8.DecodeRuneInString(r.rest)
	if sign != '+' && !strings.ContainsRune(minusSigns, sign) || r.rest == "" {
		return false
	}
	r.took(sign != '+')
	r.rest = r.rest[size:]
	return true
}

func (r *numberReader) signBehind() bool {
	sign, size := utf8.DecodeLastRuneInString(r.rest)
	if !strings.ContainsRune(minusSigns, sign) || r.rest == "" {
		return false
	}
	r.took(true)
	r.rest = r.rest[:len(r.rest)-size]
	return true
}

func (r *numberReader) took(negative bool) {
	r.negative = r.negative || negative
	r.signs++
}

// noCents removes the dashes of "12,-".
func (r *numberReader) noCents() bool {
	whole := strings.TrimRight(r.rest, minusSigns+"\u2014")
	if whole == r.rest {
		return false
	}
	point := strings.TrimSuffix(whole, r.c.decimal)
	if point == whole {
		point = strings.TrimSuffix(whole, ".")
		if point == whole || r.c.group == "." {
			return false
		}
	}
	r.rest = point
	return true
}

func (r *numberReader) currencyBefore() bool {
	for _, m := range currencyMarks {
		rest, ok := cutFold(r.rest, m.text, false)
		if !ok || m.isWord() && startsWithLetter(rest) {
			continue
		}
		r.rest = rest
		r.marked(m)
		return true
	}
	return false
}

func (r *numberReader) currencyBehind() bool {
	for _, m := range currencyMarks {
		rest, ok := cutFold(r.rest, m.text, true)
		if !ok || m.isWord() && endsWithLetter(rest) {
			continue
		}
		r.rest = rest
		r.marked(m)
		return true
	}
	return false
}

func (r *numberReader) marked(m currencyMark) {
	r.marks++
	r.currency = m.code
	if m.code == "" && strings.Contains(" "+m.among+" ", " "+r.c.code+" ") {
		r.currency = r.c.code
	}
}

// digits reads the rest: grouped digits, a point and more digits, or ungrouped digits with an
// exponent.
func (r *numberReader) digits(noCents bool) (string, string) {
	const shape = "it has characters that belong to no number of the culture"
	whole, part, pointed := strings.Cut(r.rest, r.c.decimal)
	exponent := ""
	if i := strings.IndexAny(part, "eE"); pointed && i >= 0 {
		part, exponent = part[:i], part[i:]
	} else if i := strings.IndexAny(whole, "eE"); !pointed && i >= 0 {
		whole, exponent = whole[:i], whole[i:]
	}
	if exponent != "" && (r.marks > 0 || !plainExponent(exponent)) {
		return "", shape
	}
	plain, problem := ungroup(whole, r.c)
	switch {
	case problem != "":
		return "", problem
	case strings.Trim(part, "0123456789") != "":
		return "", shape
	case plain+part == "":
		return "", "it has no digits"
	case len(plain)+len(part) > maxNumberDigits:
		return "", "it has too many digits"
	case exponent != "" && plain != whole:
		return "", shape
	}
	plain = strings.TrimLeft(plain, "0")
	if plain == "" {
		plain = "0"
	}
	if noCents {
		part = "00"
	}
	if part != "" {
		plain += "." + part
	}
	return plain + exponent, ""
}

func plainExponent(s string) bool {
	digits := strings.TrimLeft(s[1:], "+-")
	return len(s)-1-len(digits) <= 1 && digits != "" && len(digits) <= 3 && strings.Trim(digits, "0123456789") == ""
}

// ungroup removes the separators of integer digits. All must be equal, with groups of the right
// size.
func ungroup(s string, c *Culture) (string, string) {
	var groups []string
	separator, start := rune(0), 0
	for i, ch := range s {
		if ch >= '0' && ch <= '9' {
			continue
		}
		ch = groupSeparator(ch, c)
		switch {
		case ch == 0:
			return "", "it has characters that belong to no number of the culture"
		case separator != 0 && ch != separator:
			return "", "its groups of digits are separated in two ways"
		}
		separator = ch
		groups = append(groups, s[start:i])
		_, size := utf8.DecodeRuneInString(s[i:])
		start = i + size
	}
	if separator == 0 {
		return s, ""
	}
	groups = append(groups, s[start:])
	for i, g := range groups {
		if !groupFits(len(g), i == 0, i == len(groups)-1, c) {
			return "", "its groups of digits have the wrong size, as if the separator were a decimal point"
		}
	}
	return strings.Join(groups, ""), ""
}

// groupFits accepts groups of three, and India's groups of two before the last three.
func groupFits(n int, first, last bool, c *Culture) bool {
	switch {
	case first:
		return n >= 1 && n <= 3
	case last || len(c.groups) == 1:
		return n == 3
	default:
		return n == 2 || n == 3
	}
}

// groupSeparator returns the common form of a separator, 0 if the culture does not use it.
func groupSeparator(ch rune, c *Culture) rune {
	switch {
	case strings.ContainsRune(c.decimal, ch):
		return 0
	case unicode.IsSpace(ch) && ch != '\n' && ch != '\r', ch == '\u202f', ch == '\u2009':
		return ' '
	case ch == '\'' || ch == '\u2019' || ch == '\u2018' || ch == '\u00b4' || ch == '`':
		return '\''
	case strings.ContainsRune(c.group, ch), strings.ContainsRune(c.currencyGroup, ch):
		return ch
	}
	return 0
}
