package worker

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/forgehook/forgehook/workflows"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cluster, err := InspectCluster(t.Context(), b.client)
	if err != nil || cluster.Shards < 4 || cluster.Version == "" || cluster.Namespace != client.DefaultNamespace {
		t.Errorf("%+v, %v", cluster, err)
	}
	missing, err := InspectNamespace(t.Context(), b.client, "nowhere-"+rand.Text())
	if err != nil || missing.Exists {
		t.Errorf("%+v, %v", missing, err)
	}
	name := "bare-" + strings.ToLower(rand.Text())
	_, err = b.client.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(48 * time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool {
		made, err := InspectNamespace(t.Context(), b.client, name)
		return err == nil && made == NamespaceState{Exists: true, Registered: true, Retention: 48 * time.Hour, EagerStart: made.EagerStart}
	})
	attributes, err := InspectSearchAttributes(t.Context(), b.client, name)
	if err != nil || len(attributes.Missing) != len(workflows.SearchAttributes) || !strings.HasSuffix(attributes.Command, " --namespace "+name) {
		t.Errorf("%+v, %v", attributes, err)
	}
}

func TestInspectQueue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	q, err := InspectQueue(t.Context(), b.client, client.DefaultNamespace, b.taskQueue)
	if err != nil || q.WorkflowPollers != 0 || q.Unrouted {
		t.Errorf("%+v, %v", q, err)
	}
	b.work()
	eventually(t, func() bool {
		q, err := InspectQueue(t.Context(), b.client, client.DefaultNamespace, b.taskQueue)
		return err == nil && q.WorkflowPollers == 1 && q.ActivityPollers == 1 && !q.Unrouted
	})
}

func TestInspectSweep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if s, err := InspectSweep(t.Context(), b.client, b.taskQueue); err != nil || s.Exists {
		t.Errorf("%+v, %v", s, err)
	}
	if err := EnsureSweep(t.Context(), b.client, b.taskQueue, time.Second); err != nil {
		t.Fatal(err)
	}
	handle := b.client.ScheduleClient().GetHandle(t.Context(), sweepID(b.taskQueue))
	t.Cleanup(func() { _ = handle.Delete(context.Background()) })
	eventually(t, func() bool {
		s, err := InspectSweep(t.Context(), b.client, b.taskQueue)
		return err == nil && s.Exists && !s.Paused && s.Every == time.Second && !s.LastRun.IsZero()
	})
	if err := handle.Pause(t.Context(), client.SchedulePauseOptions{Note: "by an operator"}); err != nil {
		t.Fatal(err)
	}
	if s, err := InspectSweep(t.Context(), b.client, b.taskQueue); err != nil || !s.Paused || s.Note != "by an operator" {
		t.Errorf("%+v, %v", s, err)
	}
}

// The development stack is fair: the small tenant's tasks come early although the large tenant
// filled the backlog first.
func TestRunProbe(t *testing.T) {
	t.Parallel()
	setup(t)
	p, err := RunProbe(t.Context(), client.DefaultNamespace)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Timed || p.Looked != looked || p.Small == 0 || p.TimerLate < 0 || p.TimerLate == probeWithin {
		t.Errorf("%+v", p)
	}
}

func TestOrder_first(t *testing.T) {
	t.Parallel()
	o := &order{tenants: slices.Concat(slices.Repeat([]string{"many"}, looked-2), []string{"few", "many", "few"})}
	if small, of := o.first(); small != 1 || of != looked {
		t.Errorf("%d of %d, want 1 of %d", small, of, looked)
	}
	if small, of := (&order{}).first(); small != 0 || of != 0 {
		t.Errorf("%d of %d, want none of none", small, of)
	}
}

// eventually polls until ok holds or the test's time is over.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.After(30 * time.Second); !ok(); {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			t.Fatal("it did not happen within 30 s")
		}
	}
}
