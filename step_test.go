package forgehook

import (
	"net/http"
	"testing"
	"time"
)

func TestDecision(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		decision Decision
		outcome  Outcome
		awaits   bool
	}{
		{"success", Decision{Verdict: VerdictSuccess}, Delivered, false},
		{"success before a callback", Decision{Verdict: VerdictSuccess, Await: time.Hour}, Delivered, true},
		{"retry", Decision{Verdict: VerdictRetry, Delay: time.Second}, "", false},
		{"attempts used up", Decision{Verdict: VerdictRetry, Final: true}, Failed, false},
		{"permanent", Decision{Verdict: VerdictPermanent, Final: true}, Failed, false},
	}
	for _, tt := range tests {
		if got, awaits := tt.decision.Outcome(), tt.decision.Awaits(); got != tt.outcome || awaits != tt.awaits {
			t.Errorf("%s: %q, %v", tt.name, got, awaits)
		}
	}
}

// A stored response reads as the exchange that it came from, whatever its body.
func TestResponse_Exchange(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "text", "\xff\x00"} {
		r := &Response{StatusCode: 200, Headers: map[string]string{"A": "b"}, BodyTruncated: true}
		r.Body, r.BodyEncoding = BodyText([]byte(body))
		x, err := r.Exchange()
		if err != nil || string(x.Body) != body || x.StatusCode != http.StatusOK || x.Headers["A"] != "b" || !x.Truncated {
			t.Errorf("%q: %+v, %v", body, x, err)
		}
	}
	var none *Response
	if x, err := none.Exchange(); err != nil || x.StatusCode != 0 || x.Err != nil {
		t.Errorf("%+v, %v", x, err)
	}
}
