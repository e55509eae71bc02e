package webhook

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/forgehook/forgehook"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	const success, retry, permanent = forgehook.VerdictSuccess, forgehook.VerdictRetry, forgehook.VerdictPermanent
	location := func(to string) map[string]string { return map[string]string{"Location": to} }
	tests := []struct {
		name     string
		exchange forgehook.Exchange
		want     forgehook.Decision // without Delay
	}{
		{"200", forgehook.Exchange{StatusCode: 200}, forgehook.Decision{Verdict: success, Reason: "200 OK"}},
		{"204", forgehook.Exchange{StatusCode: 204}, forgehook.Decision{Verdict: success, Reason: "204 No Content"}},
		{"299", forgehook.Exchange{StatusCode: 299}, forgehook.Decision{Verdict: success, Reason: "299"}},
		{"status beside an error", forgehook.Exchange{StatusCode: 200, Err: &forgehook.CallError{Code: "connection_reset"}}, forgehook.Decision{Verdict: success, Reason: "200 OK"}},

		{"302", forgehook.Exchange{StatusCode: 302, Headers: location("https://jo:pw@other.example/a?token=x")}, judged(
			permanent, "302 Found: redirect to other.example not followed", "http_302", "302 Found: redirect to other.example not followed", true)},
		{"301 on the same host", forgehook.Exchange{StatusCode: 301, Headers: map[string]string{"location": "/new?token=x"}}, judged(
			permanent, "301 Moved Permanently: redirect on the same host not followed", "http_301", "301 Moved Permanently: redirect on the same host not followed", true)},
		{"304", forgehook.Exchange{StatusCode: 304}, judged(permanent, "304 Not Modified", "http_304", "304 Not Modified", true)},
		{"302 to nowhere", forgehook.Exchange{StatusCode: 302, Headers: location("http://[bad")}, judged(permanent, "302 Found", "http_302", "302 Found", true)},

		{"410", forgehook.Exchange{StatusCode: 410}, judged(permanent, "410 Gone", "http_410", "410 Gone", true)},
		{"401", forgehook.Exchange{StatusCode: 401}, judged(retry, "401 Unauthorized", "http_401", "401 Unauthorized", false)},
		{"503", forgehook.Exchange{StatusCode: 503, Status: "503 the endpoint's own words"}, judged(retry, "503 Service Unavailable", "http_503", "503 Service Unavailable", false)},
		{"a status that Go has no name for", forgehook.Exchange{StatusCode: 520, Status: "520 Web Server Returned an Unknown Error"}, judged(
			retry, "520", "http_520", "520 Web Server Returned an Unknown Error", false)},
		{"101", forgehook.Exchange{StatusCode: 101}, judged(retry, "101 Switching Protocols", "http_101", "101 Switching Protocols", false)},
		{"999", forgehook.Exchange{StatusCode: 999}, judged(retry, "999", "http_999", "999", false)},

		{"timeout", lost("timeout", ""), judged(retry, "timed out after 1.5 s", "timeout", "timed out after 1.5 s", false)},
		{"refused", lost("connection_refused", ""), judged(retry, "connection refused", "connection_refused", "connection refused", false)},
		{"certificate", lost("tls_untrusted", "certificate has expired"), judged(
			retry, "TLS certificate not trusted", "tls_untrusted", "certificate has expired", false)},
		{"guard", lost("guard_blocked", "10.0.0.1 is private"), judged(
			permanent, "address not allowed", "guard_blocked", "10.0.0.1 is private", true)},
		{"bad request", lost("bad_request", ""), judged(permanent, "request cannot be sent", "bad_request", "request cannot be sent", true)},
		{"nothing at all", forgehook.Exchange{}, judged(retry, "no answer", "no_answer", "no answer", false)},
	}
	p := plan(t, `{"delivery":{"timeout":"00:00:01.5"}}`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := p.Judge(evidence(nil, tt.exchange), Tally{Counted: 1})
			if (got.Delay > 0) != (got.Verdict == retry) {
				t.Errorf("delay %v with verdict %s", got.Delay, got.Verdict)
			}
			got.Delay = 0
			diff(t, tt.want, got)
		})
	}
}

// Every possible status, against the table of the contract.
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
		d := p.Judge(evidence(nil, forgehook.Exchange{StatusCode: status}), Tally{Counted: 1})
		if d.Verdict != want || d.Final != (want == forgehook.VerdictPermanent) {
			t.Errorf("%d: %+v, want %s", status, d, want)
		}
		if want != forgehook.VerdictSuccess && d.Code != forgehook.CallErrorHTTP(status) {
			t.Errorf("%d: code %s", status, d.Code)
		}
	}
}

// The last attempt keeps its verdict and code and says that no attempts are left.
func TestJudge_attemptsUsedUp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		settings string
		counted  int
		exchange forgehook.Exchange
		want     forgehook.Decision
	}{
		{`{}`, 10, forgehook.Exchange{StatusCode: 503}, judged(
			forgehook.VerdictRetry, "503 Service Unavailable", "http_503", "10 attempts used up; last attempt: 503 Service Unavailable", true)},
		{`{"webHook":{"retryCount":0}}`, 1, lost("connection_refused", ""), judged(
			forgehook.VerdictRetry, "connection refused", "connection_refused", "1 attempt used up; last attempt: connection refused", true)},
		{`{"webHook":{"retryCount":2}}`, 4, forgehook.Exchange{StatusCode: 429}, judged(
			forgehook.VerdictRetry, "429 Too Many Requests", "http_429", "4 attempts used up; last attempt: 429 Too Many Requests", true)},
		{`{"webHook":{"retryCount":0}}`, 1, forgehook.Exchange{StatusCode: 410}, judged(
			forgehook.VerdictPermanent, "410 Gone", "http_410", "410 Gone", true)},
		{`{"webHook":{"retryCount":0}}`, 1, forgehook.Exchange{StatusCode: 200}, forgehook.Decision{Verdict: forgehook.VerdictSuccess, Reason: "200 OK"}},
	}
	for _, tt := range tests {
		diff(t, tt.want, plan(t, tt.settings).Judge(evidence(nil, tt.exchange), Tally{Counted: tt.counted}))
	}
}

// The rules retry exactly what errors.md says is retried.
func TestJudge_retriesWhatIsDeclared(t *testing.T) {
	t.Parallel()
	p := plan(t, `{}`)
	retries := func(x forgehook.Exchange) bool {
		return p.Judge(evidence(nil, x), Tally{Counted: 1}).Verdict == forgehook.VerdictRetry
	}
	network := 0
	for _, k := range forgehook.CallErrors() {
		switch {
		case k.When == "Reaching the endpoint":
			if network++; retries(lost(k.Code, "")) != k.Retried {
				t.Errorf("%s is declared as retried: %v", k.Code, k.Retried)
			}
		case strings.HasPrefix(string(k.Code), "http_"):
			for status := 400; status < 600; status++ {
				if excepted := strings.Contains(k.Mend, strconv.Itoa(status)); retries(forgehook.Exchange{StatusCode: status}) == excepted {
					t.Errorf("%d is named as one that is not tried again: %v", status, excepted)
				}
			}
		}
	}
	if network < 10 {
		t.Errorf("%d codes of the network, want all", network)
	}
}
