package forgehook

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/forgehook/forgehook/internal/jsontree"
)

// Decode reads a platform entity: names in any case, unknown ones ignored, enums as number or name,
// null the same as absent. It reports the faults (the first hundred) with their places, not only
// the first. The error is malformed-json or invalid.
func Decode(data []byte, into any) error { return decode(data, into, false) }

// DecodeStrict reads one of our own inputs: as [Decode], but an unknown name is a fault that says
// which one was meant. Fields of platform entities inside it stay open.
func DecodeStrict(data []byte, into any) error { return decode(data, into, true) }

func decode(data []byte, into any, strict bool) error {
	tree, err := ParseJSON(data)
	if err != nil {
		return err
	}
	return DecodeTree(tree, into, strict)
}

// DecodeTree is [Decode] or, strictly, [DecodeStrict] of what is parsed already.
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
// order of the struct, then the name of each enum as <name>Name, because the platform's clients
// show names. Of an enum that is absent the name is absent, of a number without a name it is null.
// <, > and & stay as they are; an encoder that wants them escaped still can.
//
// It is the MarshalJSON of all entities at once: encoding/json would read again what each nested
// one has written.
func AppendJSON(dst []byte, entity any) ([]byte, error) { return entities.Append(dst, entity) }

// entities reads and writes the words of this package: moments and enums in the platform's form.
// What a platform entity has beyond its fields is passed over everywhere.
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
			// What is no text is refused with the form that is allowed.
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

// enumOf are the names of an enum type, nil for any other.
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
