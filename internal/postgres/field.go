package postgres

import (
	"fmt"
	"strings"

	"github.com/forgehook/forgehook"
)

// fieldNamed finds a field by its definition's name: as it is written before any case, at the top before below it; nil where there is
// none. n is how many there are that this does not tell apart; the cells of a table do not count, of which the first is meant.
func fieldNamed(d *forgehook.Document, name string) (field *forgehook.DocumentParameter, n int) {
	for _, same := range []func(string) bool{
		func(s string) bool { return s == name },
		func(s string) bool { return strings.EqualFold(s, name) },
	} {
		if top := topFields(d.ResultParameters, same); len(top) > 0 {
			return top[0], len(top)
		}
		if p := anyField(d.ResultParameters, same); p != nil {
			return p, countFields(d.ResultParameters, same)
		}
	}
	return nil, 0
}

func fieldName(p *forgehook.DocumentParameter) string {
	if p.ParamDef == nil || p.ParamDef.Name == nil {
		return ""
	}
	return *p.ParamDef.Name
}

func topFields(in []forgehook.DocumentParameter, same func(string) bool) (found []*forgehook.DocumentParameter) {
	for i := range in {
		if name := fieldName(&in[i]); name != "" && same(name) {
			found = append(found, &in[i])
		}
	}
	return found
}

// countFields counts fields at any depth, but for what is in the rows and columns of tables: its cells.
func countFields(in []forgehook.DocumentParameter, same func(string) bool) int {
	n := len(topFields(in, same))
	for i := range in {
		if d := in[i].ParamDef; d == nil || d.Grouping != forgehook.GroupingColumn && d.Grouping != groupingRow {
			n += countFields(in[i].Children, same)
		}
	}
	return n
}

// groupingRow is the platform's GroupingType of a table's row.
const groupingRow forgehook.GroupingType = 4

func anyField(in []forgehook.DocumentParameter, same func(string) bool) *forgehook.DocumentParameter {
	for i := range in {
		if name := fieldName(&in[i]); name != "" && same(name) {
			return &in[i]
		}
		if p := anyField(in[i].Children, same); p != nil {
			return p
		}
	}
	return nil
}

// noField says that there is no such field and which one may be meant.
func noField(d *forgehook.Document, name string) string {
	var names []string
	anyField(d.ResultParameters, func(s string) bool {
		names = append(names, s)
		return false
	})
	text := fmt.Sprintf("the document has no field %q", forgehook.Shorten(name, 100))
	if near := forgehook.Nearest(name, names); near != "" {
		text += fmt.Sprintf("; did you mean %q?", near)
	}
	return text
}
