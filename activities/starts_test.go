package activities

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/forgehook/forgehook"
)

func TestStarts(t *testing.T) {
	t.Parallel()
	s := NewStarts(2)
	first, second := s.begin(), s.begin()
	third := s.begin() // it had its slot before
	equal(t, "full", s.Full(), true)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.AwaitRoom(canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("no room, and ctx has ended: %v", err)
	}

	room := make(chan error)
	go func() { room <- s.AwaitRoom(t.Context()) }()
	first()
	first() // a second call does nothing
	equal(t, "full with two", s.Full(), true)
	second()
	check(t, <-room)
	equal(t, "full with one", s.Full(), false)
	third()
	check(t, s.AwaitRoom(canceled))
}

// An exchange that begins makes room, and so does a delivery that never reaches its exchange.
func TestDeliver_makesRoom(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Starts = NewStarts(1)
	during := make(chan bool, 1)
	endpoint := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { during <- b.Starts.Full() }))
	defer endpoint.Close()
	_, err := b.deliver(t, b.ready(t, func(s *forgehook.Settings) { s.WebHook.URL = &endpoint.URL }))
	check(t, err)
	equal(t, "full during an exchange", <-during, false)

	_, err = b.deliver(t, forgehook.Call{ID: "01a221f0-0000-7000-8000-000000000000"})
	equal(t, "unknown call", err != nil, true)
	equal(t, "full after it", b.Starts.Full(), false)
}
