package postgres_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
)

// What rules find, without the rules.

var (
	enabled    = forgehook.Condition{Condition: "enabled", Expected: json.RawMessage(`true`), Actual: json.RawMessage(`true`), Passed: true}
	wrong      = forgehook.Condition{Condition: "document.status", Expected: json.RawMessage(`"Processed"`), Actual: json.RawMessage(`"Error"`), Hint: "Processed"}
	conditions = []forgehook.Condition{enabled, wrong}
	fires      = forgehook.Explained{Conditions: []forgehook.Condition{enabled}}
	skips      = forgehook.Explained{Conditions: conditions}
)

var built = forgehook.Built{
	Method: "POST", URL: "https://example.com/hooks", Headers: map[string]string{"Content-Type": "application/json", "X-Api-Key": "[secret]"},
	Body: []byte(`{"id":912}`), SHA256: "ab",
}

// facts are those of a call; the thinking is over at the end of the test at the latest.
func facts(t testing.TB, db *postgres.DB, ref forgehook.CallRef) postgres.Facts {
	t.Helper()
	f, err := db.Facts(t.Context(), ref)
	check(t, err)
	t.Cleanup(f.Done)
	return f
}

// explain stores what the conditions of a call say, as the step does.
func explain(t testing.TB, db *postgres.DB, ref forgehook.CallRef, explained forgehook.Explained) postgres.Completion {
	t.Helper()
	done, err := db.RecordExplanation(t.Context(), facts(t, db, ref), explained)
	check(t, err)
	return done
}

// build stores the request of a call, as the step does.
func build(t testing.TB, db *postgres.DB, ref forgehook.CallRef, made forgehook.Built) (postgres.Completion, forgehook.Built) {
	t.Helper()
	done, stored, err := db.RecordRequest(t.Context(), facts(t, db, ref), made)
	check(t, err)
	return done, stored
}

// begun is a call whose request is built.
func begun(t *testing.T, b bundle) forgehook.Call {
	t.Helper()
	call := b.s.Call(t, b.DB)
	explain(t, b.DB, b.ref(call.ID), fires)
	build(t, b.DB, b.ref(call.ID), built)
	return call
}

// start starts an attempt that must not be refused.
func start(t *testing.T, b bundle, call forgehook.Call) postgres.Started {
	t.Helper()
	started, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call.ID), AtOnce: true, Now: time.Now()})
	check(t, err)
	if started.Outcome != "" || started.Held {
		t.Fatalf("the attempt was not started: %+v", started)
	}
	return started
}

// deliver takes a fresh call to its end.
func deliver(t *testing.T, b bundle, call forgehook.Call) {
	t.Helper()
	build(t, b.DB, b.ref(call.ID), built)
	recorded, err := b.RecordAttempt(t.Context(), success(b.ref(call.ID), start(t, b, call).Number))
	check(t, err)
	equal(t, "outcome", recorded.Outcome, forgehook.Delivered)
}

func success(ref forgehook.CallRef, number int) postgres.AttemptEnd {
	return postgres.AttemptEnd{
		Ref: ref, Number: number, Now: time.Now(), Exchange: forgehook.Exchange{StatusCode: 204},
		Decision: forgehook.Decision{Verdict: forgehook.VerdictSuccess, Reason: "204 No Content"},
	}
}

func retryable(ref forgehook.CallRef, number int) postgres.AttemptEnd {
	return postgres.AttemptEnd{
		Ref: ref, Number: number, Now: time.Now(), Exchange: forgehook.Exchange{StatusCode: 503},
		Decision: forgehook.Decision{Verdict: forgehook.VerdictRetry, Reason: "503 Service Unavailable", Delay: 5 * time.Second},
	}
}
