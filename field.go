package forgehook

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/forgehook/forgehook/internal/jsontree"
)

// Kind says how a setting is written and shown.
type Kind string

// The kinds of settings.
const (
	KindInteger     Kind = "integer"
	KindBoolean     Kind = "boolean"
	KindDuration    Kind = "duration" // TimeSpan, ISO 8601 or Go; shown as TimeSpan
	KindEnum        Kind = "enum"     // number or name; shown as name
	KindEnums       Kind = "enums"    // one, a list, or a text separated by ; or , where one must match
	KindIntegers    Kind = "integers" // likewise
	KindText        Kind = "text"
	KindRegex       Kind = "regex"       // .NET dialect
	KindTemplate    Kind = "template"    // text with {{ CEL }}, or the platform's C#
	KindExpression  Kind = "expression"  // CEL
	KindHeaders     Kind = "headers"     // an object from name to template
	KindExpressions Kind = "expressions" // an object from name to CEL
	KindTriggers    Kind = "triggers"    // true, false, or a list of events
	KindSecret      Kind = "secret"
	KindReserved    Kind = "reserved" // not built yet: takes only null
)

// Field is one declared setting, bound to a field of one [Settings]. All lists of settings come
// from [SettingFields].
type Field struct {
	Key      string // the platform's path, "WebHook/RetryCount"; "" if the setting is only ours
	Path     string // our path, "webHook.retryCount"
	Kind     Kind
	Doc      string
	Allowed  string   // in words: "0 to 100"
	Names    []string // of an enum
	Default  any      // as JSON shows it
	Built    bool     // false: no effect yet, so only the default and the imported value are allowed
	Nullable bool

	get func() any
	set func(raw any) string // "", or the allowed values
	at  reflect.Value        // the bound variable, for reset and secrets
}

// fields collects declarations, as the flag package does.
type fields struct{ list []*Field }

type option func(*Field)

// unbuilt marks a setting whose behaviour does not exist yet: it must not be accepted and ignored.
func unbuilt(f *Field) { f.Built = false }

// add declares one setting; p points at its variable.
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

// camel turns the platform's path into ours. A run of capitals is lowered as one word:
// WebHook/APIKeyHeader is webHook.apiKeyHeader.
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

// reserved declares a setting of a later release. It takes only null.
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

// assign sets a value of a request, or says why not. A setting without effect takes only its
// default and its present value (as JSON shows it), unless inert.
func (f *Field) assign(raw, present any, inert bool) *FieldError {
	fault := func(allowed string) *FieldError {
		value := short(raw)
		if f.Kind == KindSecret || f.Kind == KindReserved || f.Kind == KindHeaders { // a value meant for auth is secret too
			value = ""
		}
		return &FieldError{Path: f.Path, Value: value, Allowed: allowed}
	}
	allowed := f.set(raw)
	now := f.Value()
	if !f.Built && !inert && (allowed != "" || !reflect.DeepEqual(now, f.Default) && !reflect.DeepEqual(now, present)) {
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

// shownBeside are members of shown settings that are no settings. A client may send them back.
var shownBeside = []string{"version", "language", "updatedAt", "warnings", "webHookServiceId", "serviceId"}

// DecodeSettings reads a request's settings. A merge (PATCH) starts from the present settings, and
// null resets a value. Otherwise (create, PUT) it starts from the defaults, and null is an empty
// value. Both keep secrets that the request does not mention, since nobody can read them back. All
// faults are reported at once, up to a hundred: unknown names, values out of range, settings of
// later releases, a missing URL.
func DecodeSettings(data []byte, present Settings, merge bool) (Settings, error) {
	if merge {
		return decodeSettings(data, present, present, settingsWriter{merge: true, nullResets: true})
	}
	return decodeSettings(data, DefaultSettings(), present, settingsWriter{})
}

// DecodeCandidate reads settings to try, not to store. Missing values stay as at present, and null
// is an empty value, so a request may give all settings or only the value to change.
func DecodeCandidate(data []byte, present Settings) (Settings, error) {
	return decodeSettings(data, present, present, settingsWriter{merge: true})
}

// DecodeImported reads the settings of a utility from the platform. They may hold values that have
// no effect here yet.
func DecodeImported(data []byte) (Settings, error) {
	s, err := decodeSettings(data, DefaultSettings(), Settings{}, settingsWriter{inert: true})
	if s.WebHook.Body != nil && *s.WebHook.Body == "" { // the platform's empty is null
		s.WebHook.Body = nil
	}
	return s, err
}

func decodeSettings(data []byte, next, present Settings, w settingsWriter) (Settings, error) {
	tree, err := ParseJSON(data)
	if err != nil {
		return Settings{}, err
	}
	if !tree.IsNull() && tree.Kind() != jsontree.Object {
		return Settings{}, Invalid(FieldError{Value: short(tree.Value()), Allowed: "an object"})
	}
	next.Language = LanguageNow
	next.Headers = slices.Clone(next.Headers) // the present ones stay as they are
	w.fields, w.defaults, w.present = next.fields(), defaultFields(), present.fields()
	if !w.merge {
		for i, f := range w.present {
			if f.Kind == KindSecret {
				w.fields[i].at.Set(f.at)
			}
		}
	}
	w.tree("", tree.Value())
	faults := w.faults
	if next.WebHook.URL == nil && !slices.ContainsFunc(faults, func(f FieldError) bool { return f.Path == "webHook.url" }) {
		faults = append(faults, FieldError{Path: "webHook.url", Allowed: "required: an absolute https URL"})
	}
	return next, Invalid(faults...)
}

// settingsWriter assigns a request's values to declared settings and collects the faults.
type settingsWriter struct {
	fields, defaults, present []*Field
	merge                     bool // missing values stay
	nullResets                bool // null is the default, not an empty value
	inert                     bool // settings without effect are accepted
	faults                    []FieldError
}

func (w *settingsWriter) tree(path string, raw any) {
	members, _ := raw.(map[string]any)
	for _, name := range sortedKeys(members) {
		at := join(path, name)
		if len(w.faults) >= jsontree.MaxFaults || (path == "" && slices.Contains(shownBeside, name)) {
			continue
		}
		i := slices.IndexFunc(w.fields, func(f *Field) bool { return strings.EqualFold(f.Path, at) })
		group := groupOf(at, w.fields)
		switch {
		case i >= 0:
			w.leaf(i, members[name])
		case group != "":
			w.branch(group, members[name])
		default: // no value: it may be a secret under a misspelt name
			w.faults = append(w.faults, FieldError{Path: at, Allowed: unknownSetting(at, w.fields)})
		}
	}
}

func (w *settingsWriter) leaf(i int, raw any) {
	f := w.fields[i]
	if raw == nil {
		if !w.nullResets && f.Nullable && f.Built {
			f.at.SetZero()
		} else {
			f.reset(w.defaults)
		}
		return
	}
	members, _ := raw.(map[string]any)
	if f.Kind == KindSecret && members["set"] == true {
		if f.Value() == nil {
			w.faults = append(w.faults, FieldError{Path: f.Path, Allowed: `a text, or null: {"set":true} keeps a value, but none is set`})
		}
		return
	}
	if (f.Kind == KindHeaders || f.Kind == KindExpressions) && members != nil {
		raw = w.named(f, members)
	}
	present := f.Default
	if len(w.present) > i {
		present = w.present[i].Value()
	}
	if fault := f.assign(raw, present, w.inert && f.Kind != KindReserved); fault != nil {
		w.faults = append(w.faults, *fault)
	}
}

// named merges by name; null removes a name.
func (w *settingsWriter) named(f *Field, members map[string]any) map[string]any {
	merged := map[string]any{}
	if present, ok := f.Value().(map[string]string); ok && w.merge {
		for name, value := range present {
			_, given := members[name]
			for other := range members {
				given = given || f.Kind == KindHeaders && strings.EqualFold(other, name)
			}
			if !given {
				merged[name] = value
			}
		}
	}
	for name, value := range members {
		if value != nil {
			merged[name] = value
		}
	}
	return merged
}

// branch assigns a group; null resets all of it.
func (w *settingsWriter) branch(at string, raw any) {
	switch raw.(type) {
	case nil:
		for _, f := range w.fields {
			if strings.HasPrefix(f.Path, at+".") {
				f.reset(w.defaults)
			}
		}
	case map[string]any:
		w.tree(at, raw)
	default:
		w.faults = append(w.faults, FieldError{Path: at, Allowed: "an object"})
	}
}

// groupOf is the declared spelling of a group of settings, "" if path names none.
func groupOf(path string, fields []*Field) string {
	for _, f := range fields {
		if len(f.Path) > len(path) && strings.EqualFold(f.Path[:len(path)+1], path+".") {
			return f.Path[:len(path)]
		}
	}
	return ""
}

func unknownSetting(path string, fields []*Field) string {
	var whole, names []string
	prefix := path[:strings.LastIndexByte(path, '.')+1]
	for _, f := range fields {
		whole = append(whole, f.Path)
		rest, ok := strings.CutPrefix(f.Path, prefix)
		if name, _, _ := strings.Cut(rest, "."); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if near := Nearest(path[len(prefix):], names); near != "" {
		return fmt.Sprintf("no such setting: did you mean %q?", prefix+near)
	}
	for _, w := range whole { // the right name in the wrong group
		if name := w[strings.LastIndexByte(w, '.')+1:]; strings.EqualFold(name, path[len(prefix):]) {
			return fmt.Sprintf("no such setting: did you mean %q?", w)
		}
	}
	return "no such setting; allowed here: " + strings.Join(names, ", ")
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
