package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/forgehook/forgehook"
)

type projectList struct {
	Projects   []forgehook.Project `json:"projects"`
	NextCursor *string             `json:"nextCursor"`
}

func (s *server) projects() {
	const tag = "projects"
	register(s, route{at: "POST /v1/projects", id: "createProject", tag: tag, need: forgehook.MayConfigure, takes: forgehook.Project{}, status: http.StatusCreated, conflicts: true,
		summary: "Make a project"}, s.createProject)
	register(s, route{at: "GET /v1/projects", id: "listProjects", tag: tag, need: forgehook.MayRead,
		summary: "List projects"}, s.listProjects)
	register(s, route{at: "GET /v1/projects/{id}", id: "getProject", tag: tag, need: forgehook.MayRead,
		summary: "Read a project"}, s.getProject)
	register(s, route{at: "PATCH /v1/projects/{id}", id: "updateProject", tag: tag, need: forgehook.MayConfigure, takes: forgehook.Project{},
		summary: "Change a project", about: "JSON Merge Patch; null puts a default back."}, s.updateProject)
	register(s, route{at: "DELETE /v1/projects/{id}", id: "deleteProject", tag: tag, need: forgehook.MayConfigure, status: http.StatusNoContent, conflicts: true,
		summary: "Delete a project without services and documents"}, s.deleteProject)
}

func (s *server) createProject(ctx context.Context, r *request, _ *nothing) (*response[forgehook.Project], error) {
	var project forgehook.Project
	if err := r.decode(&project, false); err != nil {
		return nil, err
	}
	r.ownID(project.ID)
	if err := r.invalid(); err != nil {
		return nil, err
	}
	project, err := s.DB.CreateProject(ctx, r.tenant(), project)
	return created(fmt.Sprintf("/v1/projects/%d", project.ID), project), err
}

const ownIDs = "a whole number from 1 to 2147483647, or none to be given one"

// ownID checks an id that a client chose; 0 asks for a new one.
func (r *request) ownID(id int32) {
	if id < 0 {
		r.fault("body.id", fmt.Sprint(id), ownIDs)
	}
}

func (s *server) listProjects(ctx context.Context, r *request, in *pageInput) (*response[projectList], error) {
	projects, next, err := s.DB.Projects(ctx, r.tenant(), in.page())
	return ok(projectList{some(projects), cursor(next)}), err
}

func (s *server) getProject(ctx context.Context, r *request, in *byID) (*response[forgehook.Project], error) {
	project, err := s.DB.Project(ctx, r.tenant(), in.ID)
	return ok(project), err
}

func (s *server) updateProject(ctx context.Context, r *request, in *byID) (*response[forgehook.Project], error) {
	project, err := s.DB.UpdateProject(ctx, r.tenant(), in.ID, func(p *forgehook.Project) error { return patched(r, p, "id") })
	return ok(project), err
}

func (s *server) deleteProject(ctx context.Context, r *request, in *byID) (*response[none], error) {
	return noContent(), s.DB.DeleteProject(ctx, r.tenant(), in.ID)
}
