package postgres_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/await"
)

// waits has a work item wait for a call.
func (b bundle) waits(t *testing.T, item int32, call forgehook.Call, change ...func(*postgres.ProcessAcceptance)) forgehook.ProcessRef {
	t.Helper()
	a := postgres.ProcessAcceptance{WorkItemID: item, CallID: call.ID, OnDue: forgehook.DueEscalate, Now: time.Now()}
	for _, c := range change {
		c(&a)
	}
	_, ref, repeated, err := b.AcceptProcess(t.Context(), b.tenant, a)
	check(t, err)
	equal(t, "repeated", repeated, false)
	return ref
}

func (b bundle) look(t *testing.T, p forgehook.ProcessRef) postgres.ItemState {
	t.Helper()
	state, err := b.LookAtItem(t.Context(), p)
	check(t, err)
	return state
}

// told are the workflows that signals are owed to.
func told(wakes []forgehook.Wake) (ids []string) {
	for _, w := range wakes {
		ids = append(ids, w.WorkflowID+" "+w.Signal)
	}
	return ids
}

func changed(p forgehook.ProcessRef) []string {
	return []string{"work-item/" + p.ProcessID + " " + forgehook.ItemChangedSignal}
}

func TestAcceptProcess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	item, call := b.item(t), b.s.Call(t, b.DB)
	when := at("2026-03-04T05:06:07.123Z")
	a := postgres.ProcessAcceptance{WorkItemID: item.ID, CallID: call.ID, OwnsCall: true, OnDue: forgehook.DueReject, Now: when}
	got, ref, _, err := b.AcceptProcess(t.Context(), b.tenant, a)
	check(t, err)
	want := forgehook.WorkItemProcess{
		WorkItemID: item.ID, CurrentID: item.ID, WorkflowID: "work-item/" + ref.ProcessID, CallID: call.ID, OnDue: forgehook.DueReject,
		DueAt: item.DueDate, Status: "waiting", StartedAt: forgehook.Time{Time: when},
	}
	equal(t, "process", got, want)
	again, sameRef, repeated, err := b.AcceptProcess(t.Context(), b.tenant, a)
	check(t, err)
	equal(t, "repeated", []any{again, sameRef, repeated}, []any{want, ref, true})
	found, sameRef, err := b.Process(t.Context(), b.tenant, item.ID)
	check(t, err)
	equal(t, "read", []any{found, sameRef}, []any{want, ref})
	equal(t, "where it stands", b.look(t, ref), postgres.ItemState{
		Item: &item, DueAt: &item.DueDate.Time, OnDue: forgehook.DueReject, Call: b.ref(call.ID), OwnsCall: true,
	})

	other := a
	other.OnDue = ""
	_, _, _, err = b.AcceptProcess(t.Context(), b.tenant, other)
	refused(t, "another onDue", err, forgehook.CodeConflict)
	equal(t, "it says what stands: "+err.Error(), strings.Contains(err.Error(), "onDue reject and the item's due date"), true)
	other = a
	other.DueAt = &when
	_, _, _, err = b.AcceptProcess(t.Context(), b.tenant, other)
	refused(t, "another due date", err, forgehook.CodeConflict)
	equal(t, "it stands as before", b.look(t, ref).OnDue, forgehook.DueReject)
	other = a
	other.CallID = b.s.Call(t, b.DB).ID
	_, _, _, err = b.AcceptProcess(t.Context(), b.tenant, other)
	refused(t, "another call", err, forgehook.CodeConflict)
	for _, id := range []string{"00000000-0000-0000-0000-000000000000", "no id"} {
		other.CallID = id
		_, _, _, err = b.AcceptProcess(t.Context(), b.tenant, other)
		refused(t, "unknown call "+id, err, forgehook.CodeInvalid)
		equal(t, "place", faultPaths(err), []string{"callId"})
	}
	other.WorkItemID, other.CallID = 4711, call.ID
	_, _, _, err = b.AcceptProcess(t.Context(), b.tenant, other)
	refused(t, "unknown item", err, forgehook.CodeNotFound)
	_, _, _, err = b.AcceptProcess(t.Context(), b.stranger, a)
	refused(t, "a stranger's", err, forgehook.CodeInvalid)
	_, _, err = b.Process(t.Context(), b.stranger, item.ID)
	refused(t, "a stranger's view", err, forgehook.CodeNotFound)
	_, err = b.LookAtItem(t.Context(), forgehook.ProcessRef{Tenant: b.stranger, ProcessID: ref.ProcessID})
	refused(t, "a stranger's look", err, forgehook.CodeNotFound)

	dated := postgres.ProcessAcceptance{WorkItemID: b.item(t).ID, CallID: b.s.Call(t, b.DB).ID, DueAt: &when, Now: when}
	_, _, _, err = b.AcceptProcess(t.Context(), b.tenant, dated)
	check(t, err)
	_, _, repeated, err = b.AcceptProcess(t.Context(), b.tenant, dated)
	check(t, err)
	equal(t, "the same due date", repeated, true)
	dated.DueAt = nil
	_, _, _, err = b.AcceptProcess(t.Context(), b.tenant, dated)
	refused(t, "no due date", err, forgehook.CodeConflict)
	equal(t, "it says what stands: "+err.Error(), strings.Contains(err.Error(), "onDue wait and dueDate 2026-03-04T05:06:07.123Z"), true)

	_, err = b.CompleteCall(t.Context(), b.ref(call.ID), forgehook.Canceled, nil, time.Now())
	check(t, err)
	wakes, err := b.Wakes(t.Context(), b.ref(call.ID))
	check(t, err)
	equal(t, "told, once", told(wakes), []string{"work-item/" + ref.ProcessID + " " + forgehook.CallEndedSignal})
	equal(t, "outcome", b.look(t, ref).CallOutcome, forgehook.Canceled)

	late := b.waits(t, b.item(t).ID, call)
	equal(t, "of a call that had ended", b.look(t, late).CallOutcome, forgehook.Canceled)
}

// One of those who start a process at once makes it, the others get it.
func TestAcceptProcess_atOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	item, call := b.item(t), b.s.Call(t, b.DB)
	var mu sync.Mutex
	made, refs := 0, map[forgehook.ProcessRef]bool{}
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			_, ref, repeated, err := b.AcceptProcess(t.Context(), b.tenant, postgres.ProcessAcceptance{WorkItemID: item.ID, CallID: call.ID, Now: time.Now()})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if refs[ref] = true; !repeated {
				made++
			}
		})
	}
	workers.Wait()
	equal(t, "made, processes", []int{made, len(refs)}, []int{1, 1})
}

// The end of a call is either found by a process, or told to it.
func TestAcceptProcess_whileTheCallEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 10 {
		item, call := b.item(t), b.s.Call(t, b.DB)
		var workers sync.WaitGroup
		workers.Go(func() {
			_, err := b.CompleteCall(t.Context(), b.ref(call.ID), forgehook.Canceled, nil, time.Now())
			if err != nil {
				t.Error(err)
			}
		})
		_, ref, _, err := b.AcceptProcess(t.Context(), b.tenant, postgres.ProcessAcceptance{WorkItemID: item.ID, CallID: call.ID, Now: time.Now()})
		check(t, err)
		ended := b.look(t, ref).CallOutcome != ""
		workers.Wait()
		wakes, err := b.Wakes(t.Context(), b.ref(call.ID))
		check(t, err)
		if !ended && len(wakes) == 0 {
			t.Fatal("the process would wait for ever")
		}
	}
}

func TestProcess_hearsOfChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	item := b.item(t)
	p := b.waits(t, item.ID, b.s.Call(t, b.DB))
	equal(t, "changed", told(b.setStatus(t, item.ID, 4).Wakes), changed(p))
	old, err := b.OldWakes(t.Context(), time.Now().Add(time.Hour), 10)
	check(t, err)
	equal(t, "stored", told(old), changed(p))
	bystander := b.item(t)
	equal(t, "another item", len(b.setStatus(t, bystander.ID, 4).Wakes), 0)
	b.setStatus(t, item.ID, 5)
	equal(t, "handed over", b.look(t, p).Handed, true)
	_, _, raised, err := b.PutWorkItem(t.Context(), b.tenant, b.s.Project.ID, forgehook.WorkItem{WorkItemID: &item.ID, Status: 6}, "")
	check(t, err)
	equal(t, "a child", told(raised.Wakes), changed(p))
	child := b.look(t, p).Item
	raised, err = b.DeleteWorkItem(t.Context(), b.tenant, child.ID)
	check(t, err)
	equal(t, "deleted", told(raised.Wakes), changed(p))
	if state := b.look(t, p); state.Item != nil || state.Handed {
		t.Errorf("an item that is gone: %+v", state)
	}
	_, err = b.DeleteWorkItem(t.Context(), b.tenant, item.ID)
	check(t, err)
	_, _, err = b.EndProcess(t.Context(), postgres.ProcessEnd{Ref: p, Outcome: forgehook.ProcessDead, Now: time.Now()})
	check(t, err)
	_, _, err = b.acceptProcess(t, item.ID)
	refused(t, "a process of an item that is gone", err, forgehook.CodeNotFound)
}

// An item is followed to its newest child, and on; the child's due date counts then.
func TestLookAtItem_follows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	item := b.item(t)
	soon := time.Now().Add(time.Minute)
	p := b.waits(t, item.ID, b.s.Call(t, b.DB), func(a *postgres.ProcessAcceptance) { a.DueAt = &soon })
	equal(t, "due as was asked", b.look(t, p).DueAt.Equal(soon.Truncate(time.Millisecond)), true)
	childOf := func(w forgehook.WorkItem, status forgehook.WorkItemStatus) forgehook.WorkItem {
		return b.item(t, func(c *forgehook.WorkItem) { c.WorkItemID, c.Status = &w.ID, status })
	}
	childOf(item, 6) // an older one
	second := childOf(item, 3)
	last := childOf(second, 4)
	b.setStatus(t, item.ID, 5)
	state := b.look(t, p)
	equal(t, "current", []any{state.Item.ID, state.Handed, state.DueAt.Equal(last.DueDate.Time)}, []any{last.ID, false, true})
	equal(t, "and when it looks again", b.look(t, p), state)
	process, ref, err := b.Process(t.Context(), b.tenant, last.ID)
	check(t, err)
	equal(t, "process of the child", []any{process.WorkItemID, process.CurrentID, ref}, []any{item.ID, last.ID, p})
	_, _, err = b.acceptProcess(t, last.ID)
	refused(t, "a second one for the child", err, forgehook.CodeConflict)

	// Two that were handed over to each other lead nowhere.
	b.setStatus(t, last.ID, 5)
	_, _, err = b.UpdateWorkItem(t.Context(), b.tenant, second.ID, "", func(w *forgehook.WorkItem) error {
		w.WorkItemID = &last.ID
		return nil
	})
	check(t, err)
	equal(t, "a circle", b.look(t, p).Handed, true)
}

// acceptProcess has an item wait for another call.
func (b bundle) acceptProcess(t *testing.T, item int32) (forgehook.WorkItemProcess, forgehook.ProcessRef, error) {
	t.Helper()
	process, ref, _, err := b.AcceptProcess(t.Context(), b.tenant, postgres.ProcessAcceptance{WorkItemID: item, CallID: b.s.Call(t, b.DB).ID, Now: time.Now()})
	return process, ref, err
}

func TestEscalateItem(t *testing.T) {
	t.Parallel()
	b := setup(t, on(forgehook.EventWorkItem))
	created := time.Now().Add(-2 * time.Hour).UTC().Truncate(time.Millisecond)
	item := b.item(t, func(w *forgehook.WorkItem) {
		w.DTC, w.DueDate, w.Open = &forgehook.Time{Time: created}, &forgehook.Time{Time: created.Add(90 * time.Minute)}, &forgehook.Time{Time: created}
	})
	p := b.waits(t, item.ID, b.s.Call(t, b.DB))
	b.waits(t, b.item(t).ID, b.s.Call(t, b.DB)) // hears nothing
	early, raised, err := b.EscalateItem(t.Context(), p, created.Add(time.Hour))
	check(t, err)
	equal(t, "not due", []any{early.Item.ID, len(raised.Runs)}, []any{item.ID, 0})

	when := created.Add(2 * time.Hour)
	state, raised, err := b.EscalateItem(t.Context(), p, when)
	check(t, err)
	want := item
	want.ID, want.WorkItemID, want.Status, want.Open = state.Item.ID, &item.ID, 4, nil
	want.DTC, want.DTM, want.DueDate = &forgehook.Time{Time: when}, &forgehook.Time{Time: when}, &forgehook.Time{Time: when.Add(90 * time.Minute)}
	equal(t, "child", *state.Item, want)
	equal(t, "due", *state.DueAt, want.DueDate.Time)
	equal(t, "looks", b.look(t, p), state)
	stored, err := b.WorkItem(t.Context(), b.tenant, item.ID)
	check(t, err)
	equal(t, "sender", stored.Status, forgehook.WorkItemStatus(3))
	equal(t, "events, signals", []int{len(raised.Runs), len(raised.Wakes)}, []int{2, 0})

	again, raised, err := b.EscalateItem(t.Context(), p, when)
	check(t, err)
	equal(t, "run twice", again, state)
	equal(t, "nothing follows", raised, postgres.Raised{})

	b.setStatus(t, state.Item.ID, 2)
	settled, _, err := b.EscalateItem(t.Context(), p, when.Add(48*time.Hour))
	check(t, err)
	equal(t, "settled", []any{settled.Item.ID, settled.Item.Status}, []any{state.Item.ID, forgehook.WorkItemStatus(2)})

	undated, _, err := b.UpdateWorkItem(t.Context(), b.tenant, b.item(t).ID, "", func(w *forgehook.WorkItem) error { w.DTC = nil; return nil })
	check(t, err)
	p = b.waits(t, undated.ID, b.s.Call(t, b.DB), func(a *postgres.ProcessAcceptance) { a.DueAt = &when })
	state, _, err = b.EscalateItem(t.Context(), p, when)
	check(t, err)
	equal(t, "a day where nothing is known", *state.DueAt, when.Add(24*time.Hour))
	equal(t, "the child's due date counts from now on", b.look(t, p).DueAt, state.DueAt)
}

// An item that nobody looks at is not handed over for ever.
func TestEscalateItem_limit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	item := b.item(t)
	p := b.waits(t, item.ID, b.s.Call(t, b.DB))
	when := item.DueDate.Time
	for n := range 10 {
		state, _, err := b.EscalateItem(t.Context(), p, when)
		check(t, err)
		equal(t, "an item of its own", state.Item.ID != item.ID, true)
		item = *state.Item
		equal(t, "due", state.DueAt == nil, n == 9)
		when = item.DueDate.Time
	}
	state, raised, err := b.EscalateItem(t.Context(), p, when)
	check(t, err)
	equal(t, "no further", []any{*state.Item, raised.Runs}, []any{item, []forgehook.RunStart(nil)})
	equal(t, "it looks", b.look(t, p), state)
	process, _, err := b.Process(t.Context(), b.tenant, item.ID)
	check(t, err)
	equal(t, "shown", []any{process.CurrentID, process.DueAt}, []any{item.ID, (*forgehook.Time)(nil)})
}

func TestEndProcess(t *testing.T) {
	t.Parallel()
	b := setup(t, on(forgehook.EventWorkItem))
	write := &forgehook.WorkItemWrite{Status: new(forgehook.WorkItemStatus(8)), ReasonCode: new("R1")}
	item := b.item(t)
	p := b.waits(t, item.ID, b.s.Call(t, b.DB))
	end := postgres.ProcessEnd{Ref: p, Outcome: forgehook.ProcessAnswered, Write: write, Now: at("2026-03-04T05:06:07.123Z")}
	process, raised, err := b.EndProcess(t.Context(), end)
	check(t, err)
	equal(t, "process", []any{process.Status, *process.Outcome, process.CompletedAt.Time}, []any{"completed", forgehook.ProcessAnswered, end.Now})
	equal(t, "raised: the call's own utility is its cause", raised, postgres.Raised{}, cmpopts.EquateEmpty())
	got, err := b.WorkItem(t.Context(), b.tenant, item.ID)
	check(t, err)
	equal(t, "item", []any{got.Status, *got.ReasonCode, got.DTM.Time}, []any{forgehook.WorkItemStatus(8), "R1", end.Now})
	end.Outcome = forgehook.ProcessCanceled
	again, _, err := b.EndProcess(t.Context(), end)
	check(t, err)
	equal(t, "ended again", again, process)
	equal(t, "looks", b.look(t, p).Outcome, forgehook.ProcessAnswered)
	equal(t, "the item may wait again", b.waits(t, item.ID, b.s.Call(t, b.DB)) != p, true)

	item = b.item(t)
	b.setStatus(t, item.ID, 2)
	p = b.waits(t, item.ID, b.s.Call(t, b.DB))
	_, _, err = b.EndProcess(t.Context(), postgres.ProcessEnd{Ref: p, Outcome: forgehook.ProcessAnswered, Write: write, Now: time.Now()})
	check(t, err)
	got, err = b.WorkItem(t.Context(), b.tenant, item.ID)
	check(t, err)
	equal(t, "an item that is settled is not written", []any{got.Status, got.ReasonCode}, []any{forgehook.WorkItemStatus(2), (*string)(nil)})

	for status, want := range map[forgehook.WorkItemStatus]struct {
		outcome forgehook.ProcessOutcome
		status  forgehook.WorkItemStatus
	}{1: {forgehook.ProcessRejected, 10}, 2: {forgehook.ProcessSettled, 2}, 90: {forgehook.ProcessDead, 90}} {
		item := b.item(t, func(w *forgehook.WorkItem) { w.Status = status })
		p := b.waits(t, item.ID, b.s.Call(t, b.DB))
		process, _, err := b.EndProcess(t.Context(), postgres.ProcessEnd{Ref: p, Outcome: forgehook.ProcessRejected, Now: time.Now()})
		check(t, err)
		got, err := b.WorkItem(t.Context(), b.tenant, item.ID)
		check(t, err)
		equal(t, fmt.Sprintf("rejection of an item with status %d", status), []any{*process.Outcome, got.Status}, []any{want.outcome, want.status})
	}
}

// What the call has left to the process is not lost, whatever the process was to end as, nor given
// to another item than it was made for.
func TestEndProcess_looksAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	outcome := func(p forgehook.ProcessRef, outcome forgehook.ProcessOutcome, item int32) string {
		t.Helper()
		process, _, err := b.EndProcess(t.Context(), postgres.ProcessEnd{Ref: p, Outcome: outcome, ItemID: item, Now: time.Now()})
		check(t, err)
		if process.Outcome == nil {
			return ""
		}
		return string(*process.Outcome)
	}
	for _, as := range []forgehook.ProcessOutcome{forgehook.ProcessDue, forgehook.ProcessRejected, forgehook.ProcessCanceled} {
		item := b.item(t)
		call := b.onItem(t, item.ID)
		p := b.waits(t, item.ID, call)
		answered(t, b, call, completes)
		equal(t, "the call has ended", outcome(p, as, 0), "")
		b.setStatus(t, item.ID, 2)
		want := string(as)
		if as == forgehook.ProcessRejected {
			want = string(forgehook.ProcessSettled)
		}
		equal(t, "somebody has decided", outcome(p, as, 0), want)
	}
	item := b.item(t)
	p := b.waits(t, item.ID, b.s.Call(t, b.DB))
	b.setStatus(t, item.ID, 3)
	equal(t, "handed over", outcome(p, forgehook.ProcessAnswered, item.ID), "")
	child := b.item(t, func(w *forgehook.WorkItem) { w.WorkItemID, w.Status = &item.ID, 4 })
	equal(t, "made for the parent", outcome(p, forgehook.ProcessAnswered, item.ID), "")
	equal(t, "made for the child", outcome(p, forgehook.ProcessAnswered, child.ID), "answered")
}

// When a call and the process that waits for it end at once, one of them writes what the answer
// says.
func TestEndProcess_whileTheCallEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 40 {
		item := b.item(t)
		call := b.onItem(t, item.ID)
		p := b.waits(t, item.ID, call)
		build(t, b.DB, b.ref(call.ID), built)
		record := success(b.ref(call.ID), start(t, b, call).Number)
		record.Reading = forgehook.Reading{WriteBack: completes}
		begin := make(chan struct{})
		var process forgehook.WorkItemProcess
		var workers sync.WaitGroup
		workers.Go(func() {
			<-begin
			if _, err := b.RecordAttempt(t.Context(), record); err != nil {
				t.Error(err)
			}
		})
		workers.Go(func() {
			var err error
			<-begin
			if process, _, err = b.EndProcess(t.Context(), postgres.ProcessEnd{Ref: p, Outcome: forgehook.ProcessDue, Now: time.Now()}); err != nil {
				t.Error(err)
			}
		})
		close(begin)
		workers.Wait()
		stored, err := b.WorkItem(t.Context(), b.tenant, item.ID)
		check(t, err)
		equal(t, "the call has written, or the process is to", (stored.Status == 2) != (process.Outcome == nil), true)
	}
}

// Whoever waits for a process, or a run, hears of its end.
func TestWaiter_processAndRun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	waiter, err := await.New(b.url, b.DB, slog.New(slog.DiscardHandler))
	check(t, err)
	t.Cleanup(func() { check(t, waiter.Close()) })
	item := b.item(t)
	p := b.waits(t, item.ID, b.s.Call(t, b.DB))
	run := b.happens(t, after(b.s.Document.ID))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var waiting sync.WaitGroup
	waiting.Go(func() {
		process, err := waiter.WaitProcess(ctx, b.tenant, item.ID)
		if err != nil || process.Outcome == nil {
			t.Errorf("process: %+v, %v", process, err)
		}
	})
	waiting.Go(func() {
		got, err := waiter.WaitRun(ctx, b.tenant, run.RunID)
		if err != nil || got.Outcome == nil {
			t.Errorf("run: %+v, %v", got, err)
		}
	})
	_, _, err = b.EndProcess(t.Context(), postgres.ProcessEnd{Ref: p, Outcome: forgehook.ProcessCanceled, Now: time.Now()})
	check(t, err)
	_, err = b.CompleteRun(t.Context(), run, forgehook.RunCanceled, nil, time.Now())
	check(t, err)
	waiting.Wait()
	if ctx.Err() != nil {
		t.Error("they waited until the end")
	}
}

func TestStaleProcesses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var refs []forgehook.ProcessRef
	for range 3 {
		refs = append(refs, b.waits(t, b.item(t).ID, b.s.Call(t, b.DB)))
	}
	_, _, err := b.EndProcess(t.Context(), postgres.ProcessEnd{Ref: refs[0], Outcome: forgehook.ProcessCanceled, Now: time.Now()})
	check(t, err)
	stale, err := b.StaleProcesses(t.Context(), time.Now().Add(time.Minute), 10)
	check(t, err)
	equal(t, "stale", stale, refs[1:])
	stale, err = b.StaleProcesses(t.Context(), time.Now().Add(-time.Minute), 10)
	check(t, err)
	equal(t, "checked lately", len(stale), 0)
}

// A child is either found by a process that begins with its parent, or told to it.
func TestAcceptProcess_whileTheItemIsHandedOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 10 {
		item, call := b.item(t, func(w *forgehook.WorkItem) { w.Status = 5 }), b.s.Call(t, b.DB)
		var wakes []forgehook.Wake
		var workers sync.WaitGroup
		workers.Go(func() {
			child := forgehook.WorkItem{WorkItemID: &item.ID, Status: 6}
			_, _, raised, err := b.PutWorkItem(t.Context(), b.tenant, b.s.Project.ID, child, "")
			if err != nil {
				t.Error(err)
			}
			wakes = raised.Wakes
		})
		_, ref, _, err := b.AcceptProcess(t.Context(), b.tenant, postgres.ProcessAcceptance{WorkItemID: item.ID, CallID: call.ID, Now: time.Now()})
		check(t, err)
		found := !b.look(t, ref).Handed
		workers.Wait()
		if !found && len(wakes) == 0 {
			t.Fatal("the process would wait for ever")
		}
	}
}

// Those who escalate at once make one child.
func TestEscalateItem_atOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	item := b.item(t)
	p := b.waits(t, item.ID, b.s.Call(t, b.DB))
	var workers sync.WaitGroup
	children := make([]int32, 6)
	for i := range children {
		workers.Go(func() {
			state, _, err := b.EscalateItem(t.Context(), p, item.DueDate.Time)
			if err != nil {
				t.Error(err)
				return
			}
			children[i] = state.Item.ID
		})
	}
	workers.Wait()
	for _, child := range children {
		equal(t, "child", child, b.look(t, p).Item.ID)
	}
}

// Changes of an item, looks at it and the end of its process at once neither deadlock nor lose
// anything.
func TestProcess_atOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, on(forgehook.EventWorkItem))
	for range 5 {
		item, call := b.item(t), b.s.Call(t, b.DB)
		p := b.waits(t, item.ID, call)
		var workers sync.WaitGroup
		try := func(do func() error) {
			workers.Go(func() {
				if err := do(); err != nil {
					t.Error(err)
				}
			})
		}
		try(func() error {
			_, _, err := b.UpdateWorkItem(t.Context(), b.tenant, item.ID, "", func(w *forgehook.WorkItem) error { w.Comment = new("c"); return nil })
			return err
		})
		try(func() error { _, err := b.LookAtItem(t.Context(), p); return err })
		try(func() error { _, _, err := b.EscalateItem(t.Context(), p, item.DueDate.Time); return err })
		try(func() error {
			_, err := b.CompleteCall(t.Context(), b.ref(call.ID), forgehook.Canceled, nil, time.Now())
			return err
		})
		try(func() error {
			_, _, err := b.EndProcess(t.Context(), postgres.ProcessEnd{
				Ref: p, Outcome: forgehook.ProcessAnswered, Write: &forgehook.WorkItemWrite{Status: new(forgehook.WorkItemStatus(8))}, Now: time.Now(),
			})
			return err
		})
		workers.Wait()
		end := b.look(t, p)
		equal(t, "outcome, status of the item where it ended", []any{end.Outcome, end.Item.Status}, []any{forgehook.ProcessAnswered, forgehook.WorkItemStatus(8)})
	}
}
