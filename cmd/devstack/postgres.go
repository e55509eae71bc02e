package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	_ "github.com/lib/pq"
)

const role = "forgehook" // a superuser: tests make their own databases

// postgres is one server and its files.
type postgres struct {
	find      func(ctx context.Context, major int) (binaries, error)
	bin       binaries // set by start
	as        identity
	dir       string // its data folder, with links resolved, as in postmaster.pid
	log       string
	port      int
	password  string
	ephemeral bool

	mu       sync.Mutex
	process  *os.Process
	ended    chan struct{} // closed when process has ended
	stopping bool
}

func newPostgres(cfg config, d dataDir, port int) (*postgres, error) {
	run, err := filepath.EvalSymlinks(d.run)
	if err != nil {
		return nil, err
	}
	p := &postgres{as: d.as, dir: filepath.Join(run, "postgres"), log: filepath.Join(d.log, "postgres.log"),
		port: port, ephemeral: cfg.ephemeral}
	p.find = func(ctx context.Context, major int) (binaries, error) {
		return findBinaries(ctx, cfg, d.base, p.dir, major)
	}
	return p, nil
}

func (p *postgres) passwordFile() string { return filepath.Join(p.dir, "forgehook.password") }

// initialise makes the data folder under another name first. A folder with the right name is
// complete.
func (p *postgres) initialise(ctx context.Context) error {
	start := time.Now()
	unfinished := p.dir + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	if err := p.as.mkdir(unfinished); err != nil {
		return err
	}
	password := unfinished + ".password"
	if err := os.WriteFile(password, []byte(rand.Text()+"\n"), 0o600); err != nil {
		return err
	}
	if err := p.as.own(password); err != nil {
		return err
	}
	initdb := exec.CommandContext(ctx, filepath.Join(p.bin.dir, "initdb"), "-D", unfinished, "-U", role,
		"-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8", "--locale=C")
	if p.ephemeral {
		initdb.Args = append(initdb.Args, "--no-sync")
	}
	initdb.Dir = "/" // the other user may not enter our working folder
	initdb.SysProcAttr = p.as.attr()
	var out strings.Builder
	initdb.Stdout, initdb.Stderr = &out, &out
	err := spawn(initdb)
	if err == nil {
		err = initdb.Wait()
	}
	if err != nil {
		return fmt.Errorf("initdb in %s: %w: %s", unfinished, err, lastLines(out.String(), 5))
	}
	if err := os.Rename(password, filepath.Join(unfinished, filepath.Base(p.passwordFile()))); err != nil {
		return err
	}
	if err := os.Rename(unfinished, p.dir); err != nil {
		return err
	}
	say("PostgreSQL %s data made in %s %s", p.bin.version, p.dir, seconds(start))
	return nil
}

// start finds the programs, makes the data if needed, starts the server and waits for it.
func (p *postgres) start(ctx context.Context) error {
	if err := p.as.owns(p.dir); err != nil {
		return err
	}
	major := 0
	if text, err := os.ReadFile(filepath.Join(p.dir, "PG_VERSION")); err == nil {
		major, _ = strconv.Atoi(strings.TrimSpace(string(text)))
	}
	var err error
	if p.bin, err = p.find(ctx, major); err != nil {
		return err
	}
	if _, err := os.Stat(p.dir); os.IsNotExist(err) {
		if err := p.initialise(ctx); err != nil {
			return err
		}
	}
	password, err := os.ReadFile(p.passwordFile())
	if err != nil {
		return fmt.Errorf("the password of the data in %s is lost (remove that folder to start anew): %w", p.dir, err)
	}
	p.password = strings.TrimSpace(string(password))
	return p.serve(ctx)
}

func (p *postgres) serve(ctx context.Context) error {
	start := time.Now()
	if err := p.launch(); err != nil {
		return err
	}
	if err := p.waitReady(ctx); err != nil {
		return err
	}
	say("PostgreSQL %s ready on %s %s", p.bin.version, address(p.port), seconds(start))
	return nil
}

func (p *postgres) launch() error {
	log, err := openLog(p.log)
	if err != nil {
		return err
	}
	defer log.Close() // the server has its own copy

	cmd := exec.Command(filepath.Join(p.bin.dir, "postgres"), "-D", p.dir)
	for _, setting := range []string{
		"listen_addresses=127.0.0.1", fmt.Sprintf("port=%d", p.port), "unix_socket_directories=",
		"max_connections=300", // Temporal's pools alone may take 160
		"log_line_prefix=%m [%p] %d ", "logging_collector=off",
	} {
		cmd.Args = append(cmd.Args, "-c", setting)
	}
	if p.ephemeral {
		for _, setting := range []string{
			"fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0",
		} {
			cmd.Args = append(cmd.Args, "-c", setting)
		}
	}
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = p.as.attr()

	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping {
		return errors.New("stopping")
	}
	if err := spawn(cmd); err != nil {
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	ended := make(chan struct{})
	p.process, p.ended = cmd.Process, ended
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	return nil
}

// waitReady gives a crashed server time to recover. It returns at once when the server ends.
func (p *postgres) waitReady(ctx context.Context) error {
	db, err := sql.Open("postgres", p.url("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			text, _ := os.ReadFile(p.log)
			return fmt.Errorf("PostgreSQL ended at its start; the end of %s:\n%s", p.log, lastLines(string(text), 6))
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer on %s: %w", address(p.port), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// watch restarts a dead server after a second, as a supervisor would. Tests kill it to see how
// the product reacts.
func (p *postgres) watch(ctx context.Context, fail context.CancelCauseFunc) {
	for {
		p.mu.Lock()
		ended := p.ended
		p.mu.Unlock()
		<-ended
		p.mu.Lock()
		stopping := p.stopping
		p.mu.Unlock()
		if stopping {
			return
		}
		say("PostgreSQL has ended; starting it again")
		var err error
		for range 30 { // its last backends may still use its memory, for many seconds on a busy machine
			time.Sleep(time.Second)
			if err = p.serve(ctx); err == nil || ctx.Err() != nil {
				break
			}
		}
		if err != nil {
			fail(err)
			return
		}
	}
}

func (p *postgres) createDatabase(ctx context.Context, name string) error {
	db, err := sql.Open("postgres", p.url("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	var exists bool
	err = db.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists)
	if err == nil && !exists {
		_, err = db.ExecContext(ctx, "CREATE DATABASE "+name)
	}
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

func (p *postgres) url(database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, p.password), Host: address(p.port),
		Path: database, RawQuery: "sslmode=disable"}
	return u.String()
}

// pid is 0 without a server.
func (p *postgres) pid() int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process == nil {
		return 0
	}
	return p.process.Pid
}

// stop asks for a fast stop, which ends sessions but writes all data.
func (p *postgres) stop() { p.end(syscall.SIGINT, 20*time.Second) }

func (p *postgres) kill() { p.end(syscall.SIGQUIT, 2*time.Second) }

func (p *postgres) end(sig syscall.Signal, patience time.Duration) {
	p.mu.Lock()
	p.stopping = true
	process, ended := p.process, p.ended
	p.mu.Unlock()
	if process == nil {
		return
	}
	_ = process.Signal(sig)
	select {
	case <-ended:
	case <-time.After(patience):
		_ = process.Kill()
		<-ended
	}
}

// stopLeftover stops a server that a killed run has left on our data.
func (p *postgres) stopLeftover() error { return stopServer(p.dir) }

func stopServer(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		return nil // no server, or none whose files we may read
	}
	left, err := parsePostmasterPID(string(text))
	if err != nil {
		return nil // the server can handle half a file itself
	}
	if left.dir != dir || !runsIn(left.pid, dir) {
		// After a reboot any process may have that id, and the server would refuse to start.
		return os.Remove(filepath.Join(dir, "postmaster.pid"))
	}
	say("stopping the PostgreSQL (process %d) that a killed run left", left.pid)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		_ = syscall.Kill(left.pid, sig)
		for range 100 {
			if !runsIn(left.pid, dir) {
				return nil
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return fmt.Errorf("PostgreSQL (process %d) runs on %s and cannot be stopped", left.pid, dir)
}

// postmasterPID is what a running server writes about itself.
type postmasterPID struct {
	pid  int
	dir  string
	port int
}

// parsePostmasterPID reads lines 1, 2 and 4: process id, data folder, (start time,) port.
func parsePostmasterPID(text string) (postmasterPID, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		return postmasterPID{}, errors.New("postmaster.pid is not complete")
	}
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 1 {
		return postmasterPID{}, fmt.Errorf("postmaster.pid begins with %q, no process id", lines[0])
	}
	port, err := strconv.Atoi(strings.TrimSpace(lines[3]))
	if err != nil {
		return postmasterPID{}, fmt.Errorf("postmaster.pid has port %q", lines[3])
	}
	return postmasterPID{pid, strings.TrimSpace(lines[1]), port}, nil
}
