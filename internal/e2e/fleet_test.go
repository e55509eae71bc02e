//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
)

// member is one of several processes of a kind in an installation.
type member struct {
	*process
	in      *installation
	addr    string // of the API
	metrics string // of /metrics
}

// join starts another process. The settings are its own environment variables.
func (in *installation) join(command string, settings ...string) *member {
	in.t.Helper()
	m := &member{in: in, addr: freeAddr(in.t), metrics: freeAddr(in.t)}
	another := *in
	another.env = append(slices.Clone(in.env), "FORGEHOOK_HTTP_ADDR="+m.addr, "FORGEHOOK_METRICS_ADDR="+m.metrics, "FORGEHOOK_DRAIN_DELAY=1s")
	another.env = append(another.env, settings...)
	m.process = another.start(command)
	in.eventually("the "+command+" is ready", func() bool { return ready(m.metrics) })
	return m
}

// leave stops the process in order, as a deploy does, and waits for its end.
func (m *member) leave() {
	m.in.t.Helper()
	m.signal(syscall.SIGTERM)
	select {
	case <-m.done:
	case <-time.After(time.Minute):
		m.in.t.Fatalf("it has not ended a minute after SIGTERM:\n%s", m.log)
	}
	if code := m.ProcessState.ExitCode(); code != 0 {
		m.in.t.Errorf("exit code %d after SIGTERM:\n%s", code, m.log)
	}
}

// gauges are a process's metrics by name, summed over their labels and also with each label.
type gauges map[string]float64

func (m *member) gauges() (gauges, error) {
	response, err := http.Get("http://" + m.metrics + "/metrics") //nolint:noctx // a test's own process
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end
	return readGauges(response.Body)
}

func readGauges(text io.Reader) (gauges, error) {
	g := gauges{}
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		at := strings.LastIndexByte(lines.Text(), ' ')
		if strings.HasPrefix(lines.Text(), "#") || at < 0 {
			continue
		}
		value, err := strconv.ParseFloat(lines.Text()[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metric %q: %w", lines.Text(), err)
		}
		series := lines.Text()[:at]
		name, labels, _ := strings.Cut(series, "{")
		g[name] += value
		if labels != "" {
			g[series] += value
		}
	}
	return g, lines.Err()
}

// sum adds up the series of a metric with a label.
func (g gauges) sum(name, label string) (total float64) {
	for series, value := range g {
		if strings.HasPrefix(series, name+"{") && strings.Contains(series, label) {
			total += value
		}
	}
	return total
}

// balancer spreads requests in turn over the APIs that are ready, which it checks ten times a
// second. It sends each request only once, so its caller sees every failure.
type balancer struct {
	*httptest.Server
	turn atomic.Uint64
	mu   sync.Mutex
	apis []*member
}

func newBalancer(t *testing.T) *balancer {
	t.Helper()
	b := &balancer{}
	b.Server = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(*httputil.ProxyRequest) {},
		Transport: b,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			http.Error(w, r.URL.String()+": "+err.Error(), http.StatusBadGateway)
		},
	})
	t.Cleanup(b.Close)
	return b
}

// add includes an API while it is ready.
func (b *balancer) add(m *member) *member {
	b.mu.Lock()
	b.apis = append(b.apis, m)
	b.mu.Unlock()
	go func() {
		for tick := time.NewTicker(100 * time.Millisecond); ready(m.addr); {
			<-tick.C
		}
		b.remove(m)
	}()
	return m
}

func ready(addr string) bool {
	response, err := http.Get("http://" + addr + "/readyz") //nolint:noctx // a test's own process
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func (b *balancer) remove(m *member) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.apis = slices.DeleteFunc(b.apis, func(other *member) bool { return other == m })
}

func (b *balancer) has(m *member) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.apis, m)
}

// RoundTrip sends a request to one of the APIs.
func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	apis := slices.Clone(b.apis)
	b.mu.Unlock()
	if len(apis) == 0 {
		return nil, fmt.Errorf("no API is ready")
	}
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.Host = "http", apis[int(b.turn.Add(1))%len(apis)].addr, ""
	return http.DefaultTransport.RoundTrip(out)
}

// ask sends one request, once. Any status from 300 on is an error.
func ask(to, key, method, path string, headers http.Header, body []byte, out any) (status int, err error) {
	request, err := http.NewRequest(method, to+path, bytes.NewReader(body)) //nolint:noctx // its response bounds it
	if err != nil {
		return 0, err
	}
	request.GetBody = nil // so that net/http also sends it only once
	request.Header = headers.Clone()
	request.Header.Set("X-Api-Key", key)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return response.StatusCode, err
	}
	if response.StatusCode >= 300 {
		return response.StatusCode, fmt.Errorf("%s %s: %s: %s", method, path, response.Status, content)
	}
	return response.StatusCode, json.Unmarshal(content, out)
}

// callers are clients that call a webhook in turn and wait for the end of each call, without
// retries.
type callers struct {
	in      *installation
	to      string // URL of the API
	webhook int32
	stop    chan struct{}
	done    sync.WaitGroup
	ended   atomic.Int64
	mu      sync.Mutex
	calls   []forgehook.Call
	faults  []error
}

func (in *installation) callers(to string, webhook int32, n int) *callers {
	c := &callers{in: in, to: to, webhook: webhook, stop: make(chan struct{})}
	for range n {
		c.done.Go(func() {
			for !c.stopped() {
				call, err := c.one()
				c.note(call, err)
			}
		})
	}
	return c
}

func (c *callers) stopped() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

var wait30 = http.Header{"Prefer": {"wait=30"}}

// one makes a call and asks for its end until it has ended.
func (c *callers) one() (call forgehook.Call, err error) {
	body, err := json.Marshal(forgehook.CallRequest{WebHookServiceID: &c.webhook, DocumentID: &c.in.document})
	if err != nil {
		return call, err
	}
	var accepted struct{ Calls []forgehook.Call }
	if _, err = ask(c.to, c.in.key, http.MethodPost, "/v1/calls", wait30, body, &accepted); err != nil {
		return call, err
	}
	for call = accepted.Calls[0]; call.Outcome == nil; {
		if _, err = ask(c.to, c.in.key, http.MethodGet, "/v1/calls/"+url.PathEscape(call.ID), wait30, nil, &call); err != nil {
			return call, err
		}
	}
	return call, nil
}

func (c *callers) note(call forgehook.Call, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended.Add(1)
	c.calls = append(c.calls, call)
	if err != nil {
		c.faults = append(c.faults, err)
	}
}

// more waits until so many more calls have ended.
func (c *callers) more(n int64) {
	c.in.t.Helper()
	until := c.ended.Load() + n
	c.in.eventually(fmt.Sprintf("%d more calls end", n), func() bool { return c.ended.Load() >= until })
}

// end waits for the open calls and returns all.
func (c *callers) end() []forgehook.Call {
	c.in.t.Helper()
	close(c.stop)
	c.done.Wait()
	for _, err := range c.faults {
		c.in.t.Errorf("a caller saw: %v", err)
	}
	return c.calls
}
