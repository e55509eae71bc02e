//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
)

// story is all that is known of a call from outside.
type story struct {
	call     forgehook.Call
	attempts []forgehook.Attempt
	receipts []receipt
	cuts     []span
	hurried  bool
}

func (s story) faults(allowed []forgehook.Outcome) []string {
	if s.call.Outcome == nil || s.call.Status != forgehook.CallCompleted || s.call.CompletedAt == nil {
		return []string{fmt.Sprintf("it has no outcome: it is %s", s.call.Status)}
	}
	return slices.Concat(s.outcomeFaults(allowed), s.attemptFaults(), s.receiptFaults())
}

// outcomeFaults compares the outcome with its causes.
func (s story) outcomeFaults(allowed []forgehook.Outcome) (faults []string) {
	outcome := *s.call.Outcome
	switch {
	case !slices.Contains(forgehook.Outcomes, outcome):
		faults = append(faults, fmt.Sprintf("%q is no outcome", outcome))
	case allowed != nil && !slices.Contains(allowed, outcome) && !s.lost():
		faults = append(faults, fmt.Sprintf("the outcome is %s, want one of %v", outcome, allowed))
	case outcome == forgehook.Delivered && !s.got2xx():
		faults = append(faults, "it is delivered, and the receiver never responded with 2xx")
	case outcome == forgehook.Skipped && len(s.receipts)+len(s.attempts) > 0:
		faults = append(faults, "it is skipped, and has attempts or requests all the same")
	}
	return faults
}

// lost reports the one failure that faults alone cause: the last three attempts lost their worker.
func (s story) lost() bool {
	n := len(s.attempts)
	return *s.call.Outcome == forgehook.Failed && s.call.Error != nil && s.call.Error.Code == "worker_lost" && n >= 3 &&
		!slices.ContainsFunc(s.attempts[n-3:], func(a forgehook.Attempt) bool { return a.State != forgehook.AttemptUnknown })
}

func (s story) got2xx() bool {
	return slices.ContainsFunc(s.receipts, func(r receipt) bool { return r.status/100 == 2 })
}

// attemptFaults checks numbers, states and times.
func (s story) attemptFaults() (faults []string) {
	if len(s.attempts) != s.call.Attempts {
		faults = append(faults, fmt.Sprintf("it counts %d attempts, %d are listed", s.call.Attempts, len(s.attempts)))
	}
	for i, a := range s.attempts {
		if a.Number != i+1 {
			faults = append(faults, fmt.Sprintf("attempt %d has the number %d", i+1, a.Number))
		}
		// An outcome has the time of its decision. If the database is away it is stored later, and
		// an attempt may begin in between.
		if a.StartedAt.After(s.call.CompletedAt.Time) && (i == 0 || !s.cut(i-1)) {
			faults = append(faults, fmt.Sprintf("attempt %d started after the outcome", a.Number))
		}
		if a.StartedAt.After(s.call.DeadlineAt.Time) {
			faults = append(faults, fmt.Sprintf("attempt %d started after the deadline", a.Number))
		}
		switch {
		case i > 0 && s.underway(i-1, a.StartedAt):
			if !s.cut(i - 1) {
				faults = append(faults, fmt.Sprintf("attempt %d started while attempt %d was under way, and nothing was cut", a.Number, a.Number-1))
			}
		case i > 0 && !s.hurried && s.early(i):
			faults = append(faults, fmt.Sprintf("attempt %d started before it was due", a.Number))
		}
		switch {
		case a.State == forgehook.AttemptStarted:
			faults = append(faults, fmt.Sprintf("attempt %d is still started", a.Number))
		case a.State == forgehook.AttemptUnknown && !s.cut(i):
			faults = append(faults, fmt.Sprintf("attempt %d is unknown, and nothing was cut meanwhile", a.Number))
		case a.State == forgehook.AttemptFinished && a.Verdict != nil && *a.Verdict != forgehook.VerdictRetry && i+1 < len(s.attempts) && !s.cut(i):
			faults = append(faults, fmt.Sprintf("attempt %d follows a final response, and nothing was cut", a.Number+1))
		}
	}
	return faults
}

// underway reports whether an attempt had not ended at a time, although its end is now known,
// because the engine gave it up before.
func (s story) underway(i int, at forgehook.Time) bool {
	a := s.attempts[i]
	return a.DurationMS != nil && a.StartedAt.Add(time.Duration(*a.DurationMS)*time.Millisecond).After(at.Time)
}

// early reports whether an attempt began before its predecessor's delay was over. The engine's
// clock may be a second off.
func (s story) early(i int) bool {
	due := s.attempts[i-1].NextAttemptAt
	return due != nil && s.attempts[i].StartedAt.Before(due.Add(-time.Second))
}

// cut reports whether an exchange of an attempt's worker may have been cut while the attempt was
// the last one.
func (s story) cut(i int) bool {
	from, to := s.attempts[i].StartedAt.Time, s.call.CompletedAt.Time
	if i+1 < len(s.attempts) {
		to = s.attempts[i+1].StartedAt.Time
	}
	sender := s.sender(s.attempts[i].Number)
	return slices.ContainsFunc(s.cuts, func(cut span) bool {
		return !cut.from.After(to) && !cut.to.Before(from) && (sender == "" || cut.worker == "" || cut.worker == sender)
	})
}

// sender is the worker that sent an attempt's request, "" if none arrived.
func (s story) sender(attempt int) string {
	for _, r := range s.receipts {
		if r.attempt == fmt.Sprint(attempt) {
			return r.sender
		}
	}
	return ""
}

// receiptFaults compares each request with its attempt, and each recorded response with the one
// that was sent.
func (s story) receiptFaults() (faults []string) {
	byAttempt := map[string]receipt{}
	for _, r := range s.receipts {
		if _, twice := byAttempt[r.attempt]; twice {
			faults = append(faults, fmt.Sprintf("the receiver saw attempt %s twice", r.attempt))
		}
		byAttempt[r.attempt] = r
		if request := s.call.Request; request != nil && !request.Masked && r.sha256 != "" && r.sha256 != request.SHA256 {
			faults = append(faults, fmt.Sprintf("the receiver saw another body in attempt %s than the call's request has", r.attempt))
		}
	}
	for _, a := range s.attempts {
		number := fmt.Sprint(a.Number)
		r, arrived := byAttempt[number]
		delete(byAttempt, number)
		switch {
		case a.State != forgehook.AttemptFinished:
		case a.Response != nil && !arrived:
			faults = append(faults, fmt.Sprintf("attempt %d has a response, and the receiver never saw it", a.Number))
		case a.Response != nil && a.Response.StatusCode != r.status:
			faults = append(faults, fmt.Sprintf("attempt %d has the status %d, the receiver sent %d", a.Number, a.Response.StatusCode, r.status))
		case a.Response == nil && a.Error == nil:
			faults = append(faults, fmt.Sprintf("attempt %d is finished with neither a response nor an error", a.Number))
		}
	}
	for number := range byAttempt {
		faults = append(faults, fmt.Sprintf("the receiver saw attempt %s, which the call does not list", number))
	}
	return faults
}

// tell is the story in lines, for those who look for the cause of a fault.
func (s story) tell() string {
	const clock = "15:04:05.000"
	var lines []string
	lines = append(lines, fmt.Sprintf("  accepted %s, %s", s.call.AcceptedAt.Format(clock), outcomeText(s.call)))
	for _, a := range s.attempts {
		line := fmt.Sprintf("  attempt %d started %s, %s", a.Number, a.StartedAt.Format(clock), a.State)
		if a.DurationMS != nil {
			line += fmt.Sprintf(" after %d ms", *a.DurationMS)
		}
		if a.Reason != nil {
			line += ": " + *a.Reason
		}
		lines = append(lines, line)
	}
	for _, r := range s.receipts {
		lines = append(lines, fmt.Sprintf("  receiver %s: attempt %s of %s, response %d", r.at.UTC().Format(clock), r.attempt, cmp.Or(r.sender, "a worker"), r.status))
	}
	if s.call.CompletedAt != nil {
		lines = append(lines, "  completed "+s.call.CompletedAt.Format(clock))
	}
	return strings.Join(lines, "\n")
}
