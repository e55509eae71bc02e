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

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/library"
	"github.com/forgehook/forgehook/internal/expr/value"
)

// The interpreter counts steps and checks the clock between them. A single step that calls Go code
// could run for hours or take all memory, such as "x".replace("x", long), sets.contains of two long
// lists, or a comparison of lists of lists. So the size of its operands is bounded before it
// starts.

// maxRange is the longest list that lists.range makes.
const maxRange = 100_000

// celBounds are the bounds of CEL's own functions.
var celBounds = map[string]library.Bounds{
	operators.Add:           {Guard: guardSum},
	operators.Equals:        {Guard: value.GuardEqual, Work: equalWork},
	operators.NotEquals:     {Guard: value.GuardEqual, Work: equalWork},
	operators.In:            {Guard: value.GuardEffort},
	"flatten":               {Guard: guardFlatten},
	"format":                {Guard: guardText},
	"join":                  {Guard: guardJoin},
	"replace":               {Guard: guardReplace},
	"split":                 {Guard: guardSplit},
	"sort":                  {Guard: guardElements},
	"@sortByAssociatedKeys": {Guard: guardElements},
	"distinct":              {Guard: distinct},
	"duration":              {Guard: duration},
	"sets.contains":         {Guard: guardPair},
	"sets.equivalent":       {Guard: guardPair},
	"sets.intersects":       {Guard: guardPair},
	"hasOnly":               {Guard: guardPair},
	"hasAny":                {Guard: guardPair},
	"hasAll":                {Guard: guardPair},
	"hasExactly":            {Guard: guardPair},
	"dyn":                   {Shares: true},
	"orValue":               {Shares: true},
	"value":                 {Shares: true},
}

func guardSum(args []ref.Val) ref.Val {
	if value.TextLen(args[0])+value.TextLen(args[1]) > value.MaxText {
		return value.TooMuch(value.TextLimit)
	}
	if value.ListLen(args[0])+value.ListLen(args[1]) > value.MaxElements {
		return value.TooMuch(value.ListLimit)
	}
	return nil
}

func guardFlatten(args []ref.Val) ref.Val {
	if value.Weigh(args[0], 2*value.MaxElements) >= 2*value.MaxElements {
		return value.TooMuch(value.ListLimit)
	}
	return nil
}

func guardSplit(args []ref.Val) ref.Val {
	if strings.Count(value.TextOf(args[0]), value.TextOf(args[1])) > value.MaxElements {
		return value.TooMuch(value.ListLimit)
	}
	return nil
}

func guardText(args []ref.Val) ref.Val {
	w := 0
	for _, arg := range args {
		if w += value.Weigh(arg, value.MaxText-w); w >= value.MaxText {
			return value.TooMuch(value.TextLimit)
		}
	}
	return nil
}

func guardJoin(args []ref.Val) ref.Val {
	w := 0
	if len(args) > 1 {
		w = value.ListLen(args[0]) * value.TextLen(args[1])
	}
	if w < value.MaxText {
		w += value.Weigh(args[0], value.MaxText-w)
	}
	if w >= value.MaxText {
		return value.TooMuch(value.TextLimit)
	}
	return nil
}

func guardReplace(args []ref.Val) ref.Val {
	s, _ := args[0].(types.String)
	old, _ := args[1].(types.String)
	if n := strings.Count(string(s), string(old)); len(s)+n*value.TextLen(args[2]) > value.MaxText {
		return value.TooMuch(value.TextLimit)
	}
	return nil
}

func guardElements(args []ref.Val) ref.Val {
	if value.ListLen(args[0]) > value.MaxElements {
		return value.TooMuch(value.ListLimit)
	}
	return guardText(args)
}

func guardPair(args []ref.Val) ref.Val { return guardProduct(args[0], args[1]) }

// distinct replaces the library's function, which compares every element with every other, if
// hashing is possible.
func distinct(args []ref.Val) ref.Val {
	l, ok := args[0].(traits.Lister)
	if !ok {
		return nil
	}
	seen := map[any]bool{}
	var elems []ref.Val
	for it := l.Iterator(); it.HasNext() == types.True; {
		elem := it.Next()
		k, ok := value.Hashable(elem)
		if !ok {
			if elem != types.NullValue {
				return guardProduct(l, l)
			}
			k = types.NullValue
		}
		if !seen[k] {
			seen[k] = true
			elems = append(elems, elem)
		}
	}
	return value.NewList(elems)
}

// duration reads a text as the settings do. CEL knows Go's form only.
func duration(args []ref.Val) ref.Val {
	if text, ok := args[0].(types.String); ok {
		if d, err := forgehook.ParseDuration(string(text)); err == nil {
			return types.Duration{Duration: d}
		}
	}
	return nil
}

// guardProduct is for functions that compare every element with every other. A comparison costs
// what the lighter of the two costs. So the effort of one list times the length of the other bounds
// the work.
func guardProduct(a, b ref.Val) ref.Val {
	for _, x := range [][2]ref.Val{{a, b}, {b, a}} {
		times := max(1, value.ListLen(x[1]))
		if value.Effort(x[0], value.MaxWork/times+1)*times > value.MaxWork {
			return value.TooMuch(value.WorkLimit)
		}
	}
	return nil
}

// guarded wraps the functions of an environment in their guards.
func guarded(env *cel.Env, all map[string]library.Bounds) ([]*functions.Overload, error) {
	var wrapped []*functions.Overload
	for name, of := range all {
		declared := env.Functions()[name]
		if declared == nil || of.Guard == nil {
			continue
		}
		bindings, err := declared.Bindings()
		if err != nil {
			return nil, err
		}
		for _, b := range bindings {
			wrapped = append(wrapped, withGuard(b, of.Guard))
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

// replaceCalls decorates calls that the interpreter does not look up by name: equality, which might
// never end, and matches, whose constant pattern is compiled once here.
func replaceCalls(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := i.(interpreter.InterpretableCall)
	if !ok {
		return i, nil
	}
	switch call.Function() {
	case operators.Equals, operators.NotEquals:
		wanted := types.Bool(call.Function() == operators.Equals)
		return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), func(args ...ref.Val) ref.Val {
			if err := value.GuardEqual(args); err != nil {
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

// trackers price the steps of all functions by their work and memory.
func trackers(env *cel.Env, all map[string]library.Bounds) []cost.TrackerOption {
	var options []cost.TrackerOption
	for name, f := range env.Functions() {
		for _, o := range f.OverloadDecls() {
			options = append(options, cost.OverloadTracker(o.ID(), func(args []ref.Val, result ref.Val) *uint64 {
				price := price(name, all[name], args, result)
				return &price
			}))
		}
	}
	return options
}

// price is a sixteenth of the work: one step pays for four bytes of text or an eighth of an
// element.
func price(function string, of library.Bounds, args []ref.Val, result ref.Val) uint64 {
	work := 16
	plus := function == operators.Add // + shares the elements of its operands
	for _, arg := range args {
		switch x := arg.(type) {
		case types.String:
			work += len(x) / 4
		case types.Bytes:
			work += len(x) / 4
		case traits.Lister:
			if !plus && function != "size" {
				work += 2 * value.ListLen(x)
			}
		}
	}
	if !of.Shares {
		work += memory(result, plus)
	}
	if of.Work != nil {
		work += of.Work(args, result)
	}
	return uint64(work) / 16
}

func equalWork(args []ref.Val, _ ref.Val) int {
	if value.DecidedAtOnce(args[0], args[1]) {
		return 0
	}
	return 2 * value.Effort(args[0], value.MaxWork/10)
}

// memory is the price of a result's memory, in units of work.
func memory(result ref.Val, shared bool) int {
	switch x := result.(type) {
	case types.String:
		return 4 * len(x)
	case types.Bytes:
		return 4 * len(x)
	case *value.Object:
		return 64
	case traits.Lister:
		if !shared {
			return 128 * value.ListLen(x)
		}
	}
	return 0
}
