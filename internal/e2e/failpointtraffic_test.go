//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
)

// kind is a kind of call: its utility's settings, its endpoint, and how it may end.
type kind struct {
	name     string
	share    int // of a hundred calls
	settings map[string]any
	outcomes []forgehook.Outcome
}

// kinds are the calls of a seed. An endpoint may fail the first request of a call, but not the
// later ones.
var kinds = []kind{
	{name: "plain", share: 15, outcomes: delivered},
	{name: "steady", share: 20, outcomes: delivered}, // up to two seconds, so that some are always on the wire
	{name: "flaky", share: 14, outcomes: delivered},  // 503 first, and sometimes again
	{name: "reset", share: 8, outcomes: delivered},   // cuts the connection first
	{name: "half", share: 8, outcomes: delivered},    // half a response, then the rest
	{name: "slow", share: 8, outcomes: delivered},    // longer than the heartbeat timeout
	{name: "skips", share: 6, settings: map[string]any{"condition": "doc.id < 0"}, outcomes: []forgehook.Outcome{forgehook.Skipped}},
	{name: "refuses", share: 5, outcomes: []forgehook.Outcome{forgehook.Failed}},
	{name: "callback", share: 6, settings: map[string]any{"callback": map[string]any{"await": true, "timeout": "00:10:00"}}, outcomes: delivered},
	{name: "paused", share: 5, outcomes: delivered}, // held until all calls are accepted
	{name: "canceled", share: 5, outcomes: []forgehook.Outcome{forgehook.Canceled, forgehook.Delivered}},
}

// receiver is the endpoint of all kinds; the path names the kind.
type receiver struct {
	log  *receiverLog
	at   func(worker, point string)
	mu   sync.Mutex
	dice *rand.Rand
	http *http.Server
	url  string
}

// sender is the context key for the worker at the other end of a connection.
type sender struct{}

// newReceiver starts a receiver. workerOf names the worker at the other end of a connection.
func newReceiver(t *testing.T, log *receiverLog, seed uint64, workerOf func(remote net.Addr) string, at func(worker, point string)) *receiver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	r := &receiver{log: log, at: at, dice: rand.New(rand.NewPCG(seed, 2)), url: "http://" + l.Addr().String()}
	r.http = &http.Server{Handler: http.HandlerFunc(r.serve), ConnContext: func(ctx context.Context, c net.Conn) context.Context {
		worker := workerOf(c.RemoteAddr())
		at(worker, "endpoint/connected")
		return context.WithValue(ctx, sender{}, worker)
	}}
	go func() { _ = r.http.Serve(l) }()
	t.Cleanup(func() { _ = r.http.Close() })
	return r
}

// roll is a random number from 0 to n-1.
func (r *receiver) roll(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dice.IntN(n)
}

func (r *receiver) serve(w http.ResponseWriter, request *http.Request) {
	from, _ := request.Context().Value(sender{}).(string)
	before := len(r.log.of(request.Header.Get("webhook-id")))
	receipt := r.log.arrived(request, from)
	r.at(from, "endpoint/request read")
	respond := func(status int) {
		r.log.responds(receipt, status)
		w.WriteHeader(status)
	}
	switch kind := strings.TrimPrefix(request.URL.Path, "/"); {
	case kind == "reset" && before == 0:
		reset(w)
		return
	case kind == "flaky" && (before == 0 || before == 1 && r.roll(2) == 0):
		respond(http.StatusServiceUnavailable)
	case kind == "half":
		w.Header().Set("Content-Length", "8")
		respond(http.StatusOK)
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		r.at(from, "endpoint/half answered")
		r.wait(request, 50, 300)
		_, _ = io.WriteString(w, "half")
	case kind == "steady":
		r.wait(request, 0, 2000)
		respond(http.StatusOK)
	case kind == "slow":
		r.wait(request, 2500, 6000)
		respond(http.StatusOK)
	case kind == "refuses":
		respond(http.StatusBadRequest)
	case kind == "callback":
		go callBackLater(context.WithoutCancel(request.Context()), request.Header.Get("Forgehook-Callback-Url"), time.Duration(r.roll(1500))*time.Millisecond)
		respond(http.StatusAccepted)
	default:
		r.wait(request, 0, 40)
		respond(http.StatusOK)
	}
	_ = http.NewResponseController(w).Flush()
	r.at(from, "endpoint/answered")
}

// wait is an endpoint's time to respond, in ms.
func (r *receiver) wait(request *http.Request, least, most int) {
	select {
	case <-time.After(time.Duration(least+r.roll(most-least)) * time.Millisecond):
	case <-request.Context().Done():
	}
}

// callBackLater calls back until it succeeds, within two minutes.
func callBackLater(ctx context.Context, url string, delay time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for wait := delay; ; wait = 300 * time.Millisecond {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"result":"done"}`))
		if err != nil {
			return
		}
		request.Header.Set("Content-Type", "application/json")
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode < http.StatusInternalServerError {
				return
			}
		}
	}
}

// clients make the calls of a seed, and repeat requests without a response, with the same key.
type clients struct {
	t        *testing.T
	client   *client.Client
	webhooks map[string]int32 // by kind
	document int32
	progress func(accepted int) // nil: none
	pace     time.Duration      // between two calls; 0: the next starts when one of the last eight is accepted

	mu       sync.Mutex
	accepted []acceptedCall
}

// wanted is one call to make.
type wanted struct {
	kind     kind
	key      string
	hurry    time.Duration // the first request is given up after so long; 0: never
	cancelIn time.Duration // of a call to be canceled
}

// plannedCalls draws the calls of a seed.
func plannedCalls(dice *rand.Rand, seed uint64, n int) []wanted {
	list := make([]wanted, n)
	for i := range list {
		roll, k := dice.IntN(100), 0
		for ; roll >= kinds[k].share; k++ {
			roll -= kinds[k].share
		}
		list[i] = wanted{kind: kinds[k], key: fmt.Sprintf("seed-%d-call-%d", seed, i)}
		if dice.IntN(10) == 0 {
			list[i].hurry = time.Duration(1+dice.IntN(30)) * time.Millisecond
		}
		list[i].cancelIn = time.Duration(dice.IntN(300)) * time.Millisecond
	}
	return list
}

// make makes calls, up to eight at once, until all are accepted.
func (c *clients) make(ctx context.Context, list []wanted) {
	next := make(chan wanted)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for w := range next {
				c.call(ctx, w)
			}
		})
	}
	tick := time.NewTicker(max(c.pace, time.Nanosecond))
	defer tick.Stop()
	for _, w := range list {
		<-tick.C
		next <- w
	}
	close(next)
	wg.Wait()
}

func (c *clients) call(ctx context.Context, w wanted) {
	webhook := c.webhooks[w.kind.name]
	body, _ := json.Marshal(forgehook.CallRequest{WebHookServiceID: &webhook, DocumentID: &c.document})
	if w.hurry > 0 { // a client that is cut off does not know what became of its request
		hurried, cancel := context.WithTimeout(ctx, w.hurry)
		_, _ = c.client.CallRaw(hurried, body, client.Options{IdempotencyKey: w.key})
		cancel()
	}
	var accepted client.Calls
	if !c.until(ctx, "call "+w.key, func() (err error) {
		accepted, err = c.client.CallRaw(ctx, bytes.Clone(body), client.Options{IdempotencyKey: w.key})
		return err
	}) {
		return
	}
	call := accepted.Calls[0]
	c.mu.Lock()
	c.accepted = append(c.accepted, acceptedCall{id: call.ID, key: w.key, outcomes: w.kind.outcomes})
	n := len(c.accepted)
	c.mu.Unlock()
	if c.progress != nil {
		c.progress(n)
	}
	if w.kind.name == "canceled" {
		time.AfterFunc(w.cancelIn, func() {
			_ = c.until(ctx, "cancel "+call.ID, func() error { return c.client.Do(ctx, http.MethodPost, "/v1/calls/"+call.ID+"/cancel", nil, nil) })
		})
	}
}

// until repeats a request until it gets a response that does not say that something is away.
func (c *clients) until(ctx context.Context, what string, do func() error) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for tick := time.NewTicker(200 * time.Millisecond); ; {
		err := do()
		problem, refused := err.(*client.Problem) //nolint:errorlint // it is not wrapped
		switch {
		case err == nil, refused && problem.Status == http.StatusConflict: // an ended call cannot be canceled
			return true
		case refused && problem.Status < http.StatusInternalServerError:
			c.t.Errorf("%s: %v", what, err)
			return false
		}
		select {
		case <-ctx.Done():
			if context.Cause(ctx) == context.DeadlineExceeded { //nolint:errorlint // it is not wrapped
				c.t.Errorf("%s: two minutes without a response: %v", what, err)
			}
			return false
		case <-tick.C:
		}
	}
}
