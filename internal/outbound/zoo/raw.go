package zoo

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Resets reads the request and resets the connection.
func Resets(t testing.TB) *Server {
	return listen(t, func(_ *Server, c *net.TCPConn) { reset(c) })
}

// EmptyReply reads the request and closes the connection.
func EmptyReply(t testing.TB) *Server { return listen(t, func(*Server, *net.TCPConn) {}) }

// CutsHeaders closes the connection in the middle of the headers.
func CutsHeaders(t testing.TB) *Server {
	return Says(t, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n")
}

// ResetsAfterStatus sends 200 and a part of the body, then resets the connection.
func ResetsAfterStatus(t testing.TB) *Server {
	return listen(t, func(s *Server, c *net.TCPConn) {
		s.say(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
		reset(c)
	})
}

// BadLength sends 200 and the body, with a claimed length.
func BadLength(t testing.TB, claimed int, body string) *Server {
	return Says(t, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", claimed, body))
}

// Garbage sends bytes that are not HTTP.
func Garbage(t testing.TB) *Server { return Says(t, "\x00\x01\x02 220 mail.example ESMTP\r\n\r\n") }

// SwitchesProtocols sends 101 without being asked and leaves the connection open.
func SwitchesProtocols(t testing.TB) *Server {
	return listen(t, func(s *Server, c *net.TCPConn) {
		s.say(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		<-s.released
	})
}

// Silent reads the request and sends nothing.
func Silent(t testing.TB) *Server {
	return listen(t, func(s *Server, _ *net.TCPConn) { <-s.released })
}

// Mute accepts connections, but never reads or sends, not even a TLS handshake. It keeps no log.
func Mute(t testing.TB) *Server {
	l, err := net.Listen("tcp", "127.0.0.1:0") // the kernel completes connections without Accept
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := newServer()
	s.URL = "http://" + l.Addr().String()
	return s
}

// SlowHeaders sends its headers byte by byte, without end.
func SlowHeaders(t testing.TB) *Server {
	return listen(t, func(s *Server, c *net.TCPConn) {
		pace := time.NewTicker(beat)
		defer pace.Stop()
		for alive := s.say(c, "HTTP/1.1 200 OK\r\nX-Slow: "); alive; alive = s.say(c, "x") {
			<-pace.C
		}
	})
}

// HeaderFlood sends 200 and headers without end.
func HeaderFlood(t testing.TB) *Server {
	return listen(t, func(s *Server, c *net.TCPConn) {
		line := "X-Flood: " + strings.Repeat("x", 1000) + "\r\n"
		for alive := s.say(c, "HTTP/1.1 200 OK\r\n"); alive; alive = s.say(c, line) {
		}
	})
}

// Continue1xxFlood sends interim statuses (1xx) without end.
func Continue1xxFlood(t testing.TB) *Server {
	return listen(t, func(s *Server, c *net.TCPConn) {
		for s.say(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n") {
		}
	})
}

// Says reads the request, sends exactly these bytes and closes the connection.
func Says(t testing.TB, response string) *Server {
	return listen(t, func(s *Server, c *net.TCPConn) { s.say(c, response) })
}

// Refuses returns a URL whose port refuses connections.
func Refuses(t testing.TB) *Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newServer()
	s.URL = "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Server) say(c net.Conn, text string) bool {
	_, err := c.Write([]byte(text))
	if err != nil {
		s.hungUp()
	}
	return err == nil
}

// reset closes a connection with RST instead of FIN.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// listen starts a server that reads and records one request of each connection, then runs h and
// closes the connection.
func listen(t testing.TB, h func(*Server, *net.TCPConn)) *Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newServer()
	s.URL = "http://" + l.Addr().String()
	var mu sync.Mutex
	var open []net.Conn
	var all sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		s.Release()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			all.Go(func() {
				defer func() { _ = c.Close() }()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				s.record(r)
				h(s, c.(*net.TCPConn))
			})
		}
	})
	return s
}
