package library

import (
	"cmp"
	"slices"
	"strconv"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/value"
)

var tableFunctions = []Function{
	{
		Name: "table", Group: "Tables", Member: true, SubjectOnly: true, Bounds: Bounds{Shares: true},
		Doc: "The rows of a table, each a map from the column's name to the cell's value (null for an empty one), in the order of the " +
			"columns. A JSON body can contain it as it is. Empty if there is no such table.",
		Overloads: []Overload{{"name", argTypes(value.DocumentType, textType), cel.ListType(cel.MapType(textType, nullText)), tableValues}},
		Examples: []Example{
			{Expr: `doc.table("Lines")`, Result: `[{"Text":"Bolts M6","Quantity":"100","Price":"1.10"},{"Text":"Nuts M6","Quantity":"80","Price":null}]`},
			{Expr: `doc.table("Lines").map(r, {"sku": r.Text, "qty": number(r.Quantity)})`, Result: `[{"sku":"Bolts M6","qty":100},{"sku":"Nuts M6","qty":80}]`},
			{Expr: `doc.table("Freight")`, Result: `[]`},
		},
	},
	{
		Name: "rows", Group: "Tables", Member: true, SubjectOnly: true, Bounds: Bounds{Shares: true},
		Doc:       "The rows of a table with their cells as fields, to read a cell's confidence or status.",
		Overloads: []Overload{{"name", argTypes(value.DocumentType, textType), cel.ListType(value.RowType), tableRows}},
		Examples: []Example{
			{Expr: `doc.rows("Lines").map(r, r.index)`, Result: `[0,1]`},
			{Expr: `doc.rows("Lines").filter(r, r.cell("Price").value == null).map(r, r.cell("Text").value)`, Result: `["Nuts M6"]`},
		},
	},
	{
		Name: "cell", Group: "Tables", Member: true, SubjectOnly: true,
		Doc:       "The cell of a row in the column of that name. Never null: a missing cell has exists == false.",
		Overloads: []Overload{{"column", argTypes(value.RowType, textType), value.ParameterType, rowCell}},
		Examples:  []Example{{Expr: `doc.rows("Lines")[0].cell("Quantity").value`, Result: `"100"`}},
	},
}

// column is one column of a table and its cells by row.
type column struct {
	name  string
	id    int32
	order int32
	cells map[int32]*forgehook.DocumentParameter
}

// tableKey is the key of a table in the memory of an evaluation.
type tableKey struct {
	doc  *forgehook.Document
	name string
}

// maxCells bounds rows times columns. A sparse table can have far more cells than fields.
const maxCells = 500_000

// tableOf finds the rows of a table once. ok is false if the table is too large.
func tableOf(o *value.Object, name ref.Val) (rows []*value.Row, ok bool) {
	doc := value.Document(o)
	if doc == nil {
		return nil, true
	}
	key := tableKey{doc, value.TextOf(name)}
	if known, ok := o.Memory.Memo[key].([]*value.Row); ok {
		return known, true
	}
	found := fieldsOf(o, name)
	if len(found) == 0 {
		return nil, true
	}
	table := found[0]
	for _, p := range found { // a table wins over another field of the same name
		if p.ParamDef != nil && p.ParamDef.Grouping == forgehook.GroupingTable {
			table = p
			break
		}
	}
	if rows, ok = rowsOf(columnsOf(table)); ok {
		o.Memory.Memo[key] = rows
	}
	return rows, ok
}

// columnsOf reads columns with cells below them, and cells directly below the table.
func columnsOf(table *forgehook.DocumentParameter) []*column {
	var columns []*column
	byID := map[int32]*column{}
	taken := map[string]bool{}
	add := func(p *forgehook.DocumentParameter) *column {
		if p.ParamDefID != nil && byID[*p.ParamDefID] != nil {
			return byID[*p.ParamDefID]
		}
		c := &column{order: int32(len(columns)), cells: map[int32]*forgehook.DocumentParameter{}} //nolint:gosec // far below 2^31
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

// put adds a cell unless the row has one.
func (c *column) put(row int32, cell *forgehook.DocumentParameter) {
	if c.cells[row] == nil {
		c.cells[row] = cell
	}
}

// columnName returns the definition's name or label, or the column's number. A name that is taken
// gets the number added.
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
	for n = len(taken); taken[unique]; n++ { // most likely free; a search from 1 would be quadratic
		unique = name + " " + strconv.Itoa(n+1)
	}
	return unique
}

func rowsOf(columns []*column) ([]*value.Row, bool) {
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
	rows := make([]*value.Row, 0, len(cells))
	for index := range cells {
		row := &value.Row{Index: index, Columns: names, Cells: make([]*forgehook.DocumentParameter, len(columns))}
		for i, c := range columns {
			row.Cells[i] = c.cells[index]
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b *value.Row) int { return cmp.Compare(a.Index, b.Index) })
	return rows, true
}

func tableValues(args ...ref.Val) ref.Val {
	return tableList(args[0].(*value.Object), args[1], "values", func(row *value.Row) ref.Val {
		m := value.NewMap(len(row.Columns))
		for i, name := range row.Columns {
			m.Put(name, value.StringOrNull(row.Value(i)))
		}
		return m
	})
}

func tableRows(args ...ref.Val) ref.Val {
	o := args[0].(*value.Object)
	return tableList(o, args[1], "rows", func(row *value.Row) ref.Val { return o.Memory.Wrap(row) })
}

// tableListKey is the key of a list of rows in the memory of an evaluation.
type tableListKey struct {
	tableKey
	kind string
}

func tableList(o *value.Object, name ref.Val, kind string, element func(*value.Row) ref.Val) ref.Val {
	key := tableListKey{tableKey{value.Document(o), value.TextOf(name)}, kind}
	if known, ok := o.Memory.Memo[key].(ref.Val); ok {
		return known
	}
	rows, ok := tableOf(o, name)
	if !ok {
		return value.TooMuch("a table with too many rows and columns")
	}
	if len(rows) == 0 {
		return value.EmptyList
	}
	elems := make([]ref.Val, len(rows))
	for i, row := range rows {
		elems[i] = element(row)
	}
	made := ref.Val(value.NewList(elems))
	o.Memory.Memo[key] = made
	return made
}

func rowCell(args ...ref.Val) ref.Val {
	o := args[0].(*value.Object)
	row, ok := o.Entity.(*value.Row)
	if !ok {
		return types.NewErr("this is not a row of a table")
	}
	if i := slices.Index(row.Columns, value.TextOf(args[1])); i >= 0 && row.Cells[i] != nil {
		return o.Memory.Wrap(row.Cells[i])
	}
	return o.Memory.Missing()
}
