package postgres_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

func eventOf(serviceID int32, e forgehook.EventRequest, key, body string) postgres.EventAcceptance {
	sum := sha256.Sum256([]byte(body))
	return postgres.EventAcceptance{ServiceID: serviceID, Event: e, IdempotencyKey: key, BodySHA256: sum[:], Now: time.Now()}
}

// after is after_process for documents by id.
func after(ids ...int32) forgehook.EventRequest {
	return forgehook.EventRequest{Type: forgehook.EventAfterProcess, DocumentIDs: ids}
}

// happens accepts an event of the scene's service.
func (b bundle) happens(t *testing.T, e forgehook.EventRequest) forgehook.RunRef {
	t.Helper()
	accepted, err := b.AcceptEvent(t.Context(), b.tenant, eventOf(b.s.Service.ID, e, "", ""))
	check(t, err)
	if accepted.Start == nil {
		t.Fatalf("nothing fires: %+v", accepted.Run)
	}
	return accepted.Start.RunRef
}

// documents stores n bare documents of the scene's service and returns their ids.
func documents(t *testing.T, b bundle, n int) (ids []int32) {
	t.Helper()
	list := make([]forgehook.Document, n)
	for i := range list {
		list[i] = forgehook.Document{ID: int32(i + 1), ServiceID: b.s.Service.ID, Status: forgehook.StatusProcessed}
		ids = append(ids, list[i].ID)
	}
	_, _, _, err := b.ImportDocuments(t.Context(), b.tenant, b.s.Project.ID, "", nil, all(list))
	check(t, err)
	return ids
}

func batchOf(n int) func(*forgehook.Settings) {
	return func(s *forgehook.Settings) { s.BatchSize = &n }
}

func TestAcceptEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	when := at("2026-03-04T05:06:07.123Z")
	other := pgtest.Document(t, b.DB, b.tenant, b.s.Project.ID, b.s.Service.ID)
	e := eventOf(b.s.Service.ID, after(b.s.Document.ID, other.ID, b.s.Document.ID), "k", "body")
	e.Event.Request.Reason, e.Now = new("why"), when
	accepted, err := b.AcceptEvent(t.Context(), b.tenant, e)
	check(t, err)
	id := accepted.Run.ID
	want := postgres.AcceptedEvent{
		Run: forgehook.Run{
			ID: id, WorkflowID: "run/" + id, ProjectID: b.s.Project.ID, ServiceID: b.s.Service.ID, Type: forgehook.EventAfterProcess,
			Status: forgehook.RunAccepted, Reason: new("why"), Documents: 2, AcceptedAt: forgehook.Time{Time: when},
		},
		Start: &forgehook.RunStart{
			RunRef: forgehook.RunRef{Tenant: b.tenant, RunID: id}, ServiceID: b.s.Service.ID, ProjectID: b.s.Project.ID,
			Type: forgehook.EventAfterProcess, Documents: 2,
		},
	}
	equal(t, "accepted", accepted, want)
	stored, err := b.Run(t.Context(), b.tenant, id)
	check(t, err)
	equal(t, "stored run", stored, want.Run)
	again, err := b.AcceptEvent(t.Context(), b.tenant, e)
	check(t, err)
	want.Repeated = true
	equal(t, "repeated", again, want)
	_, err = b.AcceptEvent(t.Context(), b.tenant, eventOf(b.s.Service.ID, after(b.s.Document.ID), "k", "another"))
	refused(t, "key of another request", err, forgehook.CodeKeyReused)

	batch := b.batch(t, accepted.Start.RunRef)
	equal(t, "calls", []any{batch.Calls, batch.Done, batch.Outcome}, []any{2, true, forgehook.RunOutcome("")})
	call, err := b.Call(t.Context(), b.tenant, batch.Starts[1].CallID)
	check(t, err)
	equal(t, "document, reason", []any{*call.DocumentID, *call.Reason}, []any{other.ID, "why"})
	check(t, deleteDocument(t, b, b.tenant, b.s.Document.ID))
	again, err = b.AcceptEvent(t.Context(), b.tenant, e)
	check(t, err)
	equal(t, "repeated when it has begun, and what it names is gone", []any{again.Start == nil, again.Repeated, again.Run.Calls}, []any{true, true, 2})
}

func TestAcceptEvent_nobodyFires(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := after(b.s.Document.ID)
	e.Type = forgehook.EventBeforeProcess
	accepted, err := b.AcceptEvent(t.Context(), b.tenant, eventOf(b.s.Service.ID, e, "k", ""))
	check(t, err)
	equal(t, "run", accepted, postgres.AcceptedEvent{Run: forgehook.Run{
		ID: accepted.Run.ID, WorkflowID: "run/" + accepted.Run.ID, ProjectID: b.s.Project.ID, ServiceID: b.s.Service.ID, Type: forgehook.EventBeforeProcess,
		Status: forgehook.RunCompleted, Outcome: new(forgehook.RunDone), Documents: 1, Processed: 1,
		AcceptedAt: accepted.Run.AcceptedAt, CompletedAt: &accepted.Run.AcceptedAt,
	}})
	call := b.s.Call(t, b.DB)
	caused := eventOf(b.s.Service.ID, after(b.s.Document.ID), "", "")
	caused.CauseID = call.ID
	accepted, err = b.AcceptEvent(t.Context(), b.tenant, caused)
	check(t, err)
	equal(t, "raised by the only utility that fires on it", []any{accepted.Run.Status, *accepted.Run.CauseID}, []any{forgehook.RunCompleted, call.ID})
	batch := b.batch(t, forgehook.RunRef{Tenant: b.tenant, RunID: accepted.Run.ID})
	equal(t, "batch of a run that has ended", batch.Outcome, forgehook.RunDone)
}

func TestAcceptEvent_refused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.s.Document.ID
	request := func(kind forgehook.EventType, r forgehook.CallRequest) forgehook.EventRequest {
		return forgehook.EventRequest{Type: kind, Request: r}
	}
	elsewhere := pgtest.Project(t, b.DB, b.tenant)
	foreign := pgtest.Document(t, b.DB, b.tenant, elsewhere.ID, b.s.Service.ID)
	given := after()
	given.Documents = []forgehook.Document{{ProjectID: b.s.Project.ID}, {ProjectID: elsewhere.ID}, {}}
	for name, tt := range map[string]struct {
		e     forgehook.EventRequest
		paths []string
	}{
		"no document":       {request(forgehook.EventAfterProcess, forgehook.CallRequest{}), []string{"document"}},
		"unknown documents": {after(4711, id, 4712), []string{"documentIds[0]", "documentIds[2]"}},
		"unknown document and master": {
			request(forgehook.EventDocumentUpdated, forgehook.CallRequest{DocumentID: new(int32(1)), MasterDocumentID: new(int32(2))}),
			[]string{"documentId", "masterDocumentId"},
		},
		"a document of another project":       {request(forgehook.EventAfterProcess, forgehook.CallRequest{DocumentID: &foreign.ID}), []string{"documentId"}},
		"documents of another project":        {after(id, foreign.ID), []string{"documentIds[1]"}},
		"documents of another project, given": {given, []string{"documents[1].projectId"}},
		"what no event can be about":          {after(), []string{"document"}},
		"unknown verification":                {request(forgehook.EventVerification, forgehook.CallRequest{DocumentID: &id, VerificationID: new(int32(5))}), []string{"verificationId"}},
		"workitem that is absent":             {request(forgehook.EventWorkItem, forgehook.CallRequest{DocumentID: &id, WorkItemID: new(int32(5))}), []string{"workItemId"}},
	} {
		_, err := b.AcceptEvent(t.Context(), b.tenant, eventOf(b.s.Service.ID, tt.e, "", ""))
		refused(t, name, err, forgehook.CodeInvalid)
		equal(t, name, faultPaths(err), tt.paths)
	}
	for name, service := range map[string]int32{"no service": 4711, "a utility": b.s.Utility.ID} {
		_, err := b.AcceptEvent(t.Context(), b.tenant, eventOf(service, after(id), "", ""))
		refused(t, name, err, forgehook.CodeNotFound)
	}
	_, err := b.AcceptEvent(t.Context(), b.stranger, eventOf(b.s.Service.ID, after(id), "", ""))
	refused(t, "a stranger", err, forgehook.CodeNotFound)
}

// A verification that is named alone brings its parameter; what does not belong to an event is not
// looked at.
func TestAcceptEvent_whatItIsAbout(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *forgehook.Settings) {
		s.ExecuteOnTrigger = []forgehook.EventType{forgehook.EventVerification, forgehook.EventWorkItem}
	})
	r := forgehook.CallRequest{DocumentID: &b.s.Document.ID, VerificationID: new(int32(70)), WorkItem: &forgehook.WorkItem{ID: 5}}
	about := func(kind forgehook.EventType) forgehook.Subject {
		return b.subject(t, b.batch(t, b.happens(t, forgehook.EventRequest{Type: kind, Request: r})).Starts[0])
	}
	s := about(forgehook.EventVerification)
	equal(t, "verification", []any{s.Verification.ID, s.Parameter.ID, s.ParameterDef.ID, s.WorkItem == nil}, []any{int32(70), int32(50), int32(179804), true})
	s = about(forgehook.EventWorkItem)
	equal(t, "work item", []any{s.WorkItem.ID, s.Verification.ID}, []any{int32(5), int32(70)})
	item := b.item(t)
	r = forgehook.CallRequest{WorkItemID: &item.ID}
	s = about(forgehook.EventWorkItem)
	equal(t, "stored work item, and its document", []any{*s.WorkItem, s.Document.ID}, []any{item, b.s.Document.ID})
	r = forgehook.CallRequest{DocumentID: &b.s.Document.ID, VerificationID: new(int32(70)), WorkItem: &forgehook.WorkItem{ID: 5}}
	s = about(forgehook.EventAfterProcess)
	equal(t, "document", []any{s.Verification == nil, s.Parameter == nil, s.WorkItem == nil}, []any{true, true, true})
	equal(t, "project, service", []any{s.Project.ID, s.Service.ID}, []any{b.s.Project.ID, b.s.Service.ID})
}

// A call of a run is frozen as one that was asked for.
func TestAcceptBatch_freezesAsAcceptCalls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	class := forgehook.Category{ID: 3307, ProjectID: b.s.Project.ID, Name: new("Invoice")}
	_, _, err := b.PutCategory(t.Context(), b.tenant, class)
	check(t, err)
	master := pgtest.Document(t, b.DB, b.tenant, b.s.Project.ID, b.s.Service.ID)
	b.s.Document.MasterID = &master.ID
	_, _, _, err = b.PutDocument(t.Context(), b.tenant, b.s.Document, "", nil)
	check(t, err)
	asked, err := b.Subject(t.Context(), b.ref(b.s.Call(t, b.DB).ID))
	check(t, err)
	raised := b.subject(t, b.batch(t, b.happens(t, after(b.s.Document.ID))).Starts[0])
	equal(t, "subject", raised, asked)
	if asked.MasterDocument == nil || asked.Category == nil {
		t.Errorf("master %v, category %v", asked.MasterDocument, asked.Category)
	}
}

func TestAcceptBatch(t *testing.T) {
	t.Parallel()
	b := setup(t, batchOf(2))
	second := pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID, batchOf(3))
	pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID, on(forgehook.EventDocumentUpdated), batchOf(1)) // does not fire
	ids := documents(t, b, 5)
	run := b.happens(t, after(ids...))
	check(t, deleteDocument(t, b, b.tenant, ids[2]))
	var starts []forgehook.CallStart
	var got [][4]int
	for range 3 {
		batch := b.batch(t, run)
		starts = append(starts, batch.Starts...)
		got = append(got, [...]int{batch.Processed, batch.Calls, batch.Open, len(batch.Starts)})
	}
	equal(t, "processed, calls, open, starts", got, [][4]int{{2, 4, 4, 4}, {2, 2, 6, 2}, {1, 2, 8, 2}})
	var called []int32
	for _, start := range starts {
		called = append(called, *start.DocumentID, start.WebHookServiceID)
	}
	u, v := b.s.Utility.ID, second.ID
	equal(t, "document, utility", called, []int32{1, u, 1, v, 2, u, 2, v, 4, u, 4, v, 5, u, 5, v})

	equal(t, "once more", b.batch(t, run), postgres.Batch{Open: 8, Done: true})
	for i, start := range starts {
		call, err := b.Call(t.Context(), b.tenant, start.CallID)
		check(t, err)
		switch i {
		case 0:
			_, err = b.CompleteCall(t.Context(), b.ref(call.ID), forgehook.Canceled, nil, time.Now())
		case 1:
			explain(t, b.DB, b.ref(call.ID), skips)
		default:
			deliver(t, b, call)
		}
		check(t, err)
	}
	wakes, err := b.Wakes(t.Context(), b.ref(starts[7].CallID))
	check(t, err)
	equal(t, "the last call tells the run", []string{wakes[0].WorkflowID, wakes[0].Signal}, []string{"run/" + run.RunID, forgehook.RunDrainedSignal})
	equal(t, "then", b.batch(t, run).Outcome, forgehook.RunDone)
	equal(t, "and again", b.batch(t, run), postgres.Batch{Done: true, Outcome: forgehook.RunDone})
	got2, err := b.Run(t.Context(), b.tenant, run.RunID)
	check(t, err)
	want := forgehook.Run{
		ID: run.RunID, WorkflowID: "run/" + run.RunID, ProjectID: b.s.Project.ID, ServiceID: b.s.Service.ID, Type: forgehook.EventAfterProcess,
		Status: forgehook.RunCompleted, Outcome: new(forgehook.RunDone), Documents: 5, Processed: 5, Calls: 8, Delivered: 6, Skipped: 1, Failed: 1,
	}
	equal(t, "run", got2, want, cmpopts.IgnoreFields(forgehook.Run{}, "AcceptedAt", "CompletedAt"))
	outcome, err := b.CompleteRun(t.Context(), run, forgehook.RunCanceled, nil, time.Now())
	check(t, err)
	equal(t, "canceled too late", outcome, forgehook.RunDone)
}

// Where a utility says onFailure error a batch waits for the one before, and a failure stops the
// run.
func TestAcceptBatch_onFailureError(t *testing.T) {
	t.Parallel()
	b := setup(t, batchOf(1), func(s *forgehook.Settings) { s.OnFailure = forgehook.OnFailureError })
	run := b.happens(t, after(documents(t, b, 3)...))
	first := b.batch(t, run)
	equal(t, "first batch", []any{first.Calls, first.Wait, first.Done}, []any{1, true, false})
	equal(t, "meanwhile", b.batch(t, run), postgres.Batch{Open: 1, Wait: true})
	_, err := b.CompleteCall(t.Context(), b.ref(first.Starts[0].CallID), forgehook.Delivered, nil, time.Now())
	check(t, err)
	second := b.batch(t, run)
	equal(t, "second batch", second.Calls, 1)
	_, err = b.CompleteCall(t.Context(), b.ref(second.Starts[0].CallID), forgehook.Expired, nil, time.Now())
	check(t, err)
	why := fmt.Sprintf("Call %s of utility %d expired, whose onFailure is error.", second.Starts[0].CallID, b.s.Utility.ID)
	equal(t, "after a failure", b.batch(t, run), postgres.Batch{Stopped: true, Why: why})
	because := &forgehook.CallError{Code: "call_failed", Message: "m"}
	outcome, err := b.CompleteRun(t.Context(), run, forgehook.RunFailed, because, time.Now())
	check(t, err)
	equal(t, "outcome", outcome, forgehook.RunFailed)
	got, err := b.Run(t.Context(), b.tenant, run.RunID)
	check(t, err)
	equal(t, "run", []any{*got.Outcome, got.Error, got.Processed, got.Delivered, got.Failed}, []any{forgehook.RunFailed, because, 2, 1, 1})
}

// Only utilities that say so stop a run, and the first call that failed is named.
func TestAcceptBatch_stoppedByTheFirst(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *forgehook.Settings) { s.OnFailure = forgehook.OnFailureError })
	pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID)
	run := b.happens(t, after(documents(t, b, 3)...))
	var own []forgehook.CallStart
	for _, start := range b.batch(t, run).Starts {
		if start.WebHookServiceID == b.s.Utility.ID {
			own = append(own, start)
			continue
		}
		_, err := b.CompleteCall(t.Context(), b.ref(start.CallID), forgehook.Failed, nil, time.Now())
		check(t, err)
	}
	equal(t, "a failure of another utility", b.batch(t, run), postgres.Batch{Open: 3, Done: true})
	for _, start := range own[:2] {
		_, err := b.CompleteCall(t.Context(), b.ref(start.CallID), forgehook.Failed, nil, time.Now())
		check(t, err)
	}
	why := fmt.Sprintf("Call %s of utility %d failed, whose onFailure is error.", own[0].CallID, b.s.Utility.ID)
	equal(t, "two of its own", b.batch(t, run), postgres.Batch{Open: 1, Done: true, Stopped: true, Why: why})
}

// Batches that are accepted at once take different documents, and none twice.
func TestAcceptBatch_atOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, batchOf(3))
	run := b.happens(t, after(documents(t, b, 20)...))
	var all sync.Map
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for {
				batch, err := b.AcceptBatch(t.Context(), run, time.Now())
				if err != nil {
					t.Error(err)
					return
				}
				for _, start := range batch.Starts {
					if _, twice := all.LoadOrStore(*start.DocumentID, true); twice {
						t.Errorf("document %d was called for twice", *start.DocumentID)
					}
				}
				if batch.Done {
					return
				}
			}
		})
	}
	workers.Wait()
	got, err := b.Run(t.Context(), b.tenant, run.RunID)
	check(t, err)
	equal(t, "processed, calls, open", []int{got.Processed, got.Calls, got.Open}, []int{20, 20, 20})
}

// A run whose utilities are gone, or disabled, meanwhile ends.
func TestAcceptBatch_nobodyLeft(t *testing.T) {
	t.Parallel()
	b := setup(t, batchOf(1))
	run := b.happens(t, after(documents(t, b, 3)...))
	check(t, b.DeleteUtility(t.Context(), b.tenant, b.s.Utility.ID))
	batch := b.batch(t, run)
	equal(t, "batch", batch, postgres.Batch{Processed: 3, Done: true, Outcome: forgehook.RunDone})
}

// Large documents are taken in parts.
func TestAcceptBatch_largeDocuments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text := string(make([]byte, 3<<20)) // NUL takes six bytes in JSON
	e := forgehook.EventRequest{Type: forgehook.EventAfterProcess, Documents: []forgehook.Document{{ID: 1, Comment: &text}, {ID: 2, Comment: &text}}}
	run := b.happens(t, e)
	equal(t, "first", b.batch(t, run).Processed, 1)
	equal(t, "second", b.batch(t, run).Processed, 1)
}

// Masters count too: those that are stored and those that the event gives for all its documents.
func TestAcceptBatch_largeMasters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	master := forgehook.Document{ProjectID: b.s.Project.ID, Comment: new(strings.Repeat("x", 3<<20))}
	stored, _, _, err := b.PutDocument(t.Context(), b.tenant, master, "", nil)
	check(t, err)
	ids := documents(t, b, 12)
	var children []forgehook.Document
	for _, id := range ids {
		children = append(children, forgehook.Document{ID: id, ServiceID: b.s.Service.ID, MasterID: &stored.ID})
	}
	byID := after(ids...)
	given := forgehook.EventRequest{Type: forgehook.EventAfterProcess, Documents: children}
	for _, tt := range []struct {
		name   string
		e      forgehook.EventRequest
		master forgehook.CallRequest
	}{
		{"given", byID, forgehook.CallRequest{MasterDocument: &master}},
		{"named", byID, forgehook.CallRequest{MasterDocumentID: &stored.ID}},
		{"of documents that are given", given, forgehook.CallRequest{}},
		{"of documents that are stored", byID, forgehook.CallRequest{}},
	} {
		if tt.name == "of documents that are stored" {
			_, _, _, err := b.ImportDocuments(t.Context(), b.tenant, b.s.Project.ID, "", nil, all(children))
			check(t, err)
		}
		tt.e.Request = tt.master
		run := b.happens(t, tt.e)
		var processed []int
		for n := 0; n < 12; n += processed[len(processed)-1] {
			processed = append(processed, b.batch(t, run).Processed)
		}
		equal(t, tt.name, processed, []int{5, 5, 2})
	}
}

// Calls that are open when a run is canceled or stopped end later, and are counted all the same.
func TestCompleteRun_openCalls(t *testing.T) {
	t.Parallel()
	for _, outcome := range []forgehook.RunOutcome{forgehook.RunCanceled, forgehook.RunFailed} {
		b := setup(t)
		run := b.happens(t, after(documents(t, b, 3)...))
		starts := b.batch(t, run).Starts
		_, err := b.CompleteRun(t.Context(), run, outcome, nil, time.Now())
		check(t, err)
		for i, end := range []forgehook.Outcome{forgehook.Delivered, forgehook.Skipped, forgehook.Expired} {
			_, err := b.CompleteCall(t.Context(), b.ref(starts[i].CallID), end, nil, time.Now())
			check(t, err)
			got, err := b.Run(t.Context(), b.tenant, run.RunID)
			check(t, err)
			equal(t, "open", got.Open, 2-i)
		}
		got, err := b.Run(t.Context(), b.tenant, run.RunID)
		check(t, err)
		equal(t, string(outcome), []any{*got.Outcome, got.Calls, got.Delivered, got.Skipped, got.Failed}, []any{outcome, 3, 1, 1, 1})
	}
}

func TestRuns(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *forgehook.Settings) { s.ExecuteBeforeProcess = true })
	var ids []string
	for range 3 {
		ids = append(ids, b.happens(t, after(b.s.Document.ID)).RunID)
	}
	before := after(b.s.Document.ID)
	before.Type = forgehook.EventBeforeProcess
	other := b.happens(t, before)
	_, err := b.CompleteRun(t.Context(), other, forgehook.RunCanceled, nil, time.Now())
	check(t, err)
	list := func(filter postgres.RunFilter, page forgehook.Page) (got []string, next string) {
		runs, next, err := b.Runs(t.Context(), b.tenant, filter, page)
		check(t, err)
		for _, run := range runs {
			got = append(got, run.ID)
		}
		return got, next
	}
	page, next := list(postgres.RunFilter{}, forgehook.Page{Limit: 2})
	equal(t, "newest first", page, []string{other.RunID, ids[2]})
	page, next = list(postgres.RunFilter{}, forgehook.Page{Limit: 2, Cursor: next})
	equal(t, "second page", page, []string{ids[1], ids[0]})
	equal(t, "end", next, "")
	page, _ = list(postgres.RunFilter{Type: forgehook.EventBeforeProcess}, forgehook.Page{})
	equal(t, "of a type", page, []string{other.RunID})
	page, _ = list(postgres.RunFilter{Status: forgehook.RunCompleted, ServiceID: b.s.Service.ID}, forgehook.Page{})
	equal(t, "of a status", page, []string{other.RunID})
	page, _ = list(postgres.RunFilter{ServiceID: 4711}, forgehook.Page{})
	equal(t, "of another service", len(page), 0)

	stale, err := b.StaleRuns(t.Context(), time.Now().Add(time.Minute), 2)
	check(t, err)
	equal(t, "stale", len(stale), 2)
	stale, err = b.StaleRuns(t.Context(), time.Now().Add(-time.Minute), 10)
	check(t, err)
	equal(t, "checked lately", len(stale), 0)

	foreign := forgehook.RunRef{Tenant: b.stranger, RunID: ids[0]}
	_, err = b.Run(t.Context(), b.stranger, ids[0])
	refused(t, "a stranger reads", err, forgehook.CodeNotFound)
	_, err = b.AcceptBatch(t.Context(), foreign, time.Now())
	refused(t, "a stranger goes on", err, forgehook.CodeNotFound)
	_, err = b.CompleteRun(t.Context(), foreign, forgehook.RunCanceled, nil, time.Now())
	refused(t, "a stranger cancels", err, forgehook.CodeNotFound)
	runs, _, err := b.Runs(t.Context(), b.stranger, postgres.RunFilter{}, forgehook.Page{})
	check(t, err)
	equal(t, "a stranger's list", len(runs), 0)
}

// BenchmarkRun reports what the database's part of an event with 10,000 documents takes: its
// acceptance, and 100 batches.
func BenchmarkRun(b *testing.B) {
	db := pgtest.New(b)
	s := pgtest.NewScene(b, db.DB)
	ids := make([]int32, forgehook.MaxEventDocuments)
	list := make([]forgehook.Document, len(ids))
	for i := range list {
		list[i] = pgtest.Invoice(b, s.Project.ID, s.Service.ID)
		list[i].ID = int32(i + 1)
		ids[i] = list[i].ID
	}
	_, _, _, err := db.ImportDocuments(b.Context(), s.Tenant, s.Project.ID, "", nil, all(list))
	check(b, err)
	for b.Loop() {
		accepted, err := db.AcceptEvent(b.Context(), s.Tenant, eventOf(s.Service.ID, after(ids...), "", ""))
		check(b, err)
		for done := false; !done; {
			batch, err := db.AcceptBatch(b.Context(), accepted.Start.RunRef, time.Now())
			check(b, err)
			done = batch.Done
		}
	}
}

// Calls that end while batches are accepted are all counted, and the run completes after the last.
func TestAcceptBatch_whileCallsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t, batchOf(4))
	pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID, on(forgehook.EventDocumentUpdated)) // hears what the calls do to their documents
	run := b.happens(t, after(documents(t, b, 24)...))
	starts := make(chan forgehook.CallStart, 24)
	var workers sync.WaitGroup
	for range 3 {
		workers.Go(func() {
			for start := range starts {
				if _, err := b.CompleteCall(t.Context(), b.ref(start.CallID), forgehook.Delivered, nil, time.Now()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for done := false; !done; {
		batch, err := b.AcceptBatch(t.Context(), run, time.Now())
		if err != nil {
			t.Error(err)
			break
		}
		for _, start := range batch.Starts {
			starts <- start
		}
		done = batch.Done
	}
	close(starts)
	workers.Wait()
	equal(t, "in the end", b.batch(t, run).Outcome, forgehook.RunDone)
	got, err := b.Run(t.Context(), b.tenant, run.RunID)
	check(t, err)
	equal(t, "processed, calls, open, delivered", []int{got.Processed, got.Calls, got.Open, got.Delivered}, []int{24, 24, 0, 24})
}
