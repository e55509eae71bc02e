package activities

import (
	"context"
	"log/slog"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/webhook"
	"github.com/forgehook/forgehook/workflows"
)

// LookAtWorkItem tells the state of a process. It follows an item that was handed over to its
// child.
func (a *Activities) LookAtWorkItem(ctx context.Context, in workflows.ProcessRef) (workflows.ItemState, error) {
	state, err := a.DB.LookAtItem(ctx, in)
	if err != nil {
		return workflows.ItemState{}, a.faultOf("look at work item", process(in), err)
	}
	return itemState(state), nil
}

// EscalateWorkItem hands the item over to a new child with a later due date, and tells the state of
// the process.
func (a *Activities) EscalateWorkItem(ctx context.Context, in workflows.ProcessRef) (workflows.ItemState, error) {
	state, raised, err := a.DB.EscalateItem(ctx, in, a.Now())
	if err != nil {
		return workflows.ItemState{}, a.faultOf("escalate work item", process(in), err)
	}
	a.dispatch(process(in)).Follow(ctx, raised)
	return itemState(state), nil
}

// EndProcess ends a process unless it has ended, and writes to its item: what the call's reading
// says about it, or that it is rejected. If the item is dead or the process canceled, it cancels
// the call that was made for the item. If the call has ended meanwhile and left its reading to the
// process, the process ends as answered, whatever outcome was asked for. It returns no outcome if
// the item was handed over meanwhile: the reading must wait for the child.
func (a *Activities) EndProcess(ctx context.Context, in workflows.ProcessEnd) (workflows.ProcessResult, error) {
	what := process(in.ProcessRef)
	var state postgres.ItemState
	var ended forgehook.WorkItemProcess
	for range endTries {
		var err error
		if state, err = a.DB.LookAtItem(ctx, in.ProcessRef); err != nil {
			return workflows.ProcessResult{}, a.faultOf("look at work item", what, err)
		}
		end, err := a.endOf(ctx, in, state)
		if err != nil {
			return workflows.ProcessResult{}, a.faultOf("read what the call says about the work item", what, err)
		}
		var raised postgres.Raised
		if ended, raised, err = a.DB.EndProcess(ctx, end); err != nil {
			return workflows.ProcessResult{}, a.faultOf("end process", what, err)
		}
		a.dispatch(what).Follow(ctx, raised)
		if ended.Outcome != nil || state.Handed {
			break
		}
	}
	if ended.Outcome == nil && !state.Handed {
		err := forgehook.Errorf(forgehook.CodeUnavailable, "the work item changes all the time")
		return workflows.ProcessResult{}, a.faultOf("end process", what, err)
	}
	result := workflows.ProcessResult{WorkItemID: ended.CurrentID, CallOutcome: state.CallOutcome}
	if ended.Outcome != nil {
		result.Outcome = *ended.Outcome
	}
	if ended.CallOutcome != nil {
		result.CallOutcome = *ended.CallOutcome
	}
	// A second run of this step needs this too: the first may have died before the cancel.
	moot := result.Outcome == forgehook.ProcessDead || result.Outcome == forgehook.ProcessCanceled
	if moot && state.OwnsCall && result.CallOutcome == "" {
		given, err := a.dispatch(what).CancelCall(ctx, state.Call, "The work item that waits for it is gone.", a.Now())
		if err != nil {
			return workflows.ProcessResult{}, a.fault("cancel call", state.Call, err)
		}
		countOutcome(ctx, given)
	}
	return result, nil
}

// endTries bounds how often EndProcess starts again because the call or the item has changed since
// it looked.
const endTries = 3

// endOf is the end that fits this state of the process.
func (a *Activities) endOf(ctx context.Context, in workflows.ProcessEnd, state postgres.ItemState) (end postgres.ProcessEnd, err error) {
	end = postgres.ProcessEnd{Ref: in.ProcessRef, Outcome: in.Outcome, Now: a.Now()}
	if state.Outcome != "" { // this outcome stands, and so does what it wrote
		return end, nil
	}
	switch in.Outcome {
	case forgehook.ProcessRejected, forgehook.ProcessDue, forgehook.ProcessCanceled:
		if state.AwaitsWrite() {
			end.Outcome = forgehook.ProcessAnswered
		}
	}
	switch {
	case end.Outcome == forgehook.ProcessAnswered && state.Item != nil:
		end.ItemID = state.Item.ID
		end.Write, err = a.writeToItem(ctx, state)
	case end.Outcome == forgehook.ProcessRejected:
		end.Write = &forgehook.WorkItemWrite{Status: new(rejected)}
	}
	return end, err
}

// rejected is the status of an item that its process has rejected.
const rejected = forgehook.WorkItemStatus(10)

// writeToItem is what the reading of the ended call says about the item, nil if nothing. A reading
// that does not fit the item must not keep it waiting: the process then ends without writing.
func (a *Activities) writeToItem(ctx context.Context, state postgres.ItemState) (*forgehook.WorkItemWrite, error) {
	if state.CallOutcome != forgehook.Delivered || state.Item == nil {
		return nil, nil
	}
	call, err := a.DB.Call(ctx, state.Call.Tenant, state.Call.CallID)
	if err != nil {
		return nil, err
	}
	facts, err := a.DB.Facts(ctx, state.Call)
	if err != nil {
		return nil, err
	}
	defer facts.Done()
	plan, err := a.plan(state.Call.Tenant, facts.Call.WebHookServiceID, facts.Settings)
	if err != nil {
		return nil, err
	}
	if !plan.NeedsSubject() {
		return nil, nil
	}
	subject := facts.Subject
	subject.WorkItem = state.Item
	evidence := webhook.Evidence{Subject: &subject, Meta: a.meta(facts.Call, shownToken(plan))}
	if evidence.Exchange, err = call.Response.Exchange(); err != nil {
		return nil, err
	}
	if plan.Awaits() { // a delivered call that awaits a callback got it
		evidence.Callback = &forgehook.Callback{Result: call.Result}
	}
	write, err := plan.ReadWorkItem(evidence, call.Result)
	if err != nil {
		a.Log.Warn("the reading of the call does not fit the work item", "call", state.Call.CallID, "workItem", state.Item.ID, "error", err)
		return nil, nil
	}
	return write, nil
}

func itemState(s postgres.ItemState) workflows.ItemState {
	state := workflows.ItemState{
		Gone: s.Item == nil, Handed: s.Handed, Answered: s.Answered, DueAt: s.DueAt, OnDue: s.OnDue, CallOutcome: s.CallOutcome, Outcome: s.Outcome,
	}
	if s.Item != nil {
		state.WorkItemID, state.Status = s.Item.ID, s.Item.Status
	}
	return state
}

func process(ref workflows.ProcessRef) slog.Attr { return slog.String("process", ref.ProcessID) }
