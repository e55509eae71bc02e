package dotnet

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// fuzzCulture picks a culture by number.
func fuzzCulture(n uint8) *Culture {
	if all := append([]*Culture{Invariant}, cultures...); int(n) < len(all) {
		return all[n]
	}
	return Invariant
}

// checkError asserts that an error has one of our types and does not contain the text.
func checkError(t *testing.T, err error, text string) {
	t.Helper()
	var format *FormatError
	var unreadable *UnreadableError
	if !errors.As(err, &format) && !errors.As(err, &unreadable) {
		t.Fatalf("an error without type: %v", err)
	}
	if unreadable != nil && len(text) > 12 && strings.Contains(err.Error(), text) {
		t.Fatalf("the error holds the text: %v", err)
	}
}

func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"1,234.50", "R 1 234,50", "(5)", "12,-", "1’234.—", "5.00-", "1e5", "1.2.3", "¤5", "-\xff", "k", "\u017fFr. 5"} {
		f.Add(s, uint8(0))
		f.Add(s, uint8(4))
	}
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		c := fuzzCulture(n)
		amount, err := ParseNumber(text, c)
		if err != nil {
			checkError(t, err, text)
			return
		}
		if math.IsNaN(amount.Value) || math.IsInf(amount.Value, 0) {
			t.Fatalf("%q is %v", text, amount.Value)
		}
		again, err := ParseNumber(amount.Text, Invariant)
		if err != nil || again.Value != amount.Value || again.Text != amount.Text {
			t.Fatalf("%q is %q, which reads as %+v, %v", text, amount.Text, again, err)
		}
	})
}

func FuzzFormatNumber(f *testing.F) {
	for _, format := range []string{"", "F2", "N0", "E3", "#,##0.00;(0);zero", "0.0%", "##0.0E+00", `\#'x'"y`, "0,,", "C", "P", "X4", "R", "e", ".#", "\xff0"} {
		f.Add(1234.567, format, uint8(0))
		f.Add(-0.004, format, uint8(20))
	}
	f.Fuzz(func(t *testing.T, v float64, format string, n uint8) {
		c := fuzzCulture(n)
		for _, number := range []Number{Double(v), Int(int64(math.Float64bits(v)))} {
			text, err := FormatNumber(number, format, c)
			if err != nil {
				checkError(t, err, "")
				continue
			}
			if utf8.ValidString(format) && !utf8.ValidString(text) {
				t.Fatalf("%v as %q: %q is no UTF-8", v, format, text)
			}
			if len(text) > 3000+10*len(format) {
				t.Fatalf("%v as %q has %d bytes", v, format, len(text))
			}
		}
	})
}

func FuzzFormatTime(f *testing.F) {
	for _, format := range []string{"", "o", "dd/MM/yyyy", "d MMMM yyyy", "h:mm tt zzz", "ss.FFF", "'x' %d", `\d`, "ddd, dd MMM yyyy", "K", "yyyyy g"} {
		f.Add(int64(1767598202), int64(250_000_000), format, uint8(0))
		f.Add(int64(-1), int64(0), format, uint8(4))
	}
	f.Fuzz(func(t *testing.T, seconds, nanoseconds int64, format string, n uint8) {
		c := fuzzCulture(n)
		at := time.Unix(seconds%200_000_000_000, nanoseconds%1_000_000_000).UTC()
		text, err := FormatTime(at, format, c)
		if err != nil {
			checkError(t, err, "")
			return
		}
		if utf8.ValidString(format) && !utf8.ValidString(text) {
			t.Fatalf("%v as %q: %q is no UTF-8", at, format, text)
		}
		// The two formats that keep everything read back what they wrote.
		if format == "o" || format == "O" {
			back, err := ParseTime(text, []string{format}, c)
			if err != nil || !back.Equal(at.Truncate(100)) {
				t.Fatalf("%v is %q, which reads as %v, %v", at, text, back, err)
			}
		}
	})
}

func FuzzParseTime(f *testing.F) {
	for _, s := range [][2]string{
		{"25/12/2018", "dd/MM/yyyy"}, {"5 févr. 2026", "d MMM yyyy"}, {"2026-01-05T07:30:00+02:00", "yyyy-MM-ddTHH:mm:sszzz"},
		{"1/5/2026 1:30 pm", "M/d/yyyy h:mm tt"}, {"2026-01-05 07:30:00.25", "yyyy-MM-dd HH:mm:ss.FFF"}, {"\xff", "yy"}, {"Montag, 5. Januar 2026", "D"},
	} {
		f.Add(s[0], s[1], uint8(0))
		f.Add(s[0], s[1], uint8(4))
	}
	f.Fuzz(func(t *testing.T, text, format string, n uint8) {
		c := fuzzCulture(n)
		at, err := ParseTime(text, []string{format}, c)
		if err != nil {
			checkError(t, err, text)
			return
		}
		if at.Location() != time.UTC || at.Year() < 1 || at.Year() > 9999 {
			t.Fatalf("%q as %q is %v", text, format, at)
		}
	})
}
