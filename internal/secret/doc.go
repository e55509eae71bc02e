// Package secret seals what must be kept but never shown, and makes keys that are shown once.
//
// Secrets of settings are sealed with Tink (AES-256-GCM) under a keyset that the operator holds in
// FORGEHOOK_ENCRYPTION_KEYSET. The keyset is plain JSON, not itself encrypted: whoever can read
// that variable can open every secret, so it belongs in the platform's secret store and not beside
// the database. The tenant is bound to each sealed value as associated data: one tenant's sealed
// bytes do not open for another. API keys are not sealed but hashed, since nobody ever needs them
// back.
//
// No error and no text of this package holds a plain value or key material. Start with [Keeper] in
// keeper.go; key.go makes keys.
package secret
