//go:build !unix

package doctor

// fileLimit is unknown: there is none to be read.
func fileLimit() (limit uint64, known bool) { return 0, false }
