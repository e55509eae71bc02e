package expr

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/forgehook/forgehook/internal/expr/library"
)

// FuzzCompile: any text compiles or has faults with a position. A compiled one ends, with JSON or a
// failure with a code.
func FuzzCompile(f *testing.F) {
	for _, fn := range library.Docs() {
		for _, e := range fn.Examples {
			f.Add(e.Expr)
		}
	}
	for _, text := range []string{"", "doc.", `"\xff`, "[1].map(x, x.", "{?'a': optional.none()}", "doc.field(1).field('x').lastVerification.status", "1/0", "0.0/0.0"} {
		f.Add(text)
	}
	sub, call := ExampleSubject(), ExampleCall()
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Compile(Subject, AnyResult, text)
		if err != nil {
			faults, ok := errors.AsType[Faults](err)
			if !ok || len(faults) == 0 || faults[0].Line < 1 || faults[0].Column < 1 || faults[0].Message == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		vars := SubjectVars(sub, call)
		v, err := p.Eval(vars)
		if err != nil {
			if failure, ok := errors.AsType[*Failure](err); !ok || failure.Code == "" || failure.Message == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if out, err := v.AppendJSON(nil); err != nil || !json.Valid(out) {
			t.Fatalf("%q: %s, %v", text, out, err)
		}
	})
}
