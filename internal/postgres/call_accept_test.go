package postgres_test

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

func accept(request forgehook.CallRequest, key, body string) postgres.Acceptance {
	sum := sha256.Sum256([]byte(body))
	return postgres.Acceptance{Request: request, IdempotencyKey: key, BodySHA256: sum[:], Now: time.Now()}
}

// What is frozen of a call is inserted by one statement, so that no way of accepting calls forgets
// a column.
func TestCallRows_oneStatement(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	check(t, err)
	var found []string
	for _, name := range files {
		source, err := os.ReadFile(name)
		check(t, err)
		if !strings.HasSuffix(name, "_test.go") && regexp.MustCompile(`INSERT INTO calls\b`).Match(source) {
			found = append(found, name)
		}
	}
	equal(t, "files that insert calls", found, []string{"call_insert.go"})
}

func TestAcceptCalls(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *forgehook.Settings) {
		s.Delivery.Deadline, s.Delivery.Timeout, s.WebHook.URL = time.Hour, 7*time.Second, new("https://example.com:8443/a/{{ doc.id }}?b")
	})
	when := at("2026-03-04T05:06:07.123Z").Add(456789 * time.Nanosecond)
	request := forgehook.CallRequest{
		WebHookServiceID: &b.s.Utility.ID, DocumentID: &b.s.Document.ID, WorkItem: &forgehook.WorkItem{ID: 33}, Reason: new("a \x00 b"),
	}
	accepted, err := b.AcceptCalls(t.Context(), b.tenant, postgres.Acceptance{Request: request, BodySHA256: []byte("sum"), Now: when})
	check(t, err)
	id := accepted.Calls[0].ID
	want := forgehook.Call{
		ID: id, WorkflowID: "call/" + id, WebhookID: "msg_" + strings.ReplaceAll(id, "-", ""),
		WebHookServiceID: b.s.Utility.ID, ServiceID: b.s.Service.ID, ProjectID: b.s.Project.ID, DocumentID: &b.s.Document.ID,
		WorkItemID: new(int32(33)), SettingsVersion: 1, EventType: forgehook.EventExplicit, Reason: new("a \uFFFD b"), Status: forgehook.CallAccepted, Explanation: []forgehook.Condition{},
		AcceptedAt: forgehook.Time{Time: at("2026-03-04T05:06:07.123Z")}, DeadlineAt: forgehook.Time{Time: at("2026-03-04T06:06:07.123Z")},
	}
	equal(t, "accepted", accepted, postgres.Accepted{
		Calls: []forgehook.Call{want}, NotCalled: []forgehook.NotCalled{},
		Starts: []forgehook.CallStart{{
			Tenant: b.tenant, CallID: id, WebHookServiceID: b.s.Utility.ID, UtilityName: "Hook", ServiceID: b.s.Service.ID,
			ProjectID: b.s.Project.ID, DocumentID: &b.s.Document.ID, Method: "POST", Host: "example.com:8443",
			AcceptedAt: want.AcceptedAt.Time, Deadline: time.Hour, Timeout: 7 * time.Second,
		}},
	})
	got, err := b.Call(t.Context(), b.tenant, id)
	check(t, err)
	equal(t, "stored call", got, want)
	starts, err := b.UnstartedCalls(t.Context(), time.Now(), 10)
	check(t, err)
	equal(t, "what the sweep would start", starts, accepted.Starts)
	start, err := b.CallStart(t.Context(), forgehook.CallRef{Tenant: b.tenant, CallID: id})
	check(t, err)
	equal(t, "what a retry would start", start, accepted.Starts[0])
	_, err = b.CallStart(t.Context(), forgehook.CallRef{Tenant: b.stranger, CallID: id})
	refused(t, "started by a stranger", err, forgehook.CodeNotFound)

	_, err = b.Call(t.Context(), b.stranger, id)
	refused(t, "read by a stranger", err, forgehook.CodeNotFound)
	_, err = b.Call(t.Context(), b.tenant, "nonsense")
	refused(t, "no UUID", err, forgehook.CodeNotFound)
	_, err = b.AcceptCalls(t.Context(), b.stranger, accept(request, "", ""))
	refused(t, "called by a stranger", err, forgehook.CodeNotFound)
}

func TestAcceptCalls_everyEnabledUtility(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *forgehook.Settings) { s.Enabled = false })
	utility := func(id, index int32, enabled bool) {
		t.Helper()
		_, err := b.CreateUtility(t.Context(), b.tenant, forgehook.Utility{
			ID: id, ServiceID: b.s.Service.ID, Index: index, Settings: pgtest.Settings(func(s *forgehook.Settings) { s.Enabled = enabled }),
		}, "")
		check(t, err)
	}
	utility(30, 1, true)
	utility(20, 2, true)
	utility(10, 2, true)
	utility(40, 2, false)
	check(t, saveSettings(t, b, 10)) // version 2

	for name, request := range map[string]forgehook.CallRequest{
		"serviceId":      {ServiceID: &b.s.Service.ID, Document: &forgehook.Document{ID: 5}},
		"document's own": {DocumentID: &b.s.Document.ID},
	} {
		accepted, err := b.AcceptCalls(t.Context(), b.tenant, accept(request, "", ""))
		check(t, err)
		var called []int32
		var ids []string
		for _, call := range accepted.Calls {
			called, ids = append(called, call.WebHookServiceID), append(ids, call.ID)
		}
		equal(t, name+": called, by index and id", called, []int32{30, 10, 20})
		equal(t, name+": version of the second", accepted.Calls[1].SettingsVersion, 2)
		equal(t, name+": not called", accepted.NotCalled, []forgehook.NotCalled{
			{WebHookServiceID: b.s.Utility.ID, Reason: "disabled"}, {WebHookServiceID: 40, Reason: "disabled"},
		})
		if !slices.IsSorted(ids) {
			t.Errorf("%s: ids are not in order: %v", name, ids)
		}
		stored, err := b.CallsOf(t.Context(), b.tenant, ids)
		check(t, err)
		equal(t, name+": stored calls", stored, accepted.Calls)
	}

	named := pgtest.Accept(t, b.DB, b.tenant, forgehook.CallRequest{WebHookServiceID: new(int32(40)), DocumentID: &b.s.Document.ID})
	equal(t, "calls of a disabled utility that is named", len(named.Calls), 1)
}

// saveSettings makes a new version of a utility's settings.
func saveSettings(t *testing.T, b bundle, id int32) error {
	t.Helper()
	_, err := b.SaveSettings(t.Context(), b.tenant, id, "", func(s forgehook.Settings) (forgehook.Settings, error) {
		s.RemoveComments = !s.RemoveComments
		return s, nil
	})
	return err
}

func TestAcceptCalls_nothingEnabled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bare := pgtest.Service(t, b.DB, b.tenant, b.s.Project.ID)
	request := forgehook.CallRequest{ServiceID: &bare.ID, DocumentID: &b.s.Document.ID}
	first, err := b.AcceptCalls(t.Context(), b.tenant, accept(request, "k", "body"))
	check(t, err)
	want := postgres.Accepted{Calls: []forgehook.Call{}, NotCalled: []forgehook.NotCalled{}}
	equal(t, "accepted", first, want)
	pgtest.Utility(t, b.DB, b.tenant, bare.ID) // too late for that key
	second, err := b.AcceptCalls(t.Context(), b.tenant, accept(request, "k", "body"))
	check(t, err)
	want.Repeated = true
	equal(t, "repeated", second, want, cmpopts.EquateEmpty())
	_, err = b.AcceptCalls(t.Context(), b.tenant, accept(request, "k", "other"))
	refused(t, "another body", err, forgehook.CodeKeyReused)
}

func TestAcceptCalls_repeated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	request := forgehook.CallRequest{DocumentID: &b.s.Document.ID}
	first, err := b.AcceptCalls(t.Context(), b.tenant, accept(request, "k", "body"))
	check(t, err)
	again, err := b.AcceptCalls(t.Context(), b.tenant, accept(request, "k", "body"))
	check(t, err)
	first.Repeated = true
	equal(t, "repeated", again, first)

	// The key decides, even where the same request would be refused by now.
	check(t, deleteDocument(t, b, b.tenant, b.s.Document.ID))
	explain(t, b.DB, b.ref(first.Calls[0].ID), skips)
	again, err = b.AcceptCalls(t.Context(), b.tenant, accept(request, "k", "body"))
	check(t, err)
	equal(t, "outcome of the call of then", *again.Calls[0].Outcome, forgehook.Skipped)
	equal(t, "nothing to start", len(again.Starts), 0)
	_, err = b.AcceptCalls(t.Context(), b.tenant, accept(request, "another key", "body"))
	refused(t, "the same without the key", err, forgehook.CodeInvalid)
	_, err = b.AcceptCalls(t.Context(), b.tenant, accept(request, "k", "another body"))
	refused(t, "another body", err, forgehook.CodeKeyReused)
	_, err = b.AcceptCalls(t.Context(), b.tenant, accept(request, strings.Repeat("k", 256), "body"))
	refused(t, "key too long", err, forgehook.CodeInvalid)
	_, err = b.AcceptCalls(t.Context(), b.tenant, accept(request, "\xff", "body"))
	refused(t, "key that is no text", err, forgehook.CodeInvalid)

	stranger := pgtest.NewScene(t, b.DB)
	theirs, err := b.AcceptCalls(t.Context(), stranger.Tenant, accept(forgehook.CallRequest{DocumentID: &stranger.Document.ID}, "k", "body"))
	check(t, err)
	equal(t, "another tenant's key is its own", theirs.Repeated, false)
}

func TestAcceptCalls_oneKeyAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID)
	db := open(t, b.url, postgres.Options{MaxConnections: 20})
	results := make([]postgres.Accepted, 20)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			accepted, err := db.AcceptCalls(t.Context(), b.tenant, accept(forgehook.CallRequest{DocumentID: &b.s.Document.ID}, "one", "body"))
			if err != nil {
				t.Error(err)
			}
			results[i] = accepted
		})
	}
	wg.Wait()
	first := 0
	for _, r := range results {
		if !r.Repeated {
			first++
		}
		equal(t, "calls", r.Calls, results[0].Calls)
	}
	equal(t, "requests that were the first", first, 1)
	all, _, err := b.Calls(t.Context(), b.tenant, forgehook.CallFilter{}, forgehook.Page{})
	check(t, err)
	equal(t, "calls that are stored", len(all), 2)
}

func TestAcceptCalls_refused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := pgtest.NewScene(t, b.DB)
	id := func(n int32) *int32 { return &n }
	tests := []struct {
		name    string
		request forgehook.CallRequest
		code    forgehook.Code
		paths   []string
	}{
		{"no document", forgehook.CallRequest{WebHookServiceID: &b.s.Utility.ID}, forgehook.CodeInvalid, []string{"document"}},
		{"unknown utility", forgehook.CallRequest{WebHookServiceID: id(7), DocumentID: id(8)}, forgehook.CodeNotFound, nil},
		{"a service as utility", forgehook.CallRequest{WebHookServiceID: &b.s.Service.ID, DocumentID: &b.s.Document.ID}, forgehook.CodeNotFound, nil},
		{"another tenant's utility", forgehook.CallRequest{WebHookServiceID: &other.Utility.ID, DocumentID: &b.s.Document.ID}, forgehook.CodeNotFound, nil},
		{"unknown service", forgehook.CallRequest{ServiceID: id(7), DocumentID: &b.s.Document.ID}, forgehook.CodeNotFound, nil},
		{"a utility as service", forgehook.CallRequest{ServiceID: &b.s.Utility.ID, DocumentID: &b.s.Document.ID}, forgehook.CodeNotFound, nil},
		{
			"service and utility disagree", forgehook.CallRequest{ServiceID: id(7), WebHookServiceID: &b.s.Utility.ID, DocumentID: &b.s.Document.ID},
			forgehook.CodeInvalid, []string{"serviceId"},
		},
		{"document's service is not here", forgehook.CallRequest{Document: &forgehook.Document{ServiceID: 7}}, forgehook.CodeInvalid, []string{"serviceId"}},
		{"document names no service", forgehook.CallRequest{Document: &forgehook.Document{ID: 5}}, forgehook.CodeInvalid, []string{"serviceId"}},
		{"document not stored", forgehook.CallRequest{DocumentID: id(7)}, forgehook.CodeInvalid, []string{"documentId"}},
		{"another tenant's document", forgehook.CallRequest{DocumentID: &other.Document.ID}, forgehook.CodeInvalid, []string{"documentId"}},
		{
			"work item's document not stored", forgehook.CallRequest{WorkItem: &forgehook.WorkItem{DocumentID: id(7)}},
			forgehook.CodeInvalid, []string{"workItem.documentId"},
		},
		{
			"all at once", forgehook.CallRequest{
				Document: &forgehook.Document{ServiceID: 7}, MasterDocumentID: id(1), ParameterID: id(2), ParameterDefID: id(3), VerificationID: id(4),
			},
			forgehook.CodeInvalid, []string{"masterDocumentId", "parameterId", "parameterDefId", "verificationId", "serviceId"},
		},
		{
			"documents only, as nothing can be looked up in them", forgehook.CallRequest{DocumentID: id(7), MasterDocumentID: id(1), ParameterID: id(2)},
			forgehook.CodeInvalid, []string{"documentId", "masterDocumentId"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := b.AcceptCalls(t.Context(), b.tenant, accept(test.request, "key of "+test.name, ""))
			refused(t, "accept", err, test.code)
			equal(t, "places", faultPaths(err), test.paths)
			// Nothing is left of it: the key is free.
			fresh, err := b.AcceptCalls(t.Context(), b.tenant, accept(forgehook.CallRequest{DocumentID: &b.s.Document.ID}, "key of "+test.name, ""))
			check(t, err)
			equal(t, "repeated", fresh.Repeated, false)
		})
	}
}

// A utility cannot be deleted between the moment that it was found and the moment that its call is
// there.
func TestAcceptCalls_whileUtilityIsDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var wg sync.WaitGroup
	for range 8 {
		u := pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID)
		var accepted postgres.Accepted
		var acceptErr, deleteErr error
		wg.Go(func() {
			accepted, acceptErr = b.AcceptCalls(t.Context(), b.tenant, accept(forgehook.CallRequest{WebHookServiceID: &u.ID, DocumentID: &b.s.Document.ID}, "", ""))
		})
		wg.Go(func() { deleteErr = b.DeleteUtility(t.Context(), b.tenant, u.ID) })
		wg.Wait()
		if acceptErr != nil {
			refused(t, "accept after delete", acceptErr, forgehook.CodeNotFound)
			check(t, deleteErr)
			continue
		}
		refused(t, "delete after accept", deleteErr, forgehook.CodeConflict)
		deliver(t, b, accepted.Calls[0])
	}
}
