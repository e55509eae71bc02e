package postgres_test

import (
	"testing"

	"github.com/forgehook/forgehook"
)

func TestSettingsVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	saved, err := b.SaveSettings(t.Context(), b.tenant, b.s.Utility.ID, "", func(s forgehook.Settings) (forgehook.Settings, error) {
		s.Enabled = false
		return s, nil
	})
	check(t, err)
	second, err := b.SettingsVersion(t.Context(), b.tenant, b.s.Utility.ID, 2)
	check(t, err)
	equal(t, "the second version", second, saved)
	first, err := b.SettingsVersion(t.Context(), b.tenant, b.s.Utility.ID, 1)
	check(t, err)
	equal(t, "the first version", first.Settings, b.s.Utility.Settings)
	_, err = b.SettingsVersion(t.Context(), b.tenant, b.s.Utility.ID, 3)
	refused(t, "a version that is not", err, forgehook.CodeNotFound)
	_, err = b.SettingsVersion(t.Context(), b.tenant, b.s.Service.ID, 1)
	refused(t, "a version of a plain service", err, forgehook.CodeNotFound)
	_, err = b.SettingsVersion(t.Context(), b.stranger, b.s.Utility.ID, 1)
	refused(t, "another tenant's version", err, forgehook.CodeNotFound)
}
