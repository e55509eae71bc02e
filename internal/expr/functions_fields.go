package expr

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/forgehook/forgehook"
)

var fieldFunctions = []function{
	{
		name: "field", group: "Fields", member: true, subjectOnly: true,
		doc: "The field whose definition has that name or id. A name as it is written goes before one in any case, a field at the top before " +
			"one below it (such as a column of a table), then the first in the document; response.writeBack writes the same one. " +
			"Never null: a field that the document does not have has exists == false and null in all other members.",
		overloads: []overload{
			{"name", argTypes(documentType, textType), parameterType, oneField},
			{"paramDefId", argTypes(documentType, cel.IntType), parameterType, oneField},
			{"name", argTypes(parameterType, textType), parameterType, oneField},
			{"paramDefId", argTypes(parameterType, cel.IntType), parameterType, oneField},
		},
		examples: []FunctionExample{
			{Expr: `doc.field("Total").value`, Result: `"1 118.40"`},
			{Expr: `doc.field("total").confidence < 0.9`, Result: `true`},
			{Expr: `doc.field("Discount").exists`, Result: `false`},
			{Expr: `doc.field("Discount").value`, Result: `null`},
			{Expr: `doc.field(179804).lastVerification.provider`, Result: `"OCR"`},
			{Expr: `doc.field("Supplier").field("VAT number").value`, Result: `"ZA4012345678"`},
		},
	},
	{
		name: "fields", group: "Fields", member: true, subjectOnly: true,
		doc: "All fields at every depth, parents before their children, or all those of one name or definition, of which the first is the one that field gives.",
		overloads: []overload{
			{"", argTypes(documentType), cel.ListType(parameterType), allFields},
			{"name", argTypes(documentType, textType), cel.ListType(parameterType), allFields},
			{"paramDefId", argTypes(documentType, cel.IntType), cel.ListType(parameterType), allFields},
			{"", argTypes(parameterType), cel.ListType(parameterType), allFields},
			{"name", argTypes(parameterType, textType), cel.ListType(parameterType), allFields},
			{"paramDefId", argTypes(parameterType, cel.IntType), cel.ListType(parameterType), allFields},
		},
		examples: []FunctionExample{
			{Expr: `doc.fields("PO number").map(f, f.value)`, Result: `["PO-7","PO-8"]`},
			{Expr: `doc.fields().filter(f, f.confidence != null && f.confidence < 0.7).map(f, f.name)`, Result: `["Total"]`},
		},
	},
	{
		name: "definition", group: "Fields", member: true, subjectOnly: true,
		doc:       "The definition with that id, if a field of the document carries it, else null.",
		overloads: []overload{{"id", argTypes(documentType, cel.IntType), definitionType, definition}},
		examples: []FunctionExample{
			{Expr: `doc.definition(179804).label`, Result: `"Total incl. VAT"`},
			{Expr: `doc.definition(1) == null`, Result: `true`},
		},
	},
	{
		name: "hasFlag", group: "Fields", member: true,
		doc:       "Whether all bits of a flag are set in a number of flags. In null no flag is set.",
		overloads: []overload{{"flag", argTypes(nullable(cel.IntType), cel.IntType), cel.BoolType, hasFlag}},
		examples: []FunctionExample{
			{Expr: `doc.field("Total").lastVerification.status.hasFlag(VerificationStatus.Suspicious)`, Result: `true`},
		},
	},
}

// indexKey is the root of an index in the memory of an evaluation.
type indexKey struct{ root any }

// indexOf gives the fields of a document or below a field, found once for all expressions of an evaluation.
func indexOf(o *object) *forgehook.FieldIndex {
	key := indexKey{o.ptr}
	if known, ok := o.vars.memo[key].(*forgehook.FieldIndex); ok {
		return known
	}
	var top []forgehook.DocumentParameter
	switch root := o.ptr.(type) {
	case *forgehook.Document:
		top = root.ResultParameters
	case *forgehook.DocumentParameter:
		top = root.Children
	}
	index := forgehook.IndexFields(top)
	o.vars.memo[key] = index
	return index
}

// fieldsOf gives the fields of a name or a definition's id.
func fieldsOf(o *object, by ref.Val) []*forgehook.DocumentParameter {
	switch by := by.(type) {
	case types.String:
		return indexOf(o).Named(string(by))
	case types.Int:
		if int64(int32(by)) == int64(by) { //nolint:gosec // that is what the comparison asks
			return indexOf(o).Defined(int32(by)) //nolint:gosec // compared before
		}
	}
	return nil
}

// FieldNames are the names that the expression asks the document for by field, as far as they are
// written as texts.
func (p *Program) FieldNames() (names []string) {
	ast.PreOrderVisit(p.ast.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if of, name, ok := namedField(e); ok && slices.Contains(documentNames, of) {
			names = append(names, name)
		}
	}))
	return names
}

var documentNames = []string{"doc", "srcdoc"}

// namedField takes a call apart that asks a variable for the field of a name.
func namedField(e ast.Expr) (of, name string, ok bool) {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != "field" || e.AsCall().Target().Kind() != ast.IdentKind {
		return "", "", false
	}
	name, ok = literalString(e.AsCall().Args()[0])
	return e.AsCall().Target().AsIdent(), name, ok
}

func oneField(args ...ref.Val) ref.Val {
	o := args[0].(*object)
	if o.isMissing() {
		return o.vars.missing()
	}
	if found := fieldsOf(o, args[1]); len(found) > 0 {
		return o.vars.wrap(found[0])
	}
	return o.vars.missing()
}

// listMemo is a list of fields in the memory of an evaluation.
type listMemo struct {
	root any
	by   ref.Val
}

func allFields(args ...ref.Val) ref.Val {
	o := args[0].(*object)
	if o.isMissing() {
		return emptyList
	}
	var by ref.Val
	if len(args) > 1 {
		by = args[1]
	}
	key := listMemo{o.ptr, by}
	if known, ok := o.vars.memo[key].(ref.Val); ok {
		return known
	}
	found := indexOf(o).All()
	if by != nil {
		found = fieldsOf(o, by)
	}
	elems := make([]ref.Val, len(found))
	for i, p := range found {
		elems[i] = o.vars.wrap(p)
	}
	made := ref.Val(newList(elems))
	if len(found) > 0 { // a name that does not exist needs no memory
		o.vars.memo[key] = made
	}
	return made
}

func definition(args ...ref.Val) ref.Val {
	o := args[0].(*object)
	d := document(o)
	id := args[1].(types.Int)
	if d == nil || int64(int32(id)) != int64(id) { //nolint:gosec // that is what the comparison asks
		return types.NullValue
	}
	return o.vars.wrap(indexOf(o).Definition(int32(id))) //nolint:gosec // compared before
}

func hasFlag(args ...ref.Val) ref.Val {
	flags, ok := args[0].(types.Int)
	flag := args[1].(types.Int)
	return types.Bool(ok && flags&flag == flag)
}
