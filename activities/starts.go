package activities

import (
	"context"
	"sync"
)

// MaxStarts bounds the deliveries of a process that are about to begin. Each waits for a connection
// of the database, and has [startWithin] for it: more of them would only be given up, and cost the
// engine a heartbeat every two seconds until then. It is far above what the connections can work on
// at once, and far below what a burst of calls brings.
const MaxStarts = 64

// Starts counts the deliveries that the worker has a slot for and that have not come to their
// exchange yet. While there are as many as may be, the worker takes none on: in the task queue they
// cost nothing.
type Starts struct {
	most int
	mu   sync.Mutex
	n    int
	room chan struct{} // closed when there is room again
}

// NewStarts makes one that is full with so many; most is [MaxStarts] but in tests.
func NewStarts(most int) *Starts { return &Starts{most: most, room: make(chan struct{})} }

// begin counts one more until ended, which may be called twice, is called.
func (s *Starts) begin() (ended func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.n--; s.n == s.most-1 {
			close(s.room)
			s.room = make(chan struct{})
		}
	})
}

// Full reports whether there is no room for another.
func (s *Starts) Full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n >= s.most
}

// AwaitRoom returns when there is room for another, or with the error of ctx. Those who wait may
// all get it: a few more do no harm.
func (s *Starts) AwaitRoom(ctx context.Context) error {
	for {
		s.mu.Lock()
		full, room := s.n >= s.most, s.room
		s.mu.Unlock()
		if !full {
			return nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
