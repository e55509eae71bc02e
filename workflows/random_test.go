package workflows

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"pgregory.net/rapid"

	"github.com/forgehook/forgehook"
)

// moments draws from seconds to days, often close together.
var moments = rapid.Custom(func(t *rapid.T) time.Duration {
	unit := rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, time.Minute, time.Hour}).Draw(t, "unit")
	return unit * time.Duration(rapid.IntRange(0, 30).Draw(t, "units"))
})

type randomAnswer struct {
	kind string
	next time.Duration
}

var randomAnswers = rapid.Custom(func(t *rapid.T) randomAnswer {
	kinds := []string{"retry", "retry", "retry", "retry", "held", "held", "canceled", "delivered", "failed", "fault"}
	return randomAnswer{rapid.SampledFrom(kinds).Draw(t, "kind"), time.Second + moments.Draw(t, "next")}
})

// Whatever comes at whatever moment: one outcome, the one that a step has recorded if any did, and never two sends at once.
func TestCall_randomSignals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := setup(t)
		in := input()
		in.Deadline = time.Minute + moments.Draw(t, "deadline")
		b.takes["Deliver"] = rapid.SampledFrom([]time.Duration{0, time.Second, 30 * time.Second}).Draw(t, "takes")
		for _, signal := range rapid.SliceOfN(rapid.SampledFrom([]string{RetryNowSignal, ResumeSignal}), 0, 8).Draw(t, "signals") {
			b.signal(moments.Draw(t, "when"), signal)
		}
		if rapid.Bool().Draw(t, "canceled") {
			b.cancel(moments.Draw(t, "cancel"))
		}
		b.cancel(1000 * time.Hour) // nothing else ends a hold that nobody resumes
		answers := rapid.SliceOfN(randomAnswers, 0, 12).Draw(t, "answers")
		databaseAway := rapid.IntRange(0, 3).Draw(t, "database away") == 0
		buildFails := rapid.IntRange(0, 9).Draw(t, "build fails") == 0

		var recorded forgehook.Outcome
		attempts := 0
		b.deliver = func(_ context.Context, in DeliverInput) (DeliverResult, error) {
			if recorded != "" {
				t.Errorf("a send after the outcome %s", recorded)
			}
			a := randomAnswer{kind: "delivered"}
			if attempts < len(answers) {
				a = answers[attempts]
			}
			attempts++
			switch a.kind {
			case "delivered", "failed":
				recorded = forgehook.Outcome(a.kind)
				return DeliverResult{Outcome: recorded, StatusCode: 200, Attempts: attempts}, nil
			case "held":
				return DeliverResult{Held: true, Attempts: attempts}, nil
			case "canceled": // what the activity returns where it noticed the cancellation, or was paused by an operator
				return DeliverResult{}, temporal.NewCanceledError()
			case "fault":
				return DeliverResult{}, fault("internal")
			}
			if in.ReportRetry {
				return refused(attempts, a.next), nil
			}
			return DeliverResult{}, notReady(a.next)
		}
		if databaseAway {
			b.evaluate = unreachableAtFirst(b)
		}
		if buildFails {
			b.build = func(context.Context, CallRef) (Built, error) {
				recorded = forgehook.Failed
				return Built{Outcome: recorded}, nil
			}
		}
		tries := 0
		b.complete = func(_ context.Context, in CompleteInput) (CallResult, error) {
			if tries++; databaseAway && tries < 3 {
				return CallResult{}, errors.New("the database is away")
			}
			if recorded == "" {
				recorded = in.Outcome
			}
			return CallResult{Outcome: recorded, Attempts: attempts}, nil
		}

		got := b.call(in)
		if got.Outcome != recorded || !slices.Contains(forgehook.Outcomes, got.Outcome) {
			t.Errorf("outcome %q, recorded was %q", got.Outcome, recorded)
		}
		if b.most > 1 {
			t.Errorf("%d sends at once", b.most)
		}
		told := 0
		for _, line := range b.story {
			if strings.Contains(line, "ForgehookOutcome=") {
				told++
			}
		}
		if last := b.story[len(b.story)-1]; told != 1 || !strings.Contains(last, "ForgehookOutcome="+string(got.Outcome)) {
			t.Errorf("outcome told %d times, last line %q", told, last)
		}
		t.Logf("story:\n%s", strings.Join(b.story, "\n"))
	})
}
