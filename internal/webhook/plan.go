// Package webhook holds the rules of a call: when a webhook fires, what it sends, how a request is
// signed, and what a response means.
//
// The rules are pure: no I/O, and time, ids and randomness are arguments. The same settings and
// subject give the same request byte for byte, also in a rebuild years later. (One rule reads the
// clock: it stops a regular expression that runs away.) The package must not judge addresses: the
// guard of internal/outbound does so at every dial.
//
// Start with [Compile]: it checks settings on save and makes the [Plan] that a call follows.
package webhook

import (
	"fmt"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr"
)

// Plan is one version of a utility's settings, checked and compiled. It is safe for concurrent use.
type Plan struct {
	settings    forgehook.Settings
	extension   *pattern
	pattern     *pattern
	condition   *expr.Program // nil: any subject passes
	address     *address
	headers     []headerText
	body        *content // nil: the default payload, if the method has one
	contentType string
	meaning     meaning
	noted       []Warning // by Compile
}

// Warning names a setting that is allowed but probably not meant.
type Warning struct {
	Path    string `json:"path"` // "webHook.body"
	Message string `json:"message"`
}

// Compile checks what settings mean; decoding has checked their shape and ranges. The error is a
// *forgehook.Error with every fault. Secrets may be plain, sealed or opened: only whether they are
// set counts.
func Compile(s forgehook.Settings) (*Plan, error) {
	f := faults{language: s.Language}
	p := &Plan{
		settings:    s,
		extension:   f.compilePattern("document.extension", s.Document.Extension),
		pattern:     f.compilePattern("document.pattern", s.Document.Pattern),
		address:     f.checkURL(s.WebHook.URL),
		contentType: f.checkContentType(s.WebHook.ContentType),
	}
	p.body, p.noted = f.checkBody(&s.WebHook)
	f.checkMethod(s.WebHook.Method)
	f.checkCredentials(&s)
	p.condition = f.compileCondition(s.Condition)
	p.headers = f.checkHeaders(&s)
	p.meaning = f.compileMeaning(&s.Response)
	if err := forgehook.Invalid(f.list...); err != nil {
		return nil, err
	}
	return p, nil
}

// Changes lists what the next save of settings may change because it sets the present language: a
// line for each expression, with the setting's path. It is empty for settings of that language.
func Changes(s forgehook.Settings) (lines []string) {
	old, err := Compile(s)
	if err != nil || s.Language == forgehook.LanguageNow {
		return nil // what does not compile is refused by the save itself
	}
	s.Language = forgehook.LanguageNow
	if _, err := Compile(s); err != nil {
		lines = append(lines, err.Error())
	}
	old.eachExpression(func(path string, program *expr.Program) {
		for _, part := range program.Changes() {
			lines = append(lines, path+": "+part)
		}
	})
	return lines
}

// Settings returns the settings that the plan was compiled from.
func (p *Plan) Settings() forgehook.Settings { return p.settings }

// faults collects the faults of settings and counts their expressions.
type faults struct {
	language    forgehook.Language // of all texts
	list        []forgehook.FieldError
	expressions int
}

func (f *faults) add(path, value, allowed string) {
	f.list = append(f.list, forgehook.FieldError{Path: path, Value: forgehook.Shorten(value, 100), Allowed: allowed})
}

// maxExpressions bounds the expressions of URL, headers, body and response together. Each takes 0.1
// ms to compile and 25 KB of memory.
const maxExpressions = 500

// takes reports whether n more expressions may be compiled. The setting that crosses the limit gets
// the fault, and no later setting compiles any.
func (f *faults) takes(path string, n int) bool {
	crossed := f.expressions > maxExpressions
	f.expressions += n
	if f.expressions > maxExpressions && !crossed {
		f.add(path, "", fmt.Sprintf("at most %d expressions in webHook.url, headers, webHook.body and response together", maxExpressions))
	}
	return f.expressions <= maxExpressions
}

// Memory of an expression, as measured: 25 KB, and 100 bytes for each byte of its text.
const (
	expressionWeight     = 25_000
	expressionByteWeight = 100
)

// weight estimates the plan's memory in bytes.
func (p *Plan) weight() int {
	w := &p.settings.WebHook
	n := len(text(w.URL)) + len(text(w.Body)) + len(text(p.settings.Condition))
	for i := range p.headers {
		n += len(p.headers[i].text.source)
	}
	p.eachExpression(func(_ string, program *expr.Program) {
		n += expressionWeight + expressionByteWeight*len(program.Text())
	})
	return n
}

// eachExpression visits the expressions in the order of the settings, with the path of each
// setting.
func (p *Plan) eachExpression(visit func(path string, program *expr.Program)) {
	one := func(path string, program *expr.Program) {
		if program != nil {
			visit(path, program)
		}
	}
	all := func(t *template) {
		if t != nil {
			for i := range t.holes {
				visit(t.path, t.holes[i].program)
			}
		}
	}
	one(conditionPath, p.condition)
	all(p.address.text)
	for i := range p.headers {
		all(p.headers[i].text)
	}
	if p.body != nil {
		one(bodyPath, p.body.program)
		all(p.body.text)
	}
	one(successPath, p.meaning.success)
	one(resultPath, p.meaning.result)
	for i := range p.meaning.writes {
		one(p.meaning.writes[i].path, p.meaning.writes[i].program)
	}
}
