package forgehook

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sosodev/duration"
)

// Time is a moment as the platform writes it. It is read as RFC 3339 with 0 to 9 fraction digits,
// where a missing zone means UTC, and written in UTC with exactly three.
type Time struct{ time.Time }

const timeLayout = "2006-01-02T15:04:05.000Z"

func (t Time) String() string { return t.UTC().Format(timeLayout) }

func (t Time) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

func (t *Time) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	parsed, err := ParseTime(s)
	if err != nil {
		return err
	}
	*t = parsed
	return nil
}

// ParseTime reads a moment as the platform writes it.
func ParseTime(s string) (Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02"} {
		// An offset can move a moment beyond the years that RFC 3339 can write.
		if t, err := time.Parse(layout, s); err == nil && t.UTC().Year() >= 0 && t.UTC().Year() <= 9999 {
			return Time{t.UTC()}, nil
		}
	}
	return Time{}, errors.New("a date and time like 2026-01-05T07:30:00.000Z")
}

// timeSpan is .NET's constant format: [-][d.]hh:mm:ss[.fffffff].
var timeSpan = regexp.MustCompile(`^(-)?(?:(\d{1,8})\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?$`)

// iso8601 checks the order of the parts. The library takes any order, and the last of repeated
// parts.
var iso8601 = regexp.MustCompile(`(?i)^P(?:[\d.]+Y)?(?:[\d.]+M)?(?:[\d.]+W)?(?:[\d.]+D)?(?:T(?:[\d.]+H)?(?:[\d.]+M)?(?:[\d.]+S)?)?$`)

// ParseDuration reads a .NET TimeSpan ("00:00:30", "1.00:00:00"), an ISO 8601 duration ("PT30S") or
// a Go duration ("30s"). It refuses a bare number, since .NET reads "5" as five days, which is
// hardly meant. It also refuses years and months, whose length depends on the calendar.
func ParseDuration(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return 0, errors.New(`a duration with a unit such as "00:00:30", "PT30S" or "30s": the platform reads a bare number as days`)
	}
	if m := timeSpan.FindStringSubmatch(s); m != nil {
		return parseTimeSpan(m)
	}
	if strings.HasPrefix(strings.ToUpper(s), "P") {
		d, err := duration.Parse(strings.ToUpper(s))
		if err != nil || !iso8601.MatchString(s) || !strings.ContainsAny(s, "0123456789") {
			return 0, errDuration
		}
		if d.Years != 0 || d.Months != 0 {
			return 0, errors.New("a duration without years and months, whose length varies: use days")
		}
		// Checked before the conversion, which overflows silently. The form refuses NaN too.
		if hours := d.Weeks*168 + d.Days*24 + d.Hours + d.Minutes/60 + d.Seconds/3600; !(math.Abs(hours) <= 2_000_000) {
			return 0, errDuration
		}
		return d.ToTimeDuration(), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d == math.MinInt64 { // the one value that cannot be negated
		return 0, errDuration
	}
	return d, nil
}

var errDuration = errors.New(`a duration such as "00:00:30" (TimeSpan), "PT30S" (ISO 8601) or "30s"`)

func parseTimeSpan(m []string) (time.Duration, error) {
	part := func(i int) time.Duration { n, _ := strconv.ParseInt("0"+m[i], 10, 64); return time.Duration(n) }
	days, hours, minutes, seconds := part(2), part(3), part(4), part(5)
	if hours > 23 || minutes > 59 || seconds > 59 || days > 106_000 {
		return 0, errors.New("a TimeSpan with hours below 24, minutes and seconds below 60")
	}
	fraction, _ := strconv.ParseInt((m[6] + "0000000")[:7], 10, 64)
	d := days*24*time.Hour + hours*time.Hour + minutes*time.Minute + seconds*time.Second + time.Duration(fraction)*100
	if m[1] != "" {
		d = -d
	}
	return d, nil
}

// FormatTimeSpan writes a duration as .NET does: "00:00:30", "5.00:00:00", "00:00:00.2500000".
func FormatTimeSpan(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	days, rest := d/(24*time.Hour), d%(24*time.Hour)
	if days > 0 {
		sign += strconv.FormatInt(int64(days), 10) + "."
	}
	s := fmt.Sprintf("%s%02d:%02d:%02d", sign, rest/time.Hour, rest/time.Minute%60, rest/time.Second%60)
	if ticks := rest % time.Second / 100; ticks != 0 {
		s += fmt.Sprintf(".%07d", ticks)
	}
	return s
}

// TimeSpan is a duration in the platform's JSON.
type TimeSpan time.Duration

func (d TimeSpan) MarshalJSON() ([]byte, error) {
	return []byte(`"` + FormatTimeSpan(time.Duration(d)) + `"`), nil
}

func (d *TimeSpan) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	parsed, err := ParseDuration(s)
	if err != nil {
		return err
	}
	*d = TimeSpan(parsed)
	return nil
}
