package value

import (
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// The limits of one step. A step calls Go code that nothing interrupts, so sizes are checked before
// it starts.
const (
	MaxOutput   = 16 << 20   // bytes that all expressions of one evaluation may give together
	MaxText     = MaxOutput  // bytes of one text
	MaxElements = 200_000    // of one list that a function makes or reads
	MaxWork     = 20_000_000 // of one call
)

// LimitError says which limit an expression exceeds.
type LimitError struct{ message string }

func (e *LimitError) Error() string { return e.message }

// TooMuch is the result of a function that would exceed a limit.
func TooMuch(message string) ref.Val { return types.WrapErr(&LimitError{message}) }

// The limits in words.
const (
	TextLimit = "a text of more than 16 MiB"
	ListLimit = "a list of more than 200000 elements"
	JSONLimit = "JSON of more than 4 MiB or 200000 values"
	xmlLimit  = "XML of more than 200000 elements and attributes"
	WorkLimit = "values too large for this operation"
)

// Weigh returns the size of a value: its elements and members at every depth, plus the bytes of its
// texts. An entity counts as one.
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

// Effort returns the cost of comparing a value with its equal. An entity counts with all its
// values, a text counts little.
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

// Measure adds up lists and maps at every depth and the leaves in them. It stops at limit, because
// a list of lists may be larger than memory.
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

// TextLen returns the bytes of a text, 0 for anything else.
func TextLen(v ref.Val) int {
	return len(TextOf(v))
}

// ListLen returns the elements of a list, 0 for anything else.
func ListLen(v ref.Val) int {
	if l, ok := v.(traits.Lister); ok {
		if n, ok := l.Size().(types.Int); ok {
			return int(n)
		}
	}
	return 0
}

// GuardEqual refuses to compare two values that are too large. Otherwise it returns nil.
func GuardEqual(args []ref.Val) ref.Val {
	if DecidedAtOnce(args[0], args[1]) {
		return nil
	}
	return GuardEffort(args)
}

// GuardEffort refuses values that are too large together. Otherwise it returns nil.
func GuardEffort(args []ref.Val) ref.Val {
	w := 0
	for _, arg := range args {
		if w += Effort(arg, MaxWork/10-w); w >= MaxWork/10 && !isText(arg) {
			return TooMuch(WorkLimit)
		}
	}
	return nil
}

// DecidedAtOnce reports whether a comparison need not look inside: one value is a scalar, only one
// is an entity, or the types or pointers of two entities decide.
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
