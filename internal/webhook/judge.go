package webhook

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
)

// Answer is what came of one attempt: a status, or an error of the network.
type Answer struct {
	StatusCode   int // 0: none
	Status       string
	Headers      map[string]string
	Body         []byte
	Truncated    bool   // there was more of the body
	ErrorCode    string // "timeout", "guard_blocked"
	ErrorMessage string
	At           time.Time // when the attempt ended
	// Redact hides in messages, reasons and results what may not be shown; expressions see it. nil: nothing in a
	// [Decision], the values of secret fields in a [Reading].
	Redact *Redactor
}

// StoredAnswer is a call's last answer as it was kept; the zero value where there is none: an endpoint that calls back early has not
// answered yet.
func StoredAnswer(r *forgehook.Response) (Answer, error) {
	if r == nil {
		return Answer{}, nil
	}
	body := []byte(r.Body)
	if r.BodyEncoding == "base64" {
		var err error
		if body, err = base64.StdEncoding.DecodeString(r.Body); err != nil {
			return Answer{}, err
		}
	}
	return Answer{StatusCode: r.StatusCode, Headers: r.Headers, Body: body, Truncated: r.BodyTruncated}, nil
}

// Tally is how far a call has come.
type Tally struct {
	Counted  int       // attempts that count against the budget, this one included
	Jitter   float64   // 0 to 1, drawn by the caller
	Deadline time.Time // zero: none
}

// Decision is what an answer means. Reason is for histories and logs: it holds nothing that the endpoint or a document wrote,
// except the host of a redirect. Message is for the caller only and may say more.
type Decision struct {
	Verdict forgehook.Verdict
	Reason  string        // "503 Service Unavailable", "timed out after 30 s"
	Code    string        // "http_503", "timeout"; "" on success
	Message string        // "" on success
	Final   bool          // permanent, or budget used up; false on success
	Delay   time.Duration // before the next attempt, when it is retry and not final
	Await   bool          // a success after which the endpoint still has to call back
}

// permanentStatuses say that the same request can never succeed. All other statuses are retried, 401 and 404 too: somebody
// mends a key or a route, and the webhook should not be lost by then.
var permanentStatuses = map[int]bool{400: true, 405: true, 410: true, 413: true, 414: true, 415: true, 422: true, 501: true}

// reasons puts the error codes of internal/outbound into words. An unknown code is its own reason.
var reasons = map[string]string{
	"dns_error":          "host name not resolved",
	"connection_refused": "connection refused",
	"connection_reset":   "connection reset",
	"tls_error":          "TLS handshake failed",
	"tls_untrusted":      "TLS certificate not trusted",
	"guard_blocked":      "address not allowed",
	"bad_response":       "no valid HTTP answer",
	"bad_request":        "request cannot be sent",
	"no_answer":          "no answer",
}

// Judge decides what an attempt's answer means and, where another attempt is due, how long to wait for it. A call that used up its
// attempts keeps the last answer's code, which says what to mend; that they are used up is in Message. sub may be nil where
// [Plan.NeedsSubject] is false.
func (p *Plan) Judge(sub *forgehook.Subject, m Meta, a Answer, t Tally) Decision {
	d := p.verdict(sub, m, a)
	switch d.Verdict {
	case forgehook.VerdictSuccess:
		d.Await = p.settings.Callback.Await
	case forgehook.VerdictPermanent:
		d.Final = true
	case forgehook.VerdictRetry:
		if t.Counted >= p.budget() {
			d.Final = true
			d.Message = usedUp(t.Counted) + "; last answer: " + d.Message
		} else {
			d.Delay = p.delay(a, t)
		}
	}
	return d
}

func usedUp(attempts int) string {
	if attempts == 1 {
		return "1 attempt used up"
	}
	return strconv.Itoa(attempts) + " attempts used up"
}

func (p *Plan) verdict(sub *forgehook.Subject, m Meta, a Answer) Decision {
	if a.StatusCode == 0 {
		return p.networkVerdict(a)
	}
	d := statusVerdict(a)
	if p.meaning.success == nil {
		return d
	}
	bySettings := p.meaning.verdict(p.answerVars(sub, m, a))
	switch status := reasonOf(a.StatusCode); {
	case bySettings == nil:
		return Decision{Verdict: forgehook.VerdictSuccess, Reason: status}
	case d.Verdict == forgehook.VerdictSuccess:
		reason := status + ", but response.successWhen is false"
		if bySettings.Code == CodeAnswerUnreadable {
			reason = status + ", but response.successWhen cannot be evaluated"
		}
		return Decision{Verdict: forgehook.VerdictPermanent, Reason: reason, Code: bySettings.Code, Message: a.Redact.Replace(bySettings.Message)}
	}
	return d
}

// reasonOf is the status in words that are not the endpoint's.
func reasonOf(status int) string {
	return strings.TrimSuffix(strconv.Itoa(status)+" "+http.StatusText(status), " ")
}

// statusVerdict is what the status means where the settings do not say.
func statusVerdict(a Answer) Decision {
	d := Decision{Verdict: forgehook.VerdictRetry, Reason: reasonOf(a.StatusCode), Code: fmt.Sprintf("http_%d", a.StatusCode)}
	switch {
	case a.StatusCode >= 200 && a.StatusCode < 300:
		return Decision{Verdict: forgehook.VerdictSuccess, Reason: d.Reason}
	case a.StatusCode >= 300 && a.StatusCode < 400:
		d.Verdict = forgehook.VerdictPermanent
		d.Reason += redirect(a.Redact.Replace(header(a.Headers, "Location")))
	case permanentStatuses[a.StatusCode]:
		d.Verdict = forgehook.VerdictPermanent
	}
	d.Message = d.Reason
	if http.StatusText(a.StatusCode) == "" && a.Status != "" { // then the endpoint's own words are all there is
		d.Message = forgehook.Shorten(a.Redact.Replace(a.Status), 100)
	}
	return d
}

func (p *Plan) networkVerdict(a Answer) Decision {
	d := Decision{Verdict: forgehook.VerdictRetry, Code: a.ErrorCode}
	if d.Code == "" {
		d.Code = "no_answer"
	}
	if d.Code == "guard_blocked" || d.Code == "bad_request" {
		d.Verdict = forgehook.VerdictPermanent
	}
	d.Reason = reasons[d.Code]
	switch {
	case d.Code == "timeout":
		d.Reason = "timed out after " + strconv.FormatFloat(p.settings.Delivery.Timeout.Seconds(), 'f', -1, 64) + " s"
	case d.Reason == "":
		d.Reason = strings.ReplaceAll(d.Code, "_", " ")
	}
	d.Message = a.Redact.Replace(a.ErrorMessage)
	if d.Message == "" {
		d.Message = d.Reason
	}
	return d
}

// redirect names the host that the endpoint points at; path and query may hold anything.
func redirect(location string) string {
	u, err := url.Parse(location)
	switch {
	case location == "" || err != nil:
		return ""
	case u.Host == "":
		return ": redirect on the same host not followed"
	default:
		return ": redirect to " + forgehook.Shorten(u.Host, 255) + " not followed"
	}
}

// header finds a header in any case.
func header(headers map[string]string, name string) string {
	if v, ok := headers[name]; ok {
		return v
	}
	for n, v := range headers {
		if strings.EqualFold(n, name) {
			return v
		}
	}
	return ""
}
