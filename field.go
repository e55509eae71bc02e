package forgehook

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode"
)

// Kind says how a setting is written and shown.
type Kind string

// The kinds of settings.
const (
	KindInteger     Kind = "integer"
	KindBoolean     Kind = "boolean"
	KindDuration    Kind = "duration" // TimeSpan, ISO 8601 or Go; answered as TimeSpan
	KindEnum        Kind = "enum"     // number or name; answered as name
	KindEnums       Kind = "enums"    // one, a list, or text with ; or , between; one must match
	KindIntegers    Kind = "integers" // likewise
	KindText        Kind = "text"
	KindRegex       Kind = "regex"       // .NET dialect
	KindTemplate    Kind = "template"    // text with {{ CEL }}, or C# of the platform
	KindExpression  Kind = "expression"  // CEL
	KindHeaders     Kind = "headers"     // an object from name to template
	KindExpressions Kind = "expressions" // an object from name to CEL
	KindTriggers    Kind = "triggers"    // true, false, or a list of events
	KindSecret      Kind = "secret"
	KindReserved    Kind = "reserved" // not built yet: takes only null
)

// Field is one declared setting, bound to its place in one [Settings]. Everything that lists settings walks [SettingFields].
type Field struct {
	Key      string // the platform's path, "WebHook/RetryCount"; "" for settings that are ours alone
	Path     string // ours, "webHook.retryCount"
	Kind     Kind
	Doc      string
	Allowed  string   // in words: "0 to 100"
	Names    []string // of an enum
	Default  any      // as JSON would show it
	Built    bool     // false: has no effect yet; only the default is taken, and what an import has put there
	Nullable bool

	get func() any
	set func(raw any) string // "" or what is allowed
	at  reflect.Value        // the bound place, for reset and secrets
}

// fields collects declarations, as package flag does.
type fields struct{ list []*Field }

type option func(*Field)

// unbuilt marks a setting whose behaviour does not exist yet: nothing may be accepted and then ignored.
func unbuilt(f *Field) { f.Built = false }

// add declares one setting; p points at its place.
func (fs *fields) add(kind Kind, p any, path, doc string, get func() any, set func(any) string, opts []option) *Field {
	f := &Field{Path: path, Kind: kind, Doc: doc, Built: true, get: get, set: set, at: reflect.ValueOf(p).Elem()}
	if unicode.IsUpper(rune(path[0])) {
		f.Key, f.Path = path, camel(path)
	}
	for _, opt := range opts {
		opt(f)
	}
	fs.list = append(fs.list, f)
	return f
}

// camel turns the platform's path into ours. Runs of capitals fall whole: WebHook/APIKeyHeader is webHook.apiKeyHeader.
func camel(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		run := 0
		for run < len(part) && unicode.IsUpper(rune(part[run])) {
			run++
		}
		if run > 1 && run < len(part) {
			run--
		}
		parts[i] = strings.ToLower(part[:run]) + part[run:]
	}
	return strings.Join(parts, ".")
}

// reserved declares a setting of a later release: null is its only value.
func (fs *fields) reserved(path, doc string) {
	f := fs.add(KindReserved, new(any), path, doc, func() any { return nil }, func(any) string { return "null" }, []option{unbuilt})
	f.Allowed, f.Nullable = "null", true
}

// Value returns the setting as JSON shows it: a secret is nil or {"set":true,"updatedAt":...}.
func (f *Field) Value() any {
	v := f.get()
	if s, ok := v.(Secret); ok {
		if !s.IsSet() {
			return nil
		}
		return map[string]any{"set": true, "updatedAt": s.UpdatedAt}
	}
	return v
}

// assign sets a value out of a request, or says why not. A setting without effect takes its default and what it has already
// (kept, as JSON shows it), unless inert.
func (f *Field) assign(raw, kept any, inert bool) *FieldError {
	fault := func(allowed string) *FieldError {
		value := short(raw)
		if f.Kind == KindSecret || f.Kind == KindReserved || f.Kind == KindHeaders { // what is meant for auth is secret too
			value = ""
		}
		return &FieldError{Path: f.Path, Value: value, Allowed: allowed}
	}
	allowed := f.set(raw)
	now := f.Value()
	if !f.Built && !inert && (allowed != "" || !reflect.DeepEqual(now, f.Default) && !reflect.DeepEqual(now, kept)) {
		return fault(fmt.Sprintf("only %s: this setting comes with a later release", showJSON(f.Default)))
	}
	if allowed != "" {
		return fault(allowed)
	}
	return nil
}

func showJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}
