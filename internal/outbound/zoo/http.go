package zoo

import (
	"compress/gzip"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// beat is the pace of servers that send byte by byte. It is far below any timeout of a test: a
// client that measures the time between bytes, not the total, never gives up.
const beat = 5 * time.Millisecond

// OK responds 200 with the body "ok".
func OK(t testing.TB) *Server { return Respond(t, http.StatusOK, nil, "ok") }

// Status responds with a status, headers (nil: none) and no body.
func Status(t testing.TB, code int, headers map[string]string) *Server {
	return Respond(t, code, headers, "")
}

// Respond responds with a status, headers (nil: none) and a body.
func Respond(t testing.TB, code int, headers map[string]string, body string) *Server {
	return serve(t, func(_ *Server, w http.ResponseWriter, _ *http.Request) { respond(w, code, headers, body) })
}

// Echo responds 200 with what it received: a line for each header, then the body.
func Echo(t testing.TB) *Server {
	return serve(t, func(s *Server, w http.ResponseWriter, _ *http.Request) {
		all := s.Requests()
		got := all[len(all)-1]
		var text strings.Builder
		_ = got.Header.Write(&text) // a builder never fails
		respond(w, http.StatusOK, nil, text.String()+"\n"+string(got.Body))
	})
}

// Script responds with one status after the other; the last one stays.
func Script(t testing.TB, statuses ...int) *Server {
	var next atomic.Int64
	return serve(t, func(_ *Server, w http.ResponseWriter, _ *http.Request) {
		i := min(int(next.Add(1)), len(statuses)) - 1
		respond(w, statuses[i], nil, http.StatusText(statuses[i]))
	})
}

// Slow responds 200 once [Server.Release] is called.
func Slow(t testing.TB) *Server {
	return serve(t, func(s *Server, w http.ResponseWriter, r *http.Request) {
		select {
		case <-s.released:
			respond(w, http.StatusOK, nil, "ok")
		case <-r.Context().Done():
			s.hungUp()
		}
	})
}

// SlowBody responds 200 at once, then sends its body byte by byte without end.
func SlowBody(t testing.TB) *Server {
	return serve(t, func(s *Server, w http.ResponseWriter, r *http.Request) {
		pace := time.NewTicker(beat)
		defer pace.Stop()
		for s.write(w, []byte("x")) {
			select {
			case <-pace.C:
			case <-r.Context().Done():
				s.hungUp()
				return
			}
		}
	})
}

// Huge responds 200 with an endless body at full speed.
func Huge(t testing.TB) *Server {
	return serve(t, func(s *Server, w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 64<<10)
		for i := range chunk {
			chunk[i] = 'x'
		}
		for s.write(w, chunk) {
		}
	})
}

// GzipBomb responds 200 with an endless body of zeros, compressed about a thousandfold.
func GzipBomb(t testing.TB) *Server {
	return serve(t, func(s *Server, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		zeros := make([]byte, 1<<20)
		z := gzip.NewWriter(writer(func(b []byte) (int, error) {
			if !s.write(w, b) {
				return 0, io.ErrClosedPipe
			}
			return len(b), nil
		}))
		for {
			if _, err := z.Write(zeros); err != nil {
				return
			}
		}
	})
}

// Gzipped responds 200 with a compressed body.
func Gzipped(t testing.TB, body string) *Server {
	return serve(t, func(_ *Server, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, body)
		_ = z.Close()
	})
}

// Redirects responds with a redirect; an empty location sends none.
func Redirects(t testing.TB, code int, location string) *Server {
	headers := map[string]string{"Location": location}
	if location == "" {
		headers = nil
	}
	return Status(t, code, headers)
}

// NULBody responds 200 with a body and a header that are not UTF-8; the body also has a NUL.
func NULBody(t testing.TB) *Server {
	return Respond(t, http.StatusOK, map[string]string{"Content-Type": "text/plain; charset=nonsense", "X-Latin": "caf\xe9"}, "a\x00b\xff\xfe")
}

func respond(w http.ResponseWriter, code int, headers map[string]string, body string) {
	for name, value := range headers {
		w.Header().Set(name, value)
	}
	if body != "" {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(code)
	_, _ = io.WriteString(w, body)
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// write sends a piece of an endless body and reports whether the client is still there.
func (s *Server) write(w http.ResponseWriter, b []byte) bool {
	_, err := w.Write(b)
	if err == nil {
		err = http.NewResponseController(w).Flush()
	}
	if err != nil {
		s.hungUp()
	}
	return err == nil
}

type handler func(*Server, http.ResponseWriter, *http.Request)

// serve starts an HTTP server that records each request before it responds.
func serve(t testing.TB, h handler) *Server {
	s, hs := unstarted(t, h)
	hs.Start()
	s.URL = hs.URL
	return s
}

func unstarted(t testing.TB, h handler) (*Server, *httptest.Server) {
	s := newServer()
	hs := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.record(r)
		h(s, w, r)
	}))
	hs.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(func() {
		s.Release()
		hs.CloseClientConnections()
		hs.Close()
	})
	return s, hs
}
