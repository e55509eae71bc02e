//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.temporal.io/api/enums/v1"

	"github.com/forgehook/forgehook"
)

// TestDeploy rolls from the program to a changed one while calls are open in each state and others
// are made.
func TestDeploy(t *testing.T) {
	t.Parallel()
	changed := changedProgram(t)
	t.Run("behind a change id", func(t *testing.T) {
		t.Parallel()
		deployCompatible(t, changed)
	})
	t.Run("behind none", func(t *testing.T) {
		t.Parallel()
		deployBroken(t, changed)
	})
}

// deployCompatible rolls to a program that changes as workflows/versions.go asks: older calls end
// on the new code, and new ones run on it.
func deployCompatible(t *testing.T, changed string) {
	d := openCalls(t)
	d.in.env = append(d.in.env, withChangeID+"=1")
	old := d.roll(changed)
	meanwhile := d.in.call()
	d.landed(old)
	later := d.in.call()
	d.goOn()
	d.end(meanwhile, later)
	if n := d.in.events(later, enums.EVENT_TYPE_TIMER_STARTED); n != 1 {
		t.Errorf("a new call has %d timers, want the one of the new code", n)
	}
	for state, call := range d.open {
		if n := d.in.events(call, enums.EVENT_TYPE_WORKFLOW_TASK_FAILED); n > 0 {
			t.Errorf("%s: %d workflow tasks failed on the new code", state, n)
		}
	}
}

// deployBroken rolls to a program that does not fit older histories: those calls wait, and end once
// the right program is back. New calls run on it.
func deployBroken(t *testing.T, changed string) {
	d := openCalls(t)
	old := d.roll(changed)
	d.landed(old)
	d.goOn()
	d.in.verify(d.ended(d.in.call()), forgehook.Delivered, 1)
	retried := d.open[forgehook.CallWaitingRetry]
	d.in.eventually("a call does not fit the broken program", func() bool {
		return d.in.events(retried, enums.EVENT_TYPE_WORKFLOW_TASK_FAILED) > 0
	})
	if call, err := d.in.client.Call(t.Context(), retried.ID, 0); err != nil || call.Outcome != nil {
		t.Errorf("a call that does not fit: %s (%v), want it to wait", outcomeText(call), err)
	}
	d.roll(program)
	d.end()
}

// roll starts a worker of another program and stops the old one in order.
func (d *deployment) roll(to string) (old *process) {
	d.in.t.Helper()
	old, d.in.program = d.in.worker, to
	d.in.worker = d.in.start("worker")
	old.signal(syscall.SIGTERM)
	return old
}

// landed responds to the exchange on the wire and all later ones, so that its worker can end. Later
// tasks go to the new one.
func (d *deployment) landed(old *process) {
	d.wire.respond <- http.StatusOK
	d.in.respondAll(d.in.t.Context())
	<-old.done
}

// deployment is an installation with one open call in each state.
type deployment struct {
	in       *installation
	open     map[forgehook.CallStatus]forgehook.Call
	wire     *exchange // of the call that is on the wire
	log      receiverLog
	callback string // where the endpoint calls back
}

func openCalls(t *testing.T) *deployment {
	t.Helper()
	in := install(t, map[string]any{})
	d := &deployment{in: in, open: map[forgehook.CallStatus]forgehook.Call{}}
	callbacks := make(chan string, 1)
	later := newLoggedEndpoint(t, &d.log, func(_ http.ResponseWriter, r *http.Request, status func(int)) {
		status(http.StatusAccepted)
		callbacks <- r.Header.Get("Forgehook-Callback-Url")
	})
	fails := newLoggedEndpoint(t, &d.log, func(_ http.ResponseWriter, r *http.Request, status func(int)) {
		if r.Header.Get("webhook-attempt") == "1" {
			status(http.StatusServiceUnavailable)
			return
		}
		status(http.StatusOK)
	})
	good := newLoggedEndpoint(t, &d.log, responds(http.StatusOK))
	paused := in.attach("Paused", map[string]any{"webHook": map[string]any{"url": good.URL}})
	in.do(http.MethodPost, fmt.Sprintf("/v1/services/%d/pause", paused), nil, nil)
	for status, webhook := range map[forgehook.CallStatus]int32{
		forgehook.CallPaused: paused,
		forgehook.CallWaitingRetry: in.attach("Fails", map[string]any{
			"webHook": map[string]any{"url": fails.URL, "retryCount": 3, "retryDelay": "01:00:00"},
		}),
		forgehook.CallAwaiting: in.attach("Later", map[string]any{
			"webHook": map[string]any{"url": later.URL}, "callback": map[string]any{"await": true},
		}),
		forgehook.CallDelivering: in.webhook,
	} {
		d.open[status] = in.accept(webhook)
	}
	d.wire = in.next()
	for status, call := range d.open {
		in.await(call.ID, "the call is "+string(status), func(c forgehook.Call) bool { return c.Status == status })
	}
	d.callback = <-callbacks
	return d
}

// goOn does what each waiting call waits for.
func (d *deployment) goOn() {
	d.in.t.Helper()
	d.in.do(http.MethodPost, "/v1/calls/"+d.open[forgehook.CallWaitingRetry].ID+"/retry", nil, nil)
	d.in.do(http.MethodPost, fmt.Sprintf("/v1/services/%d/resume", d.open[forgehook.CallPaused].WebHookServiceID), nil, nil)
	if status, code := callBack(d.in.t, d.callback, `{"result":"later"}`); status != http.StatusOK {
		d.in.t.Errorf("callback: %d %s", status, code)
	}
}

// end waits until the open calls and the given ones are delivered and their workflows end, and
// checks them against what the endpoints saw.
func (d *deployment) end(more ...forgehook.Call) {
	d.in.t.Helper()
	c := checker{client: d.in.client, log: &d.log}
	for status, call := range d.open {
		if call.WebHookServiceID == d.in.webhook {
			more = append(more, call)
			continue
		}
		d.ended(call)
		c.calls = append(c.calls, acceptedCall{id: call.ID, outcomes: delivered, hurried: status == forgehook.CallWaitingRetry})
	}
	for _, call := range more {
		d.in.verify(d.ended(call), forgehook.Delivered, 1)
	}
	for _, fault := range c.check(d.in.t.Context()) {
		d.in.t.Error(fault)
	}
}

// ended waits for a call's outcome and the end of its workflow.
func (d *deployment) ended(call forgehook.Call) forgehook.Call {
	d.in.t.Helper()
	ended := d.in.ended(call.ID)
	d.in.eventually("its workflow ends", func() bool {
		described, err := d.in.temporal.DescribeWorkflowExecution(d.in.t.Context(), call.WorkflowID, "")
		return err == nil && described.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_COMPLETED
	})
	return ended
}

// events counts the events of a type in a call's history.
func (in *installation) events(call forgehook.Call, kind enums.EventType) (n int) {
	in.t.Helper()
	history := in.temporal.GetWorkflowHistory(in.t.Context(), call.WorkflowID, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			in.t.Fatal(err)
		}
		if event.GetEventType() == kind {
			n++
		}
	}
	return n
}

// withChangeID makes the changed program one that fits older histories, through its environment.
const withChangeID = "E2E_CHANGE_ID"

// changedProgram builds the program with one more command at the start of a call's workflow, and
// returns its path.
func changedProgram(t *testing.T) string {
	t.Helper()
	const imports, beginning = "import (\n", "func (c *call) run() (CallResult, error) {\n"
	const command = "\tif os.Getenv(\"" + withChangeID + "\") == \"\" || workflow.GetVersion(c.ctx, \"e2e\", workflow.DefaultVersion, 1) == 1 {\n" +
		"\t\t_ = workflow.Sleep(c.ctx, time.Millisecond)\n\t}\n"
	source, err := filepath.Abs("../../workflows/call.go")
	check(t, err)
	content, err := os.ReadFile(source)
	check(t, err)
	text := string(content)
	for place, more := range map[string]string{imports: "\t\"os\"\n", beginning: command} {
		if strings.Count(text, place) != 1 {
			t.Fatalf("%s has no %q, or several", source, place)
		}
		text = strings.Replace(text, place, place+more, 1)
	}
	folder := t.TempDir()
	copied, overlay, built := filepath.Join(folder, "call.go"), filepath.Join(folder, "overlay.json"), filepath.Join(folder, "forgehook")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{source: copied}})
	check(t, err)
	check(t, os.WriteFile(copied, []byte(text), 0o600))
	check(t, os.WriteFile(overlay, replace, 0o600))
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "-ldflags", "-s -w", "-o", built, "../../cmd/forgehook")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return built
}
