package csharp_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/dlclark/regexp2/v2"

	"github.com/forgehook/forgehook"
)

// regexRow is a row of testdata/regexes.json: an outcome of Regex.IsMatch.
type regexRow struct {
	Pattern string `json:"pattern"`
	Input   string `json:"input"`
	Match   bool   `json:"match"`
	Error   string `json:"error,omitempty"` // .NET refuses the pattern
}

func TestGoldenRegexes(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/regexes.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []regexRow
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		re, err := regexp2.Compile(row.Pattern)
		if err != nil {
			if row.Error == "" {
				t.Errorf("%q: %v; .NET takes it", row.Pattern, err)
			}
			continue
		}
		re.MatchTimeout = 10 * time.Second
		got, err := re.MatchString(row.Input)
		if err != nil || row.Error != "" || got != row.Match {
			t.Errorf("%q on %q: %v, %v; .NET says %v %s", row.Pattern, row.Input, got, err, row.Match, row.Error)
		}
	}
}

func TestGoldenTimeSpans(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../dotnet/testdata/corpus.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Kind, Input, Want, Differs string
		Error                      bool
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	asserted := 0
	for _, row := range rows {
		if row.Kind != "timespan.parse" {
			continue
		}
		asserted++
		d, err := forgehook.ParseDuration(row.Input)
		switch {
		case row.Error:
			if err == nil {
				t.Errorf("%q: %v, must be refused %s", row.Input, d, row.Differs)
			}
		case err != nil:
			t.Errorf("%q: %v, want %s", row.Input, err, row.Want)
		case forgehook.FormatTimeSpan(d) != row.Want:
			t.Errorf("%q: %s, want %s", row.Input, forgehook.FormatTimeSpan(d), row.Want)
		}
	}
	if asserted < 40 {
		t.Errorf("only %d rows", asserted)
	}
}
