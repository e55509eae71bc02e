package api

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
)

// inputs are the ready-made examples, with what each makes of its sample.
var inputs = map[string]struct {
	filename, externalID string
	fields               map[string]string  // value of a field
	confidence           map[string]float64 // of its last verification
	table                string
	rows                 [][]string // the first is the names of the columns
}{
	"rossum": {"inv-0042.pdf", "314521",
		map[string]string{"document_id": "INV-0042", "date_issue": "05/01/2026", "amount_total": "118.40"},
		map[string]float64{"document_id": 0.97214, "amount_total": 0.62},
		"line_items", [][]string{{"item_description", "item_amount_total"}, {"Bolts M6", "78.40"}, {`Washers "A2" & nuts`, "40.00"}}},
	"azure-document-intelligence": {"INV-0042.pdf", "INV-0042",
		map[string]string{"VendorName": "CONTOSO LTD.", "InvoiceDate": "05/01/2026", "InvoiceTotal": "$118.40"},
		map[string]float64{"VendorName": 0.962, "InvoiceTotal": 0.62},
		"Items", [][]string{{"Description", "Amount", "Quantity"}, {"Bolts M6", "78.40", "-"}, {"Washers", "40.00", "2"}}},
	"mindee": {"inv-0042.pdf", "744748d5-9051-461c-b70c-bbf81f5ff943",
		map[string]string{"invoice_number": "INV-0042", "total_amount": "118.4", "document_type": "INVOICE"},
		map[string]float64{"invoice_number": 0.99, "total_amount": 0.62},
		"line_items", [][]string{{"description", "product_code", "quantity", "tax_amount", "tax_rate", "total_amount", "unit_price"},
			{"Bolts M6", "-", "4", "-", "15", "78.4", "19.6"}, {`Washers "A2" & nuts`, "W-2", "2", "-", "15", "40", "20"}}},
	"nanonets": {"inv-0042.pdf", "a2ed1d3d-7f3b-4f0c-8f6b-5d4a4e6c1c9e",
		map[string]string{"invoice_number": "INV-0042", "invoice_amount": "118.40"},
		map[string]float64{"invoice_number": 0.97, "invoice_amount": 0.62},
		"table", [][]string{{"Description", "Line_Amount"}, {"Bolts M6", "78.40"}, {"Washers", "40.00"}}},
}

const inputsFolder = "../docs/examples/inputs"

// exampleInput is a service with a ready-made input and its sample.
func exampleInput(t testing.TB, name string) forgehook.Service {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(inputsFolder, name+".cel"))
	if err != nil {
		t.Fatal(err)
	}
	sample, err := os.ReadFile(filepath.Join(inputsFolder, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jsontree.Parse(sample)
	if err != nil {
		t.Fatal(err)
	}
	input := string(text)
	return forgehook.Service{ID: 48072, ProjectID: 1001, Input: &input, InputSample: raw.Append(nil)}
}

// TestInputs runs every example of docs/examples/inputs.
func TestInputs(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(inputsFolder + "/*.cel")
	if err != nil || len(files) != len(inputs) {
		t.Fatalf("%d examples, want %d: %v", len(files), len(inputs), err)
	}
	for name, want := range inputs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := exampleInput(t, name)
			if lines := strings.Count(strings.TrimSpace(*service.Input), "\n") + 1; lines > 15 {
				t.Errorf("it has %d lines, more than 15", lines)
			}
			var m mapper
			d, faults := m.document(service, service.InputSample, time.Date(2026, 1, 5, 7, 31, 0, 0, time.UTC))
			if d == nil {
				t.Fatal(faults)
			}
			if d.Status != forgehook.StatusProcessed || d.Usage != forgehook.UsageOutbox || d.DTM == nil {
				t.Errorf("status %v, usage %v, dtm %v", d.Status, d.Usage, d.DTM)
			}
			if d.Filename == nil || *d.Filename != want.filename || d.ExternalID == nil || *d.ExternalID != want.externalID {
				t.Errorf("filename %s, externalId %s", value(d.Filename), value(d.ExternalID))
			}
			if d.ServiceID != 48072 || d.ProjectID != 1001 || string(d.Source) != string(service.InputSample) {
				t.Errorf("service %d, project %d, source of %d bytes", d.ServiceID, d.ProjectID, len(d.Source))
			}
			for name, text := range want.fields {
				if p := named(d.ResultParameters, name); p == nil || value(p.Value) != text {
					t.Errorf("%s is %+v, want %q", name, p, text)
				}
			}
			for name, confidence := range want.confidence {
				p := named(d.ResultParameters, name)
				if p == nil || p.LastVerification() == nil || p.LastVerification().Confidence == nil || *p.LastVerification().Confidence != confidence {
					t.Errorf("%s is %+v, want confidence %v", name, p, confidence)
				}
			}
			if diff := cmp.Diff(want.rows, tableOf(t, named(d.ResultParameters, want.table))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func named(in []forgehook.DocumentParameter, name string) *forgehook.DocumentParameter {
	for i := range in {
		if in[i].ParamDef != nil && value(in[i].ParamDef.Name) == name {
			return &in[i]
		}
	}
	return nil
}

// tableOf lays a table out: the names of its columns, then its rows, "-" where there is no value.
func tableOf(t *testing.T, table *forgehook.DocumentParameter) [][]string {
	t.Helper()
	if table == nil || table.ParamDef.Grouping != forgehook.GroupingTable {
		t.Fatalf("no table: %+v", table)
	}
	rows := [][]string{nil}
	for i, column := range table.Children {
		if column.ParamDef.Grouping != forgehook.GroupingColumn || column.ColIndex == nil || *column.ColIndex != int32(i) {
			t.Errorf("column %d is %+v", i, column)
		}
		rows[0] = append(rows[0], value(column.ParamDef.Name))
	}
	for i, column := range table.Children {
		for _, cell := range column.Children {
			for len(rows) <= int(*cell.RowIndex)+1 {
				rows = append(rows, blanks("-", len(rows[0])))
			}
			if cell.Value != nil {
				rows[*cell.RowIndex+1][i] = *cell.Value
			}
		}
	}
	return rows
}

func blanks(s string, n int) []string {
	return strings.Split(strings.TrimSuffix(strings.Repeat(s+"\n", n), "\n"), "\n")
}

func TestMapper_faults(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, input, raw, want string }{
		{"a text that is no expression", `{"filename": }`, `{}`, "input, line 1, column 1"},
		{"two names that are not there", `{"filename": sorce.a, "status": now.foo()}`, `{}`, "input, line 1, column"},
		{"a member that is missing", "{\n  \"filename\": source.meta.name}", `{"meta":{}}`, "input, line 2, column"},
		{"a status that is none", `{"status": source.state}`, `{"state":"SECRET-STATE"}`, "input result: status: one of None"},
		{"a value of another type", `{"resultParameters": [{"value": source.n}]}`, `{"n":12345}`, "input result: resultParameters[0].value: a text in quotes"},
		{"a negative id", `{"id": -1}`, `{}`, "input result: id: "},
		{"a list", `source`, `[]`, "input"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var m mapper
			d, faults := m.document(forgehook.Service{Input: &row.input}, json.RawMessage(row.raw), time.Now())
			if d != nil || len(faults) == 0 || !strings.HasPrefix(faults[0], row.want) {
				t.Errorf("%+v %q, want %q", d, faults, row.want)
			}
			for _, secret := range []string{"SECRET", "12345"} {
				if strings.Contains(fmt.Sprint(faults), secret) {
					t.Errorf("the faults show a value: %q", faults)
				}
			}
		})
	}
}

// TestMapper_hostile: a sender's JSON and a mapping of any cost end, with a reason.
func TestMapper_hostile(t *testing.T) {
	t.Parallel()
	many := `[` + strings.TrimSuffix(strings.Repeat("1,", 5000), ",") + `]`
	input := `{"info": [text(source.map(a, source.map(b, source.map(c, a * b * c).size()).size()).size())]}`
	var m mapper
	if d, faults := m.document(forgehook.Service{Input: &input}, json.RawMessage(many), time.Now()); d != nil {
		t.Error("5,000 cubed ended")
	} else if len(faults) != 1 {
		t.Errorf("faults %q", faults)
	}
	deep := strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000)
	plain := `{"filename": "x"}`
	if d, faults := m.document(forgehook.Service{Input: &plain}, json.RawMessage(deep), time.Now()); d == nil && len(faults) != 1 {
		t.Errorf("faults %q", faults)
	}
}

func TestMapper_remembersSome(t *testing.T) {
	t.Parallel()
	var m mapper
	for i := range 2*programsKept + 1 {
		if _, err := m.program(mapping{forgehook.LanguageNow, fmt.Sprintf(`{"comment": "%d"}`, i)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(m.programs); n > programsKept || n == 0 {
		t.Errorf("%d programs are remembered", n)
	}
}
