package forgehook

import (
	"errors"
	"fmt"
	"strings"
)

// Code says what kind of fault an [Error] is. It is stable: the API's problem type ends in it.
type Code string

// The faults that somebody branches on. All others are internal.
const (
	CodeMalformed    Code = "malformed-json"         // the body is no JSON
	CodeUnauthorized Code = "unauthorized"           // no key, an unknown, an expired or a revoked one
	CodeForbidden    Code = "forbidden"              // the key's roles do not allow it
	CodeNotFound     Code = "not-found"              // no such thing, or another tenant's
	CodeConflict     Code = "conflict"               // it exists already, or is still in use
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

// Error is a fault that a caller may see. Detail and Fields are for the caller, Err is for the log only.
type Error struct {
	Code   Code
	Detail string
	Fields []FieldError
	Err    error
}

// FieldError is one fault of an input: where it is, what stood there and what is allowed.
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

// Errorf makes an [Error] with a detail for the caller.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Invalid makes the error for faults of an input, nil when there are none.
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

// Under moves the faults of err below a path: "url" under "webHook" is "webHook.url".
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
