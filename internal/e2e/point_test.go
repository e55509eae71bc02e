//go:build e2e

package e2e

import (
	"net"
	"sync"
	"testing"
)

// A point is a moment that both ends of a connection agree on: a statement, a commit or a request
// of ours is about to leave a process ("postgres/UPDATE calls/before"), or its answer is about to
// arrive there ("temporal/StartWorkflowExecution/after"). Points lie in taps between a process and
// what it talks to, so that the program that is tested is the one that is shipped. What happens to
// a process at a point is over before the point is passed: killed before, nothing has left it;
// killed after, it never hears. False says that the process is gone, and what it was about to send
// with it.
type watcher func(point string) bool

// speaker passes one connection on, and says where its points are. It returns when one side is
// gone.
type speaker func(client, server net.Conn, at watcher)

// tap stands between a process and a server, and passes its connections on.
func tap(t *testing.T, server string, speak speaker, at watcher) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := openConns{open: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = l.Close(); conns.close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close() //nolint:errcheck // one side is gone
				into, err := net.Dial("tcp", server)
				if err != nil {
					return
				}
				defer into.Close() //nolint:errcheck // one side is gone
				if conns.add(client, into) {
					defer conns.remove(client, into)
					speak(client, into, at)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// openConns are closed together at the end.
type openConns struct {
	mu   sync.Mutex
	open map[net.Conn]bool // nil: closed
}

func (c *openConns) add(conns ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		return false
	}
	for _, conn := range conns {
		c.open[conn] = true
	}
	return true
}

func (c *openConns) remove(conns ...net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range conns {
		delete(c.open, conn)
	}
}

func (c *openConns) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		_ = conn.Close()
	}
	c.open = nil
}
