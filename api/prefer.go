package api

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxWait bounds how long an answer may wait for calls; a longer wish is clamped.
const maxWait = 300 * time.Second

// preferredWait reads RFC 7240's "wait" out of the Prefer headers. The first one counts, and what cannot be read is ignored, as
// the RFC asks.
func preferredWait(headers []string) (wait time.Duration, asked bool) {
	for _, preference := range splitOutsideQuotes(strings.Join(headers, ","), ',') {
		first := splitOutsideQuotes(preference, ';')[0]
		name, value, _ := strings.Cut(first, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(value), `"`), 10, 31)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return 0, false
		}
		return min(time.Duration(seconds)*time.Second, maxWait), true
	}
	return 0, false
}

// applied is the Preference-Applied header: the wait as it was done, after clamping.
func applied(wait time.Duration) string { return fmt.Sprintf("wait=%d", int(wait.Seconds())) }

func splitOutsideQuotes(s string, separator rune) []string {
	quoted := false
	var parts []string
	start := 0
	for i, c := range s {
		switch {
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			parts, start = append(parts, s[start:i]), i+1
		}
	}
	return append(parts, s[start:])
}
