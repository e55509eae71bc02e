package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

const callsList database.ListOf = "calls"

// callRow is a call, the request it sends and the answer it got last.
type callRow struct {
	ID               string     `db:"id"`
	ProjectID        int32      `db:"project_id"`
	ServiceID        int32      `db:"service_id"`
	WebHookServiceID int32      `db:"webhook_service_id"`
	DocumentID       *int32     `db:"document_id"`
	WorkItemID       *int32     `db:"work_item_id"`
	SettingsVersion  int        `db:"settings_version"`
	WebhookID        string     `db:"webhook_id"`
	Reason           *string    `db:"reason"`
	AcceptedAt       time.Time  `db:"accepted_at"`
	DeadlineAt       time.Time  `db:"deadline_at"`
	Explanation      []byte     `db:"explanation"`
	Attempts         int        `db:"attempts"`
	Status           string     `db:"status"`
	Outcome          *string    `db:"outcome"`
	NextAttemptAt    *time.Time `db:"next_attempt_at"`
	CompletedAt      *time.Time `db:"completed_at"`
	ErrorCode        *string    `db:"error_code"`
	ErrorMessage     *string    `db:"error_message"`
	EventType        *string    `db:"event_type"`
	RunID            *string    `db:"run_id"`
	CauseID          *string    `db:"cause_id"`
	CallbackUntil    *time.Time `db:"callback_until"`
	Result           []byte     `db:"result"`
	Changes          []byte     `db:"changes"`

	Method         *string `db:"method"`
	URL            *string `db:"url"`
	RequestHeaders []byte  `db:"request_headers"`
	BodyBytes      *int    `db:"body_bytes"`
	SHA256         *string `db:"sha256"`
	Masked         bool    `db:"masked"`

	responseRow
}

// callSelect is completed with conditions on the call, c. Digest and size are those of the masked
// request, because a short secret could be guessed from the real ones.
const callSelect = `
	SELECT c.id, c.project_id, c.service_id, c.webhook_service_id, c.document_id, c.work_item_id, c.settings_version,
	       c.webhook_id, c.reason, c.accepted_at, c.deadline_at, c.explanation, c.attempts, c.status, c.outcome,
	       c.next_attempt_at, c.completed_at, c.error_code, c.error_message, c.event_type, c.run_id, c.cause_id,
	       CASE c.status WHEN 'awaiting_callback' THEN c.callback_until END AS callback_until, c.result, c.changes,
	       r.method, COALESCE(r.shown_url, r.url) AS url, COALESCE(r.shown_headers, r.headers) AS request_headers,
	       CASE WHEN r.shown_url IS NULL THEN octet_length(r.body) ELSE octet_length(r.shown_body) END AS body_bytes,
	       CASE WHEN r.shown_url IS NULL THEN r.sha256 ELSE encode(sha256(COALESCE(r.shown_body, '')), 'hex') END AS sha256, r.shown_url IS NOT NULL AS masked,
	       a.status_code, a.response_headers, a.response_body, a.response_truncated
	FROM calls c
	LEFT JOIN requests r ON r.call_id = c.id
	LEFT JOIN LATERAL (
		SELECT status_code, response_headers, response_body, response_truncated FROM attempts
		WHERE call_id = c.id AND state = 'finished' ORDER BY number DESC LIMIT 1
	) a ON true
	WHERE c.tenant_id = $1`

func (r callRow) toCall() (c forgehook.Call, err error) {
	c = forgehook.Call{
		ID: r.ID, WorkflowID: forgehook.CallWorkflowID(r.ID), WebhookID: r.WebhookID, WebHookServiceID: r.WebHookServiceID,
		ServiceID: r.ServiceID, ProjectID: r.ProjectID, DocumentID: r.DocumentID, WorkItemID: r.WorkItemID,
		SettingsVersion: r.SettingsVersion, Reason: r.Reason, Status: forgehook.CallStatus(r.Status),
		Outcome: (*forgehook.Outcome)(r.Outcome), Attempts: r.Attempts, NextAttemptAt: database.OptionalMoment(r.NextAttemptAt),
		AcceptedAt: database.Moment(r.AcceptedAt), DeadlineAt: database.Moment(r.DeadlineAt), CompletedAt: database.OptionalMoment(r.CompletedAt),
		Error: database.CallError(r.ErrorCode, r.ErrorMessage), EventType: forgehook.EventExplicit, RunID: r.RunID, CauseID: r.CauseID,
		CallbackUntil: database.OptionalMoment(r.CallbackUntil), Result: r.Result,
	}
	if r.EventType != nil {
		c.EventType = forgehook.EventType(*r.EventType)
	}
	if r.Changes != nil {
		if err := json.Unmarshal(r.Changes, &c.Changes); err != nil {
			return c, fmt.Errorf("changes of call %s: %w", r.ID, err)
		}
	}
	if c.Explanation, err = toExplanation(r.Explanation); err != nil {
		return c, fmt.Errorf("call %s: %w", r.ID, err)
	}
	if c.Request, err = r.toRequestInfo(); err != nil {
		return c, fmt.Errorf("request of call %s: %w", r.ID, err)
	}
	if c.Response, err = r.toResponse(); err != nil {
		return c, fmt.Errorf("response of call %s: %w", r.ID, err)
	}
	return c, nil
}

func (r callRow) toRequestInfo() (*forgehook.RequestInfo, error) {
	if r.Method == nil || r.URL == nil || r.SHA256 == nil {
		return nil, nil // there is none until it is built
	}
	info := forgehook.RequestInfo{Method: *r.Method, URL: *r.URL, SHA256: *r.SHA256, Masked: r.Masked}
	if r.BodyBytes != nil {
		info.BodyBytes = *r.BodyBytes
	}
	return &info, json.Unmarshal(r.RequestHeaders, &info.Headers)
}

// toExplanation is empty until the conditions were evaluated.
func toExplanation(stored []byte) (conditions []forgehook.Condition, err error) {
	if stored == nil {
		return []forgehook.Condition{}, nil
	}
	if err := json.Unmarshal(stored, &conditions); err != nil {
		return nil, fmt.Errorf("stored explanation: %w", err)
	}
	return conditions, nil
}

// Call returns a call.
func (db *DB) Call(ctx context.Context, tenant forgehook.TenantID, id string) (_ forgehook.Call, err error) {
	defer database.Wrap(&err, "call %s", id)
	var row callRow
	if err := db.conn.Hot().Get(ctx, &row, callSelect+` AND c.id = $2`, tenant, id); err != nil {
		return forgehook.Call{}, database.OrNotFound(err, "call", id)
	}
	return row.toCall()
}

// CallsOf returns calls in the order of their ids; one that is missing is CodeNotFound.
func (db *DB) CallsOf(ctx context.Context, tenant forgehook.TenantID, ids []string) (calls []forgehook.Call, err error) {
	defer database.Wrap(&err, "%d calls", len(ids))
	var rows []callRow
	if err := db.conn.Hot().List(ctx, &rows, callSelect+` AND c.id = ANY ($2::uuid[])`, tenant, pq.Array(ids)); err != nil {
		return nil, err
	}
	byID := make(map[string]callRow, len(rows))
	for _, row := range rows {
		byID[row.ID] = row
	}
	calls = make([]forgehook.Call, len(ids))
	for i, id := range ids {
		row, ok := byID[id]
		if !ok {
			return nil, database.NotFound("call", id)
		}
		if calls[i], err = row.toCall(); err != nil {
			return nil, err
		}
	}
	return calls, nil
}

// portionBytes is about how much of calls is read at once: each may hold megabytes.
const portionBytes = 8 << 20

// Portions are the ids of the existing calls that pass the filter, in the order of ids, in portions
// that [DB.CallsOf] may read at once. From and To are ignored.
func (db *DB) Portions(ctx context.Context, tenant forgehook.TenantID, ids []string, filter forgehook.CallFilter) (portions [][]string, err error) {
	defer database.Wrap(&err, "portions of %d calls", len(ids))
	var rows []struct {
		ID   string `db:"id"`
		Size int    `db:"size"`
	}
	err = db.conn.Hot().List(ctx, &rows, `
		SELECT c.id, COALESCE(octet_length(c.result), 0) + COALESCE(octet_length(c.changes), 0) + COALESCE(octet_length(c.explanation), 0) +
		       COALESCE((SELECT octet_length(response_body) FROM attempts
		                 WHERE call_id = c.id AND state = 'finished' ORDER BY number DESC LIMIT 1), 0) AS size
		FROM unnest($2::uuid[]) WITH ORDINALITY AS w (id, place) JOIN calls c ON c.tenant_id = $1 AND c.id = w.id
		WHERE ($3::text IS NULL OR c.status = $3) AND ($4::text IS NULL OR c.outcome = $4)
		AND ($5::integer IS NULL OR c.webhook_service_id = $5) AND ($6::integer IS NULL OR c.document_id = $6)
		AND ($7::integer IS NULL OR c.work_item_id = $7) AND ($8::uuid IS NULL OR c.run_id = $8)
		ORDER BY w.place`,
		tenant, pq.Array(ids), database.OrNull(string(filter.Status)), database.OrNull(string(filter.Outcome)), orNullID(filter.WebHookServiceID),
		orNullID(filter.DocumentID), orNullID(filter.WorkItemID), database.OrNull(filter.RunID))
	size := 0
	for i, row := range rows {
		if size += row.Size; i == 0 || size > portionBytes {
			portions, size = append(portions, nil), row.Size
		}
		last := len(portions) - 1
		portions[last] = append(portions[last], row.ID)
	}
	return portions, err
}

func callsOfRequest(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, requestID string) ([]forgehook.Call, error) {
	var rows []callRow
	if err := tx.List(ctx, &rows, callSelect+` AND c.request_id = $2 ORDER BY c.id`, tenant, requestID); err != nil {
		return nil, err
	}
	calls, _, err := database.Cut(rows, len(rows), callRow.toCall, nil)
	return calls, err
}

// Calls lists calls, newest first.
func (db *DB) Calls(ctx context.Context, tenant forgehook.TenantID, filter forgehook.CallFilter, page forgehook.Page) (list []forgehook.Call, next string, err error) {
	defer database.Wrap(&err, "list calls")
	before, limit, err := callsList.ReadID(page)
	if err != nil {
		return nil, "", err
	}
	from, fromID := bound(filter.From, 0)
	to, toID := bound(filter.To, time.Second) // many calls of one request may have ids of the next millisecond
	var rows []callRow
	err = db.conn.List(ctx, &rows, callSelect+`
		AND ($2::uuid IS NULL OR c.id < $2)
		AND ($3::text IS NULL OR c.status = $3)
		AND ($3::text IS NULL OR $3 = 'completed' OR c.outcome IS NULL) -- says the same to the index
		AND ($4::text IS NULL OR c.outcome = $4)
		AND ($5::integer IS NULL OR c.webhook_service_id = $5)
		AND ($6::integer IS NULL OR c.document_id = $6)
		AND ($7::timestamptz IS NULL OR c.accepted_at >= $7)
		AND ($8::timestamptz IS NULL OR c.accepted_at < $8)
		AND ($9::uuid IS NULL OR c.id >= $9) -- these two say the same to the index
		AND ($10::uuid IS NULL OR c.id < $10)
		AND ($11::integer IS NULL OR c.work_item_id = $11)
		AND ($12::uuid IS NULL OR c.run_id = $12)
		ORDER BY c.id DESC LIMIT $13`,
		tenant, before, database.OrNull(string(filter.Status)), database.OrNull(string(filter.Outcome)), orNullID(filter.WebHookServiceID),
		orNullID(filter.DocumentID), from, to, fromID, toID, orNullID(filter.WorkItemID), database.OrNull(filter.RunID), limit+1)
	if err != nil {
		return nil, "", err
	}
	return database.Cut(rows, limit, callRow.toCall, func(r callRow) string { return callsList.Next(r.ID) })
}

// bound converts a limit of the acceptance time to a moment and an approximate id; NULL without a
// limit.
func bound(at time.Time, margin time.Duration) (moment *time.Time, id *string) {
	if at.IsZero() {
		return nil, nil
	}
	floor := database.FloorID(at.Add(margin))
	return &at, &floor
}

func orNullID(id int32) *int32 {
	if id == 0 {
		return nil
	}
	return &id
}
