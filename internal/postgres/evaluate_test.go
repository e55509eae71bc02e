package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
)

func neverExplains(t *testing.T) func(postgres.Facts) (postgres.Explained, error) {
	return func(postgres.Facts) (postgres.Explained, error) {
		t.Error("the rule ran again")
		return postgres.Explained{}, nil
	}
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	failure := &forgehook.CallError{Code: "pattern_timeout", Message: "took too long"}
	tests := []struct {
		name   string
		found  postgres.Explained
		want   forgehook.Outcome
		status forgehook.CallStatus
	}{
		{"fires", postgres.Explained{Conditions: conditions, Fires: true}, "", forgehook.CallEvaluating},
		{"skips", postgres.Explained{Conditions: conditions}, forgehook.Skipped, forgehook.CallCompleted},
		{"fails", postgres.Explained{Conditions: conditions[:1], Fires: true, Failure: failure}, forgehook.Failed, forgehook.CallCompleted},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := b.s.Call(t, b.DB)
			done, explained, err := b.Evaluate(t.Context(), b.ref(want.ID), func(postgres.Facts) (postgres.Explained, error) {
				return test.found, nil
			})
			check(t, err)
			equal(t, "outcome", done.Outcome, test.want)
			equal(t, "conditions", explained, test.found.Conditions)

			got, err := b.Call(t.Context(), b.tenant, want.ID)
			check(t, err)
			want.Status, want.Explanation, want.Error = test.status, test.found.Conditions, test.found.Failure
			if test.want != "" {
				want.Outcome = &test.want
			}
			equal(t, "stored call", got, want, cmpopts.IgnoreFields(forgehook.Call{}, "CompletedAt"))
			equal(t, "completed", got.CompletedAt != nil, test.want != "")

			done, explained, err = b.Evaluate(t.Context(), b.ref(want.ID), neverExplains(t))
			check(t, err)
			equal(t, "outcome of the second time", done.Outcome, test.want)
			equal(t, "conditions of the second time", explained, test.found.Conditions)
		})
	}
}

func TestEvaluate_ruleBreaks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.s.Call(t, b.DB)
	broken := errors.New("broken")
	_, _, err := b.Evaluate(t.Context(), b.ref(call.ID), func(postgres.Facts) (postgres.Explained, error) {
		return postgres.Explained{Conditions: conditions, Fires: true}, broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("the rule's error is lost: %v", err)
	}
	got, err := b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "call", got, call)
}

// A cancel that comes while the rule runs wins.
func TestEvaluate_outcomeMeanwhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, found := range map[string]postgres.Explained{"fires": {Conditions: conditions, Fires: true}, "skips": {Conditions: conditions}} {
		call := b.s.Call(t, b.DB)
		done, _, err := b.Evaluate(t.Context(), b.ref(call.ID), func(postgres.Facts) (postgres.Explained, error) {
			_, err := b.CompleteCall(t.Context(), b.ref(call.ID), forgehook.Canceled, nil, time.Now())
			return found, err
		})
		check(t, err)
		equal(t, name, done.Outcome, forgehook.Canceled)
	}
}

func TestEvaluate_strangers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	theirs := forgehook.CallRef{Tenant: b.stranger, CallID: b.s.Call(t, b.DB).ID}
	_, _, err := b.Evaluate(t.Context(), theirs, neverExplains(t))
	refused(t, "evaluate", err, forgehook.CodeNotFound)
	_, _, err = b.BuildRequest(t.Context(), theirs, neverBuilds(t))
	refused(t, "build", err, forgehook.CodeNotFound)
	_, err = b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: theirs, Now: time.Now()})
	refused(t, "start", err, forgehook.CodeNotFound)
	_, err = b.RecordAttempt(t.Context(), success(theirs, 1))
	refused(t, "record", err, forgehook.CodeNotFound)
	refused(t, "abandon", b.AbandonAttempt(t.Context(), theirs, 1), forgehook.CodeNotFound)
	_, err = b.CompleteCall(t.Context(), theirs, forgehook.Canceled, nil, time.Now())
	refused(t, "complete", err, forgehook.CodeNotFound)
	_, err = b.Request(t.Context(), b.stranger, theirs.CallID)
	refused(t, "request", err, forgehook.CodeNotFound)
	_, _, err = b.Attempts(t.Context(), b.stranger, theirs.CallID, forgehook.Page{})
	refused(t, "attempts", err, forgehook.CodeNotFound)
}
