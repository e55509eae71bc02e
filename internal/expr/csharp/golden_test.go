package csharp_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr"
	"github.com/forgehook/forgehook/internal/expr/csharp"
)

// expressionRow is a row of testdata/expressions.json: C# code and what the compiled program wrote.
type expressionRow struct {
	Source  string `json:"source"`
	Want    string `json:"want"`
	Error   string `json:"error,omitempty"`   // the exception
	Mono    string `json:"mono,omitempty"`    // Mono's output if .NET 8, or ours, differs
	Differs string `json:"differs,omitempty"` // why
}

func goldenSubject(t testing.TB) *forgehook.Subject {
	t.Helper()
	data, err := os.ReadFile("testdata/subject.json")
	if err != nil {
		t.Fatal(err)
	}
	var sub forgehook.Subject
	if err := json.Unmarshal(data, &sub); err != nil {
		t.Fatal(err)
	}
	sub.Parameter = &sub.Document.ResultParameters[0]
	sub.ParameterDef = sub.Parameter.ParamDef
	sub.Verification = &sub.Parameter.Verifications[0]
	return &sub
}

var acceptedAt = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

func goldenVars(sub *forgehook.Subject) *expr.Vars {
	return expr.SubjectVars(sub, expr.Call{ID: "call", WebHookServiceID: 7, AcceptedAt: acceptedAt})
}

// run translates and evaluates code. It returns the body.
func run(t testing.TB, source string) (string, csharp.Translation, error) {
	t.Helper()
	tr, err := csharp.Translate(source, csharp.Options{})
	if err != nil {
		return "", tr, err
	}
	p, err := expr.Compile(expr.Subject, expr.AnyResult, tr.CEL, expr.With(csharp.Library))
	if err != nil {
		t.Fatalf("%s\nbecame %s\nwhich does not compile: %v", source, tr.CEL, err)
	}
	v, err := p.Eval(goldenVars(goldenSubject(t)))
	if err != nil {
		return "", tr, err
	}
	if tr.IsJSON {
		body, err := v.AppendJSON(nil)
		return string(body), tr, err
	}
	return v.Text(), tr, nil
}

func TestGoldenExpressions(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/expressions.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []expressionRow
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) < 300 {
		t.Fatalf("only %d rows", len(rows))
	}
	for _, row := range rows {
		t.Run(row.Source, func(t *testing.T) {
			t.Parallel()
			got, tr, err := run(t, row.Source)
			var failure *expr.Failure
			switch {
			case row.Error != "":
				if !errors.As(err, &failure) {
					t.Errorf("got %q, %v; C# throws %s\n%s", got, err, row.Error, tr.CEL)
				}
			case err != nil:
				t.Errorf("%v; want %q\n%s", err, row.Want, tr.CEL)
			case tr.IsJSON:
				if g, w := canonical(t, got), canonical(t, row.Want); g != w {
					t.Errorf("got  %s\nwant %s\n%s", g, w, tr.CEL)
				}
			case got != row.Want:
				t.Errorf("got %q, want %q\n%s", got, row.Want, tr.CEL)
			}
		})
	}
}
