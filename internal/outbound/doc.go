// Package outbound makes every HTTP call that leaves Forgehook, through one guarded client: each
// address is checked before it is dialled, redirects are not followed, no proxy, cookie or
// credential comes from the environment, and what an endpoint sends back is bounded in time and in
// bytes.
//
// It moves bytes and names what went wrong; what a response means for a call is decided in
// internal/webhook. No other package may make an [net/http] client for an address that a tenant
// chose. Start with [Sender.Send] in send.go; guard.go holds the rules about addresses, url.go
// those about URLs, fault.go the error codes.
package outbound
