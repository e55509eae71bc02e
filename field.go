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

// Field is one declared setting, bound to its place in one [Settings]. Everything that lists
// settings walks [SettingFields].
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

// unbuilt marks a setting whose behaviour does not exist yet: nothing may be accepted and then
// ignored.
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

// camel turns the platform's path into ours. Runs of capitals fall whole: WebHook/APIKeyHeader is
// webHook.apiKeyHeader.
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

// assign sets a value out of a request, or says why not. A setting without effect takes its default
// and what it has already (kept, as JSON shows it), unless inert.
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

// answered are members of a settings answer that are no settings; a client may send them back.
var answered = []string{"version", "updatedAt", "warnings", "webHookServiceId", "serviceId"}

// DecodeSettings reads a request's settings. A merge (PATCH) starts from the present settings and
// null resets a value; else (create, PUT) from the defaults, where null is an empty value. Secrets
// that are not mentioned are kept either way, since nobody can read them back. It reports all
// faults at once (the first hundred): unknown names, values out of range, settings of later
// releases, a missing URL.
func DecodeSettings(data []byte, present Settings, merge bool) (Settings, error) {
	if merge {
		return decodeSettings(data, present, present, settingsWriter{merge: true, nullResets: true})
	}
	return decodeSettings(data, DefaultSettings(), present, settingsWriter{})
}

// DecodeCandidate reads settings that are tried and not stored: what is not mentioned is as at
// present, and null is an empty value. So both a whole settings object and the one value that is to
// change may be given.
func DecodeCandidate(data []byte, present Settings) (Settings, error) {
	return decodeSettings(data, present, present, settingsWriter{merge: true})
}

// DecodeImported reads the settings of another platform's utility, which may set what has no effect
// here yet.
func DecodeImported(data []byte) (Settings, error) {
	return decodeSettings(data, DefaultSettings(), Settings{}, settingsWriter{inert: true})
}

func decodeSettings(data []byte, next, present Settings, w settingsWriter) (Settings, error) {
	tree, err := ParseJSON(data)
	if err != nil {
		return Settings{}, err
	}
	if !tree.IsNull() && tree.Kind() != jsontree.Object {
		return Settings{}, Invalid(FieldError{Value: short(tree.Value()), Allowed: "an object"})
	}
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

// settingsWriter assigns a request's tree to declared settings and collects the faults.
type settingsWriter struct {
	fields, defaults, present []*Field
	merge                     bool // what is not mentioned stays
	nullResets                bool // null is the default, else an empty value
	inert                     bool // settings without effect are taken
	faults                    []FieldError
}

func (w *settingsWriter) tree(path string, raw any) {
	members, _ := raw.(map[string]any)
	for _, name := range sortedKeys(members) {
		at := join(path, name)
		if len(w.faults) >= jsontree.MaxFaults || (path == "" && slices.Contains(answered, name)) {
			continue
		}
		i := slices.IndexFunc(w.fields, func(f *Field) bool { return strings.EqualFold(f.Path, at) })
		group := groupOf(at, w.fields)
		switch {
		case i >= 0:
			w.leaf(i, members[name])
		case group != "":
			w.branch(group, members[name])
		default: // without the value: it may be a secret under a misspelt name
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
	kept := f.Default
	if len(w.present) > i {
		kept = w.present[i].Value()
	}
	if fault := f.assign(raw, kept, w.inert && f.Kind != KindReserved); fault != nil {
		w.faults = append(w.faults, *fault)
	}
}

// named merges name by name: null takes one away.
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

// branch takes a whole group: null resets all of it.
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

// groupOf returns the declared spelling of a group of settings, "" when path names none.
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
