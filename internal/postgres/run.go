package postgres

import (
	"context"
	"time"

	"github.com/forgehook/forgehook"
)

// EventAcceptance raises an event of a service.
type EventAcceptance struct {
	ServiceID      int32
	Event          forgehook.EventRequest
	IdempotencyKey string // "": none
	BodySHA256     []byte
	CauseID        string // the call that caused it, "": none known
	Now            time.Time
}

// AcceptedEvent is the run of an event. Repeated: the key was used before for the same request, this is the run of then.
type AcceptedEvent struct {
	Run      forgehook.Run
	Start    *forgehook.RunStart // nil: it has begun, or ended
	Repeated bool
}

// AcceptEvent stores an event and what it is about: all or nothing; once it returns it is never lost. Its calls are made by
// [DB.AcceptBatch]. An event that fires no utility is a run that has completed. CodeNotFound where there is no such service,
// CodeInvalid for references that lead nowhere, all at once; CodeKeyReused.
func (db *DB) AcceptEvent(ctx context.Context, tenant forgehook.TenantID, a EventAcceptance) (_ AcceptedEvent, err error) {
	return AcceptedEvent{}, errUnbuilt
}

// Batch is what [DB.AcceptBatch] did.
type Batch struct {
	Starts    []forgehook.CallStart // of the calls that were accepted now
	Processed int                   // documents of this batch
	Calls     int                   // calls of this batch
	Open      int                   // calls of the run without outcome, these included
	Wait      bool                  // nothing more is accepted until no call is open: a utility says onFailure error
	Done      bool                  // no document is left
	Outcome   forgehook.RunOutcome  // set when the run has ended
	Stopped   bool                  // a call failed whose utility says error
}

// AcceptBatch accepts the calls for the next documents of a run, in one transaction; running it twice goes on where the first left off.
func (db *DB) AcceptBatch(ctx context.Context, run forgehook.RunRef, at time.Time) (_ Batch, err error) {
	return Batch{}, errUnbuilt
}

// CompleteRun ends a run unless it has ended; the outcome that stands is returned.
func (db *DB) CompleteRun(ctx context.Context, run forgehook.RunRef, outcome forgehook.RunOutcome, because *forgehook.CallError, at time.Time) (_ forgehook.RunOutcome, err error) {
	return "", errUnbuilt
}

// Run returns a run.
func (db *DB) Run(ctx context.Context, tenant forgehook.TenantID, id string) (_ forgehook.Run, err error) {
	return forgehook.Run{}, errUnbuilt
}

// RunFilter selects runs of a list; zero values select all.
type RunFilter struct {
	ServiceID int32
	Type      forgehook.EventType
	Status    forgehook.RunStatus
}

// Runs lists runs, newest first.
func (db *DB) Runs(ctx context.Context, tenant forgehook.TenantID, filter RunFilter, page forgehook.Page) (_ []forgehook.Run, next string, err error) {
	return nil, "", errUnbuilt
}

// CausedRuns are the runs that the end of a call has raised and that have not begun.
func (db *DB) CausedRuns(ctx context.Context, call forgehook.CallRef) (_ []forgehook.RunStart, err error) {
	return nil, errUnbuilt
}

// StaleRuns lists runs of all tenants without outcome that were not checked since a moment, and notes that they are being checked now.
func (db *DB) StaleRuns(ctx context.Context, checkedBefore time.Time, limit int) (_ []forgehook.RunStart, err error) {
	return nil, errUnbuilt
}
