package library_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr"
)

// tableDocument makes a table of so many columns and rows. A sparse one has one cell per column,
// each in its own row.
func tableDocument(columns, rows int, sparse bool) *forgehook.Document {
	text := func(s string) *string { return &s }
	table := forgehook.DocumentParameter{ID: 1, ParamDef: &forgehook.ParameterDef{ID: 1, Name: text("Lines"), Grouping: forgehook.GroupingTable}}
	for c := range columns {
		column := forgehook.DocumentParameter{ParamDef: &forgehook.ParameterDef{Name: text(fmt.Sprintf("C%d", c))}}
		for r := range rows {
			row := int32(r)
			if sparse {
				row = int32(c)
			}
			column.Children = append(column.Children, forgehook.DocumentParameter{RowIndex: &row, Value: text("1")})
		}
		table.Children = append(table.Children, column)
	}
	return &forgehook.Document{ResultParameters: []forgehook.DocumentParameter{table}}
}

func evalDocument(t *testing.T, doc *forgehook.Document, text string) (string, error) {
	t.Helper()
	p, err := expr.Compile(expr.Subject, expr.AnyResult, text)
	if err != nil {
		t.Fatal(err)
	}
	value, err := p.Eval(expr.SubjectVars(&forgehook.Subject{Document: doc}, expr.ExampleCall()))
	if err != nil {
		return "", err
	}
	return value.Text(), nil
}

func TestTableSizes(t *testing.T) {
	t.Parallel()
	got, err := evalDocument(t, tableDocument(10, 500, false), `sum(doc.table("Lines").map(r, number(r.C3) + number(doc.table("Lines")[0].C4)))`)
	if err != nil || got != "1000" {
		t.Errorf("5,000 cells: %q, %v", got, err)
	}
	_, err = evalDocument(t, tableDocument(1000, 1, true), `doc.table("Lines")`)
	var failure *expr.Failure
	if !errors.As(err, &failure) || failure.Code != expr.CodeLimit {
		t.Errorf("a million positions for a thousand cells: %v, want a limit", err)
	}
}

func TestTableShapes(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	number := func(n int32) *int32 { return &n }
	name := func(s string) *forgehook.ParameterDef { return &forgehook.ParameterDef{Name: &s} }
	cell := func(row, col int32, value string) forgehook.DocumentParameter {
		return forgehook.DocumentParameter{ParamDefID: number(100 + col), RowIndex: &row, ColIndex: &col, Value: text(value)}
	}
	for _, tt := range []struct {
		shape    string
		children []forgehook.DocumentParameter
		want     string
	}{
		{"cells without columns", []forgehook.DocumentParameter{cell(1, 1, "d"), cell(0, 0, "a"), cell(0, 1, "b")},
			`[{"Column 1":"a","Column 2":"b"},{"Column 1":null,"Column 2":"d"}]`},
		{"columns of one name", []forgehook.DocumentParameter{
			{ParamDef: name("X"), Children: []forgehook.DocumentParameter{{Value: text("1")}}},
			{ParamDef: name("X"), Children: []forgehook.DocumentParameter{{Value: text("2")}}},
		}, `[{"X":"1","X 2":"2"}]`},
		{"two cells in one position", []forgehook.DocumentParameter{
			{ParamDef: name("X"), Children: []forgehook.DocumentParameter{cell(0, 0, "first"), cell(0, 0, "second")}},
		}, `[{"X":"first"}]`},
		{"an empty column", []forgehook.DocumentParameter{{ParamDef: name("X")}}, `[]`},
	} {
		doc := &forgehook.Document{ResultParameters: []forgehook.DocumentParameter{{ParamDef: name("T"), Children: tt.children}}}
		got, err := evalDocument(t, doc, `doc.table("T")`)
		if err != nil || got != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.shape, got, err, tt.want)
		}
	}
}
