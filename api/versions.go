package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
)

type (
	versionInput struct {
		byID
		Version int32 `path:"version"`
	}
	diffInput struct {
		versionInput
		To int32 `query:"to" doc:"Version to compare with; without it the one in force."`
	}
)

// versionDiff lists the settings in which two versions differ, in the order of their declarations.
type versionDiff struct {
	From    int             `json:"from"`
	To      int             `json:"to"`
	Changes []settingChange `json:"changes"`
}

// settingChange has both values as GET shows them: a secret only as set, with its date.
type settingChange struct {
	Path string          `json:"path"`
	From json.RawMessage `json:"from"`
	To   json.RawMessage `json:"to"`
}

func (s *server) versions() {
	const tag, path = "settings", "/v1/services/{id}/settings/versions"
	register(s, route{at: "GET " + path, id: "listSettingsVersions", tag: tag, need: forgehook.MayRead,
		summary: "List the versions of the settings", about: "Newest first."}, s.listVersions)
	register(s, route{at: "GET " + path + "/{version}", id: "getSettingsVersion", tag: tag, need: forgehook.MayRead,
		summary: "Read one version of the settings"}, s.getVersion)
	register(s, route{at: "GET " + path + "/{version}/diff", id: "diffSettingsVersions", tag: tag, need: forgehook.MayRead,
		summary: "List what changed between two versions of the settings"}, s.diffVersions)
	register(s, route{at: "POST " + path + "/{version}/restore", id: "restoreSettingsVersion", tag: tag, need: forgehook.MayConfigure,
		summary: "Put a version of the settings in force again",
		about: "They become a new version, with the secrets of now. They are checked again: 422 where they are not allowed any more. " +
			"Calls that were accepted keep the version they have."}, s.restoreVersion)
}

func (s *server) listVersions(ctx context.Context, r *request, in *byIDPaged) (*response[versionList], error) {
	versions, next, err := s.DB.SettingsVersions(ctx, r.tenant(), in.ID, in.page())
	if err == nil && len(versions) == 0 {
		_, err = s.DB.Settings(ctx, r.tenant(), in.ID) // an unknown id is not an empty page
	}
	return ok(versionList{some(versions), cursor(next)}), s.onlyUtilities(ctx, r, in.ID, err)
}

func (s *server) getVersion(ctx context.Context, r *request, in *versionInput) (*response[settingsResponse], error) {
	version, err := s.DB.SettingsVersion(ctx, r.tenant(), in.ID, int(in.Version))
	if err != nil {
		return nil, s.onlyUtilities(ctx, r, in.ID, err)
	}
	return ok(s.settingsResponseOf(r, in.ID, version)), nil
}

func (s *server) diffVersions(ctx context.Context, r *request, in *diffInput) (*response[versionDiff], error) {
	from, err := s.DB.SettingsVersion(ctx, r.tenant(), in.ID, int(in.Version))
	if err != nil {
		return nil, s.onlyUtilities(ctx, r, in.ID, err)
	}
	var to forgehook.SettingsVersion
	if in.To == 0 {
		to, err = s.DB.Settings(ctx, r.tenant(), in.ID)
	} else if to, err = s.DB.SettingsVersion(ctx, r.tenant(), in.ID, int(in.To)); forgehook.ErrorCode(err) == forgehook.CodeNotFound {
		r.fault("query.to", fmt.Sprint(in.To), "a version of these settings; GET /v1/services/{id}/settings/versions lists them")
		err = r.invalid()
	}
	if err != nil {
		return nil, err
	}
	changes, err := changesOf(from.Settings, to.Settings)
	return ok(versionDiff{from.Version, to.Version, changes}), err
}

func changesOf(from, to forgehook.Settings) ([]settingChange, error) {
	before, err := settingsTree(json.Marshal(from))
	if err != nil {
		return nil, err
	}
	after, err := settingsTree(json.Marshal(to))
	if err != nil {
		return nil, err
	}
	changes := []settingChange{}
	for _, f := range forgehook.SettingFields() {
		was, is := before.At(f.Path).Append(nil), after.At(f.Path).Append(nil)
		if !bytes.Equal(was, is) {
			changes = append(changes, settingChange{f.Path, was, is})
		}
	}
	return changes, nil
}

func (s *server) restoreVersion(ctx context.Context, r *request, in *versionInput) (*response[settingsResponse], error) {
	then, err := s.DB.SettingsVersion(ctx, r.tenant(), in.ID, int(in.Version))
	if err != nil {
		return nil, s.onlyUtilities(ctx, r, in.ID, err)
	}
	version, err := s.DB.SaveSettings(ctx, r.tenant(), in.ID, r.key.ID, func(present forgehook.Settings) (forgehook.Settings, error) {
		next, err := withSecretsOf(then.Settings, present)
		if err != nil {
			return next, err
		}
		if _, err := s.weigh(r, "body", next); err != nil {
			return next, err
		}
		return next, r.invalid()
	})
	if err != nil {
		return nil, err
	}
	return s.saved(ctx, r, in.ID, version), nil
}

// withSecretsOf copies the sealed secrets of other settings into settings.
func withSecretsOf(settings, others forgehook.Settings) (forgehook.Settings, error) {
	next, err := settingsTree(forgehook.StoreSettings(settings))
	if err != nil {
		return settings, err
	}
	secrets, err := settingsTree(forgehook.StoreSettings(others))
	if err != nil {
		return settings, err
	}
	for _, f := range forgehook.SettingFields() {
		if f.Kind != forgehook.KindSecret {
			continue
		}
		group, name := next, f.Path
		if prefix, rest, nested := strings.Cut(f.Path, "."); nested {
			group, name = next.At(prefix), rest
		}
		group.Set(name, secrets.At(f.Path))
	}
	return forgehook.LoadSettings(next.Append(nil))
}

// settingsTree parses settings in the form that a client wrote.
func settingsTree(data []byte, err error) (*jsontree.Node, error) {
	if err != nil {
		return nil, fmt.Errorf("encode settings: %w", err)
	}
	return jsontree.Parse(data)
}

// settingsResponseOf are saved settings in the form of a response.
func (s *server) settingsResponseOf(r *request, id int32, v forgehook.SettingsVersion) settingsResponse {
	return settingsResponse{v.Settings, settingsFacts{id, v.Version, v.Settings.Language, v.CreatedAt, s.warningsOf(r, id, v.Version, v.Settings)}}
}
