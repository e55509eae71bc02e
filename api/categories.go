package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/forgehook/forgehook"
)

type categoryList struct {
	Categories []forgehook.Category `json:"categories"`
	NextCursor *string              `json:"nextCursor"`
}

func (s *server) categories() {
	const tag, ofProject, one = "categories", "/v1/projects/{id}/categories", "/v1/categories/{id}"
	register(s, route{at: "POST " + ofProject, id: "putCategory", tag: tag, need: forgehook.MayConfigure, takes: forgehook.Category{}, status: http.StatusCreated, or: http.StatusOK, conflicts: true,
		summary: "Store a category", about: "By its id, which documents have as classId: 201 when it is new, 200 when it takes the place of the one before. Without an id it is given one. Calls freeze the category of their document."}, s.putCategory)
	register(s, route{at: "GET " + ofProject, id: "listCategories", tag: tag, need: forgehook.MayRead,
		summary: "List the categories of a project"}, s.listCategories)
	register(s, route{at: "GET " + one, id: "getCategory", tag: tag, need: forgehook.MayRead,
		summary: "Read a category"}, s.getCategory)
	register(s, route{at: "PATCH " + one, id: "updateCategory", tag: tag, need: forgehook.MayConfigure, takes: forgehook.Category{},
		summary: "Change a category", about: "JSON Merge Patch; null puts a default back."}, s.updateCategory)
	register(s, route{at: "DELETE " + one, id: "deleteCategory", tag: tag, need: forgehook.MayConfigure, status: http.StatusNoContent,
		summary: "Delete a category", about: "Documents keep their classId, and calls the category that was frozen for them."}, s.deleteCategory)
}

func (s *server) putCategory(ctx context.Context, r *request, in *byID) (*response[forgehook.Category], error) {
	var category forgehook.Category
	if err := r.decode(&category, false); err != nil {
		return nil, err
	}
	r.ownID(category.ID)
	if err := r.invalid(); err != nil {
		return nil, err
	}
	category.ProjectID = in.ID
	category, isNew, err := s.DB.PutCategory(ctx, r.tenant(), category)
	if err != nil || !isNew {
		return ok(category), err
	}
	return created(fmt.Sprintf("/v1/categories/%d", category.ID), category), nil
}

func (s *server) listCategories(ctx context.Context, r *request, in *byIDPaged) (*response[categoryList], error) {
	categories, next, err := s.DB.Categories(ctx, r.tenant(), in.ID, in.page())
	if err == nil && len(categories) == 0 {
		_, err = s.DB.Project(ctx, r.tenant(), in.ID) // an unknown id is not an empty page
	}
	return ok(categoryList{some(categories), cursor(next)}), err
}

func (s *server) getCategory(ctx context.Context, r *request, in *byID) (*response[forgehook.Category], error) {
	category, err := s.DB.Category(ctx, r.tenant(), in.ID)
	return ok(category), err
}

func (s *server) updateCategory(ctx context.Context, r *request, in *byID) (*response[forgehook.Category], error) {
	category, err := s.DB.UpdateCategory(ctx, r.tenant(), in.ID, func(c *forgehook.Category) error { return patched(r, c, "id", "projectId") })
	return ok(category), err
}

func (s *server) deleteCategory(ctx context.Context, r *request, in *byID) (*response[none], error) {
	return noContent(), s.DB.DeleteCategory(ctx, r.tenant(), in.ID)
}
