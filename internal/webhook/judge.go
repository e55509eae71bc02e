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

// Evidence is what the rules about a response look at.
type Evidence struct {
	Subject  *forgehook.Subject // may be nil where [Plan.NeedsSubject] is false
	Meta     Meta
	Exchange forgehook.Exchange
	Callback *forgehook.Callback // what the endpoint has said later; nil: nothing
	// Redact hides in messages, reasons and results what may not be shown; expressions see it. nil:
	// nothing in a decision, the values of secret fields in a reading.
	Redact *mask.Redactor
}

// Tally is how far a call has come.
type Tally struct {
	Counted  int       // attempts that count against the budget, this one included
	Jitter   float64   // 0 to 1, drawn by the caller
	Deadline time.Time // zero: none
}

// permanentStatuses say that the same request can never succeed. All other statuses are retried,
// 401 and 404 too: somebody mends a key or a route, and the webhook should not be lost by then.
var permanentStatuses = map[int]bool{400: true, 405: true, 410: true, 413: true, 414: true, 415: true, 422: true, 501: true}

// Judge decides what an exchange means and, where another attempt is due, how long to wait for it.
// A call that used up its attempts keeps the last exchange's code, which says what to mend; that
// they are used up is in Message.
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
			d.Message = usedUp(t.Counted) + "; last answer: " + d.Message
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

// reasonOf is the status in words that are not the endpoint's.
func reasonOf(status int) string {
	return strings.TrimSuffix(strconv.Itoa(status)+" "+http.StatusText(status), " ")
}

// statusVerdict is what the status means where the settings do not say.
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
	if http.StatusText(x.StatusCode) == "" && x.Status != "" { // then the endpoint's own words are all there is
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
