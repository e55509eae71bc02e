package dotnet

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxMomentText is far longer than any date.
const maxMomentText = 200

// ParseTime reads a date by the first format that fits the whole text, as DateTime.ParseExact does.
// It ignores spaces at both ends and takes any kind of space for a space. Names of months and days
// are the culture's, in any case, in either Unicode form, with or without the dot of an
// abbreviation. Years of two digits are 1950 to 2049. The result is in UTC; a text without a zone
// is read as UTC. A format without a year, or with a day but no month, is refused, because .NET
// would take today's. The error is a *FormatError or an *UnreadableError.
func ParseTime(text string, formats []string, c *Culture) (time.Time, error) {
	for _, f := range formats {
		if err := CheckRead(f); err != nil {
			return time.Time{}, err
		}
	}
	if len(text) > maxMomentText {
		return time.Time{}, &UnreadableError{"date", "it is too long"}
	}
	plain := plainSpaces(strings.TrimSpace(norm.NFC.String(text)))
	if plain == "" {
		return time.Time{}, &UnreadableError{"date", "it is blank"}
	}
	problem := "there is no format to read it with"
	for _, f := range formats {
		pattern, in, utc := expand(f, c)
		pieces, _ := momentPieces(pattern)
		r := momentReader{rest: plain, c: in, pieces: pieces}
		if problem = r.read(); problem != "" {
			continue
		}
		t, wrong := r.moment(utc)
		if problem = wrong; problem == "" {
			return t, nil
		}
	}
	if len(formats) > 1 {
		problem = "none of the formats fits"
	}
	return time.Time{}, &UnreadableError{"date", problem}
}

// CheckRead checks a format for reading dates. The error is a *FormatError.
func CheckRead(format string) error {
	if err := CheckMoment(format); err != nil {
		return err
	}
	pattern, _, _ := expand(format, Invariant)
	pieces, _ := momentPieces(pattern)
	var year, month, number bool
	for _, p := range pieces {
		year = year || p.letter == 'y'
		month = month || p.letter == 'M'
		number = number || p.letter == 'd' && p.count <= 2
		if p.letter == 'g' {
			return &FormatError{"date", format, "an era cannot be read: put the g into quotes if it is text"}
		}
	}
	switch {
	case !year:
		return &FormatError{"date", format, "it reads no year, and today's must not be taken"}
	case number && !month:
		return &FormatError{"date", format, "it reads a day but no month (M; m is minutes)"}
	}
	return nil
}

func plainSpaces(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, s)
}

// momentReader reads a text by the pieces of one format. An unread part is -1.
type momentReader struct {
	rest   string
	c      *Culture
	pieces []piece

	year, month, day, weekday  int
	hour, minute, second       int
	nanoseconds, half, minutes int // half: 0 before noon, 1 after; minutes: the offset from UTC
	twelve, zoned              bool
}

func (r *momentReader) read() (problem string) {
	for _, part := range r.parts() {
		*part = -1
	}
	for i := 0; i < len(r.pieces); i++ {
		p := r.pieces[i]
		if p.letter == 0 && p.text == "." && i+1 < len(r.pieces) && r.pieces[i+1].letter == 'F' && !strings.HasPrefix(r.rest, ".") {
			i++ // ".FFF" may be missing as a whole
			continue
		}
		if !r.piece(p) {
			return "it does not fit the format"
		}
	}
	if r.rest != "" {
		return "it goes on after the format's end"
	}
	return ""
}

func (r *momentReader) parts() []*int {
	return []*int{&r.year, &r.month, &r.day, &r.weekday, &r.hour, &r.minute, &r.second, &r.nanoseconds, &r.half}
}

func (r *momentReader) piece(p piece) bool {
	switch p.letter {
	case 0:
		return r.literal(plainSpaces(norm.NFC.String(p.text)))
	case 'y':
		return r.readYear(p.count)
	case 'M':
		return r.readMonth(p.count)
	case 'd':
		return r.readDay(p.count)
	case 'H':
		return r.digits(&r.hour, p.count)
	case 'h':
		r.twelve = true
		return r.digits(&r.hour, p.count)
	case 'm':
		return r.digits(&r.minute, p.count)
	case 's':
		return r.digits(&r.second, p.count)
	case 'f', 'F':
		return r.fraction(p)
	case 't':
		return r.halfDay(p.count)
	case 'z':
		return r.zone(p.count)
	case 'K':
		return r.anyZone()
	case ':':
		return r.literal(":") || r.literal(r.c.timeSeparator)
	default:
		return r.literal("/") || r.literal(r.c.dateSeparator)
	}
}

func (r *momentReader) literal(text string) bool {
	rest, ok := strings.CutPrefix(r.rest, text)
	r.rest = rest
	return ok
}

// set stores a part. A repeated part must have the same value.
func set(part *int, n int) bool {
	if *part >= 0 && *part != n {
		return false
	}
	*part = n
	return true
}

// take reads between least and most digits.
func (r *momentReader) take(least, most int) (string, bool) {
	n := 0
	for n < len(r.rest) && n < most && r.rest[n] >= '0' && r.rest[n] <= '9' {
		n++
	}
	digits := r.rest[:n]
	r.rest = r.rest[n:]
	return digits, n >= least
}

// digits reads one or two digits for a single letter, else exactly two.
func (r *momentReader) digits(part *int, count int) bool {
	text, ok := r.take(min(count, 2), 2)
	n, err := strconv.Atoi(text)
	return ok && err == nil && set(part, n)
}

func (r *momentReader) readYear(count int) bool {
	least, most := count, count
	if count <= 2 {
		most = 2
	}
	text, ok := r.take(least, most)
	n, err := strconv.Atoi(text)
	if !ok || err != nil {
		return false
	}
	if count <= 2 {
		n += 1900
		if n < 1950 {
			n += 100
		}
	}
	return set(&r.year, n)
}

func (r *momentReader) readMonth(count int) bool {
	if count <= 2 {
		return r.digits(&r.month, count)
	}
	short := count == 3
	n := r.name(r.c.monthNames(short, false), r.c.monthNames(short, true))
	return n >= 0 && set(&r.month, n+1)
}

func (r *momentReader) readDay(count int) bool {
	if count <= 2 {
		return r.digits(&r.day, count)
	}
	names := r.c.days
	if count == 3 {
		names = r.c.shortDays
	}
	n := r.name(names)
	return n >= 0 && set(&r.weekday, n)
}

// name reads the longest matching name and returns its index in its list, or -1.
func (r *momentReader) name(lists ...[]string) int {
	found, longest := -1, 0
	for _, list := range lists {
		for i, name := range list {
			for _, spelling := range []string{name, strings.TrimSuffix(name, "."), strings.TrimSuffix(name, ".") + "."} {
				if n := prefixFold(r.rest, plainSpaces(spelling)); n > longest {
					found, longest = i, n
				}
			}
		}
	}
	r.rest = r.rest[longest:]
	return found
}

// prefixFold returns how many bytes of s match the prefix in any case, 0 if s starts otherwise.
func prefixFold(s, prefix string) int {
	end := 0
	for range utf8.RuneCountInString(prefix) {
		_, size := utf8.DecodeRuneInString(s[end:])
		end += size
	}
	if !strings.EqualFold(s[:end], prefix) {
		return 0
	}
	return end
}

func (r *momentReader) fraction(p piece) bool {
	least := p.count
	if p.letter == 'F' {
		least = 0
	}
	text, ok := r.take(least, p.count)
	n, err := strconv.Atoi((text + "000000000")[:9])
	return ok && err == nil && set(&r.nanoseconds, n)
}

func (r *momentReader) halfDay(count int) bool {
	for i, name := range []string{r.c.am, r.c.pm} {
		name = plainSpaces(name)
		if count == 1 {
			_, size := utf8.DecodeRuneInString(name)
			name = name[:size]
		}
		if n := prefixFold(r.rest, name); n > 0 {
			r.rest = r.rest[n:]
			return set(&r.half, i)
		}
	}
	return false
}

func (r *momentReader) anyZone() bool {
	if r.rest == "" || (r.rest[0] != '+' && r.rest[0] != '-') {
		if rest, ok := strings.CutPrefix(r.rest, "Z"); ok {
			r.rest, r.zoned, r.minutes = rest, true, 0
		}
		return true
	}
	return r.zone(3)
}

func (r *momentReader) zone(count int) bool {
	if r.rest == "" || (r.rest[0] != '+' && r.rest[0] != '-') {
		return false
	}
	negative := r.rest[0] == '-'
	r.rest = r.rest[1:]
	hours, ok := r.take(min(count, 2), 2)
	if !ok {
		return false
	}
	minutes := "0"
	if count >= 3 {
		r.literal(":")
		if minutes, ok = r.take(2, 2); !ok {
			return false
		}
	}
	h, _ := strconv.Atoi(hours)
	m, _ := strconv.Atoi(minutes)
	if h > 14 || m > 59 || h*60+m > 14*60 {
		return false
	}
	if r.minutes = h*60 + m; negative {
		r.minutes = -r.minutes
	}
	r.zoned = true
	return true
}

// moment combines the parts.
func (r *momentReader) moment(utc bool) (time.Time, string) {
	for _, part := range []struct {
		at         *int
		unread     int
		least, top int
	}{
		{&r.year, 1, 1, 9999}, {&r.month, 1, 1, 12}, {&r.day, 1, 1, 31}, {&r.hour, 0, 0, 23}, {&r.minute, 0, 0, 59},
		{&r.second, 0, 0, 59}, {&r.nanoseconds, 0, 0, 999_999_999},
	} {
		if *part.at < 0 {
			*part.at = part.unread
		}
		if *part.at < part.least || *part.at > part.top {
			return time.Time{}, "a part is out of its range"
		}
	}
	if r.twelve {
		if r.hour > 12 {
			return time.Time{}, "the hour of a half day is above 12"
		}
		r.hour = r.hour%12 + 12*max(r.half, 0)
	} else if r.half >= 0 && (r.hour >= 12) != (r.half == 1) {
		return time.Time{}, "the hour and the half of the day differ"
	}
	t := time.Date(r.year, time.Month(r.month), r.day, r.hour, r.minute, r.second, r.nanoseconds, time.UTC)
	switch {
	case t.Day() != r.day:
		return time.Time{}, "the month has no such day"
	case r.weekday >= 0 && int(t.Weekday()) != r.weekday:
		return time.Time{}, "the day of the week does not match"
	}
	if r.zoned && !utc {
		t = t.Add(-time.Duration(r.minutes) * time.Minute)
	}
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, "its year is out of range"
	}
	return t, ""
}
