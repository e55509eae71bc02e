package secret

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"

	"github.com/forgehook/forgehook"
)

// A callback token is the 16 bytes of the call's id and 32 bytes of a MAC, in base64 for URLs.
const (
	callIDBytes   = 16
	callbackBytes = callIDBytes + sha256.Size
)

// NewCallbackKey makes the key of a tenant's callback tokens: 32 random bytes in base64. It is kept
// sealed.
func NewCallbackKey() string {
	b := make([]byte, keyBytes)
	_, _ = rand.Read(b) // it never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// CallbackToken is the token with which an endpoint answers a call later: 64 characters, always the
// same for the same call, so that a request can be made again. The key is that of [NewCallbackKey],
// the id a UUID.
func CallbackToken(key string, tenant forgehook.TenantID, callID string) (string, error) {
	id, ok := idBytes(callID)
	if !ok {
		return "", errors.New("make a callback token: the call's id is no UUID")
	}
	sum, err := callbackMAC(key, tenant, callID)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(id, sum...)), nil
}

// ReadCallbackToken reads the call's id, which proves nothing yet: [CheckCallbackToken] does. ok is
// false for what cannot be a token.
func ReadCallbackToken(token string) (callID string, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != callbackBytes || len(token) != base64.RawURLEncoding.EncodedLen(callbackBytes) { // line breaks are passed over
		return "", false
	}
	s := hex.EncodeToString(b[:callIDBytes])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:], true
}

// CheckCallbackToken reports whether the token was made with the key for a call of the tenant. It
// takes as long for a forged one.
func CheckCallbackToken(key string, tenant forgehook.TenantID, token string) bool {
	callID, ok := ReadCallbackToken(token)
	if !ok {
		return false
	}
	made, err := CallbackToken(key, tenant, callID)
	return err == nil && hmac.Equal([]byte(made), []byte(token))
}

func callbackMAC(key string, tenant forgehook.TenantID, callID string) ([]byte, error) {
	k, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil || len(k) != keyBytes {
		return nil, errors.New("the callback key is not 32 bytes in base64")
	}
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte("callback/" + string(tenant) + "/" + callID))
	return mac.Sum(nil), nil
}

// idBytes reads a UUID in its usual form: lower case, with hyphens.
func idBytes(id string) ([]byte, bool) {
	if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return nil, false
	}
	digits := id[:8] + id[9:13] + id[14:18] + id[19:23] + id[24:]
	b, err := hex.DecodeString(digits)
	return b, err == nil && hex.EncodeToString(b) == digits
}
