package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// identity is the user that runs PostgreSQL, which refuses to be root.
type identity struct {
	home string // where its files must be, "" for anywhere
	uid  int    // their owner, if home is set
	attr func() *syscall.SysProcAttr
}

// self is the identity of all users but root.
var self = identity{attr: detached}

// mkdir makes a private folder that PostgreSQL can use. The parent folder may be open to all, so an
// existing one must be ours.
func (id identity) mkdir(path string) error {
	err := os.Mkdir(path, 0o700)
	if os.IsExist(err) {
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		owner := int(info.Sys().(*syscall.Stat_t).Uid)
		if id.home != "" && (!info.IsDir() || owner != id.uid) {
			return fmt.Errorf("%s belongs to user %d, not to %d: remove it", path, owner, id.uid)
		}
		return nil
	}
	if err != nil {
		return err
	}
	return id.own(path)
}

// owns reports data that another user made. PostgreSQL would only say that it may not read it.
func (id identity) owns(path string) error {
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	us := os.Geteuid()
	if id.home != "" {
		us = id.uid
	}
	if owner := int(info.Sys().(*syscall.Stat_t).Uid); owner != us {
		return fmt.Errorf("%s belongs to user %d, not to %d: run this as that user, or remove it", path, owner, us)
	}
	return nil
}

func (id identity) own(path string) error {
	if id.home == "" {
		return nil
	}
	return os.Chown(path, id.uid, id.uid)
}

// spawn starts a process from a thread that lives as long as this process. Linux sends a process
// its parent-death signal when the starting thread ends, and Go ends threads at will.
func spawn(cmd *exec.Cmd) error {
	result := make(chan error)
	spawner <- func() { result <- cmd.Start() }
	return <-result
}

var spawner = func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
}()
