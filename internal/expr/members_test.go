package expr

import (
	"fmt"
	"strings"
	"testing"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/value"
)

// TestMembers_compile checks an expression for every member and compares nullable ones with null.
func TestMembers_compile(t *testing.T) {
	t.Parallel()
	variable := map[string]string{
		"Document": "doc", "Parameter": "par", "Verification": "verification", "ParameterDef": "def", "WorkItem": "wi",
		"Project": "project", "Service": "service", "Category": "category", "Call": "call", "DocumentData": "doc.data[0]",
	}
	for entity, of := range variable {
		for _, name := range value.MemberNames(entity) {
			facts, _ := value.MemberType(entity, name)
			text := of + "." + name
			if _, err := Compile(Subject, AnyResult, text); err != nil {
				t.Errorf("%s: %v", text, err)
			}
			_, err := Compile(Subject, BoolResult, text+" == null")
			if facts.Nullable && err != nil {
				t.Errorf("%s == null: %v", text, err)
			}
			if !facts.Nullable && facts.Type == "int" && err == nil {
				t.Errorf("%s == null compiles, and it is never null", text)
			}
		}
	}
}

func TestEnumConstants(t *testing.T) {
	t.Parallel()
	for _, table := range forgehook.EnumTables() {
		for _, name := range table.Names() {
			number, err := table.Number(name)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := compile(t, Subject, AnyResult, table.Kind()+"."+name).Constant()
			if !ok || got.Text() != fmt.Sprint(number) {
				t.Errorf("%s.%s: got %s, want %d", table.Kind(), name, got.Text(), number)
			}
		}
	}
}

func TestShowEntities(t *testing.T) {
	t.Parallel()
	v := invoiceVars(t)
	v.ShowEntities(func(entity any) any {
		d, ok := entity.(*forgehook.Document)
		if !ok {
			return nil
		}
		clean := *d
		clean.ResultParameters = nil
		return &clean
	})
	got, err := compile(t, Subject, AnyResult, `{"doc": doc, "par": doc.resultParameters[0], "value": doc.resultParameters[0].value}`).Eval(v)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := got.AppendJSON(nil)
	if s := string(data); strings.Contains(s, "resultParameters") || !strings.Contains(s, `"par":null,"value":"118.40"}`) || strings.Contains(s, "big") {
		t.Errorf("got %s", s)
	}
}
