package api

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
)

// TestClient has the Go client talk to this API.
func TestClient(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.seed(t)
	server := httptest.NewServer(f.handler)
	t.Cleanup(server.Close)
	c := client.New(server.URL, f.keys[forgehook.Caller])
	f.must(t, 200, "PATCH", "/v1/services/48080/settings", `{"response":{"result":"response.json"}}`)

	asked, err := c.CallWebhook(t.Context(), forgehook.CallRequest{WebHookServiceID: new(int32(48080)), DocumentID: new(int32(912))}, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ref := forgehook.CallRef{Tenant: f.tenant, CallID: asked.Calls[0].ID}
	awaited := make(chan forgehook.Call)
	go func() {
		call, err := c.Await(t.Context(), ref.CallID)
		if err != nil {
			t.Error(err)
		}
		awaited <- call
	}()
	var told []forgehook.CallStatus
	for call, err := range c.Stream(t.Context(), ref.CallID) {
		if err != nil {
			t.Fatal(err)
		}
		if told = append(told, call.Status); len(told) == 1 {
			f.deliver(t, ref)
		}
	}
	if len(told) != 2 || told[1] != forgehook.CallCompleted {
		t.Errorf("told %v", told)
	}
	call := <-awaited
	result, err := client.Result[struct{ OK bool }](call)
	if err != nil || !result.OK {
		t.Errorf("result %+v, %v of %+v", result, err, call)
	}
	if _, err := client.Result[string](asked.Calls[0]); err == nil {
		t.Error("an open call has a result")
	}

	f.runs(t)
	event, err := c.Event(t.Context(), 48072, forgehook.EventRequest{Type: forgehook.EventAfterProcess, DocumentIDs: []int32{912}}, client.Options{Wait: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	run, err := c.AwaitRun(t.Context(), event.Run.ID)
	if err != nil || run.Delivered != 1 || len(event.Calls) != 1 {
		t.Errorf("run %+v of %+v, %v", run, event, err)
	}
	_, err = c.Event(t.Context(), 48080, forgehook.EventRequest{Type: forgehook.EventAfterProcess, DocumentIDs: []int32{912}}, client.Options{})
	if problem, ok := errors.AsType[*client.Problem](err); !ok || problem.Code() != forgehook.CodeNotFound {
		t.Errorf("an event of a utility: %v", err)
	}
}
