package library

import (
	"cmp"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/value"
)

var fieldFunctions = []Function{
	{
		Name: "field", Group: "Fields", Member: true, SubjectOnly: true,
		Doc: "The field whose definition has that name or id. Of several fields, an exact name wins over one in another case, then a field at the " +
			"top over one below it (such as a column of a table), then the first in the document. response.writeBack writes the same field. " +
			"Never null: a missing field has exists == false and null in all other members.",
		Overloads: []Overload{
			{"name", argTypes(value.DocumentType, textType), value.ParameterType, oneField},
			{"paramDefId", argTypes(value.DocumentType, cel.IntType), value.ParameterType, oneField},
			{"name", argTypes(value.ParameterType, textType), value.ParameterType, oneField},
			{"paramDefId", argTypes(value.ParameterType, cel.IntType), value.ParameterType, oneField},
		},
		Examples: []Example{
			{Expr: `doc.field("Total").value`, Result: `"1 118.40"`},
			{Expr: `doc.field("total").confidence < 0.9`, Result: `true`},
			{Expr: `doc.field("Discount").exists`, Result: `false`},
			{Expr: `doc.field("Discount").value`, Result: `null`},
			{Expr: `doc.field(179804).lastVerification.provider`, Result: `"OCR"`},
			{Expr: `doc.field("Supplier").field("VAT number").value`, Result: `"ZA4012345678"`},
		},
	},
	{
		Name: "fields", Group: "Fields", Member: true, SubjectOnly: true, Bounds: Bounds{Shares: true},
		Doc: "All fields at every depth, or those of one name or definition. They stand in the order of the document, parents before their children, " +
			"so the first need not be the one that field gives.",
		Overloads: []Overload{
			{"", argTypes(value.DocumentType), cel.ListType(value.ParameterType), allFields},
			{"name", argTypes(value.DocumentType, textType), cel.ListType(value.ParameterType), allFields},
			{"paramDefId", argTypes(value.DocumentType, cel.IntType), cel.ListType(value.ParameterType), allFields},
			{"", argTypes(value.ParameterType), cel.ListType(value.ParameterType), allFields},
			{"name", argTypes(value.ParameterType, textType), cel.ListType(value.ParameterType), allFields},
			{"paramDefId", argTypes(value.ParameterType, cel.IntType), cel.ListType(value.ParameterType), allFields},
		},
		Examples: []Example{
			{Expr: `doc.fields("PO number").map(f, f.value)`, Result: `["PO-7","PO-8"]`},
			{Expr: `doc.fields().filter(f, f.confidence != null && f.confidence < 0.7).map(f, f.name)`, Result: `["Total"]`},
		},
	},
	{
		Name: "definition", Group: "Fields", Member: true, SubjectOnly: true,
		Doc:       "The definition with that id. Null if no field of the document carries it.",
		Overloads: []Overload{{"id", argTypes(value.DocumentType, cel.IntType), value.DefinitionType, definition}},
		Examples: []Example{
			{Expr: `doc.definition(179804).label`, Result: `"Total incl. VAT"`},
			{Expr: `doc.definition(1) == null`, Result: `true`},
		},
	},
	{
		Name: "hasFlag", Group: "Fields", Member: true,
		Doc:       "Whether a number of flags has all bits of a flag. It is false for null.",
		Overloads: []Overload{{"flag", argTypes(value.Nullable(cel.IntType), cel.IntType), cel.BoolType, hasFlag}},
		Examples: []Example{
			{Expr: `doc.field("Total").lastVerification.status.hasFlag(VerificationStatus.Suspicious)`, Result: `true`},
		},
	},
}

// fieldsOf finds fields by name or by the id of their definition.
func fieldsOf(o *value.Object, by ref.Val) []*forgehook.DocumentParameter {
	switch by := by.(type) {
	case types.String:
		return o.Fields().Named(string(by))
	case types.Int:
		if int64(int32(by)) == int64(by) { //nolint:gosec // the comparison finds overflow
			return o.Fields().Defined(int32(by)) //nolint:gosec // checked above
		}
	}
	return nil
}

func oneField(args ...ref.Val) ref.Val {
	o := args[0].(*value.Object)
	if o.IsMissing() {
		return o.Memory.Missing()
	}
	if found := fieldsOf(o, args[1]); len(found) > 0 {
		return o.Memory.Wrap(found[0])
	}
	return o.Memory.Missing()
}

// listMemo is the key of a list of fields in the memory of an evaluation.
type listMemo struct {
	root any
	by   ref.Val
}

// orderMemo is the key of the positions of all fields in the memory of an evaluation.
type orderMemo struct{ root any }

// inOrder sorts fields into the order of the document.
func inOrder(o *value.Object, found []*forgehook.DocumentParameter) []*forgehook.DocumentParameter {
	if len(found) < 2 {
		return found
	}
	key := orderMemo{o.Entity}
	position, ok := o.Memory.Memo[key].(map[*forgehook.DocumentParameter]int)
	if !ok {
		position = make(map[*forgehook.DocumentParameter]int, len(o.Fields().All()))
		for i, p := range o.Fields().All() {
			position[p] = i
		}
		o.Memory.Memo[key] = position
	}
	return slices.SortedFunc(slices.Values(found), func(a, b *forgehook.DocumentParameter) int {
		return cmp.Compare(position[a], position[b])
	})
}

func allFields(args ...ref.Val) ref.Val {
	o := args[0].(*value.Object)
	if o.IsMissing() {
		return value.EmptyList
	}
	var by ref.Val
	if len(args) > 1 {
		by = args[1]
	}
	key := listMemo{o.Entity, by}
	if known, ok := o.Memory.Memo[key].(ref.Val); ok {
		return known
	}
	found := o.Fields().All()
	if by != nil {
		found = inOrder(o, fieldsOf(o, by))
	}
	elems := make([]ref.Val, len(found))
	for i, p := range found {
		elems[i] = o.Memory.Wrap(p)
	}
	made := ref.Val(value.NewList(elems))
	if len(found) > 0 { // an unknown name is not remembered
		o.Memory.Memo[key] = made
	}
	return made
}

func definition(args ...ref.Val) ref.Val {
	o := args[0].(*value.Object)
	d := value.Document(o)
	id := args[1].(types.Int)
	if d == nil || int64(int32(id)) != int64(id) { //nolint:gosec // the comparison finds overflow
		return types.NullValue
	}
	return o.Memory.Wrap(o.Fields().Definition(int32(id))) //nolint:gosec // checked above
}

func hasFlag(args ...ref.Val) ref.Val {
	flags, ok := args[0].(types.Int)
	flag := args[1].(types.Int)
	return types.Bool(ok && flags&flag == flag)
}
