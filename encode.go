package forgehook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// AppendJSON writes an entity of this package, or a subject, as the platform does: members in the order of the struct, then the
// name of each enum as <name>Name, because the platform's clients show names. Of an enum that is absent the name is absent, of a
// number without a name it is null. <, > and & stay as they are; an encoder that wants them escaped still can.
//
// It is the MarshalJSON of all entities at once: encoding/json would read again what each nested one has written.
func AppendJSON(dst []byte, entity any) ([]byte, error) {
	v := reflect.ValueOf(entity)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return appendStruct(dst, v)
}

// member is one member of a struct as it is written.
type member struct {
	index     int
	key       []byte // `"name":`
	omitEmpty bool
	omitZero  bool
	write     func(dst []byte, v reflect.Value) ([]byte, error)
	names     *enumNames // of an enum
	nameKey   []byte     // `"nameName":`
}

var structs sync.Map // reflect.Type -> []member

func membersOf(t reflect.Type) []member {
	if found, ok := structs.Load(t); ok {
		return found.([]member)
	}
	var list []member
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		f := t.Field(i).Type
		m := member{
			index: i, key: []byte(strconv.Quote(name) + ":"), write: writerOf(f),
			omitEmpty: options == "omitempty", omitZero: options == "omitzero",
		}
		if f.Kind() == reflect.Pointer {
			f = f.Elem()
		}
		if e, ok := reflect.Zero(f).Interface().(enum); ok {
			m.names, m.nameKey = e.names(), []byte(strconv.Quote(name+"Name")+":")
		}
		list = append(list, m)
	}
	structs.Store(t, list)
	return list
}

func appendStruct(dst []byte, v reflect.Value) (_ []byte, err error) {
	dst = append(dst, '{')
	members := membersOf(v.Type())
	for i := range members {
		m := &members[i]
		f := v.Field(m.index)
		if m.omitZero && f.IsZero() || m.omitEmpty && isEmpty(f) {
			continue
		}
		dst = append(separated(dst), m.key...)
		if dst, err = m.write(dst, f); err != nil {
			return dst, err
		}
	}
	for i := range members {
		m := &members[i]
		f := v.Field(m.index)
		if m.names == nil {
			continue
		}
		if f.Kind() == reflect.Pointer {
			if f.IsNil() || m.names.name(int32(f.Elem().Int())) == nil { //nolint:gosec // it is an int32
				continue
			}
			f = f.Elem()
		}
		dst = append(separated(dst), m.nameKey...)
		if name := m.names.name(int32(f.Int())); name != nil { //nolint:gosec // it is an int32
			dst = appendString(dst, *name)
		} else {
			dst = append(dst, "null"...)
		}
	}
	return append(dst, '}'), nil
}

// separated puts a comma where a member stands before the next one.
func separated(dst []byte) []byte {
	if dst[len(dst)-1] == '{' {
		return dst
	}
	return append(dst, ',')
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice:
		return v.Len() == 0
	default:
		return v.IsZero()
	}
}

func writerOf(t reflect.Type) func([]byte, reflect.Value) ([]byte, error) {
	switch {
	case t == timeType:
		return func(dst []byte, v reflect.Value) ([]byte, error) {
			return append(v.Field(0).Interface().(time.Time).UTC().AppendFormat(append(dst, '"'), timeLayout), '"'), nil
		}
	case t == timeSpanType:
		return func(dst []byte, v reflect.Value) ([]byte, error) {
			return appendString(dst, FormatTimeSpan(time.Duration(v.Int()))), nil
		}
	case t == rawMessageType:
		return appendRaw
	case t.Kind() == reflect.Pointer:
		// Looked up when it is used: entities hold entities of their own kind.
		write := sync.OnceValue(func() func([]byte, reflect.Value) ([]byte, error) { return writerOf(t.Elem()) })
		return func(dst []byte, v reflect.Value) ([]byte, error) {
			if v.IsNil() {
				return append(dst, "null"...), nil
			}
			return write()(dst, v.Elem())
		}
	case t.Kind() == reflect.Slice:
		write := sync.OnceValue(func() func([]byte, reflect.Value) ([]byte, error) { return writerOf(t.Elem()) })
		return func(dst []byte, v reflect.Value) (_ []byte, err error) {
			if v.IsNil() {
				return append(dst, "null"...), nil
			}
			dst = append(dst, '[')
			for i := range v.Len() {
				if i > 0 {
					dst = append(dst, ',')
				}
				if dst, err = write()(dst, v.Index(i)); err != nil {
					return dst, err
				}
			}
			return append(dst, ']'), nil
		}
	case t.Kind() == reflect.Struct:
		return appendStruct
	case t == numberType:
		return appendAny // checks that it is a number
	case t.Kind() == reflect.String:
		return func(dst []byte, v reflect.Value) ([]byte, error) { return appendString(dst, v.String()), nil }
	case t.Kind() == reflect.Int32:
		return func(dst []byte, v reflect.Value) ([]byte, error) { return strconv.AppendInt(dst, v.Int(), 10), nil }
	case t.Kind() == reflect.Bool:
		return func(dst []byte, v reflect.Value) ([]byte, error) { return strconv.AppendBool(dst, v.Bool()), nil }
	default:
		return appendAny
	}
}

// appendAny is for what is rare: numbers with a point.
func appendAny(dst []byte, v reflect.Value) ([]byte, error) {
	b, err := json.Marshal(v.Interface())
	return append(dst, b...), err
}

// appendRaw writes JSON that somebody else has written, without its white space.
func appendRaw(dst []byte, v reflect.Value) ([]byte, error) {
	if v.Len() == 0 {
		return append(dst, "null"...), nil
	}
	b := bytes.NewBuffer(dst)
	if err := json.Compact(b, v.Bytes()); err != nil {
		return dst, fmt.Errorf("raw JSON: %w", err)
	}
	return b.Bytes(), nil
}

// appendString writes a text as encoding/json does when it does not escape HTML.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			dst = append(dst, s[start:i]...)
			if short := strings.IndexByte("\"\\\b\f\n\r\t", c); short >= 0 {
				dst = append(dst, '\\', `"\bfnrt`[short])
			} else {
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		// The line separators end a line in JavaScript, which may read this.
		if r == utf8.RuneError && size == 1 || r == '\u2028' || r == '\u2029' {
			dst = append(dst, s[start:i]...)
			dst = append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
			start = i + size
		}
		i += size
	}
	return append(append(dst, s[start:]...), '"')
}

func (d Document) MarshalJSON() ([]byte, error)          { return AppendJSON(nil, d) }
func (p DocumentParameter) MarshalJSON() ([]byte, error) { return AppendJSON(nil, p) }
func (v Verification) MarshalJSON() ([]byte, error)      { return AppendJSON(nil, v) }
func (d DocumentData) MarshalJSON() ([]byte, error)      { return AppendJSON(nil, d) }
func (p Project) MarshalJSON() ([]byte, error)           { return AppendJSON(nil, p) }
func (s Service) MarshalJSON() ([]byte, error)           { return AppendJSON(nil, s) }
func (c Category) MarshalJSON() ([]byte, error)          { return AppendJSON(nil, c) }
func (d ParameterDef) MarshalJSON() ([]byte, error)      { return AppendJSON(nil, d) }
func (w WorkItem) MarshalJSON() ([]byte, error)          { return AppendJSON(nil, w) }
func (s Subject) MarshalJSON() ([]byte, error)           { return AppendJSON(nil, s) }
