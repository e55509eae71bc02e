package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

// samples reads all samples, and the sizes of their pages.
func samples(t *testing.T, b bundle, tenant forgehook.TenantID, q postgres.SampleQuery) (all []postgres.Sample, pages []int) {
	t.Helper()
	err := b.EachSample(t.Context(), tenant, q, func(page []postgres.Sample, done, of int) error {
		if done != len(all) {
			t.Errorf("%d are done, not %d of %d", len(all), done, of)
		}
		all, pages = append(all, page...), append(pages, len(page))
		return nil
	})
	check(t, err)
	return all, pages
}

func TestSampleDocuments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	category, _, err := b.PutCategory(t.Context(), b.tenant, forgehook.Category{ID: 3307, ProjectID: b.s.Project.ID})
	check(t, err)
	master, newer := pgtest.Document(t, b.DB, b.tenant, b.s.Project.ID, b.s.Service.ID), pgtest.Invoice(t, b.s.Project.ID, b.s.Service.ID)
	newer.MasterID = &master.ID
	newer, _, _, err = b.PutDocument(t.Context(), b.tenant, newer, "", nil)
	check(t, err)
	_, _, err = b.UpdateDocument(t.Context(), b.tenant, b.s.Document.ID, "", func(d *forgehook.Document) error {
		d.ClassID = nil
		return nil
	})
	check(t, err)
	pgtest.Document(t, b.DB, b.tenant, pgtest.Project(t, b.DB, b.tenant).ID, b.s.Service.ID) // of another project

	at := b.place(t)
	all, _ := samples(t, b, b.tenant, postgres.SampleQuery{At: at, Source: postgres.SampleDocuments, Limit: 10})
	var ids []int32
	for _, s := range all {
		ids = append(ids, *s.DocumentID)
		check(t, s.Err)
		request := forgehook.CallRequest{DocumentID: s.DocumentID}
		want, err := b.FreezeSubject(t.Context(), b.tenant, at, request)
		check(t, err)
		equal(t, fmt.Sprintf("subject of document %d", *s.DocumentID), s.Subject, want)
		equal(t, "call", s.Call, forgehook.Call{})
	}
	if diff := cmp.Diff([]int32{b.s.Document.ID, newer.ID, master.ID}, ids); diff != "" {
		t.Errorf("the last change first (-want +got): %s", diff)
	}
	if all[1].Subject.MasterDocument == nil || all[1].Subject.Category == nil || all[1].Subject.Category.ID != category.ID || all[0].Subject.Category != nil {
		t.Errorf("master %+v, category %+v", all[1].Subject.MasterDocument, all[1].Subject.Category)
	}
	if all, _ = samples(t, b, b.tenant, postgres.SampleQuery{At: at, Source: postgres.SampleDocuments, Limit: 2}); len(all) != 2 || *all[1].DocumentID != newer.ID {
		t.Errorf("the last two are %d documents", len(all))
	}
	if all, _ = samples(t, b, b.stranger, postgres.SampleQuery{At: at, Source: postgres.SampleDocuments, Limit: 10}); len(all) != 0 {
		t.Errorf("another tenant sees %d documents", len(all))
	}
}

func TestSampleCalls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.s.Call(t, b.DB)
	_, _, err := b.UpdateDocument(t.Context(), b.tenant, b.s.Document.ID, "", func(d *forgehook.Document) error {
		d.Filename = new("renamed.pdf")
		return nil
	})
	check(t, err)
	second := pgtest.Accept(t, b.DB, b.tenant, forgehook.CallRequest{WebHookServiceID: &b.s.Utility.ID, DocumentID: &b.s.Document.ID, Reason: new("again")}).Calls[0]
	other := pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID)
	pgtest.Accept(t, b.DB, b.tenant, forgehook.CallRequest{WebHookServiceID: &other.ID, DocumentID: &b.s.Document.ID})

	query := postgres.SampleQuery{At: b.place(t), Source: postgres.SampleCalls, Limit: 10}
	all, _ := samples(t, b, b.tenant, query)
	var got []string
	for _, s := range all {
		check(t, s.Err)
		reason := ""
		if s.Call.Reason != nil {
			reason = *s.Call.Reason
		}
		got = append(got, strings.Join([]string{s.Call.ID, s.Call.WebhookID, reason, *s.Subject.Document.Filename}, " "))
	}
	want := []string{second.ID + " " + second.WebhookID + " again renamed.pdf", first.ID + " " + first.WebhookID + "  inv-0042.pdf"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the newest first, as frozen (-want +got): %s", diff)
	}
	if all[0].Call.AcceptedAt != second.AcceptedAt || all[0].Call.WebHookServiceID != b.s.Utility.ID {
		t.Errorf("call %+v, want %+v", all[0].Call, second)
	}
	query.Limit = 1
	if all, _ = samples(t, b, b.tenant, query); len(all) != 1 || all[0].Call.ID != second.ID {
		t.Errorf("the last one: %d", len(all))
	}
	if all, _ = samples(t, b, b.stranger, query); len(all) != 0 {
		t.Errorf("another tenant sees %d calls", len(all))
	}
}

// TestSamplePages bounds pages by number and by bytes, and lets documents go meanwhile.
func TestSamplePages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	err := deleteDocument(t, b, b.tenant, b.s.Document.ID)
	check(t, err)
	put := func(documents ...forgehook.Document) {
		_, _, _, err := b.ImportDocuments(t.Context(), b.tenant, b.s.Project.ID, "", nil, func(put func([]forgehook.Document) error) error { return put(documents) })
		check(t, err)
	}
	var small []forgehook.Document
	for i := range int32(450) {
		small = append(small, forgehook.Document{ID: 1000 + i, Status: 10})
	}
	put(small...)
	query := postgres.SampleQuery{At: b.place(t), Source: postgres.SampleDocuments, Limit: 10_000}
	_, pages := samples(t, b, b.tenant, query)
	if diff := cmp.Diff([]int{200, 200, 50}, pages); diff != "" {
		t.Errorf("small documents (-want +got): %s", diff)
	}
	large := strings.Repeat("x", 9<<20)
	put(forgehook.Document{ID: 2000, Comment: &large}, forgehook.Document{ID: 2001, Comment: &large}, forgehook.Document{ID: 2002})
	query.Limit = 4
	_, pages = samples(t, b, b.tenant, query)
	if diff := cmp.Diff([]int{2, 2}, pages); diff != "" {
		t.Errorf("two large documents (-want +got): %s", diff)
	}

	query.Limit = 450
	var seen int
	err = b.EachSample(t.Context(), b.tenant, query, func(page []postgres.Sample, done, of int) error {
		seen += len(page)
		if of != 450 {
			t.Errorf("of %d", of)
		}
		if done == 0 { // the oldest one, which comes last
			check(t, deleteDocument(t, b, b.tenant, 1003))
		}
		return nil
	})
	check(t, err)
	if seen != 449 {
		t.Errorf("%d of 450, one of which was deleted meanwhile", seen)
	}
	stop := errors.New("enough")
	if err := b.EachSample(t.Context(), b.tenant, query, func([]postgres.Sample, int, int) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("ended by its reader: %v", err)
	}
}

func TestSampleUnreadable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := rawPool(t, b.url).ExecContext(t.Context(), `UPDATE documents SET body = 'no JSON'`)
	check(t, err)
	all, _ := samples(t, b, b.tenant, postgres.SampleQuery{At: b.place(t), Source: postgres.SampleDocuments, Limit: 10})
	if len(all) != 1 || all[0].Err == nil || *all[0].DocumentID != b.s.Document.ID {
		t.Errorf("%+v", all)
	}
}
