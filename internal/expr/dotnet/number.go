package dotnet

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Number is a value to write. C# has different rules for integers, decimals and doubles.
type Number struct {
	kind    kind
	integer int64
	long    bool
	double  float64
	decimal figure
}

type kind int

const (
	integerKind kind = iota
	doubleKind
	decimalKind
)

// Int is a C# int, or a long if it does not fit. X needs to know: as an int, -1 is FFFFFFFF.
func Int(n int64) Number { return Number{kind: integerKind, integer: n} }

// Long is a C# long, whatever its size: X writes -1 as FFFFFFFFFFFFFFFF.
func Long(n int64) Number { return Number{kind: integerKind, integer: n, long: true} }

// Double is a C# double.
func Double(f float64) Number { return Number{kind: doubleKind, double: f} }

// Decimal is a C# decimal, which keeps its trailing zeros. text has digits with an optional sign,
// point and exponent, at most 29 significant digits and 28 after the point. The error is an
// *UnreadableError.
func Decimal(text string) (Number, error) {
	f, ok := readFigure(text)
	if !ok || len(f.digits) > 29 || len(f.digits)-f.point > 28 || f.point > 29 {
		return Number{}, &UnreadableError{"number", "a decimal has up to 29 digits, 28 of them after the point"}
	}
	return Number{kind: decimalKind, decimal: f}, nil
}

// figure is a number in decimal digits: 0.digits times ten to the power of point.
type figure struct {
	negative bool
	digits   string // '0' to '9', without leading zeros; "" is zero
	point    int
	signed   bool // a zero keeps its minus, as doubles do
}

// readFigure reads digits with an optional sign, point and exponent.
func readFigure(text string) (figure, bool) {
	var f figure
	rest, exponent := text, 0
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		f.negative, rest = rest[0] == '-', rest[1:]
	}
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		n, err := strconv.Atoi(rest[i+1:])
		if err != nil || n < -9999 || n > 9999 {
			return f, false
		}
		rest, exponent = rest[:i], n
	}
	whole, part, _ := strings.Cut(rest, ".")
	if whole+part == "" || strings.Trim(whole+part, "0123456789") != "" {
		return f, false
	}
	f.digits, f.point = whole+part, len(whole)+exponent
	f.trimLeft()
	return f, true
}

// trimLeft removes leading zeros. point still counts those of a zero, because a decimal 0.00 is
// written with them.
func (f *figure) trimLeft() {
	trimmed := strings.TrimLeft(f.digits, "0")
	f.point -= len(f.digits) - len(trimmed)
	f.digits = trimmed
}

// round keeps n digits, rounds halves away from zero and drops trailing zeros.
func (f *figure) round(n int) {
	if n < len(f.digits) {
		up := n >= 0 && f.digits[n] >= '5'
		kept := []byte(f.digits[:max(n, 0)])
		for up && len(kept) > 0 && kept[len(kept)-1] == '9' {
			kept = kept[:len(kept)-1]
		}
		switch {
		case up && len(kept) > 0:
			kept[len(kept)-1]++
		case up:
			kept, f.point = append(kept, '1'), f.point+1
		}
		f.digits = string(kept)
	}
	f.digits = strings.TrimRight(f.digits, "0")
	if f.digits == "" {
		f.point, f.negative = 0, f.negative && f.signed
	}
}

// split returns the digits before and after the decimal point, without needless zeros.
func (f *figure) split() (whole, part string) {
	switch {
	case f.digits == "":
		return "", ""
	case f.point <= 0:
		return "", strings.Repeat("0", -f.point) + f.digits
	case f.point >= len(f.digits):
		return f.digits + strings.Repeat("0", f.point-len(f.digits)), ""
	default:
		return f.digits[:f.point], f.digits[f.point:]
	}
}

// figure returns the digits that a format of this precision needs. A double is converted exactly
// and rounds halves to even, as in .NET since Core 3.0. Decimals and integers keep all digits for
// round.
func (n Number) figure(verb byte, precision int) figure {
	var f figure
	switch n.kind {
	case integerKind:
		f, _ = readFigure(strconv.FormatInt(n.integer, 10))
	case decimalKind:
		f = n.decimal
	default:
		f, _ = readFigure(strconv.FormatFloat(n.double, verb, precision, 64))
		f.signed = true
		f.digits = strings.TrimRight(f.digits, "0")
		if f.digits == "" {
			f.point = 0
		}
	}
	return f
}

// maxFormat bounds a format. Nobody writes such long ones, and some cost more than their length.
const (
	maxFormat     = 500 // bytes
	formatTooLong = "it has more than 500 bytes"
)

// maxPrecision stands in for .NET's bound of 999,999,999.
const maxPrecision = 300

// FormatNumber writes a number by a standard format (G, F2, N, D5, X, B, P1, C, E3, R) or a custom
// one ("#,##0.00;(0)"). "" means G. The error is a *FormatError.
func FormatNumber(n Number, format string, c *Culture) (string, error) {
	if err := CheckNumber(format); err != nil {
		return "", err
	}
	letter, precision, standard := numberFormat(format)
	if n.kind == doubleKind && standard && strings.ContainsRune("DXB", rune(upper(letter))) {
		return "", &FormatError{"number", format, "D, X and B are for integers; convert the value with int() first"}
	}
	if n.kind != doubleKind && standard && upper(letter) == 'R' {
		return "", &FormatError{"number", format, "R is for doubles"}
	}
	if n.kind == doubleKind && (math.IsNaN(n.double) || math.IsInf(n.double, 0)) {
		return c.notFinite(n.double), nil
	}
	if !standard {
		return formatCustom(n, format, c), nil
	}
	if n.kind == decimalKind && strings.ContainsRune("DXB", rune(upper(letter))) {
		return "", &FormatError{"number", format, "D, X and B are for integers; convert the value with int() first"}
	}
	return formatStandard(n, letter, precision, c), nil
}

// CheckNumber checks a number format without a value. The error is a *FormatError.
func CheckNumber(format string) error {
	letter, precision, standard := numberFormat(format)
	switch {
	case len(format) > maxFormat:
		return &FormatError{"number", format[:20] + "...", formatTooLong}
	case !standard:
		return nil
	case !strings.ContainsRune("BCDEFGNPRX", rune(upper(letter))):
		return &FormatError{"number", format, "a single letter is one of C D E F G N P R X (B), with digits behind it; put other text into quotes"}
	case precision > maxPrecision:
		return &FormatError{"number", format, fmt.Sprintf("at most %d digits", maxPrecision)}
	}
	return nil
}

// numberFormat splits a standard format into its letter and digits. precision is -1 without digits.
func numberFormat(format string) (letter byte, precision int, standard bool) {
	if format == "" {
		return 'G', -1, true
	}
	letter = format[0]
	if u := upper(letter); u < 'A' || u > 'Z' || strings.Trim(format[1:], "0123456789") != "" {
		return 0, 0, false
	}
	if format[1:] == "" {
		return letter, -1, true
	}
	precision, err := strconv.Atoi(format[1:])
	if err != nil {
		precision = math.MaxInt
	}
	return letter, precision, true
}

func upper(b byte) byte {
	if b >= 'a' && b <= 'z' {
		return b - 'a' + 'A'
	}
	return b
}

func (c *Culture) notFinite(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case f < 0:
		return c.minus + c.infinity
	default:
		return c.infinity
	}
}
