//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
)

// receiverLog is what the test's endpoints saw of calls. It is safe for concurrent use; the zero value is empty.
type receiverLog struct {
	mu       sync.Mutex
	requests []*receipt
}

// receipt is one request that arrived.
type receipt struct {
	webhookID string
	attempt   string // header webhook-attempt
	at        time.Time
	status    int // answered; 0: none, or not yet
}

func (l *receiverLog) arrived(webhookID, attempt string) *receipt {
	r := &receipt{webhookID: webhookID, attempt: attempt, at: time.Now()}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = append(l.requests, r)
	return r
}

// answers notes the status before it is sent: whoever reads the log when the answer is known elsewhere finds it.
func (l *receiverLog) answers(r *receipt, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.status = status
}

// of copies the requests with a webhook-id, in the order of arrival.
func (l *receiverLog) of(webhookID string) []receipt {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []receipt
	for _, r := range l.requests {
		if r.webhookID == webhookID {
			list = append(list, *r)
		}
	}
	return list
}

// webhookIDs lists the ids of all requests, in the order of arrival.
func (l *receiverLog) webhookIDs() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := make([]string, len(l.requests))
	for i, r := range l.requests {
		ids[i] = r.webhookID
	}
	return ids
}

// acceptedCall is a call that the API has told a client of, and what may become of it.
type acceptedCall struct {
	id       string
	key      string              // Idempotency-Key; "" where the client gave none
	outcomes []forgehook.Outcome // that it may have; nil: any
	hurried  bool                // somebody asked for an attempt before it was due
}

// span is a time in which exchanges may have been cut: processes of the installation were not all well.
type span struct{ from, to time.Time }

// always allows cuts at any time.
var always = []span{{to: time.Now().Add(24 * time.Hour)}}

// checker holds ended calls against what the receiver saw. It reads the API's public routes and the receiver's log, nothing else, so
// that it can watch any installation.
type checker struct {
	client   *client.Client
	log      *receiverLog
	calls    []acceptedCall
	cuts     []span
	webhooks []int32 // utilities that nobody else calls: they have no calls but these
}

// check returns what is wrong, nil where each call has one outcome and all attempts agree with what the receiver saw.
func (c *checker) check(ctx context.Context) []string {
	faults := append(c.checkKeys(), c.checkLists(ctx)...)
	seen := map[string]bool{}
	for _, accepted := range c.calls {
		if seen[accepted.id] {
			continue
		}
		seen[accepted.id] = true
		call, err := c.client.Call(ctx, accepted.id, 0)
		if err != nil {
			faults = append(faults, fmt.Sprintf("call %s cannot be read: %v", accepted.id, err))
			continue
		}
		attempts, err := c.client.Attempts(ctx, accepted.id)
		if err != nil {
			faults = append(faults, fmt.Sprintf("the attempts of call %s cannot be read: %v", accepted.id, err))
			continue
		}
		story := story{call: call, attempts: attempts, receipts: c.log.of(call.WebhookID), cuts: c.cuts, hurried: accepted.hurried}
		for _, fault := range story.faults(accepted.outcomes) {
			faults = append(faults, fmt.Sprintf("call %s: %s\n%s", call.ID, fault, story.tell()))
		}
	}
	return faults
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

// checkLists finds calls that nobody was told of, and requests of no call.
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

// story is all that is known from outside of one call.
type story struct {
	call     forgehook.Call
	attempts []forgehook.Attempt
	receipts []receipt
	cuts     []span
	hurried  bool
}

func (s story) faults(allowed []forgehook.Outcome) []string {
	if s.call.Outcome == nil || s.call.Status != forgehook.CallCompleted || s.call.CompletedAt == nil {
		return []string{fmt.Sprintf("it has no outcome: it is %s", s.call.Status)}
	}
	return slices.Concat(s.outcomeFaults(allowed), s.attemptFaults(), s.receiptFaults())
}

// outcomeFaults holds the outcome against what led to it.
func (s story) outcomeFaults(allowed []forgehook.Outcome) (faults []string) {
	outcome := *s.call.Outcome
	switch {
	case !slices.Contains(forgehook.Outcomes, outcome):
		faults = append(faults, fmt.Sprintf("%q is no outcome", outcome))
	case allowed != nil && !slices.Contains(allowed, outcome) && !s.lost():
		faults = append(faults, fmt.Sprintf("the outcome is %s, want one of %v", outcome, allowed))
	case outcome == forgehook.Delivered && !s.answered2xx():
		faults = append(faults, "it is delivered, and the receiver never answered it 2xx")
	case outcome == forgehook.Skipped && len(s.receipts)+len(s.attempts) > 0:
		faults = append(faults, "it is skipped, and has attempts or requests all the same")
	}
	return faults
}

// lost reports the one failure that faults alone bring about: the last three attempts lost their worker.
func (s story) lost() bool {
	n := len(s.attempts)
	return *s.call.Outcome == forgehook.Failed && s.call.Error != nil && s.call.Error.Code == "worker_lost" && n >= 3 &&
		!slices.ContainsFunc(s.attempts[n-3:], func(a forgehook.Attempt) bool { return a.State != forgehook.AttemptUnknown })
}

func (s story) answered2xx() bool {
	return slices.ContainsFunc(s.receipts, func(r receipt) bool { return r.status/100 == 2 })
}

// attemptFaults looks at numbers, states and moments.
func (s story) attemptFaults() (faults []string) {
	if len(s.attempts) != s.call.Attempts {
		faults = append(faults, fmt.Sprintf("it counts %d attempts, %d are listed", s.call.Attempts, len(s.attempts)))
	}
	for i, a := range s.attempts {
		if a.Number != i+1 {
			faults = append(faults, fmt.Sprintf("attempt %d has the number %d", i+1, a.Number))
		}
		// An outcome has the moment of its decision: with the database away it is stored later, and an attempt may begin between.
		if a.StartedAt.After(s.call.CompletedAt.Time) && (i == 0 || !s.cut(i-1)) {
			faults = append(faults, fmt.Sprintf("attempt %d started after the outcome", a.Number))
		}
		if i > 0 && !s.hurried && s.early(i) {
			faults = append(faults, fmt.Sprintf("attempt %d started before it was due", a.Number))
		}
		switch {
		case a.State == forgehook.AttemptStarted:
			faults = append(faults, fmt.Sprintf("attempt %d is still started", a.Number))
		case a.State == forgehook.AttemptUnknown && !s.cut(i):
			faults = append(faults, fmt.Sprintf("attempt %d is unknown, and nothing was cut meanwhile", a.Number))
		case a.State == forgehook.AttemptFinished && a.Verdict != nil && *a.Verdict != forgehook.VerdictRetry && i+1 < len(s.attempts) && !s.cut(i):
			faults = append(faults, fmt.Sprintf("attempt %d follows a final answer, and nothing was cut", a.Number+1))
		}
	}
	return faults
}

// early reports whether an attempt did not wait for what the one before it had said. The engine's timers have a clock of their own,
// which is allowed a second.
func (s story) early(i int) bool {
	due := s.attempts[i-1].NextAttemptAt
	return due != nil && s.attempts[i].StartedAt.Before(due.Add(-time.Second))
}

// cut reports whether something may have been cut while an attempt was the last one.
func (s story) cut(i int) bool {
	from, to := s.attempts[i].StartedAt.Time, s.call.CompletedAt.Time
	if i+1 < len(s.attempts) {
		to = s.attempts[i+1].StartedAt.Time
	}
	return slices.ContainsFunc(s.cuts, func(cut span) bool { return !cut.from.After(to) && !cut.to.Before(from) })
}

// receiptFaults holds each request that arrived against its attempt, and each answer that is recorded against the one that was given.
func (s story) receiptFaults() (faults []string) {
	byAttempt := map[string]receipt{}
	for _, r := range s.receipts {
		if _, twice := byAttempt[r.attempt]; twice {
			faults = append(faults, fmt.Sprintf("the receiver saw attempt %s twice", r.attempt))
		}
		byAttempt[r.attempt] = r
	}
	for _, a := range s.attempts {
		number := fmt.Sprint(a.Number)
		r, arrived := byAttempt[number]
		delete(byAttempt, number)
		switch {
		case a.State != forgehook.AttemptFinished:
		case a.Response != nil && !arrived:
			faults = append(faults, fmt.Sprintf("attempt %d has an answer, and the receiver never saw it", a.Number))
		case a.Response != nil && a.Response.StatusCode != r.status:
			faults = append(faults, fmt.Sprintf("attempt %d has the status %d, the receiver answered %d", a.Number, a.Response.StatusCode, r.status))
		case a.Response == nil && a.Error == nil:
			faults = append(faults, fmt.Sprintf("attempt %d is finished with neither an answer nor an error", a.Number))
		}
	}
	for number := range byAttempt {
		faults = append(faults, fmt.Sprintf("the receiver saw attempt %s, which the call does not list", number))
	}
	return faults
}

// tell is the story in lines, for whoever has to find out what went wrong.
func (s story) tell() string {
	const clock = "15:04:05.000"
	var lines []string
	lines = append(lines, fmt.Sprintf("  accepted %s, %s", s.call.AcceptedAt.Format(clock), outcomeText(s.call)))
	for _, a := range s.attempts {
		line := fmt.Sprintf("  attempt %d started %s, %s", a.Number, a.StartedAt.Format(clock), a.State)
		if a.DurationMS != nil {
			line += fmt.Sprintf(" after %d ms", *a.DurationMS)
		}
		if a.Reason != nil {
			line += ": " + *a.Reason
		}
		lines = append(lines, line)
	}
	for _, r := range s.receipts {
		lines = append(lines, fmt.Sprintf("  receiver %s: attempt %s, answered %d", r.at.UTC().Format(clock), r.attempt, r.status))
	}
	if s.call.CompletedAt != nil {
		lines = append(lines, "  completed "+s.call.CompletedAt.Format(clock))
	}
	return strings.Join(lines, "\n")
}
