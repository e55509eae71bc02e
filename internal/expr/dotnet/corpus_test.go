package dotnet

import (
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
)

// corpusRow is an output of a real C# compiler and runtime, or of .NET 8 where the two differ.
type corpusRow struct {
	Kind, Type, Input, Format, Culture, Want string
	Error                                    bool
	Mono, Differs                            string // what the compiler wrote instead, and why
}

// stated are outputs of .NET 8 that the rows lack, because those follow the Framework. .NET 8
// writes an exponent for more than 17 integer digits of a double, before .NET Core 3.0 for more
// than 15. A negative zero, and a negative number rounded to zero, keeps its minus in custom
// formats too.
var stated = map[[2]string]string{
	{"1e15", ""}: "1000000000000000", {"1e15", "G"}: "1000000000000000", {"1e15", "R"}: "1000000000000000",
	{"1e16", ""}: "10000000000000000", {"1e16", "G"}: "10000000000000000", {"1e16", "R"}: "10000000000000000",
	{"-0.4", "0"}: "-0", {"-0", "0"}: "-0",
}

func TestCorpus(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/corpus.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []corpusRow
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	asserted := map[string]int{}
	for _, row := range rows {
		got, err, ok := row.output(t)
		if !ok {
			continue
		}
		asserted[row.Kind]++
		if want, ok := stated[[2]string{row.Input, row.Format}]; ok && row.Type == "double" && row.Culture == "" {
			row.Want = want
		}
		var format *FormatError
		var unreadable *UnreadableError
		switch {
		case err != nil && !errors.As(err, &format) && !errors.As(err, &unreadable):
			t.Errorf("%+v: an error without type: %v", row, err)
		case row.Error != (err != nil), err == nil && got != row.Want:
			t.Errorf("%s %s %q as %q in %q: %q, %v, want %q, error %v %s", row.Kind, row.Type, row.Input, row.Format, row.Culture, got, err, row.Want, row.Error, row.Differs)
		}
	}
	t.Logf("rows asserted: %v", asserted)
	for _, kind := range []string{"number", "date", "timespan", "date.parse", "number.parse", "align"} {
		if asserted[kind] == 0 {
			t.Errorf("no row of kind %s", kind)
		}
	}
}

// output is what package dotnet writes. ok is false for rows that other tests assert.
func (row corpusRow) output(t *testing.T) (got string, err error, ok bool) {
	c := culture(t, row.Culture)
	switch row.Kind {
	case "number":
		got, err = FormatNumber(row.number(t), row.Format, c)
	case "date":
		got, err = FormatTime(corpusTime(t, row.Input), row.Format, c)
	case "timespan":
		got, err = FormatTimeSpan(corpusSpan(t, row.Input), row.Format, c)
	case "date.parse":
		if row.Error && strings.TrimSpace(row.Input) != row.Input {
			return "", nil, false // ParseTime ignores spaces at both ends, because OCR leaves them
		}
		var at time.Time
		if at, err = ParseTime(row.Input, []string{row.Format}, c); err == nil {
			got, err = FormatTime(at, "o", Invariant)
		}
	case "number.parse":
		return row.parsed(c)
	case "align":
		width, convErr := strconv.Atoi(row.Format)
		if convErr != nil {
			t.Fatal(convErr)
		}
		got = Align(row.Input, width)
	default:
		return "", nil, false
	}
	return got, err, true
}

// parsed compares values. We may read what .NET refuses, but must agree with it on everything else.
func (row corpusRow) parsed(c *Culture) (got string, err error, ok bool) {
	if row.Error {
		return "", nil, false
	}
	amount, err := ParseNumber(row.Input, c)
	want, wantErr := strconv.ParseFloat(row.Want, 64)
	if err == nil && wantErr == nil && amount.Value == want {
		return row.Want, nil, true
	}
	return amount.Text, err, true
}

func (row corpusRow) number(t *testing.T) Number {
	t.Helper()
	switch row.Type {
	case "double":
		f, err := strconv.ParseFloat(row.Input, 64)
		if err != nil {
			t.Fatal(err)
		}
		return Double(f)
	case "decimal":
		return decimal(t, row.Input)
	default:
		n, err := strconv.ParseInt(row.Input, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if row.Type == "long" {
			return Long(n)
		}
		return Int(n)
	}
}

func corpusTime(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC()
}

func corpusSpan(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := forgehook.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
