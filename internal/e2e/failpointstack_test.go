//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// lane is a PostgreSQL of the product and a Temporal with its own PostgreSQL, all of which may be
// killed. No other test uses them. The seeds of a lane run in turn.
type lane struct {
	database *stack
	temporal *stack
}

func newLane(t *testing.T) *lane {
	t.Helper()
	l := &lane{
		database: &stack{t: t, dir: t.TempDir(), env: []string{"TEMPORAL_ADDRESS=127.0.0.1:1"}}, // an address without Temporal
		temporal: &stack{t: t, dir: t.TempDir()},
	}
	var wg sync.WaitGroup
	for _, s := range []*stack{l.database, l.temporal} {
		for _, port := range []string{"PG", "TEMPORAL", "UI"} {
			s.env = append(s.env, "FORGEHOOK_DEV_"+port+"_PORT="+fixedPort(t))
		}
		wg.Go(func() { s.start(); s.relax() })
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return l
}

// fixedPort is a port below the range of outgoing connections, so that it stays free while its
// server is dead.
func fixedPort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(28_000 + rand.IntN(4_000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no free port between 28000 and 32000")
	return ""
}

// stack is a development stack that keeps its data when it is killed.
type stack struct {
	t   *testing.T
	dir string
	env []string

	mu      sync.Mutex
	process *process
	hold    io.WriteCloser // read by the stack's command, which ends with it
	url     string         // of PostgreSQL
	address string         // of Temporal
	pgData  string
}

const devstack = "../../.forgehook/bin/devstack"

// start starts the stack on its data and waits for all of it. On a busy machine Temporal may start
// too late, so it tries several times.
func (s *stack) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.tryStart()
	for tries := 1; err != nil && tries < 4; tries++ {
		err = s.tryStart()
	}
	if err != nil {
		s.t.Error(err)
	}
}

func (s *stack) tryStart() error {
	p := &process{log: &lockedBuffer{}, done: make(chan struct{})}
	p.Cmd = exec.Command(devstack, "--data", s.dir, "--", "sh", "-c", `echo "$FORGEHOOK_DATABASE_URL $TEMPORAL_ADDRESS $FORGEHOOK_DEV_PG_DATA"; exec cat`)
	for _, entry := range environ() {
		if !strings.HasPrefix(entry, "TEMPORAL_") {
			p.Env = append(p.Env, entry)
		}
	}
	p.Env = append(p.Env, s.env...)
	p.Stderr = p.log
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := p.StdoutPipe()
	if err == nil {
		s.hold, err = p.StdinPipe()
	}
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		return fmt.Errorf("start a stack: %w", err)
	}
	first := s.process == nil
	s.process = p
	if first {
		s.t.Cleanup(s.stop)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() { _ = p.Wait(); close(p.done) }()
	if fields := strings.Fields(line); err == nil && len(fields) == 3 {
		s.url, s.address, s.pgData = fields[0], fields[1], fields[2]
		return nil
	}
	_ = s.hold.Close()
	<-p.done
	return fmt.Errorf("a stack does not start: %w, %q\n%s", err, line, p.log)
}

// stop ends the stack and everything it started.
func (s *stack) stop() {
	s.signal(syscall.SIGCONT)
	_ = s.hold.Close()
	select {
	case <-s.process.done:
	case <-time.After(time.Minute):
		s.t.Errorf("a stack does not stop:\n%s", s.process.log)
		s.signal(syscall.SIGKILL)
	}
}

func (s *stack) signal(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process.signal(sig)
}

// relax spares the disk. Written data survives the death of processes, but not of the machine.
func (s *stack) relax() {
	if s.t.Failed() {
		return
	}
	db, err := sql.Open("postgres", s.url)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer db.Close() //nolint:errcheck // it has done its work
	for _, statement := range []string{"ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()"} {
		if _, err := db.Exec(statement); err != nil {
			s.t.Errorf("%s: %v", statement, err)
		}
	}
}

// newDatabase makes a database for one seed and returns its URL.
func (s *stack) newDatabase(t *testing.T, name string) string {
	t.Helper()
	db, err := sql.Open("postgres", s.url)
	check(t, err)
	defer db.Close() //nolint:errcheck // it has done its work
	_, err = db.ExecContext(t.Context(), "CREATE DATABASE "+name)
	check(t, err)
	base, _, _ := strings.Cut(s.url, "/forgehook?")
	return base + "/" + name + "?sslmode=disable"
}

// postgresPIDs are the server's processes, the parent first.
func (s *stack) postgresPIDs() []int {
	text, err := os.ReadFile(filepath.Join(s.pgData, "postmaster.pid"))
	if err != nil {
		return nil
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		return nil
	}
	return append([]int{pid}, childrenOf(pid)...)
}

func childrenOf(parent int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue
		}
		// pid (name, which may hold anything) state ppid
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		if len(fields) > 1 && string(fields[1]) == strconv.Itoa(parent) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(stat))); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// awaitSQL waits for PostgreSQL.
func (s *stack) awaitSQL() error {
	db, err := sql.Open("postgres", s.url)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // it has done its work
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not come back: %w", err)
		case <-tick.C:
		}
	}
}
