// Package secret seals what must be kept but never shown, and makes keys that are shown once.
//
// Tink (AES-256-GCM) seals the secrets of settings under a keyset that the operator holds in
// FORGEHOOK_ENCRYPTION_KEYSET. The keyset is plain JSON: anyone who can read that variable can open
// every secret, so it belongs in the platform's secret store, not beside the database. The tenant
// is bound to each sealed value as associated data: sealed bytes do not open for another tenant.
// API keys are hashed instead, because nobody needs them back.
//
// No error or text of this package may contain a plain value or key material. Start with [Keeper].
package secret
