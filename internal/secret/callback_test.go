package secret

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/forgehook/forgehook"
)

const callID = "019b8d21-0000-7000-8000-000000000001"

func TestCallbackToken(t *testing.T) {
	t.Parallel()
	key := NewCallbackKey()
	token, err := CallbackToken(key, "acme", callID)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := CallbackToken(key, "acme", callID); err != nil || again != token {
		t.Errorf("the same call has two tokens: %s, %s, %v", token, again, err)
	}
	if len(token) != 64 || strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("token %q", token)
	}
	if id, ok := ReadCallbackToken(token); !ok || id != callID {
		t.Errorf("read %q, %v", id, ok)
	}
	if !CheckCallbackToken(key, "acme", token) {
		t.Error("the token is refused")
	}
	for name, refused := range map[string]bool{
		"another tenant": CheckCallbackToken(key, "bolt", token),
		"another key":    CheckCallbackToken(NewCallbackKey(), "acme", token),
		"no key":         CheckCallbackToken("", "acme", token),
		"a short key":    CheckCallbackToken(key[:20], "acme", token),
	} {
		if refused {
			t.Errorf("%s: the token is taken", name)
		}
	}
}

// A token with any bit changed is refused, as is any other text.
func TestCheckCallbackToken_forged(t *testing.T) {
	t.Parallel()
	key := NewCallbackKey()
	token, err := CallbackToken(key, "acme", callID)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 * len(raw) {
		raw[i/8] ^= 1 << (i % 8)
		if forged := base64.RawURLEncoding.EncodeToString(raw); CheckCallbackToken(key, "acme", forged) {
			t.Fatalf("with bit %d changed it is taken", i)
		}
		raw[i/8] ^= 1 << (i % 8)
	}
	for _, text := range []string{"", "x", token[:63], token + "A", token + "=", token[:63] + "!", " " + token[1:], token[:32] + "\n" + token[32:], strings.Repeat("A", 1<<16)} {
		if _, ok := ReadCallbackToken(text); ok || CheckCallbackToken(key, "acme", text) {
			t.Errorf("%.80q is taken", text)
		}
	}
}

func TestCallbackToken_refuses(t *testing.T) {
	t.Parallel()
	key := NewCallbackKey()
	for _, id := range []string{"", "7", strings.ToUpper("019b8d21-0000-7000-8000-00000000abcd"), strings.ReplaceAll(callID, "-", ""), callID + "0", strings.Replace(callID, "1", "g", 1)} {
		if token, err := CallbackToken(key, "acme", id); err == nil {
			t.Errorf("%q has the token %s", id, token)
		}
	}
	for _, wrong := range []string{"", "x", key[1:], key + "AA"} {
		if _, err := CallbackToken(wrong, "acme", callID); err == nil || strings.Contains(err.Error(), key[1:]) {
			t.Errorf("with the key %q: %v", wrong, err)
		}
	}
}

func TestNewCallbackKey(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		key := NewCallbackKey()
		if raw, err := base64.RawURLEncoding.DecodeString(key); err != nil || len(raw) != 32 || seen[key] {
			t.Fatalf("key %q: %d bytes, %v", key, len(raw), err)
		}
		seen[key] = true
	}
}

// A text that is not a token has no id; a token has the id that it was made for.
func FuzzReadCallbackToken(f *testing.F) {
	key := strings.Repeat("A", 43)
	token, err := CallbackToken(key, "acme", callID)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		id, ok := ReadCallbackToken(text)
		if !ok {
			return
		}
		made, err := CallbackToken(key, forgehook.TenantID("acme"), id)
		if err != nil {
			t.Fatalf("%q has the id %q: %v", text, id, err)
		}
		if CheckCallbackToken(key, "acme", text) != (made == text) {
			t.Fatalf("%q is judged wrongly", text)
		}
	})
}
