package value

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/forgehook/forgehook"
)

// Plain unwraps an optional value, makes null of a field that the document lacks, and settles a
// number.
func Plain(v ref.Val) ref.Val { return Settle(Present(v)) }

// Present is [Plain] for writing: a number keeps its text.
func Present(v ref.Val) ref.Val {
	for {
		switch x := v.(type) {
		case nil:
			return types.NullValue
		case *Object:
			if x.IsMissing() {
				return types.NullValue
			}
			return x
		case *types.Optional:
			if !x.HasValue() {
				return types.NullValue
			}
			v = x.GetValue()
		default:
			return v
		}
	}
}

// IsScalar reports whether a value is neither a list nor a map nor an entity.
func IsScalar(v ref.Val) bool {
	switch v.(type) {
	case traits.Mapper, traits.Lister, *Object:
		return false
	}
	return true
}

// TextOf returns a text, "" for anything else.
func TextOf(v ref.Val) string {
	s, _ := v.(types.String)
	return string(s)
}

// Readable returns the value of a field, and any other value as it is. So
// number(doc.field("Total")) needs no .value.
func Readable(v ref.Val) ref.Val {
	v = Plain(v)
	if o, ok := v.(*Object); ok && o.typ == parameterEntity {
		return StringOrNull(o.Entity.(*forgehook.DocumentParameter).Value)
	}
	return v
}

// AsDouble returns a number of any type as a double.
func AsDouble(v ref.Val) (float64, bool) {
	switch x := v.(type) {
	case types.Double:
		return float64(x), true
	case types.Int:
		return float64(x), true
	case types.Uint:
		return float64(x), true
	}
	return 0, false
}

// LimitedText makes a value of a text, or an error value if the text is too long.
func LimitedText(s string) ref.Val {
	if len(s) > MaxText {
		return TooMuch(TextLimit)
	}
	return types.String(s)
}

// TypeName names the type of a value in words, for messages.
func TypeName(v ref.Val) string {
	switch x := v.(type) {
	case types.Null:
		return "null"
	case types.String:
		return "a text"
	case types.Int, types.Uint:
		return "a whole number"
	case types.Double:
		return "a number"
	case types.Bool:
		return "true or false"
	case types.Bytes:
		return "bytes"
	case types.Timestamp:
		return "a timestamp"
	case types.Duration:
		return "a duration"
	case *types.Optional:
		return "an optional value"
	case *Object:
		return "a " + x.typ.name
	case traits.Mapper:
		return "a map"
	case traits.Lister:
		return "a list"
	}
	return v.Type().TypeName()
}
