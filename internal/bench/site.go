package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/client"
)

// site is what a tenant calls in one process of the product: webhooks, and their endpoint, which
// responds at once by default.
type site struct {
	tenant           forgehook.TenantID
	api              string // its base URL
	queue            string // its task queue
	client           *client.Client
	project, service int32
	webhook          int32 // its endpoint responds at once
	later            int32 // its endpoint calls back
	receipts         []receipt
	turn             turn
	endpoint         net.Listener
	respondAfter     atomic.Int64 // ns until the endpoint responds
	backAtOnce       atomic.Bool  // the endpoint calls back itself; else urls gets its callback URLs
	urls             chan string
}

func (s *site) listen() (err error) {
	if s.endpoint, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(s.endpoint) }() // until the listener closes
	return nil
}

func (s *site) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if d := time.Duration(s.respondAfter.Load()); d > 0 {
		time.Sleep(d)
	}
	url := r.Header.Get("Forgehook-Callback-Url")
	switch {
	case url == "":
	case s.backAtOnce.Load():
		go func() { _ = callBackTo(context.WithoutCancel(r.Context()), url) }()
	default:
		s.urls <- url
	}
}

func callBackTo(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"result":{"approved":true}}`)) //nolint:gosec // the product's own link
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request) //nolint:gosec // likewise
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // read to its end
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("callback: %s", response.Status)
	}
	return nil
}

// set makes a project, a service and its webhooks.
func (s *site) set(ctx context.Context) error {
	var project, service, webhook, later struct{ ID int32 }
	webHook := map[string]any{"url": "http://" + s.endpoint.Addr().String() + "/"}
	steps := []struct {
		path func() string
		body any
		out  any
	}{
		{func() string { return "/v1/projects" }, map[string]any{"name": "bench"}, &project},
		{func() string { return fmt.Sprintf("/v1/projects/%d/services", project.ID) }, map[string]any{"name": "bench"}, &service},
		{func() string { return fmt.Sprintf("/v1/services/%d/utilities", service.ID) },
			map[string]any{"type": forgehook.UtilityType, "name": "bench", "settings": map[string]any{"webHook": webHook}}, &webhook},
		{func() string { return fmt.Sprintf("/v1/services/%d/utilities", service.ID) },
			map[string]any{"type": forgehook.UtilityType, "name": "bench callback", "settings": map[string]any{
				"webHook": webHook, "executeAfterProcess": false, "callback": map[string]any{"await": true},
			}}, &later},
	}
	for _, step := range steps {
		if err := s.client.Do(ctx, http.MethodPost, step.path(), step.body, step.out); err != nil {
			return err
		}
	}
	s.project, s.service, s.webhook, s.later = project.ID, service.ID, webhook.ID, later.ID
	return nil
}

// body is a call of a webhook for the next receipt.
func (s *site) body(webhook int32) []byte {
	return fmt.Appendf(nil, `{"webHookServiceId":%d,"document":%s}`, webhook, s.receipts[s.turn.next(len(s.receipts))].text)
}

// waited makes a call as most users do: with one request that waits for the result.
func (s *site) waited(webhook int32) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		accepted, err := s.client.CallRaw(ctx, s.body(webhook), client.Options{Wait: time.Minute})
		if err != nil {
			return "", err
		}
		return s.outcome(ctx, accepted.Calls[0])
	}
}

// outcome waits for the end of a call. On a busy machine it asks again.
func (s *site) outcome(ctx context.Context, call forgehook.Call) (workflowID string, err error) {
	for tries := 0; call.Outcome == nil && tries < 5; tries++ {
		if call, err = s.client.Call(ctx, call.ID, time.Minute); err != nil {
			return "", err
		}
	}
	return delivered(call)
}

// accepted makes a call with one request that does not wait.
func (s *site) accepted(ctx context.Context, webhook int32) (forgehook.Call, error) {
	accepted, err := s.client.CallRaw(ctx, s.body(webhook), client.Options{})
	if err != nil {
		return forgehook.Call{}, err
	}
	return accepted.Calls[0], nil
}

// ended waits until an accepted call is delivered.
func (s *site) ended(ctx context.Context, id string) error {
	_, err := s.outcome(ctx, forgehook.Call{ID: id})
	return err
}

// streamed makes a call and reads its event stream.
func (s *site) streamed(ctx context.Context) (string, error) {
	call, err := s.accepted(ctx, s.webhook)
	if err != nil {
		return "", err
	}
	for call, err = range s.client.Stream(ctx, call.ID) {
		if err != nil {
			return "", err
		}
	}
	return delivered(call)
}

func (s *site) awaited(ctx context.Context) (string, error) {
	call, err := s.accepted(ctx, s.webhook)
	if err != nil {
		return "", err
	}
	if call, err = s.client.Await(ctx, call.ID); err != nil {
		return "", err
	}
	return delivered(call)
}
