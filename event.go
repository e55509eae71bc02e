package forgehook

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// EventType names something that happened to a service's documents, work items or calls. The
// payload of a call that an event fires has it as its type.
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
	EventExplicit         EventType = "document.processed" // no event: a client asked for the call
)

// raiser says who raises an event.
type raiser int

const (
	byNobody raiser = iota
	byClient        // by POST /v1/services/{id}/events
	byUs            // by Forgehook, about the call that caused it
)

// events declares each event: who raises it, whether executeOnTrigger may list it, and whether true
// includes it there. Lists of triggers have the same order.
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

// EventTypes are the events that a client may raise, OwnEventTypes those that Forgehook raises,
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

// Fires lists the events that fire the utility: none while it is disabled.
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

// MaxEventDocuments is the most documents that one event of a client may have.
const MaxEventDocuments = 10_000

// EventRequest raises an event for one document or many. Entities of Request that do not belong to
// the event are ignored. In before_process, after_process and the document events, DocumentIDs or
// Documents may replace the one document of Request.
type EventRequest struct {
	Type        EventType
	Request     CallRequest
	DocumentIDs []int32
	Documents   []Document
}

// Validate reports what the event cannot be about. The store checks that ids exist.
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
		r.Document = &Document{} // the list has them
	case r.hasDocument() && !about.hasDocument(): // a work item names a document of its own event only
		faults = append(faults, documentRequired)
	}
	return Invalid(append(faults, r.faults()...)...)
}

// About is the part of the request that belongs to the event. Fields belong to a verification, work
// items to their own event.
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
	RunDone     RunOutcome = "completed" // all calls of all documents ended
	RunFailed   RunOutcome = "failed"    // a call of a utility with onFailure error failed, and no further batch was called
	RunCanceled RunOutcome = "canceled"
)

// RunOutcomes lists every outcome.
var RunOutcomes = []RunOutcome{RunDone, RunFailed, RunCanceled}

// Run is one event and the calls it fires. It takes the documents in batches and calls, for each
// document, all utilities that the event fires.
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
	Processed   int         `json:"processed"` // documents whose calls were accepted, or that fire none
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

// RunStart starts a run's workflow and shows the run there.
type RunStart struct {
	RunRef
	ServiceID, ProjectID int32
	Type                 EventType
	Documents            int
}

// Workflow ids are one of these and the id of the call, run or process.
const (
	callWorkflows    = "call/"
	runWorkflows     = "run/"
	ProcessWorkflows = "work-item/" // also used by SQL
	drainWorkflows   = "drain/"
)

// CallWorkflowID is the id of a call's workflow.
func CallWorkflowID(callID string) string { return callWorkflows + callID }

// RunWorkflowID is the id of a run's workflow.
func RunWorkflowID(runID string) string { return runWorkflows + runID }

// ProcessWorkflowID is the id of the workflow of a work item's process.
func ProcessWorkflowID(processID string) string { return ProcessWorkflows + processID }

// DrainWorkflowID is the id of the workflow that releases a utility's held calls one at a time.
func DrainWorkflowID(tenant TenantID, webHookServiceID int32) string {
	return drainWorkflows + string(tenant) + "/" + strconv.Itoa(int(webHookServiceID))
}

// WorkflowState is a workflow's state in the engine.
type WorkflowState string

// The states of a workflow; all but the first two have ended.
const (
	WorkflowMissing    WorkflowState = "missing" // not started yet, or deleted after its retention
	WorkflowRunning    WorkflowState = "running"
	WorkflowCompleted  WorkflowState = "completed"
	WorkflowFailed     WorkflowState = "failed"
	WorkflowCanceled   WorkflowState = "canceled"
	WorkflowTerminated WorkflowState = "terminated"
	WorkflowTimedOut   WorkflowState = "timed_out"
)

// Wake is a signal that is owed to a workflow. It is stored with the change that it reports, so it
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
	CallbackSignal    = "callback"          // to a call: the endpoint has called back
	CallEndedSignal   = "call-ended"        // to a workflow that awaits a call: {"CallID","Outcome","StatusCode","Attempts"}
	RunDrainedSignal  = "drained"           // to a run: all its calls have ended
	ItemChangedSignal = "work-item-changed" // to a work item's process
)

// OnDue says what a work item's process does at the due date if the call is still open.
type OnDue string

// The choices at the due date.
const (
	DueWait     OnDue = "wait"     // go on waiting
	DueEscalate OnDue = "escalate" // set the item EscalateTx and go on waiting with a new child, which is EscalateRx
	DueReject   OnDue = "reject"   // set the item Rejected
	DueContinue OnDue = "continue" // end, and leave the item unchanged
)

// OnDues lists every choice.
var OnDues = []OnDue{DueWait, DueEscalate, DueReject, DueContinue}

// ProcessOutcome is the end of a work item's process.
type ProcessOutcome string

// The ends of a process.
const (
	ProcessAnswered ProcessOutcome = "answered" // the call ended, and its result was written to the item
	ProcessSettled  ProcessOutcome = "settled"  // somebody else completed, verified or rejected the item
	ProcessDead     ProcessOutcome = "dead"     // the item is Deleted, DocumentDeleted or Error, or gone
	ProcessRejected ProcessOutcome = "rejected" // the due date passed, and the item was set Rejected
	ProcessDue      ProcessOutcome = "due"      // the due date passed, and the item was left unchanged
	ProcessCanceled ProcessOutcome = "canceled"
)

// ProcessRef names a work item's process.
type ProcessRef struct {
	Tenant    TenantID
	ProcessID string // UUIDv7
}

// ProcessStart starts a process's workflow and shows the process there.
type ProcessStart struct {
	ProcessRef
	WorkItemID int32
	CallID     string
}

// ProcessOutcomes lists every end.
var ProcessOutcomes = []ProcessOutcome{ProcessAnswered, ProcessSettled, ProcessDead, ProcessRejected, ProcessDue, ProcessCanceled}

// WorkItemProcess is a work item that waits for a call.
type WorkItemProcess struct {
	WorkItemID  int32           `json:"workItemId"` // the item it began with
	CurrentID   int32           `json:"currentId"`  // the item it waits with now: after a transfer or escalation the child
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

// ProcessRequest starts a process with an existing call, or with a new call of a utility about the
// item.
type ProcessRequest struct {
	CallID           *string `json:"callId"`
	WebHookServiceID *int32  `json:"webHookServiceId"`
	Reason           *string `json:"reason"`  // with the item's id, the call's idempotency key
	OnDue            *OnDue  `json:"onDue"`   // nil: wait
	DueDate          *Time   `json:"dueDate"` // nil: the item's
}

// Actionable says that somebody has yet to do the work item. A handed over item goes on with its
// child; all others are settled or dead. Rule: the platform's statuses, domain reference 6.
func (s WorkItemStatus) Actionable() bool { return s == 0 || s == 1 || s == 4 || s == 6 }

// HandedOver says that a child has replaced the item.
func (s WorkItemStatus) HandedOver() bool { return s == 3 || s == 5 }

// Dead says that nobody will complete the item.
func (s WorkItemStatus) Dead() bool { return s == 90 || s == 91 || s == 99 }

// Settled says that the item is done.
func (s WorkItemStatus) Settled() bool { return slices.Contains([]WorkItemStatus{2, 8, 9, 10}, s) }

// GracePeriod is the time from creation to due date of a work item that lacks either date.
const GracePeriod = 24 * time.Hour

// Cause is the call that an event is about, as the calls that the event fires see it.
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
