package forgehook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// A secret appears nowhere: in no verb, no log, no JSON, nor inside another value.
func TestSecret_neverShown(t *testing.T) {
	t.Parallel()
	s := DefaultSettings()
	s.WebHook.APIKey, s.WebHook.Password, s.Signing.Secret = NewSecret("hunter2"), NewSecret("hunter2"), NewSecret("hunter2")
	secret := s.WebHook.APIKey
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%o", "%e", "%U", "%c", "%20v", "%-5.2s"} {
		for _, v := range []any{secret, &secret, s, &s, s.WebHook, []Secret{secret}, map[string]Secret{"a": secret}, struct{ S any }{secret}} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("x", "secret", secret, "pointer", &secret, "settings", s, "list", []Secret{secret}, "map", map[string]Secret{"a": secret})
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", secret, "settings", s)
	for _, v := range []any{secret, s, map[string]any{"a": secret}, struct{ S *Secret }{&secret}, Utility{Settings: s}, SettingsVersion{Settings: s}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	text := out.String()
	for _, form := range []string{"hunter2", fmt.Sprintf("%x", "hunter2"), fmt.Sprintf("%X", "hunter2"), "104 117 110", fmt.Sprintf("%U", []rune("hunter2"))} {
		if i := strings.Index(text, form); i >= 0 {
			t.Errorf("the secret is there as %s: ...%s", form, text[max(0, i-100):i])
		}
	}
	if !strings.Contains(text, `"apiKey":{"set":true,"updatedAt":`) || secret.Reveal() != "hunter2" {
		t.Error("a set secret does not show as set, or cannot be read by its owner")
	}
}

func TestSecret_IsSet(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		secret Secret
		want   bool
	}{"unset": {Secret{}, false}, "plain": {NewSecret("x"), true}, "empty": {NewSecret(""), false}, "sealed": {Secret{Sealed: []byte{1}}, true}} {
		if tt.secret.IsSet() != tt.want {
			t.Errorf("%s: %v", name, tt.secret.IsSet())
		}
	}
}
