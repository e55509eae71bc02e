package expr

import (
	"strings"
	"testing"

	"github.com/forgehook/forgehook"
)

// Constant arguments that cannot be meant are refused on save. In texts that an earlier release has
// accepted they stay.
func TestCompile_constantArguments(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`text(doc.dtc, "YYYY-MM-DD")`:                     "line 1, column 15: `\"YYYY-MM-DD\"`: did you mean the date format \"yyyy-MM-dd\"? Text in a format stands in quotes",
		`text(doc.dtc, "yyyy-mm-dd")`:                     `did you mean the date format "yyyy-MM-dd"?`,
		`text(doc.dtc, "%Y-%m-%d")`:                       `did you mean the date format "yyyy-MM-dd"?`,
		`text(now, "HH:MM")`:                              `did you mean the date format "HH:mm"?`,
		`date(doc.comment, ["yyyy-MM-dd", "DD.MM.yyyy"])`: `did you mean the date format`,
		`now - duration("1 day")`:                         `this is no duration: it takes a duration such as "00:00:30" (TimeSpan), "PT30S" (ISO 8601) or "30s"`,
		`now > timestamp("2026-13-01")`:                   `timestamp takes a moment with its zone, such as "2026-01-05T07:30:00Z"`,
		`parseJson("{")`:                                  `this is no JSON`,
		`doc.filename.regexFind("(?<no>\\d+)", "num")`:    `the pattern has no group "num"; it has 0, no`,
		`doc.filename.regexReplace("(a)", "$2")`:          `the pattern has no group "2"; it has 0, 1; a $ itself is written $$`,
	} {
		_, err := Compile(Subject, AnyResult, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
		if _, err := Compile(Subject, AnyResult, text, In(forgehook.Language1)); err != nil {
			t.Errorf("%s in a text of an earlier release: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		`text(doc.dtc, "HH:mm")`:                        "07:30",
		`text(duration("1.00:00:00"), "c")`:             "1.00:00:00",
		`text(duration("P1D"), "c")`:                    "1.00:00:00",
		`text(duration("90m"), "c")`:                    "01:30:00",
		`"a-b".regexReplace("(?<x>a)-(b)", "${x}$1$$")`: "ab$",
	} {
		p, err := Compile(Subject, AnyResult, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if v, err := p.Eval(SubjectVars(ExampleSubject(), ExampleCall())); err != nil || v.Text() != want {
			t.Errorf("%s: got %s, %v, want %s", text, v.Text(), err, want)
		}
	}
}
