// Package outbound makes every HTTP call that leaves Forgehook, through one guarded client: it
// checks each address before a dial, follows no redirect, takes no proxy, cookie or credential from
// the environment, and bounds each response in time and bytes.
//
// It sends bytes and names faults; it must not judge responses, which is up to internal/webhook. No
// other package may make an [net/http] client for an address that a tenant chose. Start with
// [Sender.Send] in send.go; guard.go has the rules about addresses, url.go those about URLs,
// fault.go the error codes.
package outbound
