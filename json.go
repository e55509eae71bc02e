package forgehook

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/forgehook/forgehook/internal/jsontree"
)

// Decode reads a platform entity: names in any case, unknown names ignored, enums as number or
// name, null as absent. It reports up to a hundred faults with their paths. The error is
// malformed-json or invalid.
func Decode(data []byte, into any) error { return decode(data, into, false) }

// DecodeStrict reads one of our own inputs: like [Decode], but an unknown name is a fault that
// suggests the right one. Platform entities inside it may have unknown names.
func DecodeStrict(data []byte, into any) error { return decode(data, into, true) }

func decode(data []byte, into any, strict bool) error {
	tree, err := ParseJSON(data)
	if err != nil {
		return err
	}
	return DecodeTree(tree, into, strict)
}

// DecodeTree is [Decode] of a parsed value or, if strict, [DecodeStrict].
func DecodeTree(tree *jsontree.Node, into any, strict bool) error {
	var faults []FieldError
	for _, f := range entities.Decode(tree, into, strict) {
		faults = append(faults, FieldError{Path: f.Path, Value: short(f.Node.Value()), Allowed: f.Allowed})
	}
	return Invalid(faults...)
}

// ParseJSON reads exactly one JSON value. The error is malformed-json.
func ParseJSON(data []byte) (*jsontree.Node, error) {
	tree, err := jsontree.Parse(data)
	if err != nil {
		return nil, Errorf(CodeMalformed, "The body is no JSON: %s.", err)
	}
	return tree, nil
}

// AppendJSON writes an entity of this package, or a subject, as the platform does: members in the
// order of the struct, each enum followed by its <name>Name, which the platform's clients show. An
// absent enum has no name member; the name of an unnamed number is null. <, > and & are not
// escaped; the caller's encoder may escape them.
//
// It replaces a MarshalJSON of each entity, since encoding/json would parse each nested one again.
func AppendJSON(dst []byte, entity any) ([]byte, error) { return entities.Append(dst, entity) }

// entities reads and writes the words of this package: moments and enums in the platform's form.
// Unknown names in platform entities are ignored.
var entities = jsontree.Codec{
	Read: readerOf, Write: writerOf, Label: labelOf, Unknown: unknownName,
	Open: []reflect.Type{
		reflect.TypeFor[Document](), reflect.TypeFor[DocumentParameter](), reflect.TypeFor[ParameterDef](),
		reflect.TypeFor[Verification](), reflect.TypeFor[WorkItem](),
	},
}

var (
	timeType     = reflect.TypeFor[Time]()
	timeSpanType = reflect.TypeFor[TimeSpan]()
)

func readerOf(t reflect.Type) func(*jsontree.Node, reflect.Value) string {
	switch t {
	case timeType:
		return func(n *jsontree.Node, v reflect.Value) string {
			// A value that is no text gets the same refusal: the allowed form.
			moment, err := ParseTime(n.Text())
			return assigned(v, moment, err)
		}
	case timeSpanType:
		return func(n *jsontree.Node, v reflect.Value) string {
			span, err := ParseDuration(n.Text())
			return assigned(v, TimeSpan(span), err)
		}
	}
	names := enumOf(t)
	if names == nil {
		return nil
	}
	return func(n *jsontree.Node, v reflect.Value) string {
		if n.Kind() == jsontree.String {
			number, err := names.parse(n.Text())
			return assigned(v, number, err)
		}
		number, err := jsontree.Integer(n.Digits())
		if err != nil || v.OverflowInt(number) {
			return names.allowed("")
		}
		v.SetInt(number)
		return ""
	}
}

func assigned(v reflect.Value, value any, err error) string {
	if err != nil {
		return err.Error()
	}
	v.Set(reflect.ValueOf(value).Convert(v.Type()))
	return ""
}

func writerOf(t reflect.Type) func([]byte, reflect.Value) []byte {
	switch t {
	case timeType:
		return func(dst []byte, v reflect.Value) []byte {
			return append(v.Field(0).Interface().(time.Time).UTC().AppendFormat(append(dst, '"'), timeLayout), '"')
		}
	case timeSpanType:
		return func(dst []byte, v reflect.Value) []byte {
			return jsontree.AppendString(dst, FormatTimeSpan(time.Duration(v.Int())))
		}
	}
	return nil
}

func labelOf(t reflect.Type) func(reflect.Value) *string {
	names := enumOf(t)
	if names == nil {
		return nil
	}
	return func(v reflect.Value) *string { return names.name(int32(v.Int())) } //nolint:gosec // it is an int32
}

// enumOf are the names of an enum type, nil for other types.
func enumOf(t reflect.Type) *enumNames {
	if e, ok := reflect.Zero(t).Interface().(enum); ok && t.Kind() == reflect.Int32 {
		return e.names()
	}
	return nil
}

func unknownName(name string, names []string) string {
	if near := Nearest(name, names); near != "" {
		return fmt.Sprintf("no such name: did you mean %q?", near)
	}
	return "no such name; allowed: " + strings.Join(names, ", ")
}

// short renders an offending value for a message.
func short(raw any) string {
	var s string
	switch x := raw.(type) {
	case nil:
		return ""
	case string:
		s = x
	case json.Number:
		s = x.String()
	default:
		b, _ := json.Marshal(x)
		s = string(b)
	}
	return Shorten(s, 100)
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
