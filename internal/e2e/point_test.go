//go:build e2e

package e2e

import (
	"net"
	"sync"
	"testing"
)

// A point is a moment on which both ends of a connection agree: a statement, a commit or a request
// of ours is about to leave a process ("postgres/UPDATE calls/before"), or its response is about to
// arrive ("temporal/StartWorkflowExecution/after"). Points lie in taps between a process and its
// servers, so the tested program is the shipped one. A fault at a point ends before the point is
// passed: a process killed before it has sent nothing; one killed after it never gets the response.
// False means that the process is gone, with what it was about to send.
type watcher func(point string) bool

// speaker passes one connection on and announces its points. It returns when one side is gone.
type speaker func(client, server net.Conn, at watcher)

// tap stands between a process and a server and passes connections on.
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
