package webhook

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/forgehook/forgehook"
)

// Sign makes the webhook-signature of one attempt, "v1,<base64>": HMAC-SHA256 over
// "webhookID.unixSeconds.body" (Standard Webhooks 1.0.0). The secret is "whsec_" and the base64 of
// 24 to 64 bytes; the library would accept any length.
func Sign(secret, webhookID string, at time.Time, body []byte) (string, error) {
	encoded, prefixed := strings.CutPrefix(secret, forgehook.SigningPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !prefixed || err != nil || len(key) < 24 || len(key) > 64 {
		return "", errors.New("sign: the secret is not whsec_ and the base64 of 24 to 64 bytes")
	}
	if webhookID == "" || strings.Contains(webhookID, ".") { // a dot could shift bytes between id and timestamp
		return "", errors.New("sign: the webhook id is empty or has a dot")
	}
	signer, err := standardwebhooks.NewWebhookRaw(key)
	if err != nil {
		return "", err
	}
	return signer.Sign(webhookID, at, body)
}
