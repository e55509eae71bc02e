package api

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

const versionsPath = "/v1/services/48080/settings/versions"

// threeVersions makes them of the seeded utility.
func threeVersions(t *testing.T, f *fixture) {
	t.Helper()
	f.seed(t)
	f.must(t, 200, "PATCH", "/v1/services/48080/settings", `{"document":{"category":[1,2]},"webHook":{"apiKey":"hush-hush","body":"{}"}}`)
	f.must(t, 200, "PATCH", "/v1/services/48080/settings", `{"document":{"category":2},"delivery":{"timeout":"5s"},"webHook":{"apiKey":"other-hush"}}`)
}

func TestVersion(t *testing.T) {
	t.Parallel()
	f := setup(t)
	threeVersions(t, f)
	for version, want := range map[int]string{1: `null`, 2: `[1,2]`, 3: `2`} {
		a := f.must(t, 200, "GET", fmt.Sprintf("%s/%d", versionsPath, version), "")
		var got struct {
			Version  int
			Document struct{ Category json.RawMessage }
			Warnings []any
		}
		if err := json.Unmarshal(a.body, &got); err != nil {
			t.Fatal(err)
		}
		if got.Version != version || string(got.Document.Category) != want || got.Warnings == nil {
			t.Errorf("version %d: %s", version, a.body)
		}
	}
	if last := f.must(t, 200, "GET", versionsPath+"/3", ""); string(last.body) != string(f.must(t, 200, "GET", "/v1/services/48080/settings", "").body) {
		t.Errorf("the last version is not what is in force: %s", last.body)
	}
}

func TestVersionFaults(t *testing.T) {
	t.Parallel()
	f := setup(t)
	threeVersions(t, f)
	for _, row := range []struct {
		method, path string
		status       int
		want         []string
	}{
		{"GET", versionsPath + "/4", 404, nil},
		{"GET", versionsPath + "/4/diff", 404, nil},
		{"POST", versionsPath + "/4/restore", 404, nil},
		{"GET", "/v1/services/48072/settings/versions/1", 404, nil},
		{"GET", versionsPath + "/last", 422, []string{"path.version"}},
		{"GET", versionsPath + "/0/diff?to=x&until=3", 422, []string{"path.version", "query.to", "query.until"}},
		{"GET", versionsPath + "/1/diff?to=4", 422, []string{"query.to"}},
		{"POST", versionsPath + "/-1/restore", 422, []string{"path.version"}},
	} {
		a := f.do(t, row.method, row.path, "")
		if diff := cmp.Diff(row.want, a.places(t)); a.status != row.status || diff != "" {
			t.Errorf("%s %s: status %d, want %d; (-want +got): %s", row.method, row.path, a.status, row.status, diff)
		}
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	f := setup(t)
	threeVersions(t, f)
	const secret = `{"set":true,"updatedAt":"2026-11-24T09:01:07.037Z"}`
	for _, row := range []struct {
		query string
		want  []string
	}{
		{"1/diff?to=2", []string{"document.category null [1,2]", `webHook.body null "{}"`, "webHook.apiKey null " + secret}},
		{"2/diff?to=1", []string{"document.category [1,2] null", `webHook.body "{}" null`, "webHook.apiKey " + secret + " null"}},
		{"2/diff", []string{"document.category [1,2] 2", "webHook.apiKey " + secret + " " + secret, `delivery.timeout "00:00:30" "00:00:05"`}},
		{"3/diff", nil},
		{"3/diff?to=3", nil},
	} {
		var got versionDiff
		a := f.must(t, 200, "GET", versionsPath+"/"+row.query, "")
		if err := json.Unmarshal(normalize(a.body), &got); err != nil {
			t.Fatal(err)
		}
		var changes []string
		for _, c := range got.Changes {
			changes = append(changes, fmt.Sprintf("%s %s %s", c.Path, c.From, c.To))
		}
		if diff := cmp.Diff(row.want, changes); diff != "" || got.Changes == nil {
			t.Errorf("%s (-want +got): %s", row.query, diff)
		}
	}
}

func TestRestore(t *testing.T) {
	t.Parallel()
	f := setup(t)
	threeVersions(t, f)
	call := f.call(t)
	before, err := f.db.Settings(t.Context(), f.tenant, 48080)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ restore, version int }{{2, 4}, {1, 5}, {5, 5}} {
		a := f.must(t, 200, "POST", fmt.Sprintf("%s/%d/restore", versionsPath, row.restore), "")
		if got := a.json(t)["version"]; got != float64(row.version) {
			t.Errorf("version %d restored is version %v, want %d", row.restore, got, row.version)
		}
		then, err := f.db.SettingsVersion(t.Context(), f.tenant, 48080, row.restore)
		if err != nil {
			t.Fatal(err)
		}
		now, err := f.db.Settings(t.Context(), f.tenant, 48080)
		if err != nil {
			t.Fatal(err)
		}
		if string(now.Settings.WebHook.APIKey.Sealed) != string(before.Settings.WebHook.APIKey.Sealed) ||
			string(now.Settings.Signing.Secret.Sealed) != string(before.Settings.Signing.Secret.Sealed) {
			t.Errorf("version %d restored: the secrets are not those of now", row.restore)
		}
		then.Settings.WebHook.APIKey, now.Settings.WebHook.APIKey = forgehook.Secret{}, forgehook.Secret{}
		if diff := cmp.Diff(then.Settings, now.Settings, cmp.AllowUnexported(forgehook.Secret{})); diff != "" {
			t.Errorf("version %d restored (-then +now): %s", row.restore, diff)
		}
	}
	if c := f.must(t, 200, "GET", "/v1/calls/"+call.CallID, "").json(t); c["settingsVersion"] != 3.0 {
		t.Errorf("the accepted call has version %v now", c["settingsVersion"])
	}
}

// TestRestoreRefused stores what this release would not take on save.
func TestRestoreRefused(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	for _, change := range []func(*forgehook.Settings){
		func(s *forgehook.Settings) { s.Document.Pattern, s.WebHook.URL = "(", new("http://10.0.0.1/") },
		func(s *forgehook.Settings) { s.Document.Pattern, s.WebHook.URL = ".*", new(webhookURL) },
	} {
		_, err := f.db.SaveSettings(t.Context(), f.tenant, 48080, "", func(s forgehook.Settings) (forgehook.Settings, error) {
			change(&s)
			return s, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	a := f.must(t, 422, "POST", versionsPath+"/2/restore", "")
	if diff := cmp.Diff([]string{"body.document.pattern", "body.webHook.url"}, a.places(t)); diff != "" {
		t.Errorf("(-want +got): %s", diff)
	}
	if v := f.must(t, 200, "GET", "/v1/services/48080/settings", "").json(t)["version"]; v != 3.0 {
		t.Errorf("version %v is in force after a refused restore", v)
	}
}
