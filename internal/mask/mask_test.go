package mask

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

func equal[T any](t *testing.T, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func subject(t *testing.T, text string) *forgehook.Subject {
	t.Helper()
	var sub forgehook.Subject
	if err := forgehook.Decode([]byte(text), &sub); err != nil {
		t.Fatal(err)
	}
	return &sub
}

func shown(t interface{ Fatal(...any) }, v any) string {
	text, err := forgehook.AppendJSON(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const vault = `{"document":{"id":1,"filename":"hunter2-door.pdf","source":{"pin":"hunter2-door","n":1.50,"open":[true,"x"],"code":20260105},
	"resultParameters":[
		{"id":5,"value":"hunter2-door","data":"aHVudGVyMi1kb29y","paramDef":{"id":9,"name":"Door","valueType":10,"defaultValue":"default-door"},
			"verifications":[{"id":6,"value":"hunter2-old","result":"hunter2 read","info":"two digits of hunter2 were read","confidence":0.5}],"children":[{"id":7,"value":"hunter2-child"}]},
		{"id":8,"value":"20260105","paramDef":{"id":10,"name":"Code","valueType":11}},
		{"id":11,"value":"open","paramDef":{"id":12,"name":"Plain","valueType":1,"defaultValue":"d"}}]}}`

func TestValues(t *testing.T) {
	t.Parallel()
	equal(t, []string{"aHVudGVyMi1kb29y", "hunter2-child", "default-door", "hunter2-door", "hunter2-old", "20260105"}, Of(subject(t, vault)).Values())
	if got := Of(subject(t, `{"document":{"resultParameters":[{"value":"1","paramDef":{"id":1,"name":"Total"}}]}}`)).Values(); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestMasked(t *testing.T) {
	t.Parallel()
	sub := subject(t, vault)
	sub.Document.Source = json.RawMessage(`{"pin":"hunter2-door","n":1.50,"open":[true,"x"],"code":20260105}`) // in the sender's order
	before := shown(t, sub)
	s := Of(sub)
	masked := s.Masked(NewRedactor(s.Values()...))
	equal(t, before, shown(t, sub)) // the given subject is unchanged
	equal(t, `{"pin":"[secret]","n":1.50,"open":[true,"x"],"code":"[secret]"}`, string(masked.Document.Source))
	equal(t, "[secret].pdf", *masked.Document.Filename)
	equal(t, "open", *masked.Document.ResultParameters[2].Value)
	all := shown(t, masked)
	for _, value := range append(s.Values(), "hunter2") {
		if strings.Contains(all, value) {
			t.Errorf("%s is in %s", value, all)
		}
	}
	if got, want := strings.Count(all, "[secret]"), 11; got != want {
		t.Errorf("%d values are masked, want %d: %s", got, want, all)
	}
}

// A field is secret by its definition, by one with the same id, or below a secret field.
func TestHas(t *testing.T) {
	t.Parallel()
	sub := subject(t, `{"document":{"id":1,"resultParameters":[
		{"id":1,"paramDefId":8,"paramDef":{"id":9,"valueType":10},"verifications":[{"id":5}],"children":[{"children":[{"value":"x"}]}]},
		{"id":2,"paramDefId":9},{"id":3,"paramDef":{"id":8}},{"id":4,"paramDefId":0},{"id":6,"paramDef":{"id":7,"children":[{"id":11,"valueType":11}]}},
		{"paramDefId":11}],"documents":[{"id":2,"resultParameters":[{"paramDefId":9},{}]}]},
		"parameter":{"id":1},"verification":{"id":5}}`)
	s := Of(sub)
	fields := sub.Document.ResultParameters
	for _, entity := range []any{
		&fields[0], &fields[0].Verifications[0], &fields[0].Children[0], &fields[0].Children[0].Children[0], &fields[1], &fields[2], &fields[5],
		&sub.Document.Documents[0].ResultParameters[0], sub.Parameter, sub.Verification,
	} {
		if !s.Has(entity) || s.Entity(entity) != nil {
			t.Errorf("%s is no secret", shown(t, entity))
		}
	}
	for _, entity := range []any{&fields[3], &fields[4], &sub.Document.Documents[0].ResultParameters[1], sub.Document} {
		if s.Has(entity) || s.Entity(entity) == nil {
			t.Errorf("%s is a secret", shown(t, entity))
		}
	}
	if plain := OfDocument(&sub.Document.Documents[0]); plain.Found() || plain.Has(&fields[0]) {
		t.Error("a document of its own has secrets")
	}
}
