package postgres

import (
	"context"
	"time"

	"github.com/forgehook/forgehook"
)

// CallbackCall is the call that a callback's token names, and the tenant's key that checks the token.
type CallbackCall struct {
	Ref forgehook.CallRef
	Key []byte // sealed; nil: the tenant has made none
}

// CallbackCall finds a call by its id alone: whoever calls back has no key of ours. CodeNotFound also where it awaits none by its
// settings.
func (db *DB) CallbackCall(ctx context.Context, callID string) (_ CallbackCall, err error) {
	return CallbackCall{}, errUnbuilt
}

// CallbackKey returns the tenant's sealed key, that of make where there is none yet. Two who make one at once get the same.
func (db *DB) CallbackKey(ctx context.Context, tenant forgehook.TenantID, make func() (sealed []byte, err error)) (_ []byte, err error) {
	return nil, errUnbuilt
}

// Facts are what the rules about a call's answer need, its response included.
func (db *DB) Facts(ctx context.Context, call forgehook.CallRef) (_ Facts, err error) {
	return Facts{}, errUnbuilt
}

// Callback is what an endpoint says later, and what the rules made of it.
type Callback struct {
	Ref    forgehook.CallRef
	Said   forgehook.CallbackAnswer
	Answer Answer
	Now    time.Time
}

// CalledBack says what came of it: the call has ended by it, or (Early) will when the exchange that is under way ends.
type CalledBack struct {
	Completion
	Early bool
	Wakes []forgehook.Wake // to be sent now: the call's own workflow
}

// RecordCallback takes the one callback of a call: CodeCallbackUsed for a second one, CodeCallbackLate when the call has ended without
// or its time is over, CodeInvalid where the write-back does not fit what is stored (nothing is kept then).
func (db *DB) RecordCallback(ctx context.Context, c Callback) (_ CalledBack, err error) {
	return CalledBack{}, errUnbuilt
}
