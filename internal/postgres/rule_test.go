package postgres_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
)

// Rules as activities hand them in, without the rules.

var conditions = []forgehook.Condition{
	{Condition: "enabled", Expected: json.RawMessage(`true`), Actual: json.RawMessage(`true`), Passed: true},
	{Condition: "document.status", Expected: json.RawMessage(`"Processed"`), Actual: json.RawMessage(`"Error"`), Hint: "Processed"},
}

func fires(postgres.Facts) (postgres.Explained, error) {
	return postgres.Explained{Conditions: conditions, Fires: true}, nil
}

func skips(postgres.Facts) (postgres.Explained, error) {
	return postgres.Explained{Conditions: conditions}, nil
}

var built = postgres.Built{
	Request: forgehook.Request{
		Method: "POST", URL: "https://example.com/hooks", Headers: map[string]string{"Content-Type": "application/json", "X-Api-Key": "[secret]"},
	},
	BodyBytes: []byte(`{"id":912}`),
	SHA256:    "ab",
}

func builds(postgres.Facts) (postgres.Built, error) { return built, nil }

// begun is a call whose request is built.
func begun(t *testing.T, b bundle) forgehook.Call {
	t.Helper()
	call := b.s.Call(t, b.DB)
	_, _, err := b.Evaluate(t.Context(), b.ref(call.ID), fires)
	check(t, err)
	_, _, err = b.BuildRequest(t.Context(), b.ref(call.ID), builds)
	check(t, err)
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
	_, _, err := b.BuildRequest(t.Context(), b.ref(call.ID), builds)
	check(t, err)
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
