// Command devstack starts what Forgehook needs, for development and tests: PostgreSQL, and a
// Temporal server with its web UI in this process. Then it runs a command with their addresses in
// its environment. It takes everything down in order when the command ends or a signal comes:
//
//	devstack [--data DIR] [--ephemeral] -- command [args...]
//
// The exit code is the command's. Its environment has FORGEHOOK_DATABASE_URL, TEMPORAL_ADDRESS,
// TEMPORAL_NAMESPACE and FORGEHOOK_DEV_UI_URL, and for tests of failures FORGEHOOK_DEV_PG_PID,
// FORGEHOOK_DEV_PG_DATA and FORGEHOOK_DEV_STACK_PID. If FORGEHOOK_DATABASE_URL or TEMPORAL_ADDRESS
// is already set, that server is used instead of a new one. A PostgreSQL that dies is started again
// after a second; its new process id is the first line of postmaster.pid in its data folder.
//
// Everything listens on 127.0.0.1 only. It must never hold production data: the role is a
// superuser, the schema of Temporal's visibility is trimmed, and with --ephemeral nothing is synced
// to disk.
//
// It is a separate module because it links the whole Temporal server. With the build tag notemporal
// it needs TEMPORAL_ADDRESS and builds in seconds.
//
// Start with run below, the whole story. Then read binaries.go (which PostgreSQL), postgres.go (how
// it runs), temporal.go, child.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	cfg, err := parse(os.Args[1:], os.Getenv)
	if err != nil {
		say("%v", err)
		os.Exit(2)
	}
	os.Exit(run(cfg))
}

// run starts everything, waits for the command, stops everything and returns the exit code.
func run(cfg config) int {
	ctx, stop := context.WithCancelCause(context.Background())
	var down teardown
	listen(stop, &down)

	code, err := up(ctx, stop, cfg, &down)
	down.run()
	switch cause := context.Cause(ctx); {
	case errors.As(cause, new(interrupted)):
		if err != nil { // the command never started
			code = cause.(interrupted).exitCode()
		}
	case cause != nil: // PostgreSQL or Temporal failed while the command ran
		say("%v", cause)
		code = max(code, 1)
	case err != nil:
		say("%v", err)
		code = max(code, 1)
	}
	return code
}

// up starts the parts in turn, records in down how to stop them, and runs the command.
func up(ctx context.Context, fail context.CancelCauseFunc, cfg config, down *teardown) (int, error) {
	env := environment{}
	dir, err := openData(cfg, down)
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: if another user, perhaps root, made %s, take it over (chown -R) or remove it", err, cfg.data)
	}
	if err != nil {
		return 1, err
	}
	ports, err := choosePorts(cfg, down)
	if err != nil {
		return 1, err
	}

	var pg *postgres
	if cfg.startsPostgres() {
		if pg, err = newPostgres(cfg, dir, ports.postgres); err != nil {
			return 1, err
		}
		if err := pg.stopLeftover(); err != nil {
			return 1, err
		}
	}
	if err := ports.check(cfg); err != nil {
		return 1, err
	}
	if pg != nil {
		down.add("PostgreSQL", pg.stop, pg.kill)
		if err := pg.start(ctx); err != nil {
			return 1, err
		}
		go pg.watch(ctx, fail)
		if err := pg.createDatabase(ctx, "forgehook"); err != nil {
			return 1, err
		}
		env["FORGEHOOK_DEV_PG_PID"] = func() string { return fmt.Sprint(pg.pid()) }
		env.set("FORGEHOOK_DEV_PG_DATA", pg.dir)
		if cfg.databaseURL == "" {
			env.set("FORGEHOOK_DATABASE_URL", pg.url("forgehook"))
		}
	}
	if cfg.startsTemporal() {
		t, err := startTemporal(ctx, fail, pg, ports, filepath.Join(dir.log, "temporal.log"), down)
		if err != nil {
			return 1, err
		}
		env.set("TEMPORAL_ADDRESS", t.address)
		env.set("TEMPORAL_NAMESPACE", "default")
		env.set("FORGEHOOK_DEV_UI_URL", t.uiURL)
	}
	if ctx.Err() != nil {
		return 1, context.Cause(ctx)
	}
	return runChild(ctx, cfg.command, env, pg, down)
}

// say prints one line of progress to standard error: standard output is the command's.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "devstack: "+format+"\n", args...)
}

// seconds formats a duration: "(0.4 s)".
func seconds(since time.Time) string {
	return fmt.Sprintf("(%.1f s)", time.Since(since).Seconds())
}

// interrupted is the cause of a stop by a signal.
type interrupted struct{ signal syscall.Signal }

func (i interrupted) Error() string { return i.signal.String() }

func (i interrupted) exitCode() int { return 128 + int(i.signal) }

// listen turns the first signal into an orderly stop and the second into a hard one. Signals within
// 300 ms of the first count as the same: a terminal and make both pass a Ctrl-C on.
func listen(stop context.CancelCauseFunc, down *teardown) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		first := interrupted{(<-signals).(syscall.Signal)}
		at := time.Now()
		stop(first)
		for range signals {
			if time.Since(at) > 300*time.Millisecond {
				say("killing everything")
				down.kill()
				os.Exit(first.exitCode())
			}
		}
	}()
}
