package forgehook

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2025-08-02T09:01:07.037Z":          "2025-08-02T09:01:07.037Z",
		"2025-08-02T09:01:07Z":              "2025-08-02T09:01:07.000Z",
		"2025-08-02T09:01:07.1234567Z":      "2025-08-02T09:01:07.123Z",
		"2025-08-02T09:01:07.1234567":       "2025-08-02T09:01:07.123Z", // no zone is UTC
		"2025-08-02T09:01:07":               "2025-08-02T09:01:07.000Z",
		"2025-08-02T09:01:07.999999999Z":    "2025-08-02T09:01:07.999Z", // cut, not rounded
		"2025-08-02T01:01:07.5+02:00":       "2025-08-01T23:01:07.500Z",
		"2025-08-02":                        "2025-08-02T00:00:00.000Z",
		"0001-01-01T00:00:00":               "0001-01-01T00:00:00.000Z", // .NET's smallest
		"9999-12-31T23:59:59.9999999":       "9999-12-31T23:59:59.999Z", // and its largest
		"9999-12-31T23:59:59.9999999-01:00": "",
		"02/08/2025":                        "",
		"2025-02-30T00:00:00Z":              "",
		"1754125267":                        "",
		"":                                  "",
	} {
		got, err := ParseTime(in)
		if want == "" {
			if err == nil {
				t.Errorf("%q was read as %s", in, got)
			}
			continue
		}
		if err != nil || got.String() != want {
			t.Errorf("%q: got %s, %v; want %s", in, got, err, want)
		}
	}
}

func TestTime_JSON(t *testing.T) {
	t.Parallel()
	var m struct{ At *Time }
	if err := json.Unmarshal([]byte(`{"At":"2025-08-02T09:01:07"}`), &m); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(m)
	if err != nil || string(b) != `{"At":"2025-08-02T09:01:07.000Z"}` {
		t.Errorf("got %s, %v", b, err)
	}
	for _, bad := range []string{`{"At":7}`, `{"At":"soon"}`} {
		if json.Unmarshal([]byte(bad), &m) == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	const bare, form, parts, calendar = "reads a bare number as days", "a duration such as", "hours below 24", "use days"
	for in, want := range map[string]any{
		// .NET
		"00:00:30": 30 * time.Second, "1.00:00:00": 24 * time.Hour, "-00:00:01": -time.Second, "00:00:00.25": 250 * time.Millisecond,
		"0:5": 5 * time.Minute, "10.01:02:03.0000001": 241*time.Hour + 2*time.Minute + 3*time.Second + 100, " 00:01:00 ": time.Minute,
		"24:00:00": parts, "00:60:00": parts, "00:00:60": parts, "999999.00:00:00": parts, "1:2:3:4": form, "00:00:00.12345678": form,
		// ISO 8601
		"PT30S": 30 * time.Second, "P1DT2H": 26 * time.Hour, "pt0.5s": 500 * time.Millisecond, "P2W": 14 * 24 * time.Hour,
		"P1M": calendar, "P1Y": calendar, "P9999999D": form, "PT99999999999999999999S": form, "PT99999999999999999999M": form, "P": form, "PT": form, "PX": form, "P1": form, "PT1": form, "P1DT": 24 * time.Hour, "PT1S2": form, "P1D1D": form, "PT5S5M": form, "PPT5S": form, "P-1D": form,
		// Go
		"30s": 30 * time.Second, "1h30m": 90 * time.Minute, "250ms": 250 * time.Millisecond, "-9223372036854775808ns": form, "300000000h": form,
		// neither
		"5": bare, "0": bare, "1.5": bare, "-3": bare, "NaN": bare, "Inf": bare, "": form, "soon": form, "30 s": form, "30S": form,
	} {
		got, err := ParseDuration(in)
		switch want := want.(type) {
		case time.Duration:
			if err != nil || got != want {
				t.Errorf("%q: got %v, %v; want %v", in, got, err, want)
			}
		case string:
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: got %v, %v; want an error with %q", in, got, err, want)
			}
		}
	}
}

func TestFormatTimeSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "00:00:00", 30 * time.Second: "00:00:30", 120 * time.Hour: "5.00:00:00", 250 * time.Millisecond: "00:00:00.2500000",
		-90 * time.Minute: "-01:30:00", 24*time.Hour + 100: "1.00:00:00.0000001", 99: "00:00:00", -25 * time.Hour: "-1.01:00:00",
	} {
		if got := FormatTimeSpan(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

// A duration is written and read again unchanged, to .NET's 100 ns.
func TestTimeSpan_roundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := TimeSpan(rapid.Int64Range(-1<<62, 1<<62).Draw(t, "ns") / 100 * 100)
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got TimeSpan
		if err := json.Unmarshal(b, &got); err != nil || got != want {
			t.Fatalf("%s: got %v, %v; want %v", b, got, err, want)
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"00:00:30", "-1.02:03:04.0000005", "PT30S", "P1DT2H", "1h30m", "5", "", "PT1E400S", "P-1W", "pt,5s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDuration(s)
		if err != nil {
			return
		}
		again, err := ParseDuration(FormatTimeSpan(d))
		if err != nil || again != d/100*100 {
			t.Errorf("%q is %v, written %s, read %v, %v", s, d, FormatTimeSpan(d), again, err)
		}
	})
}
