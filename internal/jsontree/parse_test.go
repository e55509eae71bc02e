package jsontree

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for in, compact := range map[string]string{
		` null `:                               `null`,
		"\t[ ]\r\n":                            `[]`,
		`{ }`:                                  `{}`,
		`[true,false,"a", -0.50e+07]`:          `[true,false,"a",-0.50e+07]`,
		`{"b" : 1 , "a":[{"b":1.0},{ "c":2}]}`: `{"b":1,"a":[{"b":1.0},{"c":2}]}`,
		`{"\u0061":"\u00e9\/", "a":"<"}`:       `{"\u0061":"\u00e9\/","a":"<"}`,
		`[9007199254740993, 1e400]`:            `[9007199254740993,1e400]`,
	} {
		n, err := Parse([]byte(in))
		if err != nil || n.String() != compact {
			t.Errorf("%s: got %s, %v", in, n, err)
		}
	}
}

func TestParse_faults(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                     "it is empty",
		" \n":                  "it is empty",
		"{":                    "unexpected end of JSON input, line 1, column 1",
		"{\"id\":1}\n{":        "invalid character '{' after top-level value, line 2, column 1",
		"{\"ä\":\"ü\", x}":     "invalid character 'x' looking for beginning of object key string, line 1, column 11",
		"{\n\t\"a\": \"b\n\"}": `invalid character '\n' in string literal, line 2, column 9`,
		"{'a':1}":              `invalid character '\'' looking for beginning of object key string, line 1, column 2`,
		"NaN":                  "invalid character 'N' looking for beginning of value, line 1, column 1",
		"\xef\xbb\xbf{}":       "invalid character 'ï' looking for beginning of value, line 1, column 1",
		"\"\xff\"":             "it is not UTF-8",
		"01":                   "invalid character '1' after top-level value, line 1, column 2",
		"[1,]":                 "invalid character ']' looking for beginning of value, line 1, column 4",
		`"\ud8"`:               `invalid character '"' in \u hexadecimal character escape, line 1, column 6`,
	} {
		n, err := Parse([]byte(in))
		if syntax, ok := errors.AsType[*SyntaxError](err); !ok || syntax.Error() != want || n != nil {
			t.Errorf("%q: got %v, want %s", in, err, want)
		}
	}
	if at := Check([]byte(`{"a":`)).Offset; at != 5 {
		t.Errorf("what ends too early is wrong at its end, not at %d", at)
	}
	if at := Check([]byte(`{"a":x}`)).Offset; at != 5 {
		t.Errorf("the byte at %d is not wrong", at)
	}
}

func TestParseWithin(t *testing.T) {
	t.Parallel()
	nested := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	for _, tt := range []struct {
		name   string
		in     []byte
		limits Limits
		want   error
	}{
		{"as deep as allowed", nested(3), Limits{Depth: 3}, nil},
		{"too deep", nested(4), Limits{Depth: 3}, ErrDepth},
		{"as many as allowed", []byte(`{"a":[1,2],"b":null}`), Limits{Values: 5}, nil},
		{"too many", []byte(`{"a":[1,2],"b":null}`), Limits{Values: 4}, ErrValues},
		{"too many of what is no JSON", []byte(`[1,2,3,`), Limits{Values: 2}, ErrValues},
		{"as deep as encoding/json", nested(maxDepth), Limits{}, nil},
	} {
		if _, err := ParseWithin(tt.in, tt.limits); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
	for _, limits := range []Limits{{}, {Depth: 3}} {
		_, err := ParseWithin(append(nested(maxDepth+1), '}'), limits)
		if _, ok := errors.AsType[*SyntaxError](err); !ok {
			t.Errorf("what is no JSON and too deep is no JSON: %v", err)
		}
	}
}

// FuzzParse compares the parser with encoding/json: both accept the same texts and read the same
// values.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-2.5e3,"x\u00e9\ud83d\ude00\n"],"A":{"a":null,"a":true}}`, `[]`, ` {"a" : { } } `, `"\ud800"`, `"\ud800\u0041"`,
		`"\ud800\ud800\udc00"`, `"\u2028"`, "\"\x7f\"", `-0`, `1e5`, `01`, `-`, `"\x"`, `[1,]`, `{"a":1,}`, `nul`, "\"\xff\"", `1.`, `.5`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := Parse(data)
		if good := json.Valid(data) && utf8.Valid(data); good != (err == nil) || good != (n != nil) {
			t.Fatalf("%q: %v", data, err)
		}
		if err != nil {
			return
		}
		var want any
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		if err := dec.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if got := n.Value(); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: got %#v, want %#v", data, got, want)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, data); err != nil || compact.String() != n.String() {
			t.Fatalf("%q: written as %s, not %s", data, n, compact.String())
		}
		sorted := n.AppendSorted(nil)
		if want, err := Marshal(want); err != nil || string(sorted) != string(want) {
			t.Fatalf("%q: sorted as %s, not %s", data, sorted, want)
		}
		again, err := Parse(sorted)
		if err != nil || !Equal(n, again) {
			t.Fatalf("%q: sorted as %s, %v", data, sorted, err)
		}
		patch, _ := Parse(data)
		if again.Merge(patch); json.Valid([]byte(again.String())) == false {
			t.Fatalf("%q: merged as %s", data, again)
		}
	})
}
