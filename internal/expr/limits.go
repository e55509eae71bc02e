package expr

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// The interpreter counts steps and looks at the clock between them. One step that calls Go code could still run for hours or
// take all memory ("x".replace("x", long), sets.contains of two long lists, comparing lists of lists of lists), so the size of
// what a step works on is bounded before it starts.
const (
	maxText     = maxOutput // bytes of one text
	maxElements = 200_000   // of one list that a function makes or works through
	maxWork     = 20_000_000
	maxRange    = 100_000 // lists.range
	maxParsed   = 4 << 20 // bytes of JSON that parseJson reads
)

// limitError is an error that means that the expression asks for too much.
type limitError struct{ message string }

func (e *limitError) Error() string { return e.message }

// limitErr is the value that a function returns where it would have to work through too much.
func limitErr(message string) ref.Val { return types.WrapErr(&limitError{message}) }

var (
	errTextLimit = "a text of more than 16 MiB"
	errListLimit = "a list of more than 200000 elements"
	errJSONLimit = "JSON of more than 4 MiB or 200000 values"
	errXMLLimit  = "XML of more than 200000 elements and attributes"
	errWorkLimit = "values too large for this operation"
)

// weigh is the size of a value: elements and members at every depth, texts by their bytes, entities as one.
func weigh(v ref.Val, limit int) int {
	return measure(v, limit, func(leaf ref.Val) int {
		switch x := leaf.(type) {
		case types.String:
			return 1 + len(x)
		case types.Bytes:
			return 1 + len(x)
		}
		return 1
	})
}

// effort is what comparing a value with its equal takes: an entity counts for all that it holds, a text for little.
func effort(v ref.Val, limit int) int {
	return measure(v, limit, func(leaf ref.Val) int {
		switch x := leaf.(type) {
		case types.String:
			return 1 + len(x)/16
		case types.Bytes:
			return 1 + len(x)/16
		case *object:
			return x.effort()
		}
		return 1
	})
}

// measure adds up a value's lists and maps, at every depth, and what is in them. It stops at limit, for a list of lists can be larger
// than anything that fits into memory.
func measure(v ref.Val, limit int, leaf func(ref.Val) int) int {
	w := 1
	switch x := v.(type) {
	case *orderedMap:
		for i := 0; i < x.size && w < limit; i++ {
			w += measure(x.shared.keys[i], limit-w, leaf) + measure(x.shared.values[i], limit-w, leaf)
		}
	case traits.Lister:
		for it := x.Iterator(); w < limit && it.HasNext() == types.True; {
			w += measure(it.Next(), limit-w, leaf)
		}
	case traits.Mapper:
		for it := x.Iterator(); w < limit && it.HasNext() == types.True; {
			key := it.Next()
			w += measure(key, limit-w, leaf) + measure(x.Get(key), limit-w, leaf)
		}
	case *types.Optional:
		if x.HasValue() {
			return measure(x.GetValue(), limit, leaf)
		}
	default:
		return leaf(v)
	}
	return w
}

func textLen(v ref.Val) int {
	s, _ := v.(types.String)
	return len(s)
}

func listLen(v ref.Val) int {
	if l, ok := v.(traits.Lister); ok {
		if n, ok := l.Size().(types.Int); ok {
			return int(n)
		}
	}
	return 0
}

// guards say by function name what stands for the result of a call that is not begun, nil when it may begin. They are asked with
// all arguments, the receiver first.
var guards = map[string]func(args []ref.Val) ref.Val{
	operators.Add: func(args []ref.Val) ref.Val {
		if textLen(args[0])+textLen(args[1]) > maxText {
			return limitErr(errTextLimit)
		}
		if listLen(args[0])+listLen(args[1]) > maxElements {
			return limitErr(errListLimit)
		}
		return nil
	},
	operators.Equals:    guardEqual,
	operators.NotEquals: guardEqual,
	operators.In:        guardEffort,
	"flatten": func(args []ref.Val) ref.Val {
		if weigh(args[0], 2*maxElements) >= 2*maxElements {
			return limitErr(errListLimit)
		}
		return nil
	},
	"format":  guardText,
	"join":    guardJoin,
	"replace": guardReplace,
	"split": func(args []ref.Val) ref.Val {
		sep, _ := args[1].(types.String)
		s, _ := args[0].(types.String)
		if n := strings.Count(string(s), string(sep)); n > maxElements {
			return limitErr(errListLimit)
		}
		return nil
	},
	"sort":                  guardElements,
	"@sortByAssociatedKeys": guardElements,
	"distinct":              distinct,
	"sets.contains":         guardPair,
	"sets.equivalent":       guardPair,
	"sets.intersects":       guardPair,
	"hasOnly":               guardPair,
	"hasAny":                guardPair,
	"hasAll":                guardPair,
	"hasExactly":            guardPair,
	"cs_equal":              guardEqual,
	"cs_split": func(args []ref.Val) ref.Val {
		if textLen(args[0])*listLen(args[1]) > maxWork {
			return limitErr(errWorkLimit)
		}
		return nil
	},
	"cs_trim": func(args []ref.Val) ref.Val {
		if textLen(args[0])*textLen(args[2]) > maxWork {
			return limitErr(errWorkLimit)
		}
		return nil
	},
}

func guardEqual(args []ref.Val) ref.Val {
	if decidedAtOnce(args[0], args[1]) {
		return nil
	}
	return guardEffort(args)
}

func guardEffort(args []ref.Val) ref.Val {
	w := 0
	for _, arg := range args {
		if w += effort(arg, maxWork/10-w); w >= maxWork/10 && !isText(arg) {
			return limitErr(errWorkLimit)
		}
	}
	return nil
}

// decidedAtOnce reports a scalar, an entity and something else, or two entities whose comparison looks into neither.
func decidedAtOnce(a, b ref.Val) bool {
	a, b = plain(a), plain(b)
	x, isEntity := a.(*object)
	y, isOther := b.(*object)
	if !isEntity || !isOther {
		return isEntity != isOther || isScalar(a) || isScalar(b)
	}
	return x.entity != y.entity || x.ptr == y.ptr || x.isMissing() || y.isMissing()
}

func isText(v ref.Val) bool {
	_, ok := v.(types.String)
	return ok
}

func guardText(args []ref.Val) ref.Val {
	w := 0
	for _, arg := range args {
		if w += weigh(arg, maxText-w); w >= maxText {
			return limitErr(errTextLimit)
		}
	}
	return nil
}

func guardJoin(args []ref.Val) ref.Val {
	w := 0
	if len(args) > 1 {
		w = listLen(args[0]) * textLen(args[1])
	}
	if w < maxText {
		w += weigh(args[0], maxText-w)
	}
	if w >= maxText {
		return limitErr(errTextLimit)
	}
	return nil
}

func guardReplace(args []ref.Val) ref.Val {
	s, _ := args[0].(types.String)
	old, _ := args[1].(types.String)
	if n := strings.Count(string(s), string(old)); len(s)+n*textLen(args[2]) > maxText {
		return limitErr(errTextLimit)
	}
	return nil
}

func guardElements(args []ref.Val) ref.Val {
	if listLen(args[0]) > maxElements {
		return limitErr(errListLimit)
	}
	return guardText(args)
}

func guardPair(args []ref.Val) ref.Val { return guardProduct(args[0], args[1]) }

// distinct does the work itself where it can: the library compares every element with every other.
func distinct(args []ref.Val) ref.Val {
	l, ok := args[0].(traits.Lister)
	if !ok {
		return nil
	}
	seen := map[any]bool{}
	var kept []ref.Val
	for it := l.Iterator(); it.HasNext() == types.True; {
		elem := it.Next()
		k, ok := hashable(elem)
		if !ok {
			if elem != types.NullValue {
				return guardProduct(l, l)
			}
			k = types.NullValue
		}
		if !seen[k] {
			seen[k] = true
			kept = append(kept, elem)
		}
	}
	return newList(kept)
}

// guardProduct is for functions that compare every element with every other. Comparing two takes what the lighter one does, so all of
// one list times the length of the other bounds the work.
func guardProduct(a, b ref.Val) ref.Val {
	for _, x := range [][2]ref.Val{{a, b}, {b, a}} {
		times := max(1, listLen(x[1]))
		if effort(x[0], maxWork/times+1)*times > maxWork {
			return limitErr(errWorkLimit)
		}
	}
	return nil
}

// guarded gives the functions of an environment with their guards before them.
func guarded(env *cel.Env) ([]*functions.Overload, error) {
	var wrapped []*functions.Overload
	for name, guard := range guards {
		declared := env.Functions()[name]
		if declared == nil {
			continue
		}
		bindings, err := declared.Bindings()
		if err != nil {
			return nil, err
		}
		for _, b := range bindings {
			wrapped = append(wrapped, withGuard(b, guard))
		}
	}
	return wrapped, nil
}

func withGuard(b *functions.Overload, guard func([]ref.Val) ref.Val) *functions.Overload {
	w := *b
	if f := b.Unary; f != nil {
		w.Unary = func(arg ref.Val) ref.Val {
			if err := guard([]ref.Val{arg}); err != nil {
				return err
			}
			return f(arg)
		}
	}
	if f := b.Binary; f != nil {
		w.Binary = func(lhs, rhs ref.Val) ref.Val {
			if err := guard([]ref.Val{lhs, rhs}); err != nil {
				return err
			}
			return f(lhs, rhs)
		}
	}
	if f := b.Function; f != nil {
		w.Function = func(args ...ref.Val) ref.Val {
			if err := guard(args); err != nil {
				return err
			}
			return f(args...)
		}
	}
	return &w
}

// replaceCalls is the decorator for calls that the interpreter does not look up by name: equality, which could compare without
// end, and matches, whose constant pattern is compiled here once.
func replaceCalls(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := i.(interpreter.InterpretableCall)
	if !ok {
		return i, nil
	}
	switch call.Function() {
	case operators.Equals, operators.NotEquals:
		wanted := types.Bool(call.Function() == operators.Equals)
		return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), func(args ...ref.Val) ref.Val {
			if err := guardEqual(args); err != nil {
				return err
			}
			return equality(args[0], args[1], wanted)
		}), nil
	case "matches":
		return matchesCall(call)
	}
	return i, nil
}

func equality(a, b ref.Val, wanted types.Bool) ref.Val {
	equal, ok := types.Equal(a, b).(types.Bool)
	if !ok {
		return types.Equal(a, b)
	}
	return types.Bool(equal == wanted)
}

// trackers make steps as dear as the work and the memory that they take, for all functions alike.
func trackers(env *cel.Env) []cost.TrackerOption {
	var all []cost.TrackerOption
	for name, f := range env.Functions() {
		for _, o := range f.OverloadDecls() {
			all = append(all, cost.OverloadTracker(o.ID(), func(args []ref.Val, result ref.Val) *uint64 {
				price := price(name, args, result)
				return &price
			}))
		}
	}
	return all
}

// madeBefore are functions whose result is one of their arguments or remembered: it takes no more memory.
var madeBefore = map[string]bool{
	"dyn": true, "coalesce": true, "first": true, "last": true, "orValue": true, "value": true, "fields": true, "table": true, "rows": true,
	"cs_existing": true, "cs_value": true, "cs_then": true, "cs_first": true, "cs_last": true, "cs_at": true,
}

// price is a sixteenth of the work: one step buys four bytes of a text or an eighth of an element.
func price(function string, args []ref.Val, result ref.Val) uint64 {
	work := 16
	plus := function == operators.Add // which shares its operands' elements
	for _, arg := range args {
		switch x := arg.(type) {
		case types.String:
			work += len(x) / 4
		case types.Bytes:
			work += len(x) / 4
		case traits.Lister:
			if !plus && function != "size" {
				work += 2 * listLen(x)
			}
		}
	}
	if !madeBefore[function] {
		work += memory(result, plus)
	}
	switch function {
	case operators.Equals, operators.NotEquals:
		if !decidedAtOnce(args[0], args[1]) {
			work += 2 * effort(args[0], maxWork/10)
		}
	case "parseJson":
		work += 4*textLen(args[0]) + 400*measure(result, maxElements, func(ref.Val) int { return 1 })
	}
	return uint64(work) / 16
}

// memory is what a result takes, in the unit of a price.
func memory(result ref.Val, shared bool) int {
	switch x := result.(type) {
	case types.String:
		return 4 * len(x)
	case types.Bytes:
		return 4 * len(x)
	case *object:
		return 64
	case traits.Lister:
		if !shared {
			return 128 * listLen(x)
		}
	}
	return 0
}
