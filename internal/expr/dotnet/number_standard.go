package dotnet

import (
	"math"
	"strconv"
	"strings"
)

// formatStandard writes a finite number by a letter that CheckNumber allows.
func formatStandard(n Number, letter byte, precision int, c *Culture) string {
	switch upper(letter) {
	case 'D':
		return formatDigits(n.integer, precision, c)
	case 'X', 'B':
		return formatBits(n, letter, precision)
	case 'E':
		return formatScientific(n, letter, precision, c)
	case 'F':
		f, places := n.fixed(precision, c.fraction, 0)
		return sign(f, c) + places.write(c.decimal)
	case 'N':
		f, places := n.fixed(precision, c.fraction, 0)
		places.whole = c.grouped(places.whole, c.group)
		return sign(f, c) + places.write(c.decimal)
	case 'P':
		f, places := n.fixed(precision, c.fraction, 2)
		places.whole = c.grouped(places.whole, c.group)
		return fill(f.negative, c.percent, c.negativePercent, places.write(c.decimal), c)
	case 'C':
		f, places := n.fixed(precision, c.currencyFraction, 0)
		places.whole = c.grouped(places.whole, c.currencyGroup)
		return fill(f.negative, c.currency, c.negativeCurrency, places.write(c.decimal), c)
	default: // G, R
		return formatGeneral(n, letter, precision, c)
	}
}

// places are the digits before and after the point, padded with zeros.
type places struct{ whole, part string }

func (p places) write(decimal string) string {
	if p.part == "" {
		return p.whole
	}
	return p.whole + decimal + p.part
}

// fixed multiplies by ten to the power of shift and rounds to so many digits after the point.
func (n Number) fixed(precision, standard, shift int) (figure, places) {
	if precision < 0 {
		precision = standard
	}
	f := n.figure('f', precision+shift)
	f.point += shift
	f.round(f.point + precision)
	whole, part := f.split()
	if whole == "" {
		whole = "0"
	}
	return f, places{whole, part + strings.Repeat("0", max(precision-len(part), 0))}
}

func sign(f figure, c *Culture) string {
	if f.negative {
		return c.minus
	}
	return ""
}

// fill inserts a number into a currency or percent pattern.
func fill(negative bool, positive, otherwise, number string, c *Culture) string {
	pattern := positive
	if negative {
		pattern = otherwise
	}
	var b strings.Builder
	for _, r := range pattern {
		switch r {
		case '#':
			b.WriteString(number)
		case '$':
			b.WriteString(c.symbol)
		case '-':
			b.WriteString(c.minus)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func formatDigits(n int64, precision int, c *Culture) string {
	digits := strings.TrimPrefix(strconv.FormatInt(n, 10), "-")
	digits = strings.Repeat("0", max(precision-len(digits), 0)) + digits
	if n < 0 {
		return c.minus + digits
	}
	return digits
}

// formatBits writes the two's complement of an int, or of a long if the number does not fit.
func formatBits(n Number, letter byte, precision int) string {
	bits := uint64(n.integer) //nolint:gosec // X writes the two's complement
	if !n.long && n.integer >= math.MinInt32 && n.integer <= math.MaxInt32 {
		bits &= math.MaxUint32
	}
	base := 16
	if upper(letter) == 'B' {
		base = 2
	}
	digits := strconv.FormatUint(bits, base)
	if letter == 'X' {
		digits = strings.ToUpper(digits)
	}
	return strings.Repeat("0", max(precision-len(digits), 0)) + digits
}

func formatScientific(n Number, letter byte, precision int, c *Culture) string {
	if precision < 0 {
		precision = 6
	}
	f := n.figure('e', precision)
	f.round(precision + 1)
	exponent := f.point - 1
	if f.digits == "" {
		exponent = 0
	}
	digits := f.digits + strings.Repeat("0", precision+1-len(f.digits))
	return sign(f, c) + places{digits[:1], digits[1:]}.write(c.decimal) + exponentText(letter, exponent, 3, true, c)
}

func exponentText(letter byte, exponent, least int, plus bool, c *Culture) string {
	mark := ""
	switch {
	case exponent < 0:
		mark, exponent = c.minus, -exponent
	case plus:
		mark = "+"
	}
	digits := strconv.Itoa(exponent)
	return string(letter) + mark + strings.Repeat("0", max(least-len(digits), 0)) + digits
}

// shortest is the number of digits of a double that G writes without an exponent.
const shortest = 17

// formatGeneral writes all digits, or the first ones. Far from the point it uses an exponent.
func formatGeneral(n Number, letter byte, precision int, c *Culture) string {
	if precision == 0 || upper(letter) == 'R' {
		precision = -1
	}
	exponent := 'E' + letter - upper(letter) // in the format's case
	if n.kind == decimalKind && precision < 0 {
		return formatDecimal(n.decimal, c)
	}
	f := n.figure('e', max(precision, 0)-1)
	limit := precision
	if precision < 0 {
		limit = max(len(f.digits), shortest)
		if n.kind == integerKind {
			return formatDigits(n.integer, -1, c)
		}
	}
	f.round(limit)
	if f.point > limit || f.point < -3 {
		mantissa := figure{negative: f.negative, digits: f.digits, point: 1}
		whole, part := mantissa.split()
		return sign(f, c) + places{whole, part}.write(c.decimal) + exponentText(exponent, f.point-1, 2, true, c)
	}
	whole, part := f.split()
	if whole == "" {
		whole = "0"
	}
	return sign(f, c) + places{whole, part}.write(c.decimal)
}

// formatDecimal writes a decimal with its trailing zeros.
func formatDecimal(f figure, c *Culture) string {
	whole, part := f.split()
	if f.digits == "" {
		part, f.negative = strings.Repeat("0", max(-f.point, 0)), false
	}
	if whole == "" {
		whole = "0"
	}
	return sign(f, c) + places{whole, part}.write(c.decimal)
}
