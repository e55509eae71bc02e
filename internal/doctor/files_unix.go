//go:build unix

package doctor

import "syscall"

// fileLimit is how many files such a process may have open. Go has raised it to the hard limit.
func fileLimit() (limit uint64, known bool) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, false
	}
	return uint64(l.Cur), true //nolint:unconvert // the type is signed on some systems
}
