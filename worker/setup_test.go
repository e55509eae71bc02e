package worker

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"

	"github.com/forgehook/forgehook/workflows"
)

// guarded is a Temporal that refuses new search attributes.
type guarded struct {
	client.Client
	operatorservice.OperatorServiceClient
}

func (g guarded) OperatorService() operatorservice.OperatorServiceClient { return g }

func (g guarded) AddSearchAttributes(context.Context, *operatorservice.AddSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.AddSearchAttributesResponse, error) {
	return nil, serviceerror.NewPermissionDenied("not allowed", "")
}

// Existing attributes are neither added nor waited for: the second process of an installation may
// lack the right to add.
func TestRegisterSearchAttributes_again(t *testing.T) {
	t.Parallel()
	b := setup(t) // registers them
	if err := RegisterSearchAttributes(t.Context(), guarded{b.client, b.client.OperatorService()}, client.DefaultNamespace); err != nil {
		t.Fatal(err)
	}
}

// operator has a namespace with some attributes.
type operator struct {
	guarded
	has map[string]enumspb.IndexedValueType
}

func (o operator) OperatorService() operatorservice.OperatorServiceClient { return o }

func (o operator) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error) {
	if o.has == nil {
		return nil, serviceerror.NewPermissionDenied("not allowed", "")
	}
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: o.has}, nil
}

func TestRegisterSearchAttributes_notAllowed(t *testing.T) {
	t.Parallel()
	present := map[string]enumspb.IndexedValueType{}
	for _, key := range workflows.SearchAttributes {
		present[key.GetName()] = key.GetValueType()
	}
	delete(present, "ForgehookTenant")
	delete(present, "ForgehookLastStatusCode")
	for name, tc := range map[string]struct {
		has  map[string]enumspb.IndexedValueType
		want string
	}{
		"two missing": {present, "temporal operator search-attribute create --name ForgehookTenant --type Keyword --name ForgehookLastStatusCode --type Int --namespace prod"},
		"list":        {nil, "--name ForgehookOutcome --type Keyword --name ForgehookLastStatusCode --type Int --namespace prod"},
		"other type": {
			map[string]enumspb.IndexedValueType{"ForgehookTenant": enumspb.INDEXED_VALUE_TYPE_TEXT},
			"search attribute ForgehookTenant of namespace \"prod\" is of type Text, it must be Keyword",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := RegisterSearchAttributes(t.Context(), operator{has: tc.has}, "prod")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestEnsureSweep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	swept := make(chan struct{}, 100)
	b.sweep = func(context.Context) (workflows.SweepResult, error) {
		swept <- struct{}{}
		return workflows.SweepResult{}, nil
	}
	b.work()
	id := "test-sweep-" + rand.Text()
	handle := b.client.ScheduleClient().GetHandle(t.Context(), id)
	t.Cleanup(func() { _ = handle.Delete(context.Background()) })
	ensure := func(every time.Duration) *client.ScheduleDescription {
		t.Helper()
		if err := ensureSweep(t.Context(), b.client, id, b.taskQueue, every); err != nil {
			t.Fatal(err)
		}
		d, err := handle.Describe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	ensure(time.Second)
	<-swept
	if err := handle.Pause(t.Context(), client.SchedulePauseOptions{Note: "by an operator"}); err != nil {
		t.Fatal(err)
	}
	d := ensure(30 * time.Second)
	if got := d.Schedule.Spec.Intervals; len(got) != 1 || got[0].Every != 30*time.Second {
		t.Errorf("intervals %+v", got)
	}
	if got := d.Schedule.Policy; got.Overlap != enumspb.SCHEDULE_OVERLAP_POLICY_SKIP || got.CatchupWindow != 10*time.Second {
		t.Errorf("policy %+v", got)
	}
	if !d.Schedule.State.Paused {
		t.Error("the operator's pause was undone")
	}
	action := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	if action.Workflow != "Sweep" || action.TaskQueue != b.taskQueue {
		t.Errorf("action %+v", action)
	}
}

// Not parallel: it changes the environment.
func TestDial_saysWhereItFailed(t *testing.T) {
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	t.Setenv("TEMPORAL_NAMESPACE", "prod")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := Dial(ctx, DialOptions{Logger: quiet})
	const want = `cannot connect to Temporal at 127.0.0.1:1, namespace "prod": `
	if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want %q", err, want)
	}
}
