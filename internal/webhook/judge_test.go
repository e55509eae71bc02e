package webhook

import (
	"fmt"
	"slices"
	"testing"

	"github.com/forgehook/forgehook"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	const success, retry, permanent = forgehook.VerdictSuccess, forgehook.VerdictRetry, forgehook.VerdictPermanent
	location := func(to string) map[string]string { return map[string]string{"Location": to} }
	tests := []struct {
		name   string
		answer Answer
		want   Decision // without Delay
	}{
		{"200", Answer{StatusCode: 200}, Decision{Verdict: success, Reason: "200 OK"}},
		{"204", Answer{StatusCode: 204}, Decision{Verdict: success, Reason: "204 No Content"}},
		{"299", Answer{StatusCode: 299}, Decision{Verdict: success, Reason: "299"}},
		{"status beside an error", Answer{StatusCode: 200, ErrorCode: "connection_reset"}, Decision{Verdict: success, Reason: "200 OK"}},

		{"302", Answer{StatusCode: 302, Headers: location("https://jo:pw@other.example/a?token=x")}, Decision{
			permanent, "302 Found: redirect to other.example not followed", "http_302", "302 Found: redirect to other.example not followed", true, 0, false}},
		{"301 on the same host", Answer{StatusCode: 301, Headers: map[string]string{"location": "/new?token=x"}}, Decision{
			permanent, "301 Moved Permanently: redirect on the same host not followed", "http_301", "301 Moved Permanently: redirect on the same host not followed", true, 0, false}},
		{"304", Answer{StatusCode: 304}, Decision{permanent, "304 Not Modified", "http_304", "304 Not Modified", true, 0, false}},
		{"302 to nowhere", Answer{StatusCode: 302, Headers: location("http://[bad")}, Decision{permanent, "302 Found", "http_302", "302 Found", true, 0, false}},

		{"410", Answer{StatusCode: 410}, Decision{permanent, "410 Gone", "http_410", "410 Gone", true, 0, false}},
		{"401", Answer{StatusCode: 401}, Decision{retry, "401 Unauthorized", "http_401", "401 Unauthorized", false, 0, false}},
		{"503", Answer{StatusCode: 503, Status: "503 the endpoint's own words"}, Decision{retry, "503 Service Unavailable", "http_503", "503 Service Unavailable", false, 0, false}},
		{"a status that Go has no name for", Answer{StatusCode: 520, Status: "520 Web Server Returned an Unknown Error"}, Decision{
			retry, "520", "http_520", "520 Web Server Returned an Unknown Error", false, 0, false}},
		{"101", Answer{StatusCode: 101}, Decision{retry, "101 Switching Protocols", "http_101", "101 Switching Protocols", false, 0, false}},
		{"999", Answer{StatusCode: 999}, Decision{retry, "999", "http_999", "999", false, 0, false}},

		{"timeout", Answer{ErrorCode: "timeout"}, Decision{retry, "timed out after 1.5 s", "timeout", "timed out after 1.5 s", false, 0, false}},
		{"refused", Answer{ErrorCode: "connection_refused"}, Decision{retry, "connection refused", "connection_refused", "connection refused", false, 0, false}},
		{"certificate", Answer{ErrorCode: "tls_untrusted", ErrorMessage: "certificate has expired"}, Decision{
			retry, "TLS certificate not trusted", "tls_untrusted", "certificate has expired", false, 0, false}},
		{"guard", Answer{ErrorCode: "guard_blocked", ErrorMessage: "10.0.0.1 is private"}, Decision{
			permanent, "address not allowed", "guard_blocked", "10.0.0.1 is private", true, 0, false}},
		{"bad request", Answer{ErrorCode: "bad_request"}, Decision{permanent, "request cannot be sent", "bad_request", "request cannot be sent", true, 0, false}},
		{"a code of tomorrow", Answer{ErrorCode: "proxy_error"}, Decision{retry, "proxy error", "proxy_error", "proxy error", false, 0, false}},
		{"nothing at all", Answer{}, Decision{retry, "no answer", "no_answer", "no answer", false, 0, false}},
	}
	p := plan(t, `{"delivery":{"timeout":"00:00:01.5"}}`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := p.Judge(nil, meta, tt.answer, Tally{Counted: 1})
			if (got.Delay > 0) != (got.Verdict == retry) {
				t.Errorf("delay %v with verdict %s", got.Delay, got.Verdict)
			}
			got.Delay = 0
			diff(t, tt.want, got)
		})
	}
}

// Every status there can be, against the table of the contract.
func TestJudge_everyStatus(t *testing.T) {
	t.Parallel()
	p := plan(t, `{}`)
	for status := 100; status < 1000; status++ {
		want := forgehook.VerdictRetry
		switch {
		case status/100 == 2:
			want = forgehook.VerdictSuccess
		case status/100 == 3, slices.Contains([]int{400, 405, 410, 413, 414, 415, 422, 501}, status):
			want = forgehook.VerdictPermanent
		}
		d := p.Judge(nil, meta, Answer{StatusCode: status}, Tally{Counted: 1})
		if d.Verdict != want || d.Final != (want == forgehook.VerdictPermanent) {
			t.Errorf("%d: %+v, want %s", status, d, want)
		}
		if want != forgehook.VerdictSuccess && d.Code != fmt.Sprintf("http_%d", status) {
			t.Errorf("%d: code %s", status, d.Code)
		}
	}
}

// The last attempt keeps its verdict and its code and says that there is no other.
func TestJudge_attemptsUsedUp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		settings string
		counted  int
		answer   Answer
		want     Decision
	}{
		{`{}`, 10, Answer{StatusCode: 503}, Decision{
			forgehook.VerdictRetry, "503 Service Unavailable", "http_503", "10 attempts used up; last answer: 503 Service Unavailable", true, 0, false}},
		{`{"webHook":{"retryCount":0}}`, 1, Answer{ErrorCode: "connection_refused"}, Decision{
			forgehook.VerdictRetry, "connection refused", "connection_refused", "1 attempt used up; last answer: connection refused", true, 0, false}},
		{`{"webHook":{"retryCount":2}}`, 4, Answer{StatusCode: 429}, Decision{
			forgehook.VerdictRetry, "429 Too Many Requests", "http_429", "4 attempts used up; last answer: 429 Too Many Requests", true, 0, false}},
		{`{"webHook":{"retryCount":0}}`, 1, Answer{StatusCode: 410}, Decision{
			forgehook.VerdictPermanent, "410 Gone", "http_410", "410 Gone", true, 0, false}},
		{`{"webHook":{"retryCount":0}}`, 1, Answer{StatusCode: 200}, Decision{Verdict: forgehook.VerdictSuccess, Reason: "200 OK"}},
	}
	for _, tt := range tests {
		diff(t, tt.want, plan(t, tt.settings).Judge(nil, meta, tt.answer, Tally{Counted: tt.counted}))
	}
}
