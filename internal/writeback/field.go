package writeback

import (
	"fmt"

	"github.com/forgehook/forgehook"
)

// meant returns the field of a name, or a fault where no field or several have it.
func meant(d *forgehook.Document, fields *forgehook.FieldIndex, name string) (field *forgehook.DocumentParameter, fault string) {
	named := fields.Named(name)
	if len(named) == 0 {
		return nil, noField(fields, name)
	}
	if n := alike(d, named); n > 1 {
		return nil, fmt.Sprintf("the document has %d fields %q: which one is meant is unclear", n, forgehook.Shorten(name, 100))
	}
	return named[0], ""
}

// alike counts the fields of a name that nothing tells apart: those at the top level, or else those
// below it. Cells of a table do not count: their first is meant.
func alike(d *forgehook.Document, named []*forgehook.DocumentParameter) int {
	of := make(map[*forgehook.DocumentParameter]bool, len(named))
	for _, p := range named {
		of[p] = true
	}
	if n := countFields(d.ResultParameters, of, false); n > 0 {
		return n
	}
	return countFields(d.ResultParameters, of, true)
}

func countFields(list []forgehook.DocumentParameter, of map[*forgehook.DocumentParameter]bool, below bool) (n int) {
	for i := range list {
		p := &list[i]
		if of[p] {
			n++
		}
		cells := p.ParamDef != nil && (p.ParamDef.Grouping == forgehook.GroupingColumn || p.ParamDef.Grouping == groupingRow)
		if below && !cells {
			n += countFields(p.Children, of, true)
		}
	}
	return n
}

// groupingRow is the platform's GroupingType of a table row.
const groupingRow forgehook.GroupingType = 4

// noField says that no field has the name, and names the nearest one.
func noField(fields *forgehook.FieldIndex, name string) string {
	text := fmt.Sprintf("the document has no field %q", forgehook.Shorten(name, 100))
	if near := forgehook.Nearest(name, fields.Names()); near != "" {
		text += fmt.Sprintf("; did you mean %q?", near)
	}
	return text
}
