package postgres

import (
	"context"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/catalog"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// A paused utility holds its calls. Each call that is about to make an attempt is marked and waits
// in its workflow (hold, below). After a resume the utility drains: a drain signals the held calls
// in the order of their acceptance and marks them as released. Calls that arrive meanwhile queue
// behind them. The drain ends when no call is held.

// reReleaseAfter is how long a released call may stay held before a drain signals it again: its
// workflow may have been held again by a pause in between.
const reReleaseAfter = time.Minute

// Pause holds the calls of a utility from now on. Attempts under way still end. A second pause
// keeps the time of the first.
func (db *DB) Pause(ctx context.Context, tenant forgehook.TenantID, webHookServiceID int32, at time.Time) (u forgehook.Utility, err error) {
	defer database.Wrap(&err, "pause utility %d", webHookServiceID)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		if u, err = catalog.LockUtility(ctx, tx, tenant, webHookServiceID); err != nil {
			return err
		}
		if u.PausedAt == nil {
			u.PausedAt = &forgehook.Time{Time: database.Milliseconds(at)}
		}
		u.Draining = false
		return setHold(ctx, tx, tenant, u)
	})
	return u, err
}

// Resume ends a pause. drain says that held calls must be released by a drain. Until then the
// utility holds new calls too, so that none overtakes. A repeated resume says it again while the
// drain is not finished, for a caller that failed to start one. If a failed call had paused the
// utility, the service's utilities that fire on utility.recovered are raised.
func (db *DB) Resume(ctx context.Context, tenant forgehook.TenantID, webHookServiceID int32) (u forgehook.Utility, drain bool, raised Raised, err error) {
	defer database.Wrap(&err, "resume utility %d", webHookServiceID)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		if u, err = catalog.LockUtility(ctx, tx, tenant, webHookServiceID); err != nil {
			return err
		}
		heldBy := u.HeldBy
		u.PausedAt, u.HeldBy = nil, nil
		if u.Draining, err = anyHeld(ctx, tx, tenant, webHookServiceID); err != nil {
			return err
		}
		if err := setHold(ctx, tx, tenant, u); err != nil || heldBy == nil {
			return err
		}
		cause, about, err := causeOf(ctx, tx, forgehook.CallRef{Tenant: tenant, CallID: *heldBy})
		if err != nil {
			return err
		}
		start, err := raiseCaused(ctx, tx, cause, forgehook.EventUtilityRecovered, about, database.Now())
		if start != nil {
			raised.Runs = append(raised.Runs, *start)
		}
		return err
	})
	if err != nil {
		return forgehook.Utility{}, false, Raised{}, err
	}
	return u, u.Draining, raised, nil
}

func setHold(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, u forgehook.Utility) error {
	var paused *time.Time
	if u.PausedAt != nil {
		paused = &u.PausedAt.Time
	}
	_, err := tx.Exec(ctx, `
		UPDATE services SET paused_at = $3, draining = $4, held_by = $5 WHERE tenant_id = $1 AND id = $2`,
		tenant, u.ID, paused, u.Draining, u.HeldBy)
	return err
}

// holdBy pauses the utility of a call that failed, unless it is already paused.
func holdBy(ctx context.Context, tx database.Conn, call forgehook.CallRef, webHookServiceID int32, at time.Time) (paused bool, err error) {
	rows, err := tx.Exec(ctx, `
		UPDATE services SET paused_at = $4, draining = false, held_by = $3
		WHERE tenant_id = $1 AND id = $2 AND parent_id IS NOT NULL AND paused_at IS NULL`,
		call.Tenant, webHookServiceID, call.CallID, database.Milliseconds(at))
	return rows == 1, err
}

// anyHeld must be a separate statement after the lock of the utility: a call that is just being
// held locks the row too.
func anyHeld(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, webHookServiceID int32) (held bool, err error) {
	err = tx.Get(ctx, &held, `
		SELECT EXISTS (SELECT FROM calls WHERE tenant_id = $1 AND webhook_service_id = $2 AND held_at IS NOT NULL)`,
		tenant, webHookServiceID)
	return held, err
}

// holds reports whether a call must wait. It delays pauses and ends of drains until the transaction
// ends. Otherwise a drain could end just before the call is marked, and nobody would release it.
func holds(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, webHookServiceID int32, released bool) (held bool, err error) {
	err = tx.Get(ctx, &held, `
		SELECT paused_at IS NOT NULL OR (draining AND NOT $3::boolean) FROM services
		WHERE tenant_id = $1 AND id = $2 FOR SHARE`, tenant, webHookServiceID, released)
	return held, err
}

// hold marks a call, whose row is locked, as waiting for its utility. An attempt that is still
// started belongs to a worker that died. A call that is held again counts as held all the time.
func hold(ctx context.Context, tx database.Conn, call forgehook.CallRef, at time.Time) error {
	_, err := tx.Exec(ctx, `
		WITH lost AS (UPDATE attempts SET state = 'unknown' WHERE call_id = $2 AND state = 'started')
		UPDATE calls SET status = 'paused', held_at = COALESCE(held_at, $3), released_at = NULL, next_attempt_at = NULL
		WHERE tenant_id = $1 AND id = $2`, call.Tenant, call.CallID, at)
	return err
}

// HeldCalls lists calls for a drain to release, in the order of their acceptance. It skips those
// that were released recently. There are none unless the utility is draining.
func (db *DB) HeldCalls(ctx context.Context, tenant forgehook.TenantID, webHookServiceID int32, limit int) (held []forgehook.CallRef, err error) {
	defer database.Wrap(&err, "held calls of utility %d", webHookServiceID)
	var ids []string
	err = db.conn.List(ctx, &ids, `
		SELECT c.id FROM services u JOIN calls c ON c.tenant_id = u.tenant_id AND c.webhook_service_id = u.id
		WHERE u.tenant_id = $1 AND u.id = $2 AND u.draining
		  AND c.held_at IS NOT NULL AND (c.released_at IS NULL OR c.released_at < $3)
		ORDER BY c.id LIMIT $4`, tenant, webHookServiceID, time.Now().Add(-reReleaseAfter), limit)
	for _, id := range ids {
		held = append(held, forgehook.CallRef{Tenant: tenant, CallID: id})
	}
	return held, err
}

// IsHeld reports whether a call waits for its utility. It is false for a call that no longer
// exists.
func (db *DB) IsHeld(ctx context.Context, call forgehook.CallRef) (held bool, err error) {
	defer database.Wrap(&err, "whether call %s is held", call.CallID)
	err = db.conn.Get(ctx, &held, `
		SELECT EXISTS (SELECT FROM calls WHERE tenant_id = $1 AND id = $2 AND held_at IS NOT NULL)`, call.Tenant, call.CallID)
	return held, err
}

// MarkReleased marks calls whose workflows were signalled, so that the next page of the drain skips
// them.
func (db *DB) MarkReleased(ctx context.Context, calls []forgehook.CallRef, at time.Time) (err error) {
	defer database.Wrap(&err, "mark %d calls as released", len(calls))
	tenants, ids := splitRefs(calls)
	_, err = db.conn.Exec(ctx, `
		UPDATE calls c SET released_at = $3 FROM unnest($1::uuid[], $2::uuid[]) AS r (tenant_id, id)
		WHERE c.tenant_id = r.tenant_id AND c.id = r.id AND c.held_at IS NOT NULL`,
		pq.Array(tenants), pq.Array(ids), database.Milliseconds(at))
	return err
}

// FinishDrain ends the drain of a utility when no call is held. From then on it delivers freely.
// done is also true if no drain is on, because the utility was paused again.
func (db *DB) FinishDrain(ctx context.Context, tenant forgehook.TenantID, webHookServiceID int32) (done bool, err error) {
	defer database.Wrap(&err, "finish drain of utility %d", webHookServiceID)
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		u, err := catalog.LockUtility(ctx, tx, tenant, webHookServiceID)
		if forgehook.ErrorCode(err) == forgehook.CodeNotFound || err == nil && !u.Draining {
			done = true
			return nil
		}
		if err != nil {
			return err
		}
		held, err := anyHeld(ctx, tx, tenant, webHookServiceID)
		if err != nil || held {
			return err
		}
		u.Draining, done = false, true
		return setHold(ctx, tx, tenant, u)
	})
	return done, err
}

// UtilityRef names a utility.
type UtilityRef struct {
	Tenant           forgehook.TenantID
	WebHookServiceID int32
}

// Draining lists the utilities of all tenants that wait for a drain to finish, so that a sweep can
// start drains that were lost between a resume and the engine.
func (db *DB) Draining(ctx context.Context) (utilities []UtilityRef, err error) {
	defer database.Wrap(&err, "list draining utilities")
	var rows []struct {
		Tenant forgehook.TenantID `db:"tenant_id"`
		ID     int32              `db:"id"`
	}
	err = db.conn.List(ctx, &rows, `SELECT tenant_id, id FROM services WHERE draining ORDER BY tenant_id, id`)
	for _, row := range rows {
		utilities = append(utilities, UtilityRef{row.Tenant, row.ID})
	}
	return utilities, err
}

// splitRefs are references as two columns, for statements on calls of several tenants.
func splitRefs(calls []forgehook.CallRef) (tenants, ids []string) {
	for _, call := range calls {
		tenants, ids = append(tenants, string(call.Tenant)), append(ids, call.CallID)
	}
	return tenants, ids
}
