package expr

import (
	"strings"
	"testing"
)

func TestCompile_intLiteralBesideDouble(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`number(doc.field("Total").value) > 1000`:              "True",
		`1000 < number(doc.field("Total").value)`:              "True",
		`number("2.5") * 2 + 1 == 6`:                           "True",
		`doc.field("Total").confidence < 1`:                    "True",
		`(number("1") + 1) / 4 - 1 * 1.5`:                      "-1",
		`[1.5, 2.5].map(x, x * 2).exists(x, x == 5)`:           "True",
		`doc.id + 1 > 2 && round(number("2.5") * 10, 0) != -1`: "True",
		`7 / 2`: "3", // two ints stay ints
		`cel.bind(n, number("3"), n * 2 > 5 ? n - 1 : n)`: "2",
	} {
		p, err := Compile(Subject, AnyResult, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		v, err := p.Eval(SubjectVars(ExampleSubject(), ExampleCall()))
		if err != nil || v.Text() != want {
			t.Errorf("%s: got %s, %v, want %s", text, v.Text(), err, want)
		}
		if p.Text() != text {
			t.Errorf("%s is shown as %s", text, p.Text())
		}
	}
	for text, want := range map[string]string{
		`doc.id == number("1")`:                      "double(x) makes a double of an int",
		`number("2") * 2 > 1 && doc.filenmae == "x"`: "did you mean filename?",
		`number("2") > "1"`:                          "number(x) makes a number of a string",
	} {
		if _, err := Compile(Subject, BoolResult, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// A choice between null and a value, or between an int and a double, has only one meaning.
func TestCompile_choice(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`doc.externalId == null ? null : text(doc.externalId)`: `"PO-7"`,
		`doc.id == 1 ? "a" : null`:                             `null`,
		`doc.id == 912 ? "a" : null`:                           `"a"`,
		`doc.id == 912 ? 1 : 1.5`:                              `1`,
		`doc.id == 1 ? doc.id : 1.5`:                           `1.5`,
		`doc.id == 1 ? null : {"a": 1}`:                        `{"a":1}`,
		`doc.id == 1 ? [1] : null`:                             `null`,
		`(doc.id == 1 ? null : number("7")) / 2`:               `3.5`,
		`doc.id == 1 ? null : doc.id == 2 ? "b" : "c"`:         `"c"`,
		`doc.fields().map(f, f.name == "Total" ? 1 : null)[0]`: `1`,
	} {
		p, err := Compile(Subject, AnyResult, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		v, err := p.Eval(SubjectVars(ExampleSubject(), ExampleCall()))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, _ := v.AppendJSON(nil); string(got) != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		`doc.id == 1 ? "a" : doc.id`:         "both values of a choice must be of one type, and these are a string and an int: write text(doc.id)",
		`doc.id ? 1 : 2`:                     "the condition before ? must be true or false, and this is an int",
		`doc.id == 1 ? [1] : {"a": 1}`:       "both values of a choice must be of one type, and these are a list and a map: dyn([1]) leaves the type open",
		`doc.id == 1 ? null : doc.nmae`:      `column 26: "doc.nmae"`,
		`doc.id == 1 ? null : text(1, 2, 3)`: `text does not take`,
		`has(doc[doc.filename])`:             `write "k in row"`,
	} {
		if _, err := Compile(Subject, AnyResult, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
