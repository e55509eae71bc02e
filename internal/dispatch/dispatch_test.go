package dispatch

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
)

// world is an engine and a store that do what a test says and note each request.
type world struct {
	Engine
	Store
	fails map[string]error // by request
	at    map[string]func()
	state forgehook.WorkflowState
	wake  bool // an end raises something
	asked []string
	log   bytes.Buffer
}

var (
	notThere    = &forgehook.Error{Code: forgehook.CodeNotFound, Detail: "There is no running workflow."}
	unavailable = &forgehook.Error{Code: forgehook.CodeUnavailable, Detail: "Temporal does not answer: try again."}
	errRefused  = errors.New("refused")
	call        = forgehook.CallRef{Tenant: "t", CallID: "1"}
	run         = forgehook.RunRef{Tenant: "t", RunID: "2"}
	twoSignals  = []forgehook.Wake{{ID: 11, WorkflowID: "a"}, {ID: 12, WorkflowID: "b"}}
	oneRun      = []forgehook.RunStart{{RunRef: run}}
	now         = time.Date(2026, 12, 1, 6, 0, 0, 0, time.UTC)
)

// ask notes a request. It fails if the context has ended or the test wants it to.
func (w *world) ask(ctx context.Context, what string) error {
	if do := w.at[what]; do != nil {
		do()
	}
	if err := ctx.Err(); err != nil {
		w.asked = append(w.asked, what+": "+err.Error())
		return err
	}
	w.asked = append(w.asked, what)
	return w.fails[what]
}

func (w *world) StartCalls(ctx context.Context, starts []forgehook.CallStart) error {
	return w.ask(ctx, "start call "+starts[0].CallID)
}

func (w *world) StartRuns(ctx context.Context, starts []forgehook.RunStart) error {
	return w.ask(ctx, "start run "+starts[0].RunID)
}

func (w *world) StartProcess(ctx context.Context, start forgehook.ProcessStart) error {
	return w.ask(ctx, "start process "+start.ProcessID)
}

func (w *world) Drain(ctx context.Context, _ forgehook.TenantID, _ int32) error {
	return w.ask(ctx, "drain")
}

func (w *world) Wake(ctx context.Context, wake forgehook.Wake) error {
	return w.ask(ctx, "signal "+wake.WorkflowID)
}

func (w *world) RetryNow(ctx context.Context, _ forgehook.CallRef) error { return w.ask(ctx, "retry") }
func (w *world) Cancel(ctx context.Context, _ forgehook.CallRef) error   { return w.ask(ctx, "cancel") }
func (w *world) CancelRun(ctx context.Context, _ forgehook.RunRef) error { return w.ask(ctx, "cancel") }

func (w *world) State(ctx context.Context, id string) (forgehook.WorkflowState, error) {
	return w.state, w.ask(ctx, "state of "+id)
}

func (w *world) Wakes(ctx context.Context, _ forgehook.CallRef) ([]forgehook.Wake, error) {
	if err := w.ask(ctx, "read signals"); err != nil {
		return nil, err
	}
	return twoSignals, nil
}

func (w *world) CausedRuns(ctx context.Context, _ forgehook.CallRef) ([]forgehook.RunStart, error) {
	if err := w.ask(ctx, "read runs"); err != nil {
		return nil, err
	}
	return oneRun, nil
}

func (w *world) Woken(ctx context.Context, ids []int64) error {
	what := "note"
	for _, id := range ids {
		what += map[int64]string{11: " a", 12: " b"}[id]
	}
	return w.ask(ctx, what)
}

func (w *world) CallStart(ctx context.Context, call forgehook.CallRef) (forgehook.CallStart, error) {
	return forgehook.CallStart{CallID: call.CallID}, w.ask(ctx, "read start")
}

func (w *world) CompleteCall(ctx context.Context, _ forgehook.CallRef, outcome forgehook.Outcome, why *forgehook.CallError, _ time.Time) (postgres.Completion, error) {
	return postgres.Completion{Outcome: outcome, Won: true, Wake: w.wake}, w.ask(ctx, "end "+string(outcome)+" "+string(why.Code))
}

func (w *world) CompleteRun(ctx context.Context, _ forgehook.RunRef, outcome forgehook.RunOutcome, why *forgehook.CallError, _ time.Time) (forgehook.RunOutcome, error) {
	return outcome, w.ask(ctx, "end "+string(outcome)+" "+string(why.Code))
}

// API and activities behave the same in every row.
func TestFollow(t *testing.T) {
	t.Parallel()
	leave := func(w *world, cancel func()) { w.at = map[string]func(){"signal b": cancel} }
	for _, row := range []struct {
		name  string
		fails map[string]error
		when  func(w *world, cancel func())
		end   bool // the end of a call instead of a change
		want  []string
		log   string // is in the log; "": nothing is logged
	}{
		{name: "all goes well", want: []string{"signal a", "signal b", "note a b", "start run 2"}},
		{name: "a workflow is missing", fails: map[string]error{"signal a": notThere},
			want: []string{"signal a", "signal b", "note a b", "start run 2"}},
		{name: "a signal is refused", fails: map[string]error{"signal a": errRefused},
			want: []string{"signal a", "signal b", "note b", "start run 2"}, log: "refused"},
		{name: "the engine does not respond", fails: map[string]error{"signal a": unavailable},
			want: []string{"signal a"}, log: "Temporal does not answer"},
		{name: "the engine stops responding", fails: map[string]error{"signal b": unavailable},
			want: []string{"signal a", "signal b", "note a"}, log: "Temporal does not answer"},
		{name: "signals cannot be noted", fails: map[string]error{"note a b": unavailable},
			want: []string{"signal a", "signal b", "note a b", "start run 2"}, log: "does not answer"},
		{name: "runs cannot be started", fails: map[string]error{"start run 2": unavailable},
			want: []string{"signal a", "signal b", "note a b", "start run 2"}, log: "left to the sweep: what a change has raised"},
		{name: "the client has left", when: func(_ *world, cancel func()) { cancel() },
			want: []string{"signal a", "signal b", "note a b", "start run 2"}},
		{name: "the client leaves", when: leave,
			want: []string{"signal a", "signal b", "note a b", "start run 2"}},
		{name: "a call has ended", end: true,
			want: []string{"read signals", "read runs", "signal a", "signal b", "note a b", "start run 2"}},
		{name: "its signals cannot be read", end: true, fails: map[string]error{"read signals": errRefused},
			want: []string{"read signals", "read runs", "start run 2"}, log: "refused"},
		{name: "its runs cannot be read", end: true, fails: map[string]error{"read runs": errRefused},
			want: []string{"read signals", "read runs", "signal a", "signal b", "note a b"}, log: "refused"},
		{name: "the time is up between signals", end: true, when: leave,
			want: []string{"read signals", "read runs", "signal a", "signal b: context canceled", "note a"}, log: "context canceled"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w := &world{fails: row.fails}
			if row.when != nil {
				row.when(w, cancel)
			}
			if !row.end {
				w.dispatcher().Follow(ctx, postgres.Raised{Wakes: twoSignals, Runs: oneRun})
			} else if err := w.dispatcher().Ended(ctx, call); err != nil {
				w.log.WriteString(err.Error())
			}
			w.check(t, row.want)
			if got := w.log.String(); (got == "") != (row.log == "") || !strings.Contains(got, row.log) {
				t.Errorf("log %q, want %q", got, row.log)
			}
		})
	}
}

func (w *world) dispatcher() Dispatcher {
	return Dispatcher{Store: w, Engine: w, Log: slog.New(slog.NewTextHandler(&w.log, nil)), Of: slog.String("request_id", "r-1")}
}

func (w *world) check(t *testing.T, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, w.asked); diff != "" {
		t.Error(diff)
	}
}

// A failed start after a commit is left to the sweep, and the log names the request.
func TestStart(t *testing.T) {
	t.Parallel()
	for what, start := range map[string]func(context.Context, Dispatcher){
		"start call 1": func(ctx context.Context, d Dispatcher) {
			d.StartCalls(ctx, nil)
			d.StartCalls(ctx, []forgehook.CallStart{{CallID: "1"}})
		},
		"start process 3": func(ctx context.Context, d Dispatcher) {
			d.StartProcess(ctx, forgehook.ProcessStart{ProcessRef: forgehook.ProcessRef{ProcessID: "3"}})
		},
		"drain": func(ctx context.Context, d Dispatcher) { d.Drain(ctx, "t", 7) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // the client has left
			w := &world{fails: map[string]error{what: errRefused}}
			start(ctx, w.dispatcher())
			w.check(t, []string{what})
			if got := w.log.String(); !strings.Contains(got, "left to the sweep") || !strings.Contains(got, "request_id=r-1") {
				t.Errorf("log %q", got)
			}
		})
	}
}

// The engine is asked first. If it finds no workflow, the outcome is stored directly.
func TestSteer(t *testing.T) {
	t.Parallel()
	told := []string{"read signals", "read runs", "signal a", "signal b", "note a b", "start run 2"}
	cancelCall := func(ctx context.Context, d Dispatcher) error {
		_, err := d.CancelCall(ctx, call, "a reason", now)
		return err
	}
	cancelRun := func(ctx context.Context, d Dispatcher) error { return d.CancelRun(ctx, run, "a reason", now) }
	retry := func(ctx context.Context, d Dispatcher) error { return d.RetryCall(ctx, call) }
	for _, row := range []struct {
		name  string
		do    func(context.Context, Dispatcher) error
		fails map[string]error
		wake  bool
		want  []string
		code  forgehook.Code
	}{
		{name: "a call with a workflow", do: cancelCall, want: []string{"cancel"}},
		{name: "a call without", do: cancelCall, fails: map[string]error{"cancel": notThere}, want: []string{"cancel", "end canceled canceled"}},
		{name: "a call without, for which somebody waits", do: cancelCall, wake: true, fails: map[string]error{"cancel": notThere},
			want: append([]string{"cancel", "end canceled canceled"}, told...)},
		{name: "the waiting workflow cannot be told", do: cancelCall, wake: true, fails: map[string]error{"cancel": notThere, "signal a": unavailable},
			want: []string{"cancel", "end canceled canceled", "read signals", "read runs", "signal a"}},
		{name: "the engine cannot be reached", do: cancelCall, fails: map[string]error{"cancel": errRefused}, want: []string{"cancel"}, code: forgehook.CodeUnavailable},
		{name: "a run with a workflow", do: cancelRun, want: []string{"cancel"}},
		{name: "a run without", do: cancelRun, fails: map[string]error{"cancel": notThere}, want: []string{"cancel", "end canceled canceled"}},
		{name: "the engine does not respond", do: cancelRun, fails: map[string]error{"cancel": unavailable}, want: []string{"cancel"}, code: forgehook.CodeUnavailable},
		{name: "a call that waits", do: retry, want: []string{"retry"}},
		{name: "a call whose start was lost", do: retry, fails: map[string]error{"retry": notThere}, want: []string{"retry", "read start", "start call 1"}},
		{name: "a call that has ended meanwhile", do: retry, fails: map[string]error{"retry": notThere, "read start": notThere},
			want: []string{"retry", "read start"}, code: forgehook.CodeNotFound},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // the client has left
			w := &world{fails: row.fails, wake: row.wake}
			if err := row.do(ctx, w.dispatcher()); forgehook.ErrorCode(err) != row.code {
				t.Errorf("error %v, want %q", err, row.code)
			}
			w.check(t, row.want)
		})
	}
}

func TestSettle(t *testing.T) {
	t.Parallel()
	for state, want := range map[forgehook.WorkflowState]string{
		forgehook.WorkflowRunning: "", forgehook.WorkflowMissing: "start", forgehook.WorkflowTerminated: "cancel terminated", forgehook.WorkflowCanceled: "cancel canceled",
		forgehook.WorkflowCompleted: "fail run_completed", forgehook.WorkflowFailed: "fail run_failed", forgehook.WorkflowTimedOut: "fail run_timed_out",
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			w, got := &world{state: state}, ""
			started, ended, err := w.dispatcher().Settle(t.Context(), Lost{
				WorkflowID: "call/1",
				Start:      func() error { got = "start"; return nil },
				End: func(canceled bool, why *forgehook.CallError) error {
					got = map[bool]string{true: "cancel ", false: "fail "}[canceled] + string(why.Code)
					return nil
				},
			})
			if got != want || started != (want == "start") || ended != (want != "" && !started) || err != nil {
				t.Errorf("%q, started %v, ended %v, %v; want %q", got, started, ended, err, want)
			}
			w.check(t, []string{"state of call/1"})
		})
	}
	w := &world{fails: map[string]error{"state of call/1": unavailable}}
	if _, _, err := w.dispatcher().Settle(t.Context(), Lost{WorkflowID: "call/1"}); !errors.Is(err, unavailable) {
		t.Errorf("the engine does not respond: %v", err)
	}
}
