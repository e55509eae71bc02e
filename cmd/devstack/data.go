package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// dataDir is where a stack stores its files. It is locked until this process ends, in any way.
type dataDir struct {
	base string // shared by all runs: installed binaries, temporary runs
	run  string // PostgreSQL's data of this run; base unless ephemeral
	log  string
	as   identity
}

func openData(cfg config, down *teardown) (dataDir, error) {
	as := self
	if cfg.startsPostgres() {
		var err error
		if as, err = postgresIdentity(cfg.data); err != nil {
			return dataDir{}, err
		}
	}
	d := dataDir{base: cfg.data, run: cfg.data, as: as}
	if err := os.MkdirAll(cfg.data, 0o755); err != nil {
		return d, fmt.Errorf("--data: %w", err)
	}
	if as.home != "" {
		d.base, d.run = as.home, as.home
		if err := as.mkdir(as.home); err != nil {
			return d, err
		}
	}
	d.log = filepath.Join(cfg.data, "log")
	if cfg.ephemeral {
		var err error
		if d.run, err = ephemeralRun(filepath.Join(d.base, "tmp"), as, down); err != nil {
			return d, err
		}
		d.log = filepath.Join(d.run, "log")
	} else if _, err := lock(filepath.Join(cfg.data, "devstack.lock")); err != nil {
		var held lockedError
		if errors.As(err, &held) {
			err = fmt.Errorf("another devstack (process %s) runs on %s: stop it, or give --data another folder", held.pid, cfg.data)
		}
		return d, err
	}
	return d, os.MkdirAll(d.log, 0o755)
}

// ephemeralRun makes a folder for this run and removes those of killed runs: nobody holds their
// locks.
func ephemeralRun(tmp string, as identity, down *teardown) (string, error) {
	if err := as.mkdir(tmp); err != nil {
		return "", err
	}
	// A folder that is not yet locked would look dead to the sweep of another start.
	sweep, err := waitLock(filepath.Join(tmp, "sweep.lock"))
	if err != nil {
		return "", err
	}
	defer sweep.Close()
	old, _ := filepath.Glob(filepath.Join(tmp, "run-*"))
	for _, run := range old {
		held, err := lock(filepath.Join(run, "devstack.lock"))
		if err != nil {
			continue
		}
		if err := stopServer(filepath.Join(run, "postgres")); err != nil {
			say("%v", err)
		} else if err := os.RemoveAll(run); err != nil {
			say("cannot remove what a killed run left: %v", err)
		}
		held.Close()
	}
	run, err := os.MkdirTemp(tmp, "run-")
	if err != nil {
		return "", err
	}
	remove := func() { os.RemoveAll(run) }
	down.add("", remove, remove)
	if _, err := lock(filepath.Join(run, "devstack.lock")); err != nil {
		return "", err
	}
	return run, as.own(run)
}

type lockedError struct{ pid string }

func (e lockedError) Error() string { return "locked by process " + e.pid }

// lock locks the file for this process. The kernel unlocks it when the process ends, so there are
// no stale locks. Closing the file unlocks it early.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		pid, _ := os.ReadFile(path)
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, lockedError{strings.TrimSpace(string(pid))}
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := f.Truncate(0); err != nil {
		return nil, err
	}
	_, err = fmt.Fprintln(f, os.Getpid())
	heldLocks = append(heldLocks, f)
	return f, err
}

// waitLock locks the file when it is free.
func waitLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// heldLocks protects the files from the garbage collector, which would close them.
var heldLocks []*os.File

const maxLog = 8 << 20

// openLog opens a log to append. A log larger than maxLog becomes <name>.1.
func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
}
