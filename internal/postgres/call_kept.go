package postgres

import (
	"sync"

	"github.com/forgehook/forgehook"
)

const (
	keptSubjects = 128      // at once
	maxKept      = 32 << 10 // bytes of a subject as it is stored; larger ones are read again
)

// subjects are evaluated subjects from which no request was built yet. Most calls take both steps
// in one process, a few milliseconds apart. Subjects never change, so none goes stale. The second
// step asks the database for all other facts about a call.
type subjects struct {
	mu   sync.Mutex
	kept map[forgehook.CallRef]forgehook.Subject
	ring [keptSubjects]forgehook.CallRef // in the order of arrival; a new one replaces the oldest
	next int
}

func newSubjects() *subjects {
	return &subjects{kept: make(map[forgehook.CallRef]forgehook.Subject, keptSubjects)}
}

// keep keeps a subject for the next step; size is that of its stored form, in bytes.
func (s *subjects) keep(call forgehook.CallRef, subject forgehook.Subject, size int) {
	if size > maxKept {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, s.ring[s.next])
	s.kept[call], s.ring[s.next] = subject, call
	s.next = (s.next + 1) % keptSubjects
}

// take returns a subject once; nil where it is not kept.
func (s *subjects) take(call forgehook.CallRef) *forgehook.Subject {
	s.mu.Lock()
	defer s.mu.Unlock()
	subject, ok := s.kept[call]
	if !ok {
		return nil
	}
	delete(s.kept, call)
	return &subject
}
