package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/catalog"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// subjectsOf freezes the subject of each item as a request for calls would, nil if it no longer
// exists.
func subjectsOf(ctx context.Context, tx database.Conn, run runRow, common []byte, items []runItem, t target) (subjects []*forgehook.Subject, err error) {
	switch {
	case isCallEvent(forgehook.EventType(run.EventType)):
		subjects, err = causedSubjects(ctx, tx, run, items)
	default:
		subjects, err = itemSubjects(ctx, tx, run, common, items)
	}
	if err != nil {
		return nil, err
	}
	var classes []int32
	for _, s := range subjects {
		if s != nil && s.Document.ClassID != nil {
			classes = append(classes, *s.Document.ClassID)
		}
	}
	slices.Sort(classes)
	categories, err := catalog.CategoriesByID(ctx, tx, run.Tenant, slices.Compact(classes))
	if err != nil {
		return nil, err
	}
	service := withoutInput(t.service)
	for _, s := range subjects {
		if s == nil {
			continue
		}
		s.Project, s.Service, s.Category = t.project, service, nil
		if s.Document.ClassID != nil {
			s.Category = categories[*s.Document.ClassID]
		}
	}
	return subjects, nil
}

// isCallEvent says that an event is about the call that caused it.
func isCallEvent(e forgehook.EventType) bool { return slices.Contains(forgehook.OwnEventTypes, e) }

// itemSubjects reads documents, masters and work items of all items at once.
func itemSubjects(ctx context.Context, tx database.Conn, run runRow, common []byte, items []runItem) ([]*forgehook.Subject, error) {
	requests, err := itemRequests(ctx, tx, run, common, items)
	if err != nil {
		return nil, err
	}
	var ids []int32
	for _, r := range requests {
		if r != nil {
			f := freezer{request: *r}
			ids = append(ids, f.references()...)
		}
	}
	slices.Sort(ids)
	stored, err := storedDocuments(ctx, tx, run.Tenant, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	subjects := make([]*forgehook.Subject, len(items))
	for i, r := range requests {
		if r == nil {
			continue
		}
		f := freezer{request: *r, stored: stored}
		f.parameterOfVerification()
		if s := f.subject(); s.Document != nil && len(f.faults) == 0 {
			subjects[i] = &s
		}
	}
	return subjects, nil
}

// itemRequests are the requests for calls that the items stand for, nil for an item whose work item
// no longer exists.
func itemRequests(ctx context.Context, tx database.Conn, run runRow, common []byte, items []runItem) ([]*forgehook.CallRequest, error) {
	var shared forgehook.CallRequest
	if common != nil {
		if err := json.Unmarshal(common, &shared); err != nil {
			return nil, fmt.Errorf("stored request of run %s: %w", run.ID, err)
		}
	}
	requests := make([]*forgehook.CallRequest, len(items))
	var workItems []int32
	for i, item := range items {
		r := shared
		if item.DocumentID != nil {
			r.DocumentID = item.DocumentID
		}
		if item.Document != nil {
			r.Document, r.DocumentID = new(forgehook.Document), nil
			if err := json.Unmarshal(item.Document, r.Document); err != nil {
				return nil, fmt.Errorf("stored document of run %s: %w", run.ID, err)
			}
		}
		if item.ParameterID != nil {
			r.ParameterID = item.ParameterID
		}
		if item.VerificationID != nil {
			r.VerificationID = item.VerificationID
		}
		if item.WorkItemID != nil {
			r.WorkItemID = item.WorkItemID
		}
		if r.WorkItemID != nil {
			workItems = append(workItems, *r.WorkItemID)
		}
		requests[i] = &r
	}
	stored, err := storedWorkItems(ctx, tx, run.Tenant, workItems)
	if err != nil {
		return nil, err
	}
	for i, r := range requests {
		if r.WorkItemID == nil {
			continue
		}
		if r.WorkItem = stored[*r.WorkItemID]; r.WorkItem == nil {
			requests[i] = nil
		}
	}
	return requests, nil
}

// parameterOfVerification names the parameter that a verification belongs to, where the request
// names only that.
func (f *freezer) parameterOfVerification() {
	r := &f.request
	if r.VerificationID == nil || r.ParameterID != nil || r.Parameter != nil {
		return
	}
	document := r.Document
	if _, id := f.documentID(); id != nil {
		document = f.stored[*id]
	}
	if document != nil {
		r.Parameter, _ = document.Verification(*r.VerificationID)
	}
}

// causedSubjects are those of call events: what the call that caused the run was about, its
// document as it is stored now, and the call.
func causedSubjects(ctx context.Context, tx database.Conn, run runRow, items []runItem) ([]*forgehook.Subject, error) {
	var rows []struct {
		UtilityID    int32   `db:"webhook_service_id"`
		Reason       *string `db:"reason"`
		Outcome      *string `db:"outcome"`
		StatusCode   *int32  `db:"last_status_code"`
		Attempts     int32   `db:"attempts"`
		ErrorCode    *string `db:"error_code"`
		ErrorMessage *string `db:"error_message"`
		Result       []byte  `db:"result"`
		Subject      []byte  `db:"subject"`
	}
	err := tx.List(ctx, &rows, `
		SELECT c.webhook_service_id, c.reason, c.outcome, NULLIF(c.last_status_code, 0) AS last_status_code, c.attempts, c.error_code,
		       c.error_message, c.result, q.subject
		FROM calls c JOIN call_requests q ON q.id = c.request_id
		WHERE c.tenant_id = $1 AND c.id = $2`, run.Tenant, run.CauseID)
	subjects := make([]*forgehook.Subject, len(items))
	if err != nil || len(rows) == 0 {
		return subjects, err
	}
	call := rows[0]
	cause := &forgehook.Cause{
		ID: *run.CauseID, WebHookServiceID: call.UtilityID, Reason: call.Reason, StatusCode: call.StatusCode, Attempts: call.Attempts,
		ErrorCode: call.ErrorCode, ErrorMessage: call.ErrorMessage, Result: call.Result,
	}
	if call.Outcome != nil {
		cause.Outcome = *call.Outcome
	}
	for i := range items {
		var s forgehook.Subject
		if err := json.Unmarshal(call.Subject, &s); err != nil {
			return nil, fmt.Errorf("stored subject: %w", err)
		}
		s.Cause = cause
		if s.Document == nil {
			continue
		}
		stored, err := storedDocuments(ctx, tx, run.Tenant, []int32{s.Document.ID})
		if err != nil {
			return nil, err
		}
		if d := stored[s.Document.ID]; d != nil && s.Document.ID != 0 {
			s.Document = d
		}
		subjects[i] = &s
	}
	return subjects, nil
}
