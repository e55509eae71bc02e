package outbound

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/outbound/zoo"
)

func TestSend(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Allow: local})
	server := zoo.Respond(t, 201, map[string]string{"x-a": "b", "Content-Type": "text/plain", "Date": "today"}, "made")
	r := post(server.URL + "/in?x=1")
	r.Headers = []Header{
		{"webhook-id", "msg_1"}, {"User-Agent", "Forgehook/1"}, {"host", "hook.example"}, {"Content-Length", "9999"}, {"X-Two", "a"}, {"X-Two", "b"},
	}
	x := s.Send(t.Context(), r)

	want := forgehook.Exchange{
		StatusCode: 201, Status: "201 Created", Body: []byte("made"), Sent: true,
		Headers: map[string]string{"Content-Length": "4", "Content-Type": "text/plain", "Date": "today", "X-A": "b"},
	}
	if x.StartedAt.IsZero() || x.Duration <= 0 {
		t.Errorf("started %v, took %v", x.StartedAt, x.Duration)
	}
	x.StartedAt, x.Duration = time.Time{}, 0
	if diff := cmp.Diff(want, x); diff != "" {
		t.Error(diff)
	}
	wantRequest := []zoo.Request{{
		Method: "POST", Path: "/in?x=1", Host: "hook.example", Proto: "HTTP/1.1", Body: []byte(`{"a":1}`),
		Header: http.Header{
			"Accept-Encoding": {"gzip"}, "Content-Length": {"7"}, "User-Agent": {"Forgehook/1"}, "Webhook-Id": {"msg_1"}, "X-Two": {"a", "b"},
		},
	}}
	if diff := cmp.Diff(wantRequest, server.Requests()); diff != "" {
		t.Error(diff)
	}
}

// Nothing is added to a request: no User-Agent, no body.
func TestSend_addsNothing(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Allow: local})
	server := zoo.OK(t)
	if x := s.Send(t.Context(), Request{Method: "GET", URL: server.URL}); x.StatusCode != http.StatusOK {
		t.Fatalf("%+v", x)
	}
	got := server.Requests()[0]
	if diff := cmp.Diff(http.Header{"Accept-Encoding": {"gzip"}}, got.Header); diff != "" || got.Path != "/" || len(got.Body) != 0 {
		t.Errorf("%+v %s", got, diff)
	}
}

// Header names keep their spelling: some endpoints depend on it.
func TestSend_spelling(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Allow: local})
	req, err := s.request(t.Context(), Request{Method: "POST", URL: "http://127.0.0.1/", Headers: []Header{{"webhook-id", "a"}, {"X-API-KEY", "b"}, {"user-agent", "c"}}})
	if err != nil {
		t.Fatal(err)
	}
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		t.Fatal(err)
	}
	want := "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: c\r\nContent-Length: 0\r\nAccept-Encoding: gzip\r\nX-API-KEY: b\r\nwebhook-id: a\r\n\r\n"
	if diff := cmp.Diff(want, wire.String()); diff != "" {
		t.Error(diff)
	}
}

// A status that has arrived stands, whatever goes wrong with the rest of the response.
func TestSend_responses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		server    *zoo.Server
		status    int
		body      string
		truncated bool
	}{
		{"ok", zoo.OK(t), 200, "ok", false},
		{"empty", zoo.Status(t, 204, nil), 204, "", false},
		{"503", zoo.Status(t, 503, map[string]string{"Retry-After": "30"}), 503, "", false},
		{"999", zoo.Says(t, "HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n"), 999, "", false},
		{"endless", zoo.Huge(t), 200, strings.Repeat("x", 1000), true},
		{"exactly the cap", zoo.Respond(t, 200, nil, strings.Repeat("y", 1000)), 200, strings.Repeat("y", 1000), false},
		{"one over the cap", zoo.Respond(t, 200, nil, strings.Repeat("y", 1001)), 200, strings.Repeat("y", 1000), true},
		{"gzip", zoo.Gzipped(t, "unzipped"), 200, "unzipped", false},
		{"gzip cut by the cap", zoo.Gzipped(t, strings.Repeat("z", 5000)), 200, strings.Repeat("z", 1000), true},
		{"gzip bomb", zoo.GzipBomb(t), 200, strings.Repeat("\x00", 1000), true},
		{"endless empty gzip members", zoo.Respond(t, 200, map[string]string{"Content-Encoding": "gzip"}, strings.Repeat("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x01\x00\x00\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00", 10_000)), 200, "", true},
		{"gzip that is not gzip", zoo.Respond(t, 200, map[string]string{"Content-Encoding": "gzip"}, "plain"), 200, "plain", false},
		{"gzip with a broken head", zoo.Respond(t, 200, map[string]string{"Content-Encoding": "gzip"}, "\x1f\x8b\x00"), 200, "", true},
		{"brotli is kept as it is", zoo.Respond(t, 200, map[string]string{"Content-Encoding": "br"}, "\x0b\x02"), 200, "\x0b\x02", false},
		{"shorter than it says", zoo.BadLength(t, 100, "short"), 200, "short", true},
		{"longer than it says", zoo.BadLength(t, 4, "longer"), 200, "long", false},
		{"cut by a reset", zoo.ResetsAfterStatus(t), 200, "half", true},
		{"NUL and no UTF-8", zoo.NULBody(t), 200, "a\x00b\xff\xfe", false},
	}
	s := setup(t, Options{Allow: local, MaxResponseBytes: 1000})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := s.Send(t.Context(), post(tt.server.URL))
			if x.Err != nil || x.StatusCode != tt.status || string(x.Body) != tt.body || x.Truncated != tt.truncated || !x.Sent {
				t.Errorf("got %d %q truncated=%v sent=%v err=%v", x.StatusCode, x.Body, x.Truncated, x.Sent, x.Err)
			}
		})
	}
}

// A request may set how much of the response is kept.
func TestSend_keeps(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Allow: local, MaxResponseBytes: 1000})
	server := zoo.Respond(t, 200, nil, strings.Repeat("a", 5000))
	for keep, want := range map[int]int{-1: 1000, 0: 1000, 10: 10, 4999: 4999, 5000: 5000, 9000: 5000} {
		r := post(server.URL)
		r.Keep = keep
		if x := s.Send(t.Context(), r); len(x.Body) != want || x.Truncated != (want < 5000) {
			t.Errorf("keep %d: %d bytes, truncated=%v, err=%v", keep, len(x.Body), x.Truncated, x.Err)
		}
	}
}

// An endless body costs the endpoint its connection.
func TestSend_hangsUp(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Allow: local})
	for _, server := range []*zoo.Server{zoo.Huge(t), zoo.GzipBomb(t)} {
		if x := s.Send(t.Context(), post(server.URL)); len(x.Body) != DefaultMaxResponseBytes || !x.Truncated {
			t.Errorf("%d bytes, truncated=%v, err=%v", len(x.Body), x.Truncated, x.Err)
		}
		<-server.Dropped()
	}
}

func TestSend_bodyLaterThanTheTimeout(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Allow: local})
	server := zoo.SlowBody(t)
	r := post(server.URL)
	r.Timeout = 300 * time.Millisecond
	x := s.Send(t.Context(), r)
	if x.StatusCode != http.StatusOK || x.Err != nil || !x.Truncated || !strings.HasPrefix(string(x.Body), "x") {
		t.Errorf("%+v", x)
	}
	<-server.Dropped()
}

// A redirect is a response like any other: it is not followed.
func TestSend_redirects(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Allow: local})
	other := zoo.OK(t)
	for _, code := range []int{300, 301, 302, 303, 304, 307, 308} {
		for _, location := range []string{other.URL, "/again", "http://169.254.169.254/", "", "http://user:pass@" + strings.TrimPrefix(other.URL, "http://")} {
			server := zoo.Redirects(t, code, location)
			x := s.Send(t.Context(), post(server.URL))
			if x.StatusCode != code || x.Headers["Location"] != location || x.Err != nil || len(server.Requests()) != 1 {
				t.Errorf("%d to %q: %d %v %v, %d requests", code, location, x.StatusCode, x.Headers, x.Err, len(server.Requests()))
			}
		}
	}
	if n := len(other.Requests()); n != 0 {
		t.Errorf("%d requests followed", n)
	}
}

func TestSend_errors(t *testing.T) {
	t.Parallel()
	const short = 200 * time.Millisecond
	tests := []struct {
		name    string
		server  *zoo.Server
		timeout time.Duration
		code    forgehook.CallErrorCode
		message string
		sent    bool
	}{
		{"nobody listens", zoo.Refuses(t), 0, forgehook.CallErrorRefused, "refused the connection", false},
		{"reset", zoo.Resets(t), 0, forgehook.CallErrorReset, "without a response", true},
		{"empty reply", zoo.EmptyReply(t), 0, forgehook.CallErrorReset, "without a response", true},
		{"cut headers", zoo.CutsHeaders(t), 0, forgehook.CallErrorReset, "without a response", true},
		{"never responds", zoo.Slow(t), short, forgehook.CallErrorTimeout, "no response within 200ms", true},
		{"silent", zoo.Silent(t), short, forgehook.CallErrorTimeout, "no response within 200ms", true},
		{"slow headers", zoo.SlowHeaders(t), short, forgehook.CallErrorTimeout, "no response within 200ms", true},
		{"garbage", zoo.Garbage(t), 0, forgehook.CallErrorBadResponse, "not HTTP", true},
		{"HTTP/0.9", zoo.Says(t, "<html>"), 0, forgehook.CallErrorBadResponse, "not HTTP", true},
		{"bad status", zoo.Says(t, "HTTP/1.1 2xx OK\r\n\r\n"), 0, forgehook.CallErrorBadResponse, "not HTTP", true},
		{"status 000", zoo.Says(t, "HTTP/1.1 000 Zero\r\n\r\n"), 0, forgehook.CallErrorBadResponse, "final HTTP status", true},
		{"bad header", zoo.Says(t, "HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), 0, forgehook.CallErrorBadResponse, "malformed", true},
		{"101", zoo.SwitchesProtocols(t), 0, forgehook.CallErrorBadResponse, "final HTTP status", true},
		{"header flood", zoo.HeaderFlood(t), 0, forgehook.CallErrorBadResponse, "over 64 KiB", true},
		{"1xx flood", zoo.Continue1xxFlood(t), 0, forgehook.CallErrorBadResponse, "over 64 KiB", true},
		{"expired", zoo.Expired(t), 0, forgehook.CallErrorTLSUntrusted, "expired", false},
		{"wrong host", zoo.WrongHost(t), 0, forgehook.CallErrorTLSUntrusted, "another host name", false},
		{"self-signed", zoo.SelfSigned(t), 0, forgehook.CallErrorTLSUntrusted, "trusted authority", false},
		{"TLS 1.1", zoo.OldTLS(t), 0, forgehook.CallErrorTLS, "TLS 1.2", false},
		{"asks for a certificate", zoo.AsksCertificate(t), 0, forgehook.CallErrorTLS, "TLS", false},
		{"no TLS", zoo.NotTLS(t), 0, forgehook.CallErrorTLS, "does not speak TLS", false},
	}
	s := setup(t, Options{Allow: local, RootCAs: zoo.Roots(t)})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := post(tt.server.URL + "/path?token=hush")
			r.Headers = []Header{{"X-Api-Key", "hush"}}
			if tt.timeout > 0 {
				r.Timeout = tt.timeout
			}
			x := s.Send(t.Context(), r)
			if x.Err == nil || x.Err.Code != tt.code || !strings.Contains(x.Err.Message, tt.message) || x.Sent != tt.sent || x.StatusCode != 0 {
				t.Fatalf("got %d %+v sent=%v, want %s", x.StatusCode, x.Err, x.Sent, tt.code)
			}
			if strings.Contains(x.Err.Message, "hush") || strings.Contains(x.Err.Message, "127.0.0.1") {
				t.Errorf("leaks: %s", x.Err.Message)
			}
		})
	}
}

func TestSend_handshakeNeverEnds(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Allow: local})
	r := post(strings.Replace(zoo.Mute(t).URL, "http:", "https:", 1))
	r.Timeout = 200 * time.Millisecond
	if x := s.Send(t.Context(), r); x.Err == nil || x.Err.Code != forgehook.CallErrorTimeout || x.Sent {
		t.Errorf("%+v", x)
	}
}

func TestSend_canceled(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Allow: local})
	server := zoo.Slow(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan forgehook.Exchange)
	go func() { done <- s.Send(ctx, post(server.URL)) }()
	server.Await(t, 1)
	cancel()
	if x := <-done; x.Err == nil || x.Err.Code != forgehook.CallErrorCanceled || !x.Sent {
		t.Errorf("%+v", x)
	}
	if x := s.Send(ctx, post(server.URL)); x.Err == nil || x.Err.Code != forgehook.CallErrorCanceled {
		t.Errorf("%+v", x)
	}
}

func TestSend_cannotBeSent(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Allow: local})
	server := zoo.OK(t)
	tests := []struct {
		name    string
		change  func(*Request)
		message string
	}{
		{"line break in a value", func(r *Request) { r.Headers = []Header{{"X-Api-Key", "hush\r\nX: y"}} }, "X-Api-Key"},
		{"NUL in a value", func(r *Request) { r.Headers = []Header{{"X-Api-Key", "hush\x00"}} }, "X-Api-Key"},
		{"line break in a name", func(r *Request) { r.Headers = []Header{{"X\r\nhush", "y"}} }, "header's name"},
		{"empty name", func(r *Request) { r.Headers = []Header{{"", "y"}} }, "header's name"},
		{"line break in the host", func(r *Request) { r.Headers = []Header{{"Host", "a\r\nhush"}} }, "Host"},
		{"no host", func(r *Request) { r.Headers = []Header{{"Host", ""}} }, "Host"},
		{"slash in the host", func(r *Request) { r.Headers = []Header{{"Host", "hush/a b"}} }, "Host"},
		{"transfer encoding", func(r *Request) { r.Headers = []Header{{"transfer-encoding", "chunked"}} }, "transfer-encoding"},
		{"proxy header", func(r *Request) { r.Headers = []Header{{"Proxy-Authorization", "hush"}} }, "Proxy-Authorization"},
		{"method", func(r *Request) { r.Method = "GET / HTTP/1.1\r\nhush" }, "method"},
		{"userinfo", func(r *Request) { r.URL = "http://u:hush@127.0.0.1/" }, "without user name"},
		{"line break in the URL", func(r *Request) { r.URL = server.URL + "/\r\nhush" }, "without spaces"},
		{"no URL", func(r *Request) { r.URL = "hush" }, "absolute"},
	}
	for _, tt := range tests {
		r := post(server.URL)
		tt.change(&r)
		x := s.Send(t.Context(), r)
		if x.Err == nil || x.Err.Code != forgehook.CallErrorBadRequest || !strings.Contains(x.Err.Message, tt.message) || strings.Contains(x.Err.Message, "hush") || x.Sent {
			t.Errorf("%s: %+v", tt.name, x.Err)
		}
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests went out", n)
	}
}

func TestSend_guard(t *testing.T) {
	t.Parallel()
	server := zoo.OK(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	resolver := &names{results: map[string][][]string{
		"inside.example":   {{"10.0.0.1"}},
		"metadata.example": {{"169.254.169.254"}},
		"loopback.example": {{"::1"}},
		"mapped.example":   {{"::ffff:10.0.0.1"}},
		"mixed.example":    {{"1.1.1.1", "10.0.0.1"}},
		"mixed2.example":   {{"10.0.0.1", "1.1.1.1"}},
		"public.example":   {{"1.1.1.1"}},
		"127.1":            {{"127.0.0.1"}},
	}}
	var log bytes.Buffer
	s := setup(t, Options{Resolver: resolver, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	urls := []string{
		"https://inside.example/", "https://metadata.example/", "https://loopback.example/", "https://mapped.example/", "https://mixed.example/",
		"https://mixed2.example/", "http://public.example/", "https://public.example:8443/", server.URL, "http://localhost:" + port, "http://127.1:" + port,
	}
	for _, a := range inside {
		if strings.Contains(a, ":") {
			a = "[" + strings.Replace(a, "%", "%25", 1) + "]"
		}
		urls = append(urls, "http://"+a+"/", "https://"+a+"/")
	}
	message := (&blockedError{}).Error() // the same for all, so that it reveals nothing
	for _, u := range urls {
		x := s.Send(t.Context(), post(u))
		if x.Err == nil || x.Err.Code != forgehook.CallErrorGuardBlocked || x.Err.Message != message || x.Sent {
			t.Errorf("%s: %+v", u, x)
		}
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests reached the server", n)
	}
	if !strings.Contains(log.String(), "address=10.0.0.1:443") || !strings.Contains(log.String(), "pool=tenant/1") {
		t.Errorf("the operator is not told: %s", log.String())
	}
}

// A name is checked at each dial: one that moves to an internal address is refused.
func TestSend_rebinding(t *testing.T) {
	t.Parallel()
	server := zoo.OK(t)
	u := strings.Replace(server.URL, "127.0.0.1", "hook.example", 1)
	resolver := &names{results: map[string][][]string{"hook.example": {{"127.0.0.1"}, {"10.0.0.1"}}}}
	allow := append([]netip.Prefix{netip.MustParsePrefix("192.168.0.0/16")}, local...)
	s := setup(t, Options{Allow: allow, Resolver: resolver})
	if err := s.Check(u); err != nil {
		t.Fatal(err)
	}
	if x := s.Send(t.Context(), post(u)); x.StatusCode != http.StatusOK {
		t.Fatalf("%+v", x)
	}
	again := post(u)
	again.Key = "tenant/2" // not the kept-alive connection of the first
	if x := s.Send(t.Context(), again); x.Err == nil || x.Err.Code != forgehook.CallErrorGuardBlocked {
		t.Fatalf("%+v", x)
	}
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestSend_names(t *testing.T) {
	t.Parallel()
	server := zoo.OK(t)
	resolver := &names{results: map[string][][]string{
		"hook.example":     {{"127.0.0.1"}},
		"half.example":     {{"10.9.9.9", "127.0.0.1"}},
		"fallback.example": {{"127.0.0.2", "127.0.0.1"}}, // the server listens only on the second
		"none.example":     {{}},
	}}
	s := setup(t, Options{Allow: local, Resolver: resolver})
	// With only this machine allowed, Check and therefore Send refuse plain names: dial them as the
	// transport would.
	open := func(host string) error {
		conn, err := s.pools.dialer.plain(t.Context(), "tcp", strings.Replace(strings.TrimPrefix(server.URL, "http://"), "127.0.0.1", host, 1))
		if err == nil {
			err = conn.Close()
		}
		return err
	}
	for _, host := range []string{"hook.example", "half.example", "fallback.example", "127.0.0.1"} {
		if err := open(host); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{"missing.example", "none.example", "slow.example"} {
		r := post("https://" + host + "/")
		r.Timeout = 200 * time.Millisecond
		want := forgehook.CallErrorDNS
		if host == "slow.example" {
			want = forgehook.CallErrorTimeout
		}
		if x := s.Send(t.Context(), r); x.Err == nil || x.Err.Code != want || x.Sent {
			t.Errorf("%s: %+v", host, x)
		}
	}
}

func TestSend_http2(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Allow: local, RootCAs: zoo.Roots(t)})
	ok := zoo.TLS(t)
	if x := s.Send(t.Context(), post(ok.URL)); x.StatusCode != http.StatusOK || ok.Requests()[0].Proto != "HTTP/2.0" {
		t.Errorf("%+v %+v", x, ok.Requests())
	}
	resets := zoo.TLSWith(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if x := s.Send(t.Context(), post(resets.URL)); x.Err == nil || x.Err.Code != forgehook.CallErrorReset || !x.Sent {
		t.Errorf("%+v", x)
	}
	cut := zoo.TLSWith(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	if x := s.Send(t.Context(), post(cut.URL)); x.StatusCode != http.StatusOK || x.Err != nil || !x.Truncated {
		t.Errorf("%+v", x)
	}
	flood := zoo.TLSWith(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Flood", strings.Repeat("x", 1<<20))
	})
	if x := s.Send(t.Context(), post(flood.URL)); x.Err == nil || x.Err.Code != forgehook.CallErrorBadResponse {
		t.Errorf("%+v", x)
	}
}

func TestSend_headersAreBounded(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Allow: local})
	var response strings.Builder
	response.WriteString("HTTP/1.1 503 caf\xe9\r\nContent-Length: 0\r\nRetry-After: 5\r\nX-Long: " + strings.Repeat("x", 20_000) + "\r\nA-Latin: caf\xe9\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n")
	for i := range 300 {
		response.WriteString("X-" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + ": 1\r\n")
	}
	x := s.Send(t.Context(), post(zoo.Says(t, response.String()+"\r\n").URL))
	if x.Err != nil || len(x.Headers) != maxHeaders || x.Headers["Retry-After"] != "5" || x.Headers["A-Latin"] != "caf\uFFFD" || x.Status != "503 caf\uFFFD" {
		t.Errorf("%v %q %d headers: %v", x.Err, x.Status, len(x.Headers), x.Headers)
	}
	got := headers(http.Header{"X-Long": {strings.Repeat("ü", 20_000)}, "Set-Cookie": {"a", "b\x00"}})
	if len(got["X-Long"]) > maxHeaderValue+3 || got["Set-Cookie"] != "a, b\uFFFD" {
		t.Errorf("%d bytes, %q", len(got["X-Long"]), got["Set-Cookie"])
	}
}

func TestPools(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Allow: local})
	server := zoo.OK(t)
	first := s.pools.get("first")
	for range 3 {
		if s.pools.get("first") != first {
			t.Fatal("a key has two transports")
		}
	}
	if x := s.Send(t.Context(), Request{Key: "busy", Method: "GET", URL: server.URL}); x.StatusCode != http.StatusOK {
		t.Fatalf("%+v", x)
	}
	for i := range maxPools {
		s.pools.get("tenant/" + string(rune(i+1)))
	}
	if n := len(s.pools.byKey); n != maxPools || s.pools.recent.Len() != maxPools {
		t.Errorf("%d pools", n)
	}
	if s.pools.get("first") == first {
		t.Error("the least recently used pool is still there")
	}
}

func TestSend_script(t *testing.T) {
	t.Parallel()
	s := setup(t, Options{Allow: local})
	script, slow := zoo.Script(t, 503, 200), zoo.Slow(t)
	slow.Release()
	for i, want := range []int{503, 200, 200} {
		if x := s.Send(t.Context(), post(script.URL)); x.StatusCode != want {
			t.Errorf("response %d: %d, want %d", i, x.StatusCode, want)
		}
	}
	if x := s.Send(t.Context(), post(slow.URL)); x.StatusCode != http.StatusOK || len(slow.Await(t, 1)) != 1 {
		t.Errorf("%+v", x)
	}
}
