//go:build record

package csharp_test

import (
	"math"
	"strconv"
	"strings"
)

// dotnet8 has our output where it differs from Mono's, which follows the .NET Framework, and why.
// It is .NET 8's output unless the reason says that we differ from both.
var dotnet8 = map[string]struct {
	want   string
	throws bool
	why    string
}{
	"number|double|1234567.891|P1|en-US": {"123,456,789.1%", false, icu},
	"number|double|-1234.5|P1|en-US":     {"-123,450.0%", false, icu},
	"number|double|1234567.891|P1|nl-NL": {"123.456.789,1%", false, icu},
	"number|double|-1234.5|P1|nl-NL":     {"-123.450,0%", false, icu},

	"number|double|-0.4|0|": {"-0", false, minus},
	"number|double|-0|0|":   {"-0", false, minus},

	"date||2026-01-05T07:30:00Z|d|nl-NL": {"05-01-2026", false, icu},

	"date.parse||05/01/49|dd/MM/yy|": {"2049-01-05T00:00:00.0000000Z", false, "two digits mean 1950 to 2049 in .NET 8, 1930 to 2029 in .NET Framework"},

	"timespan.parse||5||":                         {"", true, bare},
	"timespan.parse||0||":                         {"", true, bare},
	"timespan.parse||-5||":                        {"", true, bare},
	"timespan.parse||30||":                        {"", true, bare},
	"timespan.parse||24:00:00||":                  {"", true, "we differ from .NET, which reads 24 days: refused"},
	"timespan.parse||1:00:00:00||":                {"", true, colons},
	"timespan.parse||00:00:00:00||":               {"", true, colons},
	"timespan.parse||0:00:00:30||":                {"", true, colons},
	"timespan.parse||007:00:00||":                 {"", true, digits},
	"timespan.parse||00:00:007||":                 {"", true, digits},
	"timespan.parse||1h||":                        {"01:00:00", false, "we read Go's durations too"},
	"timespan.parse||30s||":                       {"00:00:30", false, "we read Go's durations too"},
	"timespan.parse||PT30S||":                     {"00:00:30", false, "we read ISO 8601 too"},
	"timespan.parse||5.6||":                       {"", true, bare},
	"timespan.parse||10675199.02:48:05.4775807||": {"", true, "we differ from .NET: durations end at 106,000 days"},
}

const (
	minus  = ".NET Core 3.0 and later keep the sign of a double that rounds to 0"
	icu    = "the culture's data are ICU's in .NET 8"
	bare   = "we differ from .NET, which reads days: a bare number is refused"
	colons = "we differ from .NET, which reads days before a colon too: refused"
	digits = "we differ from .NET, which takes any number of digits: at most two"
)

// exactDouble returns .NET 8's output for a double in a standard format of the invariant culture,
// if it is known to differ.
func exactDouble(r formatRow) (string, bool) {
	v, err := strconv.ParseFloat(r.Input, 64)
	if r.Kind != "number" || r.Type != "double" || r.Culture != "" || err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return "", false
	}
	letter, precision := "G", -1
	if r.Format != "" {
		letter = r.Format[:1]
		if n, err := strconv.Atoi(r.Format[1:]); err == nil {
			precision = n
		} else if len(r.Format) > 1 {
			return "", false
		}
	}
	sign, v := "", math.Abs(v)
	if strings.HasPrefix(r.Input, "-") {
		sign = "-"
	}
	fixed := func(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }
	switch {
	case strings.EqualFold(letter, "F"):
		return sign + fixed(v, orElse(precision, 2)), true
	case letter == "N":
		return sign + grouped(fixed(v, orElse(precision, 2))), true
	case letter == "C" && sign == "":
		return "¤" + grouped(fixed(v, orElse(precision, 2))), true
	case letter == "C":
		return "(¤" + grouped(fixed(v, orElse(precision, 2))) + ")", true
	case letter == "P":
		digits := orElse(precision, 2)
		text := fixed(v, digits+2) // rounded before the point is moved
		whole, fraction, _ := strings.Cut(text, ".")
		whole = strings.TrimLeft(whole+fraction[:2], "0")
		if whole == "" {
			whole = "0"
		}
		if digits > 0 {
			whole += "." + fraction[2:]
		}
		return sign + grouped(whole) + " %", true
	case strings.EqualFold(letter, "E"):
		return sign + exponent(strconv.FormatFloat(v, letter[0], orElse(precision, 6), 64), 3), true
	case letter == "R" || letter == "G" && precision < 1:
		return sign + general(v, -1), true
	case letter == "G":
		return sign + general(v, precision), true
	}
	return "", false
}

func orElse(n, otherwise int) int {
	if n < 0 {
		return otherwise
	}
	return n
}

func grouped(s string) string {
	whole, fraction, point := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if point {
		return whole + "." + fraction
	}
	return whole
}

// exponent rewrites Go's e+05 with at least so many digits.
func exponent(s string, digits int) string {
	i := strings.LastIndexAny(s, "eE")
	return s[:i+2] + strings.Repeat("0", max(0, digits-len(s[i+2:]))) + s[i+2:]
}

// general is format G: scientific from 1E+17 or from the precision on, and below 0.0001.
func general(v float64, precision int) string {
	if v == 0 {
		return "0"
	}
	digits := precision
	if digits > 0 {
		digits--
	}
	s := strconv.FormatFloat(v, 'E', digits, 64)
	mantissa, power, _ := strings.Cut(s, "E")
	n, _ := strconv.Atoi(power)
	if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	limit := precision
	if limit < 1 {
		limit = 17
	}
	if n >= limit || n < -4 {
		return exponent(mantissa+"E"+power, 2)
	}
	rounded, _ := strconv.ParseFloat(mantissa+"E"+power, 64)
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}
