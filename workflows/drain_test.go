package workflows

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/workflow"
)

var drainInput = DrainInput{Tenant: "3f0e9a52-0000-4000-8000-000000000001", WebHookServiceID: 7}

// pages gives ReleaseHeld so many full pages, and checks its input.
func (b *bench) pages(full int) {
	b.release = func(_ context.Context, in ReleaseInput) (ReleaseResult, error) {
		if want := (ReleaseInput{Tenant: drainInput.Tenant, WebHookServiceID: 7, Limit: drainPage}); in != want {
			b.t.Errorf("asked for %+v, want %+v", in, want)
		}
		if full == 0 {
			return ReleaseResult{Done: true}, nil
		}
		full--
		return ReleaseResult{Released: drainPage}, nil
	}
}

func TestDrain_releasesPageByPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pages(2)
	b.env.ExecuteWorkflow(DrainUtility, drainInput)
	if err := b.env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	b.told("0s ReleaseHeld", "0s ReleaseHeld", "0s ReleaseHeld") // a full page needs no pause
	if got, want := b.details(), "Calls released by this run: **100**"; got != want {
		t.Errorf("details %q, want %q", got, want)
	}
}

// A resume during the last page may have more held calls behind it.
func TestDrain_resumeWhileEndingLooksAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pages(0)
	b.takes["ReleaseHeld"] = 10 * time.Second
	b.signal(0, ResumeSignal) // before the first page, which covers it
	b.signal(5*time.Second, ResumeSignal)
	b.env.ExecuteWorkflow(DrainUtility, drainInput)
	if err := b.env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	b.told("0s ReleaseHeld", "10s timer: pace of the drain", "11s ReleaseHeld")
}

func TestDrain_continuesAsNew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pages(drainPages + 1)
	b.env.ExecuteWorkflow(DrainUtility, drainInput)
	var next *workflow.ContinueAsNewError
	if err := b.env.GetWorkflowError(); !errors.As(err, &next) {
		t.Fatalf("got %v, want a continuation", err)
	}
	if got := fmt.Sprint(next.Input); !strings.Contains(got, string(drainInput.Tenant)) {
		t.Errorf("the next run gets %s", got)
	}
}

func TestDrain_outlivesTheDatabase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.pages(1)
	well, calls := b.release, 0
	b.release = func(ctx context.Context, in ReleaseInput) (ReleaseResult, error) {
		if calls++; calls < 10 {
			return ReleaseResult{}, errors.New("the database is away")
		}
		return well(ctx, in)
	}
	b.env.ExecuteWorkflow(DrainUtility, drainInput)
	if err := b.env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if got, want := b.elapsed(), 9*time.Second; got != want {
		t.Errorf("took %s, want %s", got, want)
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want := SweepResult{Started: 2, Settled: 1}
	b.sweep = func(context.Context) (SweepResult, error) { return want, nil }
	b.env.ExecuteWorkflow(Sweep)
	var got SweepResult
	if err := b.env.GetWorkflowResult(&got); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	// An open sweep keeps the next from starting. After a failure or a dead worker it must not wait
	// for minutes more.
	if o := b.options["SweepCalls"]; o.RetryPolicy.MaximumInterval > 5*time.Second || o.HeartbeatTimeout > 5*time.Second {
		t.Errorf("a sweep waits for too long: retries %+v, heartbeat timeout %s", o.RetryPolicy, o.HeartbeatTimeout)
	}
}
