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

// kind is a sort of call: the settings of its utility, how its endpoint behaves, and how it may
// end.
type kind struct {
	name     string
	share    int // of a hundred calls
	settings map[string]any
	outcomes []forgehook.Outcome
}

// kinds are the calls of a seed. Whatever an endpoint does to the first request of a call, it is
// good to a later one.
var kinds = []kind{
	{name: "plain", share: 15, outcomes: delivered},
	{name: "steady", share: 20, outcomes: delivered}, // up to two seconds: some are always on the wire
	{name: "flaky", share: 14, outcomes: delivered},  // 503 first, and sometimes again
	{name: "reset", share: 8, outcomes: delivered},   // cuts the connection first
	{name: "half", share: 8, outcomes: delivered},    // half an answer, then the rest
	{name: "slow", share: 8, outcomes: delivered},    // longer than heartbeats may be missed
	{name: "skips", share: 6, settings: map[string]any{"condition": "doc.id < 0"}, outcomes: []forgehook.Outcome{forgehook.Skipped}},
	{name: "refuses", share: 5, outcomes: []forgehook.Outcome{forgehook.Failed}},
	{name: "callback", share: 6, settings: map[string]any{"callback": map[string]any{"await": true, "timeout": "00:10:00"}}, outcomes: delivered},
	{name: "paused", share: 5, outcomes: delivered}, // held until all calls are accepted
	{name: "canceled", share: 5, outcomes: []forgehook.Outcome{forgehook.Canceled, forgehook.Delivered}},
}

// receiver is the endpoint of all kinds, the path says which.
type receiver struct {
	log  *receiverLog
	at   func(worker, point string)
	mu   sync.Mutex
	dice *rand.Rand
	http *http.Server
	url  string
}

// sender is the key of a connection's context for the worker at its other end.
type sender struct{}

// newReceiver starts one. workerOf says who holds the other end of a connection.
func newReceiver(t *testing.T, log *receiverLog, seed uint64, workerOf func(remote net.Addr) string, at func(worker, point string)) *receiver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	r := &receiver{log: log, at: at, dice: rand.New(rand.NewPCG(seed, 2)), url: "http://" + l.Addr().String()}
	r.http = &http.Server{Handler: http.HandlerFunc(r.answer), ConnContext: func(ctx context.Context, c net.Conn) context.Context {
		worker := workerOf(c.RemoteAddr())
		at(worker, "endpoint/connected")
		return context.WithValue(ctx, sender{}, worker)
	}}
	go func() { _ = r.http.Serve(l) }()
	t.Cleanup(func() { _ = r.http.Close() })
	return r
}

// roll is a whole number from 0 to n-1.
func (r *receiver) roll(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dice.IntN(n)
}

func (r *receiver) answer(w http.ResponseWriter, request *http.Request) {
	from, _ := request.Context().Value(sender{}).(string)
	before := len(r.log.of(request.Header.Get("webhook-id")))
	receipt := r.log.arrived(request, from)
	r.at(from, "endpoint/request read")
	answers := func(status int) {
		r.log.answers(receipt, status)
		w.WriteHeader(status)
	}
	switch kind := strings.TrimPrefix(request.URL.Path, "/"); {
	case kind == "reset" && before == 0:
		reset(w)
		return
	case kind == "flaky" && (before == 0 || before == 1 && r.roll(2) == 0):
		answers(http.StatusServiceUnavailable)
	case kind == "half":
		w.Header().Set("Content-Length", "8")
		answers(http.StatusOK)
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		r.at(from, "endpoint/half answered")
		r.wait(request, 50, 300)
		_, _ = io.WriteString(w, "half")
	case kind == "steady":
		r.wait(request, 0, 2000)
		answers(http.StatusOK)
	case kind == "slow":
		r.wait(request, 2500, 6000)
		answers(http.StatusOK)
	case kind == "refuses":
		answers(http.StatusBadRequest)
	case kind == "callback":
		go callBackLater(context.WithoutCancel(request.Context()), request.Header.Get("Forgehook-Callback-Url"), time.Duration(r.roll(1500))*time.Millisecond)
		answers(http.StatusAccepted)
	default:
		r.wait(request, 0, 40)
		answers(http.StatusOK)
	}
	_ = http.NewResponseController(w).Flush()
	r.at(from, "endpoint/answered")
}

// wait is what an endpoint takes to answer, in milliseconds.
func (r *receiver) wait(request *http.Request, least, most int) {
	select {
	case <-time.After(time.Duration(least+r.roll(most-least)) * time.Millisecond):
	case <-request.Context().Done():
	}
}

// callBackLater calls back until it is heard, within two minutes.
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

// clients make the calls of a seed, and repeat what was not answered, with the same key.
type clients struct {
	t        *testing.T
	client   *client.Client
	webhooks map[string]int32 // by kind
	document int32
	progress func(accepted int) // nil: nobody asks
	pace     time.Duration      // between two calls; 0: the next is made when one of the last eight is accepted

	mu       sync.Mutex
	accepted []acceptedCall
}

// wanted is one call to be made.
type wanted struct {
	kind     kind
	key      string
	hurry    time.Duration // the first request is given up after so long; 0: it is not
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
	if w.hurry > 0 { // a client that is cut off, and does not know what has become of its request
		hurried, cancel := context.WithTimeout(ctx, w.hurry)
		_, _ = c.client.CallRaw(hurried, body, client.Options{IdempotencyKey: w.key})
		cancel()
	}
	var answer client.Calls
	if !c.until(ctx, "call "+w.key, func() (err error) {
		answer, err = c.client.CallRaw(ctx, bytes.Clone(body), client.Options{IdempotencyKey: w.key})
		return err
	}) {
		return
	}
	call := answer.Calls[0]
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

// until repeats a request while there is no answer, or one that something of ours is away.
func (c *clients) until(ctx context.Context, what string, do func() error) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for tick := time.NewTicker(200 * time.Millisecond); ; {
		err := do()
		problem, refused := err.(*client.Problem) //nolint:errorlint // it is not wrapped
		switch {
		case err == nil, refused && problem.Status == http.StatusConflict: // what ended meanwhile cannot be canceled
			return true
		case refused && problem.Status < http.StatusInternalServerError:
			c.t.Errorf("%s: %v", what, err)
			return false
		}
		select {
		case <-ctx.Done():
			if context.Cause(ctx) == context.DeadlineExceeded { //nolint:errorlint // it is not wrapped
				c.t.Errorf("%s: two minutes without an answer: %v", what, err)
			}
			return false
		case <-tick.C:
		}
	}
}
