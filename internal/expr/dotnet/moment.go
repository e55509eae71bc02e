package dotnet

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// FormatTime writes a moment in its own location, by a standard format (d D f F g G m o r s t T u U
// y) or a custom one ("dd/MM/yyyy HH:mm"). "" means G. K and z write the location's offset, K
// writes UTC as Z. The error is a *FormatError.
func FormatTime(t time.Time, format string, c *Culture) (string, error) {
	if err := CheckMoment(format); err != nil {
		return "", err
	}
	if year := t.Year(); year < 1 || year > 9999 {
		return "", &FormatError{"date", format, "only years 1 to 9999 can be written"}
	}
	pattern, c, utc := expand(format, c)
	if utc {
		t = t.UTC()
	}
	pieces, _ := momentPieces(pattern)
	w := momentWriter{t: t, c: c, pieces: pieces}
	for i := range pieces {
		w.write(i)
	}
	return w.out.String(), nil
}

// CheckMoment checks a format for writing dates. The error is a *FormatError.
func CheckMoment(format string) error {
	if len(format) > maxFormat {
		return &FormatError{"date", format[:20] + "...", formatTooLong}
	}
	if utf8.RuneCountInString(format) == 1 && !strings.Contains(standardMoments, format) {
		return &FormatError{"date", format, "a single letter is one of d D f F g G m o r s t T u U y; for a part alone write %" + format}
	}
	pattern, _, _ := expand(format, Invariant)
	if _, problem := momentPieces(pattern); problem != "" {
		return &FormatError{"date", format, problem}
	}
	return nil
}

const standardMoments = "dDfFgGmMoOrRstTuUyY"

// expand returns the custom format of a standard one, and the culture to use.
func expand(format string, c *Culture) (pattern string, in *Culture, utc bool) {
	switch format {
	case "d":
		return c.shortDate, c, false
	case "D":
		return c.longDate, c, false
	case "f":
		return c.longDate + " " + c.shortTime, c, false
	case "F":
		return c.longDate + " " + c.longTime, c, false
	case "g":
		return c.shortDate + " " + c.shortTime, c, false
	case "", "G":
		return c.shortDate + " " + c.longTime, c, false
	case "m", "M":
		return c.monthDay, c, false
	case "o", "O":
		return "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK", Invariant, false
	case "r", "R":
		return "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'", Invariant, false
	case "s":
		return "yyyy'-'MM'-'dd'T'HH':'mm':'ss", Invariant, false
	case "t":
		return c.shortTime, c, false
	case "T":
		return c.longTime, c, false
	case "u":
		return "yyyy'-'MM'-'dd HH':'mm':'ss'Z'", Invariant, false
	case "U":
		return c.longDate + " " + c.longTime, c, true
	case "y", "Y":
		return c.yearMonth, c, false
	}
	return format, c, false
}

// piece is a run of one letter, or literal text.
type piece struct {
	letter byte // 0: literal
	count  int
	text   string
}

const momentLetters = "dfFgHhKmMstyz:/"

// momentPieces splits a custom format. problem is "" if the format is valid.
func momentPieces(format string) (pieces []piece, problem string) {
	alone := false // after a percent sign
	for i := 0; i < len(format); {
		ch, single := format[i], alone
		alone = false
		switch {
		case ch == '\'' || ch == '"':
			text, size, ok := quoted(format[i:])
			if !ok {
				return nil, "a quote is not closed"
			}
			pieces = append(pieces, piece{text: text})
			i += size
		case ch == '\\':
			if i+1 == len(format) {
				return nil, "nothing follows the backslash"
			}
			_, size := utf8.DecodeRuneInString(format[i+1:])
			pieces = append(pieces, piece{text: format[i+1 : i+1+size]})
			i += 1 + size
		case ch == '%':
			if i+1 == len(format) || format[i+1] == '%' {
				return nil, "a letter must follow the percent sign"
			}
			alone = true
			i++
		case strings.IndexByte(momentLetters, ch) >= 0:
			n := 1
			for !single && ch != ':' && ch != '/' && ch != 'K' && i+n < len(format) && format[i+n] == ch {
				n++
			}
			if n > 7 && (ch == 'f' || ch == 'F') {
				return nil, "a second has at most 7 digits after the point"
			}
			if n > 16 {
				return nil, fmt.Sprintf("%d times %q in a row", n, ch)
			}
			pieces = append(pieces, piece{letter: ch, count: n})
			i += n
		default:
			_, size := utf8.DecodeRuneInString(format[i:])
			pieces = append(pieces, piece{text: format[i : i+size]})
			i += size
		}
	}
	return pieces, ""
}

// quoted reads '...' or "...". A backslash takes the next character as it is.
func quoted(s string) (text string, size int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return b.String(), i + 1, true
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return "", 0, false
}

type momentWriter struct {
	out    strings.Builder
	t      time.Time
	c      *Culture
	pieces []piece
}

func (w *momentWriter) write(i int) {
	p := w.pieces[i]
	switch p.letter {
	case 0:
		w.out.WriteString(p.text)
	case 'y':
		w.year(p.count)
	case 'M':
		w.month(i)
	case 'd':
		w.day(p.count)
	case 'H':
		w.number(w.t.Hour(), min(p.count, 2))
	case 'h':
		w.number((w.t.Hour()+11)%12+1, min(p.count, 2))
	case 'm':
		w.number(w.t.Minute(), min(p.count, 2))
	case 's':
		w.number(w.t.Second(), min(p.count, 2))
	case 'f':
		w.out.WriteString(ticks(w.t.Nanosecond())[:p.count])
	case 'F':
		w.optionalFraction(p.count)
	case 't':
		w.halfDay(p.count)
	case 'z', 'K':
		w.zone(p)
	case 'g':
		w.out.WriteString("A.D.")
	case ':':
		w.out.WriteString(w.c.timeSeparator)
	case '/':
		w.out.WriteString(w.c.dateSeparator)
	}
}

// number writes n with at least so many digits.
func (w *momentWriter) number(n, least int) {
	digits := strconv.Itoa(n)
	w.out.WriteString(strings.Repeat("0", max(least-len(digits), 0)) + digits)
}

func (w *momentWriter) year(count int) {
	if count <= 2 {
		w.number(w.t.Year()%100, count)
		return
	}
	w.number(w.t.Year(), count)
}

func (w *momentWriter) month(i int) {
	count := w.pieces[i].count
	if count <= 2 {
		w.number(int(w.t.Month()), count)
		return
	}
	w.out.WriteString(w.c.monthNames(count == 3, besideDay(w.pieces, i))[w.t.Month()-1])
}

// besideDay reports whether the nearest day before or after a month is a number. Such a month is in
// the genitive.
func besideDay(pieces []piece, month int) bool {
	near := func(from, step int) bool {
		for i := from; i >= 0 && i < len(pieces); i += step {
			if pieces[i].letter == 'd' {
				return pieces[i].count <= 2
			}
			if pieces[i].letter == 0 && strings.Contains(pieces[i].text, "d") { // as in .NET, which ignores quotes here
				return true
			}
		}
		return false
	}
	return near(month-1, -1) || near(month+1, 1)
}

func (w *momentWriter) day(count int) {
	switch {
	case count <= 2:
		w.number(w.t.Day(), count)
	case count == 3:
		w.out.WriteString(w.c.shortDays[w.t.Weekday()])
	default:
		w.out.WriteString(w.c.days[w.t.Weekday()])
	}
}

// ticks returns the fraction of a second in .NET's ticks of 100 ns, with all seven digits.
func ticks(nanoseconds int) string { return fmt.Sprintf("%07d", nanoseconds/100) }

// optionalFraction omits trailing zeros, and the point if no digit remains.
func (w *momentWriter) optionalFraction(count int) {
	digits := strings.TrimRight(ticks(w.t.Nanosecond())[:count], "0")
	if digits == "" {
		text := strings.TrimSuffix(w.out.String(), ".")
		w.out.Reset()
		w.out.WriteString(text)
	}
	w.out.WriteString(digits)
}

func (w *momentWriter) halfDay(count int) {
	name := w.c.am
	if w.t.Hour() >= 12 {
		name = w.c.pm
	}
	if count == 1 {
		_, size := utf8.DecodeRuneInString(name)
		name = name[:size]
	}
	w.out.WriteString(name)
}

func (w *momentWriter) zone(p piece) {
	_, offset := w.t.Zone()
	if p.letter == 'K' && offset == 0 {
		w.out.WriteByte('Z')
		return
	}
	w.out.WriteString(offsetText(offset/60, p))
}

func offsetText(minutes int, p piece) string {
	mark := "+"
	if minutes < 0 {
		mark, minutes = "-", -minutes
	}
	switch {
	case p.letter == 'z' && p.count == 1:
		return mark + strconv.Itoa(minutes/60)
	case p.letter == 'z' && p.count == 2:
		return fmt.Sprintf("%s%02d", mark, minutes/60)
	default:
		return fmt.Sprintf("%s%02d:%02d", mark, minutes/60, minutes%60)
	}
}
