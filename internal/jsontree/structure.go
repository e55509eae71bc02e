package jsontree

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// structure says how a struct is read and written.
type structure struct {
	fields    []field        // in order of declaration
	positions map[string]int // index in fields, by name and by folded name
}

// field is one member of a struct.
type field struct {
	name      string
	index     []int // through embedded structs
	omitEmpty bool
	omitZero  bool
	read      read
	key       []byte // `"name":`
	write     func(dst []byte, v reflect.Value) ([]byte, error)
	label     func(v reflect.Value) *string // nil where there is none
	labelKey  []byte
}

// of returns the field's value in a struct.
func (f *field) of(v reflect.Value) reflect.Value {
	for _, i := range f.index {
		v = v.Field(i)
	}
	return v
}

func (c *Codec) structure(t reflect.Type) *structure {
	if found, ok := c.known.Load(t); ok {
		return found.(*structure)
	}
	s := &structure{fields: c.fields(t, nil), positions: map[string]int{}}
	for i, f := range s.fields {
		s.positions[Fold(f.name)] = i
	}
	for i, f := range s.fields {
		s.positions[f.name] = i
	}
	c.known.Store(t, s)
	return s
}

// fields returns those of a struct and of the structs that it embeds; at is the index of the struct
// itself. A struct's own field hides an embedded one of the same name.
func (c *Codec) fields(t reflect.Type, at []int) (list []field) {
	own := map[string]bool{}
	for i := range t.NumField() {
		if name := tagged(t.Field(i)); name != "" {
			own[name] = true
		}
	}
	for i := range t.NumField() {
		f, index := t.Field(i), append(slices.Clip(at), i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			list = append(list, slices.DeleteFunc(c.fields(f.Type, index), func(f field) bool { return own[f.name] })...)
		case tagged(f) != "":
			write := c.writer(f.Type)
			made := field{
				name: name, index: index, omitEmpty: options == "omitempty", omitZero: options == "omitzero",
				read: c.reader(f.Type), key: append(AppendString(nil, name), ':'), write: write,
			}
			if f.Tag.Get("raw") == "sorted" {
				made.read = readSorted
			}
			made.label, made.labelKey = c.label(f.Type), append(AppendString(nil, name+"Name"), ':')
			list = append(list, made)
		}
	}
	return list
}

// tagged returns the JSON name of a field, or "".
func tagged(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" {
		return ""
	}
	return name
}

// find returns the index of the field for a member's name: .NET callers write PascalCase.
func (s *structure) find(given string) (i int, ok bool) {
	if i, ok = s.positions[given]; ok {
		return i, true
	}
	var room [64]byte
	i, ok = s.positions[string(appendFold(room[:0], given))]
	return i, ok
}

func (s *structure) names() []string {
	names := make([]string, len(s.fields))
	for i := range s.fields {
		names[i] = s.fields[i].name
	}
	return names
}

// Append writes a struct: its members in order, then their labels. An absent member has no label; a
// value without a label has the label null.
func (c *Codec) Append(dst []byte, entity any) ([]byte, error) {
	v := reflect.ValueOf(entity)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return c.appendStruct(dst, v)
}

func (c *Codec) appendStruct(dst []byte, v reflect.Value) (_ []byte, err error) {
	dst = append(dst, '{')
	s := c.structure(v.Type())
	for i := range s.fields {
		f := &s.fields[i]
		value := f.of(v)
		if f.omitZero && value.IsZero() || f.omitEmpty && isEmpty(value) {
			continue
		}
		dst = append(separated(dst), f.key...)
		if dst, err = f.write(dst, value); err != nil {
			return dst, err
		}
	}
	for i := range s.fields {
		f := &s.fields[i]
		if f.label == nil {
			continue
		}
		value := f.of(v)
		optional := value.Kind() == reflect.Pointer
		if optional {
			if value.IsNil() {
				continue
			}
			value = value.Elem()
		}
		if label := f.label(value); label != nil {
			dst = AppendString(append(separated(dst), f.labelKey...), *label)
		} else if !optional {
			dst = append(append(separated(dst), f.labelKey...), "null"...)
		}
	}
	return append(dst, '}'), nil
}

// separated appends a comma if a member precedes.
func separated(dst []byte) []byte {
	if dst[len(dst)-1] == '{' {
		return dst
	}
	return append(dst, ',')
}

func isEmpty(v reflect.Value) bool {
	if v.Kind() == reflect.Slice {
		return v.Len() == 0
	}
	return v.IsZero()
}

func (c *Codec) label(t reflect.Type) func(reflect.Value) *string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return c.Label(t)
}

func (c *Codec) writer(t reflect.Type) func([]byte, reflect.Value) ([]byte, error) {
	if own := c.Write(t); own != nil {
		return func(dst []byte, v reflect.Value) ([]byte, error) { return own(dst, v), nil }
	}
	switch t {
	case rawType:
		return appendRaw
	case numberType:
		return appendAny // which checks that it is a number
	}
	switch t.Kind() {
	case reflect.Pointer:
		write := c.writer(t.Elem())
		return func(dst []byte, v reflect.Value) ([]byte, error) {
			if v.IsNil() {
				return append(dst, "null"...), nil
			}
			return write(dst, v.Elem())
		}
	case reflect.Slice:
		write := c.writer(t.Elem())
		return func(dst []byte, v reflect.Value) (_ []byte, err error) {
			if v.IsNil() {
				return append(dst, "null"...), nil
			}
			dst = append(dst, '[')
			for i := range v.Len() {
				if i > 0 {
					dst = append(dst, ',')
				}
				if dst, err = write(dst, v.Index(i)); err != nil {
					return dst, err
				}
			}
			return append(dst, ']'), nil
		}
	case reflect.Struct:
		return c.appendStruct
	case reflect.String:
		return func(dst []byte, v reflect.Value) ([]byte, error) { return AppendString(dst, v.String()), nil }
	case reflect.Int32:
		return func(dst []byte, v reflect.Value) ([]byte, error) { return strconv.AppendInt(dst, v.Int(), 10), nil }
	case reflect.Bool:
		return func(dst []byte, v reflect.Value) ([]byte, error) { return strconv.AppendBool(dst, v.Bool()), nil }
	default:
		return appendAny
	}
}

// appendAny writes what is rare: numbers with a point.
func appendAny(dst []byte, v reflect.Value) ([]byte, error) {
	b, err := json.Marshal(v.Interface())
	return append(dst, b...), err
}

// appendRaw writes JSON from elsewhere without its white space.
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
