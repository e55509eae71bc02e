package activities

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/outbound/zoo"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/workflows"
)

const second = time.Second

func to(endpoint *zoo.Server) func(*forgehook.Settings) {
	return func(s *forgehook.Settings) { s.WebHook.URL = new(endpoint.URL + "/hooks") }
}

func retries(count int, delay time.Duration) func(*forgehook.Settings) {
	return func(s *forgehook.Settings) { s.WebHook.RetryCount, s.WebHook.RetryDelay = &count, &delay }
}

// The whole request on the wire, and all that is recorded of it.
func TestDeliver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.Respond(t, http.StatusCreated, map[string]string{"Content-Type": "text/plain", "Date": "today", "X-Receipt": "42"}, "taken")
	signing, err := secret.NewSigningSecret()
	check(t, err)
	call := b.ready(t, to(endpoint), func(s *forgehook.Settings) {
		s.Signing.Secret = forgehook.NewSecret(signing)
		s.WebHook.Username, s.WebHook.Password = new("erp"), forgehook.NewSecret("pass-w0rd")
		s.WebHook.APIKeyHeader, s.WebHook.APIKey = new("X-Erp-Key"), forgehook.NewSecret("key-0042")
	})
	result, err := b.deliver(t, call)
	check(t, err)
	equal(t, "result", result, workflows.DeliverResult{Outcome: forgehook.Delivered, StatusCode: 201, Attempts: 1, Reason: "201 Created"})

	wire := endpoint.Requests()
	if len(wire) != 1 {
		t.Fatalf("%d requests arrived, want one", len(wire))
	}
	request, err := b.DB.Request(t.Context(), b.tenant, call.ID)
	check(t, err)
	credentials := "Basic " + base64.StdEncoding.EncodeToString([]byte("erp:pass-w0rd"))
	trace := "00-" + strings.ReplaceAll(call.ID, "-", "") + "-0000000000000001-01"
	timestamp, signature := fmt.Sprint(b.at.Unix()), wire[0].Header.Get("webhook-signature")
	equal(t, "request on the wire", wire[0], zoo.Request{
		Method: "POST", Path: "/hooks", Host: strings.TrimPrefix(endpoint.URL, "http://"), Proto: "HTTP/1.1", Body: []byte(request.Body),
		Header: http.Header{
			"Accept-Encoding": {"gzip"}, "Authorization": {credentials}, "Content-Length": {fmt.Sprint(len(request.Body))},
			"Content-Type": {"application/json"}, "Traceparent": {trace}, "User-Agent": {"Forgehook/test"}, "Webhook-Attempt": {"1"},
			"Webhook-Id": {call.WebhookID}, "Webhook-Signature": {signature}, "Webhook-Timestamp": {timestamp}, "X-Erp-Key": {"key-0042"},
		},
	})
	verifier, err := standardwebhooks.NewWebhook(signing)
	check(t, err)
	check(t, verifier.Verify(wire[0].Body, wire[0].Header))

	response := &forgehook.Response{
		StatusCode: 201, Body: "taken", BodyEncoding: "utf8",
		Headers: map[string]string{"Content-Length": "5", "Content-Type": "text/plain", "Date": "today", "X-Receipt": "42"},
	}
	request.Headers = map[string]string{
		"Authorization": forgehook.Masked, "Content-Type": "application/json", "User-Agent": "Forgehook/test", "X-Erp-Key": forgehook.Masked, "traceparent": trace,
		"webhook-attempt": "1", "webhook-id": call.WebhookID, "webhook-signature": signature, "webhook-timestamp": timestamp,
	}
	equal(t, "attempts", b.attempts(t, call), []forgehook.Attempt{{
		Number: 1, State: forgehook.AttemptFinished, Verdict: new(forgehook.VerdictSuccess), Reason: new("201 Created"),
		StartedAt: forgehook.Time{Time: b.at}, Request: request, Response: response,
	}}, cmpopts.IgnoreFields(forgehook.Attempt{}, "DurationMS"))
	got := b.stored(t, call)
	equal(t, "response of the call", got.Response, response)
	equal(t, "status", got.Status, forgehook.CallCompleted)
	equal(t, "outcome", *got.Outcome, forgehook.Delivered)
	document, err := b.DB.Document(t.Context(), b.tenant, b.document.ID)
	check(t, err)
	equal(t, "status of the document", document.Status, forgehook.StatusProcessed)
	b.hides(t, call, nil, "pass-w0rd", "key-0042", credentials, signing, strings.TrimPrefix(signing, forgehook.SigningPrefix))

	again, err := b.deliver(t, call)
	check(t, err)
	equal(t, "delivered once more", again, workflows.DeliverResult{Outcome: forgehook.Delivered, StatusCode: 201, Attempts: 1})
	equal(t, "requests in the end", len(endpoint.Requests()), 1)
}

// Without secrets there is no signature and no authentication.
func TestDeliver_plain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.OK(t)
	call := b.ready(t, to(endpoint), func(s *forgehook.Settings) { s.WebHook.Method = forgehook.MethodGet })
	_, err := b.deliver(t, call)
	check(t, err)
	got := endpoint.Requests()[0]
	for _, name := range []string{"Webhook-Signature", "Authorization", "X-Api-Key", "Content-Type", "Content-Length"} {
		if value, ok := got.Header[name]; ok {
			t.Errorf("%s: %q was sent", name, value)
		}
	}
	equal(t, "method", got.Method, "GET")
	equal(t, "webhook-id", got.Header.Get("webhook-id"), call.WebhookID)
}

// An endpoint that echoes the request reveals no secret.
func TestDeliver_echo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(r.Header)
	}))
	t.Cleanup(endpoint.Close)
	call := b.ready(t, func(s *forgehook.Settings) {
		s.WebHook.URL = new(endpoint.URL)
		s.WebHook.Username, s.WebHook.Password, s.WebHook.APIKey = new("erp"), forgehook.NewSecret("pass-w0rd"), forgehook.NewSecret(`key"<4711>`)
	})
	result, err := b.deliver(t, call)
	check(t, err)
	equal(t, "outcome", result.Outcome, forgehook.Failed)
	response := b.attempts(t, call)[0].Response
	equal(t, "header", response.Headers["X-Echo"], forgehook.Masked)
	if n := strings.Count(response.Body, forgehook.Masked); n != 2 || !strings.Contains(response.Body, call.WebhookID) {
		t.Errorf("the body hides %d secrets, want 2: %s", n, response.Body)
	}
	b.hides(t, call, nil, "pass-w0rd", "4711", base64.StdEncoding.EncodeToString([]byte("erp:pass-w0rd")))
}

// A request with a secret field is sent with the value, but stored and shown masked. The attempt
// also masks every form in which the endpoint sends the value back.
func TestDeliver_secretField(t *testing.T) {
	t.Parallel()
	const secret = `pass"<word`
	b := setup(t)
	var got struct{ path, header, body string }
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got.path, got.header, got.body = r.URL.Path, r.Header.Get("X-Door"), string(body)
		w.Header().Set("X-Echo", got.header)
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, "%s\n%s\n%s\n%s\n%s", body, secret, html.EscapeString(secret), base64.StdEncoding.EncodeToString([]byte(secret)), r.RequestURI)
	}))
	t.Cleanup(endpoint.Close)
	document := b.document
	document.ID = 0
	document.ResultParameters = append(slices.Clone(document.ResultParameters), forgehook.DocumentParameter{
		Value: new(secret), ParamDef: &forgehook.ParameterDef{Name: new("Door"), ValueType: forgehook.ValuePassword},
	})
	u := b.utility(t, func(s *forgehook.Settings) {
		s.WebHook.URL = new(endpoint.URL + `/{{ doc.field("Door").value }}`)
		s.WebHook.Body = new(`{"x":"{{ doc.field("Door").value }}"}`)
		s.Headers = []forgehook.Header{{Name: "X-Door", Value: `{{ doc.field("Door").value }}`}}
	})
	accepted, err := b.DB.AcceptCalls(t.Context(), b.tenant, acceptance(forgehook.CallRequest{WebHookServiceID: &u.ID, Document: &document}))
	check(t, err)
	call := accepted.Calls[0]
	_, err = run[workflows.Evaluation](t, b, b.EvaluateConditions, b.ref(call))
	check(t, err)
	built, err := run[workflows.Built](t, b, b.BuildRequest, b.ref(call))
	check(t, err)
	shown, err := b.DB.Request(t.Context(), b.tenant, call.ID)
	check(t, err)
	equal(t, "URL", shown.URL, endpoint.URL+"/[secret]")
	equal(t, "header", shown.Headers["X-Door"], forgehook.Masked)
	equal(t, "body", shown.Body, `{"x":"[secret]"}`)

	result, err := b.deliver(t, call)
	check(t, err)
	equal(t, "outcome", result.Outcome, forgehook.Failed)
	equal(t, "path on the wire", got.path, "/"+secret)
	equal(t, "header on the wire", got.header, secret)
	equal(t, "body on the wire", got.body, `{"x":"pass\"<word"}`)
	equal(t, "size, of what is shown", built.BodyBytes, len(shown.Body))
	attempt := b.attempts(t, call)[0]
	equal(t, "response", attempt.Response.Body, "{\"x\":\"[secret]\"}\n[secret]\n[secret]\n[secret]==\n/[secret]")
	equal(t, "response header", attempt.Response.Headers["X-Echo"], forgehook.Masked)
	b.hides(t, call, nil, secret, `pass\"<word`, "pass&#34;", "pass%22", base64.RawStdEncoding.EncodeToString([]byte(secret)))
}

// What each endpoint does, and what is recorded: one attempt, its verdict, and the whole response
// or the reason why there is none.
func TestDeliver_responses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	elsewhere := zoo.OK(t)
	const limit = 128 << 10
	network := func(code forgehook.CallErrorCode, message string) *forgehook.CallError {
		return &forgehook.CallError{Code: code, Message: message}
	}
	ok := func(body, encoding string, truncated bool) *forgehook.Response {
		return &forgehook.Response{StatusCode: 200, Body: body, BodyEncoding: encoding, BodyTruncated: truncated}
	}
	status := func(code int) *forgehook.Response { return &forgehook.Response{StatusCode: code, BodyEncoding: "utf8"} }
	tests := []struct {
		name     string
		endpoint *zoo.Server
		url      string // replaces the endpoint's
		verdict  forgehook.Verdict
		reason   string
		response *forgehook.Response // without headers
		err      *forgehook.CallError
		delay    time.Duration        // until the next attempt
		fails    *forgehook.CallError // the call with this error
	}{
		{name: "slow", endpoint: zoo.Silent(t), verdict: forgehook.VerdictRetry, reason: "timed out after 1 s",
			err: network("timeout", "no response within 1s"), delay: second},
		{name: "body cut short", endpoint: zoo.Says(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), verdict: forgehook.VerdictSuccess,
			reason: "200 OK", response: ok("half", "utf8", true)},
		{name: "huge body", endpoint: zoo.Huge(t), verdict: forgehook.VerdictSuccess, reason: "200 OK",
			response: ok(strings.Repeat("x", limit), "utf8", true)},
		{name: "gzip bomb", endpoint: zoo.GzipBomb(t), verdict: forgehook.VerdictSuccess, reason: "200 OK",
			response: ok(strings.Repeat("\x00", limit), "utf8", true)},
		{name: "gzip", endpoint: zoo.Gzipped(t, "in short"), verdict: forgehook.VerdictSuccess, reason: "200 OK", response: ok("in short", "utf8", false)},
		{name: "NUL in text", endpoint: zoo.Respond(t, 200, nil, "a\x00b"), verdict: forgehook.VerdictSuccess, reason: "200 OK",
			response: ok("a\x00b", "utf8", false)},
		{name: "no UTF-8", endpoint: zoo.NULBody(t), verdict: forgehook.VerdictSuccess, reason: "200 OK",
			response: ok(base64.StdEncoding.EncodeToString([]byte("a\x00b\xff\xfe")), "base64", false)},
		{name: "reset before the status", endpoint: zoo.Resets(t), verdict: forgehook.VerdictRetry, reason: "connection reset",
			err: network("connection_reset", "the endpoint closed the connection without a response"), delay: second},
		{name: "reset after the status", endpoint: zoo.ResetsAfterStatus(t), verdict: forgehook.VerdictSuccess, reason: "200 OK",
			response: ok("half", "utf8", true)},
		{name: "garbage", endpoint: zoo.Garbage(t), verdict: forgehook.VerdictRetry, reason: "no valid HTTP answer",
			err: network("bad_response", "the endpoint's response is not HTTP"), delay: second},
		{name: "refused", endpoint: zoo.Refuses(t), verdict: forgehook.VerdictRetry, reason: "connection refused",
			err: network("connection_refused", "the endpoint refused the connection"), delay: second},
		{name: "address not allowed", url: "http://127.0.0.2:9/hooks", verdict: forgehook.VerdictPermanent, reason: "address not allowed",
			err: network("guard_blocked", blocked), fails: network("guard_blocked", blocked)},
		{name: "redirect", endpoint: zoo.Redirects(t, 302, elsewhere.URL), verdict: forgehook.VerdictPermanent,
			reason: "302 Found: redirect to " + strings.TrimPrefix(elsewhere.URL, "http://") + " not followed", response: status(302),
			fails: network("http_302", "302 Found: redirect to "+strings.TrimPrefix(elsewhere.URL, "http://")+" not followed")},
		{name: "redirect that keeps the method", endpoint: zoo.Redirects(t, 308, "/other"), verdict: forgehook.VerdictPermanent,
			reason: "308 Permanent Redirect: redirect on the same host not followed", response: status(308),
			fails: network("http_308", "308 Permanent Redirect: redirect on the same host not followed")},
		{name: "gone", endpoint: zoo.Status(t, 410, nil), verdict: forgehook.VerdictPermanent, reason: "410 Gone", response: status(410),
			fails: network("http_410", "410 Gone")},
		{name: "too many requests", endpoint: zoo.Status(t, 429, map[string]string{"Retry-After": "30"}), verdict: forgehook.VerdictRetry,
			reason: "429 Too Many Requests", response: status(429), delay: 30 * second},
		{name: "unauthorized", endpoint: zoo.Status(t, 401, nil), verdict: forgehook.VerdictRetry, reason: "401 Unauthorized", response: status(401), delay: second},
		{name: "unavailable", endpoint: zoo.Status(t, 503, nil), verdict: forgehook.VerdictRetry, reason: "503 Service Unavailable", response: status(503), delay: second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			call := b.ready(t, retries(3, second), func(s *forgehook.Settings) {
				s.WebHook.URL = new(tt.url)
				if tt.endpoint != nil {
					s.WebHook.URL = new(tt.endpoint.URL + "/hooks")
				}
				s.Delivery.Timeout = time.Minute
				if tt.name == "slow" {
					s.Delivery.Timeout = second
				}
			})
			result, err := b.deliver(t, call)
			want := workflows.DeliverResult{Attempts: 1, Reason: tt.reason}
			next := (*forgehook.Time)(nil)
			code := 0
			if tt.response != nil {
				code = tt.response.StatusCode
			}
			want.StatusCode = code
			switch tt.verdict {
			case forgehook.VerdictSuccess:
				want.Outcome = forgehook.Delivered
			case forgehook.VerdictPermanent:
				want.Outcome = forgehook.Failed
			case forgehook.VerdictRetry:
				next = &forgehook.Time{Time: b.at.Add(tt.delay)}
				want = workflows.DeliverResult{}
				equal(t, "error", failed(t, err), failure{
					Type: "EndpointNotReady", Benign: true, Next: tt.delay,
					Message: fmt.Sprintf("attempt 1: %s, next try in %s", tt.reason, workflows.Wait(tt.delay)),
				})
				err = nil
			}
			check(t, err)
			equal(t, "result", result, want)
			equal(t, "attempts", b.attempts(t, call), []forgehook.Attempt{{
				Number: 1, State: forgehook.AttemptFinished, Verdict: new(tt.verdict), Reason: new(tt.reason),
				StartedAt: forgehook.Time{Time: b.at}, Response: tt.response, Error: tt.err, NextAttemptAt: next,
			}}, cmpopts.IgnoreFields(forgehook.Attempt{}, "DurationMS", "Request"), cmpopts.IgnoreFields(forgehook.Response{}, "Headers"))
			got := b.stored(t, call)
			equal(t, "outcome", b.outcome(t, call), want.Outcome)
			equal(t, "error of the call", got.Error, tt.fails)
			equal(t, "next attempt", got.NextAttemptAt, next)
			if next != nil {
				equal(t, "status", got.Status, forgehook.CallWaitingRetry)
			}
			if tt.endpoint != nil && tt.name != "refused" {
				equal(t, "requests", len(tt.endpoint.Requests()), 1)
			}
		})
	}
	t.Cleanup(func() {
		equal(t, "requests that followed a redirect", len(elsewhere.Requests()), 0)
		if !strings.Contains(b.log.String(), "127.0.0.2:9") {
			t.Error("the operator's log does not name the refused address")
		}
	})
}

const blocked = "the address guard refused the endpoint: allowed are public addresses by https on port 443 or 80, and what FORGEHOOK_EGRESS_ALLOW holds"

// The first retryable response is a result, so that the workflow can show it. Later ones are errors
// that do not count as ours.
func TestDeliver_reportsRetryOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.Script(t, 503, 503, 204)
	call := b.ready(t, to(endpoint)) // on the standard schedule
	result, err := run[workflows.DeliverResult](t, b, b.Deliver, workflows.DeliverInput{CallRef: b.ref(call), ReportRetry: true})
	check(t, err)
	if result.RetryIn < 5*second || result.RetryIn > 6*second {
		t.Errorf("retry in %s, want 5 s and up to 20 %% more", result.RetryIn)
	}
	equal(t, "next attempt", b.stored(t, call).NextAttemptAt.Sub(b.at), result.RetryIn.Truncate(time.Millisecond))
	result.RetryIn = 0
	equal(t, "result", result, workflows.DeliverResult{StatusCode: 503, Attempts: 1, Reason: "503 Service Unavailable"})

	// The engine missed the result and runs the step again: the wait goes on, and nothing is sent.
	for _, report := range []bool{true, false} {
		again, err := run[workflows.DeliverResult](t, b, b.Deliver, workflows.DeliverInput{CallRef: b.ref(call), ReportRetry: report})
		wait := again.RetryIn
		if report {
			check(t, err)
			equal(t, "attempts", again.Attempts, 1)
		} else {
			wait = failed(t, err).Next
		}
		if wait < 4*second || wait > 6*second {
			t.Errorf("the wait goes on for %s, want what is left of it", wait)
		}
	}
	equal(t, "requests", len(endpoint.Requests()), 1)

	_, err = b.deliver(t, call)
	got := failed(t, err)
	if got.Next < 5*time.Minute || got.Next > 6*time.Minute {
		t.Errorf("next retry in %s, want 5 min and up to 20 %% more", got.Next)
	}
	got.Next, got.Message = 0, ""
	equal(t, "error", got, failure{Type: "EndpointNotReady", Benign: true})

	result, err = b.deliver(t, call)
	check(t, err)
	equal(t, "result", result, workflows.DeliverResult{Outcome: forgehook.Delivered, StatusCode: 204, Attempts: 3, Reason: "204 No Content"})
	traces := map[string]bool{}
	for i, r := range endpoint.Requests() {
		equal(t, "webhook-id", r.Header.Get("webhook-id"), call.WebhookID)
		equal(t, "webhook-attempt", r.Header.Get("webhook-attempt"), fmt.Sprint(i+1))
		traces[r.Header.Get("traceparent")] = true
	}
	equal(t, "traces", len(traces), 3)
	if strings.Contains(b.log.String(), "ERROR") {
		t.Errorf("an endpoint's bad day is logged as our fault:\n%s", b.log)
	}
}

func TestDeliver_budgetUsedUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.Script(t, 500, 503)
	call := b.ready(t, to(endpoint), retries(1, second))
	if _, err := b.deliver(t, call); err == nil {
		t.Fatal("want an error that asks for another attempt")
	}
	result, err := b.deliver(t, call)
	check(t, err)
	equal(t, "result", result, workflows.DeliverResult{Outcome: forgehook.Failed, StatusCode: 503, Attempts: 2, Reason: "503 Service Unavailable"})
	got := b.stored(t, call)
	equal(t, "error", got.Error, &forgehook.CallError{Code: "http_503", Message: "2 attempts used up; last attempt: 503 Service Unavailable"})
	equal(t, "next attempt", got.NextAttemptAt, nil)
	equal(t, "states", b.states(t, call), []forgehook.AttemptState{forgehook.AttemptFinished, forgehook.AttemptFinished})
	result, err = b.deliver(t, call)
	check(t, err)
	equal(t, "once more", result, workflows.DeliverResult{Outcome: forgehook.Failed, StatusCode: 503, Attempts: 2})
	equal(t, "requests", len(endpoint.Requests()), 2)
}

// If the call has an outcome, nothing is noted or sent.
func TestDeliver_standingOutcome(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.OK(t)
	for _, outcome := range []forgehook.Outcome{forgehook.Canceled, forgehook.Expired} {
		call := b.ready(t, to(endpoint))
		_, err := b.DB.CompleteCall(t.Context(), b.ref(call), outcome, nil, b.at)
		check(t, err)
		result, err := b.deliver(t, call)
		check(t, err)
		equal(t, "result", result, workflows.DeliverResult{Outcome: outcome})
		equal(t, "attempts", b.attempts(t, call), nil)
	}
	equal(t, "requests", len(endpoint.Requests()), 0)
}

// Nothing is sent after the deadline, even if the engine's timer is late.
func TestDeliver_afterTheDeadline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.OK(t)
	call := b.ready(t, to(endpoint))
	late := call.DeadlineAt.Time
	b.Now = func() time.Time { return late }
	result, err := b.deliver(t, call)
	check(t, err)
	equal(t, "result", result, workflows.DeliverResult{Outcome: forgehook.Expired})
	equal(t, "error", b.stored(t, call).Error.Code, "deadline_passed")
	equal(t, "requests", len(endpoint.Requests()), 0)
}

func TestDeliver_heldAndReleased(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.OK(t)
	u := b.utility(t, to(endpoint))
	call := b.built(t, u)
	_, err := b.DB.Pause(t.Context(), b.tenant, u.ID, b.at)
	check(t, err)
	for _, released := range []bool{false, true} { // a paused utility also holds a released call
		result, err := run[workflows.DeliverResult](t, b, b.Deliver, workflows.DeliverInput{CallRef: b.ref(call), Released: released})
		check(t, err)
		equal(t, "while paused", result, workflows.DeliverResult{Held: true})
	}
	equal(t, "status", b.stored(t, call).Status, forgehook.CallPaused)
	_, drain, _, err := b.DB.Resume(t.Context(), b.tenant, u.ID)
	check(t, err)
	equal(t, "drain", drain, true)
	behind := b.built(t, u)
	result, err := b.deliver(t, behind)
	check(t, err)
	equal(t, "a call behind the held one", result, workflows.DeliverResult{Held: true})
	equal(t, "requests", len(endpoint.Requests()), 0)
	result, err = run[workflows.DeliverResult](t, b, b.Deliver, workflows.DeliverInput{CallRef: b.ref(call), Released: true})
	check(t, err)
	equal(t, "released", result, workflows.DeliverResult{Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 1, Reason: "200 OK"})
	equal(t, "attempts of the held call", b.attempts(t, behind), nil)
}

// A cancel, a pause or a deploy ends the activity's context. The exchange and its heartbeats go on,
// and its real result is recorded.
func TestDeliver_contextEndsOnTheWire(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.Slow(t)
	call := b.ready(t, to(endpoint))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		endpoint.Await(t, 1)
		cancel()
	}()
	result, err := runWithin[workflows.DeliverResult](t, ctx, b, func() {
		if ctx.Err() != nil {
			endpoint.Release()
		}
	}, b.Deliver, workflows.DeliverInput{CallRef: b.ref(call)})
	check(t, err)
	equal(t, "result", result, workflows.DeliverResult{Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 1, Reason: "200 OK"})
	equal(t, "states", b.states(t, call), []forgehook.AttemptState{forgehook.AttemptFinished})
	equal(t, "outcome", b.outcome(t, call), forgehook.Delivered)
}

// A context that ends before the start leaves the call untouched.
func TestDeliver_contextHasEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.OK(t)
	call := b.ready(t, to(endpoint))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := runWithin[workflows.DeliverResult](t, ctx, b, func() {}, b.Deliver, workflows.DeliverInput{CallRef: b.ref(call)}); err == nil {
		t.Error("want an error")
	}
	equal(t, "attempts", b.attempts(t, call), nil)
	equal(t, "requests", len(endpoint.Requests()), 0)
}

// The result is recorded even if another transaction locks its row and the connection is then cut.
func TestDeliver_databaseCutWhileRecording(t *testing.T) {
	t.Parallel()
	b := setup(t)
	raw := b.raw(t)
	endpoint := zoo.Slow(t)
	call := b.ready(t, to(endpoint))
	var result workflows.DeliverResult
	ended := make(chan error, 1)
	go func() {
		var err error
		result, err = b.deliver(t, call)
		ended <- err
	}()
	endpoint.Await(t, 1)
	lock, err := raw.BeginTx(t.Context(), nil)
	check(t, err)
	defer lock.Rollback() //nolint:errcheck // it is over by then
	_, err = lock.ExecContext(t.Context(), `SELECT FROM attempts WHERE call_id = $1 FOR UPDATE`, call.ID)
	check(t, err)
	endpoint.Release()
	cutBlocked(t, raw, ended)
	check(t, lock.Rollback())
	check(t, <-ended)
	equal(t, "result", result, workflows.DeliverResult{Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 1, Reason: "200 OK"})
	equal(t, "states", b.states(t, call), []forgehook.AttemptState{forgehook.AttemptFinished})
	equal(t, "requests", len(endpoint.Requests()), 1)
}

// cutBlocked cuts the connection that waits for the test's lock. ended must not deliver before
// that.
func cutBlocked(t *testing.T, raw *sql.DB, ended <-chan error) {
	t.Helper()
	cut := 0
	for poll := time.NewTicker(5 * time.Millisecond); cut == 0; {
		select {
		case <-t.Context().Done():
			t.Fatal("nobody waits for the lock")
		case err := <-ended:
			t.Fatalf("it ended before the lock was released: %v", err)
		case <-poll.C:
			check(t, raw.QueryRowContext(t.Context(), `
				SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&cut))
		}
	}
}

// The worker of the first attempt has died. The endpoint may have got the request or not, so it is
// sent again under the same id. The lost attempt costs no budget.
func TestDeliver_afterADeadWorker(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.Script(t, 503, 200)
	call := b.ready(t, to(endpoint), retries(1, second))
	_, err := b.DB.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call), Now: b.at})
	check(t, err)
	_, err = b.deliver(t, call)
	equal(t, "benign", failed(t, err).Benign, true)
	result, err := b.deliver(t, call)
	check(t, err)
	equal(t, "result", result, workflows.DeliverResult{Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 3, Reason: "200 OK"})
	equal(t, "states", b.states(t, call), []forgehook.AttemptState{forgehook.AttemptUnknown, forgehook.AttemptFinished, forgehook.AttemptFinished})
	for i, r := range endpoint.Requests() {
		equal(t, "webhook-id", r.Header.Get("webhook-id"), call.WebhookID)
		equal(t, "webhook-attempt", r.Header.Get("webhook-attempt"), fmt.Sprint(i+2))
	}
}

// A request that kills its worker three times is not sent again.
func TestDeliver_workersKeepDying(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.OK(t)
	call := b.ready(t, to(endpoint))
	for range 3 {
		_, err := b.DB.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call), Now: b.at})
		check(t, err)
	}
	result, err := b.deliver(t, call)
	check(t, err)
	equal(t, "result", result, workflows.DeliverResult{Outcome: forgehook.Failed, Attempts: 3})
	equal(t, "error", b.stored(t, call).Error.Code, "worker_lost")
	equal(t, "requests", len(endpoint.Requests()), 0)
}

// A starved worker was thought dead and returns after its successor has begun. Both real responses
// are recorded, and there is one outcome.
func TestDeliver_twoWorkers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.Slow(t)
	call := b.ready(t, to(endpoint))
	ended := make(chan error, 2)
	for n := range 2 {
		go func() {
			result, err := b.deliver(t, call)
			if err == nil && result.Outcome != forgehook.Delivered {
				err = fmt.Errorf("got %+v", result)
			}
			ended <- err
		}()
		endpoint.Await(t, n+1)
	}
	equal(t, "states on the wire", b.states(t, call), []forgehook.AttemptState{forgehook.AttemptUnknown, forgehook.AttemptStarted})
	endpoint.Release()
	check(t, <-ended)
	check(t, <-ended)
	equal(t, "states", b.states(t, call), []forgehook.AttemptState{forgehook.AttemptFinished, forgehook.AttemptFinished})
	equal(t, "outcome", b.outcome(t, call), forgehook.Delivered)
}

// Secrets that cannot be opened are our fault: nothing is sent, and the attempt is taken back
// without cost.
func TestDeliver_wrongKeyset(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := zoo.OK(t)
	call := b.ready(t, to(endpoint), retries(0, second), func(s *forgehook.Settings) {
		s.WebHook.APIKey = forgehook.NewSecret("key-0042")
	})
	right := b.Secrets
	b.Secrets = keeper(t)
	for range 4 { // more often than workers may be lost
		_, err := b.deliver(t, call)
		equal(t, "error", failed(t, err), failure{Type: "internal", Message: "the request could not be prepared: see the worker's log", Next: ourFaultDelay})
		equal(t, "attempts", b.attempts(t, call), nil)
		equal(t, "attempts of the call", b.stored(t, call).Attempts, 0)
		b.hides(t, call, err, "key-0042")
	}
	equal(t, "requests", len(endpoint.Requests()), 0)
	if !strings.Contains(b.log.String(), "webHook.apiKey") || !strings.Contains(b.log.String(), call.ID) {
		t.Errorf("the log does not say which secret of which call:\n%s", b.log)
	}
	b.Secrets = right
	result, err := b.deliver(t, call)
	check(t, err)
	equal(t, "result", result, workflows.DeliverResult{Outcome: forgehook.Delivered, StatusCode: 200, Attempts: 1, Reason: "200 OK"})
	equal(t, "api key on the wire", endpoint.Requests()[0].Header.Get("X-Api-Key"), "key-0042")
}

// An attempt is taken back even if the activity's context ends at that moment. Otherwise it would
// count as lost.
func TestAbandon_contextHasEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.ready(t)
	_, err := b.DB.StartAttempt(t.Context(), postgres.AttemptStart{Ref: b.ref(call), Now: b.at})
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.abandon(ctx, b.ref(call), 1, context.Canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that it was canceled", err)
	}
	equal(t, "attempts", b.attempts(t, call), nil)
}
