//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
)

const recoveringCalls = 50

// TestRecovery kills one of two workers during calls and reports the time until the last of those
// ends. After the kill the endpoint responds at once.
func TestRecovery(t *testing.T) {
	t.Parallel()
	tests := []struct {
		stage   string // of the calls
		quick   bool   // first attempts are made within workflow tasks
		arrived int    // requests before the kill
		status  int    // of the responses before the kill; 0: none until then
	}{
		{stage: "on the wire", arrived: recoveringCalls},
		{stage: "between steps", arrived: recoveringCalls / 4},
		{stage: "within workflow tasks", arrived: recoveringCalls / 4, quick: true},
		{stage: "in the back-off", arrived: recoveringCalls, status: http.StatusServiceUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.stage, func(t *testing.T) {
			in := install(t, map[string]any{"webHook": map[string]any{"retryCount": 3, "retryDelay": "00:00:02"}})
			if tt.quick {
				in.makeQuick()
			}
			in.start("worker")
			burst := in.burst(recoveringCalls)
			var held []*exchange
			for range tt.arrived {
				if x := in.next(); tt.status != 0 {
					x.respond <- tt.status
				} else {
					held = append(held, x)
				}
			}
			in.worker.kill()
			killed := time.Now()
			for _, x := range held {
				x.respond <- http.StatusOK
			}
			in.respondAll(t.Context())
			in.tellRecovery(killed, burst())
		})
	}
}

// burst makes calls, several at once. wait returns when all are accepted.
func (in *installation) burst(n int) (wait func() []acceptedCall) {
	c := &clients{t: in.t, client: in.client, webhooks: map[string]int32{"": in.webhook}, document: in.document}
	list := make([]wanted, n)
	for i := range list {
		list[i] = wanted{kind: kind{outcomes: delivered}, key: fmt.Sprint("burst-", i)}
	}
	var posting sync.WaitGroup
	posting.Go(func() { c.make(in.t.Context(), list) })
	return func() []acceptedCall {
		posting.Wait()
		return c.accepted
	}
}

// tellRecovery waits for the ends of the calls and compares them with what the endpoint saw.
func (in *installation) tellRecovery(killed time.Time, calls []acceptedCall) {
	in.t.Helper()
	var last time.Duration
	cut, before := 0, 0
	for _, accepted := range calls {
		call := in.ended(accepted.id)
		if call.AcceptedAt.Before(killed) {
			before++
			last = max(last, call.CompletedAt.Sub(killed))
		}
		attempts, err := in.client.Attempts(in.t.Context(), call.ID)
		check(in.t, err)
		for _, a := range attempts {
			if a.State == forgehook.AttemptUnknown {
				cut++
			}
		}
	}
	c := checker{client: in.client, log: &in.endpoint.log, calls: calls, cuts: always}
	for _, fault := range c.check(in.t.Context()) {
		in.t.Error(fault)
	}
	in.t.Logf("%d calls accepted before the kill, %d exchanges cut, the last of those calls ended %.1f s after it", before, cut, last.Seconds())
}
