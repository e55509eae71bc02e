package dotnet

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// FormatTimeSpan writes a duration as a TimeSpan, by a standard format (c, g, G) or a custom one
// ("hh\:mm"). "" means c. A custom format writes no minus, as in .NET. The error is a *FormatError.
func FormatTimeSpan(d time.Duration, format string, c *Culture) (string, error) {
	if err := CheckDuration(format); err != nil {
		return "", err
	}
	s := spanOf(d)
	switch format {
	case "", "c", "t", "T":
		return s.constant(), nil
	case "g":
		return s.general(c), nil
	case "G":
		return fmt.Sprintf("%s%d:%02d:%02d:%02d%s%07d", s.sign, s.days, s.hours, s.minutes, s.seconds, c.decimal, s.ticks), nil
	}
	pieces, _ := spanPieces(format)
	var b strings.Builder
	for _, p := range pieces {
		s.write(&b, p)
	}
	return b.String(), nil
}

// CheckDuration checks a TimeSpan format. The error is a *FormatError.
func CheckDuration(format string) error {
	if len(format) > maxFormat {
		return &FormatError{"duration", format[:20] + "...", formatTooLong}
	}
	if utf8.RuneCountInString(format) == 1 {
		if !strings.Contains("ctTgG", format) {
			return &FormatError{"duration", format, "a single letter is one of c g G; for a part alone write %" + format}
		}
		return nil
	}
	if _, problem := spanPieces(format); problem != "" {
		return &FormatError{"duration", format, problem}
	}
	return nil
}

// span is a duration in parts, none of them negative.
type span struct {
	sign                                 string
	days, hours, minutes, seconds, ticks int64
}

func spanOf(d time.Duration) span {
	s := span{}
	total := int64(d / 100) // ticks can always be negated, nanoseconds cannot
	if total < 0 {
		s.sign, total = "-", -total
	}
	const second = int64(time.Second / 100)
	s.ticks = total % second
	s.seconds = total / second % 60
	s.minutes = total / second / 60 % 60
	s.hours = total / second / 3600 % 24
	s.days = total / second / 86400
	return s
}

func (s span) constant() string {
	text := s.sign
	if s.days > 0 {
		text += fmt.Sprintf("%d.", s.days)
	}
	text += fmt.Sprintf("%02d:%02d:%02d", s.hours, s.minutes, s.seconds)
	if s.ticks > 0 {
		text += fmt.Sprintf(".%07d", s.ticks)
	}
	return text
}

func (s span) general(c *Culture) string {
	text := s.sign
	if s.days > 0 {
		text += fmt.Sprintf("%d:", s.days)
	}
	text += fmt.Sprintf("%d:%02d:%02d", s.hours, s.minutes, s.seconds)
	if s.ticks > 0 {
		text += c.decimal + strings.TrimRight(fmt.Sprintf("%07d", s.ticks), "0")
	}
	return text
}

func (s span) write(b *strings.Builder, p piece) {
	digits := fmt.Sprintf("%07d", s.ticks)
	switch p.letter {
	case 0:
		b.WriteString(p.text)
	case 'd':
		fmt.Fprintf(b, "%0*d", p.count, s.days)
	case 'h':
		fmt.Fprintf(b, "%0*d", p.count, s.hours)
	case 'm':
		fmt.Fprintf(b, "%0*d", p.count, s.minutes)
	case 's':
		fmt.Fprintf(b, "%0*d", p.count, s.seconds)
	case 'f':
		b.WriteString(digits[:p.count])
	case 'F':
		b.WriteString(strings.TrimRight(digits[:p.count], "0"))
	}
}

// spanLetters are the letters of a custom TimeSpan format, with how often each may repeat. Other
// characters must be quoted: .NET refuses "hh:mm" too.
var spanLetters = map[byte]int{'d': 8, 'h': 2, 'm': 2, 's': 2, 'f': 7, 'F': 7}

func spanPieces(format string) (pieces []piece, problem string) {
	alone := false // after a percent sign
	for i := 0; i < len(format); {
		ch, single := format[i], alone
		alone = false
		most, isLetter := spanLetters[ch]
		switch {
		case isLetter:
			n := 1
			for !single && i+n < len(format) && format[i+n] == ch {
				n++
			}
			if n > most {
				return nil, fmt.Sprintf("at most %d times %c in a row", most, ch)
			}
			pieces = append(pieces, piece{letter: ch, count: n})
			i += n
		case ch == '\'' || ch == '"':
			text, size, ok := quoted(format[i:])
			if !ok {
				return nil, "a quote is not closed"
			}
			pieces = append(pieces, piece{text: text})
			i += size
		case ch == '\\' && i+1 < len(format):
			_, size := utf8.DecodeRuneInString(format[i+1:])
			pieces = append(pieces, piece{text: format[i+1 : i+1+size]})
			i += 1 + size
		case ch == '%' && i+1 < len(format) && format[i+1] != '%':
			alone = true
			i++
		default:
			r, _ := utf8.DecodeRuneInString(format[i:])
			return nil, fmt.Sprintf("%q must stand behind a backslash or in quotes; the letters are d h m s f F", r)
		}
	}
	return pieces, ""
}

// Align pads a text as C#'s {value,8} does: on the left, or on the right for a negative width. It
// counts UTF-16 code units.
func Align(s string, width int) string {
	fill := max(width, -width) - utf16Length(s)
	switch {
	case fill <= 0:
		return s
	case width < 0:
		return s + strings.Repeat(" ", fill)
	default:
		return strings.Repeat(" ", fill) + s
	}
}

func utf16Length(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}
