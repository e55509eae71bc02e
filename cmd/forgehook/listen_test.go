package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/internal/webhook"
)

// printed gets each line that a receiver prints.
type printed chan string

func (p printed) Write(b []byte) (int, error) {
	p <- string(b)
	return len(b), nil
}

func receive(t *testing.T, r *receiver, signing string) (address string, lines printed) {
	t.Helper()
	lines = make(printed, 100)
	r.out = lines
	if r.status == 0 {
		r.status = http.StatusOK
	}
	check(t, r.check(signing))
	server := httptest.NewServer(r)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL, lines
}

const payload = `{"type":"document.processed","data":{"document":{"id":912,"filename":"inv-0042.pdf"}}}`

// signed is a request as Forgehook sends it.
func signed(t *testing.T, ctx context.Context, address, signing, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/documents?x=1", strings.NewReader(body))
	check(t, err)
	now := time.Now()
	r.Header.Set("webhook-id", "msg_1")
	r.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	r.Header.Set("webhook-attempt", "3")
	if signing != "" {
		signature, err := webhook.Sign(signing, "msg_1", now, []byte(body))
		check(t, err)
		r.Header.Set("webhook-signature", signature)
	}
	return r
}

func TestListen(t *testing.T) {
	t.Parallel()
	ours, err := secret.NewSigningSecret()
	check(t, err)
	foreign, err := secret.NewSigningSecret()
	check(t, err)
	tests := []struct {
		name     string
		receiver *receiver
		expects  string // the receiver's secret
		signed   string // the sender's secret
		body     string
		status   int
		says     string // after the time
	}{
		{"good signature", &receiver{}, ours, ours, payload, 200, "POST /documents  attempt 3  document 912 inv-0042.pdf  signature ok, 86 bytes  -> 200\n"},
		{"bad signature", &receiver{status: 204}, ours, foreign, payload, 401, "POST /documents  attempt 3  document 912 inv-0042.pdf  BAD SIGNATURE, 86 bytes  -> 401\n"},
		{"no signature", &receiver{}, ours, "", payload, 401, "POST /documents  attempt 3  document 912 inv-0042.pdf  BAD SIGNATURE, 86 bytes  -> 401\n"},
		{"nothing to verify with", &receiver{}, "", ours, payload, 200, "POST /documents  attempt 3  document 912 inv-0042.pdf  not verified, 86 bytes  -> 200\n"},
		{"status", &receiver{status: 503}, ours, ours, payload, 503, "POST /documents  attempt 3  document 912 inv-0042.pdf  signature ok, 86 bytes  -> 503\n"},
		{"late", &receiver{delay: time.Millisecond}, "", "", payload, 200, "POST /documents  attempt 3  document 912 inv-0042.pdf  not verified, 86 bytes  -> 200\n"},
		{"no filename", &receiver{}, "", "", `{"data":{"document":{"id":7}}}`, 200, "POST /documents  attempt 3  document 7 (no filename)  not verified, 30 bytes  -> 200\n"},
		{"another body", &receiver{}, "", "", "a=b", 200, "POST /documents  attempt 3  not verified, 3 bytes  -> 200\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			address, lines := receive(t, tt.receiver, tt.expects)
			response, err := http.DefaultClient.Do(signed(t, t.Context(), address, tt.signed, tt.body))
			check(t, err)
			check(t, response.Body.Close())
			equal(t, "status", response.StatusCode, tt.status)
			at, rest, _ := strings.Cut(<-lines, "  ")
			equal(t, "line", rest, tt.says)
			if _, err := time.Parse(time.TimeOnly, at); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestListen_response(t *testing.T) {
	t.Parallel()
	address, lines := receive(t, &receiver{status: 429, headers: []string{"Retry-After: 10", "x-a:b"}, body: "later", full: true}, "")
	response, err := http.DefaultClient.Do(signed(t, t.Context(), address, "", payload))
	check(t, err)
	body, err := io.ReadAll(response.Body)
	check(t, err)
	check(t, response.Body.Close())
	equal(t, "response", []any{response.StatusCode, response.Header.Get("Retry-After"), response.Header.Get("X-A"), string(body)}, []any{429, "10", "b", "later"})
	var all bytes.Buffer
	for len(lines) > 0 {
		all.WriteString(<-lines)
	}
	for _, want := range []string{"  Webhook-Attempt: 3\n", "  Webhook-Id: msg_1\n", "\n" + payload + "\n\n"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("it does not print %q:\n%s", want, all.String())
		}
	}
}

// A late or silent receiver sends nothing, and ends when the sender gives up.
func TestListen_senderGivesUp(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*receiver{"silent": {silent: true}, "late": {delay: 24 * time.Hour}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := make(printed, 1)
			r.out, r.status = lines, http.StatusTeapot
			ctx, giveUp := context.WithCancel(t.Context())
			recorder := httptest.NewRecorder()
			ended := make(chan struct{})
			request := signed(t, ctx, "http://receiver.example", "", payload)
			go func() {
				defer close(ended)
				r.ServeHTTP(recorder, request)
			}()
			line := <-lines
			if want := map[string]string{"silent": "-> no response\n", "late": "-> 418\n"}[name]; !strings.HasSuffix(line, want) {
				t.Errorf("printed %q, want it to end in %q", line, want)
			}
			giveUp()
			<-ended
			if recorder.Code == http.StatusTeapot {
				t.Error("it responded")
			}
		})
	}
}

func TestListen_flags(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--status", "99"}, "--status 99: from 200 to 599"},
		{[]string{"--status", "600"}, "--status 600: from 200 to 599"},
		{[]string{"--header", "Retry-After"}, `--header "Retry-After": give 'Name: value'`},
		{[]string{"--header", ": 1"}, `--header ": 1": give 'Name: value'`},
		{[]string{"--secret", "whsec_?"}, "--secret: it must be whsec_ and base64"},
		{[]string{"more"}, "unknown command"},
	} {
		if got := command(t, nil, append([]string{"listen", "--addr", "127.0.0.1:0"}, tt.args...)...); got.Code != 1 || !strings.Contains(got.Err, tt.want) {
			t.Errorf("%v: %+v", tt.args, got)
		}
	}
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	address := taken.Listener.Addr().String()
	equal(t, "a taken port", command(t, nil, "listen", "--addr", address),
		ran{Err: "forgehook: port " + address + " is taken: the receiver needs it; stop what uses it or set --addr\n", Code: 1})
}

// The command listens, prints, and stops in order at Ctrl-C.
func TestListen_command(t *testing.T) {
	t.Parallel()
	cmd := program(t, nil, "listen", "--addr", "127.0.0.1:0", "--status", "418")
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	check(t, err)
	address, ok := strings.CutPrefix(strings.TrimSpace(first), "listening on ")
	if !ok {
		t.Fatalf("it says %q", first)
	}
	response, err := http.DefaultClient.Do(signed(t, t.Context(), address, "", payload))
	check(t, err)
	check(t, response.Body.Close())
	equal(t, "status", response.StatusCode, 418)
	http.DefaultClient.CloseIdleConnections()
	line, err := lines.ReadString('\n')
	check(t, err)
	if !strings.HasSuffix(line, "-> 418\n") {
		t.Errorf("printed %q", line)
	}
	check(t, cmd.Process.Signal(syscall.SIGINT))
	check(t, cmd.Wait())
}
