// Package workflows holds what happens next: the workflow of one call and those around it. It waits
// and orders; it decides nothing (rules run in activities) and does no I/O, so that running
// workflows survive every change of a rule. Start with [CallWebhook] in call.go; this file is the
// contract between workflows, activities and whoever starts them.
package workflows

import (
	"context"
	"encoding/json"
	"time"

	"github.com/forgehook/forgehook"
)

// Signals and queries of CallWebhook; DrainUtility takes the resume signal too.
const (
	RetryNowSignal = "retry-now" // end the present back-off
	ResumeSignal   = "resume"    // the utility was resumed: a call leaves its hold, a drain looks for held calls once more
	PhaseQuery     = "phase"     // answers a Phase

	CallbackSignal    = forgehook.CallbackSignal    // to a call: what the endpoint has called back is recorded
	CallEndedSignal   = forgehook.CallEndedSignal   // to who awaits a call, with its CallResult
	RunDrainedSignal  = forgehook.RunDrainedSignal  // to a run: no call of it is open
	ItemChangedSignal = forgehook.ItemChangedSignal // to a process: its work item, or a child of it, has changed
)

// CallID is the workflow id of a call.
func CallID(callID string) string { return forgehook.CallWorkflowID(callID) }

// DrainID is the workflow id of the drain of one utility's held calls: one at a time.
func DrainID(tenant forgehook.TenantID, webHookServiceID int32) string {
	return forgehook.DrainWorkflowID(tenant, webHookServiceID)
}

// RunID is the workflow id of the run of an event.
func RunID(runID string) string { return forgehook.RunWorkflowID(runID) }

// ProcessID is the workflow id of a work item's process.
func ProcessID(processID string) string { return forgehook.ProcessWorkflowID(processID) }

// CallRef names a call. It is all that activities get besides small facts: subjects, bodies and
// secrets stay in PostgreSQL.
type CallRef = forgehook.CallRef

// CallInput starts CallWebhook.
type CallInput struct {
	CallRef
	WebHookServiceID int32
	AcceptedAt       time.Time
	Deadline         time.Duration // from AcceptedAt; the time on hold is added
	Timeout          time.Duration // of one exchange
}

// CallResult is the end of a call.
type CallResult struct {
	CallID     string
	Outcome    forgehook.Outcome
	StatusCode int // of the last answer, 0 when there was none
	Attempts   int
	Wake       bool `json:",omitempty"` // somebody is owed a signal of it: WakeWaiters is to run
}

// Phase is where a call stands as its workflow knows it. Attempts that Deliver repeats by its retry
// policy show in PostgreSQL and as the pending activity, not here.
type Phase struct {
	Phase         forgehook.CallStatus `json:"phase"`
	Attempts      int                  `json:"attempts"`
	NextAttemptAt *forgehook.Time      `json:"nextAttemptAt"`
	Reason        string               `json:"reason"` // what came back last, or why the call ended
}

// ConditionFact is one line of an explanation as the history may know it: no document values.
type ConditionFact struct {
	Condition string
	Passed    bool
}

// Evaluation is what EvaluateConditions found.
type Evaluation struct {
	Outcome    forgehook.Outcome // set when the call has ended: skipped, failed, or an outcome that stood already
	Wake       bool              `json:",omitempty"` // see CallResult
	Conditions []ConditionFact
}

// Built is what BuildRequest made.
type Built struct {
	Outcome   forgehook.Outcome // set when the call has ended: failed, or an outcome that stood already
	Wake      bool              `json:",omitempty"` // see CallResult
	Method    string
	Host      string
	BodyBytes int
	SHA256    string // hex
	Quick     bool   `json:",omitempty"` // the endpoint answers so fast that the first attempt may run within the workflow task
}

// DeliverInput asks for one or more attempts.
type DeliverInput struct {
	CallRef
	Timeout time.Duration // of one exchange
	// ReportRetry makes the first retryable verdict a result, so that the workflow can show it and
	// hold the first back-off as a timer. Later ones are left to the activity's retry policy, which
	// costs no history.
	ReportRetry bool
	// Released lets the call pass while its utility drains; a paused utility holds it all the same.
	Released bool
	// AtOnce sends although the next try is not due: somebody asked for it.
	AtOnce bool
	// Underway says that a workflow task has begun the attempt and could not wait for it: it is to
	// be waited for, not made.
	Underway bool `json:",omitempty"`
	// TaskBegan is when the workflow task began that makes the attempt; zero in a regular activity.
	TaskBegan time.Time `json:",omitzero"`
}

// DeliverResult is what came of it: exactly one of Outcome, Held, Underway, AwaitUntil and RetryIn
// is set.
type DeliverResult struct {
	Outcome    forgehook.Outcome
	Wake       bool `json:",omitempty"` // see CallResult
	Held       bool
	Underway   bool       `json:",omitempty"` // within a workflow task only: the attempt goes on, the task must not wait for it
	AwaitUntil *time.Time `json:",omitempty"` // the endpoint took the request and calls back until then
	RetryIn    time.Duration
	StatusCode int // 0 when there was no answer
	Attempts   int
	Reason     string // "503 Service Unavailable", "connection refused": no document values
}

// CompleteInput ends a call for a reason of the workflow's own.
type CompleteInput struct {
	CallRef
	Outcome forgehook.Outcome       // "": give none, tell which one stands, if any
	Code    forgehook.CallErrorCode // of Call.error
	Message string
}

// DrainInput starts DrainUtility.
type DrainInput struct {
	Tenant           forgehook.TenantID
	WebHookServiceID int32
}

// ReleaseInput asks for one page of a drain.
type ReleaseInput struct {
	Tenant           forgehook.TenantID
	WebHookServiceID int32
	Limit            int
}

// ReleaseResult says how many calls were released; Done when none is left and the utility delivers
// freely again.
type ReleaseResult struct {
	Released int
	Done     bool
}

// SweepResult says what a sweep mended.
type SweepResult struct {
	Started int // accepted calls that had no run
	Settled int // calls whose run had ended without an outcome
	Woken   int `json:",omitempty"` // signals that were owed for a while
	Resumed int `json:",omitempty"` // runs of events and processes of work items that had no workflow
}

// RequestInput starts RequestCall: the way in for workflows of others, as a child or over Nexus.
// The Temporal namespace is what guards it: whoever may start workflows there may call for any
// tenant.
type RequestInput struct {
	Tenant         forgehook.TenantID
	Request        forgehook.CallRequest // by ids: what is given inline stands in the caller's history
	IdempotencyKey string                // "": the id of the workflow, so that its retries and resets call once
	WithResult     bool                  // answer the mapped results too, at most MaxResult bytes together
	CauseID        string                `json:",omitempty"` // the call, or its webhook-id, that this comes from: what the calls change does not fire its utility again
}

// MaxResult bounds the results in a RequestResult, in bytes of JSON.
const MaxResult = 64 << 10

// RequestResult is the end of all calls that were requested.
type RequestResult struct {
	Calls     []CallAnswer
	NotCalled []forgehook.NotCalled
}

// CallAnswer is the end of one of them.
type CallAnswer struct {
	CallResult
	WebHookServiceID int32
	ErrorCode        forgehook.CallErrorCode `json:",omitempty"`
	Result           json.RawMessage         `json:",omitempty"`
}

// AcceptInput asks for acceptance of calls that a workflow awaits.
type AcceptInput struct {
	RequestInput
	WorkflowID string // is signalled CallEndedSignal for each call that has not ended
}

// Accepted are calls; those without outcome go on.
type Accepted struct {
	Calls     []CallResult
	NotCalled []forgehook.NotCalled
}

// AnswersInput asks how calls have ended.
type AnswersInput struct {
	Tenant     forgehook.TenantID
	CallIDs    []string
	WithResult bool
}

// RunRef names a run.
type RunRef = forgehook.RunRef

// RunInput starts RunUtilities.
type RunInput struct {
	RunRef
	Processed, Calls int // by earlier runs of the workflow: it continues as new
}

// Batch is what AcceptBatch did.
type Batch struct {
	Processed int                  // documents of this batch
	Calls     int                  // of this batch
	Open      int                  // calls of the run without outcome
	Wait      bool                 // no further batch until no call is open
	Done      bool                 // no document is left
	Stopped   bool                 // a call failed whose utility says onFailure error
	Why       string               `json:",omitempty"` // which one, where Stopped
	Outcome   forgehook.RunOutcome // set when the run has ended
}

// RunEnd ends a run.
type RunEnd struct {
	RunRef
	Outcome forgehook.RunOutcome
	Code    forgehook.CallErrorCode // of Run.error
	Message string
}

// RunResult is the end of a run.
type RunResult struct {
	RunID   string
	Outcome forgehook.RunOutcome
}

// ProcessRef names a work item's process.
type ProcessRef = forgehook.ProcessRef

// ItemState is where a process stands.
type ItemState struct {
	WorkItemID  int32
	Status      forgehook.WorkItemStatus
	Gone        bool // the item was deleted
	Handed      bool // handed over; the child is not there yet
	Answered    bool `json:",omitempty"` // the item has its status by the call's answer
	DueAt       *time.Time
	OnDue       forgehook.OnDue
	CallOutcome forgehook.Outcome        // "": the call goes on
	Outcome     forgehook.ProcessOutcome // set when the process has ended
}

// ProcessEnd ends a process. Answered writes what the call's answer says about the work item to it.
type ProcessEnd struct {
	ProcessRef
	Outcome forgehook.ProcessOutcome
}

// ProcessResult is the end of a process.
type ProcessResult struct {
	WorkItemID  int32                    // where it ended
	Outcome     forgehook.ProcessOutcome // of EndProcess: "" where it has to look again, for things stand otherwise by now
	CallOutcome forgehook.Outcome
}

// Activities are the steps. Each may run twice.
type Activities interface {
	// EvaluateConditions explains all conditions; where one fails the call ends skipped.
	EvaluateConditions(ctx context.Context, in CallRef) (Evaluation, error)
	// BuildRequest makes the exact request and stores it.
	BuildRequest(ctx context.Context, in CallRef) (Built, error)
	// Deliver makes one attempt. A retryable verdict beyond the reported one is a benign, retryable
	// error with its next delay.
	Deliver(ctx context.Context, in DeliverInput) (DeliverResult, error)
	// CompleteCall gives the call its outcome unless it has one, and returns the one that stands.
	CompleteCall(ctx context.Context, in CompleteInput) (CallResult, error)
	// ReleaseHeld signals the next page of held calls, oldest first.
	ReleaseHeld(ctx context.Context, in ReleaseInput) (ReleaseResult, error)
	// SweepCalls starts accepted calls without a run and settles calls whose run is gone.
	SweepCalls(ctx context.Context) (SweepResult, error)
	// WakeWaiters signals all who await the end of a call, and starts the runs of the events it
	// raised.
	WakeWaiters(ctx context.Context, in CallRef) error
	// AcceptCalls accepts calls that a workflow awaits and starts them.
	AcceptCalls(ctx context.Context, in AcceptInput) (Accepted, error)
	// ReadAnswers tells how calls have ended.
	ReadAnswers(ctx context.Context, in AnswersInput) ([]CallAnswer, error)
	// AcceptBatch accepts and starts the calls for the next documents of a run.
	AcceptBatch(ctx context.Context, in RunRef) (Batch, error)
	// CompleteRun ends a run unless it has ended, and returns the outcome that stands.
	CompleteRun(ctx context.Context, in RunEnd) (RunResult, error)
	// LookAtWorkItem tells where a process stands, following an item that was handed over to its
	// child.
	LookAtWorkItem(ctx context.Context, in ProcessRef) (ItemState, error)
	// EscalateWorkItem hands the item over to a new child that is due later, and tells where the
	// process stands.
	EscalateWorkItem(ctx context.Context, in ProcessRef) (ItemState, error)
	// EndProcess ends a process unless it has ended, writes to its item, and cancels its own call
	// where the item is dead.
	EndProcess(ctx context.Context, in ProcessEnd) (ProcessResult, error)
}
