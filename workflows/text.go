package workflows

import (
	"fmt"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
)

// Wait writes a duration for people, in its two largest units: "5 s", "2 h 14 min".
func Wait(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	d = d.Round(time.Second)
	var parts []string
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if n := d / unit.length; n > 0 && len(parts) < 2 {
			parts = append(parts, fmt.Sprintf("%d %s", n, unit.name))
		}
		d %= unit.length
	}
	return strings.Join(parts, " ")
}

// cut shortens a summary to what Temporal takes.
func cut(summary string) string { return forgehook.Shorten(summary, 400) }

// details is the Markdown that the Temporal UI shows of a running call: request, host and progress.
func details(request Built, text string) string {
	if request.Host == "" {
		return text
	}
	return fmt.Sprintf("**%s** to **%s**, %d bytes\n\n%s", request.Method, request.Host, request.BodyBytes, text)
}

// endText says how a call ended: "**Delivered** after 2 attempts: 200 OK".
func endText(result CallResult, reason string) string {
	text := "**" + strings.ToUpper(string(result.Outcome[:1])) + string(result.Outcome[1:]) + "**"
	switch result.Attempts {
	case 0:
	case 1:
		text += " after 1 attempt"
	default:
		text += fmt.Sprintf(" after %d attempts", result.Attempts)
	}
	if reason != "" {
		text += ": " + reason
	}
	return text
}

// failedConditions names the conditions that failed.
func failedConditions(conditions []ConditionFact) string {
	var failed []string
	for _, c := range conditions {
		if !c.Passed {
			failed = append(failed, c.Condition)
		}
	}
	return "not met: " + strings.Join(failed, ", ")
}
