package mask_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/mask"
)

const door = `{"id":7001,"status":9,"usage":2,"comment":"open with 0815-4711, please","source":{"pin":"0815-4711"},"resultParameters":[
	{"id":1,"value":"0815-4711","data":"MDgxNS00NzEx","paramDef":{"id":1,"name":"Pin","valueType":11,"defaultValue":"4711-0815"},
		"verifications":[{"id":2,"value":"0815-4711","result":"was 0815-4711","symbolsConfidence":[0.1,0.2]}]},
	{"id":3,"value":"open","paramDef":{"id":2,"name":"Note","valueType":1}},
	{"id":4,"paramDef":{"id":3,"name":"Codes","valueType":10},"children":[{"value":"first code"},{"value":"second code"}]}],
	"documents":[{"id":7002,"resultParameters":[{"id":9,"value":"hidden one","paramDefId":1}]}]}`

func document(t *testing.T, text string) (d forgehook.Document) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func text(t *testing.T, d forgehook.Document) string {
	t.Helper()
	content, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestKeep changes a shown document and stores it over the original.
func TestKeep(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		old, new string // in the shown document; "": no change
		want     string // in the stored document, instead of new
		faults   []string
	}{
		{name: "as it was shown"},
		{name: "another field", old: `"open"`, new: `"closed"`, want: `"closed"`},
		{name: "another secret", old: `"value":"[secret]","data":"[secret]"`, new: `"value":"1234","data":null`, want: `"value":"1234","data":null`},
		{name: "source written in another way", old: `"source":{"pin":"[secret]"}`, new: `"source": { "pin" : "[secret]" }`, want: `"source":{"pin":"0815-4711"}`},
		{name: "another name", old: `"Note"`, new: `"Remark"`, want: `"Remark"`},
		{name: "as another field", old: `"id":1,`, new: `"id":77,`, faults: []string{
			"resultParameters[0].value", "resultParameters[0].data", "resultParameters[0].verifications[0].value",
		}},
		{name: "one code more", old: `"children":[`, new: `"children":[{"value":"[secret]"},`, faults: []string{
			"resultParameters[2].children[0].value", "resultParameters[2].children[1].value", "resultParameters[2].children[2].value",
		}},
		{name: "within a document", old: `"id":9,`, new: `"id":10,`, faults: []string{"documents[0].resultParameters[0].value"}},
		{name: "half of it", old: `"value":"[secret]"`, new: `"value":"x[secret]"`, faults: []string{"resultParameters[0].value"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stored := document(t, door)
			before := text(t, stored)
			shown := text(t, mask.Document(stored))
			if strings.Contains(shown, "4711") || tt.old != "" && !strings.Contains(shown, tt.old) {
				t.Fatalf("shown is %s", shown)
			}
			changed := document(t, strings.Replace(shown, tt.old, tt.new, 1))
			err := mask.Keep(&changed, func() (*forgehook.Document, error) { return &stored, nil })
			if diff := cmp.Diff(tt.faults, paths(err)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if text(t, stored) != before {
				t.Error("what is stored was changed in its place")
			}
			if tt.faults != nil {
				return
			}
			got := text(t, changed)
			want := text(t, document(t, door))
			if tt.want != "" {
				want = expected(t, want, tt.old, tt.want)
			}
			if got != want {
				t.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
			}
		})
	}
}

// expected applies the change to the stored document, which has secrets where the shown one has
// masks.
func expected(t *testing.T, stored, old, want string) string {
	t.Helper()
	old = strings.Replace(old, `"pin":"[secret]"`, `"pin":"0815-4711"`, 1)
	old = strings.Replace(old, `"value":"[secret]","data":"[secret]"`, `"value":"0815-4711","data":"MDgxNS00NzEx"`, 1)
	if !strings.Contains(stored, old) {
		t.Fatalf("%s is not in %s", old, stored)
	}
	return strings.Replace(stored, old, want, 1)
}

func paths(err error) (list []string) {
	e, ok := err.(*forgehook.Error) //nolint:errorlint // not wrapped
	if !ok {
		return nil
	}
	for _, f := range e.Fields {
		list = append(list, f.Path)
	}
	return list
}

// TestKeep_tellsNothing: a change cannot move a secret to where it would be shown.
func TestKeep_tellsNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*forgehook.Document){
		"no definition":      func(d *forgehook.Document) { d.ResultParameters[0].ParamDef = nil },
		"a plain definition": func(d *forgehook.Document) { d.ResultParameters[0].ParamDef.ValueType = 1 },
		"no field":           func(d *forgehook.Document) { d.ResultParameters = d.ResultParameters[1:] },
		"no fields":          func(d *forgehook.Document) { d.ResultParameters = nil },
		"another secret":     func(d *forgehook.Document) { d.ResultParameters[0].Value = new("another") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stored := document(t, door)
			changed := document(t, text(t, mask.Document(stored)))
			change(&changed)
			err := mask.Keep(&changed, func() (*forgehook.Document, error) { return &stored, nil })
			if shown := text(t, mask.Document(changed)); strings.Contains(shown, "4711") {
				t.Errorf("%v, shown is %s", err, shown)
			}
			if strings.HasSuffix(name, "definition") && err == nil {
				t.Error("the mask has become the value of a field that was secret")
			}
		})
	}
}

// TestKeep_nothingStored refuses the mask of a secret field where nothing is stored, and no other
// text.
func TestKeep_nothingStored(t *testing.T) {
	t.Parallel()
	asked := 0
	none := func() (*forgehook.Document, error) { asked++; return nil, nil }
	plain := document(t, door)
	if err := mask.Keep(&plain, none); err != nil || asked != 0 {
		t.Errorf("a document without masks: %v, asked %d times", err, asked)
	}
	shown := mask.Document(plain)
	if got := paths(mask.Refuse(&shown)); len(got) != 6 {
		t.Errorf("refused %v", got)
	}
	other := document(t, `{"comment":"the word [secret]","resultParameters":[{"id":3,"value":"[secret]","paramDef":{"id":2,"name":"Note","valueType":1}}]}`)
	if err := mask.Keep(&other, none); err != nil {
		t.Errorf("a text that is no secret: %v", err)
	}
}
