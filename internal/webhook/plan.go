// Package webhook holds the rules of a call: when a webhook fires, what it sends, how that is signed, and what an answer means.
//
// The rules are pure. Time, ids and randomness are arguments, there is no I/O, and nothing depends on the order of a map: the same
// settings and subject give the same request byte for byte, today and in a rebuild years later. (One thing looks at the clock: a
// regular expression that runs away is stopped.) Addresses are not judged here; the guard of internal/outbound does that at
// every dial. Start with [Compile]: it checks settings on save and makes the [Plan] that a run follows.
package webhook

import (
	"net/url"

	"github.com/forgehook/forgehook"
)

// Plan is one version of a utility's settings, checked and ready. It is safe for concurrent use.
type Plan struct {
	settings    forgehook.Settings
	extension   *pattern
	pattern     *pattern
	url         *url.URL
	body        []byte // static; nil: the default payload where the method has one
	contentType string
	warnings    []Warning
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
		url:         f.checkURL(s.WebHook.URL),
		body:        f.checkBody(&s.WebHook),
		contentType: f.checkContentType(s.WebHook.ContentType),
	}
	f.checkMethod(s.WebHook.Method)
	f.checkCredentials(&s.WebHook)
	if err := forgehook.Invalid(f...); err != nil {
		return nil, err
	}
	p.warnings = p.warn()
	return p, nil
}

// Warnings are what a save answers beside its success.
func (p *Plan) Warnings() []Warning { return p.warnings }

func (p *Plan) warn() []Warning {
	warnings := []Warning{}
	add := func(path, message string) { warnings = append(warnings, Warning{path, message}) }
	method := p.settings.WebHook.Method
	switch {
	case p.body != nil && (method == forgehook.MethodGet || method == forgehook.MethodHead):
		add("webHook.body", "A "+method.String()+" request is sent with this body; many endpoints ignore it.")
	case p.body == nil && !hasPayload(method) && p.settings.WebHook.ContentType != nil:
		add("webHook.contentType", "Not sent: "+method.String()+" has no body here. Set webHook.body, or use POST, PUT or PATCH.")
	case p.body == nil && hasPayload(method) && !isJSON(p.contentType):
		add("webHook.contentType", "The default payload is JSON, and is sent as "+p.contentType+".")
	}
	if charset := charsetOf(p.contentType); charset != "" && charset != "utf-8" {
		add("webHook.contentType", "The body is sent in UTF-8, not in "+charset+".")
	}
	if !p.settings.Signing.Secret.IsSet() {
		add("signing.secret", "Requests are not signed: the endpoint cannot tell them from forged ones.")
	}
	return warnings
}

// faults collects what is wrong with settings.
type faults []forgehook.FieldError

func (f *faults) add(path, value, allowed string) {
	*f = append(*f, forgehook.FieldError{Path: path, Value: forgehook.Shorten(value, 100), Allowed: allowed})
}
