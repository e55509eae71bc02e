package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"github.com/forgehook/forgehook"
)

const (
	keyPrefix   = "fh_"
	keyBytes    = 32
	shownOfKey  = len(keyPrefix) + 8 // leaves 208 bits unknown
	secretBytes = 32                 // Standard Webhooks allows 24 to 64
)

// NewAPIKey makes an API key. It returns the key, to be shown once; its first characters, to
// recognise it by; and its hash, to be stored.
func NewAPIKey() (key, prefix string, hash []byte, err error) {
	random, err := randomBytes(keyBytes)
	if err != nil {
		return "", "", nil, err
	}
	key = keyPrefix + base64.RawURLEncoding.EncodeToString(random)
	return key, key[:shownOfKey], HashAPIKey(key), nil
}

// HashAPIKey returns the SHA-256, by which the key is looked up. A key of 256 random bits cannot be
// guessed, so the hash needs neither salt nor slowness.
func HashAPIKey(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	return sum[:]
}

// NewSigningSecret makes a Standard Webhooks secret.
func NewSigningSecret() (string, error) {
	random, err := randomBytes(secretBytes)
	if err != nil {
		return "", err
	}
	return forgehook.SigningPrefix + base64.StdEncoding.EncodeToString(random), nil
}

func randomBytes(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := rand.Read(b)
	return b, err
}
