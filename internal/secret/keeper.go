package secret

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/forgehook/forgehook"
)

// purpose separates sealed settings from anything else sealed for a tenant.
const purpose = "settings"

// Keeper seals and opens secrets. It is safe for concurrent use.
type Keeper struct{ aead tink.AEAD }

// Open reads a keyset. Its primary key seals; all its keys open.
func Open(keysetJSON string) (*Keeper, error) {
	handle, err := read(keysetJSON)
	if err != nil {
		return nil, err
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, errors.New("the keyset is not for encryption (AEAD): make one with NewKeyset")
	}
	return &Keeper{primitive}, nil
}

// NewKeyset makes a keyset with one fresh key.
func NewKeyset() (string, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return "", fmt.Errorf("make a keyset: %w", err)
	}
	return write(handle)
}

// Rotate adds a fresh key that seals from now on; the old keys still open. Every process needs the
// new keyset before one of them seals with it.
func Rotate(keysetJSON string) (string, error) {
	handle, err := read(keysetJSON)
	if err != nil {
		return "", err
	}
	manager := keyset.NewManagerFromHandle(handle)
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return "", fmt.Errorf("add a key: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return "", fmt.Errorf("make the key primary: %w", err)
	}
	if handle, err = manager.Handle(); err != nil {
		return "", fmt.Errorf("rotate the keyset: %w", err)
	}
	return write(handle)
}

// read replaces Tink's own error, which may quote the keyset.
func read(keysetJSON string) (*keyset.Handle, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(strings.NewReader(keysetJSON)))
	if err != nil {
		return nil, errors.New("the keyset is not a Tink keyset in JSON")
	}
	return handle, nil
}

func write(handle *keyset.Handle) (string, error) {
	var b strings.Builder
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&b)); err != nil {
		return "", fmt.Errorf("write the keyset: %w", err)
	}
	return b.String(), nil
}

// Seal encrypts a value for one tenant.
func (k *Keeper) Seal(tenant forgehook.TenantID, plain string) ([]byte, error) {
	sealed, err := k.aead.Encrypt([]byte(plain), associated(tenant))
	if err != nil {
		return nil, fmt.Errorf("seal a secret: %w", err)
	}
	return sealed, nil
}

// Unseal decrypts what any key of the keyset sealed for the same tenant.
func (k *Keeper) Unseal(tenant forgehook.TenantID, sealed []byte) (string, error) {
	plain, err := k.aead.Decrypt(sealed, associated(tenant))
	if err != nil {
		return "", errors.New("a sealed secret does not open: it is another tenant's, was altered, or its key is not in the keyset")
	}
	return string(plain), nil
}

func associated(tenant forgehook.TenantID) []byte { return []byte(string(tenant) + "/" + purpose) }

// SealSettings seals every newly set secret, stamps it with now and forgets its plain text. Sealed
// ones do not change.
func (k *Keeper) SealSettings(tenant forgehook.TenantID, s *forgehook.Settings, now time.Time) error {
	return s.EachSecret(func(path string, secret *forgehook.Secret) error {
		if len(secret.Sealed) > 0 {
			return nil
		}
		sealed, err := k.Seal(tenant, secret.Reveal())
		if err != nil {
			return fmt.Errorf("setting %s: %w", path, err)
		}
		*secret = forgehook.Secret{Sealed: sealed, UpdatedAt: forgehook.Time{Time: now.UTC().Truncate(time.Millisecond)}}
		return nil
	})
}

// OpenSettings makes Reveal work for every secret of the settings. They still count as sealed.
func (k *Keeper) OpenSettings(tenant forgehook.TenantID, s *forgehook.Settings) error {
	return s.EachSecret(func(path string, secret *forgehook.Secret) error {
		if len(secret.Sealed) == 0 {
			return nil
		}
		plain, err := k.Unseal(tenant, secret.Sealed)
		if err != nil {
			return fmt.Errorf("setting %s: %w", path, err)
		}
		opened := forgehook.NewSecret(plain)
		opened.Sealed, opened.UpdatedAt = secret.Sealed, secret.UpdatedAt
		*secret = opened
		return nil
	})
}

const redacted = "[keyset]"

// Printing a Keeper must not show its keys.
func (Keeper) String() string               { return redacted }
func (Keeper) GoString() string             { return redacted }
func (Keeper) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Keeper) MarshalText() ([]byte, error) { return []byte(redacted), nil }
