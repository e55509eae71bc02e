package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/forgehook/forgehook"
)

type serviceList struct {
	Services   []forgehook.Service `json:"services"`
	NextCursor *string             `json:"nextCursor"`
}

// serviceOrUtility is what a service id names: a utility is a service too.
type serviceOrUtility struct{ entity any }

func (e serviceOrUtility) MarshalJSON() ([]byte, error) { return json.Marshal(e.entity) }

// either applies one function to a service or, if the id names none, another one to a utility.
func either(service, utility func() (any, error)) (*response[serviceOrUtility], error) {
	entity, err := service()
	if forgehook.ErrorCode(err) == forgehook.CodeNotFound {
		other, otherErr := utility()
		if forgehook.ErrorCode(otherErr) != forgehook.CodeNotFound {
			entity, err = other, otherErr
		}
	}
	return ok(serviceOrUtility{entity}), err
}

const aboutInput = "input is a CEL expression that makes a document of the JSON that a sender posts (source); it is compiled, and tried on inputSample, a JSON that may have what a body may have."

func (s *server) services() {
	const tag = "services"
	register(s, route{at: "POST /v1/projects/{id}/services", id: "createService", tag: tag, need: forgehook.MayConfigure, takes: forgehook.Service{}, status: http.StatusCreated, conflicts: true,
		summary: "Make a service of a project", about: aboutInput}, s.createService)
	register(s, route{at: "GET /v1/projects/{id}/services", id: "listServices", tag: tag, need: forgehook.MayRead,
		summary: "List the services of a project", about: "Without the utilities attached to them and without their inputSample."}, s.listServices)
	register(s, route{at: "GET /v1/services/{id}", id: "getService", tag: tag, need: forgehook.MayRead,
		summary: "Read a service or a utility"}, s.getService)
	register(s, route{at: "PATCH /v1/services/{id}", id: "updateService", tag: tag, need: forgehook.MayConfigure, takes: forgehook.Service{},
		summary: "Change a service, or name and index of a utility", about: "JSON Merge Patch; null puts a default back. inputSample is replaced as a whole. " + aboutInput}, s.updateService)
	register(s, route{at: "DELETE /v1/services/{id}", id: "deleteService", tag: tag, need: forgehook.MayConfigure, status: http.StatusNoContent, conflicts: true,
		summary: "Delete a service without utilities, or a utility whose calls have all completed"}, s.deleteService)
}

func (s *server) createService(ctx context.Context, r *request, in *byID) (*response[forgehook.Service], error) {
	service := forgehook.Service{Category: forgehook.CategoryService}
	if err := r.decode(&service, false); err != nil {
		return nil, err
	}
	r.ownID(service.ID)
	s.checkInput(r, &service, true)
	if parent := service.ServiceID; parent != nil && *parent != 0 && *parent != service.ID {
		r.fault("body.serviceId", fmt.Sprint(*parent), "null: what belongs to a service is attached by POST /v1/services/{id}/utilities")
	}
	if err := r.invalid(); err != nil {
		return nil, err
	}
	service.ProjectID, service.ServiceID = in.ID, nil
	service, err := s.DB.CreateService(ctx, r.tenant(), service)
	return created(fmt.Sprintf("/v1/services/%d", service.ID), service), err
}

func (s *server) listServices(ctx context.Context, r *request, in *byIDPaged) (*response[serviceList], error) {
	services, next, err := s.DB.Services(ctx, r.tenant(), in.ID, in.page())
	if err == nil && len(services) == 0 {
		_, err = s.DB.Project(ctx, r.tenant(), in.ID) // an unknown id is not an empty page
	}
	return ok(serviceList{some(services), cursor(next)}), err
}

func (s *server) getService(ctx context.Context, r *request, in *byID) (*response[serviceOrUtility], error) {
	return either(func() (any, error) { return s.DB.Service(ctx, r.tenant(), in.ID) },
		func() (any, error) { return s.DB.Utility(ctx, r.tenant(), in.ID) })
}

func (s *server) updateService(ctx context.Context, r *request, in *byID) (*response[serviceOrUtility], error) {
	return either(func() (any, error) {
		return s.DB.UpdateService(ctx, r.tenant(), in.ID, func(service *forgehook.Service) error {
			return s.patchService(r, service)
		})
	}, func() (any, error) {
		return s.DB.UpdateUtility(ctx, r.tenant(), in.ID, r.patchUtility)
	})
}

// patchService changes a service. A patch without an input does not check the stored one: a later
// release may refuse what an earlier one accepted.
func (s *server) patchService(r *request, service *forgehook.Service) error {
	var next forgehook.Service
	if err := r.patch(*service, &next, false, "id", "projectId", "serviceId", "inputLanguage"); err != nil {
		return err
	}
	if body, err := r.parse(); err == nil && (body.Member("input") != nil || body.Member("inputSample") != nil) {
		s.checkInput(r, &next, body.Member("input") != nil)
	}
	*service = next
	return r.invalid()
}

func (s *server) deleteService(ctx context.Context, r *request, in *byID) (*response[none], error) {
	_, err := either(func() (any, error) { return nil, s.DB.DeleteService(ctx, r.tenant(), in.ID) },
		func() (any, error) { return nil, s.DB.DeleteUtility(ctx, r.tenant(), in.ID) })
	return noContent(), err
}
