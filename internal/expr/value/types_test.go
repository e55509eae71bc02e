package value

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/common/types"

	"github.com/forgehook/forgehook"
)

// fill sets every field of a value to something other than its zero value. Lists get one element.
// Entities inside entities stop after two levels.
func fill(r reflect.Value, depth int) {
	switch r.Type() {
	case timeGoType:
		r.Set(reflect.ValueOf(forgehook.Time{Time: time.Date(2026, 1, 5, 7, 30, 0, 250e6, time.UTC)}))
		return
	case rawGoType:
		r.SetBytes([]byte(`{"z":1,"a":2}`))
		return
	case numberGoType:
		r.SetString("0.5")
		return
	}
	if r.Kind() == reflect.Int32 && r.Type() != reflect.TypeFor[int32]() {
		table, _ := forgehook.EnumTableOf(r.Interface())
		names := table.Names()
		number, err := table.Number(names[len(names)-1])
		if err != nil {
			panic(err)
		}
		r.SetInt(int64(number))
		return
	}
	switch r.Kind() {
	case reflect.Pointer:
		if r.Type().Elem().Kind() == reflect.Struct && r.Type().Elem() != timeGoType && depth > 1 {
			return
		}
		r.Set(reflect.New(r.Type().Elem()))
		fill(r.Elem(), depth+1)
	case reflect.Slice:
		if depth > 1 {
			return
		}
		r.Set(reflect.MakeSlice(r.Type(), 1, 1))
		fill(r.Index(0), depth+1)
	case reflect.Struct:
		for i := range r.NumField() {
			if r.Type().Field(i).IsExported() {
				fill(r.Field(i), depth)
			}
		}
	case reflect.String:
		r.SetString("text of " + fmt.Sprint(depth))
	case reflect.Bool:
		r.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		r.SetInt(1)
	case reflect.Float64:
		r.SetFloat(0.25)
	default:
		panic("fill: no rule for " + r.Type().String())
	}
}

// TestMembers compares every member of every entity with the platform's JSON. So a field added to
// the root is there for expressions, under the same name and with the same value.
func TestMembers(t *testing.T) {
	t.Parallel()
	for _, e := range entities {
		if e.name == "Row" { // it has no JSON of a struct
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			full := reflect.New(e.goType)
			fill(full.Elem(), 0)
			encoded, err := json.Marshal(full.Interface())
			if err != nil {
				t.Fatal(err)
			}
			var inJSON map[string]json.RawMessage
			if err := json.Unmarshal(encoded, &inJSON); err != nil {
				t.Fatal(err)
			}
			v, empty := NewMemory(), NewMemory()
			x, zero := v.Wrap(full.Interface()).(*Object), empty.Wrap(reflect.New(e.goType).Interface()).(*Object)
			for name, want := range inJSON {
				facts, known := MemberType(e.name, name)
				if e.name == "Service" && (name == "input" || name == "inputSample" || name == "inputLanguage") {
					if known {
						t.Errorf("%s is no matter of expressions", name)
					}
					continue
				}
				if !known {
					t.Errorf("%s is in the JSON and no member", name)
					continue
				}
				value, _ := x.Member(name)
				got, err := Value{value, v}.AppendJSON(nil)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) && !sameJSON(got, want) {
					t.Errorf("%s: got %s, want %s", name, got, want)
				}
				if base, isName := strings.CutSuffix(name, "Name"); isName {
					number, _ := MemberType(e.name, base)
					facts.Nullable = number.Nullable
				}
				if nothing, _ := zero.Member(name); facts.Nullable && nothing != types.NullValue {
					t.Errorf("%s: got %v for what is not set, want null", name, nothing)
				}
				if nothing, _ := (&Object{typ: e, Memory: v}).Member(name); nothing != types.NullValue {
					t.Errorf("%s: got %v of a missing object, want null", name, nothing)
				}
			}
			for _, m := range e.members {
				_, ofStruct := inJSON[m.name]
				isDerived := false
				for _, d := range derived[e.name] {
					isDerived = isDerived || d.name == m.name
				}
				if !ofStruct && !isDerived {
					t.Errorf("%s is a member, but not in the JSON", m.name)
				}
			}
		})
	}
}

// sameJSON ignores the order of members: a Document inside a Document has a source that is not
// written.
func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	dropSource(y)
	return reflect.DeepEqual(x, y)
}

func dropSource(v any) {
	switch x := v.(type) {
	case []any:
		for _, e := range x {
			dropSource(e)
		}
	case map[string]any:
		delete(x, "source")
		for _, e := range x {
			dropSource(e)
		}
	}
}

func TestMemberFacts(t *testing.T) {
	t.Parallel()
	for member, want := range map[string]MemberFacts{
		"Document.filename":              {Type: "string", Nullable: true},
		"Document.id":                    {Type: "int"},
		"Document.status":                {Type: "enum", Enum: "DocumentStatus"},
		"Document.statusName":            {Type: "string", Nullable: true},
		"Document.availability":          {Type: "enum", Enum: "Availability", Nullable: true},
		"Document.dtc":                   {Type: "timestamp", Nullable: true},
		"Document.resultParameters":      {Type: "list", Object: "Parameter"},
		"Document.info":                  {Type: "list"},
		"Document.source":                {Type: "dyn", Nullable: true},
		"Document.extension":             {Type: "string"},
		"Parameter.paramDef":             {Type: "object", Object: "ParameterDef", Nullable: true},
		"Parameter.lastVerification":     {Type: "object", Object: "Verification", Nullable: true},
		"Parameter.exists":               {Type: "bool"},
		"ParameterDef.category":          {Type: "enum", Enum: "ParameterDefinitionCategory"},
		"Verification.charge":            {Type: "double", Nullable: true},
		"WorkItem.duration":              {Type: "duration", Nullable: true},
		"ParameterDef.isEnabled":         {Type: "bool", Nullable: true},
		"Verification.confidence":        {Type: "double", Nullable: true},
		"Parameter.confidence":           {Type: "double", Nullable: true},
		"Parameter.name":                 {Type: "string", Nullable: true},
		"Call.acceptedAt":                {Type: "timestamp", Nullable: true},
		"Verification.symbolsConfidence": {Type: "dyn", Nullable: true},
	} {
		owner, name, _ := strings.Cut(member, ".")
		if got, ok := MemberType(owner, name); !ok || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", member, got, ok, want)
		}
	}
	if _, ok := MemberType("Document", "nope"); ok {
		t.Error("a member that does not exist has facts")
	}
	if _, ok := MemberType("Nope", "id"); ok || MemberNames("Nope") != nil {
		t.Error("a type that does not exist has members")
	}
}
