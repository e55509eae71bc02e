package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// Facts are what the rules about a call are applied to. A step reads them, applies the rules, and
// records the result. Meanwhile it holds neither a lock nor a connection. The recording statement
// checks the call's state, and an outcome that was given meanwhile wins.
type Facts struct {
	Ref      forgehook.CallRef
	Call     forgehook.Call    // ids, times, status and explanation; neither request nor response
	Subject  forgehook.Subject // frozen at acceptance
	Settings Pinned
	Built    bool // its request is stored: see [DB.BuiltRequest]

	size int    // of the stored subject, in bytes; 0: it was kept
	done func() // nil: nobody waits
}

// Done says that the rules were applied: large subjects wait for each other. It may be called
// again.
func (f Facts) Done() {
	if f.done != nil {
		f.done()
	}
}

// Pinned are the settings version that was in force when a call was accepted. Most rules have that
// version cached, so it is decoded only on demand.
type Pinned struct {
	Version int
	stored  []byte
}

// Sum is the SHA-256 of the stored form. It tells versions apart even if ids and numbers are used
// again after a deletion.
func (p Pinned) Sum() [sha256.Size]byte { return sha256.Sum256(p.stored) }

// Load decodes the settings, secrets sealed.
func (p Pinned) Load() (forgehook.Settings, error) {
	if p.stored == nil {
		return forgehook.Settings{}, errors.New("the settings of the call are gone with their utility")
	}
	return forgehook.LoadSettings(p.stored)
}

// Facts reads what the next step of a call needs. Done must be called on the result. The subject
// comes from memory if this process read it for the step before, a moment ago.
func (db *DB) Facts(ctx context.Context, call forgehook.CallRef) (f Facts, err error) {
	defer database.Wrap(&err, "facts of call %s", call.CallID)
	var row struct {
		callRow
		Subject  []byte `db:"subject"`
		Settings []byte `db:"settings"` // a completed call may outlive them
		Built    bool   `db:"built"`
	}
	kept := db.evaluated.take(call)
	err = db.conn.Hot().Get(ctx, &row, `
		SELECT c.id, c.project_id, c.service_id, c.webhook_service_id, c.document_id, c.work_item_id, c.settings_version,
		       c.webhook_id, c.reason, c.event_type, c.run_id, c.cause_id, c.accepted_at, c.deadline_at, c.explanation, c.attempts,
		       c.status, c.outcome, CASE WHEN NOT $3::boolean THEN q.subject END AS subject, v.settings,
		       EXISTS (SELECT FROM requests r WHERE r.call_id = c.id) AS built
		FROM calls c
		JOIN call_requests q ON q.id = c.request_id
		LEFT JOIN settings_versions v
		       ON v.tenant_id = c.tenant_id AND v.service_id = c.webhook_service_id AND v.version = c.settings_version
		WHERE c.tenant_id = $1 AND c.id = $2`, call.Tenant, call.CallID, kept != nil)
	if err != nil {
		return f, database.OrNotFound(err, "call", call.CallID)
	}
	f = Facts{Ref: call, Settings: Pinned{Version: row.SettingsVersion, stored: row.Settings}, Built: row.Built, size: len(row.Subject)}
	if f.Call, err = row.toCall(); err != nil {
		return Facts{}, err
	}
	if f.done, err = db.turn(ctx, f.size); err != nil {
		return Facts{}, err
	}
	if kept != nil {
		f.Subject = *kept
	} else if err := json.Unmarshal(row.Subject, &f.Subject); err != nil {
		f.Done()
		return Facts{}, fmt.Errorf("stored subject: %w", err)
	}
	return f, nil
}

// largeSubject is the size from which only one subject per processor is worked on at once. Together
// they would take all memory, and each would take longer than a step may.
const largeSubject = 1 << 20

// turn waits until a subject of so many bytes may be worked on. If done is not nil it must be
// called afterwards.
func (db *DB) turn(ctx context.Context, size int) (done func(), err error) {
	if size <= largeSubject {
		return nil, nil
	}
	select {
	case db.large <- struct{}{}:
		return sync.OnceFunc(func() { <-db.large }), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
