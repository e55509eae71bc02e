package main

import (
	"slices"
	"sync"
	"time"
)

// teardown holds how to stop what was started, newest first.
type teardown struct {
	mu    sync.Mutex
	steps []step
}

type step struct {
	name string // printed if it takes long, "" for none
	stop func() // orderly, may take seconds
	kill func() // at once; nil if the end of this process is enough
}

func (t *teardown) add(name string, stop, kill func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.steps = append(t.steps, step{name, stop, kill})
}

func (t *teardown) run() {
	for {
		t.mu.Lock()
		if len(t.steps) == 0 {
			t.mu.Unlock()
			return
		}
		last := t.steps[len(t.steps)-1]
		t.mu.Unlock()

		slow := time.AfterFunc(3*time.Second, func() {
			if last.name != "" {
				say("still stopping %s; Ctrl-C kills it", last.name)
			}
		})
		last.stop()
		slow.Stop()

		// Not earlier: until it has stopped, kill must find it.
		t.mu.Lock()
		t.steps = t.steps[:len(t.steps)-1]
		t.mu.Unlock()
	}
}

func (t *teardown) kill() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range slices.Backward(t.steps) {
		if s.kill != nil {
			s.kill()
		}
	}
}
