package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// Acceptance asks for calls.
type Acceptance struct {
	Request        forgehook.CallRequest
	IdempotencyKey string // "": none
	BodySHA256     []byte // of the decoded body; tells whether a key is used for the same request again
	Now            time.Time
	Waiter         string // the id of a workflow that is signalled when the calls end; "": none
	CauseID        string // the call that caused these, "": unknown. They are made in any case; their descendants count as the cause's
	because        cause  // that call
}

// Accepted is the result of an acceptance.
type Accepted struct {
	Calls     []forgehook.Call      // in order: by the utilities' index, then id
	NotCalled []forgehook.NotCalled // utilities that were passed over
	Starts    []forgehook.CallStart // calls whose workflow may not have started yet
	Repeated  bool                  // the key was used before for this request: these are its calls
}

// MaxIdempotencyKey bounds an idempotency key, in bytes.
const MaxIdempotencyKey = 255

const notCalledDisabled = "disabled"

// errKeyTaken says that an earlier or concurrent request with the same idempotency key was
// accepted.
var errKeyTaken = errors.New("idempotency key is taken")

// AcceptCalls resolves the utilities, freezes the subject and the versions of the settings, and
// stores the calls: all or nothing. Once it returns they are never lost. A key that was used before
// decides alone: the same request gets its earlier calls, even if what it names was deleted since;
// another request is CodeKeyReused.
//
// The utilities are webHookServiceId (CodeNotFound if there is none; a disabled one is called and
// skips), else all of serviceId (CodeNotFound), else all of the document's service (CodeInvalid, as
// the document's service may not be stored). References that name nothing are CodeInvalid, all at
// once.
func (db *DB) AcceptCalls(ctx context.Context, tenant forgehook.TenantID, a Acceptance) (accepted Accepted, err error) {
	defer database.Wrap(&err, "accept calls")
	if err := a.Request.Validate(); err != nil {
		return Accepted{}, err
	}
	if key := a.IdempotencyKey; len(key) > MaxIdempotencyKey || database.Storable(key) != key {
		return Accepted{}, forgehook.Invalid(forgehook.FieldError{
			Path: "Idempotency-Key", Value: forgehook.Shorten(database.Storable(key), 100), Allowed: "a text of at most 255 bytes",
		})
	}
	err = db.conn.InTx(ctx, func(tx database.Conn) error {
		accepted, err = acceptCalls(ctx, tx, tenant, a)
		return err
	})
	if err != nil {
		return Accepted{}, err
	}
	return accepted, nil
}

// acceptCalls looks for an earlier request only if this one cannot be stored. The usual case needs
// no query for it.
func acceptCalls(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, a Acceptance) (Accepted, error) {
	accepted, err := acceptNew(ctx, tx, tenant, a)
	refused := errors.Is(err, errKeyTaken) || forgehook.ErrorCode(err) != ""
	if a.IdempotencyKey == "" || !refused {
		return accepted, err
	}
	earlier, found, lookupErr := acceptedBefore(ctx, tx, tenant, a)
	if found || lookupErr != nil {
		return earlier, lookupErr
	}
	return accepted, err
}

func acceptNew(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, a Acceptance) (Accepted, error) {
	subject, faults, err := freeze(ctx, tx, tenant, a.Request)
	if err != nil {
		return Accepted{}, err
	}
	t, more, err := resolve(ctx, tx, tenant, a.Request, subject.Document)
	if err != nil {
		return Accepted{}, err
	}
	if err := forgehook.Invalid(append(faults, more...)...); err != nil {
		return Accepted{}, err
	}
	subject.Project, subject.Category = t.project, t.category
	subject.Service = withoutInput(t.service)
	if a.CauseID != "" {
		if a.because, err = findCause(ctx, tx, tenant, a.CauseID); err != nil {
			return Accepted{}, err
		}
	}
	accepted := newCalls(tenant, a, t, subject)
	return accepted, insertCalls(ctx, tx, tenant, a, subject, t, accepted)
}

// withoutInput is a service as subjects have it. The input that maps raw JSON is no part of a call.
func withoutInput(service *forgehook.Service) *forgehook.Service {
	if service == nil {
		return nil
	}
	plain := *service
	plain.Input, plain.InputSample, plain.InputLanguage = nil, nil, 0
	return &plain
}

// newCalls makes a call for each utility. A disabled one is called only if it was named.
func newCalls(tenant forgehook.TenantID, a Acceptance, t target, subject forgehook.Subject) Accepted {
	accepted := Accepted{Calls: []forgehook.Call{}, NotCalled: []forgehook.NotCalled{}}
	ids := database.NewIDs(a.Now, len(t.utilities))
	for i, u := range t.utilities {
		if !u.Settings.Enabled && a.Request.WebHookServiceID == nil {
			accepted.NotCalled = append(accepted.NotCalled, forgehook.NotCalled{WebHookServiceID: u.ID, Reason: notCalledDisabled})
			continue
		}
		call := newCall(ids[i], a, u, subject)
		accepted.Calls = append(accepted.Calls, call)
		accepted.Starts = append(accepted.Starts, newStart(tenant, call, u.Name, u.Settings))
	}
	return accepted
}

func newCall(id string, a Acceptance, u forgehook.Utility, subject forgehook.Subject) forgehook.Call {
	at := database.Milliseconds(a.Now)
	call := forgehook.Call{
		ID:               id,
		WorkflowID:       forgehook.CallWorkflowID(id),
		WebhookID:        newWebhookID(id),
		WebHookServiceID: u.ID,
		ServiceID:        u.ServiceID,
		ProjectID:        u.ProjectID,
		SettingsVersion:  u.SettingsVersion,
		Explanation:      []forgehook.Condition{},
		Reason:           database.OptionalStorable(a.Request.Reason),
		Status:           forgehook.CallAccepted,
		EventType:        forgehook.EventExplicit,
		AcceptedAt:       database.Moment(at),
		DeadlineAt:       database.Moment(database.Milliseconds(at.Add(u.Settings.Delivery.Deadline))),
	}
	call.CauseID = a.because.callID()
	if d := subject.Document; d != nil && d.ID != 0 {
		call.DocumentID = &d.ID
	}
	if w := subject.WorkItem; w != nil && w.ID != 0 {
		call.WorkItemID = &w.ID
	}
	return call
}

// newWebhookID is the webhook-id of a new call: "msg_" and the call's id without dashes. It is
// signed together with the time, separated by a dot, so it holds no dot, and nothing that a user
// chose. A replay keeps the id of the call it repeats.
func newWebhookID(callID string) string { return webhookIDPrefix + strings.ReplaceAll(callID, "-", "") }

func newStart(tenant forgehook.TenantID, call forgehook.Call, utilityName string, s forgehook.Settings) forgehook.CallStart {
	return forgehook.CallStart{
		Tenant: tenant, CallID: call.ID, WebHookServiceID: call.WebHookServiceID, UtilityName: utilityName,
		ServiceID: call.ServiceID, ProjectID: call.ProjectID, DocumentID: call.DocumentID,
		Method: s.WebHook.Method.String(), Host: s.WebHook.Host(), AcceptedAt: call.AcceptedAt.Time,
		Deadline: call.DeadlineAt.Sub(call.AcceptedAt.Time), Timeout: s.Delivery.Timeout,
	}
}

// insertCalls stores a request and its calls in one statement. A request without calls is stored
// too, because its key is now used.
func insertCalls(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, a Acceptance, subject forgehook.Subject, t target, accepted Accepted) error {
	frozen, err := forgehook.AppendJSON(nil, subject)
	if err != nil {
		return err
	}
	var notCalled []byte
	if len(accepted.NotCalled) > 0 {
		if notCalled, err = json.Marshal(accepted.NotCalled); err != nil {
			return err
		}
	}
	settings := map[int32]forgehook.Settings{}
	for _, u := range t.utilities {
		settings[u.ID] = u.Settings
	}
	id := database.NewID(a.Now)
	rows := callRows{tenant: tenant, cause: a.because.mustNot, causeID: a.because.callID(), at: a.Now}
	for _, call := range accepted.Calls {
		rows.add(id, database.OrNull(a.because.root), call, settings[call.WebHookServiceID])
	}
	var stored bool
	err = tx.Hot().Get(ctx, &stored, `
		WITH request AS (
			INSERT INTO call_requests (id, tenant_id, idempotency_key, body_sha256, subject, not_called, accepted_at)
			VALUES ($21, $1, $22, $23, $24, $25, $2)
			ON CONFLICT (tenant_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
			RETURNING id
		), made AS (`+insertCallRows+` RETURNING id
		), awaited AS (
			INSERT INTO call_waiters (call_id, workflow_id) SELECT id, $26 FROM made WHERE $26::text IS NOT NULL
		)
		SELECT EXISTS (SELECT FROM request)`,
		append(rows.arguments(), id, database.OrNull(a.IdempotencyKey), a.BodySHA256, frozen, notCalled, database.OrNull(a.Waiter))...)
	if err == nil && !stored {
		return errKeyTaken
	}
	return err
}

// AcceptedBefore finds the calls of a request whose idempotency key was used before. It serves
// requests that can no longer be read as they were then. A different request is CodeKeyReused.
func (db *DB) AcceptedBefore(ctx context.Context, tenant forgehook.TenantID, a Acceptance) (accepted Accepted, found bool, err error) {
	defer database.Wrap(&err, "calls accepted before")
	return acceptedBefore(ctx, db.conn.Conn, tenant, a)
}

// acceptedBefore finds the request that used the key first.
func acceptedBefore(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, a Acceptance) (_ Accepted, found bool, err error) {
	var rows []struct {
		ID         string `db:"id"`
		BodySHA256 []byte `db:"body_sha256"`
		NotCalled  []byte `db:"not_called"`
	}
	err = tx.List(ctx, &rows, `
		SELECT id, body_sha256, not_called FROM call_requests WHERE tenant_id = $1 AND idempotency_key = $2`, tenant, a.IdempotencyKey)
	if err != nil || len(rows) == 0 {
		return Accepted{}, false, err
	}
	if !bytes.Equal(rows[0].BodySHA256, a.BodySHA256) {
		return Accepted{}, true, forgehook.Errorf(forgehook.CodeKeyReused, "This Idempotency-Key was used for another request.")
	}
	accepted := Accepted{Repeated: true, NotCalled: []forgehook.NotCalled{}}
	if rows[0].NotCalled != nil {
		if err := json.Unmarshal(rows[0].NotCalled, &accepted.NotCalled); err != nil {
			return Accepted{}, true, err
		}
	}
	if a.Waiter != "" { // before the calls are read: from now on an end sends a signal
		if err := awaitRequest(ctx, tx, rows[0].ID, a.Waiter); err != nil {
			return Accepted{}, true, err
		}
	}
	if accepted.Calls, err = callsOfRequest(ctx, tx, tenant, rows[0].ID); err != nil {
		return Accepted{}, true, err
	}
	accepted.Starts, err = startsOfRequest(ctx, tx, tenant, rows[0].ID)
	return accepted, true, err
}
