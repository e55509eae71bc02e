//go:build notemporal

package main

import "context"

const temporalLinked = false

type temporalStack struct{ address, uiURL string }

// startTemporal is never called: parse requires TEMPORAL_ADDRESS.
func startTemporal(context.Context, context.CancelCauseFunc, *postgres, ports, string, *teardown) (temporalStack, error) {
	panic("built without Temporal")
}
