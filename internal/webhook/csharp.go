package webhook

import (
	"fmt"
	"regexp"

	"github.com/forgehook/forgehook/internal/expr"
	"github.com/forgehook/forgehook/internal/expr/csharp"
)

// csharpText recognises the platform's C# scripts: "return ...", an interpolated string, or declarations and log lines before either.
var csharpText = regexp.MustCompile(`(?s)^\s*(?://[^\n]*\s*|/\*.*?\*/\s*)*(?:return\b|(?:var|string|int|decimal|double|bool|DateTime)\??\s+\w+\s*=|logger\.\w+\(|\$@?"|@\$")`)

const notTranslated = "C# that can be translated, and this cannot: "

// script is a C# text as an expression.
type script struct {
	program *expr.Program
	json    bool // by JsonSerializer
}

// translate makes an expression of C#; hint is added to what is wrong with it. nil when there is a fault.
func (f *faults) translate(path, source, hint string) (*script, []Warning) {
	t, err := csharp.Translate(source, csharp.Options{})
	if err != nil {
		f.addExpr(path, err, hint)
		return nil, nil
	}
	program, err := expr.Compile(expr.Subject, expr.AnyResult, t.CEL, expr.CSharp())
	if err != nil { // the translator's own mistake; places in its output would mislead
		f.add(path, source, notTranslated+err.Error()+hint)
		return nil, nil
	}
	var warnings []Warning
	for _, w := range t.Warnings {
		warnings = append(warnings, Warning{path, w.Error()})
	}
	return &script{program, t.IsJSON}, warnings
}

// parseCSharpURL takes a string of C# apart, so that each of its values is encoded by its place. nil when there is a fault.
func (f *faults) parseCSharpURL(path, source string) *template {
	translated, err := csharp.Translate(source, csharp.Options{})
	if err != nil {
		f.addExpr(path, err, "")
		return nil
	}
	if len(translated.Parts) == 0 {
		f.add(path, source, `C# that is one interpolated string, like $"https://example.com/{doc.Id}", or a template: https://example.com/{{ doc.id }}`)
		return nil
	}
	t := &template{path: path, source: source, literals: []string{""}, starts: []int{0}}
	for _, part := range translated.Parts {
		if part.CEL == "" {
			t.literals[len(t.literals)-1] += part.Literal
			continue
		}
		program, err := expr.Compile(expr.Subject, expr.AnyResult, part.CEL, expr.CSharp())
		if err != nil {
			f.add(path, source, notTranslated+err.Error())
			return nil
		}
		t.holes = append(t.holes, hole{program: program, where: fmt.Sprintf("value %d of the C# string", len(t.holes)+1)})
		t.literals, t.starts = append(t.literals, ""), append(t.starts, 0)
	}
	return t
}
