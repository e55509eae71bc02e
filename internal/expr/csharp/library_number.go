package csharp

import (
	"math"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/dotnet"
	"github.com/forgehook/forgehook/internal/expr/value"
)

// csInt calculates like C#'s int: 32 bits that wrap, integer division, null gives null.
func csInt(args ...ref.Val) ref.Val {
	v := csLong(args...)
	n, ok := v.(types.Int)
	if !ok {
		return v
	}
	if op := value.TextOf(args[1]); op == "/" && n > math.MaxInt32 {
		return types.NewErr("the number is too large")
	}
	return types.Int(int32(n)) //nolint:gosec // it wraps as in C#
}

// csLong calculates with 64 bits that wrap. Its & | ^ also serve flags.
func csLong(args ...ref.Val) ref.Val {
	if args[0] == types.NullValue || args[2] == types.NullValue {
		return types.NullValue
	}
	a, ok1 := args[0].(types.Int)
	b, ok2 := args[2].(types.Int)
	if !ok1 || !ok2 {
		return types.NewErr("%s and %s are no whole numbers", value.TypeName(args[0]), value.TypeName(args[2]))
	}
	switch value.TextOf(args[1]) {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "&":
		return a & b
	case "|":
		return a | b
	case "^":
		return a ^ b
	}
	switch {
	case b == 0:
		return types.NewErr("division by zero")
	case a == math.MinInt64 && b == -1:
		return types.NewErr("the number is too large")
	case value.TextOf(args[1]) == "/":
		return a / b
	}
	return a % b
}

func csDouble(args ...ref.Val) ref.Val {
	if args[0] == types.NullValue || args[2] == types.NullValue {
		return types.NullValue
	}
	a, ok1 := value.AsDouble(args[0])
	b, ok2 := value.AsDouble(args[2])
	if !ok1 || !ok2 {
		return types.NewErr("%s and %s are no numbers", value.TypeName(args[0]), value.TypeName(args[2]))
	}
	switch value.TextOf(args[1]) {
	case "+":
		return types.Double(a + b)
	case "-":
		return types.Double(a - b)
	case "*":
		return types.Double(a * b)
	case "/":
		return types.Double(a / b)
	}
	return types.Double(math.Mod(a, b))
}

// csToInt is the cast (int), which cuts fractions. It fails where C# leaves the result undefined.
func csToInt(args ...ref.Val) ref.Val {
	switch x := args[0].(type) {
	case types.Int:
		return types.Int(int32(x)) //nolint:gosec // it wraps as in C#
	case types.Double:
		if f := math.Trunc(float64(x)); f >= math.MinInt32 && f <= math.MaxInt32 {
			return types.Int(f)
		}
		return types.NewErr("the number does not fit into an int")
	}
	return csNullOrNumber(args[0])
}

func csToLong(args ...ref.Val) ref.Val {
	switch x := args[0].(type) {
	case types.Int:
		return x
	case types.Double:
		if f := math.Trunc(float64(x)); f >= -1<<63 && f < 1<<63 {
			return types.Int(f)
		}
		return types.NewErr("the number does not fit into a long")
	}
	return csNullOrNumber(args[0])
}

func csToDouble(args ...ref.Val) ref.Val {
	if f, ok := value.AsDouble(args[0]); ok {
		return types.Double(f)
	}
	return csNullOrNumber(args[0])
}

func csNullOrNumber(v ref.Val) ref.Val {
	if v == types.NullValue {
		return v
	}
	return types.NewErr("%s is no number", value.TypeName(v))
}

// csSum adds the values that are not null. Whole numbers fail on overflow, as in LINQ.
func csSum(args ...ref.Val) ref.Val {
	list, ok := args[0].(traits.Lister)
	if !ok {
		return csNull("a list")
	}
	kind := value.TextOf(args[1])
	if kind == "cs_double" {
		total := 0.0
		for it := list.Iterator(); it.HasNext() == types.True; {
			if f, ok := value.AsDouble(it.Next()); ok {
				total += f
			}
		}
		return types.Double(total)
	}
	total, limit := types.Int(0), types.Int(math.MaxInt64)
	if kind == "cs_int" {
		limit = math.MaxInt32
	}
	for it := list.Iterator(); it.HasNext() == types.True; {
		n, ok := it.Next().(types.Int)
		if !ok {
			continue
		}
		if n > 0 && total > limit-n || n < 0 && total < -limit-1-n {
			return types.NewErr("the sum is too large")
		}
		total += n
	}
	return total
}

// csTime subtracts dates and adds time spans. Null gives null.
func csTime(args ...ref.Val) ref.Val {
	if args[0] == types.NullValue || args[2] == types.NullValue {
		return types.NullValue
	}
	sign := time.Duration(1)
	if value.TextOf(args[1]) == "-" {
		sign = -1
	}
	switch a := args[0].(type) {
	case types.Timestamp:
		switch b := args[2].(type) {
		case types.Timestamp:
			return a.Subtract(b)
		case types.Duration:
			return inYears(a.Time.Add(sign * b.Duration))
		}
	case types.Duration:
		if b, ok := args[2].(types.Duration); ok {
			if sign > 0 {
				return a.Add(b)
			}
			return a.Subtract(b)
		}
	}
	return types.NewErr("%s and %s cannot be calculated", value.TypeName(args[0]), value.TypeName(args[2]))
}

// inYears refuses dates outside C#'s range.
func inYears(t time.Time) ref.Val {
	if y := t.UTC().Year(); y < 1 || y > 9999 {
		return types.NewErr("the date is outside of the years 1 to 9999")
	}
	return types.Timestamp{Time: t.UTC()}
}

// csAddTime serves AddDays and the like.
func csAddTime(args ...ref.Val) ref.Val {
	at, ok := args[0].(types.Timestamp)
	by, isNumber := value.AsDouble(args[1])
	if !ok || !isNumber {
		return csNull("a date")
	}
	unit := map[string]time.Duration{"days": 24 * time.Hour, "hours": time.Hour, "minutes": time.Minute, "seconds": time.Second}[value.TextOf(args[2])]
	whole, fraction := math.Modf(by)
	if math.IsNaN(by) || math.Abs(whole) > float64(math.MaxInt64/unit/2) {
		return types.NewErr("the date is outside of the years 1 to 9999")
	}
	ticks := math.Trunc(fraction * float64(unit/100))
	return inYears(at.Time.Add(time.Duration(whole)*unit + time.Duration(ticks)*100))
}

func csDate(args ...ref.Val) ref.Val {
	at, ok := args[0].(types.Timestamp)
	if !ok {
		return csNull("a date")
	}
	y, m, d := at.UTC().Date()
	return types.Timestamp{Time: time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
}

func csTotal(args ...ref.Val) ref.Val {
	d, ok := args[0].(types.Duration)
	if !ok {
		return csNull("a time span")
	}
	ticks := float64(d.Duration / 100)
	perUnit := map[string]float64{"days": 864e9, "hours": 36e9, "minutes": 6e8, "seconds": 1e7, "milliseconds": 1e4}[value.TextOf(args[1])]
	return types.Double(ticks / perUnit)
}

// csJSONTime writes a date as System.Text.Json does, without trailing zeros of the fraction.
func csJSONTime(args ...ref.Val) ref.Val {
	at, ok := args[0].(types.Timestamp)
	if !ok {
		return args[0]
	}
	s, err := dotnet.FormatTime(at.UTC(), "yyyy-MM-ddTHH:mm:ss.FFFFFFFZ", dotnet.Invariant)
	if err != nil {
		return types.NewErr("the date cannot be written")
	}
	return types.String(s)
}

func csJSONSpan(args ...ref.Val) ref.Val {
	d, ok := args[0].(types.Duration)
	if !ok {
		return args[0]
	}
	return types.String(forgehook.FormatTimeSpan(d.Duration))
}
