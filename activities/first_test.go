package activities

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/outbound"
	"github.com/forgehook/forgehook/internal/outbound/zoo"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/workflows"
)

// within runs Deliver as a workflow task does.
func (b bundle) within(t *testing.T, call forgehook.Call) (workflows.DeliverResult, error) {
	t.Helper()
	return b.deliverLocally(t, workflows.DeliverInput{CallRef: b.ref(call), Timeout: 30 * second, ReportRetry: true})
}

func (b bundle) deliverLocally(t *testing.T, in workflows.DeliverInput) (result workflows.DeliverResult, err error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(slog.New(slog.DiscardHandler))
	env := suite.NewTestActivityEnvironment()
	if in.TaskBegan.IsZero() {
		in.TaskBegan = b.at
	}
	value, err := env.ExecuteLocalActivity(b.Deliver, in)
	if err != nil {
		return result, err
	}
	return result, value.Get(&result)
}

// takeOver runs Deliver as the regular activity that continues what a workflow task has begun.
func (b bundle) takeOver(t *testing.T, call forgehook.Call) (workflows.DeliverResult, error) {
	t.Helper()
	return run[workflows.DeliverResult](t, b, b.Deliver, workflows.DeliverInput{
		CallRef: b.ref(call), Timeout: 30 * second, ReportRetry: true, Underway: true,
	})
}

// elsewhere is another process on the same database.
func (b bundle) elsewhere() bundle {
	other := *b.Activities
	other.First = NewFirstAttempts(time.Minute)
	b.Activities = &other
	return b
}

var deliveredAtOnce = workflows.DeliverResult{Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 1, Reason: "200 OK"}

func TestWithin(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.Script(t, http.StatusServiceUnavailable, http.StatusOK)
	refused := b.ready(t, to(endpoint), retries(1, 10*second))
	result, err := b.within(t, refused)
	check(t, err)
	equal(t, "refused", result, workflows.DeliverResult{RetryIn: 10 * second, StatusCode: 503, Attempts: 1, Reason: "503 Service Unavailable"})
	call := b.ready(t, to(endpoint))
	result, err = b.within(t, call)
	check(t, err)
	equal(t, "delivered", result, deliveredAtOnce)
	equal(t, "outcome", b.outcome(t, call), forgehook.Delivered)
	again, err := b.takeOver(t, call)
	check(t, err)
	equal(t, "taken over after its end", again, workflows.DeliverResult{Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 1})
	equal(t, "requests", len(endpoint.Requests()), 2)
}

// The endpoint is slow: the workflow task does not wait, the exchange goes on, and the activity
// gets its result.
func TestWithin_handsOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.First = NewFirstAttempts(time.Millisecond)
	endpoint := zoo.Slow(t)
	call := b.ready(t, to(endpoint))
	for _, try := range []string{"first", "the task is tried again meanwhile"} {
		result, err := b.within(t, call)
		check(t, err)
		equal(t, try, result, workflows.DeliverResult{Underway: true})
	}
	endpoint.Await(t, 1)
	equal(t, "states meanwhile", b.states(t, call), []forgehook.AttemptState{forgehook.AttemptStarted})
	go endpoint.Release()
	result, err := b.takeOver(t, call)
	check(t, err)
	equal(t, "taken over", result, deliveredAtOnce)
	equal(t, "requests", len(endpoint.Requests()), 1)
	b.First.Wait(t.Context())
}

// handedOver is a call whose attempt outlives its workflow task. The endpoint has the request and
// has not responded.
func handedOver(t *testing.T) (bundle, *zoo.Server, forgehook.Call) {
	t.Helper()
	b := setup(t)
	b.First = NewFirstAttempts(time.Millisecond)
	endpoint := zoo.Slow(t)
	call := b.ready(t, to(endpoint))
	result, err := b.within(t, call)
	check(t, err)
	equal(t, "first", result, workflows.DeliverResult{Underway: true})
	endpoint.Await(t, 1)
	return b, endpoint, call
}

// The activity runs in another process, which knows the attempt only from PostgreSQL.
func TestWithin_takenOverElsewhere(t *testing.T) {
	t.Parallel()
	b, endpoint, call := handedOver(t)
	go endpoint.Release()
	result, err := b.elsewhere().takeOver(t, call)
	check(t, err)
	equal(t, "taken over", result, workflows.DeliverResult{Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 1})
	equal(t, "requests", len(endpoint.Requests()), 1)
}

// A waiting activity in another process goes on waiting while the database is briefly away, because
// the exchange is still on the wire.
func TestWithin_takenOverDatabaseCut(t *testing.T) {
	t.Parallel()
	b, endpoint, call := handedOver(t)
	raw := b.raw(t)
	lock, err := raw.BeginTx(t.Context(), nil)
	check(t, err)
	defer lock.Rollback() //nolint:errcheck // it is over by then
	_, err = lock.ExecContext(t.Context(), `LOCK TABLE attempts`)
	check(t, err)
	var result workflows.DeliverResult
	ended := make(chan error, 1)
	go func() {
		var err error
		result, err = b.elsewhere().takeOver(t, call)
		ended <- err
	}()
	for range 4 { // database/sql makes three tries itself
		cutBlocked(t, raw, ended)
	}
	check(t, lock.Rollback())
	endpoint.Release()
	check(t, <-ended)
	equal(t, "taken over", result, workflows.DeliverResult{Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 1})
	equal(t, "requests", len(endpoint.Requests()), 1)
	b.First.Wait(t.Context())
}

// The task lost patience before its attempt was noted, and the activity in another process began
// one. The late attempt is not sent.
func TestWithin_overtaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.OK(t)
	call := b.ready(t, to(endpoint))
	_, err := b.DB.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call), Now: b.at.Add(second)})
	check(t, err)
	result, err := b.within(t, call)
	check(t, err)
	equal(t, "overtaken", result, workflows.DeliverResult{Underway: true})
	equal(t, "states", b.states(t, call), []forgehook.AttemptState{forgehook.AttemptStarted})
	equal(t, "requests", len(endpoint.Requests()), 0)
}

// An attempt is not sent if it could last longer than others believe it under way, because its
// start took too long or its time is short.
func TestWithin_tooLate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.OK(t)
	call := b.ready(t, to(endpoint))
	_, err := b.deliverLocally(t, workflows.DeliverInput{CallRef: b.ref(call), Timeout: second})
	equal(t, "error", failed(t, err), failure{
		Type: "internal", Message: "the request could not be prepared: see the worker's log", Next: ourFaultDelay,
	})
	equal(t, "attempts", b.attempts(t, call), nil)
	equal(t, "requests", len(endpoint.Requests()), 0)
}

// A panic in a rule does not end the process.
func TestWithin_panics(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.ready(t, to(zoo.OK(t)))
	asked := 0
	b.Now = func() time.Time {
		if asked++; asked > 1 { // the first query is whether the task is late
			panic("a bug")
		}
		return b.at
	}
	_, err := b.within(t, call)
	equal(t, "error", failed(t, err), failure{Type: "internal", Message: "make the first attempt failed: see the worker's log"})
	if !strings.Contains(b.log.String(), "panic: a bug") {
		t.Errorf("the log is %s", b.log)
	}
}

func TestFirstAttempts_Wait(t *testing.T) {
	t.Parallel()
	first := NewFirstAttempts(time.Minute)
	end := make(chan struct{})
	first.begin("call", func() (workflows.DeliverResult, error) {
		<-end
		return workflows.DeliverResult{}, nil
	})
	over, cancel := context.WithCancel(t.Context())
	cancel()
	first.Wait(over)
	if first.find("call") == nil {
		t.Error("it has ended")
	}
	close(end)
	first.Wait(t.Context())
	if first.find("call") != nil {
		t.Error("it is kept after its end")
	}
}

// The process has died, so nothing can end the attempt. It becomes unknown, as after any worker's
// death.
func TestWithin_lost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.OK(t)
	call := b.ready(t, to(endpoint))
	_, err := b.DB.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call), Now: b.at.Add(-30*second - recordWithin - time.Millisecond)})
	check(t, err)
	result, err := b.takeOver(t, call)
	check(t, err)
	equal(t, "taken over", result, workflows.DeliverResult{Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 2, Reason: "200 OK"})
	equal(t, "states", b.states(t, call), []forgehook.AttemptState{forgehook.AttemptUnknown, forgehook.AttemptFinished})
}

// A workflow task that the engine may have given to another worker begins no attempt. The regular
// activity makes it.
func TestWithin_taskIsLate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.OK(t)
	call := b.ready(t, to(endpoint))
	in := workflows.DeliverInput{CallRef: b.ref(call), TaskBegan: b.at.Add(-taskIsLate - time.Millisecond)}
	if _, err := b.deliverWithin(t.Context(), in); err == nil {
		t.Error("want an error")
	}
	equal(t, "requests", len(endpoint.Requests()), 0)
	result, err := b.takeOver(t, call)
	check(t, err)
	equal(t, "taken over", result, deliveredAtOnce)
}

// A workflow task that is no longer wanted begins no attempt.
func TestWithin_contextHasEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.OK(t)
	call := b.ready(t, to(endpoint))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.deliverWithin(ctx, workflows.DeliverInput{CallRef: b.ref(call)}); err == nil {
		t.Error("want an error")
	}
	b.First.Wait(t.Context())
	equal(t, "attempts", b.attempts(t, call), nil)
}

// Only a quick endpoint is called within a workflow task, and only if the fast path is on.
func TestBuildRequest_quick(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sender, err := outbound.New(outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, QuickWithin: time.Minute})
	check(t, err)
	t.Cleanup(sender.Close)
	b.Sender = sender
	utility := b.utility(t, to(zoo.OK(t)))
	quick := func() bool {
		call := b.accept(t, utility)
		_, err := run[workflows.Evaluation](t, b, b.EvaluateConditions, b.ref(call))
		check(t, err)
		built, err := run[workflows.Built](t, b, b.BuildRequest, b.ref(call))
		check(t, err)
		_, err = b.within(t, call)
		check(t, err)
		return built.Quick
	}
	b.FastPath = true
	for i, want := range []bool{false, false, false, true} {
		if got := quick(); got != want {
			t.Errorf("call %d: quick %t, want %t", i+1, got, want)
		}
	}
	b.FastPath = false
	if quick() {
		t.Error("quick with the switch off")
	}
}
