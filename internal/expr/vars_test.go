package expr

import (
	"encoding/json"
	"testing"

	"github.com/forgehook/forgehook"
)

// TestSubjectVars: every variable has the subject's value under both of its names.
func TestSubjectVars(t *testing.T) {
	t.Parallel()
	name := "Total"
	sub := subject(t, `{"id":1}`)
	sub.MasterDocument = &forgehook.Document{ID: 2}
	sub.Parameter = &forgehook.DocumentParameter{ID: 3, ParamDef: &forgehook.ParameterDef{ID: 4, Name: &name}}
	sub.Verification = &forgehook.Verification{ID: 5}
	sub.WorkItem = &forgehook.WorkItem{ID: 6}
	sub.Project = &forgehook.Project{ID: 7}
	sub.Service = &forgehook.Service{ID: 8}
	sub.Category = &forgehook.Category{ID: 9}
	v := SubjectVars(sub, Call{WebHookServiceID: 10, AcceptedAt: accepted})
	text := `[doc.id, srcdoc.id, docs[0].id, master.id, masterdoc.id, par.id, def.id, verification.id, wi.id, project.id, service.id, parentservice.id, category.id, call.webHookServiceId]`
	got, err := compile(t, Subject, AnyResult, text).Eval(v)
	if err != nil {
		t.Fatal(err)
	}
	if want := `[1,1,1,2,2,3,4,5,6,7,8,8,9,10]`; got.Text() != want {
		t.Errorf("got %s, want %s", got.Text(), want)
	}
	for _, name := range variableNames(Subject) {
		if _, ok := v.ResolveName(name); !ok {
			t.Errorf("%s is declared and has no value", name)
		}
	}
	in, err := InputVars(forgehook.LanguageNow, json.RawMessage(`1`), accepted)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range variableNames(Input) {
		if _, ok := in.ResolveName(name); !ok {
			t.Errorf("%s is declared and has no value", name)
		}
	}
}

// TestSubjectVars_empty: everything is null if only the document is known.
func TestSubjectVars_empty(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"master", "par", "def", "verification", "wi", "project", "service", "category"} {
		if got := eval(t, name+" == null"); got != "true" {
			t.Errorf("%s is not null", name)
		}
	}
}
