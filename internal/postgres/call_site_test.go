package postgres_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

// place is that of the scene's utility.
func (b bundle) place(t testing.TB) postgres.Site {
	t.Helper()
	at, err := b.Site(t.Context(), b.tenant, b.s.Utility.ID)
	check(t, err)
	return at
}

func TestSite(t *testing.T) {
	t.Parallel()
	b := setup(t)
	equal(t, "utility", b.place(t), postgres.Site{Project: &b.s.Project, Service: &b.s.Service, Utility: &b.s.Utility})
	plain, err := b.Site(t.Context(), b.tenant, b.s.Service.ID)
	check(t, err)
	equal(t, "plain service", plain, postgres.Site{Project: &b.s.Project, Service: &b.s.Service})
	_, err = b.Site(t.Context(), b.tenant, 77)
	refused(t, "no service", err, forgehook.CodeNotFound)
	_, err = b.Site(t.Context(), b.stranger, b.s.Utility.ID)
	refused(t, "another tenant's service", err, forgehook.CodeNotFound)
}

// TestFreezeSubject compares with what an acceptance freezes.
func TestFreezeSubject(t *testing.T) {
	t.Parallel()
	b := setup(t)
	category, _, err := b.PutCategory(t.Context(), b.tenant, forgehook.Category{ID: 3307, ProjectID: b.s.Project.ID, Name: new("Invoice")})
	check(t, err)
	_, err = b.UpdateService(t.Context(), b.tenant, b.s.Service.ID, func(s *forgehook.Service) error {
		s.Input = new("{}")
		return nil
	})
	check(t, err)
	inline := pgtest.Invoice(t, 5, 6)
	inline.DTM = &forgehook.Time{Time: time.Date(2026, 1, 5, 7, 30, 0, 123456789, time.FixedZone("", 7200))} // calls keep milliseconds
	for name, request := range map[string]forgehook.CallRequest{
		"stored document": {DocumentID: &b.s.Document.ID, ParameterID: new(int32(50))},
		"inline document": {Document: &inline, MasterDocumentID: &b.s.Document.ID, WebHookServiceID: &b.s.Utility.ID, ServiceID: &b.s.Service.ID},
		"work item":       {WorkItem: &forgehook.WorkItem{ID: 9, DocumentID: &b.s.Document.ID}},
	} {
		got, err := b.FreezeSubject(t.Context(), b.tenant, b.place(t), request)
		check(t, err)
		want := frozen(t, b, request)
		equal(t, name, got, want)
		if got.Category == nil || *got.Category.Name != *category.Name || got.Service.Input != nil {
			t.Errorf("%s: category %+v, input %v", name, got.Category, got.Service.Input)
		}
	}
	page, _, err := b.Calls(t.Context(), b.tenant, forgehook.CallFilter{}, forgehook.Page{})
	check(t, err)
	if len(page) != 3 {
		t.Errorf("%d calls are stored, of 3 acceptances", len(page))
	}
}

func TestFreezeSubjectFaults(t *testing.T) {
	t.Parallel()
	b := setup(t)
	plain, err := b.Site(t.Context(), b.tenant, b.s.Service.ID)
	check(t, err)
	id := func(n int32) *int32 { return &n }
	for _, row := range []struct {
		name    string
		at      postgres.Site
		request forgehook.CallRequest
		want    []string
	}{
		{"nothing", b.place(t), forgehook.CallRequest{}, []string{"document"}},
		{"all at once", b.place(t), forgehook.CallRequest{DocumentID: id(1), MasterDocumentID: id(2), ServiceID: id(3), WebHookServiceID: id(4)},
			[]string{"documentId", "masterDocumentId", "serviceId", "webHookServiceId"}},
		{"a utility of a plain service", plain, forgehook.CallRequest{DocumentID: &b.s.Document.ID, WebHookServiceID: &b.s.Utility.ID}, []string{"webHookServiceId"}},
	} {
		_, err := b.FreezeSubject(t.Context(), b.tenant, row.at, row.request)
		refused(t, row.name, err, forgehook.CodeInvalid)
		if diff := cmp.Diff(row.want, faultPaths(err)); diff != "" {
			t.Errorf("%s (-want +got): %s", row.name, diff)
		}
	}
	_, err = b.FreezeSubject(t.Context(), b.stranger, b.place(t), forgehook.CallRequest{DocumentID: &b.s.Document.ID})
	refused(t, "another tenant's document", err, forgehook.CodeInvalid)
}

// TestNewCall compares with the call that an acceptance makes.
func TestNewCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := time.Now()
	request := forgehook.CallRequest{WebHookServiceID: &b.s.Utility.ID, DocumentID: &b.s.Document.ID, Reason: new("why\x00not")}
	subject, err := b.FreezeSubject(t.Context(), b.tenant, b.place(t), request)
	check(t, err)
	got := b.place(t).NewCall(request.Reason, subject, at)
	accepted, err := b.AcceptCalls(t.Context(), b.tenant, postgres.Acceptance{Request: request, BodySHA256: make([]byte, 32), Now: at})
	check(t, err)
	want := accepted.Calls[0]
	want.ID, want.WorkflowID, want.WebhookID = got.ID, got.WorkflowID, got.WebhookID
	equal(t, "call", got, want)
}
