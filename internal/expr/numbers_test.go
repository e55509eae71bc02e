package expr

import (
	"encoding/json"
	"testing"

	"github.com/forgehook/forgehook"
)

// numbersOf evaluates texts over a sender's JSON and returns the JSON that each gives.
func numbersOf(t *testing.T, language forgehook.Language, source, text string) (string, error) {
	t.Helper()
	p, err := Compile(Input, AnyResult, text, In(language))
	if err != nil {
		return "", err
	}
	vars, err := InputVars(language, json.RawMessage(source), accepted)
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.Eval(vars)
	if err != nil {
		return "", err
	}
	written, err := v.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(written), nil
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	const source = `{"total":1999,"exactly":1999.0,"thirty":30,"subtotal":145,"tax":9.06,"tenth":0.1,"fifth":0.2,"price":100.00,
		"id":12345678901234567890123,"same":12345678901234567890123,"next":12345678901234567890124,"int64":9007199254740993,
		"long":0.12345678901234567890123,"huge":1e999,"zero":0,"name":"x","list":[1,2.5,3.0],"rows":[{"qty":2,"price":1.10}],"neg":-7,"minus":-0}`
	for _, c := range []struct{ text, want string }{
		{`source.total / 100`, `19.99`},
		{`source.exactly / 100`, `19.99`},
		{`source.total / 100.0`, `19.99`},
		{`source.thirty / 4`, `7.5`},
		{`source.thirty / 10`, `3`},
		{`source.subtotal + source.tax`, `154.06`},
		{`source.tenth + source.fifth`, `0.3`},
		{`source.tax - source.subtotal`, `-135.94`},
		{`source.rows.map(r, r.qty * r.price)`, `[2.2]`},
		{`source.total % 100`, `99`},
		{`source.exactly % 100`, `99`},
		{`source.neg % 4`, `-3`},
		{`-source.price`, `-100`},
		{`7 / 2`, `3`},
		{`size(source.name) / 2`, `0`},
		{`cel.bind(n, source.total, n / 2)`, `999.5`},
		{`(source.total > 5 ? source.total : 0) / 2`, `999.5`},
		{`sum(source.list)`, `6.5`},
		{`round(source.total / 7, 2)`, `285.57`},
		{`source.id + 1`, `12345678901234567890124`},
		{`source.int64 + 2`, `9007199254740995`},
		// Passed on as they came.
		{`source.price`, `100.00`},
		{`{"p": source.price, "all": source.list, "id": source.id, "long": source.long}`,
			`{"p":100.00,"all":[1,2.5,3.0],"id":12345678901234567890123,"long":0.12345678901234567890123}`},
		{`coalesce(source.?none, source.price)`, `100.00`},
		{`source.total > 5 ? source.price : source.tax`, `100.00`},
		{`source.list.filter(x, x > 2)`, `[2.5,3.0]`},
		{`text(source.price) + "!"`, `"100.00!"`},
		{`source.huge`, `1e999`},
		{`source.minus`, `-0`},
		{`parseJson("[1.0, 2]")`, `[1.0,2]`},
		{`parseJson("3.0") / 2`, `1.5`},
		// Comparisons.
		{`source.price == 100 && source.price >= 100 && source.price < 100.5 && 100 == source.price`, `true`},
		{`source.id == source.same && source.id != source.next && source.id < source.next`, `true`},
		{`100.0 in [source.price] && source.price in [100]`, `true`},
		{`source.list == [1, 2.5, 3]`, `true`},
		{`{"a": source.price} == {"a": 100}`, `true`},
		{`[source.price, 100, 100.0].distinct().size()`, `1`},
		{`{1: "a"}[source.list[0]]`, `"a"`},
		{`source.list.sortBy(x, -x)`, `[3.0,2.5,1]`},
		// Functions that want one type of number.
		{`"abcdef".substring(source.list[2])`, `"def"`},
		{`math.ceil(source.total)`, `1999`},
		{`math.greatest(source.list)`, `3`},
		{`text(source.price, "N1")`, `"100.0"`},
		{`int(source.price) / 3`, `33`},
		{`number(source.price) * size(source.list)`, `300`},
		{`size(source.list) * 1.5`, `4.5`},
	} {
		if got, err := numbersOf(t, forgehook.LanguageNow, source, c.text); err != nil || got != c.want {
			t.Errorf("%s: got %s, %v, want %s", c.text, got, err, c.want)
		}
	}
	for text, want := range map[string]string{
		`source.total / source.zero`: `line 1, column 1: "source.total / source.zero": this divides by zero`,
		`source.total + source.name`: `line 1, column 1: "source.total + source.name": + does not fit the types of these values: number(x) and text(x) convert them`,
		`source.tax % 2`:             `line 1, column 1: "source.tax % 2": % wants whole numbers`,
	} {
		if _, err := numbersOf(t, forgehook.LanguageNow, source, text); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// Texts of the first language keep CEL's rules, so that a request can be built again byte for byte.
func TestNumbers_language1(t *testing.T) {
	t.Parallel()
	const source = `{"total":1999,"price":100.00,"half":96.6}`
	for text, want := range map[string]string{
		`source.total / 100`:                     `19`,
		`source.price`:                           `100`,
		`source.half / 100.0`:                    `0.966`,
		`parseJson("[1.0]")`:                     `[1]`,
		`{"a": [source.price]}`:                  `{"a":[100]}`,
		`source.price == 100`:                    `true`,
		`source.total > 5 ? null : text("same")`: `null`,
	} {
		if got, err := numbersOf(t, forgehook.Language1, source, text); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
	if got, err := numbersOf(t, forgehook.Language1, source, `source.total / 100.0`); err == nil {
		t.Errorf("an int divided by a double gives %s", got)
	}
}

// A list that holds one list many times is larger than memory. No step looks through it.
func TestNumbers_large(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"dyn(x) == 1", "sets.contains(dyn(x), [source])", "source in dyn(x)", "[source, dyn(x)].exists(e, e == 2)", "dyn(x) == dyn(x)"} {
		for range 20 {
			text = "cel.bind(x, [x, x, x, x, x, x, x, x], " + text + ")"
		}
		text = "cel.bind(x, [source], " + text + ")"
		if _, err := Compile(Input, AnyResult, text); err != nil {
			t.Fatal(err)
		}
		if got, err := numbersOf(t, forgehook.LanguageNow, `1.0`, text); err == nil && got != "false" {
			t.Errorf("%s gives %s", text, got)
		}
	}
}
