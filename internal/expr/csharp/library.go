package csharp

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/forgehook/forgehook/internal/expr/dotnet"
	"github.com/forgehook/forgehook/internal/expr/library"
	"github.com/forgehook/forgehook/internal/expr/value"
)

// Library has the functions for translated C# only. They behave as C# where CEL differs:
// calculating with null gives null, int wraps, texts count UTF-16 units. Their arguments are dyn,
// because the translator checks types. A null for which C# throws is an error.
var Library = &library.Library{
	Functions: []library.Function{
		declare("cs_int", 3, 3, csInt),
		declare("cs_long", 3, 3, csLong),
		declare("cs_double", 3, 3, csDouble),
		declare("cs_toInt", 1, 1, csToInt),
		declare("cs_toLong", 1, 1, csToLong),
		declare("cs_toDouble", 1, 1, csToDouble),
		declare("cs_compare", 3, 3, csCompare),
		guarded(value.GuardEqual, declare("cs_equal", 2, 2, csEqual)),
		sharing(declare("cs_value", 1, 1, csValue)),
		sharing(declare("cs_then", 2, 2, func(args ...ref.Val) ref.Val { return args[1] })),
		sharing(declare("cs_existing", 1, 1, csExisting)),
		declare("cs_enum", 2, 3, csEnum),
		declare("cs_hasFlag", 2, 2, csHasFlag),
		declare("cs_hex", 2, 2, csHex),
		declare("cs_align", 2, 2, csAlign),
		declare(jsonFunction, 1, 1, csJSON),
		declare("cs_jsonTime", 1, 1, csJSONTime),
		declare("cs_jsonSpan", 1, 1, csJSONSpan),
		declare("cs_time", 3, 3, csTime),
		declare("cs_add", 3, 3, csAddTime),
		declare("cs_date", 1, 1, csDate),
		declare("cs_total", 2, 2, csTotal),
		declare("cs_length", 1, 1, csLength),
		declare("cs_upper", 1, 1, csUpper),
		declare("cs_lower", 1, 1, csLower),
		declare("cs_fold", 1, 1, csFold),
		guarded(guardTrim, declare("cs_trim", 3, 3, csTrim)),
		declare("cs_substring", 2, 3, csSubstring),
		sharing(declare("cs_at", 2, 2, csAt)),
		declare("cs_replace", 3, 3, csReplace),
		guarded(guardSplit, declare("cs_split", 3, 3, csSplit)),
		declare("cs_join", 2, 2, csJoin),
		declare("cs_isEmpty", 1, 1, func(args ...ref.Val) ref.Val { return types.Bool(value.TextOf(args[0]) == "") }),
		declare("cs_isBlank", 1, 1, func(args ...ref.Val) ref.Val { return types.Bool(strings.TrimSpace(value.TextOf(args[0])) == "") }),
		sharing(declare("cs_first", 1, 2, func(args ...ref.Val) ref.Val { return csEnd(args, false) })),
		sharing(declare("cs_last", 1, 2, func(args ...ref.Val) ref.Val { return csEnd(args, true) })),
		declare("cs_sum", 2, 2, csSum),
		declare("cs_order", 3, 3, csOrder),
		declare("cs_distinct", 1, 1, csDistinct),
	},
	Macros: []cel.Macro{
		cel.GlobalMacro("cs_any", 3, anyMacro), cel.GlobalMacro("cs_all", 3, allMacro), cel.GlobalMacro("cs_find", 3, findMacro),
	},
}

// declare makes a function of least to most arguments of any type.
func declare(name string, least, most int, call func(args ...ref.Val) ref.Val) library.Function {
	f := library.Function{Name: name}
	for n := least; n <= most; n++ {
		args := slices.Repeat([]*cel.Type{cel.DynType}, n)
		f.Overloads = append(f.Overloads, library.Overload{Args: args, Result: cel.DynType, Call: call})
	}
	return f
}

func sharing(f library.Function) library.Function {
	f.Shares = true
	return f
}

func guarded(guard func([]ref.Val) ref.Val, f library.Function) library.Function {
	f.Guard = guard
	return f
}

func guardSplit(args []ref.Val) ref.Val {
	return guardWork(value.TextLen(args[0]) * value.ListLen(args[1]))
}

func guardTrim(args []ref.Val) ref.Val {
	return guardWork(value.TextLen(args[0]) * value.TextLen(args[2]))
}

func guardWork(work int) ref.Val {
	if work > value.MaxWork {
		return value.TooMuch(value.WorkLimit)
	}
	return nil
}

// csNull is the error for a null where C# would throw.
func csNull(needed string) ref.Val {
	return types.NewErr("the value is null, where %s is needed", needed)
}

// The macros stop at the deciding element, as LINQ does. CEL's exists and all would go on and
// ignore a failure. The ternaries keep a failure.

func anyMacro(f cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	step := f.NewCall("_?_:_", f.NewAccuIdent(), f.NewLiteral(types.True), args[2])
	return csFold1(f, args, types.False, f.NewCall("!_", f.NewAccuIdent()), step)
}

func allMacro(f cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	step := f.NewCall("_?_:_", f.NewAccuIdent(), args[2], f.NewLiteral(types.False))
	return csFold1(f, args, types.True, f.NewAccuIdent(), step)
}

func csFold1(f cel.MacroExprFactory, args []ast.Expr, start types.Bool, goOn, step ast.Expr) (ast.Expr, *cel.Error) {
	if args[1].Kind() != ast.IdentKind {
		return nil, f.NewError(args[1].ID(), "argument must be a simple name")
	}
	condition := f.NewCall("@not_strictly_false", goOn)
	return f.NewComprehension(args[0], args[1].AsIdent(), f.AccuIdentName(), f.NewLiteral(start), condition, step, f.NewAccuIdent()), nil
}

// findMacro gives a list of the first matching element, or an empty list.
func findMacro(f cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	if args[1].Kind() != ast.IdentKind {
		return nil, f.NewError(args[1].ID(), "argument must be a simple name")
	}
	goOn := f.NewCall("@not_strictly_false", f.NewCall("_==_", f.NewCall("size", f.NewAccuIdent()), f.NewLiteral(types.Int(0))))
	found := f.NewList(f.NewIdent(args[1].AsIdent()))
	// Adding to the list keeps the list's failure.
	step := f.NewCall("_?_:_", args[2], f.NewCall("_+_", f.NewAccuIdent(), found), f.NewAccuIdent())
	return f.NewComprehension(args[0], args[1].AsIdent(), f.AccuIdentName(), f.NewList(), goOn, step, f.NewAccuIdent()), nil
}

// csExisting makes null of a field that the document lacks.
func csExisting(args ...ref.Val) ref.Val {
	if o, ok := args[0].(*value.Object); ok && o.IsMissing() {
		return types.NullValue
	}
	return args[0]
}

func csValue(args ...ref.Val) ref.Val {
	if args[0] == types.NullValue {
		return csNull("a value")
	}
	return args[0]
}

// csEqual compares null, and whole numbers with other numbers.
func csEqual(args ...ref.Val) ref.Val {
	a, b := args[0], args[1]
	if a == types.NullValue || b == types.NullValue {
		return types.Bool(a == b)
	}
	return types.Equal(a, b)
}

// csCompare orders values. Nothing is less or greater than null.
func csCompare(args ...ref.Val) ref.Val {
	a, b := args[0], args[2]
	if a == types.NullValue || b == types.NullValue {
		return types.False
	}
	comparer, ok := a.(traits.Comparer)
	if !ok {
		return types.NewErr("%s is not ordered", value.TypeName(a))
	}
	if isNaN(a) || isNaN(b) {
		return types.False
	}
	order, ok := comparer.Compare(b).(types.Int)
	if !ok {
		return types.NewErr("%s and %s are not ordered", value.TypeName(a), value.TypeName(b))
	}
	switch value.TextOf(args[1]) {
	case "<":
		return types.Bool(order < 0)
	case "<=":
		return types.Bool(order <= 0)
	case ">":
		return types.Bool(order > 0)
	}
	return types.Bool(order >= 0)
}

func isNaN(v ref.Val) bool {
	d, ok := v.(types.Double)
	return ok && math.IsNaN(float64(d))
}

// csEnum writes an enum: by a format, or its name, its joined flags or its number.
func csEnum(args ...ref.Val) ref.Val {
	if args[1] == types.NullValue {
		return types.String("")
	}
	n, ok := args[1].(types.Int)
	if !ok {
		return types.NewErr("%s is no member of an enum", value.TypeName(args[1]))
	}
	number := int32(n) //nolint:gosec // members are 32-bit
	format := "G"
	if len(args) == 3 {
		format = value.TextOf(args[2])
	}
	switch format {
	case "D", "d":
		return types.String(strconv.Itoa(int(number)))
	case "X", "x":
		return types.String(fmt.Sprintf("%08X", uint32(number))) //nolint:gosec // the bits are meant
	}
	if table, ok := value.EnumTable(value.TextOf(args[0])); ok {
		if name := table.Name(number); name != nil {
			return types.String(*name)
		}
	}
	return types.String(strconv.Itoa(int(number)))
}

// csHasFlag reports whether all bits of the flag are set, which is true for flag 0.
func csHasFlag(args ...ref.Val) ref.Val {
	v, ok1 := args[0].(types.Int)
	flag, ok2 := args[1].(types.Int)
	if !ok1 || !ok2 {
		return csNull("a flag")
	}
	return types.Bool(v&flag == flag)
}

// csHex writes a long in hexadecimal with 64 bits, while text() writes a small one as an int.
func csHex(args ...ref.Val) ref.Val {
	if args[0] == types.NullValue {
		return types.String("")
	}
	n, ok := args[0].(types.Int)
	if !ok {
		return types.NewErr("%s is no whole number", value.TypeName(args[0]))
	}
	s, err := dotnet.FormatNumber(dotnet.Long(int64(n)), value.TextOf(args[1]), dotnet.Invariant)
	if err != nil {
		return types.NewErr("the format does not fit a whole number")
	}
	return types.String(s)
}

func csAlign(args ...ref.Val) ref.Val {
	width, _ := args[1].(types.Int)
	if width > value.MaxText || width < -value.MaxText {
		return value.TooMuch(value.TextLimit)
	}
	return value.LimitedText(dotnet.Align(value.TextOf(args[0]), int(width)))
}

// csJSON writes JSON inside a text as System.Text.Json does, byte by byte: it escapes everything
// except plain ASCII, and characters that could break HTML.
func csJSON(args ...ref.Val) ref.Val {
	written, err := value.New(args[0], nil).AppendJSON(nil)
	if err != nil {
		return value.TooMuch(value.TextLimit)
	}
	var b strings.Builder
	inText := false
	for i := 0; i < len(written); {
		c := written[i]
		switch {
		case !inText || c < utf8.RuneSelf && strings.IndexByte("\"\\&'+<>`\x7f", c) < 0:
			inText = inText != (c == '"')
			b.WriteByte(c)
			i++
			continue
		case c == '"':
			inText = false
			b.WriteByte(c)
			i++
			continue
		case c == '\\':
			// Go writes \" and short escapes. .NET has no short escape for the quote.
			if written[i+1] == '"' {
				b.WriteString(`\u0022`)
				i += 2
				continue
			}
			if written[i+1] == 'u' {
				b.WriteString(`\u` + strings.ToUpper(string(written[i+2:i+6])))
				i += 6
				continue
			}
			b.Write(written[i : i+2])
			i += 2
			continue
		}
		r, size := utf8.DecodeRune(written[i:])
		for _, unit := range utf16Of(r) {
			fmt.Fprintf(&b, `\u%04X`, unit)
		}
		i += size
	}
	return value.LimitedText(b.String())
}
