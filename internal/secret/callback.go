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

// A callback token is the call's id (16 bytes) and a MAC (32 bytes) in base64 for URLs.
const (
	callIDBytes   = 16
	callbackBytes = callIDBytes + sha256.Size
)

// NewCallbackKey makes the key of a tenant's callback tokens: 32 random bytes in base64. It must be
// stored sealed.
func NewCallbackKey() string {
	b := make([]byte, keyBytes)
	_, _ = rand.Read(b) // it never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// CallbackToken returns the token with which an endpoint calls back: 64 characters, always the same
// for a call, so that its request can be rebuilt: decision 40. The key comes from [NewCallbackKey];
// the id is a UUID.
func CallbackToken(key string, tenant forgehook.TenantID, callID string) (string, error) {
	id, ok := idBytes(callID)
	if !ok {
		return "", errors.New("make a callback token: the call's id is not a UUID")
	}
	sum, err := callbackMAC(key, tenant, callID)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(id, sum...)), nil
}

// ReadCallbackToken reads the call's id without proof: [CheckCallbackToken] checks it. ok is false
// for a text that cannot be a token.
func ReadCallbackToken(token string) (callID string, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != callbackBytes || len(token) != base64.RawURLEncoding.EncodedLen(callbackBytes) { // base64 ignores line breaks
		return "", false
	}
	s := hex.EncodeToString(b[:callIDBytes])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:], true
}

// CheckCallbackToken reports whether the key made the token for a call of the tenant. A forged
// token of the right form takes as long to check.
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

// idBytes reads a UUID in lower case with hyphens.
func idBytes(id string) ([]byte, bool) {
	if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return nil, false
	}
	digits := id[:8] + id[9:13] + id[14:18] + id[19:23] + id[24:]
	b, err := hex.DecodeString(digits)
	return b, err == nil && hex.EncodeToString(b) == digits
}
