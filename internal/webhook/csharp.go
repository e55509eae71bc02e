package webhook

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/forgehook/forgehook/internal/expr"
	"github.com/forgehook/forgehook/internal/expr/csharp"
	"github.com/forgehook/forgehook/internal/place"
)

// csharpText recognises C# scripts of the platform: "return ...", an interpolated string, or
// declarations and log lines before one of them.
var csharpText = regexp.MustCompile(`(?s)^\s*(?://[^\n]*\s*|/\*.*?\*/\s*)*(?:return\b|(?:var|string|int|decimal|double|bool|DateTime)\??\s+\w+\s*=|logger\.\w+\(|\$@?"|@\$")`)

const notTranslated = "C# that can be translated; this cannot be: "

// maxParts bounds the generated code of all values in a string, in bytes. Each value repeats the
// declarations before it.
const maxParts = 128 << 10

// compileScript reads a body in C# and appends hint to its faults. A script that builds a string
// becomes a template, which encodes each value for its place. A warning names values that cannot be
// encoded. It returns false where there is a fault.
func (f *faults) compileScript(c *content, source, contentType, hint string) ([]Warning, bool) {
	t, err := csharp.Translate(source, csharp.Options{})
	if err != nil {
		f.addExpr(bodyPath, err, hint)
		return nil, false
	}
	var warnings []Warning
	for _, w := range t.Warnings {
		warnings = append(warnings, Warning{bodyPath, w.Error()})
	}
	asItIs := unencoded(contentType)
	if asItIs != "" && len(t.Parts) > 0 && codeSize(t.Parts) <= maxParts {
		if c.text = f.compileParts(bodyPath, source, t.Parts, hint); c.text == nil {
			return nil, false
		}
		if placeParts(c.text, t.Parts, contentType) {
			asItIs = ""
		}
	} else if c.program, err = expr.Compile(expr.Subject, expr.AnyResult, t.CEL, expr.With(csharp.Library), expr.In(f.language)); err != nil {
		f.add(bodyPath, source, notTranslated+err.Error()+hint) // a bug of the translator; positions in its output would mislead
		return nil, false
	}
	if asItIs != "" && (!c.json || !t.IsJSON) {
		warnings = append(warnings, Warning{bodyPath, asItIs})
	}
	return warnings, true
}

// unencoded is the warning for a body whose values are not encoded, or "" for a type that needs no
// encoding.
func unencoded(contentType string) string {
	switch {
	case isJSON(contentType):
		return "Values stand in this JSON as they are: a quote or line break in one breaks it, and the call fails. " +
			"JsonSerializer.Serialize(new { ... }) or a template escapes them."
	case isXMLType(contentType):
		return "Values stand in this XML as they are: < and & in one are markup. A template, <a>{{ doc.filename }}</a>, escapes them."
	case isForm(contentType):
		return "Values stand in this form as they are: & and = in one make more fields. A template, a={{ doc.filename }}, escapes them; in an expression urlEncode does."
	}
	return ""
}

func codeSize(parts []csharp.Part) int {
	size := 0
	for _, p := range parts {
		size += len(p.CEL)
	}
	return size
}

// placeParts gives the values their places. It returns false where some are written unencoded: as a
// JSON value, inside a tag, or by code that writes markup itself.
func placeParts(t *template, parts []csharp.Part, contentType string) bool {
	var places []place.Place
	var markup string
	switch {
	case isJSON(contentType):
		places, markup = place.InJSON(t.literals), `"\`
	case isXMLType(contentType):
		var why *place.Misplaced
		if places, why = place.InXML(t.literals); why != nil {
			return false
		}
		markup = "<>&"
	default:
		places, markup = place.All(place.Form, t.literals), "&=%"
	}
	encoded, hole := true, 0
	for _, part := range parts {
		if part.CEL == "" {
			continue
		}
		if places[hole] == place.JSONValue || writes(part, markup) {
			places[hole], encoded = place.Plain, false
		}
		t.holes[hole].place = places[hole]
		hole++
	}
	if isXMLType(contentType) {
		t.literals = place.XMLLiterals(t.literals, places)
	}
	return encoded
}

var celText = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// writes reports whether a text in the code of part has one of the characters. Such code writes
// markup or escapes values itself.
func writes(part csharp.Part, characters string) bool {
	return part.JSON && strings.Contains(characters, `"`) ||
		slices.ContainsFunc(celText.FindAllString(part.CEL, -1), func(quoted string) bool {
			text, err := strconv.Unquote(quoted)
			return err != nil || strings.ContainsAny(text, characters)
		})
}

// parseCSharpURL splits a C# string into literals and values, so that each value is encoded for its
// place. It returns nil where there is a fault.
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
	if codeSize(translated.Parts) > maxParts {
		f.add(path, source, "C# with fewer values, or fewer declarations before them")
		return nil
	}
	return f.compileParts(path, source, translated.Parts, "")
}

func (f *faults) compileParts(path, source string, parts []csharp.Part, hint string) *template {
	values := 0
	for _, part := range parts {
		if part.CEL != "" {
			values++
		}
	}
	if !f.takes(path, values) {
		return nil
	}
	t := &template{path: path, source: source, literals: []string{""}, starts: []int{0}}
	for _, part := range parts {
		if part.CEL == "" {
			t.literals[len(t.literals)-1] += part.Literal
			continue
		}
		program, err := expr.Compile(expr.Subject, expr.AnyResult, part.CEL, expr.With(csharp.Library), expr.In(f.language))
		if err != nil {
			f.add(path, source, notTranslated+err.Error()+hint)
			return nil
		}
		t.holes = append(t.holes, hole{program: program, where: fmt.Sprintf("value %d of the C# string", len(t.holes)+1)})
		t.literals, t.starts = append(t.literals, ""), append(t.starts, 0)
	}
	return t
}
