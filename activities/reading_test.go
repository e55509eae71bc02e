package activities

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/outbound/zoo"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/internal/webhook"
	"github.com/forgehook/forgehook/workflows"
)

// says is an endpoint that responds with JSON.
func says(t *testing.T, status int, body string) *zoo.Server {
	t.Helper()
	return zoo.Respond(t, status, map[string]string{"Content-Type": "application/json"}, body)
}

// The reading of a response becomes the call's result and is written to the document.
func TestDeliver_readsTheResponse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := says(t, 200, `{"order":{"id":4711,"state":"Suspended"},"total":119.5}`)
	call := b.ready(t, to(endpoint), func(s *forgehook.Settings) {
		s.Response.SuccessWhen = new(`response.json.order.id > 0`)
		s.Response.Result = new(`{"orderId": response.json.order.id, "status": response.statusCode}`)
		d := &s.Response.WriteBack.Document
		d.Comment, d.Result = new(`"order " + string(result.orderId)`), new(`result`)
		d.Fields = []forgehook.Header{{Name: "Total", Value: `response.json.total`}}
	})
	got, err := b.deliver(t, call)
	check(t, err)
	equal(t, "result of the step", got, workflows.DeliverResult{Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 1, Reason: "200 OK"})
	stored := b.stored(t, call)
	equal(t, "result", string(stored.Result), `{"orderId":4711,"status":200}`)
	paths := make([]string, len(stored.Changes))
	for i, c := range stored.Changes {
		paths[i] = c.Path
	}
	equal(t, "changes", paths, []string{"document.comment", "document.result", "document.fields.Total"})
	document, err := b.DB.Document(t.Context(), b.tenant, b.document.ID)
	check(t, err)
	equal(t, "comment", document.Comment, new("order 4711"))
	equal(t, "status", document.Status, forgehook.StatusProcessed)
	total := slices.IndexFunc(document.ResultParameters, func(p forgehook.DocumentParameter) bool { return p.ID == 50 })
	equal(t, "field", document.ResultParameters[total].Value, new("119.5"))
}

// A name means the same field in an expression and in a write-back.
func TestDeliver_writesTheFieldThatItReads(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, _, err := b.DB.UpdateDocument(t.Context(), b.tenant, b.document.ID, "", func(d *forgehook.Document) error {
		column := *d.ParameterDef(179811) // of a table
		column.Name = new("Total")
		d.Parameter(61).ParamDef, d.Parameter(61).Value = &column, new("LINE 5.00")
		d.ResultParameters = []forgehook.DocumentParameter{*d.Parameter(60), *d.Parameter(50)}
		return nil
	})
	check(t, err)
	call := b.ready(t, to(says(t, 200, `{}`)), func(s *forgehook.Settings) {
		s.Response.WriteBack.Document.Fields = []forgehook.Header{{Name: "Total", Value: `doc.field("Total").value + " read"`}}
	})
	_, err = b.deliver(t, call)
	check(t, err)
	equal(t, "changes", b.stored(t, call).Changes, []forgehook.Change{
		{Path: "document.fields.Total", Before: json.RawMessage(`"118.40"`), After: json.RawMessage(`"118.40 read"`)},
	})
	document, err := b.DB.Document(t.Context(), b.tenant, b.document.ID)
	check(t, err)
	equal(t, "fields", []string{*document.Parameter(50).Value, *document.Parameter(61).Value}, []string{"118.40 read", "LINE 5.00"})
}

// Responses whose meaning differs from their status.
func TestDeliver_meaningUnlikeStatus(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tests := []struct {
		name          string
		status        int
		body          string
		change        func(*forgehook.Settings)
		outcome       forgehook.Outcome
		code, message string
		reason        string
	}{
		{"refused in a 200", 200, `{"ok":false}`, func(s *forgehook.Settings) { s.Response.SuccessWhen = new(`response.json.ok == true`) },
			forgehook.Failed, "answer_refused", "response.json.ok == true", "200 OK, but response.successWhen is false"},
		{"a 404 that is success", 404, `{"known":false}`, func(s *forgehook.Settings) { s.Response.SuccessWhen = new(`response.statusCode == 404`) },
			forgehook.Delivered, "", "", "404 Not Found"},
		{"no JSON", 200, `<html>`, func(s *forgehook.Settings) { s.Response.Result = new(`response.json.id + 1`) },
			forgehook.Failed, "answer_unreadable", "response.result", "200 OK, but the answer cannot be read"},
		{"a status that is none", 200, `{"status":"Finished"}`, func(s *forgehook.Settings) { s.Response.WriteBack.Document.Status = new(`response.json.status`) },
			forgehook.Failed, "write_back_refused", `response.writeBack.document.status: "Finished"`, "200 OK, but what it writes back is refused"},
		{"a field that is none", 200, `{"total":"1"}`, func(s *forgehook.Settings) {
			s.Response.WriteBack.Document.Comment = new(`"seen"`)
			s.Response.WriteBack.Document.Fields = []forgehook.Header{{Name: "Totle", Value: `response.json.total`}}
		}, forgehook.Failed, "write_back_refused", "response.writeBack.document.fields.Totle", "200 OK"},
		{"truncated", 200, `{"a":"` + strings.Repeat("x", 2000) + `"}`, func(s *forgehook.Settings) {
			s.Response.MaxBytes = new(1024)
			s.Response.SuccessWhen = new(`response.json != null`)
		}, forgehook.Failed, "answer_refused", "response.json != null", "200 OK, but response.successWhen is false"},
	}
	for _, tt := range tests {
		call := b.ready(t, to(says(t, tt.status, tt.body)), tt.change)
		got, err := b.deliver(t, call)
		check(t, err)
		equal(t, tt.name, got, workflows.DeliverResult{Outcome: tt.outcome, StatusCode: tt.status, Attempts: 1, Reason: tt.reason})
		stored := b.stored(t, call)
		if tt.code == "" {
			continue
		}
		equal(t, tt.name+": code", stored.Error.Code, forgehook.CallErrorCode(tt.code))
		if !strings.Contains(stored.Error.Message, tt.message) {
			t.Errorf("%s: message %q does not say %q", tt.name, stored.Error.Message, tt.message)
		}
		equal(t, tt.name+": changes", stored.Changes, nil)
	}
	document, err := b.DB.Document(t.Context(), b.tenant, b.document.ID)
	check(t, err)
	equal(t, "comment", document.Comment, b.document.Comment)
}

func awaits(s *forgehook.Settings) { s.Callback.Await, s.Callback.Timeout = true, time.Hour }

// token is the token of the callback URL that the endpoint was given.
func (b bundle) token(t *testing.T, request zoo.Request) string {
	t.Helper()
	given := request.Header.Get("Forgehook-Callback-Url")
	token, ok := strings.CutPrefix(given, b.PublicURL+"/v1/callbacks/")
	if _, err := url.Parse(given); err != nil || !ok || len(token) != 64 {
		t.Fatalf("callback URL %q, %v", given, err)
	}
	return token
}

// calledBack does what the API does with a callback whose token is valid.
func (b bundle) calledBack(t *testing.T, call forgehook.Call, said forgehook.Callback) (postgres.CalledBack, error) {
	t.Helper()
	stored := b.stored(t, call)
	facts, err := b.DB.Facts(t.Context(), b.ref(call))
	check(t, err)
	defer facts.Done()
	plan, err := b.plan(b.tenant, call.WebHookServiceID, facts.Settings)
	check(t, err)
	exchange, err := stored.Response.Exchange()
	check(t, err)
	reading, err := plan.Read(webhook.Evidence{Subject: &facts.Subject, Meta: b.meta(facts.Call, ""), Exchange: exchange, Callback: &said})
	check(t, err)
	return b.DB.RecordCallback(t.Context(), postgres.Callback{
		Ref: b.ref(call), Said: said, Reading: reading, Now: b.at,
	})
}

// An endpoint takes the request and calls back later.
func TestDeliver_awaitsACallback(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.Echo(t)
	call := b.ready(t, to(endpoint), awaits, func(s *forgehook.Settings) {
		s.Response.WriteBack.Document.Comment = new(`"order " + string(callback.result.orderId)`)
	})
	deliver := workflows.DeliverInput{CallRef: b.ref(call)}
	until := b.at.Add(time.Hour)
	got, err := run[workflows.DeliverResult](t, b, b.Deliver, deliver)
	check(t, err)
	equal(t, "result of the step", got, workflows.DeliverResult{StatusCode: 200, Attempts: 1, Reason: "200 OK", AwaitUntil: &until})
	stored := b.stored(t, call)
	equal(t, "status", stored.Status, forgehook.CallAwaiting)
	equal(t, "until", stored.CallbackUntil, &forgehook.Time{Time: until})
	equal(t, "outcome", stored.Outcome, nil)

	// A callback must have the token, so only the endpoint may see it: it is masked even in an echo
	// of the request.
	wire := endpoint.Requests()[0]
	token := b.token(t, wire)
	id, ok := secret.ReadCallbackToken(token)
	equal(t, "call of the token", id, call.ID)
	equal(t, "a token that can be read", ok, true)
	var payload struct{ CallbackURL string }
	check(t, json.Unmarshal(wire.Body, &payload))
	equal(t, "URL in the payload", payload.CallbackURL, b.PublicURL+"/v1/callbacks/"+token)
	b.hides(t, call, nil, token)
	shown := b.attempts(t, call)[0]
	equal(t, "URL as shown", shown.Request.Headers["Forgehook-Callback-Url"], b.PublicURL+"/v1/callbacks/[token]")
	if !strings.Contains(shown.Request.Body, "/v1/callbacks/[token]") {
		t.Errorf("the body shows no callback URL: %s", shown.Request.Body)
	}

	// The engine missed the result: the step runs again and sends nothing.
	again, err := run[workflows.DeliverResult](t, b, b.Deliver, deliver)
	check(t, err)
	equal(t, "once more", again, workflows.DeliverResult{StatusCode: 200, Attempts: 1, Reason: "waiting as before", AwaitUntil: &until})
	equal(t, "requests", len(endpoint.Requests()), 1)

	// An attempt on demand has the same token.
	deliver.AtOnce = true
	_, err = run[workflows.DeliverResult](t, b, b.Deliver, deliver)
	check(t, err)
	equal(t, "token of the second request", b.token(t, endpoint.Requests()[1]), token)

	back, err := b.calledBack(t, call, forgehook.Callback{Result: json.RawMessage(`{"orderId":4711}`)})
	check(t, err)
	equal(t, "outcome of the callback", back.Outcome, forgehook.Delivered)
	equal(t, "owed", back.Wakes, []forgehook.Wake{{
		Tenant: b.tenant, WorkflowID: workflows.CallID(call.ID), Signal: workflows.CallbackSignal,
	}}, cmpopts.IgnoreFields(forgehook.Wake{}, "ID"))
	stands, err := run[workflows.CallResult](t, b, b.CompleteCall, workflows.CompleteInput{CallRef: b.ref(call)})
	check(t, err)
	equal(t, "what stands", stands, workflows.CallResult{CallID: call.ID, Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 2})
	equal(t, "result", string(b.stored(t, call).Result), `{"orderId":4711}`)
	document, err := b.DB.Document(t.Context(), b.tenant, b.document.ID)
	check(t, err)
	equal(t, "comment", document.Comment, new("order 4711"))
}

// CompleteCall without an outcome tells that the call has none.
func TestCompleteCall_looks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.ready(t)
	got, err := run[workflows.CallResult](t, b, b.CompleteCall, workflows.CompleteInput{CallRef: b.ref(call)})
	check(t, err)
	equal(t, "what stands", got, workflows.CallResult{CallID: call.ID})
	equal(t, "outcome", b.outcome(t, call), "")
}

// Some endpoints call back before they respond. The callback counts, and the response may say
// anything.
func TestDeliver_calledBackEarly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.Slow(t)
	call := b.ready(t, to(endpoint), awaits)
	type end struct {
		result workflows.DeliverResult
		err    error
	}
	ended := make(chan end, 1)
	go func() {
		result, err := b.deliver(t, call)
		ended <- end{result, err}
	}()
	endpoint.Await(t, 1)
	back, err := b.calledBack(t, call, forgehook.Callback{
		Result: json.RawMessage(`1`), Outcome: new(forgehook.Failed), Error: new("no such supplier"),
	})
	check(t, err)
	equal(t, "early", back.Early, true)
	endpoint.Release()
	got := <-ended
	check(t, got.err)
	equal(t, "outcome", got.result.Outcome, forgehook.Failed)
	stored := b.stored(t, call)
	equal(t, "why", stored.Error, &forgehook.CallError{Code: "callback_failed", Message: "no such supplier"})
	equal(t, "result", string(stored.Result), `1`)
}

// The worker died during an exchange whose endpoint has called back: nothing is sent again.
func TestDeliver_calledBackBeforeALoss(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.OK(t)
	call := b.ready(t, to(endpoint), awaits)
	_, err := b.DB.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call), Now: b.at})
	check(t, err)
	_, err = b.calledBack(t, call, forgehook.Callback{})
	check(t, err)
	got, err := b.deliver(t, call)
	check(t, err)
	equal(t, "outcome", got.Outcome, forgehook.Delivered)
	equal(t, "requests", len(endpoint.Requests()), 0)
}

// An explanation does not show the token.
func TestEvaluateConditions_showsNoToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.accept(t, b.utility(t, awaits, func(s *forgehook.Settings) { s.Condition = new(`call.callbackUrl == "x"`) }))
	got, err := run[workflows.Evaluation](t, b, b.EvaluateConditions, b.ref(call))
	check(t, err)
	equal(t, "outcome", got.Outcome, forgehook.Skipped)
	explanation, err := json.Marshal(b.stored(t, call).Explanation)
	check(t, err)
	if strings.Contains(string(explanation), "/v1/callbacks/") && !strings.Contains(string(explanation), "/v1/callbacks/[token]") {
		t.Errorf("explained with a token: %s", explanation)
	}
}

const doorCode = `hunter2-4711`

// door gives the document a secret field.
func (b bundle) door(t *testing.T) {
	t.Helper()
	_, _, err := b.DB.UpdateDocument(t.Context(), b.tenant, b.document.ID, "", func(d *forgehook.Document) error {
		d.ResultParameters = append(d.ResultParameters, forgehook.DocumentParameter{
			ID: 999, Value: new(doorCode), ParamDef: &forgehook.ParameterDef{Name: new("Door"), ValueType: forgehook.ValuePassword},
		})
		return nil
	})
	check(t, err)
}

func (b bundle) doorCode(t *testing.T) string {
	t.Helper()
	d, err := b.DB.Document(t.Context(), b.tenant, b.document.ID)
	check(t, err)
	return *d.Parameter(999).Value
}

func inJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	check(t, err)
	return string(text)
}

// An endpoint writes the true value of a secret field back, and nothing shows it.
func TestDeliver_writesSecretsBackAndShowsNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.door(t)
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	t.Cleanup(echo.Close)
	call := b.ready(t, func(s *forgehook.Settings) {
		s.WebHook.URL = new(echo.URL)
		s.WebHook.Body = new(`{"door":"{{ doc.field("Door").value }}","ref":"A-{{ doc.field("Door").value }}-9"}`)
		s.Response.SuccessWhen = new(`response.json.ref == "A-` + doorCode + `-9"`)
		s.Response.Result = new(`response.json`)
		s.Response.WriteBack.Document.Fields = []forgehook.Header{{Name: "Door", Value: `response.json.door`}}
		s.Response.WriteBack.Document.Comment = new(`result.ref`)
	})
	got, err := b.deliver(t, call)
	check(t, err)
	equal(t, "outcome", got.Outcome, forgehook.Delivered)
	equal(t, "the field", b.doorCode(t), doorCode)
	stored := b.stored(t, call)
	attempts, _, err := b.DB.Attempts(t.Context(), b.tenant, call.ID, forgehook.Page{})
	check(t, err)
	if text := inJSON(t, stored) + inJSON(t, attempts); strings.Contains(text, doorCode) {
		t.Errorf("shown: %s", text)
	}
	equal(t, "result", string(stored.Result), `{"door":"[secret]","ref":"A-[secret]-9"}`)
	equal(t, "changes", inJSON(t, stored.Changes), `[{"path":"document.comment","before":null,"after":"A-[secret]-9"}]`)

	again := b.ready(t, to(says(t, 200, `{}`)), func(s *forgehook.Settings) {
		s.Response.WriteBack.Document.Comment = new(`"none"`)
	})
	_, err = b.deliver(t, again)
	check(t, err)
	equal(t, "changes of what a secret stood in", inJSON(t, b.stored(t, again).Changes), `[{"path":"document.comment","before":"A-[secret]-9","after":"none"}]`)
}

// Nothing shows a new value of a secret field, whether written or refused.
func TestDeliver_showsNoNewSecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.door(t)
	const code = "0815-new"
	endpoint := says(t, 200, `{"door":"`+code+`","note":"the code is `+code+`"}`)
	for _, status := range []string{`null`, `response.json.note`} { // the second fits no field
		call := b.ready(t, to(endpoint), func(s *forgehook.Settings) {
			s.Response.Result = new(`response.json`)
			d := &s.Response.WriteBack.Document
			d.Status, d.Comment, d.Fields = &status, new(`result.note`), []forgehook.Header{{Name: "door", Value: `result.door`}}
		})
		_, err := b.deliver(t, call)
		check(t, err)
		b.hides(t, call, nil, code)
	}
	equal(t, "the field", b.doorCode(t), code)
}

// An endpoint that sends the mask of a secret back overwrites nothing.
func TestDeliver_refusesTheMaskOfASecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.door(t)
	call := b.ready(t, to(says(t, 200, `{"door":"[secret]"}`)), func(s *forgehook.Settings) {
		s.Response.WriteBack.Document.Fields = []forgehook.Header{{Name: "Door", Value: `response.json.door`}}
	})
	_, err := b.deliver(t, call)
	check(t, err)
	equal(t, "error", *b.stored(t, call).Error, forgehook.CallError{
		Code: "write_back_refused", Message: `response.writeBack.document.fields.Door: a value, not what is shown in its place: "[secret]"`,
	})
	equal(t, "the field", b.doorCode(t), doorCode)
}

// A callback shows no secret either, even if it comes before the response.
func TestCallback_showsNoSecrets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.door(t)
	said := forgehook.Callback{Result: json.RawMessage(`{"note":"door code ` + doorCode + `"}`)}
	for _, early := range []bool{false, true} {
		call := b.ready(t, to(says(t, 202, `{}`)), awaits, func(s *forgehook.Settings) {
			s.Response.WriteBack.Document.Comment = new(`callback.result.note + " ` + inJSON(t, early) + `"`)
		})
		var err error
		if early {
			_, err = b.DB.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call), Now: b.at})
			check(t, err)
			_, err = b.calledBack(t, call, said)
			check(t, err)
		}
		_, err = run[workflows.DeliverResult](t, b, b.Deliver, workflows.DeliverInput{CallRef: b.ref(call)})
		check(t, err)
		if !early {
			_, err = b.calledBack(t, call, said)
			check(t, err)
		}
		stored := b.stored(t, call)
		equal(t, "result", string(stored.Result), `{"note":"door code [secret]"}`)
		if text := inJSON(t, stored); strings.Contains(text, doorCode) || len(stored.Changes) != 1 {
			t.Errorf("shown: %s", text)
		}
		document, err := b.DB.Document(t.Context(), b.tenant, b.document.ID)
		check(t, err)
		equal(t, "comment", *document.Comment, "door code "+doorCode+" "+inJSON(t, early))
	}
}
