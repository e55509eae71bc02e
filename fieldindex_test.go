package forgehook

import (
	"strconv"
	"testing"
)

// nested has fields of like names at the top and below a table and a group.
const nested = `{"resultParameters":[
	{"id":1,"paramDefId":10,"paramDef":{"id":10,"name":"Lines","grouping":3},"children":[
		{"id":2,"paramDefId":11,"paramDef":{"id":11,"name":"Total","grouping":5},"children":[{"id":3,"paramDefId":11}]},
		{"id":4,"paramDef":{"id":12,"name":"net"}}]},
	{"id":5,"paramDef":{"id":13,"name":"TOTAL"}},
	{"id":6,"paramDefId":14,"paramDef":{"name":"Total"}},
	{"id":7,"paramDef":{"id":15,"name":"NET"},"children":[{"id":8,"paramDef":{"id":16,"name":"Gro\u017fs"}}]},
	{"id":9,"paramDefId":0,"paramDef":{"name":""}},
	{"id":10,"paramDefId":12},
	{"id":11,"paramDefId":17,"paramDef":{"id":18,"name":"Other"}}]}`

// One rule for a name: as it is written before any case, at the top before below it, then as the
// document has them.
func TestFieldIndex(t *testing.T) {
	t.Parallel()
	doc := decoded(t, nested)
	fields := IndexFields(doc.ResultParameters)
	ids := func(found []*DocumentParameter) (text string) {
		for _, p := range found {
			text += " " + strconv.Itoa(int(p.ID))
		}
		return text
	}
	for name, want := range map[string]string{
		"Total": " 6 2", "TOTAL": " 5", "total": " 5 6 2", // at the top before below it
		"net": " 4", "NET": " 7", "Net": " 7 4", // as it is written, even below, before any case
		"lines": " 1", "GROSS": " 8", "Tota": "", "": "",
	} {
		found := fields.Named(name)
		diff(t, name+":"+want, name+":"+ids(found))
		if one := doc.Field(name); len(found) > 0 && one != found[0] || len(found) == 0 && one != nil {
			t.Errorf("%s: means %v", name, one)
		}
	}
	for id, want := range map[int32]string{11: " 2 3", 12: " 10 4", 14: " 6", 15: " 7", 17: " 11", 18: " 11", 0: "", 99: ""} {
		diff(t, strconv.Itoa(int(id))+want, strconv.Itoa(int(id))+ids(fields.Defined(id)))
	}
	for id, want := range map[int32]string{11: "Total", 12: "net", 14: "Total", 18: "Other", 17: "", 0: ""} {
		name := ""
		if def := doc.ParameterDef(id); def != nil {
			name = *def.Name
		}
		diff(t, want, name)
	}
	diff(t, " 1 2 3 4 5 6 7 8 9 10 11", ids(fields.All()))
	diff(t, " 2 3 4", ids(IndexFields(doc.Parameter(1).Children).All()))
	for p := range doc.Fields() {
		if p.ID == 3 {
			break // also out of what is below
		}
	}
}
