//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
)

// The moments of a call at which something happens.
const (
	before = "before" // the request has not left: no worker has the call, or it waits for its second try
	during = "during" // the endpoint has the request and has not responded
	after  = "after"  // the endpoint has responded, but the response is not recorded

	// The same moments of an attempt within the workflow task.
	quick       = "quick, "
	duringQuick = quick + during
	afterQuick  = quick + after
)

// TestNothingIsLost breaks real processes at each moment of a call. The call must have one outcome
// and one webhook-id. Only a cut exchange, whose attempt is unknown, may be followed by a second
// request.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		event string
		do    func(*installation, forgehook.Call)
		undo  func(*installation, forgehook.Call) // after the moment
		end   map[string]forgehook.Outcome
		cuts  bool // the exchange is cut, so the call is sent again
	}{
		{event: "worker kill -9", do: func(in *installation, _ forgehook.Call) { in.worker.kill(); in.worker = in.start("worker") },
			end: map[string]forgehook.Outcome{before: forgehook.Delivered, during: forgehook.Delivered, after: forgehook.Delivered}, cuts: true},
		{event: "orderly deploy", do: func(in *installation, _ forgehook.Call) {
			old := in.worker
			in.worker = in.start("worker")
			old.signal(syscall.SIGCONT)
			old.signal(syscall.SIGTERM)
		}, end: map[string]forgehook.Outcome{before: forgehook.Delivered, during: forgehook.Delivered, after: forgehook.Delivered}},
		{event: "cancel", do: func(in *installation, call forgehook.Call) {
			in.do(http.MethodPost, "/v1/calls/"+call.ID+"/cancel", nil, nil)
		}, end: map[string]forgehook.Outcome{before: forgehook.Canceled, during: forgehook.Delivered, after: forgehook.Delivered}},
		{event: "terminate", do: func(in *installation, call forgehook.Call) {
			if err := in.temporal.TerminateWorkflow(in.t.Context(), call.WorkflowID, "", "operator"); err != nil {
				in.t.Fatal(err)
			}
		}, end: map[string]forgehook.Outcome{before: forgehook.Canceled, during: forgehook.Delivered, after: forgehook.Delivered}},
		{event: "UI reset", do: func(in *installation, call forgehook.Call) { in.reset(call) },
			end: map[string]forgehook.Outcome{before: forgehook.Delivered, during: forgehook.Delivered, after: forgehook.Delivered}, cuts: true},
		{event: "UI pause", do: func(in *installation, call forgehook.Call) { in.pauseActivity(call, true) },
			undo: func(in *installation, call forgehook.Call) { in.pauseActivity(call, false) },
			end:  map[string]forgehook.Outcome{before: forgehook.Delivered, during: forgehook.Delivered, after: forgehook.Delivered}},
		{event: "missed heartbeat", do: func(in *installation, _ forgehook.Call) {
			stopped := in.worker
			stopped.signal(syscall.SIGSTOP)
			in.worker = in.start("worker")
			in.t.Cleanup(func() { stopped.signal(syscall.SIGCONT) })
		}, end: map[string]forgehook.Outcome{before: forgehook.Delivered, during: forgehook.Delivered, after: forgehook.Delivered}, cuts: true},
	}
	for _, tt := range tests {
		for _, moment := range []string{before, during, after, duringQuick, afterQuick} {
			t.Run(tt.event+"/"+moment, func(t *testing.T) {
				t.Parallel()
				in := install(t, map[string]any{"webHook": map[string]any{"retryCount": 3, "retryDelay": "00:00:03"}})
				moment, quick := strings.CutPrefix(moment, quick)
				if quick {
					in.makeQuick()
				}
				call := in.call()
				release := func() {}
				var x *exchange
				switch moment {
				case before: // during the activity's back-off: the second retryable response begins it
					for range 2 {
						in.next().respond <- http.StatusServiceUnavailable
					}
					in.await(call.ID, "the call waits for its third try", func(c forgehook.Call) bool {
						return c.Status == forgehook.CallWaitingRetry && c.Attempts == 2
					})
				case during:
					x = in.next()
				case after:
					x = in.next()
					release = in.lockAttempts(call.ID)
					x.respond <- http.StatusOK
					in.blocked()
				}
				tt.do(in, call)
				release()
				if moment == during && !tt.cuts {
					x.respond <- http.StatusOK
				}
				if tt.undo != nil {
					tt.undo(in, call)
				}
				in.respondAll(t.Context())
				attempts := 1
				if moment == before { // after two refusals a third request follows unless the call has ended
					attempts = 2
					if tt.end[moment] == forgehook.Delivered {
						attempts = 3
					}
				}
				if tt.cuts && moment != before {
					attempts = cutOnce
				}
				in.verify(in.ended(call.ID), tt.end[moment], attempts)
			})
		}
	}
}

// TestDeadline lets the deadline pass at each moment of a call.
func TestDeadline(t *testing.T) {
	t.Parallel()
	settings := func() map[string]any {
		return map[string]any{"webHook": map[string]any{"retryCount": 3, "retryDelay": "00:10:00"}, "delivery": map[string]any{"deadline": "00:00:03"}}
	}
	t.Run(before, func(t *testing.T) {
		t.Parallel()
		in := install(t, settings())
		in.worker.signal(syscall.SIGSTOP)
		call := in.call()
		in.eventually("the deadline is over", func() bool { return time.Now().After(call.DeadlineAt.Time) })
		in.worker.signal(syscall.SIGCONT)
		in.verify(in.ended(call.ID), forgehook.Expired, 0)
		if n := in.endpoint.seen(call.WebhookID); n != 0 {
			t.Errorf("the endpoint saw %d requests after the deadline", n)
		}
	})
	t.Run("in the back-off", func(t *testing.T) {
		t.Parallel()
		in := install(t, settings())
		call := in.call()
		in.next().respond <- http.StatusServiceUnavailable
		in.verify(in.ended(call.ID), forgehook.Expired, 1)
	})
	t.Run(during, func(t *testing.T) {
		t.Parallel()
		in := install(t, settings())
		call := in.call()
		x := in.next()
		in.eventually("the deadline is over", func() bool { return time.Now().After(call.DeadlineAt.Time) })
		x.respond <- http.StatusOK
		in.verify(in.ended(call.ID), forgehook.Delivered, 1)
	})
	t.Run(after, func(t *testing.T) {
		t.Parallel()
		in := install(t, settings())
		call := in.call()
		x := in.next()
		release := in.lockAttempts(call.ID)
		x.respond <- http.StatusOK
		in.blocked()
		in.eventually("the deadline is over", func() bool { return time.Now().After(call.DeadlineAt.Time) })
		release()
		in.verify(in.ended(call.ID), forgehook.Delivered, 1)
	})
}

// TestSlowExchangeOutlivesAnInterrupt interrupts a call whose endpoint responds later than the
// heartbeat timeout. The response counts, and nothing else is sent.
func TestSlowExchangeOutlivesAnInterrupt(t *testing.T) {
	t.Parallel()
	const longerThanHeartbeats = 9 * time.Second
	for _, action := range []string{"cancel", "retry"} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			in := install(t, map[string]any{"webHook": map[string]any{"retryCount": 3, "retryDelay": "00:00:03"}})
			call := in.call()
			x := in.next()
			in.do(http.MethodPost, "/v1/calls/"+call.ID+"/"+action, nil, nil)
			begin := time.Now()
			in.eventually("heartbeats were due", func() bool { return time.Since(begin) > longerThanHeartbeats })
			x.respond <- http.StatusOK
			in.respondAll(t.Context())
			in.verify(in.ended(call.ID), forgehook.Delivered, 1)
		})
	}
}

// TestAcceptedNotStarted kills the API between accept and start, while the engine is away. The
// sweep starts the call.
func TestAcceptedNotStarted(t *testing.T) {
	t.Parallel()
	in := install(t, map[string]any{})
	in.api.kill()
	engine := newWire(t, os.Getenv("TEMPORAL_ADDRESS"))
	cut := *in
	cut.env = append(slices.Clone(in.env), "TEMPORAL_ADDRESS="+engine.addr)
	api := cut.start("api")
	engine.freeze()
	ctx, leave := context.WithCancel(t.Context())
	posted := make(chan struct{})
	go func() {
		defer close(posted)
		_, _ = in.client.CallWebhook(ctx, forgehook.CallRequest{WebHookServiceID: &in.webhook, DocumentID: &in.document}, client.Options{})
	}()
	var id string
	in.eventually("the call is accepted", func() bool {
		return in.sql.QueryRowContext(t.Context(), "SELECT id FROM calls WHERE status = 'accepted'").Scan(&id) == nil
	})
	leave() // a client's retry would mend it too
	<-posted
	api.kill()
	in.api = in.start("api")
	in.next().respond <- http.StatusOK
	call := in.ended(id)
	in.verify(call, forgehook.Delivered, 1)
	var calls int
	if err := in.sql.QueryRowContext(t.Context(), "SELECT count(*) FROM calls").Scan(&calls); err != nil || calls != 1 {
		t.Errorf("%d calls (%v), want one", calls, err)
	}
}

// TestPauseAndResume holds calls and releases them in order of acceptance.
func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	in := install(t, map[string]any{})
	in.do(http.MethodPost, fmt.Sprintf("/v1/services/%d/pause", in.webhook), nil, nil)
	var calls []forgehook.Call
	var accepted []string
	for range 30 {
		call := in.call()
		calls, accepted = append(calls, call), append(accepted, call.WebhookID)
	}
	for _, call := range calls {
		in.await(call.ID, "the call is held", func(c forgehook.Call) bool { return c.Status == forgehook.CallPaused })
	}
	err := in.client.Do(t.Context(), http.MethodPost, "/v1/calls/"+calls[0].ID+"/retry", nil, nil)
	if problem, ok := err.(*client.Problem); !ok || problem.Status != http.StatusConflict || problem.Code() != forgehook.CodePaused { //nolint:errorlint // it is not wrapped
		t.Errorf("retry of a held call: %v, want 409 utility-paused", err)
	}
	in.do(http.MethodPost, fmt.Sprintf("/v1/services/%d/resume", in.webhook), nil, nil)
	in.respondAll(t.Context())
	for _, call := range calls {
		in.verify(in.ended(call.ID), forgehook.Delivered, 1)
	}
	if diff := cmp.Diff(accepted, in.endpoint.log.webhookIDs()); diff != "" {
		t.Errorf("order at the endpoint (-accepted +arrived):\n%s", diff)
	}
}

// respondAll lets every further request succeed.
func (in *installation) respondAll(ctx context.Context) {
	go func() {
		for {
			select {
			case x := <-in.endpoint.arrived:
				x.respond <- http.StatusOK
			case <-ctx.Done():
				return
			}
		}
	}()
}

// cutOnce is the number of attempts of a call whose first exchange was cut: that one and a second,
// unless its response arrived.
const cutOnce = -1

// verify compares a completed call with what the endpoint saw, which responds to everything.
func (in *installation) verify(call forgehook.Call, want forgehook.Outcome, wantAttempts int) {
	in.t.Helper()
	c := checker{client: in.client, log: &in.endpoint.log, calls: []acceptedCall{{id: call.ID, outcomes: []forgehook.Outcome{want}}}}
	most := wantAttempts
	if wantAttempts == cutOnce {
		most, c.cuts = 2, always
	}
	for _, fault := range c.check(in.t.Context()) {
		in.t.Error(fault)
	}
	if call.Attempts > most || wantAttempts != cutOnce && call.Attempts != most {
		in.t.Errorf("%d attempts, want %d, or fewer where an exchange was cut", call.Attempts, most)
	}
	if seen := in.endpoint.seen(call.WebhookID); seen != call.Attempts {
		in.t.Errorf("the endpoint saw webhook-id %s %d times, the call counts %d attempts", call.WebhookID, seen, call.Attempts)
	}
}

// reset is the button of the Temporal UI: it runs the workflow again from the end of its first
// task.
func (in *installation) reset(call forgehook.Call) {
	in.t.Helper()
	in.eventually("the run can be reset", func() bool {
		_, err := in.temporal.ResetWorkflowExecution(in.t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
			Namespace: "default", WorkflowExecution: &common.WorkflowExecution{WorkflowId: call.WorkflowID},
			Reason: "operator", RequestId: call.ID, WorkflowTaskFinishEventId: 4,
		})
		return err == nil
	})
}

// pauseActivity is the button of the Temporal UI, once there is an activity. Unpause finds none if
// the call has ended.
func (in *installation) pauseActivity(call forgehook.Call, pause bool) {
	in.t.Helper()
	execution := &common.WorkflowExecution{WorkflowId: call.WorkflowID}
	service := in.temporal.WorkflowService()
	if !pause {
		_, _ = service.UnpauseActivity(in.t.Context(), &workflowservice.UnpauseActivityRequest{
			Namespace: "default", Execution: execution, Activity: &workflowservice.UnpauseActivityRequest_Type{Type: "Deliver"},
		})
		return
	}
	in.eventually("Deliver can be paused", func() bool {
		_, err := service.PauseActivity(in.t.Context(), &workflowservice.PauseActivityRequest{
			Namespace: "default", Execution: execution, Activity: &workflowservice.PauseActivityRequest_Type{Type: "Deliver"},
		})
		return err == nil
	})
}
