package postgres_test

import (
	"testing"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

// frozen accepts a call and returns the subject that a rule then sees.
func frozen(t *testing.T, b bundle, request forgehook.CallRequest) forgehook.Subject {
	t.Helper()
	request.WebHookServiceID = &b.s.Utility.ID
	call := pgtest.Accept(t, b.DB, b.tenant, request).Calls[0]
	read := facts(t, b.DB, b.ref(call.ID))
	equal(t, "settings", loaded(t, read.Settings), b.s.Utility.Settings)
	return read.Subject
}

func loaded(t *testing.T, p postgres.Pinned) forgehook.Settings {
	t.Helper()
	settings, err := p.Load()
	check(t, err)
	return settings
}

func TestSubject(t *testing.T) {
	t.Parallel()
	b := setup(t)
	master := pgtest.Document(t, b.DB, b.tenant, b.s.Project.ID, b.s.Service.ID)
	stored := b.s.Document
	stored.MasterID = &master.ID
	_, _, _, err := b.PutDocument(t.Context(), b.tenant, stored, "", nil)
	check(t, err)
	inline := pgtest.Invoice(t, 5, 6)
	inline.ID, inline.MasterID = 912, &master.ID
	lonely := inline
	lonely.MasterID = new(int32(4711))

	par := stored.Parameter(50)
	cell := stored.Parameter(62)
	def := stored.ParameterDef(179811)
	_, older := stored.Verification(70)
	_, newest := stored.Verification(71)
	id := func(n int32) *int32 { return &n }
	tests := []struct {
		name    string
		request forgehook.CallRequest
		want    forgehook.Subject
	}{
		{"stored document and its master", forgehook.CallRequest{DocumentID: &stored.ID}, forgehook.Subject{Document: &stored, MasterDocument: &master}},
		{"inline document and its stored master", forgehook.CallRequest{Document: &inline}, forgehook.Subject{Document: &inline, MasterDocument: &master}},
		{"master that is not stored", forgehook.CallRequest{Document: &lonely}, forgehook.Subject{Document: &lonely}},
		{"master by id", forgehook.CallRequest{Document: &lonely, MasterDocumentID: &stored.ID}, forgehook.Subject{Document: &lonely, MasterDocument: &stored}},
		{"master inline", forgehook.CallRequest{DocumentID: &stored.ID, MasterDocument: &lonely}, forgehook.Subject{Document: &stored, MasterDocument: &lonely}},
		{
			"document of the work item", forgehook.CallRequest{WorkItem: &forgehook.WorkItem{ID: 3, DocumentID: &stored.ID}},
			forgehook.Subject{Document: &stored, MasterDocument: &master, WorkItem: &forgehook.WorkItem{ID: 3, DocumentID: &stored.ID}},
		},
		{
			"another document than the work item's", forgehook.CallRequest{Document: &lonely, WorkItem: &forgehook.WorkItem{ID: 3, DocumentID: &stored.ID}},
			forgehook.Subject{Document: &lonely, WorkItem: &forgehook.WorkItem{ID: 3, DocumentID: &stored.ID}},
		},
		{
			"parameter, its definition and last verification", forgehook.CallRequest{Document: &lonely, ParameterID: id(50)},
			forgehook.Subject{Document: &lonely, Parameter: par, ParameterDef: par.ParamDef, Verification: newest},
		},
		{"cell without definition", forgehook.CallRequest{Document: &lonely, ParameterID: id(62)}, forgehook.Subject{Document: &lonely, Parameter: cell}},
		{
			"all by id", forgehook.CallRequest{Document: &lonely, ParameterID: id(62), ParameterDefID: id(179811), VerificationID: id(70)},
			forgehook.Subject{Document: &lonely, Parameter: cell, ParameterDef: def, Verification: older},
		},
		{
			"all inline", forgehook.CallRequest{
				Document: &lonely, Parameter: &forgehook.DocumentParameter{ID: 1, Value: new("v")}, ParameterDef: &forgehook.ParameterDef{ID: 2},
				Verification: &forgehook.Verification{ID: 3},
			},
			forgehook.Subject{
				Document: &lonely, Parameter: &forgehook.DocumentParameter{ID: 1, Value: new("v")}, ParameterDef: &forgehook.ParameterDef{ID: 2},
				Verification: &forgehook.Verification{ID: 3},
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.want.Project, test.want.Service = &b.s.Project, &b.s.Service
			equal(t, "subject", frozen(t, b, test.request), test.want)
		})
	}
}

// What happens after the acceptance is nothing to the call.
func TestSubject_isFrozen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.s.Call(t, b.DB)
	_, _, err := b.UpdateDocument(t.Context(), b.tenant, b.s.Document.ID, "", func(d *forgehook.Document) error { d.Status = 90; return nil })
	check(t, err)
	check(t, deleteDocument(t, b, b.tenant, b.s.Document.ID))
	check(t, saveSettings(t, b, b.s.Utility.ID))
	_, err = b.UpdateService(t.Context(), b.tenant, b.s.Service.ID, func(s *forgehook.Service) error { s.Name = nil; return nil })
	check(t, err)
	read := facts(t, b.DB, b.ref(call.ID))
	equal(t, "subject", read.Subject, forgehook.Subject{Document: &b.s.Document, Project: &b.s.Project, Service: &b.s.Service})
	equal(t, "settings", loaded(t, read.Settings), b.s.Utility.Settings)
}

// A status that a delivery has set is the document's for the next call.
func TestSubject_statusInForce(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *forgehook.Settings) { s.DocumentProcessedStatus = new(forgehook.DocumentStatus(121)) })
	deliver(t, b, b.s.Call(t, b.DB))
	s := frozen(t, b, forgehook.CallRequest{DocumentID: &b.s.Document.ID})
	equal(t, "status", s.Document.Status, 121)
	stored, err := b.Document(t.Context(), b.tenant, b.s.Document.ID)
	check(t, err)
	equal(t, "document", s.Document, &stored)
	if !stored.DTM.After(b.s.Document.DTM.Time) {
		t.Error("the date of modification has not moved")
	}
}
