// Package e2e runs Forgehook as real processes on a real PostgreSQL and Temporal, breaks them as
// real life may, and compares the API with what the endpoint saw. It must use the program only as
// users do: by its commands, its settings and its API. All of it is tests with the tag e2e: make
// e2e. Start with [installation] in stack_test.go.
package e2e
