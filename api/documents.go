package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/forgehook/forgehook"
)

type documentList struct {
	Documents  []forgehook.Document `json:"documents"`
	NextCursor *string              `json:"nextCursor"`
}

func (s *server) documents() {
	const tag, ofProject = "documents", "/v1/projects/{id}/documents"
	register(s, route{at: "POST " + ofProject, id: "putDocument", tag: tag, need: forgehook.MayCall, takes: forgehook.Document{}, status: http.StatusCreated, or: http.StatusOK, conflicts: true,
		summary: "Store a document", about: "By its id: 201 when it is new, 200 when it takes the place of the one before. Without an id it is given one."}, s.putDocument)
	register(s, route{at: "GET " + ofProject, id: "listDocuments", tag: tag, need: forgehook.MayRead,
		summary: "List the documents of a project"}, s.listDocuments)
	register(s, route{at: "POST " + ofProject + "/import", id: "importDocuments", tag: tag, need: forgehook.MayCall, takes: forgehook.Document{}, streams: true, conflicts: true,
		summary: "Store many documents", about: "NDJSON, one document a line of at most 16 MiB, 256 MiB together. Nothing is stored when any line has a fault."}, s.importDocuments)
	register(s, route{at: "GET /v1/documents/{id}", id: "getDocument", tag: tag, need: forgehook.MayRead,
		summary: "Read a document"}, s.getDocument)
	register(s, route{at: "PATCH /v1/documents/{id}", id: "updateDocument", tag: tag, need: forgehook.MayCall, takes: forgehook.Document{},
		summary: "Change a document", about: "JSON Merge Patch; null puts a default back."}, s.updateDocument)
	register(s, route{at: "DELETE /v1/documents/{id}", id: "deleteDocument", tag: tag, need: forgehook.MayCall, status: http.StatusNoContent,
		summary: "Delete a document", about: "Calls keep the subject that was frozen for them."}, s.deleteDocument)
}

func (s *server) putDocument(ctx context.Context, r *request, in *byID) (*answer[forgehook.Document], error) {
	var document forgehook.Document
	if err := r.decode(&document, false); err != nil {
		return nil, err
	}
	r.ownID(document.ID)
	if err := r.invalid(); err != nil {
		return nil, err
	}
	document.ProjectID = in.id
	document, isNew, err := s.DB.PutDocument(ctx, r.tenant(), document)
	if err != nil || !isNew {
		return ok(document), err
	}
	return created(fmt.Sprintf("/v1/documents/%d", document.ID), document), nil
}

func (s *server) listDocuments(ctx context.Context, r *request, in *byIDPaged) (*answer[documentList], error) {
	documents, next, err := s.DB.Documents(ctx, r.tenant(), in.id, in.page)
	if err == nil && len(documents) == 0 {
		_, err = s.DB.Project(ctx, r.tenant(), in.id) // no page of nothing
	}
	return ok(documentList{some(documents), cursor(next)}), err
}

func (s *server) getDocument(ctx context.Context, r *request, in *byID) (*answer[forgehook.Document], error) {
	document, err := s.DB.Document(ctx, r.tenant(), in.id)
	return ok(document), err
}

func (s *server) updateDocument(ctx context.Context, r *request, in *byID) (*answer[forgehook.Document], error) {
	document, err := s.DB.UpdateDocument(ctx, r.tenant(), in.id, func(d *forgehook.Document) error { return patched(r, d, "id", "projectId") })
	return ok(document), err
}

func (s *server) deleteDocument(ctx context.Context, r *request, in *byID) (*answer[none], error) {
	return noContent(), s.DB.DeleteDocument(ctx, r.tenant(), in.id)
}
