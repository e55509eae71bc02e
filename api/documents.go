package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/mask"
	"github.com/forgehook/forgehook/internal/postgres"
)

// documentInput names a project and, for raw JSON, the service whose input makes documents of it.
type documentInput struct {
	byID
	ServiceID int32  `query:"serviceId" doc:"The body is a sender's raw JSON: the input of this service makes the document of it."`
	Cause     string `header:"Forgehook-Cause" doc:"The id, or webhook-id, of the call that the change comes from: utilities that led to it do not fire again. A traceparent that we sent says the same."`
}

type documentList struct {
	Documents  []forgehook.Document `json:"documents"`
	NextCursor *string              `json:"nextCursor"`
}

func (s *server) documents() {
	const tag, ofProject = "documents", "/v1/projects/{id}/documents"
	register(s, route{at: "POST " + ofProject, id: "putDocument", tag: tag, need: forgehook.MayCall, takes: forgehook.Document{}, status: http.StatusCreated, or: http.StatusOK, conflicts: true,
		summary: "Store a document", about: "By its id: 201 when it is new, 200 when it takes the place of the one before. Without an id it is given one. A secret field that has [secret], as it is shown, keeps what is stored. With serviceId in the query the body is raw JSON, which the document keeps as source."}, s.putDocument)
	register(s, route{at: "GET " + ofProject, id: "listDocuments", tag: tag, need: forgehook.MayRead,
		summary: "List the documents of a project"}, s.listDocuments)
	register(s, route{at: "POST " + ofProject + "/import", id: "importDocuments", tag: tag, need: forgehook.MayCall, takes: forgehook.Document{}, streams: true, conflicts: true,
		summary: "Store many documents", about: "NDJSON, one document a line of at most 16 MiB, 256 MiB together. Nothing is stored when any line has a fault. Secret fields that have [secret], as they are shown, keep what is stored. With serviceId in the query each line is raw JSON."}, s.importDocuments)
	register(s, route{at: "GET /v1/documents/{id}", id: "getDocument", tag: tag, need: forgehook.MayRead,
		summary: "Read a document"}, s.getDocument)
	register(s, route{at: "PATCH /v1/documents/{id}", id: "updateDocument", tag: tag, need: forgehook.MayCall, takes: forgehook.Document{},
		summary: "Change a document", about: "JSON Merge Patch; null puts a default back. source is replaced as a whole. A secret field that has [secret], as it is shown, keeps what is stored."}, s.updateDocument)
	register(s, route{at: "DELETE /v1/documents/{id}", id: "deleteDocument", tag: tag, need: forgehook.MayCall, status: http.StatusNoContent,
		summary: "Delete a document", about: "Its open work items become DocumentDeleted. Calls keep the subject that was frozen for them."}, s.deleteDocument)
}

func (s *server) putDocument(ctx context.Context, r *request, in *documentInput) (*response[forgehook.Document], error) {
	document, err := s.readDocument(ctx, r, in)
	if err != nil {
		return nil, err
	}
	if err := r.invalid(); err != nil {
		return nil, err
	}
	document.ProjectID = in.ID
	document, isNew, raised, err := s.DB.PutDocument(ctx, r.tenant(), document, r.cause(), r.keep("body"))
	if err != nil {
		return nil, err
	}
	s.dispatch(r).Follow(ctx, raised)
	if !isNew {
		return ok(mask.Document(document)), nil
	}
	return created(fmt.Sprintf("/v1/documents/%d", document.ID), mask.Document(document)), nil
}

// readDocument decodes the body as a document, or makes a document of its raw JSON.
func (s *server) readDocument(ctx context.Context, r *request, in *documentInput) (document forgehook.Document, err error) {
	if in.ServiceID == 0 {
		err = r.decode(&document, false)
		r.ownID(document.ID)
		return document, err
	}
	body, err := r.parse()
	if err != nil {
		return document, err
	}
	if body.IsNull() {
		r.fault("body", "null", "an object")
	}
	service, err := s.mappingOf(ctx, r, in)
	if err != nil || len(r.faults) > 0 {
		return document, err
	}
	return *s.mapped(r, "body", service, body, time.Now()), nil
}

// mappingOf is the service that the query names. It must belong to the project.
func (s *server) mappingOf(ctx context.Context, r *request, in *documentInput) (forgehook.Service, error) {
	if _, err := s.DB.Project(ctx, r.tenant(), in.ID); err != nil {
		return forgehook.Service{}, err
	}
	service, err := s.mapping(ctx, r, in.ServiceID, 0)
	if err == nil && service.ProjectID != in.ID {
		r.fault("query.serviceId", fmt.Sprint(in.ServiceID), fmt.Sprintf("a service of project %d; this one is of project %d", in.ID, service.ProjectID))
	}
	return service, err
}

func (s *server) listDocuments(ctx context.Context, r *request, in *byIDPaged) (*response[documentList], error) {
	documents, next, err := s.DB.Documents(ctx, r.tenant(), in.ID, in.page())
	if err == nil && len(documents) == 0 {
		_, err = s.DB.Project(ctx, r.tenant(), in.ID) // an unknown id is not an empty page
	}
	for i := range documents {
		documents[i] = mask.Document(documents[i])
	}
	return ok(documentList{some(documents), cursor(next)}), err
}

func (s *server) getDocument(ctx context.Context, r *request, in *byID) (*response[forgehook.Document], error) {
	document, err := s.DB.Document(ctx, r.tenant(), in.ID)
	return ok(mask.Document(document)), err
}

func (s *server) updateDocument(ctx context.Context, r *request, in *changeInput) (*response[forgehook.Document], error) {
	document, raised, err := s.DB.UpdateDocument(ctx, r.tenant(), in.ID, r.cause(), func(d *forgehook.Document) error {
		stored, err := r.before(*d)
		if err != nil {
			return err
		}
		if err = patched(r, d, "id", "projectId"); err == nil {
			err = r.keep("body")(d, func() (*forgehook.Document, error) { return stored, nil })
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.dispatch(r).Follow(ctx, raised)
	return ok(mask.Document(document)), nil
}

// keep puts the stored secrets back into a document that shows them as "[secret]". A mask without a
// stored secret is a fault below place.
func (r *request) keep(below string) postgres.Keep {
	return func(d *forgehook.Document, stored func() (*forgehook.Document, error)) error {
		if err := r.collect(below, mask.Keep(d, stored)); err != nil {
			return err
		}
		return r.invalid()
	}
}

// before is a copy of a document that is about to be patched, nil if the patch has no masked
// secret.
func (r *request) before(d forgehook.Document) (*forgehook.Document, error) {
	if !mask.MayHold(r.body) {
		return nil, nil
	}
	content, err := forgehook.AppendJSON(nil, d)
	if err != nil {
		return nil, err
	}
	var stored forgehook.Document
	return &stored, json.Unmarshal(content, &stored)
}

// refuseMasks refuses secret fields that hold "[secret]", as a shown document does: the mask would
// be sent.
func (r *request) refuseMasks(place string, d *forgehook.Document) {
	if d == nil || !mask.MayHold(r.body) {
		return
	}
	_ = r.collect(place, mask.Refuse(d)) // mask.Refuse returns only faults
}

func (s *server) deleteDocument(ctx context.Context, r *request, in *changeInput) (*response[none], error) {
	raised, err := s.DB.DeleteDocument(ctx, r.tenant(), in.ID, r.cause())
	if err == nil {
		s.dispatch(r).Follow(ctx, raised)
	}
	return noContent(), err
}
