package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/forgehook/forgehook"
)

func TestProjects(t *testing.T) {
	t.Parallel()
	b := setup(t)
	full := forgehook.Project{
		ID: 7, UserID: new("u"), Status: 1, Name: new("Näme <&> \x00"), Description: new("d"), Comment: new(""),
		DTC: &forgehook.Time{Time: at("2026-01-05T07:30:00.123Z")}, DTM: &forgehook.Time{Time: at("2026-01-05T07:30:00Z")},
	}
	created, err := b.CreateProject(t.Context(), b.tenant, full)
	check(t, err)
	equal(t, "created project", created, full)
	got, err := b.Project(t.Context(), b.tenant, 7)
	check(t, err)
	equal(t, "project", got, full)
	if b.s.Project.ID < 1_000_000_000 || b.s.Project.DTC == nil || b.s.Project.DTM == nil {
		t.Errorf("a project that came without id and dates: %+v", b.s.Project)
	}
	_, err = b.CreateProject(t.Context(), b.tenant, full)
	refused(t, "id that is taken", err, forgehook.CodeConflict)
	_, err = b.CreateProject(t.Context(), b.tenant, forgehook.Project{ID: -1})
	refused(t, "negative id", err, forgehook.CodeInvalid)
	_, err = b.CreateProject(t.Context(), b.stranger, full)
	check(t, err) // ids are unique per tenant only

	page, next, err := b.Projects(t.Context(), b.tenant, forgehook.Page{Limit: 1})
	check(t, err)
	rest, end, err := b.Projects(t.Context(), b.tenant, forgehook.Page{Limit: 1, Cursor: next})
	check(t, err)
	equal(t, "projects", append(page, rest...), []forgehook.Project{full, b.s.Project})
	equal(t, "cursor behind the last page", end, "")

	updated, err := b.UpdateProject(t.Context(), b.tenant, 7, func(p *forgehook.Project) error {
		p.ID, p.Name, p.Comment = 9, new("New"), nil
		return nil
	})
	check(t, err)
	if !updated.DTM.After(full.DTM.Time) {
		t.Error("an update does not move the date of modification")
	}
	got, err = b.Project(t.Context(), b.tenant, 7)
	check(t, err)
	equal(t, "updated project", got, updated)
	refusal := errors.New("no")
	if _, err = b.UpdateProject(t.Context(), b.tenant, 7, func(*forgehook.Project) error { return refusal }); !errors.Is(err, refusal) {
		t.Errorf("the error of a change is lost: %v", err)
	}
}

func TestProjects_strangers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.s.Project.ID
	_, err := b.Project(t.Context(), b.stranger, id)
	refused(t, "read", err, forgehook.CodeNotFound)
	_, err = b.UpdateProject(t.Context(), b.stranger, id, func(*forgehook.Project) error { return nil })
	refused(t, "update", err, forgehook.CodeNotFound)
	refused(t, "delete", b.DeleteProject(t.Context(), b.stranger, id), forgehook.CodeNotFound)
	_, err = b.CreateService(t.Context(), b.stranger, forgehook.Service{ProjectID: id})
	refused(t, "service in it", err, forgehook.CodeNotFound)
	_, _, _, err = b.PutDocument(t.Context(), b.stranger, forgehook.Document{ProjectID: id}, "", nil)
	refused(t, "document in it", err, forgehook.CodeNotFound)
	list, _, err := b.Projects(t.Context(), b.stranger, forgehook.Page{})
	check(t, err)
	equal(t, "list", list, []forgehook.Project{})
}

func TestDeleting_whatIsInTheWay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	project, service, utility, document := b.s.Project.ID, b.s.Service.ID, b.s.Utility.ID, b.s.Document.ID
	call := b.s.Call(t, b.DB)
	inTheWay := func(what string, err error, want string) {
		t.Helper()
		refused(t, what, err, forgehook.CodeConflict)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v does not name %q", what, err, want)
		}
	}
	inTheWay("project", b.DeleteProject(t.Context(), b.tenant, project), "2 services and 1 document")
	inTheWay("service", b.DeleteService(t.Context(), b.tenant, service), "1 utility")
	inTheWay("utility", b.DeleteUtility(t.Context(), b.tenant, utility), "1 call is not completed: cancel it or wait.")
	refused(t, "utility by the way of services", b.DeleteService(t.Context(), b.tenant, utility), forgehook.CodeNotFound)
	refused(t, "service by the way of utilities", b.DeleteUtility(t.Context(), b.tenant, service), forgehook.CodeNotFound)

	_, err := b.CompleteCall(t.Context(), b.ref(call.ID), forgehook.Canceled, nil, at("2026-01-01T00:00:00Z"))
	check(t, err)
	check(t, b.DeleteUtility(t.Context(), b.tenant, utility))
	check(t, b.DeleteService(t.Context(), b.tenant, service))
	inTheWay("project", b.DeleteProject(t.Context(), b.tenant, project), "has 1 document:")
	check(t, deleteDocument(t, b, b.tenant, document))
	check(t, b.DeleteProject(t.Context(), b.tenant, project))

	past, err := b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "webHookServiceId of a past call", past.WebHookServiceID, utility)
	equal(t, "outcome of a late evaluation", explain(t, b.DB, b.ref(call.ID), fires).Outcome, forgehook.Canceled)
	for what, err := range map[string]error{
		"project": b.DeleteProject(t.Context(), b.tenant, project), "service": b.DeleteService(t.Context(), b.tenant, service),
		"utility": b.DeleteUtility(t.Context(), b.tenant, utility), "document": deleteDocument(t, b, b.tenant, document),
	} {
		refused(t, what+" that is gone", err, forgehook.CodeNotFound)
	}
}
