package outbound

import "time"

// DefaultQuickWithin is the longest time of a quick exchange.
const DefaultQuickWithin = 100 * time.Millisecond

const quickEnough = 3 // exchanges in a row

// Quick reports whether at least the last three exchanges of a key in this process were quick. A
// slow exchange counts as soon as it exceeds the time.
func (s *Sender) Quick(key string) bool {
	p := s.pools.find(key)
	return p != nil && p.quick.Load() >= quickEnough
}

// pace times one exchange; done ends it.
func (p *pool) pace(quickWithin time.Duration) (done func()) {
	slow := time.AfterFunc(quickWithin, func() { p.quick.Store(0) })
	return func() {
		if slow.Stop() && p.quick.Load() < quickEnough { // a higher count could overflow
			p.quick.Add(1)
		}
	}
}
