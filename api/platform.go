package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/platform"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/internal/webhook"
)

type importInput struct {
	byID
	DryRun bool `query:"dryRun" doc:"true makes the report and stores nothing."`
}

// importedUtility is an attached utility and what became of each of its platform settings.
type importedUtility struct {
	newUtility
	Report []platform.Line `json:"report"`
}

type importedUtilities struct {
	Utilities []importedUtility `json:"utilities"`
}

func (s *server) platform() {
	register(s, route{at: "POST /v1/services/{id}/utilities/import", id: "importUtilities", tag: "utilities", need: forgehook.MayConfigure, takes: forgehook.ParameterDef{}, status: http.StatusCreated, or: http.StatusOK, conflicts: true,
		summary: "Attach the WebHook utilities of the platform's parameter definitions",
		about: "The body is the platform's hierarchy (ParamDef/GetHierachy): a utility, or a tree or list with utilities (serviceTypeId 87) in it. All are attached, or none. " +
			"The report has a line for each setting: taken, translated (C#), warned (without effect here, or to be set by hand) or refused. " +
			"What is refused has its default, and the utility is off. 200 for a dry run."}, s.importUtilities)
}

func (s *server) importUtilities(ctx context.Context, r *request, in *importInput) (*response[importedUtilities], error) {
	found, err := platform.Parse(r.body)
	if err := r.collect("body", err); err != nil {
		return nil, err
	}
	if err := r.invalid(); err != nil {
		return nil, err
	}
	out := importedUtilities{}
	utilities := make([]forgehook.Utility, len(found))
	for i, u := range found {
		imported, err := s.importUtility(ctx, r, in.ID, u)
		if err != nil {
			return nil, err
		}
		utilities[i], out.Utilities = imported.Utility, append(out.Utilities, imported)
	}
	made, err := s.DB.CreateUtilities(ctx, r.tenant(), utilities, r.key.ID, in.DryRun)
	if err != nil {
		return nil, err
	}
	for i := range out.Utilities {
		out.Utilities[i].Utility = made[i]
		if in.DryRun {
			out.Utilities[i].SigningSecret = "" // its signing secret will never be used
		}
	}
	if in.DryRun {
		return ok(out), nil
	}
	return created(fmt.Sprintf("/v1/services/%d/utilities", in.ID), out), nil
}

// importUtility converts and checks a utility's settings and seals their secrets.
func (s *server) importUtility(ctx context.Context, r *request, serviceID int32, u *platform.Utility) (importedUtility, error) {
	var plan *webhook.Plan
	settings, err := u.Settle(func(settings forgehook.Settings) (err error) {
		plan, err = s.weighed(settings)
		return err
	})
	if e, ok := errors.AsType[*forgehook.Error](err); ok {
		return importedUtility{}, fmt.Errorf("utility %d of the hierarchy cannot be settled: %w", u.ID, forgehook.Invalid(forgehook.Under("body", e.Fields)...))
	}
	if err != nil {
		return importedUtility{}, err
	}
	made, err := secret.NewSigningSecret()
	if err != nil {
		return importedUtility{}, err
	}
	settings.Signing.Secret = forgehook.NewSecret(made)
	if err := s.Secrets.SealSettings(r.tenant(), &settings, time.Now()); err != nil {
		return importedUtility{}, err
	}
	warnings := []webhook.Warning{}
	for _, w := range append(plan.Warnings(), s.likeNamed(ctx, r, serviceID, plan)...) {
		if w.Path != "signing.secret" {
			warnings = append(warnings, w)
		}
	}
	utility := forgehook.Utility{ID: u.ID, Type: forgehook.UtilityType, ServiceID: serviceID, Name: u.Name, Index: u.Index, Settings: settings}
	return importedUtility{newUtility{utility, made, warnings}, u.Report}, nil
}

// weighed returns the faults that weigh finds as one error, with the paths of the settings.
func (s *server) weighed(settings forgehook.Settings) (*webhook.Plan, error) {
	const below = "settings"
	var probe request
	plan, err := s.weigh(&probe, below, settings)
	if err != nil {
		return nil, err
	}
	for i := range probe.faults {
		probe.faults[i].Path = strings.TrimPrefix(probe.faults[i].Path, below+".")
	}
	return plan, probe.invalid()
}
