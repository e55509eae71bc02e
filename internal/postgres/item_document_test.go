package postgres_test

import (
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

func TestDocuments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	full := pgtest.Invoice(t, b.s.Project.ID, b.s.Service.ID)
	full.ID, full.MasterID, full.Comment = 912, new(int32(911)), new("\x00 ünïcode <&>")
	stored, created, _, err := b.PutDocument(t.Context(), b.tenant, full, "", nil)
	check(t, err)
	equal(t, "stored document", stored, full)
	equal(t, "created", created, true)
	got, err := b.Document(t.Context(), b.tenant, 912)
	check(t, err)
	equal(t, "document", got, full)
	if b.s.Document.ID < 1_000_000_000 {
		t.Errorf("a document that came without id has %d", b.s.Document.ID)
	}

	other := pgtest.Project(t, b.DB, b.tenant)
	full.ProjectID, full.Status, full.DTM, full.Comment = other.ID, 13, nil, nil
	_, created, _, err = b.PutDocument(t.Context(), b.tenant, full, "", nil)
	check(t, err)
	equal(t, "created by a replacement", created, false)
	got, err = b.Document(t.Context(), b.tenant, 912)
	check(t, err)
	equal(t, "replaced document, moved to another project", got, full)

	updated, _, err := b.UpdateDocument(t.Context(), b.tenant, 912, "", func(d *forgehook.Document) error {
		d.ID, d.ProjectID, d.Status, d.MasterID = 1, 2, 10, nil
		return nil
	})
	check(t, err)
	full.Status, full.MasterID, full.DTM = 10, nil, updated.DTM
	equal(t, "answer of an update", updated, full)
	got, err = b.Document(t.Context(), b.tenant, 912)
	check(t, err)
	equal(t, "updated document", got, full)
	dated, _, err := b.UpdateDocument(t.Context(), b.tenant, 912, "", func(d *forgehook.Document) error {
		d.DTM = &forgehook.Time{Time: at("2026-02-02T02:02:02.222Z")}
		return nil
	})
	check(t, err)
	equal(t, "date of modification that a change sets", dated.DTM.Time, at("2026-02-02T02:02:02.222Z"))

	_, _, _, err = b.PutDocument(t.Context(), b.tenant, forgehook.Document{ProjectID: 4711}, "", nil)
	refused(t, "project that is not there", err, forgehook.CodeNotFound)
	_, _, _, err = b.PutDocument(t.Context(), b.tenant, forgehook.Document{ID: -1, ProjectID: other.ID}, "", nil)
	refused(t, "negative id", err, forgehook.CodeInvalid)
}

func TestDocuments_strangers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.s.Document.ID
	_, err := b.Document(t.Context(), b.stranger, id)
	refused(t, "read", err, forgehook.CodeNotFound)
	_, _, err = b.UpdateDocument(t.Context(), b.stranger, id, "", func(*forgehook.Document) error { return nil })
	refused(t, "update", err, forgehook.CodeNotFound)
	refused(t, "delete", deleteDocument(t, b, b.stranger, id), forgehook.CodeNotFound)
	_, _, _, err = b.ImportDocuments(t.Context(), b.stranger, b.s.Project.ID, "", nil, all([]forgehook.Document{{ID: id}}))
	refused(t, "import", err, forgehook.CodeNotFound)
	list, _, err := b.Documents(t.Context(), b.stranger, b.s.Project.ID, forgehook.Page{})
	check(t, err)
	equal(t, "list", list, []forgehook.Document{})
}

// all puts documents in one batch.
func all(documents []forgehook.Document) func(func([]forgehook.Document) error) error {
	return func(put func([]forgehook.Document) error) error { return put(documents) }
}

func TestImportDocuments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	project := pgtest.Project(t, b.DB, b.tenant).ID
	_, _, _, err := b.PutDocument(t.Context(), b.tenant, forgehook.Document{ID: 2, ProjectID: project, Result: new("old")}, "", nil)
	check(t, err)
	created, updated, _, err := b.ImportDocuments(t.Context(), b.tenant, project, "", nil, all([]forgehook.Document{
		{ID: 3, Result: new("three")}, {ID: 2, Result: new("new")}, {}, {ID: 3, Result: new("last of two")}, {},
	}))
	check(t, err)
	equal(t, "created, updated", [2]int{created, updated}, [2]int{3, 2})

	var list []forgehook.Document
	for page := (forgehook.Page{Limit: 2}); ; {
		documents, next, err := b.Documents(t.Context(), b.tenant, project, page)
		check(t, err)
		list = append(list, documents...)
		if page.Cursor = next; next == "" {
			break
		}
	}
	want := []forgehook.Document{
		{ID: 2, ProjectID: project, Result: new("new")}, {ID: 3, ProjectID: project, Result: new("last of two")},
		{ProjectID: project}, {ProjectID: project},
	}
	equal(t, "documents", list, want, cmpopts.IgnoreFields(forgehook.Document{}, "ID"))
	if list[2].ID < 1_000_000_000 || list[3].ID <= list[2].ID {
		t.Errorf("ids that were handed out: %d, %d", list[2].ID, list[3].ID)
	}

	_, _, _, err = b.ImportDocuments(t.Context(), b.tenant, project, "", nil, all([]forgehook.Document{{ID: 77}, {ID: -1}}))
	refused(t, "a bad one among them", err, forgehook.CodeInvalid)
	_, err = b.Document(t.Context(), b.tenant, 77)
	refused(t, "the good one beside it", err, forgehook.CodeNotFound)
	_, _, _, err = b.ImportDocuments(t.Context(), b.tenant, 4711, "", nil, all([]forgehook.Document{{ID: 77}}))
	refused(t, "project that is not there", err, forgehook.CodeNotFound)
	created, updated, _, err = b.ImportDocuments(t.Context(), b.tenant, project, "", nil, all(nil))
	check(t, err)
	equal(t, "none", created+updated, 0)
}

// An id that a client has chosen is passed over when its turn comes.
func TestEntityIDs_takenByClients(t *testing.T) {
	t.Parallel()
	b := setup(t)
	next := b.s.Document.ID + 1
	for i := range int32(3) {
		_, _, _, err := b.PutDocument(t.Context(), b.tenant, forgehook.Document{ID: next + i, ProjectID: b.s.Project.ID, Result: new("theirs")}, "", nil)
		check(t, err)
	}
	created, updated, _, err := b.ImportDocuments(t.Context(), b.tenant, b.s.Project.ID, "", nil, all(make([]forgehook.Document, 5)))
	check(t, err)
	equal(t, "created, updated", [2]int{created, updated}, [2]int{5, 0})
	for i := range int32(3) {
		got, err := b.Document(t.Context(), b.tenant, next+i)
		check(t, err)
		equal(t, "a client's document", *got.Result, "theirs")
	}
}
