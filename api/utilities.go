package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/internal/webhook"
)

// utilityRequest attaches a utility.
type utilityRequest struct {
	ID       *int32          `json:"id"`
	Type     *string         `json:"type"`
	Name     *string         `json:"name"`
	Index    *int32          `json:"index"`
	Settings json.RawMessage `json:"settings" holds:"settings"` // for the OpenAPI document; decoded by the settings' own rules
}

// newUtility is a utility after it was attached. A signing secret that was made here is shown this
// once.
type newUtility struct {
	forgehook.Utility
	SigningSecret string            `json:"signingSecret,omitempty"`
	Warnings      []webhook.Warning `json:"warnings"`
}

type utilityList struct {
	Utilities  []forgehook.Utility `json:"utilities"`
	NextCursor *string             `json:"nextCursor"`
}

func (s *server) utilities() {
	const tag = "utilities"
	register(s, route{at: "POST /v1/services/{id}/utilities", id: "createUtility", tag: tag, need: forgehook.MayConfigure, takes: utilityRequest{}, status: http.StatusCreated, conflicts: true,
		summary: "Attach a WebHook utility to a service", about: "The answer holds the signing secret once, unless the request gave one."}, s.createUtility)
	register(s, route{at: "GET /v1/services/{id}/utilities", id: "listUtilities", tag: tag, need: forgehook.MayRead,
		summary: "List the utilities of a service", about: "In the order in which they are called: by index, then id."}, s.listUtilities)
	register(s, route{at: "POST /v1/services/{id}/pause", id: "pauseUtility", tag: tag, need: forgehook.MayOperate,
		summary: "Hold the calls of a utility", about: "Calls are accepted and wait; nothing is dropped."}, s.pauseUtility)
	register(s, route{at: "POST /v1/services/{id}/resume", id: "resumeUtility", tag: tag, need: forgehook.MayOperate,
		summary: "Let a utility deliver again", about: "Held calls go first, in the order in which they were accepted."}, s.resumeUtility)
}

func (s *server) createUtility(ctx context.Context, r *request, in *byID) (*response[newUtility], error) {
	var given utilityRequest
	if err := r.decode(&given, true); err != nil {
		return nil, err
	}
	utility := forgehook.Utility{Type: forgehook.UtilityType, ServiceID: in.ID, Name: r.name(given.Name)}
	if (given.Type == nil || !strings.EqualFold(*given.Type, forgehook.UtilityType)) && !r.faulty("body.type") {
		r.fault("body.type", value(given.Type), "required: "+forgehook.UtilityType)
	}
	if given.ID != nil {
		r.ownID(*given.ID)
		utility.ID = *given.ID
	}
	if given.Index != nil {
		utility.Index = *given.Index
	}
	if given.Settings == nil {
		given.Settings = json.RawMessage("{}")
	}
	settings, plan, err := s.judge(r, "body.settings", given.Settings, forgehook.Settings{}, false)
	if err != nil {
		return nil, err
	}
	if err := r.invalid(); err != nil {
		return nil, err
	}
	warnings, made := append(some(plan.Warnings()), s.likeNamed(ctx, r, in.ID, plan)...), ""
	if !settings.Signing.Secret.IsSet() {
		if made, err = secret.NewSigningSecret(); err != nil {
			return nil, err
		}
		settings.Signing.Secret = forgehook.NewSecret(made)
		warnings = slices.DeleteFunc(warnings, func(w webhook.Warning) bool { return w.Path == "signing.secret" })
	}
	if err := s.Secrets.SealSettings(r.tenant(), &settings, time.Now()); err != nil {
		return nil, err
	}
	utility.Settings = settings
	utility, err = s.DB.CreateUtility(ctx, r.tenant(), utility, r.key.ID)
	return created(fmt.Sprintf("/v1/services/%d", utility.ID), newUtility{utility, made, warnings}), err
}

func (s *server) listUtilities(ctx context.Context, r *request, in *byIDPaged) (*response[utilityList], error) {
	utilities, next, err := s.DB.Utilities(ctx, r.tenant(), in.ID, in.page())
	if err == nil && len(utilities) == 0 {
		_, err = s.DB.Service(ctx, r.tenant(), in.ID) // an unknown id is not an empty page
	}
	return ok(utilityList{some(utilities), cursor(next)}), err
}

// patchUtility changes name and index. All other members have their own route or are read-only.
func (r *request) patchUtility(utility *forgehook.Utility) error {
	type changeable struct {
		Name  *string `json:"name"`
		Index *int32  `json:"index"`
	}
	var next changeable
	fixed := []string{"id", "type", "projectId", "serviceId", "settings", "settingsVersion", "pausedAt", "heldBy", "draining", "createdAt", "updatedAt"}
	if err := r.patch(*utility, &next, true, fixed...); err != nil {
		return err
	}
	name, index := r.name(next.Name), int32(0)
	if next.Index != nil {
		index = *next.Index
	}
	utility.Name, utility.Index = name, index
	return r.invalid()
}

func (s *server) pauseUtility(ctx context.Context, r *request, in *byID) (*response[forgehook.Utility], error) {
	utility, err := s.DB.Pause(ctx, r.tenant(), in.ID, time.Now())
	return ok(utility), s.onlyUtilities(ctx, r, in.ID, err)
}

func (s *server) resumeUtility(ctx context.Context, r *request, in *byID) (*response[forgehook.Utility], error) {
	utility, drain, raised, err := s.DB.Resume(ctx, r.tenant(), in.ID)
	if err != nil {
		return nil, s.onlyUtilities(ctx, r, in.ID, err)
	}
	s.dispatch(r).Follow(ctx, raised)
	if drain {
		s.dispatch(r).Drain(ctx, r.tenant(), in.ID)
	}
	return ok(utility), nil
}

// onlyUtilities explains a not-found error if the id is that of a plain service.
func (s *server) onlyUtilities(ctx context.Context, r *request, id int32, err error) error {
	if forgehook.ErrorCode(err) != forgehook.CodeNotFound {
		return err
	}
	if _, plain := s.DB.Service(ctx, r.tenant(), id); plain == nil {
		return forgehook.Errorf(forgehook.CodeNotFound, "Service %d is no utility: only WebHook utilities have settings and can be paused.", id)
	}
	return err
}
