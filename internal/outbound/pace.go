package outbound

import "time"

// DefaultQuickWithin is what makes an exchange a quick one.
const DefaultQuickWithin = 100 * time.Millisecond

const quickEnough = 3 // exchanges in a row

// Quick tells whether the last exchanges of a key, three at least, were quick ones, as far as this
// process has made them. One that takes longer counts from that moment on, not from its end.
func (s *Sender) Quick(key string) bool {
	p := s.pools.find(key)
	return p != nil && p.quick.Load() >= quickEnough
}

// pace times one exchange; done ends it.
func (p *pool) pace(quickWithin time.Duration) (done func()) {
	slow := time.AfterFunc(quickWithin, func() { p.quick.Store(0) })
	return func() {
		if slow.Stop() && p.quick.Load() < quickEnough { // more would only come to the end of the number
			p.quick.Add(1)
		}
	}
}
