package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// CallbackTarget is the call that a callback's token names, and the tenant's key that checks the
// token.
type CallbackTarget struct {
	Ref   forgehook.CallRef
	Key   []byte // sealed; nil: the tenant has made none
	Ended bool   // then every callback is too late
}

// CallbackCall finds a call by its id alone, because an endpoint has no key of ours. It is
// CodeNotFound also if the call's settings await no callback, or were deleted with their utility.
func (db *DB) CallbackCall(ctx context.Context, callID string) (_ CallbackTarget, err error) {
	defer database.Wrap(&err, "call %s of a callback", callID)
	var row struct {
		Tenant   forgehook.TenantID `db:"tenant_id"`
		Key      []byte             `db:"callback_key"`
		Settings []byte             `db:"settings"`
		Ended    bool               `db:"ended"`
	}
	err = db.conn.Get(ctx, &row, `
		SELECT c.tenant_id, t.callback_key, v.settings, c.outcome IS NOT NULL AS ended FROM calls c
		JOIN tenants t ON t.id = c.tenant_id
		JOIN settings_versions v ON v.tenant_id = c.tenant_id AND v.service_id = c.webhook_service_id AND v.version = c.settings_version
		WHERE c.id = $1`, callID)
	if err != nil {
		return CallbackTarget{}, database.OrNotFound(err, "call", callID)
	}
	settings, err := forgehook.LoadSettings(row.Settings)
	if err != nil {
		return CallbackTarget{}, err
	}
	if !settings.Callback.Await {
		return CallbackTarget{}, database.NotFound("call", callID)
	}
	return CallbackTarget{Ref: forgehook.CallRef{Tenant: row.Tenant, CallID: callID}, Key: row.Key, Ended: row.Ended}, nil
}

// CallbackKey returns the tenant's sealed key. If there is none it stores the one of make. Two
// concurrent makers get the same key.
func (db *DB) CallbackKey(ctx context.Context, tenant forgehook.TenantID, make func() (sealed []byte, err error)) (key []byte, err error) {
	defer database.Wrap(&err, "callback key of tenant %s", tenant)
	err = db.conn.Hot().Get(ctx, &key, `SELECT callback_key FROM tenants WHERE id = $1`, tenant)
	if err != nil || key != nil {
		return key, database.OrNotFound(err, "tenant", tenant)
	}
	made, err := make()
	if err != nil {
		return nil, err
	}
	err = db.conn.Get(ctx, &key, `
		UPDATE tenants SET callback_key = COALESCE(callback_key, $2) WHERE id = $1 RETURNING callback_key`, tenant, made)
	return key, database.OrNotFound(err, "tenant", tenant)
}

// Callback is what an endpoint says later, and what the rules made of it.
type Callback struct {
	Ref     forgehook.CallRef
	Said    forgehook.Callback // its error as it may be shown; its result is the reading's
	Reading forgehook.Reading
	Now     time.Time
}

// CalledBack is the effect of a callback: it has ended the call or, if Early, will end it when the
// current exchange ends.
type CalledBack struct {
	Completion
	Early bool
	Wakes []forgehook.Wake // to be sent now: the call's own workflow
}

// RecordCallback takes the one callback of a call. A second one is CodeCallbackUsed. One after the
// call's end or the callback's time is CodeCallbackLate. A write-back that does not fit the stored
// data is CodeInvalid, and nothing is stored.
func (db *DB) RecordCallback(ctx context.Context, c Callback) (back CalledBack, err error) {
	defer database.Wrap(&err, "record callback of call %s", c.Ref.CallID)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		back, err = recordCallback(ctx, tx, c)
		return err
	})
	if err != nil {
		return CalledBack{}, err
	}
	return back, nil
}

func recordCallback(ctx context.Context, tx database.Conn, c Callback) (back CalledBack, err error) {
	call, err := lockCall(ctx, tx, c.Ref)
	if err != nil {
		return back, err
	}
	var used bool
	if err := tx.Get(ctx, &used, `SELECT EXISTS (SELECT FROM callbacks WHERE call_id = $1)`, c.Ref.CallID); err != nil {
		return back, err
	}
	switch {
	case used:
		return back, forgehook.Errorf(forgehook.CodeCallbackUsed, "This call was called back before.")
	case call.Outcome != nil:
		return back, forgehook.Errorf(forgehook.CodeCallbackLate, "The call has ended without a callback.")
	case call.CallbackUntil != nil && c.Now.After(*call.CallbackUntil):
		return back, forgehook.Errorf(forgehook.CodeCallbackLate, "The time for a callback is over.")
	}
	if err := insertCallback(ctx, tx, c); err != nil {
		return back, err
	}
	if c.Reading.WriteBack != nil && c.Said.Ended() == forgehook.Delivered {
		plan, err := planWriteBack(ctx, tx, c.Ref, c.Reading, c.Now)
		if err != nil {
			return back, err
		}
		if err := forgehook.Invalid(plan.Faults...); err != nil {
			return back, err
		}
	}
	if call.Status == string(forgehook.CallDelivering) {
		back.Completion, back.Early = call.toCompletion(), true
		_, err := tx.Exec(ctx, `UPDATE calls SET called_back = true WHERE tenant_id = $1 AND id = $2`, c.Ref.Tenant, c.Ref.CallID)
		return back, err
	}
	if back.Completion, err = endByCallback(ctx, tx, c.Ref, nil, c.Now); err != nil {
		return back, err
	}
	own, err := oweWake(ctx, tx, c.Ref.Tenant, nil, forgehook.CallWorkflowID(c.Ref.CallID), forgehook.CallbackSignal, c.Now)
	back.Wakes = []forgehook.Wake{own}
	return back, err
}

// keptWriteBack is what a callback writes, until it does.
type keptWriteBack struct {
	forgehook.WriteBack
	Secrets []string `json:"secrets,omitempty"`
}

func insertCallback(ctx context.Context, tx database.Conn, c Callback) (err error) {
	var writeBack []byte
	if c.Reading.WriteBack != nil {
		if writeBack, err = jsontree.Marshal(keptWriteBack{*c.Reading.WriteBack, c.Reading.Secrets}); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO callbacks (call_id, outcome, result, error, write_back, received_at)
		SELECT id, $3, $4, $5, $6, $7 FROM calls WHERE tenant_id = $1 AND id = $2`,
		c.Ref.Tenant, c.Ref.CallID, c.Said.Ended(), []byte(c.Reading.Result), database.OptionalStorable(c.Said.Error), writeBack, database.Milliseconds(c.Now))
	return err
}

// endByCallback ends a call, whose row is locked and has no outcome, by the callback that is
// stored. statusCode is that of the exchange which was under way, nil for none.
func endByCallback(ctx context.Context, tx database.Conn, call forgehook.CallRef, statusCode *int, at time.Time) (Completion, error) {
	var row struct {
		Outcome   string  `db:"outcome"`
		Result    []byte  `db:"result"`
		Error     *string `db:"error"`
		WriteBack []byte  `db:"write_back"`
	}
	err := tx.Get(ctx, &row, `SELECT outcome, result, error, write_back FROM callbacks WHERE call_id = $1`, call.CallID)
	if err != nil {
		return Completion{}, database.OrNotFound(err, "callback of call", call.CallID)
	}
	e := ending{outcome: forgehook.Outcome(row.Outcome), statusCode: statusCode, reading: forgehook.Reading{Result: row.Result}, at: at}
	if row.WriteBack != nil {
		var kept keptWriteBack
		if err := json.Unmarshal(row.WriteBack, &kept); err != nil {
			return Completion{}, fmt.Errorf("stored write-back: %w", err)
		}
		e.reading.WriteBack, e.reading.Secrets = &kept.WriteBack, kept.Secrets
	}
	if e.outcome == forgehook.Failed {
		e.because = forgehook.CallErrorCallbackFailed.Because()
		if row.Error != nil && *row.Error != "" {
			e.because.Message = *row.Error
		}
	}
	return completeCall(ctx, tx, call, e)
}
