package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

const (
	openCall  = `{"id":"c-1","status":"delivering"}`
	endedCall = `{"id":"c-1","status":"completed","outcome":"delivered","result":{"total":7}}`
)

func TestAwait(t *testing.T) {
	t.Parallel()
	a, c := setup(t, response{status: 200, body: openCall}, response{}, response{status: 503}, response{status: 200, body: endedCall})
	call, err := c.Await(t.Context(), "c-1")
	check(t, err)
	equal(t, "outcome", *call.Outcome, forgehook.Delivered)
	want := request{"GET", "/v1/calls/c-1", "fh_key", "", "wait=300", "", ""}
	equal(t, "requests", a.got(), []request{want, want, want, want})
}

func TestAwait_ends(t *testing.T) {
	t.Parallel()
	_, c := setup(t, response{status: 404, body: `{"type":"urn:forgehook:problem:not-found"}`})
	_, err := c.Await(t.Context(), "c-1")
	if problem, ok := errors.AsType[*Problem](err); !ok || problem.Code() != forgehook.CodeNotFound {
		t.Errorf("of nothing: %v", err)
	}
	_, c = setup(t, response{status: 200, body: "<html>"})
	if _, err := c.Await(t.Context(), "c-1"); !errors.Is(err, errUnreadable) {
		t.Errorf("a response of another server: %v", err)
	}
	_, c = setup(t, response{status: 200, body: openCall}, response{status: 503})
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	call, err := c.Await(ctx, "c-1")
	if !errors.Is(err, context.DeadlineExceeded) || call.Status != forgehook.CallDelivering {
		t.Errorf("after its time: %+v, %v", call, err)
	}
}

func TestResult(t *testing.T) {
	t.Parallel()
	type total struct {
		Total int `json:"total"`
	}
	call := forgehook.Call{ID: "c-1", Status: forgehook.CallCompleted, Outcome: new(forgehook.Delivered), Result: json.RawMessage(`{"total":7}`)}
	got, err := Result[total](call)
	check(t, err)
	equal(t, "result", got, total{7})
	if _, err := Result[string](call); err == nil || !strings.Contains(err.Error(), "c-1") {
		t.Errorf("another type: %v", err)
	}
	call.Result = json.RawMessage("null")
	none, err := Result[*total](call)
	check(t, err)
	equal(t, "null", none, nil)
	call.Outcome, call.Error = new(forgehook.Failed), &forgehook.CallError{Code: "http_500", Message: "500"}
	if _, err := Result[total](call); err == nil || err.Error() != "call c-1: failed: http_500: 500" {
		t.Errorf("a failed call: %v", err)
	}
	call.Outcome, call.Status = nil, forgehook.CallPaused
	if _, err := Result[total](call); err == nil || err.Error() != "call c-1 has not completed: paused" {
		t.Errorf("an open call: %v", err)
	}
}

func TestEvent(t *testing.T) {
	t.Parallel()
	a, c := setup(t, response{status: 503}, response{status: 202, body: `{"run":{"id":"r-1","status":"accepted"},"calls":[{"id":"c-1"}]}`},
		response{status: 200, body: `{"id":"r-1","status":"completed","outcome":"completed","delivered":2}`})
	event, err := c.Event(t.Context(), 48072, forgehook.EventRequest{
		Type: forgehook.EventAfterProcess, DocumentIDs: []int32{1, 2}, Request: forgehook.CallRequest{Reason: new("batch 7"), ServiceID: new(int32(1))},
	}, Options{Wait: time.Second})
	check(t, err)
	equal(t, "event", event, Event{Run: forgehook.Run{ID: "r-1", Status: forgehook.RunAccepted}, Calls: []forgehook.Call{{ID: "c-1"}}})
	run, err := c.AwaitRun(t.Context(), "r-1")
	check(t, err)
	equal(t, "delivered", run.Delivered, 2)
	sent := a.got()
	if sent[0].idempotency == "" || sent[0] != sent[1] {
		t.Errorf("sent %+v and then %+v", sent[0], sent[1])
	}
	sent[1].idempotency = ""
	equal(t, "requests", sent[1:], []request{
		{"POST", "/v1/services/48072/events", "fh_key", "", "wait=1", "application/json", `{"documentIds":[1,2],"reason":"batch 7","type":"after_process"}`},
		{"GET", "/v1/runs/r-1", "fh_key", "", "wait=300", "", ""},
	})
}

// told collects what a stream yields.
func told(t *testing.T, c *Client, ctx context.Context, most int, ids ...string) (lines []string) {
	t.Helper()
	for call, err := range c.Stream(ctx, ids...) {
		line := call.ID + " " + string(call.Status)
		if err != nil {
			line = err.Error()
		}
		if lines = append(lines, line); len(lines) == most {
			break
		}
	}
	return lines
}

func TestStream(t *testing.T) {
	t.Parallel()
	event := func(call string) string { return "id: c\nevent: call\ndata: " + call + "\n\n" }
	other := strings.ReplaceAll(endedCall, "c-1", "c-2")
	tests := []struct {
		name      string
		responses []response
		ids       []string
		most      int
		want      []string
	}{
		{"of calls", []response{{status: 200, body: "retry: 2000\n\n: hello\n\n" + event(openCall) + event(other) + ":\n\n" + event(endedCall) + "event: end\ndata: {}\n\n"}},
			[]string{"c-1", "c-2"}, 0, []string{"c-1 delivering", "c-2 completed", "c-1 completed"}},
		{"over broken connections", []response{{status: 200, body: event(openCall) + event(other) + "event: call\ndata: {"}, {}, {status: 200, body: event(other) + event(endedCall) + "event: end\ndata: {}\n\n"}},
			[]string{"c-1", "c-2"}, 0, []string{"c-1 delivering", "c-2 completed", "c-1 completed"}},
		{"left early", []response{{status: 200, body: event(openCall) + event(endedCall)}}, []string{"c-1"}, 1, []string{"c-1 delivering"}},
		{"of all", []response{{status: 200, body: event(endedCall) + "event: gap\ndata: {}\n\nevent: news\ndata: {}\n\n"}, {status: 200, body: event(other)}}, nil, 4,
			[]string{"c-1 completed", ErrMissed.Error(), ErrMissed.Error(), "c-2 completed"}},
		{"of nothing", []response{{status: 404, body: `{"title":"Not found"}`}}, []string{"c-1"}, 0, []string{"404 Not found"}},
		{"of somebody else", []response{{status: 200, body: "event: call\ndata: <html>\n\n"}}, nil, 0, []string{"unreadable response: invalid character '<' looking for beginning of value"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a, c := setup(t, test.responses...)
			if diff := cmp.Diff(test.want, told(t, c, t.Context(), test.most, test.ids...)); diff != "" {
				t.Error(diff)
			}
			path := "/v1/calls/stream"
			for i, id := range test.ids {
				path += map[bool]string{true: "?", false: "&"}[i == 0] + "id=" + id
			}
			equal(t, "request", a.got()[0], request{http.MethodGet, path, "fh_key", "", "", "", ""})
		})
	}
}

func TestStream_canceled(t *testing.T) {
	t.Parallel()
	_, c := setup(t, response{status: 503})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	equal(t, "told", told(t, c, ctx, 0, "c-1"), []string{context.DeadlineExceeded.Error()})
}
