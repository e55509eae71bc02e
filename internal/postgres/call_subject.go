package postgres

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// freezer builds a subject from a request, and collects the references that name nothing.
type freezer struct {
	request forgehook.CallRequest // with the work item that it names by id
	stored  map[int32]*forgehook.Document
	faults  []forgehook.FieldError
}

// freeze reads what a request names by id. The subject still lacks project and service, which are
// the utilities' own. It has no document exactly if there are faults.
func freeze(ctx context.Context, tx database.Conn, tenant forgehook.TenantID, request forgehook.CallRequest) (forgehook.Subject, []forgehook.FieldError, error) {
	f := freezer{request: request}
	if id := request.WorkItemID; id != nil {
		item, err := storedWorkItem(ctx, tx, tenant, *id)
		if err != nil {
			return forgehook.Subject{}, nil, err
		}
		if f.request.WorkItem = item; item == nil {
			f.fault("workItemId", *id, "the id of a stored work item")
		} else if request.Document == nil && request.DocumentID == nil && item.DocumentID == nil {
			f.fault("workItemId", *id, "the id of a work item with a documentId, or a document beside it")
		}
	}
	stored, err := storedDocuments(ctx, tx, tenant, f.references())
	if err != nil {
		return forgehook.Subject{}, nil, err
	}
	f.stored = stored
	return f.subject(), f.faults, nil
}

// references are the ids of documents that the request names, directly or by an inline document's
// master.
func (f *freezer) references() (ids []int32) {
	r := f.request
	if _, id := f.documentID(); id != nil {
		ids = append(ids, *id)
	}
	switch {
	case r.MasterDocumentID != nil:
		ids = append(ids, *r.MasterDocumentID)
	case r.MasterDocument == nil && r.Document != nil && r.Document.MasterID != nil:
		ids = append(ids, *r.Document.MasterID)
	}
	return ids
}

// documentID is the id that names the document, and its place in the request. A work item's
// document is used if nothing else names one.
func (f *freezer) documentID() (path string, id *int32) {
	r := f.request
	switch {
	case r.Document != nil:
		return "", nil
	case r.DocumentID == nil && r.WorkItem != nil:
		return "workItem.documentId", r.WorkItem.DocumentID
	default:
		return "documentId", r.DocumentID
	}
}

func (f *freezer) subject() forgehook.Subject {
	r := f.request
	document := r.Document
	if path, id := f.documentID(); id != nil {
		document = f.storedDocument(path, *id)
	}
	s := forgehook.Subject{Document: document, MasterDocument: r.MasterDocument, WorkItem: r.WorkItem}
	switch {
	case r.MasterDocumentID != nil:
		s.MasterDocument = f.storedDocument("masterDocumentId", *r.MasterDocumentID)
	case r.MasterDocument == nil && document != nil && document.MasterID != nil:
		s.MasterDocument = f.stored[*document.MasterID] // lineage: it may well not be stored here
	}
	if document == nil {
		return s
	}
	s.Parameter, s.ParameterDef, s.Verification = r.Parameter, r.ParameterDef, r.Verification
	if r.ParameterID != nil {
		s.Parameter = found(f, "parameterId", "parameter", *r.ParameterID, document.Parameter(*r.ParameterID))
	}
	if r.ParameterDefID != nil {
		s.ParameterDef = found(f, "parameterDefId", "parameter definition", *r.ParameterDefID, document.ParameterDef(*r.ParameterDefID))
	}
	if r.VerificationID != nil {
		_, verification := document.Verification(*r.VerificationID)
		s.Verification = found(f, "verificationId", "verification", *r.VerificationID, verification)
	}
	if s.Parameter != nil && r.ParameterDefID == nil && s.ParameterDef == nil {
		s.ParameterDef = s.Parameter.ParamDef
	}
	if s.Parameter != nil && r.VerificationID == nil && s.Verification == nil {
		s.Verification = s.Parameter.LastVerification()
	}
	return s
}

func (f *freezer) storedDocument(path string, id int32) *forgehook.Document {
	document := f.stored[id]
	if document == nil {
		f.fault(path, id, "the id of a stored document")
	}
	return document
}

// found looks up an id inside the document, and adds a fault if the document has no such id.
func found[T any](f *freezer, path, kind string, id int32, entity *T) *T {
	if entity == nil {
		f.fault(path, id, "the id of a "+kind+" of the document")
	}
	return entity
}

func (f *freezer) fault(path string, id int32, allowed string) {
	f.faults = append(f.faults, forgehook.FieldError{Path: path, Value: strconv.Itoa(int(id)), Allowed: allowed})
}

// Subject is what a call is about, as it was frozen.
func (db *DB) Subject(ctx context.Context, call forgehook.CallRef) (s forgehook.Subject, err error) {
	defer database.Wrap(&err, "subject of call %s", call.CallID)
	var stored []byte
	err = db.conn.Get(ctx, &stored, `
		SELECT q.subject FROM calls c JOIN call_requests q ON q.id = c.request_id WHERE c.tenant_id = $1 AND c.id = $2`,
		call.Tenant, call.CallID)
	if err != nil {
		return s, database.OrNotFound(err, "call", call.CallID)
	}
	return s, json.Unmarshal(stored, &s)
}
