package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
)

// Call a webhook for a document, wait for its end however long that takes, and use the result.
func Example() {
	api := serving(map[string]string{
		"POST /v1/calls":    `{"calls":[{"id":"c-1","status":"delivering"}]}`,
		"GET /v1/calls/c-1": `{"id":"c-1","status":"completed","outcome":"delivered","result":{"orderNumber":"PO-7"}}`,
	})
	defer api.Close()
	ctx := context.Background()
	c := client.New(api.URL, "fh_key")

	webhook, document := int32(48080), int32(912)
	accepted, err := c.CallWebhook(ctx, forgehook.CallRequest{WebHookServiceID: &webhook, DocumentID: &document}, client.Options{Wait: 10 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	call, err := c.Await(ctx, accepted.Calls[0].ID)
	if err != nil {
		log.Fatal(err)
	}
	order, err := client.Result[struct {
		OrderNumber string `json:"orderNumber"`
	}](call)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*call.Outcome, order.OrderNumber)
	// Output: delivered PO-7
}

// Raise an event for many documents and wait for its run.
func ExampleClient_Event() {
	api := serving(map[string]string{
		"POST /v1/services/48072/events": `{"run":{"id":"r-1","status":"accepted","documents":2},"calls":[]}`,
		"GET /v1/runs/r-1":               `{"id":"r-1","status":"completed","outcome":"completed","documents":2,"calls":2,"delivered":2}`,
	})
	defer api.Close()
	ctx := context.Background()
	c := client.New(api.URL, "fh_key")

	event, err := c.Event(ctx, 48072, forgehook.EventRequest{Type: forgehook.EventAfterProcess, DocumentIDs: []int32{912, 913}}, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	run, err := c.AwaitRun(ctx, event.Run.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*run.Outcome, run.Delivered, "of", run.Documents)
	// Output: completed 2 of 2
}

// Watch calls until all of them have ended.
func ExampleClient_Stream() {
	api := serving(map[string]string{
		"GET /v1/calls/stream": "event: call\ndata: {\"id\":\"c-1\",\"status\":\"waiting_retry\"}\n\n" +
			"event: call\ndata: {\"id\":\"c-1\",\"status\":\"completed\"}\n\nevent: end\ndata: {}\n\n",
	})
	defer api.Close()
	c := client.New(api.URL, "fh_key")

	for call, err := range c.Stream(context.Background(), "c-1") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(call.ID, call.Status)
	}
	// Output:
	// c-1 waiting_retry
	// c-1 completed
}

// Result fails for a call that did not end delivered; the error says why.
func ExampleResult() {
	api := serving(map[string]string{
		"GET /v1/calls/c-1": `{"id":"c-1","status":"completed","outcome":"failed",` +
			`"error":{"code":"http_410","message":"410 Gone"},"attempts":1}`,
	})
	defer api.Close()
	ctx := context.Background()
	c := client.New(api.URL, "fh_key")

	call, err := c.Await(ctx, "c-1")
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Result[map[string]any](call)
	if failed := new(client.NotDelivered); errors.As(err, &failed) {
		fmt.Println(*failed.Call.Outcome, failed.Call.Error.Code)
	}
	fmt.Println(err)
	// Output:
	// failed http_410
	// call c-1: failed: http_410: 410 Gone
}

// A refused request is a *Problem: a stable code, and every fault of the request with its path.
func ExampleProblem() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = fmt.Fprint(w, `{"type":"urn:forgehook:problem:invalid","title":"Invalid","status":422,"errors":[`+
			`{"location":"body.documentId","message":"a whole number from -2147483648 to 2147483647","value":"x"}]}`)
	}))
	defer api.Close()
	c := client.New(api.URL, "fh_key")

	body := []byte(`{"webHookServiceId":48080,"documentId":"x"}`)
	_, err := c.CallRaw(context.Background(), body, client.Options{})
	if problem := new(client.Problem); errors.As(err, &problem) {
		fmt.Println(problem.Status, problem.Code())
		for _, fault := range problem.Errors {
			fmt.Printf("%s %v: %s\n", fault.Location, fault.Value, fault.Message)
		}
	}
	// Output:
	// 422 invalid
	// body.documentId x: a whole number from -2147483648 to 2147483647
}

// serving stands in for the API.
func serving(bodies map[string]string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = fmt.Fprint(w, bodies[r.Method+" "+r.URL.Path])
	}))
}
