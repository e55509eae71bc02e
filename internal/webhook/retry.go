package webhook

import (
	"net/http"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
)

// standardSchedule is that of Standard Webhooks: entry n is the wait before attempt n. Ten attempts
// span 75 hours 35 minutes, plus 0 to 20 % jitter on each wait. Jitter never shortens a wait below
// what the endpoint asked for.
var standardSchedule = []time.Duration{
	0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour,
	20 * time.Hour, 24 * time.Hour,
}

const (
	jitterShare   = 0.2
	busyWait      = time.Minute    // least wait after 429 and timeouts: the endpoint is busy
	maxRetryAfter = 24 * time.Hour // a longer one is cut to this
	minDelay      = time.Millisecond
)

// budget returns how many attempts a call may use.
func (p *Plan) budget() int {
	if n := p.settings.WebHook.RetryCount; n != nil {
		return *n + 1
	}
	return len(standardSchedule)
}

// delay is the wait before the next attempt: RetryDelay unchanged, or the schedule's entry with
// jitter, where the last entry repeats. Retry-After can lengthen it.
func (p *Plan) delay(x *forgehook.Exchange, t Tally) time.Duration {
	var wait time.Duration
	if fixed := p.settings.WebHook.RetryDelay; fixed != nil {
		wait = *fixed
	} else {
		wait = standardSchedule[min(max(t.Counted, 0), len(standardSchedule)-1)]
		wait += time.Duration(float64(wait) * jitterShare * min(max(t.Jitter, 0), 1))
		if x.StatusCode == http.StatusTooManyRequests || x.Err != nil && x.Err.Code == forgehook.CallErrorTimeout {
			wait = max(wait, busyWait)
		}
	}
	ended := x.EndedAt()
	asked := retryAfter(header(x.Headers, "Retry-After"), ended)
	if !t.Deadline.IsZero() {
		asked = min(asked, t.Deadline.Sub(ended))
	}
	return max(wait, asked, minDelay)
}

// retryAfter reads seconds or an HTTP date, at most 24 hours. It returns 0 for what is malformed,
// negative or past.
func retryAfter(value string, at time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if value != "" && strings.Trim(value, "0123456789") == "" {
		value = strings.TrimLeft(value, "0")
		if len(value) > len("86400") {
			return maxRetryAfter
		}
		var seconds time.Duration
		for _, digit := range value {
			seconds = seconds*10 + time.Duration(digit-'0')
		}
		return min(seconds*time.Second, maxRetryAfter)
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(date.Sub(at), 0), maxRetryAfter)
}
