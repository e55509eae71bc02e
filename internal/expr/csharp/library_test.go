package csharp

import (
	"testing"

	"github.com/forgehook/forgehook/internal/expr"
)

// Details that translated bodies rely on. The golden files assert what C# itself gives.
func TestCSharpFunctions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`cs_int(2147483647, "+", 1)`:                         `-2147483648`,
		`cs_int(null, "+", 1)`:                               `null`,
		`cs_int(-7, "/", 2)`:                                 `-3`,
		`cs_long(9223372036854775807, "+", 1)`:               `-9223372036854775808`,
		`cs_double(1, "/", 4)`:                               `0.25`,
		`cs_compare(null, "<", 1)`:                           `false`,
		`cs_compare(1, "<=", 1.5)`:                           `true`,
		`cs_equal(null, null)`:                               `true`,
		`cs_equal(1, 1.0)`:                                   `true`,
		`cs_enum("VerificationStatus", 3)`:                   `"Required, Suspicious"`,
		`cs_enum("DocumentStatus", 77)`:                      `"77"`,
		`cs_enum("DocumentStatus", null)`:                    `""`,
		`cs_json({"b": "<é>", "a": [1, null]})`:              `"{\"b\":\"\\u003C\\u00E9\\u003E\",\"a\":[1,null]}"`,
		`cs_jsonTime(timestamp("2026-01-05T07:30:00.250Z"))`: `"2026-01-05T07:30:00.25Z"`,
		`cs_length("😀")`:                                     `2`,
		`cs_split("a,b;;c", [",", ";"], "e")`:                `["a","b","c"]`,
		`cs_order(["b", "a", "A"], ["b", "a", "A"], false)`:  `["a","A","b"]`,
		`cs_order([1, 2, 3], [null, 2, 1], false)`:           `[1,3,2]`,
		`cs_sum([1, null, 2], "cs_int")`:                     `3`,
		`cs_first([], 7)`:                                    `7`,
		`cs_any([1, 0], x, 1 / x == 1)`:                      `true`,
		`cs_all([2, 0], x, 1 / x == 1)`:                      `false`,
		`cs_find([1, 2, 0], x, 2 / x == 1)`:                  `[2]`,
	} {
		p, err := expr.Compile(expr.Subject, expr.AnyResult, text, expr.With(Library))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		v, err := p.Eval(expr.SubjectVars(expr.ExampleSubject(), expr.ExampleCall()))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := v.AppendJSON(nil); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v, want %s", text, got, err, want)
		}
	}
}

func TestCSharpFunctionsFail(t *testing.T) {
	t.Parallel()
	for text, code := range map[string]string{
		`cs_int(1, "/", 0)`:                               "expression_error",
		`cs_value(null)`:                                  "expression_null",
		`cs_first([])`:                                    "expression_error",
		`cs_sum([2147483647, 1], "cs_int")`:               "expression_error",
		`cs_substring("abc", 4)`:                          "expression_error",
		`cs_at([1], 1)`:                                   "expression_error",
		`cs_toInt(1e10)`:                                  "expression_error",
		`cs_any([0, 1], x, 1 / x == 1)`:                   "expression_error",
		`cs_find([0, 1], x, 1 / x == 1)`:                  "expression_error",
		`cs_upper(null)`:                                  "expression_null",
		`cs_add(now, 1e9, "days")`:                        "expression_error",
		`cs_replace(cs_align("", 5000000), " ", "aaaaa")`: "expression_limit",
		`cs_align("", 2000000000)`:                        "expression_limit",
		`cs_align("", -2000000000)`:                       "expression_limit",
		`cs_split(cs_align("", 100000), lists.range(1000).map(i, "x"), "")`:                                  "expression_limit",
		`cs_trim(cs_align("", 100000), "", cs_align("", 100000))`:                                            "expression_limit",
		`cs_json(lists.range(100000).map(i, "a".padLeft(300)))`:                                              "expression_limit",
		`cs_equal(lists.range(1000).map(i, lists.range(1000)), lists.range(1000).map(i, lists.range(1000)))`: "expression_limit",
	} {
		p, err := expr.Compile(expr.Subject, expr.AnyResult, text, expr.With(Library))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		v, err := p.Eval(expr.SubjectVars(expr.ExampleSubject(), expr.ExampleCall()))
		failure, ok := err.(*expr.Failure) //nolint:errorlint // it is never wrapped
		if !ok || string(failure.Code) != code {
			t.Errorf("%s: %q, %v, want %s", text, v.Text(), err, code)
		}
	}
}

// Expressions that people write do not have these functions.
func TestCSharpFunctionsAreHidden(t *testing.T) {
	t.Parallel()
	if _, err := expr.Compile(expr.Subject, expr.AnyResult, `cs_int(1, "+", 1)`); err == nil {
		t.Error("it compiles without CSharp")
	}
}
