package forgehook

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
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

func (fs *fields) boolean(p *bool, path, doc string, opts ...option) {
	fs.add(KindBoolean, p, path, doc, func() any { return *p }, func(raw any) string {
		switch x := raw.(type) {
		case bool:
			*p = x
			return ""
		case string: // the platform stores "True" and "False"
			if b, err := strconv.ParseBool(x); err == nil {
				*p = b
				return ""
			}
		}
		return "true or false"
	}, opts).Allowed = "true or false"
}

// integer declares a whole number; a pointer to a nil pointer makes it nullable.
func (fs *fields) integer(p **int, path string, from, to int, doc string, opts ...option) {
	allowed := fmt.Sprintf("a whole number from %d to %d", from, to)
	f := fs.add(KindInteger, p, path, doc, func() any {
		if *p == nil {
			return nil
		}
		return **p
	}, func(raw any) string {
		n, err := integer(number(raw))
		if err != nil || n < int64(from) || n > int64(to) {
			return allowed
		}
		v := int(n)
		*p = &v
		return ""
	}, opts)
	f.Allowed, f.Nullable = allowed, true
}

// number lets a number come as text, as the platform stores it.
func number(raw any) any {
	if s, ok := raw.(string); ok {
		return json.Number(strings.TrimSpace(s))
	}
	return raw
}

func (fs *fields) integers(p *[]int32, path, doc string, opts ...option) {
	const allowed = "a whole number, a list of them, or null for any"
	f := fs.add(KindIntegers, p, path, doc, func() any { return single(*p, func(n int32) any { return n }) }, func(raw any) string {
		var list []int32
		for _, item := range several(raw) {
			n, err := integer(number(item))
			if err != nil || n < math.MinInt32 || n > math.MaxInt32 {
				return allowed
			}
			list = append(list, int32(n))
		}
		*p = list
		return ""
	}, opts)
	f.Allowed, f.Nullable = allowed, true
}

func (fs *fields) duration(p *time.Duration, path string, from, to time.Duration, doc string, opts ...option) {
	fs.add(KindDuration, p, path, doc, func() any { return FormatTimeSpan(*p) }, func(raw any) string {
		return setDuration(p, raw, from, to)
	}, opts).Allowed = between(from, to)
}

func (fs *fields) optionalDuration(p **time.Duration, path string, from, to time.Duration, doc string, opts ...option) {
	f := fs.add(KindDuration, p, path, doc, func() any {
		if *p == nil {
			return nil
		}
		return FormatTimeSpan(**p)
	}, func(raw any) string {
		var d time.Duration
		if allowed := setDuration(&d, raw, from, to); allowed != "" {
			return allowed
		}
		*p = &d
		return ""
	}, opts)
	f.Allowed, f.Nullable = between(from, to), true
}

func between(from, to time.Duration) string {
	return fmt.Sprintf("a duration from %s to %s", FormatTimeSpan(from), FormatTimeSpan(to))
}

func setDuration(p *time.Duration, raw any, from, to time.Duration) string {
	s, ok := raw.(string)
	if n, isNumber := raw.(json.Number); isNumber {
		s, ok = n.String(), true
	}
	if !ok {
		return errDuration.Error()
	}
	d, err := ParseDuration(s)
	if err != nil {
		return err.Error()
	}
	if d < from || d > to {
		return between(from, to)
	}
	*p = d
	return ""
}

// setting enums are generic functions because a method cannot be.
func enumField[E interface {
	~int32
	enum
}](fs *fields, p *E, path, doc string, opts ...option) {
	names := (*p).names()
	f := fs.add(KindEnum, p, path, doc, func() any { return names.text(int32(*p)) }, func(raw any) string {
		n, allowed := setEnum(names, raw)
		if allowed == "" {
			*p = E(n)
		}
		return allowed
	}, opts)
	f.Names, f.Allowed = names.names(), names.allowed("")
}

func optionalEnumField[E interface {
	~int32
	enum
}](fs *fields, p **E, path, doc string, opts ...option) {
	names := E(0).names()
	f := fs.add(KindEnum, p, path, doc, func() any {
		if *p == nil {
			return nil
		}
		return names.text(int32(**p))
	}, func(raw any) string {
		if raw == "" {
			*p = nil
			return ""
		}
		n, allowed := setEnum(names, raw)
		if allowed == "" {
			v := E(n)
			*p = &v
		}
		return allowed
	}, opts)
	f.Names, f.Allowed, f.Nullable = names.names(), names.allowed(""), true
}

func enumsField[E interface {
	~int32
	enum
}](fs *fields, p *[]E, path, doc string, opts ...option) {
	names := E(0).names()
	f := fs.add(KindEnums, p, path, doc, func() any {
		return single(*p, func(e E) any { return names.text(int32(e)) })
	}, func(raw any) string {
		var list []E
		for _, item := range several(raw) {
			n, allowed := setEnum(names, item)
			if allowed != "" {
				return allowed
			}
			list = append(list, E(n))
		}
		*p = list
		return ""
	}, opts)
	f.Names, f.Allowed, f.Nullable = names.names(), names.allowed("")+", a list of them, or null for any", true
}

func setEnum(names *enumNames, raw any) (int32, string) {
	text := ""
	switch x := raw.(type) {
	case string:
		text = x
	case json.Number:
		text = x.String()
	default:
		return 0, names.allowed("")
	}
	n, err := names.parse(text)
	if err != nil {
		return 0, err.Error()
	}
	// A setting compares with documents: a number that no document can have is a slip.
	if names.name(n) == nil {
		return 0, names.allowed("")
	}
	return n, ""
}

// several splits what may be one value, a list, or text with ; or , between the values.
func several(raw any) []any {
	switch x := raw.(type) {
	case []any:
		return x
	case string:
		var list []any
		for _, part := range strings.FieldsFunc(x, func(r rune) bool { return r == ';' || r == ',' }) {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		return list
	default:
		return []any{raw}
	}
}

// single shows no value as null and one value as itself.
func single[T any](list []T, show func(T) any) any {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return show(list[0])
	}
	shown := make([]any, len(list))
	for i, item := range list {
		shown[i] = show(item)
	}
	return shown
}

func (fs *fields) text(p **string, kind Kind, path string, maxBytes int, doc string, opts ...option) {
	allowed := fmt.Sprintf("a text of at most %d bytes", maxBytes)
	f := fs.add(kind, p, path, doc, func() any {
		if *p == nil {
			return nil
		}
		return **p
	}, func(raw any) string {
		s, ok := raw.(string)
		if !ok || len(s) > maxBytes {
			return allowed
		}
		if *p = nil; s != "" { // the platform's empty is null
			*p = &s
		}
		return ""
	}, opts)
	f.Allowed, f.Nullable = allowed, true
}

// regex declares a pattern in the .NET dialect; null and "" mean its default ".*".
func (fs *fields) regex(p *string, path, doc string, opts ...option) {
	fs.add(KindRegex, p, path, doc, func() any { return *p }, func(raw any) string {
		s, ok := raw.(string)
		if !ok || len(s) > 4096 {
			return "a .NET regular expression of at most 4096 bytes"
		}
		if s == "" {
			s = ".*"
		}
		*p = s
		return ""
	}, opts).Allowed = "a .NET regular expression"
}

// word declares a text out of a closed list.
func (fs *fields) word(p *string, words []string, path, doc string, opts ...option) {
	allowed := "one of " + strings.Join(words, ", ")
	f := fs.add(KindEnum, p, path, doc, func() any { return *p }, func(raw any) string {
		s, _ := raw.(string)
		if !slices.Contains(words, s) {
			return allowed
		}
		*p = s
		return ""
	}, opts)
	f.Allowed, f.Names = allowed, words
}

// optionalWord declares a text out of a closed list, or null.
func (fs *fields) optionalWord(p **string, words []string, path, doc string) {
	allowed := "one of " + strings.Join(words, ", ") + ", or null"
	f := fs.add(KindEnum, p, path, doc, func() any {
		if *p == nil {
			return nil
		}
		return **p
	}, func(raw any) string {
		s, ok := raw.(string)
		if !ok || s != "" && !slices.Contains(words, s) {
			return allowed
		}
		if *p = nil; s != "" {
			*p = &s
		}
		return ""
	}, nil)
	f.Allowed, f.Names, f.Nullable = allowed, words, true
}

// triggers declares events that fire: false for none, true for what happens to documents, or a list.
func (fs *fields) triggers(p *[]EventType, path, doc string) {
	names := make([]string, len(TriggerTypes))
	for i, t := range TriggerTypes {
		names[i] = string(t)
	}
	allowed := "true, false, or a list of " + strings.Join(names, ", ")
	f := fs.add(KindTriggers, p, path, doc, func() any {
		switch {
		case len(*p) == 0:
			return false
		case slices.Equal(*p, documentTriggers):
			return true
		}
		return *p
	}, func(raw any) string {
		if text, ok := raw.(string); ok { // the platform stores "True" and "False"
			if b, err := strconv.ParseBool(text); err == nil {
				raw = b
			}
		}
		if on, ok := raw.(bool); ok {
			if *p = nil; on {
				*p = slices.Clone(documentTriggers)
			}
			return ""
		}
		var given []EventType
		for _, item := range several(raw) {
			name, _ := item.(string)
			if !slices.Contains(names, name) {
				if near := Nearest(name, names); near != "" {
					return fmt.Sprintf("did you mean %q? Allowed: %s", near, allowed)
				}
				return allowed
			}
			given = append(given, EventType(name))
		}
		*p = nil
		for _, t := range TriggerTypes {
			if slices.Contains(given, t) {
				*p = append(*p, t)
			}
		}
		return ""
	}, nil)
	f.Allowed, f.Names = allowed, names
}

// expressions declares an object from names, which count as they are spelt, to CEL.
func (fs *fields) expressions(p *[]Header, path, doc string) {
	fs.named(KindExpressions, p, path, doc, "names", false)
}

const maxHeaders = 50

// headers declares an object from header names to templates. Names differ in more than case; what a name may be is for
// webhook.Compile to say.
func (fs *fields) headers(p *[]Header, path, doc string) {
	fs.named(KindHeaders, p, path, doc, "header names", true)
}

func (fs *fields) named(kind Kind, p *[]Header, path, doc, names string, fold bool) {
	allowed := fmt.Sprintf("an object of at most %d %s, each with a text of at most 8192 bytes", maxHeaders, names)
	f := fs.add(kind, p, path, doc, func() any {
		if len(*p) == 0 {
			return nil
		}
		shown := make(map[string]string, len(*p))
		for _, h := range *p {
			shown[h.Name] = h.Value
		}
		return shown
	}, func(raw any) string {
		members, ok := raw.(map[string]any)
		if !ok || len(members) > maxHeaders {
			return allowed
		}
		list := make([]Header, 0, len(members))
		for _, name := range sortedKeys(members) {
			value, ok := members[name].(string)
			if !ok || len(value) > 8192 {
				return allowed
			}
			if fold && slices.ContainsFunc(list, func(h Header) bool { return strings.EqualFold(h.Name, name) }) {
				return "each name once: " + Shorten(name, 100) + " is there in another spelling"
			}
			list = append(list, Header{name, value})
		}
		*p = list
		return ""
	}, nil)
	f.Allowed, f.Nullable = allowed, true
}

// secret declares a write-only value. check says what is allowed, "" when the plain text is.
func (fs *fields) secret(p *Secret, path, doc string, check func(plain string) string) {
	const allowed = `a text of at most 4096 bytes, {"set":true} to keep the present one, or null`
	f := fs.add(KindSecret, p, path, doc, func() any { return *p }, func(raw any) string {
		s, ok := raw.(string)
		if !ok || len(s) > 4096 {
			return allowed
		}
		if check != nil && s != "" {
			if bad := check(s); bad != "" {
				return bad
			}
		}
		*p = Secret{plain: s}
		return ""
	}, nil)
	f.Allowed, f.Nullable = allowed, true
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
