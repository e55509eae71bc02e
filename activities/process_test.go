package activities

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/outbound/zoo"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
	"github.com/forgehook/forgehook/workflows"
)

func (b bundle) item(t *testing.T, change ...func(*forgehook.WorkItem)) forgehook.WorkItem {
	t.Helper()
	w := forgehook.WorkItem{Status: 1, DocumentID: &b.document.ID}
	for _, c := range change {
		c(&w)
	}
	w, _, _, err := b.DB.PutWorkItem(t.Context(), b.tenant, b.document.ProjectID, w, "")
	check(t, err)
	return w
}

// waits makes an item wait for a call.
func (b bundle) waits(t *testing.T, item forgehook.WorkItem, call forgehook.Call, change ...func(*postgres.ProcessAcceptance)) workflows.ProcessRef {
	t.Helper()
	a := postgres.ProcessAcceptance{WorkItemID: item.ID, CallID: call.ID, OnDue: forgehook.DueWait, Now: b.at}
	for _, c := range change {
		c(&a)
	}
	_, ref, _, err := b.DB.AcceptProcess(t.Context(), b.tenant, a)
	check(t, err)
	return ref
}

func owned(a *postgres.ProcessAcceptance) { a.OwnsCall = true }

func (b bundle) look(t *testing.T, ref workflows.ProcessRef) workflows.ItemState {
	t.Helper()
	state, err := run[workflows.ItemState](t, b, b.LookAtWorkItem, ref)
	check(t, err)
	return state
}

func (b bundle) endProcess(t *testing.T, ref workflows.ProcessRef, outcome forgehook.ProcessOutcome) workflows.ProcessResult {
	t.Helper()
	result, err := run[workflows.ProcessResult](t, b, b.EndProcess, workflows.ProcessEnd{ProcessRef: ref, Outcome: outcome})
	check(t, err)
	return result
}

func (b bundle) storedItem(t *testing.T, id int32) forgehook.WorkItem {
	t.Helper()
	item, err := b.DB.WorkItem(t.Context(), b.tenant, id)
	check(t, err)
	return item
}

// writesItem writes the endpoint's response to a work item. It differs between items.
func writesItem(s *forgehook.Settings) {
	s.Response.WriteBack.WorkItem.Status = new(`response.json.done ? "Completed" : "Rejected"`)
	s.Response.WriteBack.WorkItem.ReasonComment = new(`wi == null ? "" : "item " + string(wi.id) + ": " + response.json.note`)
}

// The reading of a call is written once, to the item that waits for it.
func TestEndProcess_answered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.ready(t, to(says(t, 200, `{"done":true,"note":"booked"}`)), writesItem)
	item := b.item(t)
	ref := b.waits(t, item, call)
	equal(t, "before", b.look(t, ref), workflows.ItemState{WorkItemID: item.ID, Status: 1, OnDue: forgehook.DueWait})
	delivered, err := b.deliver(t, call)
	check(t, err)
	equal(t, "somebody waits", delivered.Wake, true)
	_, err = run[any](t, b, b.WakeWaiters, b.ref(call))
	check(t, err)
	end := workflows.CallResult{CallID: call.ID, Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 1}
	equal(t, "woken", b.engine.woken, []forgehook.Wake{ended(t, b, workflows.ProcessID(ref.ProcessID), end)}, whicheverWake)
	equal(t, "after", b.look(t, ref).CallOutcome, forgehook.Delivered)

	want := workflows.ProcessResult{WorkItemID: item.ID, Outcome: forgehook.ProcessAnswered, CallOutcome: forgehook.Delivered}
	for range 2 {
		equal(t, "end", b.endProcess(t, ref, forgehook.ProcessAnswered), want)
	}
	equal(t, "the end that stands", b.endProcess(t, ref, forgehook.ProcessCanceled), want)
	stored := b.storedItem(t, item.ID)
	equal(t, "status", stored.Status, forgehook.WorkItemStatus(2))
	equal(t, "comment", *stored.ReasonComment == "item "+itoa(item.ID)+": booked", true)
	equal(t, "looked at", b.look(t, ref).Outcome, forgehook.ProcessAnswered)
}

// ofItem is a call about a work item that waits for its first attempt.
func (b bundle) ofItem(t *testing.T, item forgehook.WorkItem, change ...func(*forgehook.Settings)) forgehook.Call {
	t.Helper()
	u := b.utility(t, change...)
	call := pgtest.Accept(t, b.DB, b.tenant, forgehook.CallRequest{WebHookServiceID: &u.ID, WorkItemID: &item.ID}).Calls[0]
	_, err := run[workflows.Evaluation](t, b, b.EvaluateConditions, b.ref(call))
	check(t, err)
	_, err = run[workflows.Built](t, b, b.BuildRequest, b.ref(call))
	check(t, err)
	return call
}

// A process whose own call writes the item ends as answered, in either order: it writes for the
// call, or it finds that the call has written.
func TestEndProcess_ofItsOwnCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, first := range []string{"process", "call"} {
		item := b.item(t)
		call := b.ofItem(t, item, to(says(t, 200, `{"done":true,"note":"booked"}`)), writesItem)
		var ref workflows.ProcessRef
		if first == "process" {
			ref = b.waits(t, item, call, owned)
		}
		_, err := b.deliver(t, call)
		check(t, err)
		if first == "call" {
			equal(t, "written by the call", b.storedItem(t, item.ID).Status, 2)
			ref = b.waits(t, item, call, owned)
		}
		equal(t, first+" first: answered", b.look(t, ref).Answered, first == "call")
		equal(t, first+" first: end", b.endProcess(t, ref, forgehook.ProcessAnswered), workflows.ProcessResult{
			WorkItemID: item.ID, Outcome: forgehook.ProcessAnswered, CallOutcome: forgehook.Delivered,
		})
		equal(t, first+" first: status", b.storedItem(t, item.ID).Status, 2)
		equal(t, first+" first: comment", b.storedItem(t, item.ID).ReasonComment, new("item "+itoa(item.ID)+": booked"))
	}
}

// If the call has left its reading to the process, it is written, whatever outcome the process was
// to have.
func TestEndProcess_callEndsMeanwhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, outcome := range []forgehook.ProcessOutcome{forgehook.ProcessDue, forgehook.ProcessRejected, forgehook.ProcessCanceled} {
		item := b.item(t)
		call := b.ofItem(t, item, to(says(t, 200, `{"done":true,"note":"booked"}`)), writesItem)
		ref := b.waits(t, item, call, owned)
		_, err := b.deliver(t, call)
		check(t, err)
		equal(t, string(outcome), b.endProcess(t, ref, outcome).Outcome, forgehook.ProcessAnswered)
		equal(t, "status", b.storedItem(t, item.ID).Status, 2)
	}
}

// A reading waits for the child of an item that was handed over.
func TestEndProcess_handedOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	item := b.item(t)
	call := b.ofItem(t, item, to(says(t, 200, `{"done":true,"note":"booked"}`)), writesItem)
	ref := b.waits(t, item, call, owned)
	_, _, err := b.DB.UpdateWorkItem(t.Context(), b.tenant, item.ID, "", func(w *forgehook.WorkItem) error { w.Status = 5; return nil })
	check(t, err)
	_, err = b.deliver(t, call)
	check(t, err)
	equal(t, "it waits", b.look(t, ref).Handed, true)
	equal(t, "no end yet", b.endProcess(t, ref, forgehook.ProcessAnswered), workflows.ProcessResult{WorkItemID: item.ID, CallOutcome: forgehook.Delivered})
	child := b.item(t, func(w *forgehook.WorkItem) { w.WorkItemID, w.Status = &item.ID, 6 })
	equal(t, "end", b.endProcess(t, ref, forgehook.ProcessAnswered).WorkItemID, child.ID)
	equal(t, "statuses", []forgehook.WorkItemStatus{b.storedItem(t, item.ID).Status, b.storedItem(t, child.ID).Status}, []forgehook.WorkItemStatus{5, 2})
	equal(t, "made for the child", b.storedItem(t, child.ID).ReasonComment, new("item "+itoa(child.ID)+": booked"))
}

// The endpoint responds later: its callback is written.
func TestEndProcess_calledBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.ready(t, to(zoo.OK(t)), awaits, func(s *forgehook.Settings) {
		s.Response.WriteBack.WorkItem.ReasonComment = new(`callback.result.note`)
	})
	item := b.item(t)
	ref := b.waits(t, item, call)
	_, err := b.deliver(t, call)
	check(t, err)
	_, err = b.calledBack(t, call, forgehook.Callback{Result: json.RawMessage(`{"note":"paid"}`)})
	check(t, err)
	equal(t, "end", b.endProcess(t, ref, forgehook.ProcessAnswered).CallOutcome, forgehook.Delivered)
	equal(t, "comment", b.storedItem(t, item.ID).ReasonComment, new("paid"))
}

// A failed call says nothing about the item. A reading that does not fit the item does not keep the
// process waiting.
func TestEndProcess_writesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, call := range map[string]forgehook.Call{
		"failed":                b.ready(t, to(zoo.Status(t, 400, nil)), writesItem),
		"says nothing of items": b.ready(t, to(zoo.OK(t))),
		"does not fit": b.ready(t, to(says(t, 200, `{"status":"Complted"}`)), func(s *forgehook.Settings) {
			s.Response.WriteBack.WorkItem.Status = new(`wi == null ? null : response.json.status`) // the call itself is about no item
		}),
	} {
		item := b.item(t)
		ref := b.waits(t, item, call)
		_, err := b.deliver(t, call)
		check(t, err)
		equal(t, name, b.endProcess(t, ref, forgehook.ProcessAnswered).Outcome, forgehook.ProcessAnswered)
		equal(t, name+": status", b.storedItem(t, item.ID).Status, 1)
	}
}

// If the item is dead or the process canceled, the call that was made for it is canceled.
func TestEndProcess_cancelsItsCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.utility(t)
	tests := []struct {
		name     string
		outcome  forgehook.ProcessOutcome
		owned    bool
		canceled bool
	}{
		{"dead", forgehook.ProcessDead, true, true},
		{"canceled", forgehook.ProcessCanceled, true, true},
		{"settled", forgehook.ProcessSettled, true, false},
		{"another's call", forgehook.ProcessDead, false, false},
	}
	for _, tt := range tests {
		call := b.built(t, u)
		ref := b.waits(t, b.item(t), call, func(a *postgres.ProcessAcceptance) { a.OwnsCall = tt.owned })
		b.engine.canceled = nil
		for range 2 { // the first may have died before it canceled
			equal(t, tt.name, b.endProcess(t, ref, tt.outcome).Outcome, tt.outcome)
		}
		var want []string
		if tt.canceled {
			want = []string{call.ID, call.ID}
		}
		equal(t, tt.name+": canceled", b.engine.canceled, want)
	}

	// A call without a run ends here.
	call := b.built(t, u)
	ref := b.waits(t, b.item(t), call, owned)
	b.engine.refuses = map[string]error{call.ID: notThere}
	equal(t, "without a run", b.endProcess(t, ref, forgehook.ProcessDead).Outcome, forgehook.ProcessDead)
	equal(t, "outcome of the call", b.outcome(t, call), forgehook.Canceled)

	// Its other waiters are told.
	call = b.built(t, u)
	ref = b.waits(t, b.item(t), call, owned)
	other := b.waits(t, b.item(t), call)
	b.engine.refuses = map[string]error{call.ID: notThere}
	b.engine.woken = nil
	b.endProcess(t, ref, forgehook.ProcessDead)
	equal(t, "told", b.engine.woken, []forgehook.Wake{
		ended(t, b, workflows.ProcessID(other.ProcessID), workflows.CallResult{CallID: call.ID, Outcome: forgehook.Canceled}),
	}, whicheverWake)
}

// At its due date an item is rejected, or handed over to a child with which the process continues.
func TestProcess_due(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.utility(t)
	due := forgehook.Time{Time: b.at.Add(-time.Minute)}
	overdue := func(w *forgehook.WorkItem) { w.DueDate = &due }
	item := b.item(t, overdue)
	ref := b.waits(t, item, b.built(t, u), func(a *postgres.ProcessAcceptance) { a.OnDue = forgehook.DueReject })
	state := b.look(t, ref)
	equal(t, "due", state.DueAt, &due.Time)
	equal(t, "end", b.endProcess(t, ref, forgehook.ProcessRejected).Outcome, forgehook.ProcessRejected)
	equal(t, "status", b.storedItem(t, item.ID).Status, 10)

	item = b.item(t, overdue)
	ref = b.waits(t, item, b.built(t, u), func(a *postgres.ProcessAcceptance) { a.OnDue = forgehook.DueEscalate })
	child, err := run[workflows.ItemState](t, b, b.EscalateWorkItem, ref)
	check(t, err)
	equal(t, "the parent", b.storedItem(t, item.ID).Status, 3)
	equal(t, "the child", b.storedItem(t, child.WorkItemID).Status, 4)
	equal(t, "parent of the child", b.storedItem(t, child.WorkItemID).WorkItemID, &item.ID)
	again, err := run[workflows.ItemState](t, b, b.EscalateWorkItem, ref)
	check(t, err)
	equal(t, "once more", again, child)
}

// The sweep mends processes whose workflow was never started or has ended.
func TestSweepCalls_processes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.utility(t)
	call := b.built(t, u)
	missing, gone := b.item(t), b.item(t)
	lost, terminated := b.waits(t, missing, call), b.waits(t, gone, b.built(t, u), owned)
	b.engine.runs = map[string]forgehook.WorkflowState{
		workflows.ProcessID(lost.ProcessID): forgehook.WorkflowMissing, workflows.ProcessID(terminated.ProcessID): forgehook.WorkflowTerminated,
	}
	b.Now = func() time.Time { return b.at.Add(time.Minute) }
	result, err := b.sweep(t)
	check(t, err)
	equal(t, "result", result.Resumed, 1)
	equal(t, "started", b.engine.processes, []string{lost.ProcessID + ": " + itoa(missing.ID) + " waits for " + call.ID})
	equal(t, "terminated", b.look(t, terminated).Outcome, forgehook.ProcessCanceled)
	equal(t, "its call", len(b.engine.canceled), 1)
}

func itoa(id int32) string { return strconv.Itoa(int(id)) }
