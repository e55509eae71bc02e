// Package workflows holds what happens next: the workflow of one call and those around it. It waits and orders; it decides
// nothing (rules run in activities) and does no I/O, so that running workflows survive every change of a rule. Start with
// [CallWebhook] in call.go; this file is the contract between workflows, activities and whoever starts them.
package workflows

import (
	"context"
	"fmt"
	"time"

	"github.com/forgehook/forgehook"
)

// Signals and queries of CallWebhook; DrainUtility takes the resume signal too.
const (
	RetryNowSignal = "retry-now" // end the present back-off
	ResumeSignal   = "resume"    // the utility was resumed: a call leaves its hold, a drain looks for held calls once more
	PhaseQuery     = "phase"     // answers a Phase
)

// CallID is the workflow id of a call.
func CallID(callID string) string { return "call/" + callID }

// DrainID is the workflow id of the drain of one utility's held calls: one at a time.
func DrainID(tenant forgehook.TenantID, webHookServiceID int32) string {
	return fmt.Sprintf("drain/%s/%d", tenant, webHookServiceID)
}

// CallRef names a call. It is all that activities get besides small facts: subjects, bodies and secrets stay in PostgreSQL.
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
}

// Phase is where a call stands as its workflow knows it. Attempts that Deliver repeats by its retry policy show in PostgreSQL and
// as the pending activity, not here.
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
	Conditions []ConditionFact
}

// Built is what BuildRequest made.
type Built struct {
	Outcome   forgehook.Outcome // set when the call has ended: failed, or an outcome that stood already
	Method    string
	Host      string
	BodyBytes int
	SHA256    string // hex
}

// DeliverInput asks for one or more attempts.
type DeliverInput struct {
	CallRef
	Timeout time.Duration // of one exchange
	// ReportRetry makes the first retryable verdict a result, so that the workflow can show it and hold the first back-off as a
	// timer. Later ones are left to the activity's retry policy, which costs no history.
	ReportRetry bool
	// Released lets the call pass while its utility drains; a paused utility holds it all the same.
	Released bool
	// AtOnce sends although the next try is not due: somebody asked for it.
	AtOnce bool
}

// DeliverResult is what came of it: exactly one of Outcome, Held and RetryIn is set.
type DeliverResult struct {
	Outcome    forgehook.Outcome
	Held       bool
	RetryIn    time.Duration
	StatusCode int // 0 when there was no answer
	Attempts   int
	Reason     string // "503 Service Unavailable", "connection refused": no document values
}

// CompleteInput ends a call for a reason of the workflow's own.
type CompleteInput struct {
	CallRef
	Outcome forgehook.Outcome
	Code    string // of Call.error
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

// ReleaseResult says how many calls were released; Done when none is left and the utility delivers freely again.
type ReleaseResult struct {
	Released int
	Done     bool
}

// SweepResult says what a sweep mended.
type SweepResult struct {
	Started int // accepted calls that had no run
	Settled int // calls whose run had ended without an outcome
}

// RunState is what the engine knows of a call's workflow, for the sweep.
type RunState string

// The states of a run; all but the first two have ended.
const (
	RunMissing    RunState = "missing" // never started, or deleted when its retention ended
	RunRunning    RunState = "running"
	RunCompleted  RunState = "completed"
	RunFailed     RunState = "failed"
	RunCanceled   RunState = "canceled"
	RunTerminated RunState = "terminated"
	RunTimedOut   RunState = "timed_out"
)

// Activities are the steps. Each may run twice.
type Activities interface {
	// EvaluateConditions explains all conditions; where one fails the call ends skipped.
	EvaluateConditions(ctx context.Context, in CallRef) (Evaluation, error)
	// BuildRequest makes the exact request and stores it.
	BuildRequest(ctx context.Context, in CallRef) (Built, error)
	// Deliver makes one attempt. A retryable verdict beyond the reported one is a benign, retryable error with its next delay.
	Deliver(ctx context.Context, in DeliverInput) (DeliverResult, error)
	// CompleteCall gives the call its outcome unless it has one, and returns the one that stands.
	CompleteCall(ctx context.Context, in CompleteInput) (CallResult, error)
	// ReleaseHeld signals the next page of held calls, oldest first.
	ReleaseHeld(ctx context.Context, in ReleaseInput) (ReleaseResult, error)
	// SweepCalls starts accepted calls without a run and settles calls whose run is gone.
	SweepCalls(ctx context.Context) (SweepResult, error)
}
