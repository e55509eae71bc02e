package forgehook

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/forgehook/forgehook/internal/jsontree"
)

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
		n, err := number(raw)
		if err != nil || n < int64(from) || n > int64(to) {
			return allowed
		}
		v := int(n)
		*p = &v
		return ""
	}, opts)
	f.Allowed, f.Nullable = allowed, true
}

// number reads a whole number, also as text, as the platform stores it.
func number(raw any) (int64, error) {
	digits, _ := raw.(json.Number)
	if s, ok := raw.(string); ok {
		digits = json.Number(strings.TrimSpace(s))
	}
	return jsontree.Integer(digits)
}

func (fs *fields) integers(p *[]int32, path, doc string, opts ...option) {
	const allowed = "a whole number, a list of them, or null for any"
	f := fs.add(KindIntegers, p, path, doc, func() any { return single(*p, func(n int32) any { return n }) }, func(raw any) string {
		var list []int32
		for _, item := range several(raw) {
			n, err := number(item)
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

// Enum settings are declared by functions, since methods cannot be generic.
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
	// Settings are compared with documents, so a number that no document can have is a mistake.
	if names.name(n) == nil {
		return 0, names.allowed("")
	}
	return n, ""
}

// several splits one value, a list, or text separated by ; or , into values.
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

// single shows an empty list as null and one value as itself.
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

func headerValue(plain string) string {
	if strings.ContainsFunc(plain, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return "a text without line breaks or control characters, as it is a header's value"
	}
	return ""
}

// SigningPrefix begins every Standard Webhooks secret.
const SigningPrefix = "whsec_"

// signingSecret enforces Standard Webhooks 1.0.0: whsec_ and base64 of 24 to 64 bytes.
func signingSecret(plain string) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(plain, SigningPrefix))
	if !strings.HasPrefix(plain, SigningPrefix) || err != nil || len(key) < 24 || len(key) > 64 {
		return "whsec_ and the base64 of 24 to 64 random bytes"
	}
	return ""
}
