//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// slot is a position for a process of the product. When one ends, a supervisor starts the next.
type slot struct {
	t       *testing.T
	command string // api or worker
	env     []string

	mu    sync.Mutex
	live  []*process // the current one last; before it, one that is to end
	past  []*process
	ended bool // by the test
}

// current is the current process, or the last one if none has started again.
func (s *slot) current() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Concat(s.past, s.live)
	return all[len(all)-1]
}

// up starts a process, and tries again while it fails: a server that it needs may be away.
func (s *slot) up() {
	var err error
	for begin := time.Now(); time.Since(begin) < 2*time.Minute; {
		var p *process
		if p, err = launch(program, s.command, s.env); err == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.live = append(s.live, p)
			if s.ended {
				p.kill()
			}
			return
		}
	}
	s.t.Errorf("two minutes without a %s: %v", s.command, err)
}

// revive runs after the current process was sent its end, or before, to supersede it.
func (s *slot) revive(do action) {
	old := s.current()
	if do == superseded {
		s.up()
		old.signal(syscall.SIGTERM)
	}
	<-old.done
	s.mu.Lock()
	s.past = append(s.past, old)
	s.live = slices.DeleteFunc(s.live, func(p *process) bool { return p == old })
	s.mu.Unlock()
	if do != superseded {
		s.up()
	}
}

func (s *slot) victim(name string) *victim {
	return &victim{name: name, signal: func(sig syscall.Signal) { s.current().signal(sig) }, revive: s.revive}
}

func (s *slot) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for _, p := range s.live {
		p.kill()
	}
}

// said is the output of all processes of the slot.
func (s *slot) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, p := range append(slices.Clone(s.past), s.live...) {
		fmt.Fprintf(&b, "== process %d\n%s", p.Process.Pid, p.log)
	}
	return b.String()
}

// holds reports whether a process of the slot is at the other end of a local connection.
func (s *slot) holds(remote net.Addr) bool {
	inode := inodeOf(remote)
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.live, func(p *process) bool {
		links, _ := filepath.Glob("/proc/" + strconv.Itoa(p.Process.Pid) + "/fd/*")
		return slices.ContainsFunc(links, func(link string) bool {
			target, err := os.Readlink(link)
			return err == nil && target == "socket:["+inode+"]"
		})
	})
}

// inodeOf is the inode of a local IPv4 socket, "" if it is gone.
func inodeOf(local net.Addr) string {
	port := fmt.Sprintf(":%04X", local.(*net.TCPAddr).Port)
	table, _ := os.ReadFile("/proc/net/tcp")
	for line := range strings.Lines(string(table)) {
		// number, local address, remote address, state, queues, timer, retransmits, user, timeouts,
		// inode
		fields := strings.Fields(line)
		if len(fields) > 9 && strings.HasSuffix(fields[1], port) && fields[9] != "0" {
			return fields[9]
		}
	}
	return ""
}

// postgresVictim is the product's PostgreSQL. The stack starts it again when it ends.
func (s *stack) postgresVictim() *victim {
	var struck int
	return &victim{
		name: thePostgres,
		signal: func(sig syscall.Signal) {
			pids := s.postgresPIDs()
			if len(pids) == 0 {
				return
			}
			if struck = pids[0]; sig == syscall.SIGTERM { // in order, without waiting for clients
				_ = syscall.Kill(struck, syscall.SIGINT)
				return
			}
			for _, pid := range pids {
				_ = syscall.Kill(pid, sig)
			}
		},
		revive: func(action) {
			for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(20 * time.Millisecond) {
				if pids := s.postgresPIDs(); len(pids) > 0 && pids[0] != struck {
					break
				}
			}
			if err := s.awaitSQL(); err != nil {
				s.t.Error(err)
			}
		},
	}
}

func (s *stack) temporalVictim() *victim {
	return &victim{name: theTemporal, signal: s.signal, revive: func(action) {
		<-s.process.done
		_ = s.hold.Close()
		s.start()
	}}
}
