package csharp_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
	"unicode/utf8"

	"github.com/forgehook/forgehook/internal/expr"
	"github.com/forgehook/forgehook/internal/expr/csharp"
)

// FuzzTranslate: any text is refused with a position, or its translation compiles.
func FuzzTranslate(f *testing.F) {
	data, err := os.ReadFile("testdata/expressions.json")
	if err != nil {
		f.Fatal(err)
	}
	var rows []expressionRow
	if err := json.Unmarshal(data, &rows); err != nil {
		f.Fatal(err)
	}
	for _, row := range rows {
		f.Add(row.Source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		tr, err := csharp.Translate(source, csharp.Options{})
		if err != nil {
			var faults expr.Faults
			if !errors.As(err, &faults) || len(faults) == 0 {
				t.Fatalf("%v is no list of faults", err)
			}
			for _, fault := range faults {
				if fault.Line < 1 || fault.Column < 1 || fault.Message == "" || utf8.ValidString(source) && !utf8.ValidString(fault.Text) {
					t.Fatalf("%#v", fault)
				}
			}
			return
		}
		if _, err := expr.Compile(expr.Subject, expr.AnyResult, tr.CEL, expr.With(csharp.Library)); err != nil {
			t.Fatalf("%s\nbecame %s\nwhich does not compile: %v", source, tr.CEL, err)
		}
	})
}
