package value

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// What one step may work on: it calls Go code, which nothing interrupts, so sizes are looked at
// before it starts.
const (
	MaxOutput   = 16 << 20   // bytes of all that the expressions of one evaluation give
	MaxText     = MaxOutput  // bytes of one text
	MaxElements = 200_000    // of one list that a function makes or works through
	MaxWork     = 20_000_000 // of one call
)

// LimitError says what an expression asks too much of.
type LimitError struct{ message string }

func (e *LimitError) Error() string { return e.message }

// TooMuch is the value that a function returns where it would have to work through too much.
func TooMuch(message string) ref.Val { return types.WrapErr(&LimitError{message}) }

// What an expression asks too much of, in words.
const (
	TextLimit = "a text of more than 16 MiB"
	ListLimit = "a list of more than 200000 elements"
	JSONLimit = "JSON of more than 4 MiB or 200000 values"
	xmlLimit  = "XML of more than 200000 elements and attributes"
	WorkLimit = "values too large for this operation"
)

// Weigh is the size of a value: elements and members at every depth, texts by their bytes, entities
// as one.
func Weigh(v ref.Val, limit int) int {
	return Measure(v, limit, func(leaf ref.Val) int {
		switch x := leaf.(type) {
		case types.String:
			return 1 + len(x)
		case types.Bytes:
			return 1 + len(x)
		}
		return 1
	})
}

// Effort is what comparing a value with its equal takes: an entity counts for all that it holds, a
// text for little.
func Effort(v ref.Val, limit int) int {
	return Measure(v, limit, func(leaf ref.Val) int {
		switch x := leaf.(type) {
		case types.String:
			return 1 + len(x)/16
		case types.Bytes:
			return 1 + len(x)/16
		case *Object:
			return x.effort()
		}
		return 1
	})
}

// Measure adds up a value's lists and maps, at every depth, and what is in them. It stops at limit:
// a list of lists can be larger than anything that fits into memory.
func Measure(v ref.Val, limit int, leaf func(ref.Val) int) int {
	w := 1
	switch x := v.(type) {
	case *Map:
		for i := 0; i < x.size && w < limit; i++ {
			w += Measure(x.shared.keys[i], limit-w, leaf) + Measure(x.shared.values[i], limit-w, leaf)
		}
	case traits.Lister:
		for it := x.Iterator(); w < limit && it.HasNext() == types.True; {
			w += Measure(it.Next(), limit-w, leaf)
		}
	case traits.Mapper:
		for it := x.Iterator(); w < limit && it.HasNext() == types.True; {
			key := it.Next()
			w += Measure(key, limit-w, leaf) + Measure(x.Get(key), limit-w, leaf)
		}
	case *types.Optional:
		if x.HasValue() {
			return Measure(x.GetValue(), limit, leaf)
		}
	default:
		return leaf(v)
	}
	return w
}

// TextLen is the number of bytes of a text, 0 of anything else.
func TextLen(v ref.Val) int {
	return len(TextOf(v))
}

// ListLen is the number of elements of a list, 0 of anything else.
func ListLen(v ref.Val) int {
	if l, ok := v.(traits.Lister); ok {
		if n, ok := l.Size().(types.Int); ok {
			return int(n)
		}
	}
	return 0
}

// GuardEqual refuses to compare two values that are too large for it; nil where they are not.
func GuardEqual(args []ref.Val) ref.Val {
	if DecidedAtOnce(args[0], args[1]) {
		return nil
	}
	return GuardEffort(args)
}

// GuardEffort refuses values that are together too large to be looked through.
func GuardEffort(args []ref.Val) ref.Val {
	w := 0
	for _, arg := range args {
		if w += Effort(arg, MaxWork/10-w); w >= MaxWork/10 && !isText(arg) {
			return TooMuch(WorkLimit)
		}
	}
	return nil
}

// DecidedAtOnce reports a scalar, an entity and something else, or two entities whose comparison
// looks into neither.
func DecidedAtOnce(a, b ref.Val) bool {
	a, b = Plain(a), Plain(b)
	x, isEntity := a.(*Object)
	y, isOther := b.(*Object)
	if !isEntity || !isOther {
		return isEntity != isOther || IsScalar(a) || IsScalar(b)
	}
	return x.typ != y.typ || x.Entity == y.Entity || x.IsMissing() || y.IsMissing()
}

func isText(v ref.Val) bool { return v.Type() == types.StringType }
