package postgres

import (
	"context"
	"time"

	"github.com/forgehook/forgehook"
)

// ProcessRef names a process.
type ProcessRef struct {
	Tenant    forgehook.TenantID
	ProcessID string // UUIDv7
}

// ProcessAcceptance has a work item wait for a call.
type ProcessAcceptance struct {
	WorkItemID int32
	CallID     string
	OwnsCall   bool // the call was made for the item, and is canceled when the item is dead
	OnDue      forgehook.OnDue
	DueAt      *time.Time // nil: the item's
	Now        time.Time
}

// AcceptProcess stores a process and has its workflow signalled when the call ends. The one that waits with the item for the same call
// already is returned (repeated); for another call it is a CodeConflict. CodeNotFound for the item, CodeInvalid (callId) for the call.
func (db *DB) AcceptProcess(ctx context.Context, tenant forgehook.TenantID, a ProcessAcceptance) (_ forgehook.WorkItemProcess, ref ProcessRef, repeated bool, err error) {
	return forgehook.WorkItemProcess{}, ProcessRef{}, false, errUnbuilt
}

// Process returns the last process of a work item that it began with or stands with now.
func (db *DB) Process(ctx context.Context, tenant forgehook.TenantID, workItemID int32) (_ forgehook.WorkItemProcess, ref ProcessRef, err error) {
	return forgehook.WorkItemProcess{}, ProcessRef{}, errUnbuilt
}

// ItemState is where a process stands.
type ItemState struct {
	Item        *forgehook.WorkItem // nil: gone
	DueAt       *time.Time          // when OnDue is to be done; nil: never
	OnDue       forgehook.OnDue
	Call        forgehook.CallRef
	CallOutcome forgehook.Outcome // "": it goes on
	OwnsCall    bool
	Handed      bool                     // handed over, the child is not there yet
	Outcome     forgehook.ProcessOutcome // set when the process has ended
}

// LookAtItem tells where a process stands. An item that was handed over (EscalateTx, Transfer) is followed to its newest child, which
// is noted as the current one; its due date counts from then on.
func (db *DB) LookAtItem(ctx context.Context, p ProcessRef) (_ ItemState, err error) {
	return ItemState{}, errUnbuilt
}

// EscalateItem hands the current item over: it becomes EscalateTx, a child with EscalateRx is made of it, which is due as long after
// now as the item was after its creation (a day where that is unknown), and the process stands with the child. Where the item is not
// actionable, or not due, it does nothing but look.
func (db *DB) EscalateItem(ctx context.Context, p ProcessRef, at time.Time) (_ ItemState, raised Raised, err error) {
	return ItemState{}, Raised{}, errUnbuilt
}

// ProcessEnd ends a process.
type ProcessEnd struct {
	Ref     ProcessRef
	Outcome forgehook.ProcessOutcome
	Write   *forgehook.WorkItemWrite // to the current item, where it is actionable
	Now     time.Time
}

// EndProcess ends a process unless it has ended, and writes to its item in the same transaction. The process as it stands is returned.
func (db *DB) EndProcess(ctx context.Context, e ProcessEnd) (_ forgehook.WorkItemProcess, raised Raised, err error) {
	return forgehook.WorkItemProcess{}, Raised{}, errUnbuilt
}

// StaleProcesses lists processes of all tenants without outcome that were not checked since a moment, and notes that they are being
// checked now.
func (db *DB) StaleProcesses(ctx context.Context, checkedBefore time.Time, limit int) (_ []ProcessRef, err error) {
	return nil, errUnbuilt
}
