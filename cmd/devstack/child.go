package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// environment is what the child gets besides our environment. Some values are known only when the
// child starts.
type environment map[string]func() string

func (e environment) set(name, value string) { e[name] = func() string { return value } }

// list adds the values to our environment. If the stack starts Temporal, it drops the settings of
// other servers: keys, TLS, profiles.
func (e environment) list(own []string) []string {
	var list []string
	_, ours := e["TEMPORAL_ADDRESS"]
	for _, entry := range own {
		name, _, _ := strings.Cut(entry, "=")
		foreign := ours && (strings.HasPrefix(name, "TEMPORAL_TLS") || name == "TEMPORAL_API_KEY" ||
			name == "TEMPORAL_PROFILE" || name == "TEMPORAL_CONFIG_FILE")
		if _, replaced := e[name]; !replaced && !foreign {
			list = append(list, entry)
		}
	}
	for name, value := range e {
		list = append(list, name+"="+value())
	}
	return list
}

const (
	politeWait = 10 * time.Second // after a Ctrl-C in the terminal, which the child gets too
	stopWait   = 60 * time.Second
)

// runChild runs the command to its end and returns its exit code.
func runChild(ctx context.Context, command []string, env environment, pg *postgres, down *teardown) (int, error) {
	env.set("FORGEHOOK_DEV_STACK_PID", fmt.Sprint(os.Getpid()))
	if _, ours := env["TEMPORAL_ADDRESS"]; !ours && os.Getenv("TEMPORAL_NAMESPACE") == "" {
		env.set("TEMPORAL_NAMESPACE", "default")
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = env.list(os.Environ())
	cmd.SysProcAttr = attached()

	endOrphans := adoptOrphans()
	if err := spawn(cmd); err != nil {
		return 127, fmt.Errorf("cannot start %s: %w", command[0], err)
	}
	down.add("what the command left", func() { endOrphans(pg.pid(), syscall.SIGTERM) }, func() {
		_ = cmd.Process.Kill()
		endOrphans(pg.pid(), syscall.SIGKILL)
	})

	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		return exitCode(command[0], err)
	case <-ctx.Done():
	}

	// A Ctrl-C goes to the whole process group, and a second signal could stop the child at once.
	// Let it act on the first.
	if i, ok := context.Cause(ctx).(interrupted); ok && i.signal == syscall.SIGINT && inForeground() {
		select {
		case err := <-done:
			return exitCode(command[0], err)
		case <-time.After(politeWait):
		}
	}
	say("stopping %s; Ctrl-C kills everything", command[0])
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-done:
		return exitCode(command[0], err)
	case <-time.After(stopWait):
		say("%s did not stop within %s: killing it", command[0], stopWait)
		_ = cmd.Process.Kill()
		return exitCode(command[0], <-done)
	}
}

// inForeground reports whether our process group gets a Ctrl-C of our terminal.
func inForeground() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// exitCode is the child's, or 128 + the signal that ended it, as in shells.
func exitCode(name string, err error) (int, error) {
	if err == nil {
		return 0, nil
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 1, fmt.Errorf("%s: %w", name, err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}
