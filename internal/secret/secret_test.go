package secret_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/secret"
)

const (
	ours   forgehook.TenantID = "0197a8b0-0000-7000-8000-000000000001"
	theirs forgehook.TenantID = "0197a8b0-0000-7000-8000-000000000002"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.FixedZone("", 3600))

func setup(t *testing.T) (*secret.Keeper, string) {
	t.Helper()
	keysetJSON, err := secret.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	return open(t, keysetJSON), keysetJSON
}

func open(t *testing.T, keysetJSON string) *secret.Keeper {
	t.Helper()
	k, err := secret.Open(keysetJSON)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func seal(t *testing.T, k *secret.Keeper, plain string) []byte {
	t.Helper()
	sealed, err := k.Seal(ours, plain)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSeal(t *testing.T) {
	t.Parallel()
	k, keysetJSON := setup(t)
	for _, plain := range []string{"hush", "", "a\x00b\xff", strings.Repeat("long", 10_000)} {
		sealed := seal(t, k, plain)
		if plain == "hush" && bytes.Contains(sealed, []byte(plain)) {
			t.Error("not sealed")
		}
		for _, keeper := range []*secret.Keeper{k, open(t, keysetJSON)} {
			if got, err := keeper.Unseal(ours, sealed); err != nil || got != plain {
				t.Errorf("Unseal = %q, %v; want %q", got, err, plain)
			}
		}
	}
	if bytes.Equal(seal(t, k, "hush"), seal(t, k, "hush")) {
		t.Error("equal secrets look equal when sealed")
	}
}

func TestUnseal_refuses(t *testing.T) {
	t.Parallel()
	k, _ := setup(t)
	other, _ := setup(t)
	sealed := seal(t, k, "hush")
	altered := bytes.Clone(sealed)
	altered[len(altered)-1] ^= 1
	tests := []struct {
		name   string
		keeper *secret.Keeper
		tenant forgehook.TenantID
		sealed []byte
	}{
		{"another tenant", k, theirs, sealed},
		{"no tenant", k, "", sealed},
		{"altered", k, ours, altered},
		{"cut", k, ours, sealed[:10]},
		{"empty", k, ours, nil},
		{"another keyset", other, ours, sealed},
	}
	for _, tt := range tests {
		if got, err := tt.keeper.Unseal(tt.tenant, tt.sealed); err == nil || got != "" || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
}

func TestRotate(t *testing.T) {
	t.Parallel()
	before, keysetJSON := setup(t)
	old := seal(t, before, "old")
	rotated, err := secret.Rotate(keysetJSON)
	if err != nil {
		t.Fatal(err)
	}
	after := open(t, rotated)
	if got, err := after.Unseal(ours, old); err != nil || got != "old" {
		t.Errorf("an older secret: %q, %v", got, err)
	}
	fresh := seal(t, after, "new")
	if got, err := after.Unseal(ours, fresh); err != nil || got != "new" {
		t.Errorf("a newer secret: %q, %v", got, err)
	}
	if _, err := before.Unseal(ours, fresh); err == nil {
		t.Error("the new key does not seal")
	}
}

func TestOpen_refuses(t *testing.T) {
	t.Parallel()
	_, keysetJSON := setup(t)
	material := regexp.MustCompile(`"value":\s*"([^"]+)"`).FindStringSubmatch(keysetJSON)[1]
	handle, err := keyset.NewHandle(mac.HMACSHA256Tag256KeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	var forMAC bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&forMAC)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "{}", "null", "no JSON", keysetJSON[:len(keysetJSON)/2], strings.Replace(keysetJSON, material, "###"+material, 1), forMAC.String()} {
		_, err := secret.Open(bad)
		if err == nil || strings.Contains(err.Error(), material) {
			t.Errorf("Open(%.20s...) = %v", bad, err)
		}
	}
	if _, err := secret.Rotate("{}"); err == nil {
		t.Error("Rotate takes an empty keyset")
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	k, _ := setup(t)
	s := forgehook.DefaultSettings()
	s.Password = forgehook.NewSecret("hush-generic")
	s.WebHook.APIKey = forgehook.NewSecret("hush-key")
	if err := k.SealSettings(ours, &s, now); err != nil {
		t.Fatal(err)
	}
	if s.WebHook.APIKey.Reveal() != "" || s.WebHook.Password.IsSet() || s.WebHook.APIKey.UpdatedAt.String() != "2026-01-02T02:04:05.678Z" {
		t.Errorf("sealed: %q set=%v %s", s.WebHook.APIKey.Reveal(), s.WebHook.Password.IsSet(), s.WebHook.APIKey.UpdatedAt)
	}

	stored, err := forgehook.StoreSettings(s)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := forgehook.LoadSettings(stored)
	if err != nil {
		t.Fatal(err)
	}
	loaded.WebHook.Password = forgehook.NewSecret("hush-later")
	if err := k.SealSettings(ours, &loaded, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.WebHook.APIKey.Sealed, loaded.WebHook.APIKey.Sealed); diff != "" || loaded.WebHook.APIKey.UpdatedAt != s.WebHook.APIKey.UpdatedAt {
		t.Errorf("a sealed secret was sealed again: %s", diff)
	}
	if got := loaded.WebHook.Password.UpdatedAt.String(); got != "2026-01-02T03:04:05.678Z" {
		t.Errorf("updated at %s", got)
	}

	opened := loaded
	if err := k.OpenSettings(theirs, &opened); err == nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "setting ") {
		t.Errorf("another tenant: %v", err)
	}
	opened = loaded
	if err := k.OpenSettings(ours, &opened); err != nil {
		t.Fatal(err)
	}
	got := []string{opened.Password.Reveal(), opened.WebHook.APIKey.Reveal(), opened.WebHook.Password.Reveal(), opened.Signing.Secret.Reveal()}
	if diff := cmp.Diff([]string{"hush-generic", "hush-key", "hush-later", ""}, got); diff != "" {
		t.Error(diff)
	}
	// Opened secrets still count as sealed: storing them does not change their bytes.
	if err := k.SealSettings(ours, &opened, now.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	again, err := forgehook.StoreSettings(opened)
	if err != nil {
		t.Fatal(err)
	}
	want, err := forgehook.StoreSettings(loaded)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(again)); diff != "" {
		t.Error(diff)
	}
}

// Nothing that holds a secret or a key shows it in any format.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	k, keysetJSON := setup(t)
	s := forgehook.DefaultSettings()
	s.WebHook.Password = forgehook.NewSecret("hush-sealed")
	if err := k.SealSettings(ours, &s, now); err != nil {
		t.Fatal(err)
	}
	if err := k.OpenSettings(ours, &s); err != nil {
		t.Fatal(err)
	}
	s.WebHook.APIKey = forgehook.NewSecret("hush-plain")
	holder := struct {
		Keeper   *secret.Keeper
		Value    secret.Keeper
		Settings forgehook.Settings
		List     []forgehook.Secret
		Map      map[string]*forgehook.Secret
	}{k, *k, s, []forgehook.Secret{s.WebHook.APIKey}, map[string]*forgehook.Secret{"a": &s.WebHook.Password}}

	var shown []string
	values := []any{holder, &holder, k, *k, s, &s, s.WebHook.APIKey, &s.WebHook.APIKey, holder.List, holder.Map}
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", v)
		shown = append(shown, string(j), log.String())
	}
	material := regexp.MustCompile(`"value":\s*"([^"]+)"`).FindStringSubmatch(keysetJSON)[1]
	for _, text := range shown {
		if strings.Contains(text, "hush") || strings.Contains(text, material) || strings.Contains(text, "aead") {
			t.Errorf("leaks: %.300s", text)
		}
	}
}

func TestNewAPIKey(t *testing.T) {
	t.Parallel()
	key, prefix, hash, err := secret.NewAPIKey()
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^fh_[A-Za-z0-9_-]{43}$`).MatchString(key) || prefix != key[:11] {
		t.Errorf("key %s, prefix %s", key, prefix)
	}
	if want := sha256.Sum256([]byte(key)); !bytes.Equal(hash, want[:]) || !bytes.Equal(secret.HashAPIKey(key), hash) {
		t.Error("hash differs")
	}
	other, _, _, err := secret.NewAPIKey()
	if err != nil || other == key {
		t.Errorf("again %s, %v", other, err)
	}
}

func TestNewSigningSecret(t *testing.T) {
	t.Parallel()
	made, err := secret.NewSigningSecret()
	if err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf(`{"webHook":{"url":"https://hook.example/"},"signing":{"secret":%q}}`, made)
	if _, err := forgehook.DecodeSettings([]byte(settings), forgehook.DefaultSettings(), false); err != nil {
		t.Errorf("the settings refuse %s: %v", made, err)
	}
}
