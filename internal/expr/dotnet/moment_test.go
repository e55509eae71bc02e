package dotnet

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFormatTime(t *testing.T) {
	t.Parallel()
	monday := time.Date(2026, 1, 5, 7, 30, 2, 250_000_000, time.UTC)
	late := time.Date(2026, 12, 31, 23, 5, 9, 0, time.FixedZone("", 2*3600))
	tests := []struct {
		at                    time.Time
		format, culture, want string
	}{
		{monday, "yyyy-MM-ddTHH:mm:ss.fffZ", "", "2026-01-05T07:30:02.250Z"},
		{monday, "o", "de-DE", "2026-01-05T07:30:02.2500000Z"},
		{late, "O", "", "2026-12-31T23:05:09.0000000+02:00"},
		{monday, "s", "da-DK", "2026-01-05T07:30:02"},
		{monday, "u", "", "2026-01-05 07:30:02Z"},
		{monday, "R", "fr-FR", "Mon, 05 Jan 2026 07:30:02 GMT"},
		{monday, "", "", "01/05/2026 07:30:02"},
		{monday, "d", "", "01/05/2026"},
		{monday, "D", "", "Monday, 05 January 2026"},
		{monday, "f", "en-US", "Monday, January 5, 2026 7:30 AM"},
		{monday, "F", "de-DE", "Montag, 5. Januar 2026 07:30:02"},
		{monday, "g", "en-GB", "05/01/2026 07:30"},
		{monday, "G", "en-ZA", "2026/01/05 07:30:02"},
		{late, "U", "", "Thursday, 31 December 2026 21:05:09"},
		{monday, "t", "da-DK", "07.30"},
		{monday, "T", "cs-CZ", "7:30:02"},
		{monday, "y", "pl-PL", "styczeń 2026"},
		{monday, "m", "es-ES", "5 de enero"},
		{monday, "D", "ja-JP", "2026年1月5日月曜日"},
		{monday, "d MMMM yyyy", "pl-PL", "5 stycznia 2026"},
		{monday, "MMMM yyyy", "cs-CZ", "leden 2026"},
		{monday, "d MMM yy", "de-DE", "5 Jan. 26"},
		{monday, "MMM yy", "de-DE", "Jan 26"},
		{monday, "ddd dddd", "nl-NL", "ma maandag"},
		{monday, "h:mm t", "en-US", "7:30 A"},
		{late, "hh:mm tt", "en-GB", "11:05 pm"},
		{monday, "HH:mm", "da-DK", "07.30"},
		{monday, "dd/MM/yyyy", "de-DE", "05.01.2026"},
		{monday, "%d", "", "5"},
		{monday, "%h", "", "7"},
		{monday, "yyy yyyyy y", "", "2026 02026 26"},
		{monday, "ss.FFF", "", "02.25"},
		{monday.Truncate(time.Second), "ss.FFF", "", "02"},
		{monday.Truncate(time.Second), "ss.fff", "", "02.000"},
		{late, "zzz zz z K", "", "+02:00 +02 +2 +02:00"},
		{monday, "zzz K", "", "+00:00 Z"},
		{monday, `'day' dd \d "of" MM`, "", "day 05 d of 01"},
		{monday, "yyyyMMddHHmmssfff", "", "20260105073002250"},
	}
	for _, tt := range tests {
		got, err := FormatTime(tt.at, tt.format, culture(t, tt.culture))
		if err != nil {
			t.Errorf("%q %s: %v", tt.format, tt.culture, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q %s: -want +got:\n%s", tt.format, tt.culture, diff)
		}
	}
}

func TestFormatTimeRefusals(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"x", "h", "'open", `dd\`, "dd%", "%%", "ffffffff", "yyyyyyyyyyyyyyyyyyyy", strings.Repeat("F.", 300)} {
		_, err := FormatTime(time.Unix(0, 0).UTC(), format, Invariant)
		var refused *FormatError
		if !errors.As(err, &refused) {
			t.Errorf("%q: %v, want a format error", format, err)
		}
	}
	if _, err := FormatTime(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), "o", Invariant); err == nil {
		t.Error("the year 10000 was written")
	}
}

func TestFormatTimeSpan(t *testing.T) {
	t.Parallel()
	long := 26*time.Hour + 3*time.Minute + 4*time.Second + 500*time.Millisecond
	tests := []struct {
		d                     time.Duration
		format, culture, want string
	}{
		{30 * time.Second, "", "", "00:00:30"},
		{long, "c", "de-DE", "1.02:03:04.5000000"},
		{-long, "c", "", "-1.02:03:04.5000000"},
		{long, "g", "", "1:2:03:04.5"},
		{long, "g", "de-DE", "1:2:03:04,5"},
		{long, "G", "", "1:02:03:04.5000000"},
		{-90 * time.Second, "g", "", "-0:01:30"},
		{long, `hh\:mm`, "", "02:03"},
		{long, `d' days, 'h`, "", "1 days, 2"},
		{long, "%s", "", "4"},
		{long, `s\.fff`, "", "4.500"},
		{long, `s\.FFF`, "", "4.5"},
		{long, "dddd", "", "0001"},
		{-1 << 63, "c", "", "-106751.23:47:16.8547758"},
	}
	for _, tt := range tests {
		got, err := FormatTimeSpan(tt.d, tt.format, culture(t, tt.culture))
		if err != nil || got != tt.want {
			t.Errorf("%v %q %s: %q, %v, want %q", tt.d, tt.format, tt.culture, got, err, tt.want)
		}
	}
	for _, format := range []string{"h", "hh:mm", "hhh", `hh\`, "'open", "%%", strings.Repeat("h", 501)} {
		if _, err := FormatTimeSpan(long, format, Invariant); err == nil {
			t.Errorf("%q was not refused", format)
		}
	}
}

func TestAlign(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		s     string
		width int
		want  string
	}{{"ab", 4, "  ab"}, {"ab", -4, "ab  "}, {"abc", 2, "abc"}, {"é", 2, " é"}, {"𝄞", 3, " 𝄞"}, {"", 0, ""}} {
		if got := Align(tt.s, tt.width); got != tt.want {
			t.Errorf("Align(%q, %d): %q, want %q", tt.s, tt.width, got, tt.want)
		}
	}
}
