package workflows

import (
	"testing"
	"time"

	"github.com/forgehook/forgehook"
)

func TestWait(t *testing.T) {
	t.Parallel()
	for in, want := range map[time.Duration]string{
		0:                                "0 ms",
		time.Millisecond:                 "1 ms",
		999 * time.Millisecond:           "999 ms",
		5 * time.Second:                  "5 s",
		5713 * time.Millisecond:          "6 s",
		59600 * time.Millisecond:         "1 min",
		90 * time.Second:                 "1 min 30 s",
		2*time.Hour + 14*time.Minute + 9: "2 h 14 min",
		120 * time.Hour:                  "5 d",
		24*time.Hour + 5*time.Second:     "1 d 5 s",
	} {
		if got := Wait(in); got != want {
			t.Errorf("Wait(%s) = %q, want %q", in, got, want)
		}
	}
}

func TestEndText(t *testing.T) {
	t.Parallel()
	for want, in := range map[string]struct {
		result CallResult
		reason string
	}{
		"**Delivered** after 1 attempt: 200 OK":         {CallResult{Outcome: forgehook.Delivered, Attempts: 1}, "200 OK"},
		"**Failed** after 10 attempts":                  {CallResult{Outcome: forgehook.Failed, Attempts: 10}, ""},
		"**Skipped**: not met: document.status":         {CallResult{Outcome: forgehook.Skipped}, "not met: document.status"},
		"**Canceled** after 2 attempts: by an operator": {CallResult{Outcome: forgehook.Canceled, Attempts: 2}, "by an operator"},
	} {
		if got := endText(in.result, in.reason); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
