package postgres_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

func TestCategories(t *testing.T) {
	t.Parallel()
	b := setup(t)
	full := forgehook.Category{
		ID: 3307, ProjectID: b.s.Project.ID, UserID: new("u"), Name: new("Invoice <&> \x00"), Description: new("d"), Comment: new("c"),
		DTC: &forgehook.Time{Time: at("2026-01-05T07:30:00.123Z")}, DTM: &forgehook.Time{Time: at("2026-01-05T07:30:00Z")},
		Type: new(int32(1)), Status: new(forgehook.CategoryStatus(0)), Related: new(int32(7)), Reference: new("r"),
	}
	made, created, err := b.PutCategory(t.Context(), b.tenant, full)
	check(t, err)
	equal(t, "created", created, true)
	equal(t, "made category", made, full)
	got, err := b.Category(t.Context(), b.tenant, 3307)
	check(t, err)
	equal(t, "category", got, full)

	full.Name = new("Bill")
	_, created, err = b.PutCategory(t.Context(), b.tenant, full)
	check(t, err)
	equal(t, "created again", created, false)
	own, created, err := b.PutCategory(t.Context(), b.tenant, forgehook.Category{ProjectID: b.s.Project.ID})
	check(t, err)
	if !created || own.ID < 1_000_000_000 || own.DTC == nil || own.DTM == nil {
		t.Errorf("a category that came without id and dates: %+v", own)
	}

	page, next, err := b.Categories(t.Context(), b.tenant, b.s.Project.ID, forgehook.Page{Limit: 1})
	check(t, err)
	rest, end, err := b.Categories(t.Context(), b.tenant, b.s.Project.ID, forgehook.Page{Limit: 1, Cursor: next})
	check(t, err)
	equal(t, "categories", append(page, rest...), []forgehook.Category{full, own})
	equal(t, "cursor behind the last page", end, "")

	updated, err := b.UpdateCategory(t.Context(), b.tenant, 3307, func(c *forgehook.Category) error {
		c.ID, c.ProjectID, c.Name = 9, 9, nil
		return nil
	})
	check(t, err)
	if !updated.DTM.After(full.DTM.Time) {
		t.Error("an update does not move the date of modification")
	}
	got, err = b.Category(t.Context(), b.tenant, 3307)
	check(t, err)
	equal(t, "updated category", got, updated)

	check(t, b.DeleteCategory(t.Context(), b.tenant, 3307))
	refused(t, "deleted twice", b.DeleteCategory(t.Context(), b.tenant, 3307), forgehook.CodeNotFound)
	_, _, err = b.PutCategory(t.Context(), b.tenant, forgehook.Category{ID: -1, ProjectID: b.s.Project.ID})
	refused(t, "negative id", err, forgehook.CodeInvalid)
	_, _, err = b.PutCategory(t.Context(), b.tenant, forgehook.Category{ProjectID: 7})
	refused(t, "project that is not here", err, forgehook.CodeNotFound)
}

func TestCategories_strangers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, _, err := b.PutCategory(t.Context(), b.tenant, forgehook.Category{ID: 3307, ProjectID: b.s.Project.ID})
	check(t, err)
	_, err = b.Category(t.Context(), b.stranger, 3307)
	refused(t, "read", err, forgehook.CodeNotFound)
	_, err = b.UpdateCategory(t.Context(), b.stranger, 3307, func(*forgehook.Category) error { return nil })
	refused(t, "update", err, forgehook.CodeNotFound)
	refused(t, "delete", b.DeleteCategory(t.Context(), b.stranger, 3307), forgehook.CodeNotFound)
	_, _, err = b.PutCategory(t.Context(), b.stranger, forgehook.Category{ProjectID: b.s.Project.ID})
	refused(t, "category in a project", err, forgehook.CodeNotFound)
	list, _, err := b.Categories(t.Context(), b.stranger, b.s.Project.ID, forgehook.Page{})
	check(t, err)
	equal(t, "list", list, []forgehook.Category{})
}

// subjectOf accepts a call and reads what was frozen.
func subjectOf(t *testing.T, b bundle, tenant forgehook.TenantID, request forgehook.CallRequest) forgehook.Subject {
	t.Helper()
	call := pgtest.Accept(t, b.DB, tenant, request).Calls[0]
	subject, err := b.Subject(t.Context(), forgehook.CallRef{Tenant: tenant, CallID: call.ID})
	check(t, err)
	return subject
}

func TestSubject_category(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := pgtest.NewScene(t, b.DB)
	_, _, err := b.PutCategory(t.Context(), other.Tenant, forgehook.Category{ID: 3307, ProjectID: other.Project.ID, Name: new("theirs")})
	check(t, err)
	byUtility := forgehook.CallRequest{WebHookServiceID: &b.s.Utility.ID, DocumentID: &b.s.Document.ID}
	byService := forgehook.CallRequest{ServiceID: &b.s.Service.ID, DocumentID: &b.s.Document.ID}
	ofDocument := forgehook.CallRequest{DocumentID: &b.s.Document.ID}
	if c := subjectOf(t, b, b.tenant, byUtility).Category; c != nil {
		t.Errorf("a category of another tenant is frozen: %+v", c)
	}
	ours, _, err := b.PutCategory(t.Context(), b.tenant, forgehook.Category{ID: 3307, ProjectID: b.s.Project.ID, Name: new("Invoice")})
	check(t, err)
	for _, request := range []forgehook.CallRequest{byUtility, byService, ofDocument} {
		equal(t, "category", subjectOf(t, b, b.tenant, request).Category, &ours)
	}
	plain := forgehook.CallRequest{WebHookServiceID: &b.s.Utility.ID, Document: &forgehook.Document{ID: 5}}
	if c := subjectOf(t, b, b.tenant, plain).Category; c != nil {
		t.Errorf("a document without category has %+v", c)
	}
}

// How documents are made of raw JSON stays with the service.
func TestSubject_hasNoInput(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sample := json.RawMessage(`{"z":1.10,"a":"<&>"}`)
	_, err := b.UpdateService(t.Context(), b.tenant, b.s.Service.ID, func(s *forgehook.Service) error {
		s.Input, s.InputSample = new("{}"), sample
		return nil
	})
	check(t, err)
	s := subjectOf(t, b, b.tenant, forgehook.CallRequest{WebHookServiceID: &b.s.Utility.ID, DocumentID: &b.s.Document.ID}).Service
	if s.Input != nil || s.InputSample != nil {
		t.Errorf("the subject's service is %+v", s)
	}
	service, err := b.Service(t.Context(), b.tenant, b.s.Service.ID)
	check(t, err)
	equal(t, "sample", string(service.InputSample), string(sample))
	services, _, err := b.Services(t.Context(), b.tenant, b.s.Project.ID, forgehook.Page{})
	check(t, err)
	if services[0].Input == nil || services[0].InputSample != nil {
		t.Errorf("a list has %+v", services[0])
	}
	for _, ids := range [][2]*int32{{&b.s.Service.ID, nil}, {nil, &b.s.Utility.ID}, {&b.s.Service.ID, &b.s.Utility.ID}} {
		mapping, err := b.Mapping(t.Context(), b.tenant, ids[0], ids[1])
		check(t, err)
		equal(t, "service of raw JSON", mapping.ID, b.s.Service.ID)
		_, err = b.Mapping(t.Context(), b.stranger, ids[0], ids[1])
		refused(t, "another tenant's service", err, forgehook.CodeNotFound)
	}
	_, err = b.Mapping(t.Context(), b.tenant, &b.s.Utility.ID, nil)
	refused(t, "a utility as service", err, forgehook.CodeNotFound)
	_, err = b.Mapping(t.Context(), b.tenant, nil, &b.s.Service.ID)
	refused(t, "a service as utility", err, forgehook.CodeNotFound)
}

// What a sender wrote comes back to the byte, from the store as from a subject.
func TestDocument_source(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const source = `{"z":1.10,"a":{"b":"<&>\u003c","n":12345678901234567890},"c":[1e2,null]}`
	document, _, _, err := b.PutDocument(t.Context(), b.tenant, forgehook.Document{ProjectID: b.s.Project.ID, Source: json.RawMessage(source)}, "", nil)
	check(t, err)
	stored, err := b.Document(t.Context(), b.tenant, document.ID)
	check(t, err)
	equal(t, "stored source", string(stored.Source), source)
	s := subjectOf(t, b, b.tenant, forgehook.CallRequest{WebHookServiceID: &b.s.Utility.ID, DocumentID: &document.ID})
	equal(t, "frozen source", string(s.Document.Source), source)
}

func TestCreateUtilities(t *testing.T) {
	t.Parallel()
	b := setup(t)
	utility := func(id int32) forgehook.Utility {
		return forgehook.Utility{ID: id, Name: "Hook", ServiceID: b.s.Service.ID, Settings: pgtest.Settings()}
	}
	count := func() int {
		list, _, err := b.Utilities(t.Context(), b.tenant, b.s.Service.ID, forgehook.Page{})
		check(t, err)
		return len(list)
	}
	made, err := b.CreateUtilities(t.Context(), b.tenant, []forgehook.Utility{utility(5), utility(0)}, "", true)
	check(t, err)
	if len(made) != 2 || made[1].ProjectID != b.s.Project.ID || count() != 1 {
		t.Errorf("a dry run made %+v and left %d utilities", made, count())
	}
	_, err = b.CreateUtilities(t.Context(), b.tenant, []forgehook.Utility{utility(5), utility(5)}, "", true)
	refused(t, "the same id twice, in a dry run", err, forgehook.CodeConflict)
	_, err = b.CreateUtilities(t.Context(), b.tenant, []forgehook.Utility{utility(6), utility(b.s.Utility.ID)}, "", false)
	refused(t, "an id that is taken", err, forgehook.CodeConflict)
	equal(t, "utilities after a refusal", count(), 1)
	_, err = b.CreateUtilities(t.Context(), b.tenant, []forgehook.Utility{utility(6), utility(7)}, "", false)
	check(t, err)
	equal(t, "utilities", count(), 3)
}

func TestAcceptedBefore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := postgres.Acceptance{
		Request: forgehook.CallRequest{WebHookServiceID: &b.s.Utility.ID, DocumentID: &b.s.Document.ID}, IdempotencyKey: "k", BodySHA256: []byte("sum"), Now: time.Now(),
	}
	_, found, err := b.AcceptedBefore(t.Context(), b.tenant, a)
	check(t, err)
	equal(t, "found before", found, false)
	accepted, err := b.AcceptCalls(t.Context(), b.tenant, a)
	check(t, err)
	earlier, found, err := b.AcceptedBefore(t.Context(), b.tenant, a)
	check(t, err)
	if !found || earlier.Calls[0].ID != accepted.Calls[0].ID {
		t.Errorf("found %v: %+v", found, earlier)
	}
	_, found, err = b.AcceptedBefore(t.Context(), b.stranger, a)
	check(t, err)
	equal(t, "found by another tenant", found, false)
	a.BodySHA256 = []byte("other")
	_, _, err = b.AcceptedBefore(t.Context(), b.tenant, a)
	refused(t, "another request", err, forgehook.CodeKeyReused)
}
