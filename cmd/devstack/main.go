// Command devstack starts what Forgehook needs beside it, for development and
// tests: PostgreSQL, and a Temporal server with its web UI in this process. Then
// it runs a command with their addresses in its environment, and takes
// everything down again, in order, when the command ends or a signal comes:
//
//	devstack [--data DIR] [--ephemeral] -- command [args...]
//
// The exit code is the command's. The command finds FORGEHOOK_DATABASE_URL,
// TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and FORGEHOOK_DEV_UI_URL in its
// environment, and for tests of failures FORGEHOOK_DEV_PG_PID,
// FORGEHOOK_DEV_PG_DATA and FORGEHOOK_DEV_STACK_PID. What FORGEHOOK_DATABASE_URL
// and TEMPORAL_ADDRESS already name is used and not started. A PostgreSQL that
// dies is started again after a second; its new process id is the first line of
// postmaster.pid in its data folder.
//
// Everything listens on 127.0.0.1 only. It must never hold production data: the
// role is a superuser, the schema of Temporal's visibility is trimmed, and with
// --ephemeral nothing is synced to disk.
//
// It is a module of its own because it links the whole Temporal server; built
// with the tag notemporal it needs TEMPORAL_ADDRESS and builds in seconds.
//
// Read run below first: it is the whole story. Then binaries.go (which
// PostgreSQL), postgres.go (how it runs), temporal.go, child.go.
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

// run starts everything, waits for the command and stops everything; it returns
// the exit code.
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
	case cause != nil: // PostgreSQL or Temporal failed under the command
		say("%v", cause)
		code = max(code, 1)
	case err != nil:
		say("%v", err)
		code = max(code, 1)
	}
	return code
}

// up brings up one part after the other, leaving in down how to stop it, and
// runs the command.
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

// say prints one line of progress; standard output is the command's alone.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "devstack: "+format+"\n", args...)
}

// seconds says how long something took: "(0.4 s)".
func seconds(since time.Time) string {
	return fmt.Sprintf("(%.1f s)", time.Since(since).Seconds())
}

// interrupted is the cause of a stop that somebody asked for.
type interrupted struct{ signal syscall.Signal }

func (i interrupted) Error() string { return i.signal.String() }

func (i interrupted) exitCode() int { return 128 + int(i.signal) }

// listen turns the first signal into a stop in order and the second into a hard
// one. Signals within 300 ms of the first are the same wish: a terminal and make
// both pass a Ctrl-C on.
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
