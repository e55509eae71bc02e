package doctor

import (
	"fmt"
	"strings"
)

// State is the result of a check.
type State string

// The states of a check.
const (
	OK      State = "ok"
	Warning State = "warn"    // it works, but badly or not for long
	Fault   State = "fault"   // calls are not accepted, not delivered, or may be lost
	Skipped State = "skipped" // what it needs is at fault
)

// Check is one check. Names are stable, so that scripts may use them.
type Check struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	Found string `json:"found"`          // in one line, without secrets
	Why   string `json:"why,omitempty"`  // why it matters; empty if ok
	Mend  string `json:"mend,omitempty"` // the command or setting that mends it; empty if ok
}

// Report is all checks in order.
type Report struct {
	Checks   []Check `json:"checks"`
	OK       int     `json:"ok"`
	Warnings int     `json:"warnings"`
	Faults   int     `json:"faults"`
	Skipped  int     `json:"skipped"`
}

func (r *Report) add(c Check) {
	r.Checks = append(r.Checks, c)
	switch c.State {
	case OK:
		r.OK++
	case Warning:
		r.Warnings++
	case Fault:
		r.Faults++
	case Skipped:
		r.Skipped++
	}
}

// ExitCode is 0 without a fault, 2 if the settings are faulty, so that no process would start, and
// 1 for other faults.
func (r *Report) ExitCode() int {
	for _, c := range r.Checks {
		if c.Name == configuration && c.State == Fault {
			return 2
		}
	}
	return min(r.Faults, 1)
}

// Summary is the last line for a person.
func (r *Report) Summary() string {
	return fmt.Sprintf("%d checks: %d ok, %d warn, %d FAULT, %d skipped", len(r.Checks), r.OK, r.Warnings, r.Faults, r.Skipped)
}

// nameWidth is the length of the longest name.
const nameWidth = 20

// Text is a check for a person: one line, and below it why it matters and what mends it.
func (c Check) Text() string {
	state := string(c.State)
	if c.State == Fault {
		state = "FAULT"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-7s  %-*s  %s\n", state, nameWidth, c.Name, indented(c.Found))
	for _, part := range []struct{ label, text string }{{"why", c.Why}, {"mend", c.Mend}} {
		if part.text != "" {
			fmt.Fprintf(&b, "%*s%-5s %s\n", nameWidth+11, "", part.label, indented(part.text))
		}
	}
	return b.String()
}

func indented(text string) string {
	return strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", nameWidth+17))
}

func ok(name, format string, args ...any) Check {
	return Check{Name: name, State: OK, Found: fmt.Sprintf(format, args...)}
}

func skipped(name, needs string) Check {
	return Check{Name: name, State: Skipped, Found: "needs " + needs}
}
