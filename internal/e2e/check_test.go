//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
)

// receiverLog records the requests that the test's endpoints got. It is safe for concurrent use;
// the zero value is empty.
type receiverLog struct {
	mu       sync.Mutex
	requests map[string][]*receipt // by webhook-id, in the order of arrival
	ids      []string              // of all requests, in the order of arrival
}

// receipt is one request that arrived.
type receipt struct {
	webhookID string
	attempt   string // header webhook-attempt
	at        time.Time
	status    int    // of the response; 0: none yet
	sha256    string // of the body, hex; "" if it did not arrive whole
	sender    string // the worker; "" if unknown
}

// arrived records a request, whose body can still be read.
func (l *receiverLog) arrived(request *http.Request, sender string) *receipt {
	r := &receipt{webhookID: request.Header.Get("webhook-id"), attempt: request.Header.Get("webhook-attempt"), at: time.Now(), sender: sender}
	body, err := io.ReadAll(request.Body)
	if err == nil {
		r.sha256 = fmt.Sprintf("%x", sha256.Sum256(body))
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.requests == nil {
		l.requests = map[string][]*receipt{}
	}
	l.requests[r.webhookID] = append(l.requests[r.webhookID], r)
	l.ids = append(l.ids, r.webhookID)
	return r
}

// responds records the status before it is sent, so that the log has it as soon as anybody knows
// the response.
func (l *receiverLog) responds(r *receipt, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.status = status
}

// of copies the requests with a webhook-id, in the order of arrival.
func (l *receiverLog) of(webhookID string) (list []receipt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.requests[webhookID] {
		list = append(list, *r)
	}
	return list
}

// webhookIDs lists the ids of all requests, in the order of arrival.
func (l *receiverLog) webhookIDs() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.ids)
}

// acceptedCall is a call whose acceptance a client knows, and how it may end.
type acceptedCall struct {
	id       string
	key      string              // Idempotency-Key; "" if the client gave none
	outcomes []forgehook.Outcome // the possible ones; nil: any
	hurried  bool                // an attempt was requested before it was due
}

// span is a time in which exchanges may have been cut, because a process was not well.
type span struct {
	from, to time.Time
	worker   string // whose exchanges; "": all workers
}

// always allows cuts at any time.
var always = []span{{to: time.Now().Add(24 * time.Hour)}}

// checker compares ended calls with what the receiver saw. It reads only the API's public routes
// and the receiver's log, so it can check any installation.
type checker struct {
	client   *client.Client
	log      *receiverLog
	calls    []acceptedCall
	cuts     []span
	webhooks []int32 // utilities with no calls but these

	attempts, unknown int // number of attempts, and how many of them are unknown
}

// check returns faults. It returns nil if each call has one outcome and all attempts agree with the
// receiver.
func (c *checker) check(ctx context.Context) []string {
	faults := append(c.checkKeys(), c.checkLists(ctx)...)
	calls := slices.CompactFunc(slices.SortedFunc(slices.Values(c.calls), func(a, b acceptedCall) int { return strings.Compare(a.id, b.id) }),
		func(a, b acceptedCall) bool { return a.id == b.id })
	var (
		readers errgroup.Group
		mu      sync.Mutex
	)
	readers.SetLimit(8)
	for _, accepted := range calls {
		readers.Go(func() error {
			story, found := c.read(ctx, accepted)
			mu.Lock()
			defer mu.Unlock()
			faults = append(faults, found...)
			c.attempts += len(story.attempts)
			for _, a := range story.attempts {
				if a.State == forgehook.AttemptUnknown {
					c.unknown++
				}
			}
			return nil
		})
	}
	_ = readers.Wait()
	return faults
}

// read gets a call and says what is wrong with it.
func (c *checker) read(ctx context.Context, accepted acceptedCall) (s story, faults []string) {
	call, err := c.client.Call(ctx, accepted.id, 0)
	if err != nil {
		return s, []string{fmt.Sprintf("call %s cannot be read: %v", accepted.id, err)}
	}
	attempts, err := c.client.Attempts(ctx, accepted.id)
	if err != nil {
		return s, []string{fmt.Sprintf("the attempts of call %s cannot be read: %v", accepted.id, err)}
	}
	s = story{call: call, attempts: attempts, receipts: c.log.of(call.WebhookID), cuts: c.cuts, hurried: accepted.hurried}
	for _, fault := range s.faults(accepted.outcomes) {
		faults = append(faults, fmt.Sprintf("call %s: %s\n%s", call.ID, fault, s.tell()))
	}
	return s, faults
}

// checkKeys finds idempotency keys with several calls, and calls with several keys.
func (c *checker) checkKeys() (faults []string) {
	calls, keys := map[string]string{}, map[string]string{}
	for _, call := range c.calls {
		if call.key == "" {
			continue
		}
		if other, ok := calls[call.key]; ok && other != call.id {
			faults = append(faults, fmt.Sprintf("idempotency key %s has the calls %s and %s", call.key, other, call.id))
		}
		if other, ok := keys[call.id]; ok && other != call.key {
			faults = append(faults, fmt.Sprintf("call %s was given for the idempotency keys %s and %s", call.id, other, call.key))
		}
		calls[call.key], keys[call.id] = call.id, call.key
	}
	return faults
}

// checkLists finds calls that no client knows, and requests without a call.
func (c *checker) checkLists(ctx context.Context) (faults []string) {
	known := map[string]bool{}
	for _, call := range c.calls {
		known[call.id] = true
	}
	webhookIDs := map[string]bool{}
	for _, webhook := range c.webhooks {
		listed, err := c.list(ctx, webhook)
		if err != nil {
			return append(faults, fmt.Sprintf("the calls of utility %d cannot be listed: %v", webhook, err))
		}
		for _, call := range listed {
			webhookIDs[call.WebhookID] = true
			if !known[call.ID] {
				faults = append(faults, fmt.Sprintf("call %s of utility %d was made, and no client was told of it", call.ID, webhook))
			}
		}
	}
	for _, id := range c.log.webhookIDs() {
		if len(c.webhooks) > 0 && !webhookIDs[id] {
			faults = append(faults, fmt.Sprintf("the receiver saw webhook-id %s, which no call has", id))
		}
	}
	return faults
}

func (c *checker) list(ctx context.Context, webhook int32) (calls []forgehook.Call, err error) {
	for cursor := ""; ; {
		var page struct {
			Calls      []forgehook.Call
			NextCursor *string
		}
		query := url.Values{"webHookServiceId": {fmt.Sprint(webhook)}, "limit": {"100"}}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		if err := c.client.Do(ctx, "GET", "/v1/calls?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		calls = append(calls, page.Calls...)
		if page.NextCursor == nil {
			return calls, nil
		}
		cursor = *page.NextCursor
	}
}
