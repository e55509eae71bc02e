package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/forgehook/forgehook"
)

var errUnbuilt = errors.New("not built")

// Raised is what has to follow a change that is stored. The sweep does it where nobody else has.
type Raised struct {
	Runs  []forgehook.RunStart
	Wakes []forgehook.Wake
}

// Wakes are the signals that are owed for the end of a call.
func (db *DB) Wakes(ctx context.Context, call forgehook.CallRef) (_ []forgehook.Wake, err error) {
	return nil, errUnbuilt
}

// OldWakes lists signals of all tenants that have been owed since before a moment, oldest first.
func (db *DB) OldWakes(ctx context.Context, before time.Time, limit int) (_ []forgehook.Wake, err error) {
	return nil, errUnbuilt
}

// Woken notes that signals were sent, or that nobody is there to take them.
func (db *DB) Woken(ctx context.Context, ids []int64) (err error) { return errUnbuilt }

// AwaitCall has a workflow signalled when a call ends. Where it has ended already the outcome is returned and nothing is owed.
func (db *DB) AwaitCall(ctx context.Context, call forgehook.CallRef, workflowID string) (_ Completion, err error) {
	return Completion{}, errUnbuilt
}
