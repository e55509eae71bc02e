package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const nobody = 65534

// postgresIdentity finds a way to run PostgreSQL. Root uses a user namespace in which it is called
// nobody: all files stay root's, so a checkout under /root works. If the kernel refuses, PostgreSQL
// runs as the real nobody, with its files in /var/tmp because nobody cannot reach /root.
func postgresIdentity(data string) (identity, error) {
	if os.Geteuid() != 0 {
		return self, nil
	}
	namespace := identity{attr: func() *syscall.SysProcAttr {
		attr := detached()
		attr.Cloneflags = syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: 0, Size: 1}}
		attr.GidMappings = attr.UidMappings
		return attr
	}}
	probe := exec.Command("true")
	probe.SysProcAttr = namespace.attr()
	err := spawn(probe)
	if err == nil {
		if err = probe.Wait(); err == nil {
			return namespace, nil
		}
	}
	home := fmt.Sprintf("/var/tmp/forgehook-%x", sha256.Sum256([]byte(data)))[:len("/var/tmp/forgehook-")+12]
	say("no user namespace for PostgreSQL (%v): it runs as nobody, with its files in %s", err, home)
	return identity{home: home, uid: nobody, attr: func() *syscall.SysProcAttr {
		attr := detached()
		attr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		return attr
	}}, nil
}

// detached: a session of its own, so that a Ctrl-C in the terminal does not reach PostgreSQL before
// its clients. If we die, it gets SIGINT, its fast stop.
func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGINT}
}

// attached: the child stays in our process group and shares our terminal.
func attached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// runsIn reports whether a process works in this folder, as PostgreSQL does in its data folder.
func runsIn(pid int, dir string) bool {
	cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	return err == nil && cwd == dir
}

// adoptOrphans makes us the parent of processes that the child leaves behind. The returned function
// ends them: with the signal first, after two seconds with SIGKILL.
func adoptOrphans() (end func(except int, first syscall.Signal)) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return func(int, syscall.Signal) {}
	}
	return func(except int, first syscall.Signal) {
		told := map[int]bool{}
		for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			left := children(except)
			if len(left) == 0 {
				return
			}
			for _, pid := range left {
				if time.Since(start) > 2*time.Second {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				} else if !told[pid] {
					told[pid] = true
					_ = syscall.Kill(pid, first)
				}
				_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
			}
		}
	}
}

// children lists our child processes.
func children(except int) []int {
	var pids []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// pid (name, may hold anything) state ppid
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		if len(fields) < 2 || string(fields[1]) != strconv.Itoa(os.Getpid()) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && pid != except {
			pids = append(pids, pid)
		}
	}
	return pids
}
