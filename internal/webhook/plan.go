// Package webhook holds the rules of a call: when a webhook fires, what it sends, how that is signed, and what an answer means.
//
// The rules are pure. Time, ids and randomness are arguments, there is no I/O, and nothing depends on the order of a map: the same
// settings and subject give the same request byte for byte, today and in a rebuild years later. (One thing looks at the clock: a
// regular expression that runs away is stopped.) Addresses are not judged here; the guard of internal/outbound does that at
// every dial. Start with [Compile]: it checks settings on save and makes the [Plan] that a run follows.
package webhook

import (
	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr"
)

// Plan is one version of a utility's settings, checked and ready. It is safe for concurrent use.
type Plan struct {
	settings    forgehook.Settings
	extension   *pattern
	pattern     *pattern
	condition   *expr.Program // nil: any subject passes
	address     *address
	headers     []headerText
	body        *content // nil: the default payload where the method has one
	contentType string
	noted       []Warning // while compiling
}

// Warning is a setting that is allowed and probably not meant.
type Warning struct {
	Path    string `json:"path"` // "webHook.body"
	Message string `json:"message"`
}

// Failure ends a call for good: its request cannot be made, or its conditions cannot be told. Message holds no document values.
type Failure struct{ Code, Message string }

func (f *Failure) Error() string { return f.Code + ": " + f.Message }

// Compile checks what settings mean; their shape and ranges were checked when they were decoded. The error is a
// *forgehook.Error with every fault. Secrets may be plain, sealed or opened: only whether they are set counts.
func Compile(s forgehook.Settings) (*Plan, error) {
	var f faults
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
	if err := forgehook.Invalid(f...); err != nil {
		return nil, err
	}
	return p, nil
}

// Settings are those that the plan was compiled from.
func (p *Plan) Settings() forgehook.Settings { return p.settings }

// faults collects what is wrong with settings.
type faults []forgehook.FieldError

func (f *faults) add(path, value, allowed string) {
	*f = append(*f, forgehook.FieldError{Path: path, Value: forgehook.Shorten(value, 100), Allowed: allowed})
}
