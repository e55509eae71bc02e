package postgres_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

// answered delivers a call with what the rules made of its answer.
func answered(t *testing.T, b bundle, call forgehook.Call, w *forgehook.WriteBack) (postgres.Recorded, forgehook.Call) {
	t.Helper()
	build(t, b.DB, b.ref(call.ID), built)
	record := success(b.ref(call.ID), start(t, b, call).Number)
	record.Reading = forgehook.Reading{Result: json.RawMessage(`{"a":"\u0000"}`), WriteBack: w}
	recorded, err := b.RecordAttempt(t.Context(), record)
	check(t, err)
	return recorded, b.stored(t, call)
}

// onTotal is a call about the invoice's total.
func onTotal(t *testing.T, b bundle) forgehook.Call {
	t.Helper()
	return pgtest.Accept(t, b.DB, b.tenant, forgehook.CallRequest{
		WebHookServiceID: &b.s.Utility.ID, DocumentID: &b.s.Document.ID, ParameterID: new(int32(50)),
	}).Calls[0]
}

func change(path, before, after string) forgehook.Change {
	return forgehook.Change{Path: path, Before: json.RawMessage(before), After: json.RawMessage(after)}
}

func document(t *testing.T, b bundle) forgehook.Document {
	t.Helper()
	d, err := b.Document(t.Context(), b.tenant, b.s.Document.ID)
	check(t, err)
	return d
}

// total is the invoice's total as it is stored.
func total(t *testing.T, b bundle) *forgehook.DocumentParameter {
	t.Helper()
	d := document(t, b)
	return d.Parameter(50)
}

// putItem stores a work item as the work items' own statements do.
func putItem(t *testing.T, b bundle, tenant forgehook.TenantID, projectID int32, item forgehook.WorkItem) {
	t.Helper()
	body, err := json.Marshal(item)
	check(t, err)
	_, err = rawPool(t, b.url).ExecContext(t.Context(), `
		INSERT INTO work_items (tenant_id, id, project_id, parent_id, document_id, status, body, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, now(), now())`,
		tenant, item.ID, projectID, item.WorkItemID, item.DocumentID, int32(item.Status), body)
	check(t, err)
}

func storedItem(t *testing.T, b bundle, id int32) (w forgehook.WorkItem, status int32) {
	t.Helper()
	var body []byte
	check(t, rawPool(t, b.url).QueryRowContext(t.Context(), `SELECT body, status FROM work_items WHERE tenant_id = $1 AND id = $2`, b.tenant, id).
		Scan(&body, &status))
	check(t, json.Unmarshal(body, &w))
	return w, status
}

func TestWriteBack_document(t *testing.T) {
	t.Parallel()
	b := setup(t) // documentProcessedStatus is Processed
	before := document(t, b)
	recorded, call := answered(t, b, b.s.Call(t, b.DB), &forgehook.WriteBack{Document: &forgehook.DocumentWrite{
		Status: new(forgehook.DocumentStatus(121)), Comment: new(""), Result: new(`{"enriched":true}`), Category: new(int32(7)),
		Fields: []forgehook.FieldWrite{{Name: "Total", Value: "120.00"}, {Name: "text", Value: "Nuts <M6>"}, {Name: "Lines", Value: ""}},
	}})
	equal(t, "recorded", recorded, postgres.Recorded{Outcome: forgehook.Delivered, Attempts: 1})
	equal(t, "changes", call.Changes, []forgehook.Change{
		change("document.status", `"Processed"`, `"CustomReleased"`),
		change("document.comment", `null`, `""`),
		change("document.result", `null`, `"{\"enriched\":true}"`),
		change("document.category", `3307`, `7`),
		change("document.fields.Total", `"118.40"`, `"120.00"`),
		change("document.fields.text", `null`, `"Nuts <M6>"`),
		change("document.fields.Lines", `null`, `""`),
	})
	equal(t, "result", string(call.Result), `{"a":"\u0000"}`)
	got := document(t, b)
	want := before
	want.Status, want.Comment, want.Result, want.ClassID, want.DTM = 121, new(""), new(`{"enriched":true}`), new(int32(7)), call.CompletedAt
	want.Parameter(50).Value, want.Parameter(61).Value, want.Parameter(60).Value = new("120.00"), new("Nuts <M6>"), new("")
	equal(t, "document", got, want)

	// The same again changes nothing, and documentProcessedStatus does not undo what a reading has
	// set.
	_, call = answered(t, b, b.s.Call(t, b.DB), &forgehook.WriteBack{Document: &forgehook.DocumentWrite{
		Status: new(forgehook.DocumentStatus(121)), Fields: []forgehook.FieldWrite{{Name: "TOTAL", Value: "120.00"}},
	}})
	equal(t, "no change", call.Changes, nil)
	equal(t, "document", document(t, b), want)
	_, call = answered(t, b, b.s.Call(t, b.DB), &forgehook.WriteBack{Document: &forgehook.DocumentWrite{Comment: new("seen")}})
	equal(t, "changes", call.Changes, []forgehook.Change{change("document.comment", `""`, `"seen"`)})
	equal(t, "documentProcessedStatus", document(t, b).Status, 10)
}

// What does not fit is refused as a whole: nothing is written, nor the status of the settings.
func TestWriteBack_refused(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *forgehook.Settings) { s.DocumentProcessedStatus = new(forgehook.DocumentStatus(121)) })
	before := document(t, b)
	recorded, call := answered(t, b, b.s.Call(t, b.DB), &forgehook.WriteBack{
		Document: &forgehook.DocumentWrite{
			Status: new(forgehook.DocumentStatus(120)), Fields: []forgehook.FieldWrite{{Name: "Totl", Value: "1"}, {Name: "Total", Value: "2"}},
		},
		Verification: &forgehook.VerificationWrite{Value: new("1")},
	})
	equal(t, "recorded", recorded, postgres.Recorded{Outcome: forgehook.Failed, Attempts: 1})
	equal(t, "error", call.Error, &forgehook.CallError{Code: "write_back_refused", Message: `response.writeBack.document.fields.Totl: ` +
		`the document has no field "Totl"; did you mean "Total"?; response.writeBack.verification: the call has no parameter`})
	equal(t, "changes", call.Changes, nil)
	equal(t, "document", document(t, b), before)
	stored := b.stored(t, call)
	equal(t, "the endpoint's response is kept", stored.Response.StatusCode, 204)
}

func TestWriteBack_verification(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, call := answered(t, b, onTotal(t, b), &forgehook.WriteBack{Verification: &forgehook.VerificationWrite{
		Value: new("118.40"), Status: new(forgehook.VerificationStatus(8194)), Info: new("by hand"),
	}})
	parameter := total(t, b)
	equal(t, "verifications", len(parameter.Verifications), 3)
	added := parameter.Verifications[2]
	if added.ID < 1_000_000_000 {
		t.Errorf("the id of the new verification is %d: it was not handed out", added.ID)
	}
	equal(t, "verification", added, forgehook.Verification{
		ID: added.ID, ParameterID: 50, Value: new("118.40"), Status: 8194, Info: new("by hand"), Type: 7, Provider: new("Forgehook"), DT: call.CompletedAt,
	})
	equal(t, "it is the current one", parameter.LastVerification().ID, added.ID)
	var after map[string]any
	check(t, json.Unmarshal(call.Changes[0].After, &after))
	equal(t, "change", after, map[string]any{
		"id": float64(added.ID), "parameterId": 50.0, "value": "118.40", "status": "Suspicious, Scripted", "info": "by hand",
	})
}

func TestWriteBack_workItem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	putItem(t, b, b.tenant, b.s.Project.ID, forgehook.WorkItem{ID: 77, DocumentID: &b.s.Document.ID, Status: 1, ReasonCode: new("R1")})
	putItem(t, b, b.stranger, pgtest.Project(t, b.DB, b.stranger).ID, forgehook.WorkItem{ID: 77, Status: 1})
	accepted := pgtest.Accept(t, b.DB, b.tenant, forgehook.CallRequest{WebHookServiceID: &b.s.Utility.ID, WorkItemID: new(int32(77))})
	equal(t, "document of the item", accepted.Calls[0].DocumentID, &b.s.Document.ID)
	equal(t, "item", accepted.Calls[0].WorkItemID, new(int32(77)))
	subject, err := b.Subject(t.Context(), b.ref(accepted.Calls[0].ID))
	check(t, err)
	equal(t, "item as it was", []any{subject.WorkItem.ID, *subject.WorkItem.ReasonCode}, []any{int32(77), "R1"})
	list, _, err := b.Calls(t.Context(), b.tenant, forgehook.CallFilter{WorkItemID: 77}, forgehook.Page{Limit: 10})
	check(t, err)
	equal(t, "calls of the item", len(list), 1)

	_, call := answered(t, b, accepted.Calls[0], &forgehook.WriteBack{WorkItem: &forgehook.WorkItemWrite{
		Status: new(forgehook.WorkItemStatus(2)), ReasonCode: new("R2"), ReasonDescription: new("done"), ReasonComment: new("c"),
	}})
	equal(t, "changes", call.Changes, []forgehook.Change{
		change("workItem.status", `"Created"`, `"Completed"`), change("workItem.reasonCode", `"R1"`, `"R2"`),
		change("workItem.reasonDescription", `null`, `"done"`), change("workItem.reasonComment", `null`, `"c"`),
	})
	item, status := storedItem(t, b, 77)
	equal(t, "status", []int32{int32(item.Status), status}, []int32{2, 2})
	equal(t, "reasons", []string{*item.ReasonCode, *item.ReasonDescription, *item.ReasonComment}, []string{"R2", "done", "c"})
	equal(t, "modified, closed", []*forgehook.Time{item.DTM, item.Closed}, []*forgehook.Time{call.CompletedAt, call.CompletedAt})
	check(t, rawPool(t, b.url).QueryRowContext(t.Context(), `SELECT status FROM work_items WHERE tenant_id = $1`, b.stranger).Scan(&status))
	equal(t, "another tenant's", status, 1)
}

// note is what a call says about a work item that its answer did not change.
func note(text string) []forgehook.Change {
	return []forgehook.Change{{Path: "workItem", Before: json.RawMessage(`null`), After: json.RawMessage(`null`), Note: text}}
}

func (b bundle) onItem(t *testing.T, id int32) forgehook.Call {
	t.Helper()
	return pgtest.Accept(t, b.DB, b.tenant, forgehook.CallRequest{WebHookServiceID: &b.s.Utility.ID, WorkItemID: &id}).Calls[0]
}

var completes = &forgehook.WriteBack{WorkItem: &forgehook.WorkItemWrite{Status: new(forgehook.WorkItemStatus(2)), ReasonCode: new("R2")}}

// What somebody has decided about an item while the call went on stands.
func TestWriteBack_workItemDecided(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for status, want := range map[forgehook.WorkItemStatus]string{2: "Completed", 90: "Deleted"} {
		item := b.item(t)
		call := b.onItem(t, item.ID)
		b.setStatus(t, item.ID, status)
		_, got := answered(t, b, call, completes)
		equal(t, "changes", got.Changes, note("not written: the item is "+want))
		stored, err := b.WorkItem(t.Context(), b.tenant, item.ID)
		check(t, err)
		equal(t, "item", []any{stored.Status, stored.ReasonCode}, []any{status, (*string)(nil)})
	}
}

// The answer goes to the item that goes on: the newest child of one that was handed over.
func TestWriteBack_workItemHandedOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	item := b.item(t)
	call, early := b.onItem(t, item.ID), b.onItem(t, item.ID)
	b.setStatus(t, item.ID, 5)
	_, got := answered(t, b, early, completes)
	equal(t, "no child", got.Changes, note("handed over, the child is not here yet"))
	b.item(t, func(w *forgehook.WorkItem) { w.WorkItemID, w.Status = &item.ID, 6 }) // an older child
	middle := b.item(t, func(w *forgehook.WorkItem) { w.WorkItemID, w.Status = &item.ID, 3 })
	last := b.item(t, func(w *forgehook.WorkItem) { w.WorkItemID, w.Status = &middle.ID, 4 })
	_, got = answered(t, b, call, completes)
	equal(t, "changes", got.Changes, []forgehook.Change{
		change("workItem.status", `"EscalateRx"`, `"Completed"`), change("workItem.reasonCode", `null`, `"R2"`),
	})
	var statuses []forgehook.WorkItemStatus
	for _, id := range []int32{item.ID, middle.ID, last.ID} {
		stored, err := b.WorkItem(t.Context(), b.tenant, id)
		check(t, err)
		statuses = append(statuses, stored.Status)
	}
	equal(t, "statuses", statuses, []forgehook.WorkItemStatus{5, 3, 2})

	// A circle leads nowhere.
	first := b.item(t, func(w *forgehook.WorkItem) { w.Status = 5 })
	call = b.onItem(t, first.ID)
	second := b.item(t, func(w *forgehook.WorkItem) { w.WorkItemID, w.Status = &first.ID, 5 })
	_, _, err := b.UpdateWorkItem(t.Context(), b.tenant, first.ID, "", func(w *forgehook.WorkItem) error { w.WorkItemID = &second.ID; return nil })
	check(t, err)
	_, got = answered(t, b, call, completes)
	equal(t, "a circle", got.Changes, note("handed over, the child is not here yet"))
}

// Where a process waits with the item for the call, its end writes; a process of another call
// changes nothing.
func TestWriteBack_leftToTheProcess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	item := b.item(t)
	call, other := b.onItem(t, item.ID), b.onItem(t, item.ID)
	p := b.waits(t, item.ID, call)
	_, got := answered(t, b, call, completes)
	equal(t, "changes", got.Changes, note("left to the process of the work item"))
	state := b.look(t, p)
	equal(t, "as it was", []any{state.Item.Status, state.Answered, state.CallOutcome}, []any{item.Status, false, forgehook.Delivered})
	end := postgres.ProcessEnd{Ref: p, Outcome: forgehook.ProcessAnswered, Write: completes.WorkItem, ItemID: item.ID, Now: time.Now()}
	process, _, err := b.EndProcess(t.Context(), end)
	check(t, err)
	equal(t, "outcome", *process.Outcome, forgehook.ProcessAnswered)
	equal(t, "who comes later sees that the answer did it", b.look(t, b.waits(t, item.ID, call)).Answered, true)

	item = b.item(t)
	b.waits(t, item.ID, other)
	_, got = answered(t, b, b.onItem(t, item.ID), completes)
	equal(t, "another call's process", len(got.Changes), 2)

	// A process that followed stands with the child, one that has not yet with the parent.
	item = b.item(t)
	call = b.onItem(t, item.ID)
	p = b.waits(t, item.ID, call)
	b.setStatus(t, item.ID, 5)
	child := b.item(t, func(w *forgehook.WorkItem) { w.WorkItemID, w.Status = &item.ID, 6 })
	equal(t, "follows", b.look(t, p).Item.ID, child.ID)
	_, got = answered(t, b, call, completes)
	equal(t, "changes", got.Changes, note("left to the process of the work item"))

	parent := b.item(t)
	call = b.onItem(t, parent.ID)
	child = b.item(t, func(w *forgehook.WorkItem) { w.WorkItemID, w.Status = &parent.ID, 6 })
	b.waits(t, child.ID, call)
	b.setStatus(t, parent.ID, 3)
	_, got = answered(t, b, call, completes)
	equal(t, "a process of the child", got.Changes, note("left to the process of the work item"))

	parent = b.item(t)
	child = b.item(t, func(w *forgehook.WorkItem) { w.WorkItemID, w.Status = &parent.ID, 6 })
	call = b.onItem(t, child.ID)
	p = b.waits(t, parent.ID, call)
	b.setStatus(t, parent.ID, 5)
	equal(t, "follows", b.look(t, p).Item.ID, child.ID)
	_, got = answered(t, b, call, completes)
	equal(t, "a process that came to the item", got.Changes, note("left to the process of the work item"))
}

// A process that starts when the call has ended tells the call's answer from what somebody has
// decided since.
func TestWriteBack_processComesLater(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, status := range []forgehook.WorkItemStatus{2, 5, 10, 90} {
		item := b.item(t)
		call := b.onItem(t, item.ID)
		_, got := answered(t, b, call, &forgehook.WriteBack{WorkItem: &forgehook.WorkItemWrite{Status: &status}})
		equal(t, "written", len(got.Changes), 1)
		p := b.waits(t, item.ID, call)
		state := b.look(t, p)
		equal(t, "answered", []any{state.Answered, state.Handed, state.Item.ID}, []any{true, false, item.ID})
		_, _, err := b.UpdateWorkItem(t.Context(), b.tenant, item.ID, "", func(w *forgehook.WorkItem) error { w.Comment = new("c"); return nil })
		check(t, err)
		equal(t, "a comment decides nothing", b.look(t, p).Answered, true)
		b.setStatus(t, item.ID, 9)
		equal(t, "decided since", b.look(t, p).Answered, false)
	}
}

// Calls that write a work item and give its document a status, and others that write both, wait for
// no other in a ring.
func TestWriteBack_locksTheDocumentFirst(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *forgehook.Settings) { s.DocumentProcessedStatus = new(forgehook.DocumentStatus(121)) })
	item := b.item(t)
	for i := range 30 {
		begin := make(chan struct{})
		var calls sync.WaitGroup
		for k := range 2 {
			call := b.onItem(t, item.ID)
			build(t, b.DB, b.ref(call.ID), built)
			record := success(b.ref(call.ID), start(t, b, call).Number)
			write := &forgehook.WriteBack{WorkItem: &forgehook.WorkItemWrite{ReasonComment: new(strings.Repeat("a", i+1+k))}}
			if k == 1 {
				write.Document = &forgehook.DocumentWrite{Comment: new(strings.Repeat("b", i+1))}
			}
			record.Reading = forgehook.Reading{WriteBack: write}
			calls.Go(func() {
				<-begin
				if _, err := b.RecordAttempt(t.Context(), record); err != nil {
					t.Errorf("round %d: %v", i, err)
				}
			})
		}
		close(begin)
		calls.Wait()
	}
}

func TestWriteBack_notStoredHere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inline := pgtest.Invoice(t, 0, 0)
	inline.ID = 4711
	call := pgtest.Accept(t, b.DB, b.tenant, forgehook.CallRequest{
		WebHookServiceID: &b.s.Utility.ID, Document: &inline, Parameter: &forgehook.DocumentParameter{ID: 50}, WorkItem: &forgehook.WorkItem{ID: 78},
	}).Calls[0]
	recorded, got := answered(t, b, call, &forgehook.WriteBack{
		Document: &forgehook.DocumentWrite{Status: new(forgehook.DocumentStatus(121))}, Verification: &forgehook.VerificationWrite{},
		WorkItem: &forgehook.WorkItemWrite{Status: new(forgehook.WorkItemStatus(2))},
	})
	equal(t, "outcome", recorded.Outcome, forgehook.Delivered)
	var want []forgehook.Change
	for _, path := range []string{"document", "verification", "workItem"} {
		want = append(want, forgehook.Change{Path: path, Before: json.RawMessage(`null`), After: json.RawMessage(`null`), Note: "not stored here"})
	}
	equal(t, "changes", got.Changes, want)
}

// What an answer writes are events like any other change, each once.
func TestWriteBack_events(t *testing.T) {
	t.Parallel()
	b := setup(t, on(forgehook.EventDocumentUpdated, forgehook.EventVerification, forgehook.EventWorkItem), func(s *forgehook.Settings) {
		s.DocumentProcessedStatus = nil
	})
	putItem(t, b, b.tenant, b.s.Project.ID, forgehook.WorkItem{ID: 77, DocumentID: &b.s.Document.ID, Status: 1, WorkItemID: new(int32(76))})
	write := &forgehook.WriteBack{
		Document:     &forgehook.DocumentWrite{Status: new(forgehook.DocumentStatus(121)), Comment: new("a")},
		Verification: &forgehook.VerificationWrite{Value: new("1")},
		WorkItem:     &forgehook.WorkItemWrite{Status: new(forgehook.WorkItemStatus(2))},
	}
	about := func() forgehook.Call {
		return pgtest.Accept(t, b.DB, b.tenant, forgehook.CallRequest{
			WebHookServiceID: &b.s.Utility.ID, WorkItemID: new(int32(77)), ParameterID: new(int32(50)),
		}).Calls[0]
	}
	recorded, call := answered(t, b, about(), write)
	equal(t, "its own change fires nothing", len(runsOf(t, b, call.ID)), 0)
	equal(t, "nothing follows", recorded.Wake, false)

	pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID, on(forgehook.EventDocumentUpdated, forgehook.EventVerification, forgehook.EventWorkItem))
	var processes []string
	for _, current := range []int32{76, 77, 75} {
		var id string
		check(t, rawPool(t, b.url).QueryRowContext(t.Context(), `
			INSERT INTO work_item_processes (id, tenant_id, work_item_id, current_id, call_id, on_due, owns_call, status, started_at)
			VALUES (gen_random_uuid(), $1, $2, $2, gen_random_uuid(), 'wait', false, 'waiting', now()) RETURNING id`, b.tenant, current).Scan(&id))
		processes = append(processes, "work-item/"+id)
	}
	reopen := func() {
		_, err := rawPool(t, b.url).ExecContext(t.Context(), `UPDATE work_items SET status = 1 WHERE tenant_id = $1 AND id = 77`, b.tenant)
		check(t, err)
	}
	reopen()
	write.Document.Comment, write.WorkItem.Status = new("b"), new(forgehook.WorkItemStatus(10))
	recorded, call = answered(t, b, about(), write)
	equal(t, "something follows", recorded.Wake, true)
	cause := []int64{int64(b.s.Utility.ID)}
	runs := runsOf(t, b, call.ID)
	verifications := total(t, b).Verifications
	added := verifications[len(verifications)-1].ID
	equal(t, "runs", runs, []storedRun{
		{Event: "document.updated", ServiceID: b.s.Service.ID, Cause: cause, Document: &b.s.Document.ID},
		{Event: "verification", ServiceID: b.s.Service.ID, Cause: cause, Document: &b.s.Document.ID, Parameter: new(int32(50)), Verify: &added},
		{Event: "workitem", ServiceID: b.s.Service.ID, Cause: cause, Document: &b.s.Document.ID, Item: new(int32(77))},
	})
	wakes, err := b.Wakes(t.Context(), b.ref(call.ID))
	check(t, err)
	var told []string
	for _, w := range wakes {
		equal(t, "signal", w.Signal, forgehook.ItemChangedSignal)
		told = append(told, w.WorkflowID)
	}
	equal(t, "processes of the item and its parent", told, processes[:2], cmpopts.SortSlices(func(a, b string) bool { return a < b }))
	// Reasons alone are no event; the processes hear of them.
	reopen()
	_, call = answered(t, b, about(), &forgehook.WriteBack{WorkItem: &forgehook.WorkItemWrite{ReasonCode: new("x")}})
	equal(t, "a reason", len(runsOf(t, b, call.ID)), 0)
	wakes, err = b.Wakes(t.Context(), b.ref(call.ID))
	check(t, err)
	equal(t, "processes", len(wakes), 2)
}

// An outcome that stands keeps the answer from writing anything.
func TestWriteBack_afterTheEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := document(t, b)
	call := begun(t, b)
	start(t, b, call)
	complete(t, b, call)
	record := success(b.ref(call.ID), 1)
	record.Reading.WriteBack = &forgehook.WriteBack{Document: &forgehook.DocumentWrite{Comment: new("late")}}
	recorded, err := b.RecordAttempt(t.Context(), record)
	check(t, err)
	equal(t, "outcome", recorded.Outcome, forgehook.Canceled)
	equal(t, "document", document(t, b), before)
}

// Deliveries of one run that write back, others that set the status only, and somebody's own
// changes, all of one document at once: each write finds the others, and none waits for another in
// a ring.
func TestWriteBack_atOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	calls := []forgehook.Call{onTotal(t, b), onTotal(t, b), onTotal(t, b), onTotal(t, b), onTotal(t, b), onTotal(t, b)}
	run := inRun(t, b, len(calls), calls...)
	var wg sync.WaitGroup
	for i, call := range calls {
		build(t, b.DB, b.ref(call.ID), built)
		record := success(b.ref(call.ID), start(t, b, call).Number)
		if i%2 == 0 {
			record.Reading.WriteBack = &forgehook.WriteBack{Verification: &forgehook.VerificationWrite{Value: &call.ID}}
		}
		wg.Go(func() {
			if _, err := b.RecordAttempt(t.Context(), record); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			_, _, err := b.UpdateDocument(t.Context(), b.tenant, b.s.Document.ID, "", func(d *forgehook.Document) error {
				d.Info = append(d.Info, call.ID)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	d := document(t, b)
	equal(t, "verifications", len(d.Parameter(50).Verifications), 2+len(calls)/2)
	equal(t, "changes of others", len(d.Info), len(calls))
	equal(t, "counters", countersOf(t, b, run), counters{Delivered: len(calls)})
}

func TestAcceptCalls_workItem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	putItem(t, b, b.stranger, pgtest.Project(t, b.DB, b.stranger).ID, forgehook.WorkItem{ID: 80, DocumentID: &b.s.Document.ID})
	putItem(t, b, b.tenant, b.s.Project.ID, forgehook.WorkItem{ID: 81})
	putItem(t, b, b.tenant, b.s.Project.ID, forgehook.WorkItem{ID: 82, DocumentID: new(int32(4711))})
	request := func(item int32) error {
		_, err := b.AcceptCalls(context.WithoutCancel(t.Context()), b.tenant, postgres.Acceptance{
			Request: forgehook.CallRequest{WebHookServiceID: &b.s.Utility.ID, WorkItemID: &item}, BodySHA256: []byte("sum"), Now: time.Now(),
		})
		return err
	}
	for item, path := range map[int32]string{80: "workItemId", 81: "workItemId", 82: "workItem.documentId", 83: "workItemId"} {
		err := request(item)
		refused(t, path, err, forgehook.CodeInvalid)
		equal(t, "where", faultPaths(err), []string{path})
	}
}
