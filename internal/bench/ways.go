package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/operatorservice/v1"
	sdk "go.temporal.io/sdk/client"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/worker"
	"github.com/forgehook/forgehook/workflows"
)

// Way is one way to await a call, and how long it takes from the request to the result.
type Way struct {
	Name  string  `json:"name"`
	P50MS float64 `json:"p50Ms"`
	P95MS float64 `json:"p95Ms"`
	Ratio float64 `json:"ratioToBare"` // of p50, relative to starting and awaiting a bare workflow
}

const eachWay = 100 // calls

// ways measures each way to await, one call at a time, in turns with the bare engine.
func (l *lab) ways(ctx context.Context, report *Report) error {
	if !l.Ways {
		return nil
	}
	s := l.product().site
	endpoint, remove, err := l.nexusEndpoint(ctx, s.queue)
	if err != nil {
		return err
	}
	defer remove()
	s.backAtOnce.Store(true)
	defer s.backAtOnce.Store(false)
	ways := []struct {
		name string
		call func(context.Context) (string, error)
	}{
		{"bare workflow, start and wait", l.shapes[0].call},
		{"bare child workflow", l.started(bareParent, nil)},
		{"HTTP, Prefer: wait", s.waited(s.webhook)},
		{"SSE stream", s.streamed},
		{"Go client, Await", s.awaited},
		{"child workflow RequestCall", l.fromWorkflow(s, userParent, s.queue)},
		{"Nexus operation CallWebhook", l.fromWorkflow(s, userAbroad, endpoint)},
		{"callback, at once", s.waited(s.later)},
	}
	latencies := make([][]float64, len(ways))
	for range eachWay {
		for i, way := range ways {
			begin := time.Now()
			if _, err := way.call(ctx); err != nil {
				return fmt.Errorf("%s: %w", way.name, err)
			}
			latencies[i] = append(latencies[i], since(begin))
		}
	}
	for i, way := range ways {
		slices.Sort(latencies[i])
		w := Way{Name: way.name, P50MS: quantile(latencies[i], 0.5), P95MS: quantile(latencies[i], 0.95)}
		w.Ratio = w.P50MS / quantile(latencies[0], 0.5)
		report.Ways = append(report.Ways, w)
	}
	return nil
}

// started runs a workflow of the bare worker and waits for its result, which goes to out.
func (l *lab) started(workflow any, out any, args ...any) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		id := "bench/" + uuid.NewString()
		run, err := l.client.ExecuteWorkflow(ctx, sdk.StartWorkflowOptions{ID: id, TaskQueue: bareQueue}, workflow, args...)
		if err != nil {
			return "", err
		}
		return id, run.Get(ctx, out)
	}
}

// nexusEndpoint makes an endpoint for a task queue of the product.
func (l *lab) nexusEndpoint(ctx context.Context, queue string) (name string, remove func(), err error) {
	namespace, err := worker.Namespace()
	if err != nil {
		return "", nil, err
	}
	name = "forgehook-bench-" + uuid.NewString()
	made, err := l.client.OperatorService().CreateNexusEndpoint(ctx, &operatorservice.CreateNexusEndpointRequest{Spec: &nexus.EndpointSpec{
		Name: name, Target: &nexus.EndpointTarget{Variant: &nexus.EndpointTarget_Worker_{
			Worker: &nexus.EndpointTarget_Worker{Namespace: namespace, TaskQueue: queue},
		}},
	}})
	if err != nil {
		return "", nil, err
	}
	return name, func() {
		_, _ = l.client.OperatorService().DeleteNexusEndpoint(context.WithoutCancel(ctx), &operatorservice.DeleteNexusEndpointRequest{
			Id: made.GetEndpoint().GetId(), Version: made.GetEndpoint().GetVersion(),
		})
	}, nil
}

// fromWorkflow makes a user's workflow call the webhook in this way.
func (l *lab) fromWorkflow(s *site, caller any, way string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		document := s.receipts[s.turn.next(len(s.receipts))].document
		in := workflows.RequestInput{
			Tenant: s.tenant, Request: forgehook.CallRequest{WebHookServiceID: &s.webhook, Document: &document}, WithResult: true,
		}
		var result workflows.RequestResult
		id, err := l.started(caller, &result, in, way)(ctx)
		if err == nil && (len(result.Calls) != 1 || result.Calls[0].Outcome != forgehook.Delivered) {
			err = fmt.Errorf("the caller got %+v", result)
		}
		return id, err
	}
}
