package expr

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
)

var tableFunctions = []function{
	{
		name: "table", group: "Tables", member: true, subjectOnly: true,
		doc: "The rows of a table, each a map from the column's name to the cell's value (null for an empty one), in the order of the " +
			"columns. It can stand in a JSON body as it is; empty if there is no such table.",
		overloads: []overload{{"name", argTypes(documentType, textType), cel.ListType(cel.MapType(textType, nullText)), tableValues}},
		examples: []FunctionExample{
			{Expr: `doc.table("Lines")`, Result: `[{"Text":"Bolts M6","Quantity":"100","Price":"1.10"},{"Text":"Nuts M6","Quantity":"80","Price":null}]`},
			{Expr: `doc.table("Lines").map(r, {"sku": r.Text, "qty": number(r.Quantity)})`, Result: `[{"sku":"Bolts M6","qty":100},{"sku":"Nuts M6","qty":80}]`},
			{Expr: `doc.table("Freight")`, Result: `[]`},
		},
	},
	{
		name: "rows", group: "Tables", member: true, subjectOnly: true,
		doc:       "The rows of a table with their cells as fields, for where a cell's confidence or status is needed.",
		overloads: []overload{{"name", argTypes(documentType, textType), cel.ListType(rowType), tableRows}},
		examples: []FunctionExample{
			{Expr: `doc.rows("Lines").map(r, r.index)`, Result: `[0,1]`},
			{Expr: `doc.rows("Lines").filter(r, r.cell("Price").value == null).map(r, r.cell("Text").value)`, Result: `["Nuts M6"]`},
		},
	},
	{
		name: "cell", group: "Tables", member: true, subjectOnly: true,
		doc:       "The cell of a row in the column of that name. Never null: a cell that is not there has exists == false.",
		overloads: []overload{{"column", argTypes(rowType, textType), parameterType, rowCell}},
		examples:  []FunctionExample{{Expr: `doc.rows("Lines")[0].cell("Quantity").value`, Result: `"100"`}},
	},
}

// column is one column of a table and its cells by row.
type column struct {
	name  string
	id    int32
	order int32
	cells map[int32]*forgehook.DocumentParameter
}

// tableKey is a table in the memory of an evaluation.
type tableKey struct {
	doc  *forgehook.Document
	name string
}

// maxCells bounds rows times columns: with cells in few places of them, that can be far more than there are fields.
const maxCells = 500_000

// tableOf finds the rows of a table once; ok is false for a table that is too large.
func tableOf(o *object, name ref.Val) (rows []*tableRow, ok bool) {
	doc := document(o)
	if doc == nil {
		return nil, true
	}
	key := tableKey{doc, textOf(name)}
	if known, ok := o.vars.memo[key].([]*tableRow); ok {
		return known, true
	}
	found := fieldsOf(o, name)
	if len(found) == 0 {
		return nil, true
	}
	table := found[0]
	for _, p := range found { // a table before a field of the same name
		if p.ParamDef != nil && p.ParamDef.Grouping == forgehook.GroupingTable {
			table = p
			break
		}
	}
	if rows, ok = rowsOf(columnsOf(table)); ok {
		o.vars.memo[key] = rows
	}
	return rows, ok
}

// columnsOf reads columns with cells below them, and cells that stand in the table directly.
func columnsOf(table *forgehook.DocumentParameter) []*column {
	var columns []*column
	byID := map[int32]*column{}
	taken := map[string]bool{}
	add := func(p *forgehook.DocumentParameter) *column {
		if p.ParamDefID != nil && byID[*p.ParamDefID] != nil {
			return byID[*p.ParamDefID]
		}
		c := &column{order: int32(len(columns)), cells: map[int32]*forgehook.DocumentParameter{}} //nolint:gosec // far below
		if p.ColIndex != nil {
			c.order = *p.ColIndex
		}
		if p.ParamDefID != nil {
			c.id, byID[*p.ParamDefID] = *p.ParamDefID, c
		}
		c.name = columnName(p, int(c.order), taken)
		taken[c.name] = true
		columns = append(columns, c)
		return c
	}
	for i := range table.Children {
		p := &table.Children[i]
		c := add(p)
		if len(p.Children) == 0 && p.RowIndex != nil {
			c.put(*p.RowIndex, p)
		}
		for j := range p.Children {
			row := int32(j)
			if cell := &p.Children[j]; cell.RowIndex != nil {
				row = *cell.RowIndex
			}
			c.put(row, &p.Children[j])
		}
	}
	slices.SortStableFunc(columns, func(a, b *column) int { return cmp.Compare(a.order, b.order) })
	return columns
}

// put keeps the first cell of a place.
func (c *column) put(row int32, cell *forgehook.DocumentParameter) {
	if c.cells[row] == nil {
		c.cells[row] = cell
	}
}

// columnName is the definition's name or label, else its number; a name that is taken gets the number too.
func columnName(p *forgehook.DocumentParameter, n int, taken map[string]bool) string {
	name := ""
	switch def := p.ParamDef; {
	case def != nil && def.Name != nil && *def.Name != "":
		name = *def.Name
	case def != nil && def.Label != nil && *def.Label != "":
		name = *def.Label
	default:
		name = "Column " + strconv.Itoa(n+1)
	}
	unique := name
	for n = len(taken); taken[unique]; n++ { // so many names cannot be taken yet: no search from 1 for each of thousands
		unique = name + " " + strconv.Itoa(n+1)
	}
	return unique
}

func rowsOf(columns []*column) ([]*tableRow, bool) {
	cells := map[int32]bool{}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
		for row := range c.cells {
			cells[row] = true
		}
	}
	if len(cells)*len(columns) > maxCells {
		return nil, false
	}
	rows := make([]*tableRow, 0, len(cells))
	for index := range cells {
		row := &tableRow{Index: index, columns: names, cells: make([]*forgehook.DocumentParameter, len(columns))}
		for i, c := range columns {
			row.cells[i] = c.cells[index]
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b *tableRow) int { return cmp.Compare(a.Index, b.Index) })
	return rows, true
}

func (r *tableRow) value(i int) *string {
	if r.cells[i] == nil {
		return nil
	}
	return r.cells[i].Value
}

// MarshalJSON writes a row as doc.table gives it.
func (r *tableRow) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range r.columns {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(jsontree.AppendString(nil, name))
		b.WriteByte(':')
		if v := r.value(i); v != nil {
			b.Write(jsontree.AppendString(nil, *v))
		} else {
			b.WriteString("null")
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

var _ json.Marshaler = (*tableRow)(nil)

func tableValues(args ...ref.Val) ref.Val {
	return tableList(args[0].(*object), args[1], "values", func(row *tableRow) ref.Val {
		m := newOrderedMap(len(row.columns))
		for i, name := range row.columns {
			m.put(name, stringOrNull(row.value(i)))
		}
		return m
	})
}

func tableRows(args ...ref.Val) ref.Val {
	o := args[0].(*object)
	return tableList(o, args[1], "rows", func(row *tableRow) ref.Val { return o.vars.wrap(row) })
}

// tableListKey is a list of rows in the memory of an evaluation.
type tableListKey struct {
	tableKey
	kind string
}

func tableList(o *object, name ref.Val, kind string, element func(*tableRow) ref.Val) ref.Val {
	key := tableListKey{tableKey{document(o), textOf(name)}, kind}
	if known, ok := o.vars.memo[key].(ref.Val); ok {
		return known
	}
	rows, ok := tableOf(o, name)
	if !ok {
		return limitErr("a table with too many rows and columns")
	}
	if len(rows) == 0 {
		return emptyList
	}
	elems := make([]ref.Val, len(rows))
	for i, row := range rows {
		elems[i] = element(row)
	}
	made := ref.Val(newList(elems))
	o.vars.memo[key] = made
	return made
}

func rowCell(args ...ref.Val) ref.Val {
	o := args[0].(*object)
	row, ok := o.ptr.(*tableRow)
	if !ok {
		return types.NewErr("this is no row of a table")
	}
	if i := slices.Index(row.columns, textOf(args[1])); i >= 0 && row.cells[i] != nil {
		return o.vars.wrap(row.cells[i])
	}
	return o.vars.missing()
}
