package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/webhook"
)

// settingsFacts stand beside the settings in a response; a client may send them back.
type settingsFacts struct {
	WebHookServiceID int32              `json:"webHookServiceId"`
	Version          int                `json:"version"`
	Language         forgehook.Language `json:"language"` // of its expressions
	UpdatedAt        forgehook.Time     `json:"updatedAt"`
	Warnings         []webhook.Warning  `json:"warnings"`
}

// settingsResponse is the settings object itself with the facts at its top level.
type settingsResponse struct {
	settings forgehook.Settings
	facts    settingsFacts
}

func (a settingsResponse) MarshalJSON() ([]byte, error) {
	settings, err := json.Marshal(a.settings)
	if err != nil {
		return nil, err
	}
	facts, err := json.Marshal(a.facts)
	if err != nil {
		return nil, err
	}
	return append(append(settings[:len(settings)-1], ','), facts[1:]...), nil
}

type versionList struct {
	Versions   []forgehook.SettingsVersion `json:"versions"`
	NextCursor *string                     `json:"nextCursor"`
}

func (s *server) settings() {
	const tag, path = "settings", "/v1/services/{id}/settings"
	register(s, route{at: "GET " + path, id: "getSettings", tag: tag, need: forgehook.MayRead,
		summary: "Read the settings of a utility"}, s.getSettings)
	register(s, route{at: "PUT " + path, id: "putSettings", tag: tag, need: forgehook.MayConfigure, takes: forgehook.Settings{},
		summary: "Set the settings of a utility", about: "What is not mentioned gets its default; secrets that are not mentioned are kept."}, s.putSettings)
	register(s, route{at: "PATCH " + path, id: "patchSettings", tag: tag, need: forgehook.MayConfigure, takes: forgehook.Settings{},
		summary: "Change settings of a utility", about: "JSON Merge Patch; null puts a default back."}, s.patchSettings)
}

func (s *server) getSettings(ctx context.Context, r *request, in *byID) (*response[settingsResponse], error) {
	version, err := s.DB.Settings(ctx, r.tenant(), in.ID)
	if err != nil {
		return nil, s.onlyUtilities(ctx, r, in.ID, err)
	}
	return ok(s.settingsResponseOf(r, in.ID, version)), nil
}

// warningsOf are the warnings about saved settings. If a later release refuses them, its faults are
// warnings too.
func (s *server) warningsOf(r *request, id int32, version int, settings forgehook.Settings) []webhook.Warning {
	plan, err := s.planOf(r, id, version, settings)
	if err == nil {
		return some(plan.Warnings())
	}
	warnings := []webhook.Warning{}
	if e, ok := errors.AsType[*forgehook.Error](err); ok {
		for _, f := range e.Fields {
			warnings = append(warnings, webhook.Warning{Path: f.Path, Message: "No longer allowed: " + f.Allowed})
		}
	}
	return warnings
}

// planOf is the plan of saved settings, from the cache if it was asked for before.
func (s *server) planOf(r *request, id int32, version int, settings forgehook.Settings) (*webhook.Plan, error) {
	stored, err := forgehook.StoreSettings(settings)
	if err != nil {
		return nil, err
	}
	key := webhook.PlanKey{Tenant: r.tenant(), WebHookServiceID: id, Version: version, Sum: sha256.Sum256(stored)}
	return s.plans.Get(key, func() (forgehook.Settings, error) { return settings, nil })
}

func (s *server) putSettings(ctx context.Context, r *request, in *byID) (*response[settingsResponse], error) {
	return s.saveSettings(ctx, r, in.ID, false)
}

func (s *server) patchSettings(ctx context.Context, r *request, in *byID) (*response[settingsResponse], error) {
	return s.saveSettings(ctx, r, in.ID, true)
}

func (s *server) saveSettings(ctx context.Context, r *request, id int32, merge bool) (*response[settingsResponse], error) {
	version, err := s.DB.SaveSettings(ctx, r.tenant(), id, r.key.ID, func(present forgehook.Settings) (forgehook.Settings, error) {
		next, _, err := s.judge(r, "body", r.body, present, merge)
		if err != nil {
			return next, err
		}
		if err := r.invalid(); err != nil {
			return next, err
		}
		return next, s.Secrets.SealSettings(r.tenant(), &next, time.Now())
	})
	if err != nil {
		return nil, s.onlyUtilities(ctx, r, id, err)
	}
	return s.saved(ctx, r, id, version), nil
}

// saved are settings that have just been saved, with their warnings.
func (s *server) saved(ctx context.Context, r *request, id int32, version forgehook.SettingsVersion) *response[settingsResponse] {
	saved := s.settingsResponseOf(r, id, version)
	if plan, err := s.planOf(r, id, version.Version, version.Settings); err == nil {
		saved.facts.Warnings = append(saved.facts.Warnings, s.likeNamed(ctx, r, id, plan)...)
	}
	return ok(saved)
}

// latestDocuments is how many documents are searched for fields of equal names when settings are
// saved.
const latestDocuments = 20

// likeNamed warns of a name that several fields of one document have. The save succeeds.
func (s *server) likeNamed(ctx context.Context, r *request, serviceID int32, plan *webhook.Plan) []webhook.Warning {
	if !plan.NamesFields() {
		return nil
	}
	documents, err := s.DB.LatestDocuments(ctx, r.tenant(), serviceID, latestDocuments)
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "the latest documents are not searched for fields of like names",
			slog.String("request_id", r.id), slog.Int("service", int(serviceID)), slog.Any("error", err))
	}
	return plan.LikeNamed(documents)
}

// judge decodes settings and adds the faults that every room finds: in their shape, in their
// meaning, and in the addresses they would send to. The plan is nil if there are any.
func (s *server) judge(r *request, below string, data []byte, present forgehook.Settings, merge bool) (forgehook.Settings, *webhook.Plan, error) {
	if isNull(data) {
		r.fault(below, "null", "an object")
		return present, nil, nil
	}
	settings, err := forgehook.DecodeSettings(data, present, merge)
	if err := r.collect(below, err); err != nil || r.faulty(below) {
		return settings, nil, err
	}
	plan, err := s.weigh(r, below, settings)
	return settings, plan, err
}

// weigh adds the faults of decoded settings: those of the rules, and those of the guard about the
// address. The plan is nil if the rules have found any.
func (s *server) weigh(r *request, below string, settings forgehook.Settings) (*webhook.Plan, error) {
	plan, err := webhook.Compile(settings)
	if err := r.collect(below, err); err != nil {
		return nil, err
	}
	at := below + ".webHook.url"
	if address := settings.WebHook.URL; address != nil && !r.faulty(at) {
		if err := s.Outbound.Check(literalURL(settings.WebHook)); err != nil {
			shown := *address
			if strings.Contains(shown, "@") { // a password may stand before it
				shown = ""
			}
			r.fault(at, shown, err.Error())
		}
	}
	return plan, nil
}

// literalURL is the part of the URL that does not depend on the document: all of it, or scheme and
// host of a template or a script.
func literalURL(w forgehook.WebHookSettings) string {
	text, host := *w.URL, w.Host()
	before, _, found := strings.Cut(text, "://")
	plain := len(text) >= 4 && strings.EqualFold(text[:4], "http") && !strings.Contains(text, "{{")
	if !found || host == "" || plain {
		return text
	}
	start := strings.LastIndexFunc(before, func(r rune) bool { return !unicode.IsLetter(r) }) + 1
	return before[start:] + "://" + host + "/"
}
