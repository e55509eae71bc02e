// Package zoo holds endpoints that misbehave, for the tests of every room that sends. Each
// constructor starts a server on a free port of 127.0.0.1 and stops it with the test. It must not
// import anything of Forgehook. Start with [OK] and [Server.Requests]; http.go has the servers that
// speak HTTP, raw.go those that do not, tls.go the certificates.
package zoo

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"testing"
)

// Server is one endpoint and the log of what it received.
type Server struct {
	URL string // without a slash at the end

	mu       sync.Mutex
	requests []Request
	arrived  chan struct{} // closed and replaced with each request
	released chan struct{}
	release  sync.Once
	dropped  chan struct{}
	drop     sync.Once
}

// Request is what a server received.
type Request struct {
	Method string
	Path   string // with its query, as on the wire
	Host   string
	Proto  string // HTTP/1.1 or HTTP/2.0
	Header http.Header
	Body   []byte
}

func newServer() *Server {
	return &Server{arrived: make(chan struct{}), released: make(chan struct{}), dropped: make(chan struct{})}
}

// Requests returns the requests received so far, in order of arrival.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Await waits for n requests and returns them. It fails the test if that ends first.
func (s *Server) Await(t testing.TB, n int) []Request {
	t.Helper()
	for {
		s.mu.Lock()
		got, next := append([]Request(nil), s.requests...), s.arrived
		s.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-next:
		case <-t.Context().Done():
			t.Fatalf("%d of %d requests arrived", len(got), n)
		}
	}
}

// Release lets a [Slow] server respond, now and from then on.
func (s *Server) Release() { s.release.Do(func() { close(s.released) }) }

// Dropped is closed once a client has hung up on an endless server.
func (s *Server) Dropped() <-chan struct{} { return s.dropped }

func (s *Server) hungUp() { s.drop.Do(func() { close(s.dropped) }) }

func (s *Server) record(r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	got := Request{r.Method, r.RequestURI, r.Host, r.Proto, r.Header.Clone(), bytes.Clone(body)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, got)
	close(s.arrived)
	s.arrived = make(chan struct{})
}
