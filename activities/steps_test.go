package activities

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/outbound/zoo"
	"github.com/forgehook/forgehook/workflows"
)

func TestEvaluateConditions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	passed := []workflows.ConditionFact{
		{Condition: "enabled", Passed: true}, {Condition: "document.category", Passed: true}, {Condition: "document.status", Passed: true},
		{Condition: "document.usage", Passed: true}, {Condition: "document.extension", Passed: true}, {Condition: "document.pattern", Passed: true},
	}
	call := b.accept(t, b.utility(t))
	for range 2 { // it may run twice
		got, err := run[workflows.Evaluation](t, b, b.EvaluateConditions, b.ref(call))
		check(t, err)
		equal(t, "evaluation", got, workflows.Evaluation{Conditions: passed})
	}
	equal(t, "status", b.stored(t, call).Status, forgehook.CallEvaluating)

	skipped := b.accept(t, b.utility(t, func(s *forgehook.Settings) { s.Document.Pattern = `\.xml$` }))
	for range 2 {
		got, err := run[workflows.Evaluation](t, b, b.EvaluateConditions, b.ref(skipped))
		check(t, err)
		facts := append([]workflows.ConditionFact(nil), passed...)
		facts[5].Passed = false
		equal(t, "evaluation", got, workflows.Evaluation{Outcome: forgehook.Skipped, Conditions: facts})
	}
	stored := b.stored(t, skipped)
	equal(t, "outcome", *stored.Outcome, forgehook.Skipped)
	equal(t, "why", stored.Explanation[5], forgehook.Condition{
		Condition: "document.pattern", Expected: []byte(`"\\.xml$"`), Actual: []byte(`"inv-0042.pdf"`),
		Hint: `The pattern does not match: widen document.pattern, or set it to ".*" for any.`,
	})
	equal(t, "attempts", b.attempts(t, skipped), nil)
}

// A runaway pattern fails its call; the reason names no value of the document.
func TestEvaluateConditions_fails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	document := b.document
	document.ID, document.Filename = 0, new(strings.Repeat("a", 60)+"!")
	u := b.utility(t, func(s *forgehook.Settings) { s.Document.Pattern = `^(a+)+$` })
	accepted, err := b.DB.AcceptCalls(t.Context(), b.tenant, acceptance(forgehook.CallRequest{WebHookServiceID: &u.ID, Document: &document}))
	check(t, err)
	call := accepted.Calls[0]
	got, err := run[workflows.Evaluation](t, b, b.EvaluateConditions, b.ref(call))
	check(t, err)
	equal(t, "outcome", got.Outcome, forgehook.Failed)
	equal(t, "error", b.stored(t, call).Error, &forgehook.CallError{
		Code: "condition_timeout", Message: "The pattern of document.pattern took too long on this document.",
	})
}

func TestBuildRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.accept(t, b.utility(t, func(s *forgehook.Settings) { s.WebHook.APIKey = forgehook.NewSecret("key-0042") }))
	var first workflows.Built
	for i := range 2 {
		built, err := run[workflows.Built](t, b, b.BuildRequest, b.ref(call))
		check(t, err)
		if i == 0 {
			first = built
		}
		equal(t, "built", built, first)
	}
	request, err := b.DB.Request(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "built", first, workflows.Built{Method: "POST", Host: "example.com", BodyBytes: len(request.Body), SHA256: b.stored(t, call).Request.SHA256})
	equal(t, "headers", request.Headers, map[string]string{
		"Content-Type": "application/json", "User-Agent": "Forgehook/test", "webhook-id": call.WebhookID, "X-Api-Key": forgehook.Masked,
	})

	ended := b.accept(t, b.utility(t))
	_, err = b.DB.CompleteCall(t.Context(), b.ref(ended), forgehook.Canceled, nil, b.at)
	check(t, err)
	built, err := run[workflows.Built](t, b, b.BuildRequest, b.ref(ended))
	check(t, err)
	equal(t, "of a call that has ended", built, workflows.Built{Outcome: forgehook.Canceled})
}

// Settings that are no longer valid stop the call until somebody looks at it. The history gets the
// path, the log gets everything.
func TestSteps_badSettings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.accept(t, b.utility(t, func(s *forgehook.Settings) { s.WebHook.URL = new("ftp://files.example/secret-path") }))
	for name, step := range map[string]any{"evaluate conditions": b.EvaluateConditions, "build request": b.BuildRequest} {
		_, err := run[any](t, b, step, b.ref(call))
		equal(t, name, failed(t, err), failure{Type: "invalid", Message: name + " failed: invalid webHook.url", Final: true})
		if strings.Contains(err.Error(), "secret-path") {
			t.Errorf("%s: the value is in the history: %v", name, err)
		}
	}
}

// Large subjects are processed in turns. Each step releases its turn, however it ends.
func TestSteps_largeSubjects(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, _, err := b.DB.UpdateDocument(t.Context(), b.tenant, b.document.ID, "", func(d *forgehook.Document) error {
		d.Comment = new(strings.Repeat("x", 1<<20))
		return nil
	})
	check(t, err)
	ends := b.utility(t, to(zoo.Respond(t, 200, nil, "ok")), func(s *forgehook.Settings) { s.Response.Result = new("response.text") })
	broken := b.utility(t, func(s *forgehook.Settings) { s.WebHook.URL = new("ftp://files.example/") })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	step := func(activity any, call forgehook.Call) error {
		_, err := runWithin[any](t, ctx, b, func() {}, activity, b.ref(call))
		return err
	}
	for range runtime.GOMAXPROCS(0) + 1 {
		call, bad := b.accept(t, ends), b.accept(t, broken)
		for range 2 {
			check(t, step(b.EvaluateConditions, call))
			check(t, step(b.BuildRequest, call))
		}
		_, err := b.deliver(t, call)
		check(t, err)
		check(t, step(b.EvaluateConditions, call))
		check(t, step(b.BuildRequest, call))
		for _, activity := range []any{b.EvaluateConditions, b.BuildRequest} {
			equal(t, "bad settings", failed(t, step(activity, bad)).Type, "invalid")
		}
	}
}

func TestSteps_unknownCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.ready(t)
	stranger := workflows.CallRef{Tenant: forgehook.TenantID("00000000-0000-7000-8000-000000000001"), CallID: call.ID}
	for name, step := range map[string]struct{ activity, in any }{
		"evaluate conditions": {b.EvaluateConditions, stranger},
		"build request":       {b.BuildRequest, stranger},
		"start attempt":       {b.Deliver, workflows.DeliverInput{CallRef: stranger}},
		"complete call":       {b.CompleteCall, workflows.CompleteInput{CallRef: stranger, Outcome: forgehook.Canceled}},
	} {
		_, err := run[any](t, b, step.activity, step.in)
		equal(t, name, failed(t, err), failure{Type: "not-found", Message: name + " failed: not-found", Final: true})
	}
	equal(t, "outcome", b.outcome(t, call), "")
}

func TestCompleteCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.Script(t, 503)
	call := b.ready(t, to(endpoint))
	if _, err := b.deliver(t, call); err == nil {
		t.Fatal("want an error that asks for another attempt")
	}
	in := workflows.CompleteInput{CallRef: b.ref(call), Outcome: forgehook.Expired, Code: "deadline_passed", Message: "Too late."}
	want := workflows.CallResult{CallID: call.ID, Outcome: forgehook.Expired, StatusCode: 503, Attempts: 1}
	for _, outcome := range []forgehook.Outcome{forgehook.Expired, forgehook.Canceled} { // the first outcome stands
		in.Outcome = outcome
		got, err := run[workflows.CallResult](t, b, b.CompleteCall, in)
		check(t, err)
		equal(t, "result", got, want)
	}
	stored := b.stored(t, call)
	equal(t, "error", stored.Error, &forgehook.CallError{Code: "deadline_passed", Message: "Too late."})
	equal(t, "completed", stored.CompletedAt, &forgehook.Time{Time: b.at})
}

// A cancel, the deadline and the response race for the outcome. One wins, all report the winner's
// outcome, and the response is recorded.
func TestCompleteCall_race(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.Slow(t)
	call := b.ready(t, to(endpoint))
	var mu sync.Mutex
	got := map[forgehook.Outcome]int{}
	var all sync.WaitGroup
	race := func(do func() (forgehook.Outcome, error)) {
		all.Go(func() {
			outcome, err := do()
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			got[outcome]++
		})
	}
	race(func() (forgehook.Outcome, error) {
		result, err := b.deliver(t, call)
		return result.Outcome, err
	})
	endpoint.Await(t, 1)
	for _, outcome := range []forgehook.Outcome{forgehook.Canceled, forgehook.Expired} {
		race(func() (forgehook.Outcome, error) {
			result, err := run[workflows.CallResult](t, b, b.CompleteCall, workflows.CompleteInput{CallRef: b.ref(call), Outcome: outcome, Code: "x", Message: "y"})
			return result.Outcome, err
		})
	}
	endpoint.Release()
	all.Wait()
	equal(t, "outcomes", got, map[forgehook.Outcome]int{b.outcome(t, call): 3})
	equal(t, "states", b.states(t, call), []forgehook.AttemptState{forgehook.AttemptFinished})
}

// A history holds a code and paths only. The log has the whole chain, once.
func TestFault(t *testing.T) {
	t.Parallel()
	const value = "value-4711"
	chain := fmt.Errorf("pq: duplicate key value (%s)", value)
	tests := []struct {
		name string
		err  error
		want failure
	}{
		{"unknown", chain, failure{Type: "internal", Message: "take a step failed: see the worker's log"}},
		{"unavailable", fmt.Errorf("x: %w", &forgehook.Error{Code: forgehook.CodeUnavailable, Detail: value, Err: chain}),
			failure{Type: "unavailable", Message: "take a step failed: unavailable"}},
		{"unavailable, others given up", errors.Join(fmt.Errorf("%s: %w", value, context.Canceled), &forgehook.Error{Code: forgehook.CodeUnavailable}),
			failure{Type: "unavailable", Message: "take a step failed: unavailable"}},
		{"conflict", &forgehook.Error{Code: forgehook.CodeConflict, Detail: value, Err: chain},
			failure{Type: "conflict", Message: "take a step failed: conflict", Final: true}},
		{"invalid", forgehook.Invalid(forgehook.FieldError{Path: "webHook.url", Value: value, Allowed: value}, forgehook.FieldError{Path: "enabled"}),
			failure{Type: "invalid", Message: "take a step failed: invalid webHook.url enabled", Final: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			err := b.fault("take a step", workflows.CallRef{CallID: "c-1"}, tt.err)
			equal(t, "failure", failed(t, err), tt.want)
			if strings.Contains(err.Error(), value) {
				t.Errorf("the history would hold %q", err)
			}
			log := b.log.String()
			if strings.Count(log, "\n") != 1 || !strings.Contains(log, value) || !strings.Contains(log, `"call":"c-1"`) || !strings.Contains(log, `"step":"take a step"`) {
				t.Errorf("logged:\n%s", log)
			}
		})
	}
	t.Run("canceled", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		err := b.fault("take a step", workflows.CallRef{}, fmt.Errorf("%s: %w", value, context.Canceled))
		if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), value) || b.log.String() != "" {
			t.Errorf("got %v, logged %q", err, b.log)
		}
	})
}
