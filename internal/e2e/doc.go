// Package e2e runs Forgehook as real processes on a real PostgreSQL and Temporal, does to them what
// may happen to them, and holds what the API says against what the endpoint saw. It knows the
// program as its users do: by its commands, its settings and its API. All of it is tests with the
// tag e2e: make e2e. Start with [installation] in stack_test.go.
package e2e
