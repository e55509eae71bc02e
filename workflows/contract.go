// Package workflows holds what happens next: the workflow of one call and those around it. It waits
// and orders. It must not decide (rules run in activities) and does no I/O, so running workflows
// survive every change of a rule. Start with [CallWebhook] in call.go. This file is the contract
// between workflows, activities and their callers.
package workflows

import (
	"context"
	"encoding/json"
	"time"

	"github.com/forgehook/forgehook"
)

// Signals and queries of CallWebhook. DrainUtility also takes the resume signal.
const (
	RetryNowSignal = "retry-now" // end the back-off
	ResumeSignal   = "resume"    // the utility was resumed: a call leaves its hold, a drain looks for held calls again
	PhaseQuery     = "phase"     // returns a Phase

	CallbackSignal    = forgehook.CallbackSignal    // to a call: a callback is recorded
	CallEndedSignal   = forgehook.CallEndedSignal   // to a workflow that awaits a call, with its CallResult
	RunDrainedSignal  = forgehook.RunDrainedSignal  // to a run: all its calls have ended
	ItemChangedSignal = forgehook.ItemChangedSignal // to a process: its work item or a child changed
)

// CallID is the workflow id of a call.
func CallID(callID string) string { return forgehook.CallWorkflowID(callID) }

// DrainID is the id of the workflow that releases a utility's held calls one at a time.
func DrainID(tenant forgehook.TenantID, webHookServiceID int32) string {
	return forgehook.DrainWorkflowID(tenant, webHookServiceID)
}

// RunID is the workflow id of an event's run.
func RunID(runID string) string { return forgehook.RunWorkflowID(runID) }

// ProcessID is the workflow id of a work item's process.
func ProcessID(processID string) string { return forgehook.ProcessWorkflowID(processID) }

// CallRef names a call. Activities get it and small facts: subjects, bodies and secrets stay in
// PostgreSQL.
type CallRef = forgehook.CallRef

// CallInput starts CallWebhook.
type CallInput struct {
	CallRef
	WebHookServiceID int32
	AcceptedAt       time.Time
	Deadline         time.Duration // from AcceptedAt, plus the time on hold
	Timeout          time.Duration // of one exchange
}

// CallResult is the end of a call.
type CallResult struct {
	CallID     string
	Outcome    forgehook.Outcome
	StatusCode int // of the last response, 0 if none
	Attempts   int
	Wake       bool `json:",omitempty"` // signals of it are owed: run WakeWaiters
}

// Phase is where a call stands in its workflow. Attempts that Deliver repeats by its retry policy
// show in PostgreSQL and as the pending activity, not here.
type Phase struct {
	Phase         forgehook.CallStatus `json:"phase"`
	Attempts      int                  `json:"attempts"`
	NextAttemptAt *forgehook.Time      `json:"nextAttemptAt"`
	Reason        string               `json:"reason"` // of the last attempt, or of the end
}

// ConditionFact is one line of an explanation without document values, fit for the history.
type ConditionFact struct {
	Condition string
	Passed    bool
}

// Evaluation is the result of EvaluateConditions.
type Evaluation struct {
	Outcome    forgehook.Outcome // set if the call has ended: skipped, failed, or an earlier outcome
	Wake       bool              `json:",omitempty"` // see CallResult
	Conditions []ConditionFact
}

// Built is the result of BuildRequest.
type Built struct {
	Outcome   forgehook.Outcome // set if the call has ended: failed, or an earlier outcome
	Wake      bool              `json:",omitempty"` // see CallResult
	Method    string
	Host      string
	BodyBytes int
	SHA256    string // hex
	Quick     bool   `json:",omitempty"` // the endpoint is fast: the first attempt may run within the workflow task
}

// DeliverInput asks for one or more attempts.
type DeliverInput struct {
	CallRef
	Timeout time.Duration // of one exchange
	// ReportRetry makes the first retryable verdict a result, for the workflow to show and wait.
	// The activity's retry policy handles later ones, at no cost in history.
	ReportRetry bool
	// Released lets the call pass while its utility drains, but not while it is paused.
	Released bool
	// AtOnce sends before the next try is due, because somebody asked for it.
	AtOnce bool
	// Underway says that a workflow task began the attempt and could not wait for it. Deliver waits
	// for it and makes no other.
	Underway bool `json:",omitempty"`
	// TaskBegan is the start of the attempt's workflow task; zero in a regular activity.
	TaskBegan time.Time `json:",omitzero"`
}

// DeliverResult is the result of Deliver: exactly one of Outcome, Held, Underway, AwaitUntil and
// RetryIn is set.
type DeliverResult struct {
	Outcome    forgehook.Outcome
	Wake       bool `json:",omitempty"` // see CallResult
	Held       bool
	Underway   bool       `json:",omitempty"` // only within a workflow task: the attempt goes on, and the task must not wait
	AwaitUntil *time.Time `json:",omitempty"` // the endpoint took the request and will call back by then
	RetryIn    time.Duration
	StatusCode int // 0 if there was no response
	Attempts   int
	Reason     string // "503 Service Unavailable", "connection refused": no document values
}

// CompleteInput ends a call for the workflow's own reason.
type CompleteInput struct {
	CallRef
	Outcome forgehook.Outcome       // "": give none, only return the one that stands, if any
	Code    forgehook.CallErrorCode // of Call.error
	Message string
}

// DrainInput starts DrainUtility.
type DrainInput struct {
	Tenant           forgehook.TenantID
	WebHookServiceID int32
}

// ReleaseInput asks for one page of held calls.
type ReleaseInput struct {
	Tenant           forgehook.TenantID
	WebHookServiceID int32
	Limit            int
}

// ReleaseResult is the number of released calls. Done: none is left, and the utility delivers
// again.
type ReleaseResult struct {
	Released int
	Done     bool
}

// SweepResult says what a sweep repaired.
type SweepResult struct {
	Started int // accepted calls without a workflow
	Settled int // calls whose workflow ended without an outcome
	Woken   int `json:",omitempty"` // signals owed for a while
	Resumed int `json:",omitempty"` // runs and processes without a workflow
}

// RequestInput starts RequestCall, the entrance for workflows of others, as a child or over Nexus.
// Only the Temporal namespace guards it: a client that may start workflows there may call for any
// tenant.
type RequestInput struct {
	Tenant         forgehook.TenantID
	Request        forgehook.CallRequest // use ids: inline entities would stand in the caller's history
	IdempotencyKey string                // "": the workflow id, so that retries and resets call once
	WithResult     bool                  // also return the mapped results, at most MaxResult bytes in sum
	CauseID        string                `json:",omitempty"` // the id or webhook-id of the call this follows from: changes by the calls do not fire its utility again
}

// MaxResult is the most that the results in a RequestResult may have, in bytes of JSON.
const MaxResult = 64 << 10

// RequestResult is the end of all requested calls.
type RequestResult struct {
	Calls     []CallAnswer
	NotCalled []forgehook.NotCalled
}

// CallAnswer is the end of one requested call.
type CallAnswer struct {
	CallResult
	WebHookServiceID int32
	ErrorCode        forgehook.CallErrorCode `json:",omitempty"`
	Result           json.RawMessage         `json:",omitempty"`
}

// AcceptInput asks to accept calls that a workflow awaits.
type AcceptInput struct {
	RequestInput
	WorkflowID string // gets CallEndedSignal for each call that has not ended yet
}

// Accepted lists accepted calls. Calls without outcome go on.
type Accepted struct {
	Calls     []CallResult
	NotCalled []forgehook.NotCalled
}

// AnswersInput asks how calls ended.
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
	Processed, Calls int // by earlier runs of the workflow, which continues as new
}

// Batch is the result of AcceptBatch.
type Batch struct {
	Processed int                  // documents in this batch
	Calls     int                  // in this batch
	Open      int                  // calls of the run without outcome
	Wait      bool                 // the next batch waits for all open calls
	Done      bool                 // no document is left
	Stopped   bool                 // a call of a utility with onFailure error failed
	Why       string               `json:",omitempty"` // names that call
	Outcome   forgehook.RunOutcome // set if the run has ended
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
	Handed      bool // handed over, and the child does not exist yet
	Answered    bool `json:",omitempty"` // the call's response set the item's status
	DueAt       *time.Time
	OnDue       forgehook.OnDue
	CallOutcome forgehook.Outcome        // "": the call is open
	Outcome     forgehook.ProcessOutcome // set if the process has ended
}

// ProcessEnd ends a process. With ProcessAnswered, the call's result is written to the item.
type ProcessEnd struct {
	ProcessRef
	Outcome forgehook.ProcessOutcome
}

// ProcessResult is the end of a process.
type ProcessResult struct {
	WorkItemID  int32                    // where it ended
	Outcome     forgehook.ProcessOutcome // of EndProcess; "" if things changed, and the process has to look again
	CallOutcome forgehook.Outcome
}

// Activities are the steps. Each may run twice.
type Activities interface {
	// EvaluateConditions explains all conditions. If one fails, the call ends skipped.
	EvaluateConditions(ctx context.Context, in CallRef) (Evaluation, error)
	// BuildRequest builds the exact request and stores it.
	BuildRequest(ctx context.Context, in CallRef) (Built, error)
	// Deliver makes one attempt. A retryable verdict after the reported one is a benign, retryable
	// error with the next delay.
	Deliver(ctx context.Context, in DeliverInput) (DeliverResult, error)
	// CompleteCall gives the call its outcome unless it has one, and returns the outcome that
	// stands.
	CompleteCall(ctx context.Context, in CompleteInput) (CallResult, error)
	// ReleaseHeld signals the next page of held calls, oldest first.
	ReleaseHeld(ctx context.Context, in ReleaseInput) (ReleaseResult, error)
	// SweepCalls starts accepted calls that have no workflow, and settles calls whose workflow is
	// gone.
	SweepCalls(ctx context.Context) (SweepResult, error)
	// WakeWaiters signals all workflows that await the end of a call, and starts the runs of its
	// events.
	WakeWaiters(ctx context.Context, in CallRef) error
	// AcceptCalls accepts calls that a workflow awaits and starts them.
	AcceptCalls(ctx context.Context, in AcceptInput) (Accepted, error)
	// ReadAnswers returns how calls ended.
	ReadAnswers(ctx context.Context, in AnswersInput) ([]CallAnswer, error)
	// AcceptBatch accepts and starts the calls for the next documents of a run.
	AcceptBatch(ctx context.Context, in RunRef) (Batch, error)
	// CompleteRun ends a run unless it has ended, and returns the outcome that stands.
	CompleteRun(ctx context.Context, in RunEnd) (RunResult, error)
	// LookAtWorkItem returns where a process stands, and follows a handed over item to its child.
	LookAtWorkItem(ctx context.Context, in ProcessRef) (ItemState, error)
	// EscalateWorkItem hands the item over to a new child that is due later, and returns where the
	// process stands.
	EscalateWorkItem(ctx context.Context, in ProcessRef) (ItemState, error)
	// EndProcess ends a process unless it has ended, writes to its item, and cancels its own call
	// if the item is dead.
	EndProcess(ctx context.Context, in ProcessEnd) (ProcessResult, error)
}
