package forgehook

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
)

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

// body declares the text of a body, whose empty text is not null: it sends nothing.
func (fs *fields) body(p **string, path string, maxBytes int, doc string) {
	fs.text(p, KindTemplate, path, maxBytes, doc)
	f := fs.list[len(fs.list)-1]
	set := f.set
	f.set = func(raw any) string {
		if raw == "" {
			*p = new(string)
			return ""
		}
		return set(raw)
	}
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

// word declares a text from a closed list.
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

// optionalWord declares a text from a closed list, or null.
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

// triggers declares the events that fire: false for none, true for the document events, or a list.
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

// expressions declares an object from case-sensitive names to CEL.
func (fs *fields) expressions(p *[]Header, path, doc string) {
	fs.named(KindExpressions, p, path, doc, "names", false)
}

const maxHeaders = 50

// headers declares an object from header names, in any case, to templates. webhook.Compile checks
// the names.
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

// secret declares a write-only value. check returns the allowed form, or "" for an allowed text.
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

// Secret is a value that is written and never shown: it prints, logs and marshals as a placeholder.
// It is stored sealed. The plain text exists only between the request and the sealing, and during
// one delivery.
type Secret struct {
	plain     string
	Sealed    []byte // nil while not sealed
	UpdatedAt Time
}

// Masked stands for a secret wherever one would be stored or shown.
const Masked = "[secret]"

// NewSecret makes a secret that is not sealed yet.
func NewSecret(plain string) Secret { return Secret{plain: plain} }

// Reveal returns the plain text, "" if the secret is unset or only known sealed.
func (s Secret) Reveal() string { return s.plain }

// IsSet reports whether there is a secret, sealed or plain.
func (s Secret) IsSet() bool { return s.plain != "" || len(s.Sealed) > 0 }

// Format covers every verb: with String alone, %d would print the fields.
func (s Secret) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, Masked) }
func (s Secret) String() string               { return Masked }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(Masked) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(Masked), nil }
