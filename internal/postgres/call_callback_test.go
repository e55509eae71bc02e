package postgres_test

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

// awaits are settings that await a callback.
func awaits(s *forgehook.Settings) {
	s.Callback.Await, s.Callback.Timeout = true, time.Hour
	s.DocumentProcessedStatus = nil
}

// taken is the record of an exchange in which the endpoint took the request, at a moment that is
// stored exactly.
func taken(ref forgehook.CallRef, number int) postgres.AttemptEnd {
	r := success(ref, number)
	r.Exchange.StatusCode, r.Decision.Await, r.Now = 202, time.Hour, time.Now().UTC().Truncate(time.Millisecond)
	return r
}

// awaiting is a call whose endpoint took the request.
func awaiting(t *testing.T, b bundle) (forgehook.Call, time.Time) {
	t.Helper()
	call := begun(t, b)
	record := taken(b.ref(call.ID), start(t, b, call).Number)
	recorded, err := b.RecordAttempt(t.Context(), record)
	check(t, err)
	until := record.Now.Add(time.Hour)
	equal(t, "recorded", recorded, postgres.Recorded{Attempts: 1, Until: until})
	return call, until
}

func said(result string) forgehook.Callback {
	return forgehook.Callback{Result: json.RawMessage(result)}
}

// back is a callback that delivers with a result.
func back(ref forgehook.CallRef, result string) postgres.Callback {
	return postgres.Callback{Ref: ref, Said: said(result), Reading: forgehook.Reading{Result: json.RawMessage(result)}, Now: time.Now()}
}

func (b bundle) stored(t *testing.T, call forgehook.Call) forgehook.Call {
	t.Helper()
	stored, err := b.Call(t.Context(), b.tenant, call.ID)
	check(t, err)
	return stored
}

func outcomeOf(call forgehook.Call) forgehook.Outcome {
	if call.Outcome == nil {
		return ""
	}
	return *call.Outcome
}

func TestRecordAttempt_awaitsCallback(t *testing.T) {
	t.Parallel()
	b := setup(t, awaits)
	call, until := awaiting(t, b)
	got := b.stored(t, call)
	equal(t, "status", got.Status, forgehook.CallAwaiting)
	equal(t, "until", got.CallbackUntil, &forgehook.Time{Time: until})
	equal(t, "no outcome", outcomeOf(got), "")
	again, err := b.RecordAttempt(t.Context(), taken(b.ref(call.ID), 1))
	check(t, err)
	equal(t, "recorded twice", again, postgres.Recorded{Attempts: 1, Until: until})
	// The activity was lost with its worker, and comes again: nothing is sent, also behind the
	// deadline.
	started, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call.ID), Now: time.Now()})
	check(t, err)
	equal(t, "until, on a start that nobody asked for", started.Until, until)
	equal(t, "states", states(t, b, call), []forgehook.AttemptState{finished})
	_, err = b.Pause(t.Context(), b.tenant, b.s.Utility.ID, time.Now())
	check(t, err)
	started, err = b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call.ID), Now: time.Now()})
	check(t, err)
	equal(t, "an awaiting call is not held", started.Held, false)
	started, err = b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call.ID), Now: until})
	check(t, err)
	equal(t, "behind its time", started.Outcome, forgehook.Expired)
	got = b.stored(t, call)
	equal(t, "error", got.Error.Code, "callback_timeout")
	equal(t, "until, at the end", got.CallbackUntil, nil)
}

func TestRecordCallback(t *testing.T) {
	t.Parallel()
	b := setup(t, awaits)
	call, _ := awaiting(t, b)
	_, err := b.RecordCallback(t.Context(), back(forgehook.CallRef{Tenant: b.stranger, CallID: call.ID}, `1`))
	refused(t, "another tenant", err, forgehook.CodeNotFound)
	done, err := b.RecordCallback(t.Context(), back(b.ref(call.ID), `{"total":"118.40"}`))
	check(t, err)
	equal(t, "completion", done.Completion, postgres.Completion{Outcome: forgehook.Delivered, StatusCode: 202, Attempts: 1, Won: true})
	if len(done.Wakes) != 1 || done.Wakes[0].WorkflowID != "call/"+call.ID || done.Wakes[0].Signal != forgehook.CallbackSignal {
		t.Errorf("wakes: %+v", done.Wakes)
	}
	owed, err := b.Wakes(t.Context(), b.ref(call.ID))
	check(t, err)
	equal(t, "the call's workflow does not signal itself", len(owed), 0)
	got := b.stored(t, call)
	equal(t, "result", string(got.Result), `{"total":"118.40"}`)
	equal(t, "outcome", outcomeOf(got), forgehook.Delivered)
	_, err = b.RecordCallback(t.Context(), back(b.ref(call.ID), `2`))
	refused(t, "a second one", err, forgehook.CodeCallbackUsed)
	old, err := b.OldWakes(t.Context(), time.Now().Add(time.Minute), 10)
	check(t, err)
	equal(t, "owed until it is sent", old, done.Wakes)
	check(t, b.Woken(t.Context(), []int64{old[0].ID}))
	old, err = b.OldWakes(t.Context(), time.Now().Add(time.Minute), 10)
	check(t, err)
	equal(t, "sent", len(old), 0)
}

func TestRecordCallback_failed(t *testing.T) {
	t.Parallel()
	b := setup(t, awaits)
	for _, c := range []struct {
		said *string
		want string
	}{{new("no \x00 such order"), "no \uFFFD such order"}, {nil, "The endpoint called back that it failed."}} {
		call, _ := awaiting(t, b)
		failed := back(b.ref(call.ID), `{"code":7}`)
		failed.Said.Outcome, failed.Said.Error = new(forgehook.Failed), c.said
		done, err := b.RecordCallback(t.Context(), failed)
		check(t, err)
		equal(t, "outcome", done.Outcome, forgehook.Failed)
		got := b.stored(t, call)
		equal(t, "error", got.Error, &forgehook.CallError{Code: "callback_failed", Message: c.want})
		equal(t, "result", string(got.Result), `{"code":7}`)
	}
}

// A callback that comes while the exchange is on the wire ends the call with it, whatever the
// exchange says.
func TestRecordCallback_early(t *testing.T) {
	t.Parallel()
	b := setup(t, awaits)
	for name, record := range map[string]func(forgehook.CallRef, int) postgres.AttemptEnd{"taken": taken, "503": retryable, "no answer": func(ref forgehook.CallRef, n int) postgres.AttemptEnd {
		r := retryable(ref, n)
		r.Exchange = forgehook.Exchange{Err: &forgehook.CallError{Code: "timeout", Message: "no answer"}}
		r.Decision.Final, r.Decision.Code = true, "timeout"
		return r
	}} {
		call := begun(t, b)
		number := start(t, b, call).Number
		early, err := b.RecordCallback(t.Context(), back(b.ref(call.ID), `"early"`))
		check(t, err)
		equal(t, name, early, postgres.CalledBack{Completion: postgres.Completion{Attempts: 1}, Early: true})
		equal(t, "goes on", b.stored(t, call).Status, forgehook.CallDelivering)
		_, err = b.RecordCallback(t.Context(), back(b.ref(call.ID), `"again"`))
		refused(t, "a second one", err, forgehook.CodeCallbackUsed)
		r := record(b.ref(call.ID), number)
		recorded, err := b.RecordAttempt(t.Context(), r)
		check(t, err)
		equal(t, name, recorded, postgres.Recorded{Outcome: forgehook.Delivered, Attempts: 1})
		done, err := b.Standing(t.Context(), b.ref(call.ID))
		check(t, err)
		equal(t, "status code", done.StatusCode, r.Exchange.StatusCode)
		equal(t, "result", string(b.stored(t, call).Result), `"early"`)
	}
	// The exchange is lost with its worker: the next one does not go out.
	call := begun(t, b)
	start(t, b, call)
	_, err := b.RecordCallback(t.Context(), back(b.ref(call.ID), `1`))
	check(t, err)
	started, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call.ID), Now: time.Now()})
	check(t, err)
	equal(t, "outcome", started.Outcome, forgehook.Delivered)
	equal(t, "states", states(t, b, call), []forgehook.AttemptState{unknown})
	// The deadline passes meanwhile: the endpoint has answered all the same. A cancel stands.
	for outcome, want := range map[forgehook.Outcome]forgehook.Outcome{forgehook.Expired: forgehook.Delivered, forgehook.Canceled: forgehook.Canceled} {
		call := begun(t, b)
		start(t, b, call)
		_, err := b.RecordCallback(t.Context(), back(b.ref(call.ID), `1`))
		check(t, err)
		done, err := b.CompleteCall(t.Context(), b.ref(call.ID), outcome, nil, time.Now())
		check(t, err)
		equal(t, string(outcome), done.Outcome, want)
	}
}

// In every other open status a callback ends the call at once.
func TestRecordCallback_anyStatus(t *testing.T) {
	t.Parallel()
	b := setup(t, awaits)
	for _, in := range []struct {
		status forgehook.CallStatus
		make   func() forgehook.Call
	}{
		{forgehook.CallAccepted, func() forgehook.Call { return b.s.Call(t, b.DB) }},
		{forgehook.CallEvaluating, func() forgehook.Call { return begun(t, b) }},
		{forgehook.CallWaitingRetry, func() forgehook.Call {
			call := begun(t, b)
			_, err := b.RecordAttempt(t.Context(), retryable(b.ref(call.ID), start(t, b, call).Number))
			check(t, err)
			return call
		}},
		{forgehook.CallPaused, func() forgehook.Call { // the last: it leaves the utility draining
			call := begun(t, b)
			_, err := b.Pause(t.Context(), b.tenant, b.s.Utility.ID, time.Now())
			check(t, err)
			equal(t, "held", try(t, b, call, false).Held, true)
			_, _, _, err = b.Resume(t.Context(), b.tenant, b.s.Utility.ID)
			check(t, err)
			return call
		}},
	} {
		call := in.make()
		equal(t, "status", b.stored(t, call).Status, in.status)
		done, err := b.RecordCallback(t.Context(), back(b.ref(call.ID), `true`))
		check(t, err)
		equal(t, string(in.status), done.Outcome, forgehook.Delivered)
		equal(t, "early", done.Early, false)
	}
}

func TestRecordCallback_late(t *testing.T) {
	t.Parallel()
	b := setup(t, awaits)
	call, until := awaiting(t, b)
	late := back(b.ref(call.ID), `1`)
	late.Now = until.Add(time.Millisecond)
	_, err := b.RecordCallback(t.Context(), late)
	refused(t, "its time is over", err, forgehook.CodeCallbackLate)
	ended, _ := awaiting(t, b)
	_, err = b.CompleteCall(t.Context(), b.ref(ended.ID), forgehook.Canceled, nil, time.Now())
	check(t, err)
	_, err = b.RecordCallback(t.Context(), back(b.ref(ended.ID), `1`))
	refused(t, "canceled", err, forgehook.CodeCallbackLate)
	last := back(b.ref(call.ID), `1`)
	last.Now = until
	_, err = b.RecordCallback(t.Context(), last)
	check(t, err)
}

// An awaiting call is sent again at somebody's wish. Whatever comes of that, the first promise
// stands.
func TestStartAttempt_awaitingSentAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, awaits)
	refusal := retryable(forgehook.CallRef{}, 0)
	refusal.Decision.Verdict, refusal.Decision.Code, refusal.Exchange.StatusCode = forgehook.VerdictPermanent, "http_410", 410
	for name, decision := range map[string]postgres.AttemptEnd{"retry": retryable(forgehook.CallRef{}, 0), "permanent": refusal} {
		call, until := awaiting(t, b)
		behind := call.DeadlineAt.Add(time.Hour) // the deadline's clock has stopped, but not that of the callback
		sent, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call.ID), AtOnce: true, Now: time.Now()})
		check(t, err)
		equal(t, "number", sent.Number, 2)
		equal(t, "status", b.stored(t, call).Status, forgehook.CallDelivering)
		decision.Ref, decision.Number = b.ref(call.ID), 2
		recorded, err := b.RecordAttempt(t.Context(), decision)
		check(t, err)
		equal(t, name, recorded, postgres.Recorded{Attempts: 2, Until: until})
		equal(t, "status", b.stored(t, call).Status, forgehook.CallAwaiting)
		expired, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call.ID), AtOnce: true, Now: behind})
		check(t, err)
		equal(t, "behind its time", expired.Outcome, forgehook.Expired)
	}
	call, first := awaiting(t, b)
	start(t, b, call)
	again := taken(b.ref(call.ID), 2)
	again.Now = again.Now.Add(time.Minute)
	recorded, err := b.RecordAttempt(t.Context(), again)
	check(t, err)
	if !recorded.Until.After(first) {
		t.Errorf("the endpoint took the request again at %v, but has until %v", again.Now, recorded.Until)
	}
}

// A late success of an attempt that was given up is the endpoint's promise too.
func TestRecordAttempt_lateAwait(t *testing.T) {
	t.Parallel()
	b := setup(t, awaits)
	call := begun(t, b)
	start(t, b, call)
	start(t, b, call)
	late := taken(b.ref(call.ID), 1)
	recorded, err := b.RecordAttempt(t.Context(), late)
	check(t, err)
	equal(t, "while another is under way", recorded, postgres.Recorded{Attempts: 2})
	recorded, err = b.RecordAttempt(t.Context(), retryable(b.ref(call.ID), 2))
	check(t, err)
	equal(t, "after it", recorded, postgres.Recorded{Attempts: 2, Until: late.Now.Add(time.Hour)})
	// A call that was held meanwhile awaits once it is released.
	held := begun(t, b)
	start(t, b, held)
	_, err = b.Pause(t.Context(), b.tenant, b.s.Utility.ID, time.Now())
	check(t, err)
	equal(t, "held", try(t, b, held, false).Held, true)
	recorded, err = b.RecordAttempt(t.Context(), taken(b.ref(held.ID), 1))
	check(t, err)
	equal(t, "while held", recorded, postgres.Recorded{Attempts: 1})
	equal(t, "status", b.stored(t, held).Status, forgehook.CallPaused)
	started, err := b.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(held.ID), Now: time.Now()})
	check(t, err)
	equal(t, "awaits", started.Until.IsZero(), false)
	equal(t, "status", b.stored(t, held).Status, forgehook.CallAwaiting)
}

// Callbacks, a timer and a cancel race: one wins, once, and the others learn how.
func TestRecordCallback_race(t *testing.T) {
	t.Parallel()
	b := setup(t, awaits)
	for range 5 {
		call, _ := awaiting(t, b)
		check(t, b.awaited(t, call, "request/a"))
		var ready, wg sync.WaitGroup
		var mu sync.Mutex
		won, used := 0, 0
		ready.Add(5)
		race := func(end func() (bool, error)) {
			wg.Go(func() {
				ready.Done()
				ready.Wait()
				first, err := end()
				mu.Lock()
				defer mu.Unlock()
				code := forgehook.ErrorCode(err)
				switch {
				case err == nil && first:
					won++
				case code == forgehook.CodeCallbackUsed || code == forgehook.CodeCallbackLate:
					used++
				case err != nil:
					t.Error(err)
				}
			})
		}
		for range 3 {
			race(func() (bool, error) {
				done, err := b.RecordCallback(t.Context(), back(b.ref(call.ID), `1`))
				return done.Won, err
			})
		}
		for _, outcome := range []forgehook.Outcome{forgehook.Expired, forgehook.Canceled} {
			race(func() (bool, error) {
				done, err := b.CompleteCall(t.Context(), b.ref(call.ID), outcome, nil, time.Now())
				return done.Won, err
			})
		}
		wg.Wait()
		equal(t, "winners", won, 1)
		if used < 2 {
			t.Errorf("%d callbacks were refused, at most one may be taken", used)
		}
		owed, err := b.Wakes(t.Context(), b.ref(call.ID))
		check(t, err)
		equal(t, "signals of the end", len(owed), 1)
	}
}

// A callback and the recording of the exchange that it overtakes: the call never stays behind
// awaiting what has come.
func TestRecordCallback_whileRecording(t *testing.T) {
	t.Parallel()
	b := setup(t, awaits)
	for range 10 {
		call := begun(t, b)
		start(t, b, call)
		var ready, wg sync.WaitGroup
		ready.Add(2)
		wg.Go(func() {
			ready.Done()
			ready.Wait()
			if _, err := b.RecordAttempt(t.Context(), taken(b.ref(call.ID), 1)); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			ready.Done()
			ready.Wait()
			if _, err := b.RecordCallback(t.Context(), back(b.ref(call.ID), `1`)); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		equal(t, "outcome", outcomeOf(b.stored(t, call)), forgehook.Delivered)
	}
}

func TestRecordCallback_writeBackDoesNotFit(t *testing.T) {
	t.Parallel()
	b := setup(t, awaits)
	call, _ := awaiting(t, b)
	wrong := back(b.ref(call.ID), `1`)
	wrong.Reading.WriteBack = &forgehook.WriteBack{Document: &forgehook.DocumentWrite{
		Status: new(forgehook.DocumentStatus(121)), Fields: []forgehook.FieldWrite{{Name: "Totl", Value: "1"}},
	}}
	_, err := b.RecordCallback(t.Context(), wrong)
	refused(t, "a field that is not there", err, forgehook.CodeInvalid)
	equal(t, "where", faultPaths(err), []string{"response.writeBack.document.fields.Totl"})
	equal(t, "nothing is kept", b.stored(t, call).Status, forgehook.CallAwaiting)
	wrong.Reading.WriteBack.Document.Fields[0].Name = "Total"
	done, err := b.RecordCallback(t.Context(), wrong)
	check(t, err)
	equal(t, "posted again", done.Outcome, forgehook.Delivered)
	document, err := b.Document(t.Context(), b.tenant, b.s.Document.ID)
	check(t, err)
	equal(t, "status", document.Status, 121)
	equal(t, "field", *document.Parameter(50).Value, "1")
	// One that fails writes nothing, so what it would have written need not fit.
	other, _ := awaiting(t, b)
	wrong.Ref, wrong.Said.Outcome, wrong.Reading.WriteBack.Document.Fields[0].Name = b.ref(other.ID), new(forgehook.Failed), "Totl"
	done, err = b.RecordCallback(t.Context(), wrong)
	check(t, err)
	equal(t, "failed", done.Outcome, forgehook.Failed)
}

func TestCallbackCall(t *testing.T) {
	t.Parallel()
	b := setup(t, awaits)
	call := begun(t, b)
	found, err := b.CallbackCall(t.Context(), call.ID)
	check(t, err)
	equal(t, "call", found, postgres.CallbackTarget{Ref: b.ref(call.ID)})

	var made int
	key := func(sealed string) func() ([]byte, error) {
		return func() ([]byte, error) { made++; return []byte(sealed), nil }
	}
	first, err := b.CallbackKey(t.Context(), b.tenant, key("one"))
	check(t, err)
	second, err := b.CallbackKey(t.Context(), b.tenant, key("two"))
	check(t, err)
	equal(t, "keys", []string{string(first), string(second)}, []string{"one", "one"})
	equal(t, "made", made, 1)
	found, err = b.CallbackCall(t.Context(), call.ID)
	check(t, err)
	equal(t, "key", string(found.Key), "one")
	stranger, err := b.CallbackKey(t.Context(), b.stranger, key("theirs"))
	check(t, err)
	equal(t, "another tenant's", string(stranger), "theirs")
	broken := errors.New("no key set")
	_, err = b.CallbackKey(t.Context(), pgtest.Tenant(t, b.DB), func() ([]byte, error) { return nil, broken })
	equal(t, "what make says", errors.Is(err, broken), true)

	for name, id := range map[string]string{"unknown": "01890000-0000-7000-8000-000000000000", "no id": "x", "awaits none": setupCall(t, b)} {
		_, err := b.CallbackCall(t.Context(), id)
		refused(t, name, err, forgehook.CodeNotFound)
	}
}

// setupCall is a call of a utility that awaits nothing.
func setupCall(t *testing.T, b bundle) string {
	t.Helper()
	plain := pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID)
	return pgtest.Accept(t, b.DB, b.tenant, forgehook.CallRequest{WebHookServiceID: &plain.ID, DocumentID: &b.s.Document.ID}).Calls[0].ID
}

func TestCallbackKey_atOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	keys := make([]string, 8)
	var ready, wg sync.WaitGroup
	ready.Add(len(keys))
	for i := range keys {
		wg.Go(func() {
			ready.Done()
			ready.Wait()
			key, err := b.CallbackKey(t.Context(), b.tenant, func() ([]byte, error) { return []byte{byte(i)}, nil })
			if err != nil {
				t.Error(err)
			}
			keys[i] = string(key)
		})
	}
	wg.Wait()
	for _, key := range keys {
		equal(t, "key", key, keys[0])
	}
}
