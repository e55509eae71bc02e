//go:build record

package workflows

import (
	"context"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/operatorservice/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/forgehook/forgehook"
)

// release is the release of the present code; recordings go to its folder.
const release = "v0.3"

var record = flag.String("record", "", `record the history of this case, of "all", or of those that are "new", on the Temporal at TEMPORAL_ADDRESS`)

// TestRecord runs a workflow with fake activities on a real Temporal and stores its history for
// TestReplay:
//
//	make record NAME=retry-then-delivered
//
// It also compares the test suite's server (engine_test.go) with the real one: every case checks
// its outcome.
func TestRecord(t *testing.T) {
	names := slices.Sorted(maps.Keys(recordings))
	switch *record {
	case "all":
	case "new":
		names = slices.DeleteFunc(names, func(name string) bool {
			files, err := filepath.Glob(filepath.Join("testdata", "histories", "*", filepath.Base(name)+".json"))
			return err == nil && len(files) > 0
		})
	default:
		if recordings[*record] == nil {
			t.Fatalf("no case is called %q; a new one is an entry of recordings, in record_test.go. There are %q", *record, names)
		}
		names = []string{*record}
	}
	c := dialRecorder(t)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			queue := "record-" + filepath.Base(name)
			r := &recorder{bench: &bench{fake: newFake(), t: t}, t: t, client: c, worker: worker.New(c, queue, worker.Options{}), queue: queue}
			r.complete = func(_ context.Context, in CompleteInput) (CallResult, error) {
				switch {
				case in.Outcome != "":
					return CallResult{CallID: in.CallID, Outcome: in.Outcome}, nil
				case r.calledBack.Load():
					return CallResult{CallID: in.CallID, Outcome: forgehook.Delivered, StatusCode: 202, Attempts: 1}, nil
				}
				r.asked.Add(1)
				return CallResult{}, nil
			}
			recordings[name](r)
			folder := release
			if strings.HasPrefix(name, "broken/") {
				folder = "broken"
			}
			r.write(filepath.Join("testdata", "histories", folder, filepath.Base(name)+".json"))
		})
	}
}

// recordings are the cases by file name.
var recordings = map[string]func(*recorder){
	"delivered": func(r *recorder) {
		r.start(CallWebhook, r.input())
		r.ends(forgehook.Delivered)
	},
	"within-delivered": func(r *recorder) {
		r.quick(result(delivered(1)))
		r.start(CallWebhook, r.input())
		r.ends(forgehook.Delivered)
	},
	"within-retry": func(r *recorder) {
		r.quick(result(refused(1, time.Second)))
		r.start(CallWebhook, r.input())
		r.ends(forgehook.Delivered)
	},
	"within-under-way": func(r *recorder) {
		r.quick(result(DeliverResult{Underway: true}))
		r.start(CallWebhook, r.input())
		r.ends(forgehook.Delivered)
	},
	"within-broken": func(r *recorder) {
		r.quick(failure(errors.New("the database is away")))
		r.start(CallWebhook, r.input())
		r.ends(forgehook.Delivered)
	},
	"within-held": func(r *recorder) {
		r.quick(held)
		r.start(CallWebhook, r.input())
		r.until(forgehook.CallPaused)
		r.signal(ResumeSignal)
		r.ends(forgehook.Delivered)
	},
	"skipped": func(r *recorder) {
		r.evaluate = func(context.Context, CallRef) (Evaluation, error) {
			return Evaluation{Outcome: forgehook.Skipped, Conditions: []ConditionFact{{"enabled", true}, {"document.status", false}}}, nil
		}
		r.start(CallWebhook, r.input())
		r.ends(forgehook.Skipped)
	},
	"retry-then-delivered": func(r *recorder) {
		r.script(result(refused(1, time.Second)), failure(notReady(time.Second)), failure(notReady(time.Second)))
		r.start(CallWebhook, r.input())
		r.ends(forgehook.Delivered)
	},
	"build-failed": func(r *recorder) {
		r.build = func(context.Context, CallRef) (Built, error) { return Built{Outcome: forgehook.Failed}, nil }
		r.start(CallWebhook, r.input())
		r.ends(forgehook.Failed)
	},
	"deliver-fault": func(r *recorder) {
		r.script(failure(fault("not-found")))
		r.start(CallWebhook, r.input())
		r.ends(forgehook.Failed)
	},
	"interrupt-cancel": func(r *recorder) { // in the policy's back-off
		r.script(result(refused(1, time.Millisecond)), failure(notReady(time.Hour)))
		r.start(CallWebhook, r.input())
		r.untilBackingOff()
		r.cancel()
		r.ends(forgehook.Canceled)
	},
	"interrupt-cancel-timer": func(r *recorder) {
		r.script(result(refused(1, time.Hour)))
		r.start(CallWebhook, r.input())
		r.until(forgehook.CallWaitingRetry)
		r.cancel()
		r.ends(forgehook.Canceled)
	},
	"interrupt-cancel-send-delivers": func(r *recorder) {
		noticed := make(chan struct{})
		r.deliver = func(ctx context.Context, _ DeliverInput) (DeliverResult, error) {
			defer close(noticed)
			beat(ctx)
			return delivered(1), nil
		}
		r.start(CallWebhook, r.input())
		r.until(forgehook.CallDelivering)
		r.cancel()
		<-noticed
		r.ends(forgehook.Delivered)
	},
	"interrupt-cancel-at-once": func(r *recorder) {
		r.beforeWork = r.cancel
		r.start(CallWebhook, r.input())
		r.ends(forgehook.Canceled)
	},
	"expired-at-start": func(r *recorder) {
		r.script(result(DeliverResult{Outcome: forgehook.Expired}))
		r.start(CallWebhook, r.input())
		r.ends(forgehook.Expired)
	},
	"interrupt-deadline": func(r *recorder) {
		r.script(result(refused(1, time.Millisecond)), failure(notReady(time.Hour)))
		in := r.input()
		in.Deadline = 3 * time.Second
		r.start(CallWebhook, in)
		r.ends(forgehook.Expired)
	},
	"interrupt-retry-now": func(r *recorder) {
		r.script(result(refused(1, time.Hour)), failure(notReady(time.Hour)))
		r.start(CallWebhook, r.input())
		r.until(forgehook.CallWaitingRetry)
		r.signal(RetryNowSignal)
		r.untilBackingOff()
		r.signal(RetryNowSignal)
		r.ends(forgehook.Delivered)
	},
	"interrupt-retry-now-send": func(r *recorder) {
		sends := 0
		r.deliver = func(ctx context.Context, _ DeliverInput) (DeliverResult, error) {
			if sends++; sends == 1 {
				beat(ctx)
				return DeliverResult{}, ctx.Err()
			}
			return delivered(sends), nil
		}
		r.start(CallWebhook, r.input())
		r.until(forgehook.CallDelivering)
		r.signal(RetryNowSignal)
		r.ends(forgehook.Delivered)
	},
	"held-resumed": func(r *recorder) {
		r.script(held, result(refused(2, time.Second)))
		r.start(CallWebhook, r.input())
		r.until(forgehook.CallPaused)
		r.signal(RetryNowSignal)
		r.signal(ResumeSignal)
		r.ends(forgehook.Delivered)
	},
	"held-canceled": func(r *recorder) {
		r.script(held)
		r.start(CallWebhook, r.input())
		r.until(forgehook.CallPaused)
		r.cancel()
		r.ends(forgehook.Canceled)
	},
	"local-fallback": func(r *recorder) { // takes the local activity's 20 s
		r.evaluate = func(ctx context.Context, _ CallRef) (Evaluation, error) {
			if activity.GetInfo(ctx).IsLocalActivity {
				return Evaluation{}, errors.New("the database is away")
			}
			return Evaluation{}, nil
		}
		r.start(CallWebhook, r.input())
		r.ends(forgehook.Delivered)
	},
	"drain": func(r *recorder) {
		pages := 0
		r.release = func(context.Context, ReleaseInput) (ReleaseResult, error) {
			switch pages++; pages {
			case 1:
				return ReleaseResult{Released: drainPage}, nil
			case 2: // the drain is about to end when the utility is resumed again
				r.signal(ResumeSignal)
				return ReleaseResult{Done: true}, nil
			}
			return ReleaseResult{Done: true}, nil
		}
		r.start(DrainUtility, drainInput)
		r.wait(nil)
		if pages != 3 {
			r.t.Errorf("%d pages were read, want 3: the second resume was lost", pages)
		}
	},
	"sweep": func(r *recorder) {
		r.sweep = func(context.Context) (SweepResult, error) { return SweepResult{Started: 1}, nil }
		r.start(Sweep)
		r.wait(nil)
	},
	"awaiting-called-back": func(r *recorder) {
		r.script(r.await(time.Hour))
		r.start(CallWebhook, r.input())
		r.until(forgehook.CallAwaiting)
		r.signal(CallbackSignal) // spurious
		r.untilAsked(1)
		r.callBack()
		r.ends(forgehook.Delivered)
	},
	"awaiting-canceled": func(r *recorder) {
		r.script(r.await(time.Hour))
		r.start(CallWebhook, r.input())
		r.until(forgehook.CallAwaiting)
		r.cancel()
		r.ends(forgehook.Canceled)
	},
	"awaiting-retry-now": func(r *recorder) { // the deadline runs before and after a hold
		r.script(result(refused(1, time.Millisecond)), r.await(time.Hour), held)
		r.start(CallWebhook, r.input())
		r.until(forgehook.CallAwaiting)
		r.signal(RetryNowSignal)
		r.until(forgehook.CallPaused)
		r.signal(ResumeSignal)
		r.ends(forgehook.Delivered)
	},
	"interrupt-callback-timeout": func(r *recorder) {
		r.script(r.await(2 * time.Second))
		r.start(CallWebhook, r.input())
		r.ends(forgehook.Expired)
	},
	"interrupt-callback": func(r *recorder) { // in the policy's back-off; the first signal is spurious
		r.script(result(refused(1, time.Millisecond)), failure(notReady(time.Hour)), failure(notReady(time.Hour)))
		r.start(CallWebhook, r.input())
		r.untilBackingOff()
		r.signal(CallbackSignal)
		r.untilAsked(1)
		r.untilBackingOff()
		r.callBack()
		r.ends(forgehook.Delivered)
	},
	"interrupt-callback-timer": func(r *recorder) {
		r.script(result(refused(1, time.Hour)))
		r.start(CallWebhook, r.input())
		r.until(forgehook.CallWaitingRetry)
		r.signal(CallbackSignal)
		r.untilAsked(1)
		r.callBack()
		r.ends(forgehook.Delivered)
	},
	"interrupt-callback-hold": func(r *recorder) {
		r.script(held)
		r.start(CallWebhook, r.input())
		r.until(forgehook.CallPaused)
		r.callBack()
		r.ends(forgehook.Delivered)
	},
	"interrupt-callback-send": func(r *recorder) { // the endpoint calls back before its 2xx
		until := time.Now().Add(time.Hour)
		r.deliver = func(ctx context.Context, _ DeliverInput) (DeliverResult, error) {
			beat(ctx)
			return DeliverResult{AwaitUntil: &until, StatusCode: 202, Attempts: 1, Reason: "202 Accepted"}, nil
		}
		r.start(CallWebhook, r.input())
		r.until(forgehook.CallDelivering)
		r.callBack()
		r.ends(forgehook.Delivered)
	},
	"woken": func(r *recorder) {
		r.script(result(DeliverResult{Outcome: forgehook.Delivered, Wake: true, StatusCode: 200, Attempts: 1, Reason: "200 OK"}))
		r.start(CallWebhook, r.input())
		r.ends(forgehook.Delivered)
	},
	"request": func(r *recorder) { // one call ends before its acceptance is known, one is signalled twice
		r.accept = func(context.Context, AcceptInput) (Accepted, error) {
			r.endCall("b")
			return Accepted{Calls: []CallResult{{CallID: "a"}, {CallID: "b"}, {CallID: "c", Outcome: forgehook.Skipped}}}, nil
		}
		r.start(RequestCall, requestInput())
		r.untilDetails("waiting for **1** of them")
		r.endCall("b")
		r.endCall("a")
		var got RequestResult
		if r.wait(&got); len(got.Calls) != 3 {
			r.t.Errorf("got %+v", got)
		}
	},
	"request-canceled": func(r *recorder) {
		r.start(RequestCall, requestInput())
		r.untilDetails("waiting for **2** of them")
		r.cancel()
		if err := r.run.Get(r.t.Context(), nil); !temporal.IsCanceledError(err) {
			r.t.Errorf("got %v, want a cancellation", err)
		}
	},
	"request-canceled-accepting": func(r *recorder) {
		accepting := make(chan struct{})
		r.accept = func(ctx context.Context, _ AcceptInput) (Accepted, error) {
			close(accepting)
			<-ctx.Done()
			return Accepted{}, ctx.Err()
		}
		r.start(RequestCall, requestInput())
		<-accepting
		r.cancel()
		if err := r.run.Get(r.t.Context(), nil); !temporal.IsCanceledError(err) {
			r.t.Errorf("got %v, want a cancellation", err)
		}
	},
	"request-refused": func(r *recorder) {
		r.accept = func(context.Context, AcceptInput) (Accepted, error) { return Accepted{}, fault("invalid") }
		r.start(RequestCall, requestInput())
		if err := r.run.Get(r.t.Context(), nil); !isFault(err) {
			r.t.Errorf("got %v, want the fault", err)
		}
	},
	"run": func(r *recorder) { // two batches at once, then a wait for the last calls
		r.batches(Batch{Processed: 2, Calls: 4, Open: 4}, Batch{Processed: 1, Calls: 2, Open: 6, Done: true}, Batch{Done: true})
		r.start(RunUtilities, runInput())
		r.untilDetails("waiting for **6**")
		r.signal(RunDrainedSignal)
		r.ran(forgehook.RunDone)
	},
	"run-stopped": func(r *recorder) {
		r.batches(Batch{Processed: 1, Calls: 1, Open: 1, Wait: true}, Batch{Wait: true, Stopped: true, Why: "Call c failed."})
		r.start(RunUtilities, runInput())
		r.untilDetails("waiting for **1**")
		r.signal(RunDrainedSignal)
		r.ran(forgehook.RunFailed)
	},
	"run-canceled": func(r *recorder) {
		r.batches(Batch{Processed: 1, Calls: 1, Open: 1, Done: true})
		r.start(RunUtilities, runInput())
		r.untilDetails("waiting for **1**")
		r.cancel()
		r.ran(forgehook.RunCanceled)
	},
	"run-canceled-accepting": func(r *recorder) {
		asked := make(chan struct{}, 1)
		r.batch = func(context.Context, RunRef) (Batch, error) {
			select {
			case asked <- struct{}{}:
			default:
			}
			return Batch{}, errors.New("the database is away")
		}
		r.start(RunUtilities, runInput())
		<-asked
		r.cancel()
		r.ran(forgehook.RunCanceled)
	},
	"run-continued": func(r *recorder) { // the first run's history, which ends by continuing as new
		asked := 0
		r.batch = func(context.Context, RunRef) (Batch, error) {
			asked++
			return Batch{Processed: 1, Calls: 1, Done: asked > runBatches}, nil
		}
		r.start(RunUtilities, runInput())
		r.ran(forgehook.RunDone)
	},
	"work-item-answered": func(r *recorder) { // the due date moves, the item is handed over, and one signal is spurious
		i := r.item(forgehook.DueReject, time.Hour)
		r.start(ProcessWorkItem, processRef)
		r.untilDetails("due at")
		later := time.Now().Add(2 * time.Hour)
		i.becomes(func(s *ItemState) { s.DueAt = &later })
		r.untilDetails("due at " + forgehook.Time{Time: later}.String())
		i.becomes(func(s *ItemState) { s.Status, s.Handed = 5, true })
		r.untilDetails("handed over")
		i.becomes(func(s *ItemState) { s.WorkItemID, s.Status, s.Handed = 6, 6, false })
		r.untilDetails("Work item **6**")
		i.becomes(func(s *ItemState) { s.CallOutcome = forgehook.Delivered })
		r.processed(forgehook.ProcessAnswered)
	},
	"work-item-escalated": func(r *recorder) {
		i := r.item(forgehook.DueEscalate, 2*time.Second)
		r.start(ProcessWorkItem, processRef)
		r.untilDetails("Work item **6**")
		r.signal(CallEndedSignal)
		i.becomes(func(s *ItemState) { s.Status = 2 })
		r.processed(forgehook.ProcessSettled)
	},
	"work-item-rejected": func(r *recorder) {
		r.item(forgehook.DueReject, 2*time.Second)
		r.start(ProcessWorkItem, processRef)
		r.processed(forgehook.ProcessRejected)
	},
	"work-item-canceled": func(r *recorder) {
		r.item(forgehook.DueContinue, time.Hour)
		r.start(ProcessWorkItem, processRef)
		r.untilDetails("due at")
		r.cancel()
		r.processed(forgehook.ProcessCanceled)
	},
	// A CallWebhook that builds before it evaluates.
	"broken/build-first": func(r *recorder) {
		r.worker.RegisterWorkflowWithOptions(func(ctx workflow.Context, in CallInput) (CallResult, error) {
			for _, s := range []step{buildRequest, evaluateConditions} {
				if err := local(ctx, s, in.CallRef).Get(ctx, nil); err != nil {
					return CallResult{}, err
				}
			}
			var d DeliverResult
			err := deliver(ctx, Built{}, DeliverInput{CallRef: in.CallRef, Timeout: in.Timeout}).Get(ctx, &d)
			return CallResult{CallID: in.CallID, Outcome: d.Outcome, StatusCode: d.StatusCode, Attempts: d.Attempts}, err
		}, workflow.RegisterOptions{Name: "CallWebhook", DisableAlreadyRegisteredCheck: true})
		r.start("CallWebhook", r.input())
		r.ends(forgehook.Delivered)
	},
}

// recorder runs one case.
type recorder struct {
	*bench // for its fakes, not its engine
	t      *testing.T
	client client.Client
	worker worker.Worker
	queue  string
	run    client.WorkflowRun
	first  string // the id of the first run, whose history is stored

	beforeWork func() // runs between the starts of the run and the worker
	calledBack atomic.Bool
	asked      atomic.Int32 // queries for the outcome that stands
}

func dialRecorder(t *testing.T) client.Client {
	address := os.Getenv("TEMPORAL_ADDRESS")
	if address == "" {
		t.Fatal("TEMPORAL_ADDRESS is not set: run make record")
	}
	// A fixed identity: the default names this process and its host.
	c, err := client.Dial(client.Options{HostPort: address, Logger: quiet, Identity: "recorder"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	present, err := c.OperatorService().ListSearchAttributes(t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: client.DefaultNamespace})
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]enumspb.IndexedValueType{}
	for _, key := range SearchAttributes {
		if _, ok := present.GetCustomAttributes()[key.GetName()]; !ok {
			missing[key.GetName()] = key.GetValueType()
		}
	}
	if len(missing) == 0 {
		return c
	}
	if _, err := c.OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{
		Namespace: client.DefaultNamespace, SearchAttributes: missing,
	}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second) // until all services know them: a failed workflow task would be in the history
	return c
}

func (r *recorder) input() CallInput {
	in := input()
	in.AcceptedAt = time.Now().UTC()
	return in
}

func (r *recorder) start(workflowType any, args ...any) {
	r.t.Helper()
	if _, replaced := workflowType.(string); !replaced {
		r.worker.RegisterWorkflow(workflowType)
	}
	r.worker.RegisterActivity(r.fake)
	run, err := r.client.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{ID: r.queue, TaskQueue: r.queue}, workflowType, args...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.run, r.first = run, run.GetRunID()
	if r.beforeWork != nil {
		r.beforeWork()
	}
	if err := r.worker.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(r.worker.Stop)
}

func (r *recorder) wait(result any) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	if err := r.run.Get(ctx, result); err != nil {
		r.t.Fatal(err)
	}
}

func (r *recorder) ends(want forgehook.Outcome) {
	r.t.Helper()
	var got CallResult
	if r.wait(&got); got.Outcome != want {
		r.t.Fatalf("outcome %s, want %s", got.Outcome, want)
	}
}

func (r *recorder) signal(name string) {
	if err := r.client.SignalWorkflow(r.t.Context(), r.run.GetID(), r.run.GetRunID(), name, nil); err != nil {
		r.t.Error(err)
	}
}

func (r *recorder) cancel() {
	if err := r.client.CancelWorkflow(r.t.Context(), r.run.GetID(), r.run.GetRunID()); err != nil {
		r.t.Error(err)
	}
}

// await is an endpoint that takes the request and calls back by this time.
func (r *recorder) await(within time.Duration) func() (DeliverResult, error) {
	until := time.Now().Add(within)
	return result(DeliverResult{AwaitUntil: &until, StatusCode: 202, Attempts: 1, Reason: "202 Accepted"})
}

// callBack records a callback in the fake PostgreSQL, and signals the call.
func (r *recorder) callBack() {
	r.calledBack.Store(true)
	r.signal(CallbackSignal)
}

// untilAsked waits until the workflow has asked so often for the outcome that stands.
func (r *recorder) untilAsked(times int32) {
	r.t.Helper()
	r.poll("a look for the outcome", func() bool { return r.asked.Load() >= times })
}

func (r *recorder) endCall(id string) {
	end := CallResult{CallID: id, Outcome: forgehook.Delivered}
	if err := r.client.SignalWorkflow(r.t.Context(), r.queue, "", CallEndedSignal, end); err != nil {
		r.t.Error(err)
	}
}

func (r *recorder) ran(want forgehook.RunOutcome) {
	r.t.Helper()
	var got RunResult
	if r.wait(&got); got.Outcome != want {
		r.t.Fatalf("outcome %s, want %s", got.Outcome, want)
	}
}

func (r *recorder) processed(want forgehook.ProcessOutcome) {
	r.t.Helper()
	var got ProcessResult
	if r.wait(&got); got.Outcome != want {
		r.t.Fatalf("outcome %s, want %s", got.Outcome, want)
	}
}

// recordedItem is a work item that signals its changes to its process.
type recordedItem struct {
	*recorder
	mu    sync.Mutex
	state ItemState
}

func (r *recorder) item(onDue forgehook.OnDue, due time.Duration) *recordedItem {
	at := time.Now().Add(due)
	i := &recordedItem{recorder: r, state: ItemState{WorkItemID: 5, Status: 1, OnDue: onDue, DueAt: &at}}
	r.look = func(context.Context, ProcessRef) (ItemState, error) {
		i.mu.Lock()
		defer i.mu.Unlock()
		return i.state, nil
	}
	r.escalate = func(context.Context, ProcessRef) (ItemState, error) {
		i.mu.Lock()
		defer i.mu.Unlock()
		later := i.state.DueAt.Add(time.Hour)
		i.state.WorkItemID, i.state.Status, i.state.DueAt = i.state.WorkItemID+1, 4, &later
		return i.state, nil
	}
	return i
}

func (i *recordedItem) becomes(change func(*ItemState)) {
	i.mu.Lock()
	change(&i.state)
	i.mu.Unlock()
	i.signal(ItemChangedSignal)
}

// untilDetails waits until the workflow shows a text.
func (r *recorder) untilDetails(text string) {
	r.t.Helper()
	r.poll("details with "+text, func() bool {
		value, err := r.client.QueryWorkflow(r.t.Context(), r.run.GetID(), r.run.GetRunID(), "__temporal_workflow_metadata")
		var metadata sdkpb.WorkflowMetadata
		return err == nil && value.Get(&metadata) == nil && strings.Contains(metadata.GetCurrentDetails(), text)
	})
}

// until waits for a phase.
func (r *recorder) until(want forgehook.CallStatus) {
	r.t.Helper()
	r.poll("phase "+string(want), func() bool {
		var p Phase
		value, err := r.client.QueryWorkflow(r.t.Context(), r.run.GetID(), r.run.GetRunID(), PhaseQuery)
		return err == nil && value.Get(&p) == nil && p.Phase == want
	})
}

// untilBackingOff waits until the activity's retry policy backs off.
func (r *recorder) untilBackingOff() {
	r.t.Helper()
	r.poll("back-off of Deliver", func() bool {
		d, err := r.client.DescribeWorkflowExecution(r.t.Context(), r.run.GetID(), r.run.GetRunID())
		pending := d.GetPendingActivities()
		return err == nil && len(pending) == 1 && pending[0].GetLastFailure() != nil && pending[0].GetState() == enumspb.PENDING_ACTIVITY_STATE_SCHEDULED
	})
}

func (r *recorder) poll(what string, done func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited 30 s for: %s", what)
		}
	}
}

// beat heartbeats until the activity ends, like a running exchange.
func beat(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		activity.RecordHeartbeat(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func (r *recorder) write(path string) {
	r.t.Helper()
	if r.t.Failed() {
		return
	}
	var history historypb.History
	events := r.client.GetWorkflowHistory(r.t.Context(), r.run.GetID(), r.first, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			r.t.Fatal(err)
		}
		if failed := event.GetWorkflowTaskFailedEventAttributes(); failed != nil {
			r.t.Fatalf("a workflow task failed: %s", failed.GetFailure().GetMessage())
		}
		history.Events = append(history.Events, event)
	}
	text, err := temporalproto.CustomJSONMarshalOptions{Indent: "  "}.Marshal(&history)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		r.t.Fatal(err)
	}
	r.t.Logf("%s: %d events", path, len(history.Events))
}
