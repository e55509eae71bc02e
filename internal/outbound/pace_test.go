package outbound

import (
	"testing"
	"time"

	"github.com/forgehook/forgehook/internal/outbound/zoo"
)

func TestQuick(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Allow: local, QuickWithin: time.Minute})
	r := post(zoo.OK(t).URL)
	for sent := range 4 {
		if got, want := s.Quick(r.Key), sent >= 3; got != want {
			t.Errorf("after %d quick exchanges: %t, want %t", sent, got, want)
		}
		s.Send(t.Context(), r)
	}
	if s.Quick("another key") {
		t.Error("another key is quick too")
	}
}

// A slow exchange counts before it ends.
func TestQuick_slow(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Allow: local, QuickWithin: time.Nanosecond})
	endpoint := zoo.Slow(t)
	r := post(endpoint.URL)
	s.pools.get(r.Key).quick.Store(quickEnough)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Send(t.Context(), r)
	}()
	for s.Quick(r.Key) {
		endpoint.Await(t, 1)
	}
	endpoint.Release()
	<-ended
	if s.Quick(r.Key) {
		t.Error("quick again after one slow exchange")
	}
}
