package mask

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/forgehook/forgehook"
)

// No part of a secret field is left, wherever it stands, and everything else is.
func TestWithout(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := fieldGenerator{t: t, secret: map[int32]bool{}}
		for id := int32(1); id <= 4; id++ {
			g.secret[id] = rapid.Bool().Draw(t, "secret")
		}
		sub := forgehook.Subject{
			Document:       &forgehook.Document{ID: 1, ResultParameters: g.fields(2, false)},
			MasterDocument: &forgehook.Document{ID: 2, Documents: []forgehook.Document{{ID: 3, ResultParameters: g.fields(1, false)}}},
		}
		if rapid.Bool().Draw(t, "about a field") {
			p := g.field(0, false)
			sub.Parameter, sub.ParameterDef = &p, p.ParamDef
			if len(p.Verifications) > 0 {
				sub.Verification = &p.Verifications[0]
			}
		}
		left := shown(t, Of(&sub).Without())
		if strings.Contains(left, "hidden-") {
			t.Fatalf("a secret value is in %s", left)
		}
		for _, value := range g.shown {
			if !strings.Contains(left, `"`+value+`"`) {
				t.Fatalf("%s is missing in %s", value, left)
			}
		}
	})
}

// fieldGenerator makes fields whose values say whether they may be shown.
type fieldGenerator struct {
	t      *rapid.T
	secret map[int32]bool // by definition
	shown  []string
	next   int32
}

func (g *fieldGenerator) fields(depth int, hidden bool) []forgehook.DocumentParameter {
	var list []forgehook.DocumentParameter
	for range rapid.IntRange(0, 3).Draw(g.t, "fields") {
		list = append(list, g.field(depth, hidden))
	}
	return list
}

func (g *fieldGenerator) field(depth int, hidden bool) forgehook.DocumentParameter {
	g.next++
	id, def := g.next, rapid.Int32Range(1, 4).Draw(g.t, "definition")
	hidden = hidden || g.secret[def]
	value := fmt.Sprintf("shown-%d", id)
	if hidden {
		value = fmt.Sprintf("hidden-%d", id)
	} else {
		g.shown = append(g.shown, value)
	}
	valueType, preset := forgehook.ValueType(1), "preset"
	if g.secret[def] {
		valueType = rapid.SampledFrom([]forgehook.ValueType{forgehook.ValuePassword, forgehook.ValueSecure}).Draw(g.t, "type")
		preset = "hidden-default"
	}
	p := forgehook.DocumentParameter{
		ID: id, ParamDefID: &def, Value: &value, Verifications: []forgehook.Verification{{ID: id, ParameterID: id, Value: &value}},
		ParamDef: &forgehook.ParameterDef{ID: def, ValueType: valueType, DefaultValue: &preset},
	}
	if depth > 0 {
		p.Children = g.fields(depth-1, hidden)
	}
	return p
}

// Cells and inline entities may have only the id of their definition, or none.
func TestWithout_byID(t *testing.T) {
	t.Parallel()
	const password = `{"id":9,"valueType":10,"defaultValue":"hunter2"}`
	tests := []struct{ name, subject, want string }{
		{"parameter names the definition of a document's field",
			`{"document":{"id":1,"resultParameters":[{"id":5,"paramDefId":9,"paramDef":` + password + `}]},"parameter":{"id":77,"paramDefId":9,"value":"hunter2"}}`, "-"},
		{"parameter is a document's field", `{"document":{"id":1,"resultParameters":[{"id":5,"paramDef":` + password + `}]},"parameter":{"id":5,"value":"hunter2"}}`, "-"},
		{"parameter beside its definition", `{"document":{"id":1},"parameterDef":` + password + `,"parameter":{"id":5,"value":"hunter2"}}`, "def"},
		{"verification of a document's field", `{"document":{"id":1,"resultParameters":[{"id":5,"paramDef":` + password + `}]},"verification":{"parameterId":5,"value":"hunter2"}}`, "-"},
		{"verification of a cell", `{"document":{"id":1,"resultParameters":[{"id":5,"paramDef":` + password + `,"children":[{"id":6,"value":"hunter2"}]}]},
			"verification":{"parameterId":6,"value":"hunter2"}}`, "-"},
		{"verification beside its parameter", `{"document":{"id":1},"parameter":{"paramDef":` + password + `,"value":"hunter2"},"verification":{"value":"hunter2"}}`, "-"},
		{"definition below a definition", `{"document":{"id":1},"parameterDef":{"id":8,"valueType":1,"children":[` + password + `]},
			"parameter":{"id":5,"paramDefId":8,"value":"plain","children":[{"id":6,"paramDefId":9,"value":"hunter2"}]}}`, "def par plain"},
		{"definition without an id", `{"document":{"id":1,"resultParameters":[{"id":5,"paramDefId":9,"paramDef":{"valueType":11}}]},"parameter":{"id":6,"paramDefId":9,"value":"hunter2"}}`, "-"},
		{"parameter and verification of the master's field", `{"document":{"id":1},"masterDocument":{"id":2,"resultParameters":[{"id":5,"paramDef":` + password + `}]},
			"parameter":{"id":5,"value":"hunter2"},"verification":{"parameterId":5,"value":"hunter2"}}`, "-"},
		{"verification of the master's field", `{"document":{"id":1},"masterDocument":{"id":2,"resultParameters":[{"id":5,"paramDef":` + password + `}]},
			"verification":{"parameterId":5,"value":"hunter2"}}`, "-"},
		{"verification of the given field", `{"document":{"id":1},"parameterDef":{"id":8,"valueType":1},"parameter":{"id":5,"value":"plain","children":[{"id":6,"paramDef":` + password + `}]},
			"verification":{"parameterId":6,"value":"hunter2"}}`, "def par plain"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sub := Of(subject(t, tt.subject)).Without()
			var got []string
			if sub.ParameterDef != nil {
				got = append(got, "def")
			}
			if sub.Parameter != nil {
				got = append(got, "par", *sub.Parameter.Value)
			}
			if sub.Verification != nil {
				got = append(got, "ver")
			}
			if got == nil {
				got = []string{"-"}
			}
			equal(t, tt.want, strings.Join(got, " "))
			if all := shown(t, sub); strings.Contains(all, "hunter2") {
				t.Errorf("a secret is in %s", all)
			}
		})
	}
}
