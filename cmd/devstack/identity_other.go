//go:build !linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

func postgresIdentity(string) (identity, error) {
	if os.Geteuid() == 0 {
		return identity{}, errors.New("PostgreSQL refuses to run as root: run this as a plain user, or set FORGEHOOK_DATABASE_URL and TEMPORAL_ADDRESS")
	}
	return self, nil
}

// detached: a session of its own, so that a Ctrl-C in the terminal does not reach PostgreSQL before
// its clients.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func attached() *syscall.SysProcAttr { return nil }

// runsIn reports whether a process is a PostgreSQL on this folder.
func runsIn(pid int, dir string) bool {
	args, err := exec.Command("ps", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(args), "postgres") && strings.Contains(string(args), dir)
}

// adoptOrphans does nothing: only Linux can do it.
func adoptOrphans() (end func(except int, first syscall.Signal)) {
	return func(int, syscall.Signal) {}
}
