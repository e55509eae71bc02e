//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

// TestExampleTemporal runs the example of a user's workflow: as a parent in the same namespace, and
// over Nexus from another.
func TestExampleTemporal(t *testing.T) {
	t.Parallel()
	in := install(t, map[string]any{})
	erp := newEndpoint(t, says(`{"approved":true}`))
	webhook := in.attach("ERP", map[string]any{"webHook": map[string]any{"url": erp.URL}, "response": map[string]any{"result": "response.json"}})
	var tenant string
	if err := in.sql.QueryRowContext(t.Context(), "SELECT id FROM tenants").Scan(&tenant); err != nil {
		t.Fatal(err)
	}
	example := t.TempDir() + "/example"
	build := exec.CommandContext(t.Context(), "go", "build", "-o", example, "../../docs/examples/temporal")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	queue := in.value("FORGEHOOK_TASK_QUEUE")
	abroad, endpoint := in.nexus(queue)
	for _, way := range []struct {
		name, namespace string
		args            []string
	}{
		{"child", "", []string{"-queue", queue}},
		{"nexus", abroad, []string{"-nexus", endpoint}},
	} {
		t.Run(way.name, func(t *testing.T) {
			run := exec.CommandContext(t.Context(), example, append([]string{"-tenant", tenant, "-webhook", strconv.Itoa(int(webhook)),
				"-document", strconv.Itoa(int(in.document))}, way.args...)...)
			run.Env = os.Environ()
			if way.namespace != "" {
				run.Env = append(run.Env, "TEMPORAL_NAMESPACE="+way.namespace)
			}
			var said bytes.Buffer
			run.Stderr = &said
			out, err := run.Output()
			if err != nil || strings.TrimSpace(string(out)) != `go on with {"approved":true}` {
				t.Errorf("%v: %s\n%s", err, out, said.String())
			}
		})
	}
}

// nexus makes another user's namespace and an endpoint from there to Forgehook's task queue.
func (in *installation) nexus(queue string) (namespace, endpoint string) {
	in.t.Helper()
	name := "abroad-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	_, err := in.temporal.WorkflowService().RegisterNamespace(in.t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	if err != nil {
		in.t.Fatal(err)
	}
	home := os.Getenv("TEMPORAL_NAMESPACE")
	if home == "" {
		home = "default"
	}
	made, err := in.temporal.OperatorService().CreateNexusEndpoint(in.t.Context(), &operatorservice.CreateNexusEndpointRequest{Spec: &nexus.EndpointSpec{
		Name: name, Target: &nexus.EndpointTarget{Variant: &nexus.EndpointTarget_Worker_{
			Worker: &nexus.EndpointTarget_Worker{Namespace: home, TaskQueue: queue},
		}},
	}})
	if err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(func() {
		_, err := in.temporal.OperatorService().DeleteNexusEndpoint(context.WithoutCancel(in.t.Context()), &operatorservice.DeleteNexusEndpointRequest{
			Id: made.GetEndpoint().GetId(), Version: made.GetEndpoint().GetVersion(),
		})
		if err != nil {
			in.t.Error(err)
		}
	})
	in.eventually("all services know the namespace", func() bool {
		_, err := in.temporal.WorkflowService().ListWorkflowExecutions(in.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: name})
		return err == nil
	})
	return name, name
}
