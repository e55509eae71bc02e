package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/forgehook/forgehook"
)

// Built is the request of a call. Credentials are masked in it: they come in at delivery.
type Built struct {
	Request   forgehook.Request // its Body is empty, BodyBytes has it
	BodyBytes []byte            // nil: no body is sent
	SHA256    string            // hex, of the body
	Shown     *Shown            // nil: shown as it is sent
	Failure   *forgehook.CallError
}

// Shown is what everybody but the endpoint sees of a request that holds the value of a secret field.
type Shown struct {
	URL     string
	Headers map[string]string
	Body    []byte
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

func (r requestRow) toBuilt(callID string) (b Built, err error) {
	if r.Method == nil || r.URL == nil || r.SHA256 == nil {
		return b, forgehook.Errorf(forgehook.CodeNotFound, "Call %s has no request yet.", callID)
	}
	b = Built{Request: forgehook.Request{Method: *r.Method, URL: *r.URL}, BodyBytes: r.Body, SHA256: *r.SHA256}
	if err := json.Unmarshal(r.Headers, &b.Request.Headers); err != nil {
		return b, fmt.Errorf("stored request of call %s: %w", callID, err)
	}
	if r.ShownURL == nil {
		return b, nil
	}
	b.Shown = &Shown{URL: *r.ShownURL, Body: r.ShownBody}
	if err := json.Unmarshal(r.ShownHeaders, &b.Shown.Headers); err != nil {
		return b, fmt.Errorf("stored request of call %s, as shown: %w", callID, err)
	}
	return b, nil
}

// shown is the request as it may be seen.
func (b Built) shown() forgehook.Request {
	r, body := b.Request, b.BodyBytes
	if b.Shown != nil {
		r.URL, r.Headers, r.Masked, body = b.Shown.URL, b.Shown.Headers, true, b.Shown.Body
	}
	r.Body, r.BodyEncoding = forgehook.BodyText(body)
	return r
}

// BuildRequest applies rule to the frozen subject and the pinned settings of a call and stores the request it makes. A request that
// is stored already is returned as it is and rule does not run. Where rule reports a failure the call ends failed; done has no
// outcome while the call goes on.
func (db *DB) BuildRequest(ctx context.Context, call forgehook.CallRef, rule func(Facts) (Built, error)) (done Completion, built Built, err error) {
	defer wrap(&err, "build request of call %s", call.CallID)
	return buildRequest(ctx, db, call, rule)
}

// buildRequest holds no connection while the rule runs, as evaluate does not.
func buildRequest(ctx context.Context, db *DB, call forgehook.CallRef, rule func(Facts) (Built, error)) (Completion, Built, error) {
	var row struct {
		factsRow
		Headers      []byte  `db:"headers"`
		Body         []byte  `db:"body"`
		ShownURL     *string `db:"shown_url"`
		ShownHeaders []byte  `db:"shown_headers"`
		ShownBody    []byte  `db:"shown_body"`
	}
	tx := db.conn
	kept := db.evaluated.take(call)
	err := tx.hot().get(ctx, &row, `
		SELECT c.id, c.project_id, c.service_id, c.webhook_service_id, c.document_id, c.work_item_id, c.settings_version,
		       c.webhook_id, c.reason, c.event_type, c.run_id, c.cause_id, c.accepted_at, c.deadline_at, c.attempts, c.status, c.outcome,
		       CASE WHEN NOT $3::boolean THEN q.subject END AS subject, v.settings,
		       r.method, r.url, r.headers, r.body, r.sha256, r.shown_url, r.shown_headers, r.shown_body
		FROM calls c
		JOIN call_requests q ON q.id = c.request_id
		LEFT JOIN settings_versions v
		       ON v.tenant_id = c.tenant_id AND v.service_id = c.webhook_service_id AND v.version = c.settings_version
		LEFT JOIN requests r ON r.call_id = c.id
		WHERE c.tenant_id = $1 AND c.id = $2`, call.Tenant, call.CallID, kept != nil)
	if err != nil {
		return Completion{}, Built{}, orNotFound(err, "call", call.CallID)
	}
	if row.Outcome != nil {
		done, err := standing(ctx, tx, call)
		return done, Built{}, err
	}
	if row.Method != nil {
		built, err := requestRow{row.Method, row.URL, row.Headers, row.Body, row.SHA256, row.ShownURL, row.ShownHeaders, row.ShownBody}.toBuilt(call.CallID)
		return Completion{}, built, err
	}
	row.kept = kept
	built, err := apply(ctx, db, row.factsRow, rule)
	if err != nil {
		return Completion{}, Built{}, err
	}
	if built.Failure != nil {
		done, err := db.complete(ctx, call, ending{outcome: forgehook.Failed, because: built.Failure, at: now()})
		return done, Built{}, err
	}
	stored, err := storeRequest(ctx, tx, call, built)
	return Completion{}, stored, err
}

// storeRequest keeps the first request of a call: whoever builds it a second time gets that one.
func storeRequest(ctx context.Context, tx conn, call forgehook.CallRef, built Built) (Built, error) {
	if built.Request.Headers == nil {
		built.Request.Headers = map[string]string{}
	}
	headers, err := json.Marshal(built.Request.Headers)
	if err != nil {
		return Built{}, err
	}
	var shownURL *string
	var shownHeaders, shownBody []byte
	if s := built.Shown; s != nil {
		shownURL, shownBody = &s.URL, s.Body
		if shownHeaders, err = json.Marshal(s.Headers); err != nil {
			return Built{}, err
		}
	}
	rows, err := tx.hot().exec(ctx, `
		INSERT INTO requests (call_id, method, url, headers, body, sha256, built_at, shown_url, shown_headers, shown_body)
		SELECT id, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM calls WHERE tenant_id = $1 AND id = $2
		ON CONFLICT (call_id) DO NOTHING`,
		call.Tenant, call.CallID, built.Request.Method, built.Request.URL, headers, built.BodyBytes, built.SHA256, now(),
		shownURL, shownHeaders, shownBody)
	if err != nil || rows == 1 {
		return built, err
	}
	return storedRequest(ctx, tx, call)
}

func storedRequest(ctx context.Context, tx conn, call forgehook.CallRef) (Built, error) {
	var row requestRow
	err := tx.get(ctx, &row, `
		SELECT r.method, r.url, r.headers, r.body, r.sha256, r.shown_url, r.shown_headers, r.shown_body FROM calls c LEFT JOIN requests r ON r.call_id = c.id
		WHERE c.tenant_id = $1 AND c.id = $2`, call.Tenant, call.CallID)
	if errors.Is(err, sql.ErrNoRows) {
		return Built{}, notFound("call", call.CallID)
	}
	if err != nil {
		return Built{}, err
	}
	return row.toBuilt(call.CallID)
}

// Request returns the request of a call with its body, as it may be seen; before it is built it is CodeNotFound, saying so.
func (db *DB) Request(ctx context.Context, tenant forgehook.TenantID, callID string) (_ forgehook.Request, err error) {
	defer wrap(&err, "request of call %s", callID)
	built, err := storedRequest(ctx, db.conn, forgehook.CallRef{Tenant: tenant, CallID: callID})
	if err != nil {
		return forgehook.Request{}, err
	}
	return built.shown(), nil
}
