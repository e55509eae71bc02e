package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// RecordRequest stores the request of a call and returns it. If one is stored already that one is
// returned. If it could not be built the call ends failed; done has no outcome while the call goes
// on.
func (db *DB) RecordRequest(ctx context.Context, facts Facts, made forgehook.Built) (done Completion, built forgehook.Built, err error) {
	call := facts.Ref
	defer database.Wrap(&err, "record request of call %s", call.CallID)
	facts.Done()
	if made.Failure != nil {
		done, err = db.complete(ctx, call, ending{outcome: forgehook.Failed, because: made.Failure, at: database.Now()})
		return done, forgehook.Built{}, err
	}
	built, err = storeRequest(ctx, db.conn.Conn, call, made)
	return Completion{}, built, err
}

// BuiltRequest returns the request of a call as it is to be sent, CodeNotFound before it is built.
func (db *DB) BuiltRequest(ctx context.Context, call forgehook.CallRef) (_ forgehook.Built, err error) {
	defer database.Wrap(&err, "built request of call %s", call.CallID)
	return storedRequest(ctx, db.conn.Conn, call)
}

// requestRow is a stored request; all nil where it is not built yet.
type requestRow struct {
	Method       *string `db:"method"`
	URL          *string `db:"url"`
	Headers      []byte  `db:"headers"`
	Body         []byte  `db:"body"`
	SHA256       *string `db:"sha256"`
	ShownURL     *string `db:"shown_url"`
	ShownHeaders []byte  `db:"shown_headers"`
	ShownBody    []byte  `db:"shown_body"`
}

func (r requestRow) toBuilt(callID string) (b forgehook.Built, err error) {
	if r.Method == nil || r.URL == nil || r.SHA256 == nil {
		return b, forgehook.Errorf(forgehook.CodeNotFound, "Call %s has no request yet.", callID)
	}
	b = forgehook.Built{Method: *r.Method, URL: *r.URL, Body: r.Body, SHA256: *r.SHA256}
	if err := json.Unmarshal(r.Headers, &b.Headers); err != nil {
		return b, fmt.Errorf("stored request of call %s: %w", callID, err)
	}
	if r.ShownURL == nil {
		return b, nil
	}
	b.Shown = &forgehook.Shown{URL: *r.ShownURL, Body: r.ShownBody}
	if err := json.Unmarshal(r.ShownHeaders, &b.Shown.Headers); err != nil {
		return b, fmt.Errorf("stored request of call %s, as shown: %w", callID, err)
	}
	return b, nil
}

// storeRequest keeps the first request of a call: a second build gets that one.
func storeRequest(ctx context.Context, tx database.Conn, call forgehook.CallRef, built forgehook.Built) (forgehook.Built, error) {
	if built.Headers == nil {
		built.Headers = map[string]string{}
	}
	headers, err := json.Marshal(built.Headers)
	if err != nil {
		return forgehook.Built{}, err
	}
	var shownURL *string
	var shownHeaders, shownBody []byte
	if s := built.Shown; s != nil {
		shownURL, shownBody = &s.URL, s.Body
		if shownHeaders, err = json.Marshal(s.Headers); err != nil {
			return forgehook.Built{}, err
		}
	}
	rows, err := tx.Hot().Exec(ctx, `
		INSERT INTO requests (call_id, method, url, headers, body, sha256, built_at, shown_url, shown_headers, shown_body)
		SELECT id, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM calls WHERE tenant_id = $1 AND id = $2
		ON CONFLICT (call_id) DO NOTHING`,
		call.Tenant, call.CallID, built.Method, built.URL, headers, built.Body, built.SHA256, database.Now(),
		shownURL, shownHeaders, shownBody)
	if err != nil || rows == 1 {
		return built, err
	}
	return storedRequest(ctx, tx, call)
}

func storedRequest(ctx context.Context, tx database.Conn, call forgehook.CallRef) (forgehook.Built, error) {
	var row requestRow
	err := tx.Get(ctx, &row, `
		SELECT r.method, r.url, r.headers, r.body, r.sha256, r.shown_url, r.shown_headers, r.shown_body FROM calls c LEFT JOIN requests r ON r.call_id = c.id
		WHERE c.tenant_id = $1 AND c.id = $2`, call.Tenant, call.CallID)
	if errors.Is(err, sql.ErrNoRows) {
		return forgehook.Built{}, database.NotFound("call", call.CallID)
	}
	if err != nil {
		return forgehook.Built{}, err
	}
	return row.toBuilt(call.CallID)
}

// Request returns the masked request of a call with its body, CodeNotFound before it is built.
func (db *DB) Request(ctx context.Context, tenant forgehook.TenantID, callID string) (_ forgehook.Request, err error) {
	defer database.Wrap(&err, "request of call %s", callID)
	built, err := storedRequest(ctx, db.conn.Conn, forgehook.CallRef{Tenant: tenant, CallID: callID})
	if err != nil {
		return forgehook.Request{}, err
	}
	return built.Seen(), nil
}
