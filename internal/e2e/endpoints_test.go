//go:build e2e

package e2e

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
)

// soaked is one kind of call of a soak: its share, its endpoint, and how it may end.
type soaked struct {
	name     string
	weight   int // its share
	settings map[string]any
	respond  func(w http.ResponseWriter, r *http.Request, status func(int))
	outcomes []forgehook.Outcome
}

var (
	delivered = []forgehook.Outcome{forgehook.Delivered}
	failed    = []forgehook.Outcome{forgehook.Failed}
)

// soakedKinds are calls to endpoints as in real life.
func soakedKinds(begin time.Time) []soaked {
	retries := func(count int, delay string) map[string]any {
		return map[string]any{"webHook": map[string]any{"retryCount": count, "retryDelay": delay}}
	}
	large := bytes.Repeat([]byte("large "), 400_000)
	return []soaked{
		{"quick", 9, map[string]any{}, responds(http.StatusOK), delivered},
		{"slow", 2, map[string]any{}, func(_ http.ResponseWriter, r *http.Request, status func(int)) {
			select {
			case <-time.After(2 * time.Second):
				status(http.StatusOK)
			case <-r.Context().Done():
			}
		}, delivered},
		{"failing", 2, retries(2, "00:00:01"), responds(http.StatusInternalServerError), failed},
		{"flapping", 2, retries(20, "00:00:03"), func(_ http.ResponseWriter, _ *http.Request, status func(int)) {
			if int(time.Since(begin)/(20*time.Second))%2 == 1 {
				status(http.StatusServiceUnavailable)
				return
			}
			status(http.StatusOK)
		}, delivered},
		{"resetting", 1, retries(1, "00:00:01"), func(w http.ResponseWriter, _ *http.Request, _ func(int)) { reset(w) }, failed},
		{"large", 1, map[string]any{}, func(w http.ResponseWriter, _ *http.Request, status func(int)) {
			status(http.StatusOK)
			_, _ = w.Write(large)
		}, delivered},
		{"skipped", 2, map[string]any{"condition": "doc.id < 0"}, responds(http.StatusOK), []forgehook.Outcome{forgehook.Skipped}},
		{"callback", 1, map[string]any{"callback": map[string]any{"await": true}}, func(_ http.ResponseWriter, r *http.Request, status func(int)) {
			status(http.StatusAccepted)
			callBackSoon(r.Header.Get("Forgehook-Callback-Url"))
		}, delivered},
	}
}

// reset cuts the connection without a response.
func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

// callBackSoon calls back two seconds from now.
func callBackSoon(url string) {
	time.AfterFunc(2*time.Second, func() {
		response, err := http.Post(url, "application/json", strings.NewReader(`{"result":"later"}`))
		if err == nil {
			_ = response.Body.Close()
		}
	})
}

// newLoggedEndpoint logs its requests. respond must report its status first.
func newLoggedEndpoint(t *testing.T, log *receiverLog, respond func(w http.ResponseWriter, r *http.Request, status func(int))) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		receipt := log.arrived(r, "")
		respond(w, r, func(code int) {
			log.responds(receipt, code)
			w.WriteHeader(code)
		})
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server
}

// responds is a response of only a status.
func responds(code int) func(http.ResponseWriter, *http.Request, func(int)) {
	return func(_ http.ResponseWriter, _ *http.Request, status func(int)) { status(code) }
}
