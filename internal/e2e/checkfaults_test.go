//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
)

// sound is a correct call of three attempts: unknown, 503, delivered. The first was cut.
func sound() (story, []span) {
	at := func(second int) forgehook.Time {
		return forgehook.Time{Time: time.Date(2026, 1, 5, 7, 30, second, 0, time.UTC)}
	}
	attempt := func(number int, state forgehook.AttemptState, status int) forgehook.Attempt {
		a := forgehook.Attempt{Number: number, State: state, StartedAt: at(10 * number)}
		if status > 0 {
			a.Response = &forgehook.Response{StatusCode: status}
			a.Verdict = new(forgehook.VerdictRetry)
			a.NextAttemptAt = new(at(10*number + 10))
			if status == http.StatusOK {
				a.Verdict, a.NextAttemptAt = new(forgehook.VerdictSuccess), nil
			}
		}
		return a
	}
	s := story{
		call: forgehook.Call{
			ID: "c1", WebhookID: "w1", Status: forgehook.CallCompleted, Outcome: new(forgehook.Delivered), Attempts: 3, CompletedAt: new(at(31)),
			DeadlineAt: at(40), Request: &forgehook.RequestInfo{SHA256: "b1"},
		},
		attempts: []forgehook.Attempt{
			attempt(1, forgehook.AttemptUnknown, 0), attempt(2, forgehook.AttemptFinished, http.StatusServiceUnavailable), attempt(3, forgehook.AttemptFinished, http.StatusOK),
		},
		receipts: []receipt{
			{webhookID: "w1", attempt: "1", at: at(10).Time, sha256: "b1", sender: aWorker},
			{webhookID: "w1", attempt: "2", at: at(20).Time, status: http.StatusServiceUnavailable, sha256: "b1", sender: bWorker},
			{webhookID: "w1", attempt: "3", at: at(30).Time, status: http.StatusOK, sha256: "b1", sender: aWorker},
		},
	}
	return s, []span{{from: at(12).Time, to: at(13).Time, worker: aWorker}}
}

// TestChecker_findsFaults checks an API and a receiver that disagree in one point.
func TestChecker_findsFaults(t *testing.T) {
	t.Parallel()
	told := []acceptedCall{{id: "c1", key: "k1", outcomes: []forgehook.Outcome{forgehook.Delivered}}}
	tests := []struct {
		name   string
		change func(*story)
		told   []acceptedCall // nil: told
		calm   bool           // no exchange was cut
		want   string         // "": no fault
	}{
		{name: "sound", change: func(*story) {}},
		{name: "no outcome", change: func(s *story) { s.call.Outcome, s.call.Status = nil, forgehook.CallDelivering }, want: "it has no outcome: it is delivering"},
		{name: "another outcome", change: func(s *story) { s.call.Outcome = new(forgehook.Expired) }, want: "the outcome is expired, want one of [delivered]"},
		{name: "unheard of outcome", change: func(s *story) { s.call.Outcome = new(forgehook.Outcome("lost")) }, want: `"lost" is no outcome`},
		{name: "delivered by nobody", change: func(s *story) { s.receipts[2].status = 0 }, want: "the receiver never responded with 2xx"},
		{name: "skipped and sent", change: func(s *story) { s.call.Outcome = new(forgehook.Skipped) },
			told: []acceptedCall{{id: "c1"}}, want: "it is skipped, and has attempts"},
		{name: "gap", change: func(s *story) { s.attempts[2].Number = 4 }, want: "attempt 3 has the number 4"},
		{name: "miscounted", change: func(s *story) { s.call.Attempts = 2 }, want: "it counts 2 attempts, 3 are listed"},
		{name: "after the outcome", change: func(s *story) { s.call.CompletedAt = new(s.attempts[1].StartedAt) }, calm: true, want: "attempt 3 started after the outcome"},
		{name: "before it was due", change: func(s *story) {
			s.attempts[1].NextAttemptAt.Time = s.attempts[2].StartedAt.Add(1001 * time.Millisecond)
		}, want: "attempt 3 started before it was due"},
		{name: "after the deadline", change: func(s *story) { s.call.DeadlineAt.Time = s.attempts[2].StartedAt.Add(-time.Millisecond) }, want: "attempt 3 started after the deadline"},
		{name: "hurried", change: func(s *story) { s.attempts[1].NextAttemptAt.Time = s.attempts[2].StartedAt.Add(time.Hour) },
			told: []acceptedCall{{id: "c1", key: "k1", outcomes: delivered, hurried: true}}},
		{name: "before the one before had ended", change: func(s *story) { s.attempts[1].DurationMS = new(int64(10_001)) }, want: "attempt 3 started while attempt 2 was under way"},
		{name: "still started", change: func(s *story) { s.attempts[0].State = forgehook.AttemptStarted }, want: "attempt 1 is still started"},
		{name: "unknown in calm", change: func(*story) {}, calm: true, want: "attempt 1 is unknown, and nothing was cut"},
		{name: "unknown, and another worker was cut", change: func(s *story) { s.receipts[0].sender = bWorker }, want: "attempt 1 is unknown, and nothing was cut"},
		{name: "unknown, never arrived", change: func(s *story) { s.receipts = s.receipts[1:] }},
		{name: "sent after a final response", change: func(s *story) { s.attempts[1].Verdict = new(forgehook.VerdictPermanent) }, want: "attempt 3 follows a final response"},
		{name: "seen twice", change: func(s *story) { s.receipts = append(s.receipts, s.receipts[2]) }, want: "the receiver saw attempt 3 twice"},
		{name: "never seen", change: func(s *story) { s.receipts = []receipt{s.receipts[0], s.receipts[2]} }, want: "attempt 2 has a response, and the receiver never saw it"},
		{name: "another response", change: func(s *story) { s.receipts[1].status = http.StatusOK }, want: "attempt 2 has the status 503, the receiver sent 200"},
		{name: "another body", change: func(s *story) { s.receipts[1].sha256 = "b2" }, want: "the receiver saw another body in attempt 2"},
		{name: "half a body", change: func(s *story) { s.receipts[0].sha256 = "" }},
		{name: "not listed", change: func(s *story) { s.receipts[0].attempt = "9" }, want: "the receiver saw attempt 9, which the call does not list"},
		{name: "neither response nor error", change: func(s *story) { s.attempts[1].Response = nil }, want: "attempt 2 is finished with neither"},
		{name: "of no call", change: func(s *story) { s.receipts[0].webhookID = "w9" }, want: "the receiver saw webhook-id w9, which no call has"},
		{name: "one key, two calls", change: func(*story) {}, told: []acceptedCall{{id: "c1", key: "k1"}, {id: "c2", key: "k1"}}, want: "idempotency key k1 has the calls c1 and c2"},
		{name: "one call, two keys", change: func(*story) {}, told: []acceptedCall{{id: "c1", key: "k1"}, {id: "c1", key: "k2"}}, want: "call c1 was given for the idempotency keys k1 and k2"},
		{name: "nobody was told", change: func(*story) {}, told: []acceptedCall{{id: "c2"}}, want: "call c1 of utility 7 was made, and no client was told of it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, cuts := sound()
			tt.change(&s)
			c := checker{client: client.New(serveStory(t, s), "key"), log: &receiverLog{requests: map[string][]*receipt{}}, calls: tt.told, cuts: cuts, webhooks: []int32{7}}
			for _, r := range s.receipts {
				c.log.requests[r.webhookID] = append(c.log.requests[r.webhookID], &r)
				c.log.ids = append(c.log.ids, r.webhookID)
			}
			if tt.told == nil {
				c.calls = told
			}
			if tt.calm {
				c.cuts = nil
			}
			found := strings.Join(c.check(t.Context()), "\n")
			if tt.want == "" && found != "" || !strings.Contains(found, tt.want) {
				t.Errorf("found %q, want %q in it", found, tt.want)
			}
		})
	}
}

// serveStory is an API with one call, of utility 7.
func serveStory(t *testing.T, s story) string {
	t.Helper()
	routes := http.NewServeMux()
	respond := func(path string, body any) {
		routes.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(body) })
	}
	respond("/v1/calls/c1", s.call)
	respond("/v1/calls/c1/attempts", map[string]any{"attempts": s.attempts})
	routes.HandleFunc("GET /v1/calls", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "limit=100&webHookServiceId=7" {
			http.Error(w, fmt.Sprintf("the query is %q", r.URL.RawQuery), http.StatusBadRequest)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"calls": []forgehook.Call{s.call}})
	})
	server := httptest.NewServer(routes)
	t.Cleanup(server.Close)
	return server.URL
}
