//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// action is what is done to a process.
type action string

const (
	killed     action = "kill"    // -9, then started again at once
	stopped    action = "stop"    // for a while, without knowing it
	restarted  action = "restart" // stopped in order, then started again
	superseded action = "deploy"  // the new one starts, then the old one stops in order. Only workers
)

// The victims. At a worker's point, that worker is the victim.
const (
	theAPI      = "api"
	aWorker     = "worker-1"
	bWorker     = "worker-2"
	thePostgres = "postgres"
	theTemporal = "temporal"
)

// fault is one planned fault.
type fault struct {
	after  int    // accepted calls before it may happen
	point  string // "": a while later. Else when processes have reached this point
	nth    int    // so many times from then on
	seen   int    // times so far
	delay  time.Duration
	do     action
	to     string        // "": the process at the point
	length time.Duration // how long a stopped process stands still
}

func (f fault) String() string {
	text := fmt.Sprintf("%s %s", f.do, f.to)
	if f.to == "" {
		text = fmt.Sprintf("%s who", f.do)
	}
	if f.do == stopped {
		text += fmt.Sprintf(" for %s", f.length)
	}
	if f.point != "" {
		return text + fmt.Sprintf(" is %d. at %s after call %d", f.nth, f.point, f.after)
	}
	return text + fmt.Sprintf(" %s after call %d", f.delay, f.after)
}

// victim suffers one fault at a time.
type victim struct {
	name   string
	mu     sync.Mutex // held from a fault until all is well again
	signal func(syscall.Signal)
	revive func(action) // after a kill or an orderly end, until it works again; for superseded it also ends the old one
}

// faults makes the faults of a seed happen at their moments.
type faults struct {
	victims map[string]*victim

	mu      sync.Mutex
	due     []fault        // when enough calls are accepted
	armed   []fault        // by their points
	passed  map[string]int // point -> how often processes reached it since the first call
	cuts    []span
	done    []string // what was done, for the log
	starved int      // how often the machine was too busy
	under   sync.WaitGroup
	over    bool // no more faults
}

// at is called by a process at a point. It returns after the fault there, if any: false if the
// process is gone.
func (f *faults) at(who func() string, point string) bool {
	next, ok := f.take(point)
	if !ok {
		return true
	}
	self := next.to == ""
	if self {
		next.to = who()
	}
	victim := f.victims[next.to]
	if !victim.mu.TryLock() { // it may be starting and must pass this point to be well again
		f.note("too late: " + next.String())
		f.under.Done()
		return true
	}
	f.strike(victim, next)
	return !self || next.do != killed
}

// take counts the point and takes a fault that is due.
func (f *faults) take(point string) (next fault, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		return next, false
	}
	f.passed[point]++
	for i := range f.armed {
		if f.armed[i].point != point {
			continue
		}
		if f.armed[i].seen++; f.armed[i].seen >= f.armed[i].nth {
			next = f.armed[i]
			f.armed = slices.Delete(f.armed, i, i+1)
			f.under.Add(1)
			return next, true
		}
	}
	return next, false
}

// accepted tells the number of accepted calls.
func (f *faults) accepted(calls int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if calls == 1 {
		clear(f.passed) // the earlier ones were the test's
	}
	f.due = slices.DeleteFunc(f.due, func(next fault) bool {
		switch {
		case next.after > calls:
			return false
		case next.point != "":
			f.armed = append(f.armed, next)
		default:
			f.later(next)
		}
		return true
	})
}

// later makes a fault happen at its time.
func (f *faults) later(next fault) {
	f.under.Add(1)
	time.AfterFunc(next.delay, func() {
		f.victims[next.to].mu.Lock()
		f.strike(f.victims[next.to], next)
	})
}

// wait reports whether faults still wait for processes at their points.
func (f *faults) wait() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.armed) > 0
}

// hurry gives random times to the faults whose points no process has reached.
func (f *faults) hurry() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, next := range append(f.due, f.armed...) {
		if next.to == "" {
			next.to = aWorker
			if strings.HasPrefix(next.point, theAPI) {
				next.to = theAPI
			}
		}
		next.point = ""
		f.later(next)
	}
	f.due, f.armed = nil, nil
}

// strike does a fault to a victim, which is well and locked, and then revives it.
func (f *faults) strike(victim *victim, next fault) {
	cut := span{from: time.Now()}
	switch next.do {
	case killed:
		victim.signal(syscall.SIGKILL)
	case stopped:
		victim.signal(syscall.SIGSTOP)
	case restarted:
		victim.signal(syscall.SIGTERM)
	case superseded: // the old one stops when the new one runs
	}
	go func() {
		defer f.under.Done()
		defer victim.mu.Unlock()
		if next.do == stopped {
			time.Sleep(next.length) // it is how long the process stands still
			victim.signal(syscall.SIGCONT)
		} else {
			victim.revive(next.do)
		}
		f.undone(next, cut)
	}()
}

// settling is how long exchanges may still be given up after an absence of PostgreSQL or the
// engine, because of missed heartbeats.
const settling = 5 * time.Second

func (f *faults) undone(next fault, cut span) {
	f.note(fmt.Sprintf("%s from %s for %s", next, cut.from.UTC().Format("15:04:05.000"), time.Since(cut.from).Round(time.Millisecond)))
	switch next.to {
	case theAPI:
		return // no exchange depends on it
	case aWorker, bWorker:
		if next.do == restarted || next.do == superseded {
			return // an orderly stop cuts nothing
		}
		if cut.worker, cut.to = next.to, time.Now(); next.do == killed { // exchanges of the next process are not cut
			cut.to = cut.from
		}
	default:
		cut.to = time.Now().Add(settling)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cuts = append(f.cuts, cut)
}

// starving is how long the machine or Temporal may be busy before heartbeats may be missed: that
// counts as a fault.
const starving = time.Second

// watchStarving checks whether this process gets to run.
func (f *faults) watchStarving(ctx context.Context) {
	tick := time.NewTicker(starving / 10)
	defer tick.Stop()
	for last := time.Now(); ctx.Err() == nil; last = time.Now() {
		<-tick.C
		f.took(last)
	}
}

// took reports the time of something that should be quick.
func (f *faults) took(since time.Time) {
	if time.Since(since) > starving {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.cuts = append(f.cuts, span{from: since, to: time.Now().Add(settling)})
		f.starved++
	}
}

func (f *faults) note(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, line)
}

func (f *faults) allCuts() []span {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.cuts)
}

// end makes the remaining faults happen, allows no new ones and waits until all is well.
func (f *faults) end() {
	f.hurry()
	f.mu.Lock()
	f.over = true
	f.mu.Unlock()
	f.under.Wait()
}

// tell lists the faults done and the points that are missing in the list.
func (f *faults) tell() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := "done: " + strings.Join(f.done, "; ")
	if f.starved > 0 {
		text += fmt.Sprintf("; the machine or the engine took over %s %d times", starving, f.starved)
	}
	var unlisted []string
	known := slices.Concat(points, sides(startTrips))
	for point, n := range f.passed {
		if !slices.Contains(known, point) {
			unlisted = append(unlisted, fmt.Sprintf("%q (%d times)", point, n))
		}
	}
	if slices.Sort(unlisted); len(unlisted) > 0 {
		text += "; points that failpointnames_test.go does not list: " + strings.Join(unlisted, ", ")
	}
	return text
}
