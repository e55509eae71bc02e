package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/forgehook/forgehook"
)

const (
	processLooks  = 500         // in one run: about 5,000 events
	escalateAgain = time.Second // after the due date by the engine's clock, but not yet by the database's
)

// ProcessWorkItem lets a work item wait for the end of a call. At each signal it looks where item
// and call stand, and acts on that, since signals may come early, late, twice or for nothing. A
// cancellation is an outcome, not an error.
func ProcessWorkItem(ctx workflow.Context, in ProcessRef) (ProcessResult, error) {
	p := &process{ref: in, own: ctx}
	p.ctx, _ = workflow.NewDisconnectedContext(ctx)
	return p.run()
}

// process is one run of ProcessWorkItem.
type process struct {
	ref ProcessRef
	own workflow.Context // the run's own context, which a cancellation ends
	ctx workflow.Context // for steps that a cancellation does not stop

	due     workflow.Future // its timer; nil: not running
	dueAt   time.Time
	stopDue workflow.CancelFunc
}

func (p *process) run() (ProcessResult, error) {
	escalate := false
	for range processLooks {
		state, err := p.look(escalate)
		switch {
		case state.Outcome != "":
			return p.finish(ProcessResult{WorkItemID: state.WorkItemID, Outcome: state.Outcome, CallOutcome: state.CallOutcome})
		case p.own.Err() != nil:
			return p.end(forgehook.ProcessCanceled)
		case err != nil:
			return ProcessResult{}, err
		}
		if outcome := p.judge(state); outcome != "" {
			if result, err := p.end(outcome); err != nil || result.Outcome != "" {
				return result, err
			}
			escalate = false
			continue
		}
		if !escalate && state.OnDue == forgehook.DueEscalate && p.overdue(state) {
			escalate = true
			continue
		}
		p.wait(state)
		escalate = false
	}
	if p.own.Err() != nil {
		return p.end(forgehook.ProcessCanceled)
	}
	// The next run begins with a look, so an unread signal is no loss.
	return ProcessResult{}, workflow.NewContinueAsNewError(p.own, ProcessWorkItem, p.ref)
}

// look returns where the process stands, after an escalation if one is due. It covers all signals
// before it.
func (p *process) look(escalate bool) (ItemState, error) {
	for _, name := range []string{CallEndedSignal, ItemChangedSignal} {
		ch := workflow.GetSignalChannel(p.own, name)
		for ch.ReceiveAsync(nil) {
		}
	}
	if escalate {
		return escalateWorkItem(p.own, p.ref)
	}
	return lookAtWorkItem(p.own, p.ref)
}

// judge returns how the process ends in a state, "" if it goes on. The item comes before the call:
// a decision of somebody stands, unless the call's response made it.
func (p *process) judge(state ItemState) forgehook.ProcessOutcome {
	switch {
	case state.Answered:
		return forgehook.ProcessAnswered
	case state.Gone || state.Status.Dead():
		return forgehook.ProcessDead
	case state.Status.Settled():
		return forgehook.ProcessSettled
	case state.Handed:
		return ""
	case state.CallOutcome != "":
		return forgehook.ProcessAnswered
	case p.overdue(state) && state.OnDue == forgehook.DueReject:
		return forgehook.ProcessRejected
	case p.overdue(state) && state.OnDue == forgehook.DueContinue:
		return forgehook.ProcessDue
	}
	return ""
}

// overdue reports whether OnDue is to be done now.
func (p *process) overdue(state ItemState) bool {
	return timed(state) && !workflow.Now(p.ctx).Before(*state.DueAt)
}

// timed reports whether the due date counts: not while an item is handed over and its child does
// not exist yet.
func timed(state ItemState) bool {
	return state.DueAt != nil && state.OnDue != forgehook.DueWait && state.OnDue != "" && !state.Handed
}

// wait returns when the process has to look again.
func (p *process) wait(state ItemState) {
	first := workflow.NewSelector(p.ctx)
	first.AddReceive(p.own.Done(), func(workflow.ReceiveChannel, bool) {})
	for _, name := range []string{CallEndedSignal, ItemChangedSignal} {
		first.AddReceive(workflow.GetSignalChannel(p.ctx, name), func(ch workflow.ReceiveChannel, _ bool) { ch.Receive(p.ctx, nil) })
	}
	if p.setDue(state); p.due != nil {
		first.AddFuture(p.due, func(workflow.Future) { p.due = nil })
	}
	p.show(state)
	first.Select(p.ctx)
}

// setDue sets the timer to the due date. A timer to the same date is kept, since most looks change
// nothing.
func (p *process) setDue(state ItemState) {
	var at time.Time
	if timed(state) {
		at = *state.DueAt
	}
	if p.due != nil && at.Equal(p.dueAt) {
		return
	}
	if p.due != nil {
		p.stopDue()
		p.due = nil
	}
	if at.IsZero() {
		return
	}
	ctx, stop := workflow.WithCancel(p.ctx)
	rest := max(escalateAgain, at.Sub(workflow.Now(p.ctx)))
	p.due, p.dueAt, p.stopDue = workflow.NewTimerWithOptions(ctx, rest, workflow.TimerOptions{Summary: "due date of the work item"}), at, stop
}

// end records the outcome. An outcome that already stands wins; there is none if things changed
// since the look.
func (p *process) end(outcome forgehook.ProcessOutcome) (ProcessResult, error) {
	result, err := endProcess(p.ctx, ProcessEnd{ProcessRef: p.ref, Outcome: outcome})
	if err != nil || result.Outcome == "" {
		return ProcessResult{}, err
	}
	return p.finish(result)
}

func (p *process) finish(result ProcessResult) (ProcessResult, error) {
	text := fmt.Sprintf("Work item **%d**: **%s**", result.WorkItemID, result.Outcome)
	if result.CallOutcome != "" {
		text += ", the call: **" + string(result.CallOutcome) + "**"
	}
	workflow.SetCurrentDetails(p.ctx, text)
	return result, nil
}

// show tells the Temporal UI what the process waits for.
func (p *process) show(state ItemState) {
	text := "the end of the call"
	if state.Handed {
		text = "the item that it was handed over to"
	}
	text = fmt.Sprintf("Work item **%d** waits for %s", state.WorkItemID, text)
	if timed(state) {
		text += fmt.Sprintf("; due at %s, then: **%s**", forgehook.Time{Time: *state.DueAt}, state.OnDue)
	}
	workflow.SetCurrentDetails(p.ctx, text)
}
