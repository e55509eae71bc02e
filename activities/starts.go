package activities

import (
	"context"
	"sync"
)

// MaxStarts bounds the deliveries of a process that are about to begin. Each waits at most
// [startWithin] for a connection to the database. With more of them, some would only be given up,
// after a heartbeat to the engine every two seconds. 64 is far above what the connections can serve
// at once, and far below a burst of calls: decision 11.
const MaxStarts = 64

// Starts counts the deliveries that have a slot of the worker but have not reached their exchange.
// At the limit the worker takes no more: they cost nothing in the task queue.
type Starts struct {
	most int
	mu   sync.Mutex
	n    int
	room chan struct{} // closed when there is room again
}

// NewStarts makes a Starts with this limit, which is [MaxStarts] except in tests.
func NewStarts(most int) *Starts { return &Starts{most: most, room: make(chan struct{})} }

// begin counts one delivery until ended is called. A second call of ended does nothing.
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

// Full reports whether the limit is reached.
func (s *Starts) Full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n >= s.most
}

// AwaitRoom returns when there is room, or with the error of ctx. All waiters may return at once: a
// few more deliveries do no harm.
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
