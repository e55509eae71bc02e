package webhook

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/mask"
)

// Evidence is what the rules judge and read.
type Evidence struct {
	Subject  *forgehook.Subject // may be nil where [Plan.NeedsSubject] is false
	Meta     Meta
	Exchange forgehook.Exchange
	Callback *forgehook.Callback // nil: the endpoint has not called back
	// Redact hides secrets in messages, reasons and results; expressions see them. If it is nil, a
	// decision hides nothing, and a reading hides the values of secret fields.
	Redact *mask.Redactor
}

// Tally counts the attempts of a call.
type Tally struct {
	Counted  int       // attempts that count against the budget, this one included
	Jitter   float64   // 0 to 1, drawn by the caller
	Deadline time.Time // zero: none
}

// permanentStatuses say that the same request can never succeed. All other statuses are retried,
// 401 and 404 too: somebody may mend a key or a route meanwhile.
var permanentStatuses = map[int]bool{400: true, 405: true, 410: true, 413: true, 414: true, 415: true, 422: true, 501: true}

// Judge decides what an exchange means and how long to wait for the next attempt. A call without
// attempts left keeps the code of its last exchange, which says what to mend; Message says that the
// attempts are used up.
func (p *Plan) Judge(e Evidence, t Tally) forgehook.Decision {
	d := p.verdict(&e)
	switch d.Verdict {
	case forgehook.VerdictSuccess:
		if p.Awaits() {
			d.Await = p.settings.Callback.Timeout
		}
	case forgehook.VerdictPermanent:
		d.Final = true
	case forgehook.VerdictRetry:
		if t.Counted >= p.budget() {
			d.Final = true
			d.Message = usedUp(t.Counted) + "; last attempt: " + d.Message
		} else {
			d.Delay = p.delay(&e.Exchange, t)
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

func (p *Plan) verdict(e *Evidence) forgehook.Decision {
	if e.Exchange.StatusCode == 0 {
		return p.networkVerdict(e)
	}
	d := statusVerdict(e)
	if p.meaning.success == nil {
		return d
	}
	bySettings := p.meaning.verdict(p.responseVars(e))
	switch status := reasonOf(e.Exchange.StatusCode); {
	case bySettings == nil:
		return forgehook.Decision{Verdict: forgehook.VerdictSuccess, Reason: status}
	case d.Verdict == forgehook.VerdictSuccess:
		reason := status + ", but response.successWhen is false"
		if bySettings.Code == forgehook.CallErrorAnswerUnreadable {
			reason = status + ", but response.successWhen cannot be evaluated"
		}
		return forgehook.Decision{
			Verdict: forgehook.VerdictPermanent, Reason: reason, Code: bySettings.Code, Message: e.Redact.Replace(bySettings.Message),
		}
	}
	return d
}

// reasonOf names the status in standard words, not in the endpoint's.
func reasonOf(status int) string {
	return strings.TrimSuffix(strconv.Itoa(status)+" "+http.StatusText(status), " ")
}

// statusVerdict is what a status means without response.successWhen.
func statusVerdict(e *Evidence) forgehook.Decision {
	x := &e.Exchange
	d := forgehook.Decision{Verdict: forgehook.VerdictRetry, Reason: reasonOf(x.StatusCode), Code: forgehook.CallErrorHTTP(x.StatusCode)}
	switch {
	case x.StatusCode >= 200 && x.StatusCode < 300:
		return forgehook.Decision{Verdict: forgehook.VerdictSuccess, Reason: d.Reason}
	case x.StatusCode >= 300 && x.StatusCode < 400:
		d.Verdict = forgehook.VerdictPermanent
		d.Reason += redirect(e.Redact.Replace(header(x.Headers, "Location")))
	case permanentStatuses[x.StatusCode]:
		d.Verdict = forgehook.VerdictPermanent
	}
	d.Message = d.Reason
	if http.StatusText(x.StatusCode) == "" && x.Status != "" { // no standard words exist
		d.Message = forgehook.Shorten(e.Redact.Replace(x.Status), 100)
	}
	return d
}

func (p *Plan) networkVerdict(e *Evidence) forgehook.Decision {
	d := forgehook.Decision{Verdict: forgehook.VerdictRetry, Code: forgehook.CallErrorNoAnswer}
	if err := e.Exchange.Err; err != nil {
		d.Code, d.Message = err.Code, e.Redact.Replace(err.Message)
	}
	if d.Code == forgehook.CallErrorGuardBlocked || d.Code == forgehook.CallErrorBadRequest {
		d.Verdict = forgehook.VerdictPermanent
	}
	d.Reason = d.Code.Means()
	if d.Code == forgehook.CallErrorTimeout {
		d.Reason += " after " + strconv.FormatFloat(p.settings.Delivery.Timeout.Seconds(), 'f', -1, 64) + " s"
	}
	if d.Message == "" {
		d.Message = d.Reason
	}
	return d
}

// redirect names only the host of a redirect; its path and query may contain secrets.
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

// header finds a header, ignoring case.
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
