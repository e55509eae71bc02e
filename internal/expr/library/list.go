package library

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/forgehook/forgehook/internal/expr/value"
)

var listFunctions = []Function{
	{
		Name: "first", Group: "Lists", Member: true, Bounds: Bounds{Shares: true},
		Doc:       "The first element of a list, null if it is empty.",
		Overloads: []Overload{{"", argTypes(cel.ListType(elementType)), elementType, func(args ...ref.Val) ref.Val { return elementAt(args[0], false) }}},
		Examples: []Example{
			{Expr: `doc.fields("PO number").first().value`, Result: `"PO-7"`},
			{Expr: `doc.fields("Discount").first() == null`, Result: `true`},
		},
	},
	{
		Name: "last", Group: "Lists", Member: true, Bounds: Bounds{Shares: true},
		Doc:       "The last element of a list, null if it is empty.",
		Overloads: []Overload{{"", argTypes(cel.ListType(elementType)), elementType, func(args ...ref.Val) ref.Val { return elementAt(args[0], true) }}},
		Examples: []Example{
			{Expr: `doc.fields("PO number").last().value`, Result: `"PO-8"`},
			{Expr: `"a/b/c".split("/").last()`, Result: `"c"`},
		},
	},
	{
		Name: "coalesce", Group: "Lists", Bounds: Bounds{Shares: true},
		Doc:       "The first of its arguments that is not null; null if all are.",
		Overloads: coalesceOverloads(8),
		Examples: []Example{
			{Expr: `coalesce(doc.comment, doc.externalId, "none")`, Result: `"PO-7"`},
			{Expr: `coalesce(doc.field("Discount").value, "0")`, Result: `"0"`},
		},
	},
}

func elementAt(v ref.Val, last bool) ref.Val {
	list := v.(traits.Lister)
	n, _ := list.Size().(types.Int)
	switch {
	case n == 0:
		return types.NullValue
	case last:
		return list.Get(n - 1)
	default:
		return list.Get(types.Int(0))
	}
}

// coalesceOverloads declares overloads of 2 to n arguments, because CEL has no variadic functions.
func coalesceOverloads(n int) []Overload {
	var overloads []Overload
	names, args := "a", argTypes(anyType)
	for i := 2; i <= n; i++ {
		names += ", " + string(rune('a'+i-1))
		args = append(args, anyType)
		overloads = append(overloads, Overload{names, append([]*cel.Type(nil), args...), anyType, coalesce})
	}
	return overloads
}

func coalesce(args ...ref.Val) ref.Val {
	for _, arg := range args {
		if v := value.Present(arg); v != types.NullValue {
			return v
		}
	}
	return types.NullValue
}
