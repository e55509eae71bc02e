package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

var everyDocumentEvent = []forgehook.EventType{
	forgehook.EventDocumentCreated, forgehook.EventDocumentUpdated, forgehook.EventDocumentDeleted, forgehook.EventVerification,
}

// raisedTypes are the events of runs, in their order.
func raisedTypes(raised postgres.Raised) (types []forgehook.EventType) {
	for _, run := range raised.Runs {
		types = append(types, run.Type)
	}
	return types
}

// batch accepts the next calls of a run.
func (b bundle) batch(t *testing.T, run forgehook.RunRef) postgres.Batch {
	t.Helper()
	batch, err := b.AcceptBatch(t.Context(), run, time.Now())
	check(t, err)
	return batch
}

// subject is what the call of a start is about.
func (b bundle) subject(t *testing.T, start forgehook.CallStart) forgehook.Subject {
	t.Helper()
	s, err := b.Subject(t.Context(), b.ref(start.CallID))
	check(t, err)
	return s
}

// play makes all calls of all events, deliver delivers one, until nothing is raised any more. It
// returns "event utility" of each call.
func (b bundle) play(t *testing.T, deliver func(forgehook.Call)) (fired []string) {
	t.Helper()
	for range 20 {
		runs, err := b.StaleRuns(t.Context(), time.Now().Add(time.Hour), 100)
		check(t, err)
		if len(runs) == 0 {
			return fired
		}
		for _, run := range runs {
			for _, start := range b.batch(t, run.RunRef).Starts {
				call, err := b.Call(t.Context(), run.Tenant, start.CallID)
				check(t, err)
				fired = append(fired, fmt.Sprintf("%s %d", call.EventType, call.WebHookServiceID))
				deliver(call)
			}
			b.batch(t, run.RunRef)
		}
	}
	t.Fatalf("it goes on and on: %q", fired)
	return nil
}

func TestDocuments_raise(t *testing.T) {
	t.Parallel()
	b := setup(t, on(everyDocumentEvent...))
	d := pgtest.Invoice(t, b.s.Project.ID, b.s.Service.ID)
	d.ID = 912
	_, _, raised, err := b.PutDocument(t.Context(), b.tenant, d, "", nil)
	check(t, err)
	equal(t, "new", raised.Runs, []forgehook.RunStart{{
		RunRef: raised.Runs[0].RunRef, ServiceID: b.s.Service.ID, ProjectID: b.s.Project.ID, Type: forgehook.EventDocumentCreated, Documents: 1,
	}})
	batch := b.batch(t, raised.Runs[0].RunRef)
	equal(t, "calls of its batch", [...]int{batch.Processed, batch.Calls, batch.Open, len(batch.Starts)}, [...]int{1, 1, 1, 1})
	call, err := b.Call(t.Context(), b.tenant, batch.Starts[0].CallID)
	check(t, err)
	equal(t, "event, run, document", []any{call.EventType, *call.RunID, *call.DocumentID, call.CauseID},
		[]any{forgehook.EventDocumentCreated, raised.Runs[0].RunID, int32(912), (*string)(nil)})
	equal(t, "start", batch.Starts[0].UtilityName, "Hook")

	_, _, raised, err = b.PutDocument(t.Context(), b.tenant, d, "", nil)
	check(t, err)
	equal(t, "replaced by itself", len(raised.Runs), 0)
	_, raised, err = b.UpdateDocument(t.Context(), b.tenant, 912, "", func(*forgehook.Document) error { return nil })
	check(t, err)
	equal(t, "changed in nothing but its date", len(raised.Runs), 0)
	d.Status = 121
	_, _, raised, err = b.PutDocument(t.Context(), b.tenant, d, "", nil)
	check(t, err)
	equal(t, "replaced", raisedTypes(raised), []forgehook.EventType{forgehook.EventDocumentUpdated})
	d.ResultParameters[0].Verifications = append(d.ResultParameters[0].Verifications, forgehook.Verification{ID: 99, Value: new("1")}, forgehook.Verification{})
	_, _, raised, err = b.PutDocument(t.Context(), b.tenant, d, "", nil)
	check(t, err)
	equal(t, "replaced, with a new verification", raisedTypes(raised), []forgehook.EventType{forgehook.EventDocumentUpdated, forgehook.EventVerification})
	s := b.subject(t, b.batch(t, raised.Runs[1].RunRef).Starts[0])
	equal(t, "verification, its parameter and definition", []int32{s.Verification.ID, s.Parameter.ID, s.ParameterDef.ID}, []int32{99, 50, 179804})

	_, raised, err = b.UpdateDocument(t.Context(), b.tenant, 912, "", func(d *forgehook.Document) error {
		cell := d.Parameter(62)
		cell.Verifications = append(cell.Verifications, forgehook.Verification{ID: 99}, forgehook.Verification{ID: 100})
		return nil
	})
	check(t, err)
	equal(t, "changed, with new verifications of a cell", raisedTypes(raised), []forgehook.EventType{forgehook.EventDocumentUpdated, forgehook.EventVerification})
	var verified []int32
	for _, start := range b.batch(t, raised.Runs[1].RunRef).Starts {
		s := b.subject(t, start)
		verified = append(verified, s.Parameter.ID, s.Verification.ID)
	}
	equal(t, "its verifications", verified, []int32{62, 99, 62, 100})

	raised, err = b.DeleteDocument(t.Context(), b.tenant, 912, "")
	check(t, err)
	equal(t, "deleted", raisedTypes(raised), []forgehook.EventType{forgehook.EventDocumentDeleted})
	s = b.subject(t, b.batch(t, raised.Runs[0].RunRef).Starts[0])
	equal(t, "the document as it was", []any{s.Document.ID, *s.Document.Filename, len(s.Document.Parameter(62).Verifications)}, []any{int32(912), "inv-0042.pdf", 2})
}

func TestDocuments_raiseNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, on(forgehook.EventDocumentCreated), func(s *forgehook.Settings) { s.Enabled = false })
	elsewhere := pgtest.Service(t, b.DB, b.tenant, b.s.Project.ID)
	pgtest.Utility(t, b.DB, b.tenant, elsewhere.ID, on(everyDocumentEvent...))
	d := pgtest.Invoice(t, b.s.Project.ID, b.s.Service.ID)
	for name, change := range map[string]func() (postgres.Raised, error){
		"utilities of other services, and a disabled one": func() (raised postgres.Raised, err error) {
			_, _, raised, err = b.PutDocument(t.Context(), b.tenant, d, "", nil)
			return raised, err
		},
		"a service that is not here": func() (raised postgres.Raised, err error) {
			d := d
			d.ServiceID = 4711
			_, _, raised, err = b.PutDocument(t.Context(), b.tenant, d, "", nil)
			return raised, err
		},
		"a change that is taken back": func() (postgres.Raised, error) {
			_, _, raised, err := b.PutDocument(t.Context(), b.tenant, forgehook.Document{ProjectID: 4711, ServiceID: elsewhere.ID}, "", nil)
			refused(t, "project that is not there", err, forgehook.CodeNotFound)
			return raised, nil
		},
	} {
		raised, err := change()
		check(t, err)
		equal(t, name, len(raised.Runs), 0)
	}
	runs, err := b.StaleRuns(t.Context(), time.Now().Add(time.Hour), 10)
	check(t, err)
	equal(t, "stored runs", len(runs), 0)
}

func TestImportDocuments_raises(t *testing.T) {
	t.Parallel()
	b := setup(t, on(everyDocumentEvent...))
	other := pgtest.Service(t, b.DB, b.tenant, b.s.Project.ID)
	pgtest.Utility(t, b.DB, b.tenant, other.ID, on(forgehook.EventDocumentCreated))
	one := func(id, service int32) forgehook.Document { return forgehook.Document{ID: id, ServiceID: service} }
	_, _, _, err := b.ImportDocuments(t.Context(), b.tenant, b.s.Project.ID, "", nil, all([]forgehook.Document{one(1, 0), one(2, 0)}))
	check(t, err)
	_, _, raised, err := b.ImportDocuments(t.Context(), b.tenant, b.s.Project.ID, "", nil, func(put func([]forgehook.Document) error) error {
		if err := put([]forgehook.Document{one(3, b.s.Service.ID), one(2, b.s.Service.ID), one(5, other.ID)}); err != nil {
			return err
		}
		return put([]forgehook.Document{one(3, b.s.Service.ID), one(1, b.s.Service.ID), one(4, b.s.Service.ID)})
	})
	check(t, err)
	var got []string
	for _, run := range raised.Runs {
		line := fmt.Sprintf("%s of %d:", run.Type, run.ServiceID)
		for _, start := range b.batch(t, run.RunRef).Starts {
			line += fmt.Sprint(" ", *start.DocumentID)
		}
		got = append(got, line)
	}
	equal(t, "runs", got, []string{
		fmt.Sprintf("document.created of %d: 3 4", b.s.Service.ID), fmt.Sprintf("document.updated of %d: 1 2", b.s.Service.ID),
		fmt.Sprintf("document.created of %d: 5", other.ID),
	})
}

// What names the cause of a change: a call's id, also as a trace id, or a webhook-id. Anything else
// is no cause.
func TestCause(t *testing.T) {
	t.Parallel()
	b := setup(t, on(forgehook.EventDocumentUpdated))
	call := b.s.Call(t, b.DB)
	foreign := pgtest.NewScene(t, b.DB, on(forgehook.EventDocumentUpdated))
	undashed := strings.ReplaceAll(call.ID, "-", "")
	for named, want := range map[string]int{
		call.ID: 0, undashed: 0, call.WebhookID: 0, strings.ToUpper(call.ID): 0,
		"": 1, "msg_": 1, "4711": 1, "\x00": 1, call.ID + "0": 1, "00000000-0000-0000-0000-000000000000": 1,
		foreign.Call(t, b.DB).ID: 1,
	} {
		_, raised, err := b.UpdateDocument(t.Context(), b.tenant, b.s.Document.ID, named, func(d *forgehook.Document) error {
			d.Comment = new(time.Now().String())
			return nil
		})
		check(t, err)
		equal(t, fmt.Sprintf("runs of a change caused by %q", named), len(raised.Runs), want)
	}
}

// Five ways in which utilities could call each other for ever.
func TestLoops(t *testing.T) {
	t.Parallel()
	status := func(status forgehook.DocumentStatus) func(*forgehook.Settings) {
		return func(s *forgehook.Settings) { s.DocumentProcessedStatus = &status }
	}
	update := func(t *testing.T, b bundle, cause string) {
		t.Helper()
		_, _, err := b.UpdateDocument(t.Context(), b.tenant, b.s.Document.ID, cause, func(d *forgehook.Document) error {
			d.Comment = new(time.Now().String())
			return nil
		})
		check(t, err)
	}
	line := func(event forgehook.EventType, u forgehook.Utility) string { return fmt.Sprintf("%s %d", event, u.ID) }
	for name, run := range map[string]func(t *testing.T){
		"processed status": func(t *testing.T) {
			b := setup(t, on(forgehook.EventDocumentUpdated), status(121))
			update(t, b, "")
			equal(t, "calls", b.play(t, func(c forgehook.Call) { deliver(t, b, c) }), []string{line(forgehook.EventDocumentUpdated, b.s.Utility)})
		},
		"write-back": func(t *testing.T) {
			b := setup(t, on(forgehook.EventDocumentUpdated))
			update(t, b, "")
			n := 0
			equal(t, "calls", b.play(t, func(c forgehook.Call) {
				n++
				answered(t, b, c, &forgehook.WriteBack{Document: &forgehook.DocumentWrite{Comment: new(fmt.Sprint(n))}})
			}), []string{line(forgehook.EventDocumentUpdated, b.s.Utility)})
		},
		"ping-pong": func(t *testing.T) {
			b := setup(t, on(forgehook.EventDocumentUpdated), status(121))
			other := pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID, on(forgehook.EventDocumentUpdated), status(10))
			update(t, b, "")
			equal(t, "calls", b.play(t, func(c forgehook.Call) { deliver(t, b, c) }), []string{
				line(forgehook.EventDocumentUpdated, b.s.Utility), line(forgehook.EventDocumentUpdated, other),
				line(forgehook.EventDocumentUpdated, other), line(forgehook.EventDocumentUpdated, b.s.Utility),
			})
		},
		"call.completed of each other": func(t *testing.T) {
			b := setup(t, on(forgehook.EventCallCompleted))
			other := pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID, on(forgehook.EventCallCompleted))
			deliver(t, b, b.s.Call(t, b.DB))
			equal(t, "calls", b.play(t, func(c forgehook.Call) { deliver(t, b, c) }), []string{line(forgehook.EventCallCompleted, other)})
		},
		"endpoint that changes the document": func(t *testing.T) {
			b := setup(t, on(forgehook.EventDocumentUpdated), func(s *forgehook.Settings) { s.DocumentProcessedStatus = nil })
			update(t, b, "")
			equal(t, "calls", b.play(t, func(c forgehook.Call) {
				update(t, b, c.WebhookID)
				deliver(t, b, c)
			}), []string{line(forgehook.EventDocumentUpdated, b.s.Utility)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t)
		})
	}
}

func TestCallEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	watcher := pgtest.Utility(t, b.DB, b.tenant, b.s.Service.ID, on(forgehook.EventCallCompleted, forgehook.EventCallFailed))
	call := onTotal(t, b)
	build(t, b.DB, b.ref(call.ID), built)
	record := success(b.ref(call.ID), start(t, b, call).Number)
	record.Reading.Result = []byte(`{"orderId":7}`)
	_, err := b.RecordAttempt(t.Context(), record)
	check(t, err)
	_, _, err = b.UpdateDocument(t.Context(), b.tenant, b.s.Document.ID, "", func(d *forgehook.Document) error {
		d.Comment = new("changed since")
		return nil
	})
	check(t, err)
	runs, err := b.CausedRuns(t.Context(), b.ref(call.ID))
	check(t, err)
	if len(runs) != 1 || runs[0].Type != forgehook.EventCallCompleted {
		t.Fatalf("runs: %+v", runs)
	}
	batch := b.batch(t, runs[0].RunRef)
	made, err := b.Call(t.Context(), b.tenant, batch.Starts[0].CallID)
	check(t, err)
	equal(t, "utility, cause", []any{made.WebHookServiceID, *made.CauseID}, []any{watcher.ID, call.ID})
	s := b.subject(t, batch.Starts[0])
	equal(t, "cause", s.Cause, &forgehook.Cause{
		ID: call.ID, WebHookServiceID: b.s.Utility.ID, Outcome: "delivered", StatusCode: new(int32(204)), Attempts: 1, Result: []byte(`{"orderId":7}`),
	})
	equal(t, "document as it is now, parameter as it was", []any{*s.Document.Comment, s.Parameter.ID}, []any{"changed since", int32(50)})
	none, err := b.CausedRuns(t.Context(), b.ref(call.ID))
	check(t, err)
	equal(t, "runs that have not begun", len(none), 0)

	call = b.s.Call(t, b.DB)
	check(t, deleteDocument(t, b, b.tenant, b.s.Document.ID))
	_, err = b.CompleteCall(t.Context(), b.ref(call.ID), forgehook.Failed, &forgehook.CallError{Code: "http_410", Message: "410 Gone"}, time.Now())
	check(t, err)
	runs, err = b.CausedRuns(t.Context(), b.ref(call.ID))
	check(t, err)
	s = b.subject(t, b.batch(t, runs[0].RunRef).Starts[0])
	equal(t, "cause of call.failed", s.Cause, &forgehook.Cause{
		ID: call.ID, WebHookServiceID: b.s.Utility.ID, Outcome: "failed", ErrorCode: new("http_410"), ErrorMessage: new("410 Gone"), Result: []byte("null"),
	}, cmpopts.EquateEmpty())
	equal(t, "document that is gone, as it was", s.Document.ID, b.s.Document.ID)
	foreign, err := b.CausedRuns(t.Context(), forgehook.CallRef{Tenant: b.stranger, CallID: call.ID})
	check(t, err)
	equal(t, "a stranger's view", len(foreign), 0)
}
