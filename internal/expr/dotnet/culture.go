package dotnet

import (
	"slices"
	"strings"
)

// Culture holds what a .NET CultureInfo says about numbers and dates. Get one from ByName; the zero
// value is not usable.
type Culture struct {
	name string

	decimal, group, currencyGroup string
	groups                        []int // sizes of digit groups from the decimal point on; the last repeats
	minus, infinity               string
	fraction, currencyFraction    int    // digits after the point if the format gives none
	symbol, code                  string // of the currency; code is ISO 4217
	currency, negativeCurrency    string // "#" is the number, "$" the symbol, "-" the minus
	percent, negativePercent      string // the same with "%"

	shortDate, longDate, shortTime, longTime string
	monthDay, yearMonth                      string
	dateSeparator, timeSeparator             string
	am, pm                                   string

	months, genitive           []string // genitive: beside a day of the month ("5 stycznia"); nil if the same
	shortMonths, shortGenitive []string
	days, shortDays            []string // from Sunday
}

// Invariant is the culture to use if none is named.
var Invariant = &Culture{
	decimal: ".", group: ",", currencyGroup: ",", groups: []int{3}, minus: "-", infinity: "Infinity",
	fraction: 2, currencyFraction: 2, symbol: "¤",
	currency: "$#", negativeCurrency: "($#)", percent: "# %", negativePercent: "-# %",
	shortDate: "MM/dd/yyyy", longDate: "dddd, dd MMMM yyyy", shortTime: "HH:mm", longTime: "HH:mm:ss",
	monthDay: "MMMM dd", yearMonth: "yyyy MMMM", dateSeparator: "/", timeSeparator: ":", am: "AM", pm: "PM",
	months:      split("January|February|March|April|May|June|July|August|September|October|November|December"),
	shortMonths: split("Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"),
	days:        split("Sunday|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday"),
	shortDays:   split("Sun|Mon|Tue|Wed|Thu|Fri|Sat"),
}

func split(names string) []string { return strings.Split(names, "|") }

// Name is the culture's name, "" for the invariant one.
func (c *Culture) Name() string { return c.name }

// ByName finds a culture by its .NET name in any case. "" and "invariant" mean the invariant
// culture. The error is a *CultureError.
func ByName(name string) (*Culture, error) {
	if name == "" || strings.EqualFold(name, "invariant") {
		return Invariant, nil
	}
	for _, c := range cultures {
		if strings.EqualFold(c.name, name) {
			return c, nil
		}
	}
	return nil, &CultureError{Name: name, Nearest: nearestCulture(name)}
}

// nearestCulture suggests the first culture of the language: de-DE for "de", "de_DE" and "de-XX".
func nearestCulture(name string) string {
	language, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(name, "_", "-")), "-")
	for _, c := range cultures {
		if strings.EqualFold(c.name, strings.ReplaceAll(name, "_", "-")) {
			return c.name
		}
	}
	for _, c := range cultures {
		if own, _, _ := strings.Cut(c.name, "-"); own == language {
			return c.name
		}
	}
	return ""
}

// Names lists the cultures in one text, "invariant" first.
func Names() string {
	names := []string{"invariant"}
	for _, c := range cultures {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

// monthNames are short or long, and in the genitive if the format has a day beside the month.
func (c *Culture) monthNames(short, genitive bool) []string {
	switch {
	case short && genitive && c.shortGenitive != nil:
		return c.shortGenitive
	case short:
		return c.shortMonths
	case genitive && c.genitive != nil:
		return c.genitive
	default:
		return c.months
	}
}

// grouped puts the separator between the culture's groups of digits.
func (c *Culture) grouped(digits, separator string) string {
	breaks := c.breaks(len(digits))
	if separator == "" || len(breaks) == 0 {
		return digits
	}
	var b strings.Builder
	for i := range len(digits) {
		if i > 0 && slices.Contains(breaks, len(digits)-i) {
			b.WriteString(separator)
		}
		b.WriteByte(digits[i])
	}
	return b.String()
}

// breaks returns how many digits follow each separator in a number of n integer digits: 3, 6, 9 or
// 3, 5, 7.
func (c *Culture) breaks(n int) []int {
	var at []int
	for i, sum := 0, 0; ; i++ {
		sum += c.groups[min(i, len(c.groups)-1)]
		if sum >= n {
			return at
		}
		at = append(at, sum)
	}
}
