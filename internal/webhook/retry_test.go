package webhook

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/forgehook/forgehook"
)

// waits judges failing attempts until none is left and lists the waits between them.
func waits(p *Plan, x forgehook.Exchange, jitter float64) string {
	var list []string
	for counted := 1; counted < 200; counted++ {
		d := p.Judge(evidence(nil, x), Tally{Counted: counted, Jitter: jitter})
		if d.Final {
			break
		}
		list = append(list, d.Delay.String())
	}
	return strings.Join(list, " ")
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	busy := forgehook.Exchange{StatusCode: 500}
	const standard = "5s 5m0s 30m0s 2h0m0s 5h0m0s 10h0m0s 14h0m0s 20h0m0s 24h0m0s"
	tests := []struct {
		name, webHook string
		exchange      forgehook.Exchange
		jitter        float64
		want          string
	}{
		{"standard", `{}`, busy, 0, standard},
		{"standard, all the jitter", `{}`, busy, 1, "6s 6m0s 36m0s 2h24m0s 6h0m0s 12h0m0s 16h48m0s 24h0m0s 28h48m0s"},
		{"jitter out of range", `{}`, busy, 7, "6s 6m0s 36m0s 2h24m0s 6h0m0s 12h0m0s 16h48m0s 24h0m0s 28h48m0s"},
		{"jitter below zero", `{}`, busy, -1, standard},
		{"no retry", `{"retryCount":0}`, busy, 0, ""},
		{"count", `{"retryCount":3}`, busy, 0, "5s 5m0s 30m0s"},
		{"count beyond the schedule", `{"retryCount":11}`, busy, 0, standard + " 24h0m0s 24h0m0s"},
		{"delay", `{"retryDelay":"00:00:02"}`, busy, 1, strings.TrimSpace(strings.Repeat("2s ", 9))},
		{"count and delay", `{"retryCount":2,"retryDelay":"00:00:02"}`, busy, 1, "2s 2s"},
		{"429 waits a minute", `{"retryCount":2}`, forgehook.Exchange{StatusCode: 429}, 0, "1m0s 5m0s"},
		{"so does a timeout", `{"retryCount":2}`, lost("timeout", ""), 0, "1m0s 5m0s"},
		{"503 does not", `{"retryCount":2}`, forgehook.Exchange{StatusCode: 503}, 0, "5s 5m0s"},
		{"429 with a delay of its own", `{"retryCount":2,"retryDelay":"00:00:02"}`, forgehook.Exchange{StatusCode: 429}, 0, "2s 2s"},
		{"Retry-After is a floor", `{"retryCount":3}`, forgehook.Exchange{StatusCode: 503, Headers: map[string]string{"Retry-After": "600"}}, 0, "10m0s 10m0s 30m0s"},
		{"also of a delay", `{"retryCount":1,"retryDelay":"00:00:02"}`, forgehook.Exchange{StatusCode: 403, Headers: map[string]string{"retry-after": "90"}}, 0, "1m30s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			diff(t, tt.want, waits(plan(t, `{"webHook":`+tt.webHook+`}`), tt.exchange, tt.jitter))
		})
	}
}

// The standard schedule ends within the default deadline, with full jitter and a slow endpoint.
func TestSchedule_fitsDeadline(t *testing.T) {
	t.Parallel()
	s := forgehook.DefaultSettings()
	var total time.Duration
	for _, wait := range standardSchedule {
		total += wait + wait/5 + s.Delivery.Timeout
	}
	if total >= s.Delivery.Deadline {
		t.Errorf("%v is over the deadline of %v", total, s.Delivery.Deadline)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	date := func(d time.Duration) string { return at.Add(d).Format(http.TimeFormat) }
	tests := []struct {
		value string
		want  time.Duration
	}{
		{"", 0}, {"0", 0}, {"1", time.Second}, {" 120 ", 2 * time.Minute}, {"007", 7 * time.Second},
		{"86400", 24 * time.Hour}, {"86401", 24 * time.Hour}, {"99999", 24 * time.Hour}, {"2147483648", 24 * time.Hour},
		{strings.Repeat("9", 400), 24 * time.Hour}, {strings.Repeat("0", 400) + "5", 5 * time.Second},
		{"-1", 0}, {"+1", 0}, {"1e9", 0}, {"1.5", 0}, {"NaN", 0}, {"soon", 0}, {"30 s", 0}, {"1,2", 0}, {"٣", 0},
		{date(time.Hour), time.Hour - 123_456_789*time.Nanosecond}, {date(-time.Hour), 0}, {date(48 * time.Hour), 24 * time.Hour},
		{"Monday, 05-Jan-26 07:32:03 GMT", time.Minute - 123_456_789*time.Nanosecond},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 24 * time.Hour}, {"Thu, 01 Jan 1970 00:00:00 GMT", 0}, {"2026-01-05T08:00:00Z", 0},
	}
	for _, tt := range tests {
		if got := retryAfter(tt.value, at); got != tt.want {
			t.Errorf("%.40q: got %v, want %v", tt.value, got, tt.want)
		}
	}
}

func TestDelay_deadline(t *testing.T) {
	t.Parallel()
	p := plan(t, `{}`)
	asked := forgehook.Exchange{StatusCode: 503, StartedAt: at, Headers: map[string]string{"Retry-After": "7200"}}
	for left, want := range map[time.Duration]time.Duration{
		3 * time.Hour: 2 * time.Hour, time.Hour: time.Hour, time.Second: 5 * time.Second, -time.Hour: 5 * time.Second,
	} {
		if got := p.Judge(evidence(nil, asked), Tally{Counted: 1, Deadline: at.Add(left)}).Delay; got != want {
			t.Errorf("%v left: got %v, want %v", left, got, want)
		}
	}
}

// For any response: a retry waits at least a millisecond, the schedule's entry and what Retry-After
// asks for, and retries end.
func TestDelay_bounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := forgehook.DefaultSettings()
		url := "https://example.com/"
		s.WebHook.URL = &url
		s.WebHook.RetryCount = rapid.Ptr(rapid.IntRange(0, 100), true).Draw(t, "count")
		fixed := rapid.Ptr(rapid.Int64Range(int64(time.Millisecond), int64(7*24*time.Hour)), true).Draw(t, "delay")
		if fixed != nil {
			d := time.Duration(*fixed)
			s.WebHook.RetryDelay = &d
		}
		p, err := Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		asked := rapid.Int64Range(-10, 1<<40).Draw(t, "asked")
		a := forgehook.Exchange{StatusCode: rapid.SampledFrom([]int{0, 401, 429, 500, 503}).Draw(t, "status"), Err: &forgehook.CallError{Code: "timeout"}, StartedAt: at,
			Headers: map[string]string{"Retry-After": strconv.FormatInt(asked, 10)}}
		counted := rapid.IntRange(1, 101).Draw(t, "counted")
		d := p.Judge(evidence(nil, a), Tally{Counted: counted, Jitter: rapid.Float64Range(0, 1).Draw(t, "jitter")})
		if d.Final != (counted >= p.budget()) {
			t.Fatalf("%+v after %d of %d attempts", d, counted, p.budget())
		}
		if d.Final {
			return
		}
		floor := min(time.Duration(max(asked, 0))*time.Second, 24*time.Hour)
		if asked > 1<<30 {
			floor = 24 * time.Hour
		}
		if d.Delay < time.Millisecond || d.Delay < floor || d.Delay > 7*24*time.Hour {
			t.Fatalf("delay %v, asked for %d s", d.Delay, asked)
		}
		if fixed != nil && d.Delay != max(time.Duration(*fixed), floor) {
			t.Fatalf("delay %v, want %v or Retry-After", d.Delay, time.Duration(*fixed))
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "0", "120", "-1", "NaN", "1e9", "2147483648", "Mon, 05 Jan 2026 08:00:00 GMT", "\x00", "9999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got := retryAfter(value, at)
		if got < 0 || got > 24*time.Hour {
			t.Errorf("%q: %v", value, got)
		}
		if n, err := strconv.ParseUint(value, 10, 16); err == nil && got != min(time.Duration(n)*time.Second, 24*time.Hour) {
			t.Errorf("%q: %v", value, got)
		}
	})
}

func ExamplePlan_Judge() {
	s := forgehook.DefaultSettings()
	url := "https://example.com/hook"
	s.WebHook.URL = &url
	p, _ := Compile(s)
	d := p.Judge(evidence(nil, forgehook.Exchange{StatusCode: 503, Headers: map[string]string{"Retry-After": "30"}}), Tally{Counted: 1})
	fmt.Println(d.Verdict, d.Reason, d.Delay)
	// Output: retry 503 Service Unavailable 30s
}
