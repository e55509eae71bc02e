package postgres_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
)

func TestRecordExplanation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	failure := &forgehook.CallError{Code: "pattern_timeout", Message: "took too long"}
	tests := []struct {
		name   string
		found  forgehook.Explained
		want   forgehook.Outcome
		status forgehook.CallStatus
	}{
		{"fires", fires, "", forgehook.CallEvaluating},
		{"skips", skips, forgehook.Skipped, forgehook.CallCompleted},
		{"fails", forgehook.Explained{Conditions: fires.Conditions, Failure: failure}, forgehook.Failed, forgehook.CallCompleted},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := b.s.Call(t, b.DB)
			equal(t, "explanation before", facts(t, b.DB, b.ref(want.ID)).Call.Explanation, []forgehook.Condition{})
			equal(t, "outcome", explain(t, b.DB, b.ref(want.ID), test.found).Outcome, test.want)

			got, err := b.Call(t.Context(), b.tenant, want.ID)
			check(t, err)
			want.Status, want.Explanation, want.Error = test.status, test.found.Conditions, test.found.Failure
			if test.want != "" {
				want.Outcome = &test.want
			}
			equal(t, "stored call", got, want, cmpopts.IgnoreFields(forgehook.Call{}, "CompletedAt"))
			equal(t, "completed", got.CompletedAt != nil, test.want != "")
			again := facts(t, b.DB, b.ref(want.ID)).Call
			equal(t, "what the next run of the step finds", []any{again.Explanation, again.Outcome}, []any{want.Explanation, want.Outcome})
		})
	}
}

// A cancel that comes while the rule runs wins.
func TestRecordExplanation_outcomeMeanwhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, found := range map[string]forgehook.Explained{"fires": fires, "skips": skips} {
		ref := b.ref(b.s.Call(t, b.DB).ID)
		read := facts(t, b.DB, ref)
		_, err := b.CompleteCall(t.Context(), ref, forgehook.Canceled, nil, time.Now())
		check(t, err)
		done, err := b.RecordExplanation(t.Context(), read, found)
		check(t, err)
		equal(t, name, done.Outcome, forgehook.Canceled)
	}
}

func TestSteps_strangers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	theirs := forgehook.CallRef{Tenant: b.stranger, CallID: b.s.Call(t, b.DB).ID}
	_, err := b.Facts(t.Context(), theirs)
	refused(t, "facts", err, forgehook.CodeNotFound)
	_, err = b.RecordExplanation(t.Context(), postgres.Facts{Ref: theirs}, fires)
	refused(t, "explanation", err, forgehook.CodeNotFound)
	_, err = b.RecordExplanation(t.Context(), postgres.Facts{Ref: theirs}, skips)
	refused(t, "explanation that ends the call", err, forgehook.CodeNotFound)
	_, _, err = b.RecordRequest(t.Context(), postgres.Facts{Ref: theirs}, built)
	refused(t, "request", err, forgehook.CodeNotFound)
	_, err = b.BuiltRequest(t.Context(), theirs)
	refused(t, "built request", err, forgehook.CodeNotFound)
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
