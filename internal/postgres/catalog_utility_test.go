package postgres_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

func seal(s *forgehook.Settings) {
	s.Signing.Secret = forgehook.Secret{Sealed: []byte("sealed \x00"), UpdatedAt: forgehook.Time{Time: at("2026-01-05T07:30:00Z")}}
}

func TestUtilities(t *testing.T) {
	t.Parallel()
	b := setup(t)
	settings := pgtest.Settings(seal, func(s *forgehook.Settings) {
		s.WebHook.RetryCount, s.WebHook.RetryDelay, s.Document.Category = new(0), new(time.Second), []int32{1, 2}
		s.DocumentProcessedStatus = nil
	})
	created, err := b.CreateUtility(t.Context(), b.tenant, forgehook.Utility{
		ID: 9, Name: "First", ServiceID: b.s.Service.ID, ProjectID: 4711, Index: -1, Settings: settings,
	}, uuid.NewString())
	check(t, err)
	want := forgehook.Utility{
		ID: 9, Type: "WebHook", Name: "First", ProjectID: b.s.Project.ID, ServiceID: b.s.Service.ID, Index: -1, Settings: settings,
		SettingsVersion: 1, CreatedAt: created.CreatedAt, UpdatedAt: created.CreatedAt,
	}
	equal(t, "created utility", created, want)
	got, err := b.Utility(t.Context(), b.tenant, 9)
	check(t, err)
	equal(t, "utility", got, want)

	page, next, err := b.Utilities(t.Context(), b.tenant, b.s.Service.ID, forgehook.Page{Limit: 1})
	check(t, err)
	rest, end, err := b.Utilities(t.Context(), b.tenant, b.s.Service.ID, forgehook.Page{Limit: 1, Cursor: next})
	check(t, err)
	equal(t, "utilities by index", append(page, rest...), []forgehook.Utility{want, b.s.Utility})
	equal(t, "cursor behind the last page", end, "")

	updated, err := b.UpdateUtility(t.Context(), b.tenant, 9, func(u *forgehook.Utility) error {
		u.ID, u.Name, u.Index, u.ServiceID, u.Settings, u.SettingsVersion = 1, "Renamed", 5, 2, forgehook.DefaultSettings(), 3
		return nil
	})
	check(t, err)
	want.Name, want.Index, want.UpdatedAt = "Renamed", 5, updated.UpdatedAt
	got, err = b.Utility(t.Context(), b.tenant, 9)
	check(t, err)
	equal(t, "answer of an update", updated, want)
	equal(t, "updated utility", got, want)

	_, err = b.CreateUtility(t.Context(), b.tenant, forgehook.Utility{ID: 9, ServiceID: b.s.Service.ID, Settings: settings}, "")
	refused(t, "id that is taken", err, forgehook.CodeConflict)
	_, err = b.CreateUtility(t.Context(), b.tenant, forgehook.Utility{ServiceID: 9, Settings: settings}, "")
	refused(t, "utility of a utility", err, forgehook.CodeNotFound)
	_, err = b.Utility(t.Context(), b.tenant, b.s.Service.ID)
	refused(t, "a service as a utility", err, forgehook.CodeNotFound)
	unsealed := pgtest.Settings(func(s *forgehook.Settings) { s.WebHook.APIKey = forgehook.NewSecret("plain") })
	if _, err = b.CreateUtility(t.Context(), b.tenant, forgehook.Utility{ServiceID: b.s.Service.ID, Settings: unsealed}, ""); err == nil || strings.Contains(err.Error(), "plain") {
		t.Errorf("a secret that is not sealed: %v", err)
	}
}

func TestUtilities_strangers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.s.Utility.ID
	_, err := b.Utility(t.Context(), b.stranger, id)
	refused(t, "read", err, forgehook.CodeNotFound)
	_, err = b.UpdateUtility(t.Context(), b.stranger, id, func(*forgehook.Utility) error { return nil })
	refused(t, "update", err, forgehook.CodeNotFound)
	refused(t, "delete", b.DeleteUtility(t.Context(), b.stranger, id), forgehook.CodeNotFound)
	_, err = b.Settings(t.Context(), b.stranger, id)
	refused(t, "settings", err, forgehook.CodeNotFound)
	_, err = b.SaveSettings(t.Context(), b.stranger, id, "", func(s forgehook.Settings) (forgehook.Settings, error) { return s, nil })
	refused(t, "save settings", err, forgehook.CodeNotFound)
	_, err = b.Pause(t.Context(), b.stranger, id, time.Now())
	refused(t, "pause", err, forgehook.CodeNotFound)
	_, _, _, err = b.Resume(t.Context(), b.stranger, id)
	refused(t, "resume", err, forgehook.CodeNotFound)
	list, _, err := b.Utilities(t.Context(), b.stranger, b.s.Service.ID, forgehook.Page{})
	check(t, err)
	equal(t, "list", list, []forgehook.Utility{})
	versions, _, err := b.SettingsVersions(t.Context(), b.stranger, id, forgehook.Page{})
	check(t, err)
	equal(t, "versions", versions, []forgehook.SettingsVersion{})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	b := setup(t, seal)
	id, key := b.s.Utility.ID, uuid.NewString()
	first, err := b.Settings(t.Context(), b.tenant, id)
	check(t, err)
	equal(t, "first version", first, forgehook.SettingsVersion{
		Version: 1, Settings: pgtest.Settings(seal), CreatedAt: b.s.Utility.CreatedAt,
	})

	same, err := b.SaveSettings(t.Context(), b.tenant, id, key, func(present forgehook.Settings) (forgehook.Settings, error) { return present, nil })
	check(t, err)
	equal(t, "unchanged settings", same, first)

	second, err := b.SaveSettings(t.Context(), b.tenant, id, key, func(present forgehook.Settings) (forgehook.Settings, error) {
		present.WebHook.Method = forgehook.MethodPut
		return present, nil
	})
	check(t, err)
	equal(t, "second version", second, forgehook.SettingsVersion{
		Version: 2, CreatedAt: second.CreatedAt, CreatedBy: &key,
		Settings: pgtest.Settings(seal, func(s *forgehook.Settings) { s.WebHook.Method = forgehook.MethodPut }),
	})
	got, err := b.Settings(t.Context(), b.tenant, id)
	check(t, err)
	equal(t, "settings in force", got, second)

	bad := forgehook.Invalid(forgehook.FieldError{Path: "webHook.url"})
	_, err = b.SaveSettings(t.Context(), b.tenant, id, key, func(forgehook.Settings) (forgehook.Settings, error) { return forgehook.Settings{}, bad })
	refused(t, "a change that is refused", err, forgehook.CodeInvalid)
	_, err = b.SaveSettings(t.Context(), b.tenant, b.s.Service.ID, key, func(s forgehook.Settings) (forgehook.Settings, error) { return s, nil })
	refused(t, "settings of a service", err, forgehook.CodeNotFound)

	page, next, err := b.SettingsVersions(t.Context(), b.tenant, id, forgehook.Page{Limit: 1})
	check(t, err)
	rest, end, err := b.SettingsVersions(t.Context(), b.tenant, id, forgehook.Page{Limit: 1, Cursor: next})
	check(t, err)
	equal(t, "versions, newest first", append(page, rest...), []forgehook.SettingsVersion{second, first})
	equal(t, "cursor behind the last page", end, "")
}

func TestSaveSettings_concurrent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := b.SaveSettings(t.Context(), b.tenant, b.s.Utility.ID, "", func(s forgehook.Settings) (forgehook.Settings, error) {
				s.BatchSize = new(*s.BatchSize + 1)
				return s, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := b.Settings(t.Context(), b.tenant, b.s.Utility.ID)
	check(t, err)
	if diff := cmp.Diff(108, *got.Settings.BatchSize); diff != "" || got.Version != 9 {
		t.Errorf("a change was lost: version %d, %s", got.Version, diff)
	}
}

// Settings of an earlier release have no language. They are found until they are saved again.
func TestOldSettings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, all, err := b.OldSettings(t.Context(), 10)
	check(t, err)
	equal(t, "in an older language", all, 0)
	_, err = rawPool(t, b.url).ExecContext(t.Context(), `
		UPDATE settings_versions SET settings = decode(replace(encode(settings, 'escape'), '"language":2,', ''), 'escape')`)
	check(t, err)
	old, all, err := b.OldSettings(t.Context(), 10)
	check(t, err)
	equal(t, "in an older language", all, 1)
	equal(t, "the utility", old[0].WebHookServiceID, b.s.Utility.ID)
	equal(t, "its language", old[0].Settings.Language, forgehook.Language1)

	_, err = b.SaveSettings(t.Context(), b.tenant, b.s.Utility.ID, "", func(s forgehook.Settings) (forgehook.Settings, error) {
		return forgehook.DecodeSettings([]byte(`{}`), s, true)
	})
	check(t, err)
	_, all, err = b.OldSettings(t.Context(), 10)
	check(t, err)
	equal(t, "after a save", all, 0)
}
