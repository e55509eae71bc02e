package forgehook

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// EventType names something that happened to a service's documents, work items or calls. It is the
// type of the payloads that it fires.
type EventType string

// The events. The first seven are the platform's lifecycle; the others are ours.
const (
	EventBeforeProcess    EventType = "before_process"
	EventAfterProcess     EventType = "after_process"
	EventDocumentCreated  EventType = "document.created"
	EventDocumentUpdated  EventType = "document.updated"
	EventDocumentDeleted  EventType = "document.deleted"
	EventVerification     EventType = "verification"       // a field was verified
	EventWorkItem         EventType = "workitem"           // created, its status set, transferred, escalated
	EventCallCompleted    EventType = "call.completed"     // delivered
	EventCallFailed       EventType = "call.failed"        // failed or expired
	EventUtilityHeld      EventType = "utility.held"       // onFailure is hold, and a call failed
	EventUtilityRecovered EventType = "utility.recovered"  // resumed after that
	EventExplicit         EventType = "document.processed" // nobody's event: a call that somebody asked for
)

// Who raises an event.
type raiser int

const (
	byNobody raiser = iota
	byClient        // by POST /v1/services/{id}/events
	byUs            // Forgehook itself, of the call that caused it
)

// events declares each event: who raises it, whether executeOnTrigger may list it, and whether true
// stands for it there. The order is that in which lists of triggers are kept.
var events = []struct {
	event             EventType
	by                raiser
	trigger, whenTrue bool
}{
	{EventBeforeProcess, byClient, false, false}, // executeBeforeProcess
	{EventAfterProcess, byClient, false, false},  // executeAfterProcess
	{EventDocumentCreated, byClient, true, true},
	{EventDocumentUpdated, byClient, true, true},
	{EventDocumentDeleted, byClient, true, true},
	{EventVerification, byClient, true, false},
	{EventWorkItem, byClient, true, false},
	{EventCallCompleted, byUs, true, false},
	{EventCallFailed, byUs, true, false},
	{EventUtilityHeld, byUs, true, false},
	{EventUtilityRecovered, byUs, true, false},
	{EventExplicit, byNobody, false, false},
}

// EventTypes are those that a client may raise, OwnEventTypes those that Forgehook raises;
// TriggerTypes those that executeOnTrigger may list.
var EventTypes, OwnEventTypes, TriggerTypes, documentTriggers = eventLists()

func eventLists() (raised, own, triggers, whenTrue []EventType) {
	for _, e := range events {
		switch e.by {
		case byClient:
			raised = append(raised, e.event)
		case byUs:
			own = append(own, e.event)
		}
		if e.trigger {
			triggers = append(triggers, e.event)
		}
		if e.whenTrue {
			whenTrue = append(whenTrue, e.event)
		}
	}
	return raised, own, triggers, whenTrue
}

// Fires are the events that fire the utility; none while it is disabled.
func (s *Settings) Fires() []EventType {
	if !s.Enabled {
		return nil
	}
	var list []EventType
	if s.ExecuteBeforeProcess {
		list = append(list, EventBeforeProcess)
	}
	if s.ExecuteAfterProcess {
		list = append(list, EventAfterProcess)
	}
	return append(list, s.ExecuteOnTrigger...)
}

// MaxEventDocuments bounds the documents of one event that a client raises.
const MaxEventDocuments = 10_000

// EventRequest raises an event for one document or many. Of the entities of Request only those that
// belong to the event are looked at; DocumentIDs and Documents are for before_process,
// after_process and the document events, instead of Request's one document.
type EventRequest struct {
	Type        EventType
	Request     CallRequest
	DocumentIDs []int32
	Documents   []Document
}

// Validate reports what the event cannot be about; whether ids exist is for the store to say.
func (e *EventRequest) Validate() error {
	var faults []FieldError
	fault := func(path, value, allowed string) {
		faults = append(faults, FieldError{Path: path, Value: value, Allowed: allowed})
	}
	for _, list := range []struct {
		name string
		n    int
	}{{"documentIds", len(e.DocumentIDs)}, {"documents", len(e.Documents)}} {
		if list.n > MaxEventDocuments {
			fault(list.name, strconv.Itoa(list.n), fmt.Sprintf("at most %d documents in one event", MaxEventDocuments))
		}
	}
	r := e.Request
	many, one := e.DocumentIDs != nil || e.Documents != nil, r.DocumentID != nil || r.Document != nil
	verification, workItem := e.Type == EventVerification, e.Type == EventWorkItem
	switch {
	case e.DocumentIDs != nil && e.Documents != nil:
		fault("documents", "", "either documentIds or documents, not both")
	case many && one:
		fault("document", "", "either one document or a list of them, not both")
	case many && (verification || workItem):
		fault("documents", "", fmt.Sprintf("none: the event %s is about one", e.Type))
	}
	switch {
	case verification && r.VerificationID == nil && r.Verification == nil:
		fault("verification", "", "required: verificationId or verification")
	case workItem && r.WorkItemID == nil && r.WorkItem == nil:
		fault("workItem", "", "required: workItemId or workItem")
	}
	about := e.About()
	switch {
	case len(e.DocumentIDs)+len(e.Documents) > 0 && !one:
		r.Document = &Document{} // those of the list
	case r.hasDocument() && !about.hasDocument(): // a work item of another event
		faults = append(faults, documentRequired)
	}
	return Invalid(append(faults, r.faults()...)...)
}

// About is what of the request belongs to the event: fields belong to a verification, work items to
// their own event.
func (e *EventRequest) About() CallRequest {
	r := e.Request
	r.ServiceID, r.WebHookServiceID = nil, nil
	if e.Type != EventWorkItem {
		r.WorkItemID, r.WorkItem = nil, nil
	}
	if e.Type != EventWorkItem && e.Type != EventVerification {
		r.ParameterID, r.Parameter, r.ParameterDefID, r.ParameterDef = nil, nil, nil, nil
		r.VerificationID, r.Verification = nil, nil
	}
	return r
}

// RunStatus says where a run stands.
type RunStatus string

// The states of a run.
const (
	RunAccepted  RunStatus = "accepted"
	RunRunning   RunStatus = "running"
	RunCompleted RunStatus = "completed"
)

// RunStatuses lists every state, in the order a run meets them.
var RunStatuses = []RunStatus{RunAccepted, RunRunning, RunCompleted}

// RunOutcome is the end of a run.
type RunOutcome string

// The outcomes of a run.
const (
	RunDone     RunOutcome = "completed" // every document had its calls, and all of them ended
	RunFailed   RunOutcome = "failed"    // a call of a utility with onFailure error failed: later batches were not called
	RunCanceled RunOutcome = "canceled"
)

// RunOutcomes lists every outcome.
var RunOutcomes = []RunOutcome{RunDone, RunFailed, RunCanceled}

// Run is one event and the calls it fires: documents in batches, all utilities that the event fires
// for each of them.
type Run struct {
	ID          string      `json:"id"` // UUIDv7
	WorkflowID  string      `json:"workflowId"`
	ProjectID   int32       `json:"projectId"`
	ServiceID   int32       `json:"serviceId"`
	Type        EventType   `json:"type"`
	Status      RunStatus   `json:"status"`
	Outcome     *RunOutcome `json:"outcome"`
	Reason      *string     `json:"reason"`
	CauseID     *string     `json:"causeId"` // the call that caused the event
	Documents   int         `json:"documents"`
	Processed   int         `json:"processed"` // documents whose calls have been accepted, or that fire none
	Calls       int         `json:"calls"`
	Open        int         `json:"open"` // calls without outcome
	Delivered   int         `json:"delivered"`
	Skipped     int         `json:"skipped"`
	Failed      int         `json:"failed"` // failed, expired or canceled
	AcceptedAt  Time        `json:"acceptedAt"`
	CompletedAt *Time       `json:"completedAt"`
	Error       *CallError  `json:"error"`
}

// RunRef names a run.
type RunRef struct {
	Tenant TenantID
	RunID  string
}

// RunStart is what is needed to start a run's workflow and to show it there.
type RunStart struct {
	RunRef
	ServiceID, ProjectID int32
	Type                 EventType
	Documents            int
}

// What the ids of workflows begin with. The id of the call, run or process follows.
const (
	callWorkflows    = "call/"
	runWorkflows     = "run/"
	ProcessWorkflows = "work-item/" // SQL makes ids with it
	drainWorkflows   = "drain/"
)

// CallWorkflowID is the id of a call's workflow.
func CallWorkflowID(callID string) string { return callWorkflows + callID }

// RunWorkflowID is the id of the workflow of an event's run.
func RunWorkflowID(runID string) string { return runWorkflows + runID }

// ProcessWorkflowID is the id of the workflow of a work item's process.
func ProcessWorkflowID(processID string) string { return ProcessWorkflows + processID }

// DrainWorkflowID is the id of the workflow that releases a utility's held calls: one at a time.
func DrainWorkflowID(tenant TenantID, webHookServiceID int32) string {
	return drainWorkflows + string(tenant) + "/" + strconv.Itoa(int(webHookServiceID))
}

// WorkflowState is what the engine knows of a workflow.
type WorkflowState string

// The states of a workflow; all but the first two have ended.
const (
	WorkflowMissing    WorkflowState = "missing" // never started, or deleted when its retention ended
	WorkflowRunning    WorkflowState = "running"
	WorkflowCompleted  WorkflowState = "completed"
	WorkflowFailed     WorkflowState = "failed"
	WorkflowCanceled   WorkflowState = "canceled"
	WorkflowTerminated WorkflowState = "terminated"
	WorkflowTimedOut   WorkflowState = "timed_out"
)

// Wake is a signal that is owed to a workflow. It is stored together with what it tells, so that it
// is never lost.
type Wake struct {
	ID         int64
	Tenant     TenantID
	WorkflowID string
	Signal     string
	Payload    []byte // JSON, nil: none
}

// The signals that are owed.
const (
	CallbackSignal    = "callback"          // to a call: the endpoint has answered
	CallEndedSignal   = "call-ended"        // to who awaits a call: {"CallID","Outcome","StatusCode","Attempts"}
	RunDrainedSignal  = "drained"           // to a run: no call of it is open
	ItemChangedSignal = "work-item-changed" // to a work item's process
)

// OnDue says what a work item's process does at the item's due date while the answer is missing.
type OnDue string

// What may be done.
const (
	DueWait     OnDue = "wait"     // go on waiting
	DueEscalate OnDue = "escalate" // set the item EscalateTx, make a child that has EscalateRx, and wait for the answer with that
	DueReject   OnDue = "reject"   // set the item Rejected
	DueContinue OnDue = "continue" // leave the item as it is, and end
)

// OnDues lists them.
var OnDues = []OnDue{DueWait, DueEscalate, DueReject, DueContinue}

// ProcessOutcome is the end of a work item's process.
type ProcessOutcome string

// The ends of a process.
const (
	ProcessAnswered ProcessOutcome = "answered" // the call ended, and what it says was written to the item
	ProcessSettled  ProcessOutcome = "settled"  // somebody else completed, verified or rejected the item
	ProcessDead     ProcessOutcome = "dead"     // the item is Deleted, DocumentDeleted or Error, or gone
	ProcessRejected ProcessOutcome = "rejected" // at its due date
	ProcessDue      ProcessOutcome = "due"      // the due date passed, and the process went on without an answer
	ProcessCanceled ProcessOutcome = "canceled"
)

// ProcessRef names a work item's process.
type ProcessRef struct {
	Tenant    TenantID
	ProcessID string // UUIDv7
}

// ProcessStart is what is needed to start a process's workflow and to show it there.
type ProcessStart struct {
	ProcessRef
	WorkItemID int32
	CallID     string
}

// ProcessOutcomes lists every end.
var ProcessOutcomes = []ProcessOutcome{ProcessAnswered, ProcessSettled, ProcessDead, ProcessRejected, ProcessDue, ProcessCanceled}

// WorkItemProcess is a work item that waits for a call.
type WorkItemProcess struct {
	WorkItemID  int32           `json:"workItemId"` // that it began with
	CurrentID   int32           `json:"currentId"`  // where it stands now: it follows transfer and escalation to the child
	WorkflowID  string          `json:"workflowId"`
	CallID      string          `json:"callId"`
	OnDue       OnDue           `json:"onDue"`
	DueAt       *Time           `json:"dueAt"`
	Status      string          `json:"status"` // waiting or completed
	Outcome     *ProcessOutcome `json:"outcome"`
	CallOutcome *Outcome        `json:"callOutcome"`
	StartedAt   Time            `json:"startedAt"`
	CompletedAt *Time           `json:"completedAt"`
}

// ProcessRequest starts a process: with a call that is there, or with a new one about the item, of
// a utility.
type ProcessRequest struct {
	CallID           *string `json:"callId"`
	WebHookServiceID *int32  `json:"webHookServiceId"`
	Reason           *string `json:"reason"`  // with the item's id it makes the call's idempotency key
	OnDue            *OnDue  `json:"onDue"`   // nil: wait
	DueDate          *Time   `json:"dueDate"` // nil: the item's
}

// Actionable says that somebody has yet to do what a work item asks; a handed over one goes on with
// its child. The rest is settled or dead. Rule: the platform's statuses, domain reference 6.
func (s WorkItemStatus) Actionable() bool { return s == 0 || s == 1 || s == 4 || s == 6 }

// HandedOver says that the item goes on as another one.
func (s WorkItemStatus) HandedOver() bool { return s == 3 || s == 5 }

// Dead says that nobody will complete the item.
func (s WorkItemStatus) Dead() bool { return s == 90 || s == 91 || s == 99 }

// Settled says that the item is done.
func (s WorkItemStatus) Settled() bool { return slices.Contains([]WorkItemStatus{2, 8, 9, 10}, s) }

// GracePeriod is what a work item has from its creation to its due date, where neither says
// otherwise.
const GracePeriod = 24 * time.Hour

// Cause is the call that an event is about, as the calls which the event fires see it.
type Cause struct {
	ID               string          `json:"id"`
	WebHookServiceID int32           `json:"webHookServiceId"`
	Reason           *string         `json:"reason"`
	Outcome          string          `json:"outcome"`
	StatusCode       *int32          `json:"statusCode"` // of the last response; null where there was none
	Attempts         int32           `json:"attempts"`
	ErrorCode        *string         `json:"errorCode"`
	ErrorMessage     *string         `json:"errorMessage"`
	Result           json.RawMessage `json:"result"`
}
