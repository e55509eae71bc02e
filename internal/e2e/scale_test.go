//go:build e2e

package e2e

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
)

// TestScale runs two APIs behind a load balancer and two workers. Under load, each leaves in order
// and another joins. Callers without retries see no error, and nothing is sent twice.
func TestScale(t *testing.T) {
	t.Parallel()
	in := install(t, map[string]any{})
	in.api.kill()
	in.worker.kill()
	balancer := newBalancer(t)
	apis := [2]*member{balancer.add(in.join("api")), balancer.add(in.join("api"))}
	workers := [2]*member{in.join("worker"), in.join("worker")}
	in.client = client.New(balancer.URL, in.key)
	var log receiverLog
	erp := newLoggedEndpoint(t, &log, responds(http.StatusOK))
	webhook := in.attach("Quick", map[string]any{"webHook": map[string]any{"url": erp.URL}})
	callers := in.callers(balancer.URL, webhook, 8)

	callers.more(80)
	in.fair("attempt", workers, func(g gauges) float64 {
		return g.sum("temporal_activity_execution_latency_seconds_count", `activity_type="Deliver"`)
	})
	in.fair("accepted call", apis, func(g gauges) float64 {
		return g.sum("forgehook_http_requests_total", `route="/v1/calls"`)
	})
	for i := range apis {
		waiting := in.waitAt(apis[i])
		apis[i].leave()
		if got := <-waiting; got.err != nil || got.status != http.StatusAccepted || got.call.Outcome != nil {
			t.Errorf("who waits when the API leaves got %d, %v (%+v), want 202 and the call as it stands", got.status, got.err, got.call)
		}
		if balancer.has(apis[i]) {
			t.Error("the API has left before the balancer could see it")
		}
		in.next().respond <- http.StatusOK
		callers.more(10)
		apis[i] = balancer.add(in.join("api"))
		callers.more(10)
	}
	for i := range workers {
		workers[i].leave()
		callers.more(10)
		workers[i] = in.join("worker")
		callers.more(10)
	}
	c := checker{client: in.client, log: &log, webhooks: []int32{webhook}}
	for _, call := range callers.end() {
		c.calls = append(c.calls, acceptedCall{id: call.ID, outcomes: delivered})
		if call.Attempts != 1 {
			t.Errorf("call %s: %s after %d attempts", call.ID, outcomeText(call), call.Attempts)
		}
	}
	for _, fault := range c.check(t.Context()) {
		t.Error(fault)
	}
}

// fair says how two processes shared a kind of work; each must do a fifth at least.
func (in *installation) fair(what string, members [2]*member, count func(gauges) float64) {
	in.t.Helper()
	var done [2]float64
	for i, m := range members {
		g, err := m.gauges()
		if err != nil {
			in.t.Fatal(err)
		}
		done[i] = count(g)
	}
	in.t.Logf("%ss: %.0f and %.0f", what, done[0], done[1])
	if least := min(done[0], done[1]); least < (done[0]+done[1])/5 || least == 0 {
		in.t.Errorf("%ss are shared %.0f to %.0f", what, done[0], done[1])
	}
}

type waited struct {
	status int
	call   forgehook.Call
	err    error
}

// waitAt makes a call at one API and waits for an endpoint that does not respond yet.
func (in *installation) waitAt(api *member) <-chan waited {
	in.t.Helper()
	ended := make(chan waited, 1)
	body, err := json.Marshal(forgehook.CallRequest{WebHookServiceID: &in.webhook, DocumentID: &in.document})
	if err != nil {
		in.t.Fatal(err)
	}
	go func() {
		accepted := struct{ Calls []forgehook.Call }{make([]forgehook.Call, 1)}
		status, err := ask("http://"+api.addr, in.key, http.MethodPost, "/v1/calls", http.Header{"Prefer": {"wait=60"}}, body, &accepted)
		ended <- waited{status, accepted.Calls[0], err}
	}()
	in.eventually("the request waits", func() bool {
		g, err := api.gauges()
		return err == nil && g["forgehook_waiting_requests"] > 0
	})
	return ended
}
