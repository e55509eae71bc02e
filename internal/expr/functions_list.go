package expr

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

var listFunctions = []function{
	{
		name: "first", group: "Lists", member: true,
		doc:       "The first element of a list, null of an empty one.",
		overloads: []overload{{"", argTypes(cel.ListType(elementType)), elementType, func(args ...ref.Val) ref.Val { return elementAt(args[0], false) }}},
		examples: []FunctionExample{
			{Expr: `doc.fields("PO number").first().value`, Result: `"PO-7"`},
			{Expr: `doc.fields("Discount").first() == null`, Result: `true`},
		},
	},
	{
		name: "last", group: "Lists", member: true,
		doc:       "The last element of a list, null of an empty one.",
		overloads: []overload{{"", argTypes(cel.ListType(elementType)), elementType, func(args ...ref.Val) ref.Val { return elementAt(args[0], true) }}},
		examples: []FunctionExample{
			{Expr: `doc.fields("PO number").last().value`, Result: `"PO-8"`},
			{Expr: `"a/b/c".split("/").last()`, Result: `"c"`},
		},
	},
	{
		name: "coalesce", group: "Lists",
		doc:       "The first of its arguments that is not null; null if all are.",
		overloads: coalesceOverloads(8),
		examples: []FunctionExample{
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

// coalesceOverloads are for 2 to n arguments; CEL has no function of any number of them.
func coalesceOverloads(n int) []overload {
	var overloads []overload
	names, args := "a", argTypes(anyType)
	for i := 2; i <= n; i++ {
		names += ", " + string(rune('a'+i-1))
		args = append(args, anyType)
		overloads = append(overloads, overload{names, append([]*cel.Type(nil), args...), anyType, coalesce})
	}
	return overloads
}

func coalesce(args ...ref.Val) ref.Val {
	for _, arg := range args {
		if v := plain(arg); v != types.NullValue {
			return v
		}
	}
	return types.NullValue
}
