package forgehook

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Code says what kind of fault an [Error] is. Codes are stable: the API's problem type ends in one.
type Code string

// The faults that callers can branch on. All others are internal.
const (
	CodeMalformed    Code = "malformed-json"         // the body is no JSON
	CodeUnauthorized Code = "unauthorized"           // no key, an unknown, an expired or a revoked one
	CodeForbidden    Code = "forbidden"              // the key's roles do not allow it
	CodeNotFound     Code = "not-found"              // it does not exist, or belongs to another tenant
	CodeConflict     Code = "conflict"               // it exists already or is in use
	CodeCompleted    Code = "call-completed"         // retry or cancel of a completed call
	CodePaused       Code = "utility-paused"         // retry of a held call
	CodeTooLarge     Code = "too-large"              // a body over the limit
	CodeInvalid      Code = "invalid"                // well formed, but not allowed: see Fields
	CodeKeyReused    Code = "idempotency-key-reused" // same Idempotency-Key, another body
	CodeRunCompleted Code = "run-completed"          // cancel of a completed run
	CodeCallbackUsed Code = "callback-used"          // a second callback
	CodeCallbackLate Code = "callback-expired"       // a callback after its time, or after the call has ended
	CodeUnavailable  Code = "unavailable"            // the database is away: try again
)

// Error is a fault that a caller may see: Code, Detail and Fields. Err is for the log only.
type Error struct {
	Code   Code
	Detail string
	Fields []FieldError
	Err    error
}

// FieldError is one fault of an input: where it is, the value and what is allowed.
type FieldError struct {
	Path    string // "webHook.method", "resultParameters[3].value"; "" is the whole input
	Value   string // as it was given, shortened; empty for secrets
	Allowed string // a sentence or a list of values
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s", f.Path, f.Allowed)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns the code of the first [Error] in err's chain, or "" for an internal one.
func ErrorCode(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// Errorf makes an [Error] whose detail a caller may see.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Invalid makes one error of an input's faults, nil if there are none.
func Invalid(fields ...FieldError) error {
	if len(fields) == 0 {
		return nil
	}
	detail := "1 value is not allowed."
	if len(fields) > 1 {
		detail = fmt.Sprintf("%d values are not allowed.", len(fields))
	}
	return &Error{Code: CodeInvalid, Detail: detail, Fields: fields}
}

// Under moves faults below a path: "url" under "webHook" is "webHook.url".
func Under(path string, fields []FieldError) []FieldError {
	moved := make([]FieldError, len(fields))
	for i, f := range fields {
		f.Path = join(path, f.Path)
		moved[i] = f
	}
	return moved
}

func join(path, name string) string {
	switch {
	case path == "":
		return name
	case name == "" || strings.HasPrefix(name, "["):
		return path + name
	default:
		return path + "." + name
	}
}

// Shorten cuts a text to at most n bytes on a rune boundary and marks the cut.
func Shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const mark = "..."
	cut := n - len(mark)
	for cut > 0 && s[cut]&0xC0 == 0x80 {
		cut--
	}
	return s[:cut] + mark
}

// Nearest is the candidate that was probably meant: the closest by edit distance, "" if none is
// close.
func Nearest(got string, candidates []string) string {
	best, limit := "", min(3, max(1, len(got)/2))
	for _, c := range candidates {
		if n := distance(strings.ToLower(got), strings.ToLower(c)); n < limit || (n == limit && best == "") {
			best, limit = c, n
		}
	}
	return best
}

// distance is the optimal string alignment distance: edits and swaps of neighbours.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return math.MaxInt
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
