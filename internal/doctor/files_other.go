//go:build !unix

package doctor

// fileLimit is unknown on this system.
func fileLimit() (limit uint64, known bool) { return 0, false }
