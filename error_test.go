package forgehook

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestError(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("save settings: %w", &Error{Code: CodeInvalid, Detail: "2 values are not allowed.", Err: io.ErrUnexpectedEOF,
		Fields: []FieldError{{"webHook.url", "hunter2", "an absolute URL"}, {"", "x", "an object"}}})
	diff(t, "save settings: invalid: 2 values are not allowed.; webHook.url: an absolute URL; : an object: unexpected EOF", err.Error())
	if ErrorCode(err) != CodeInvalid || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("code or cause is lost")
	}
	if ErrorCode(io.EOF) != "" || ErrorCode(nil) != "" {
		t.Error("an internal error has a code")
	}
	if Invalid() != nil {
		t.Error("no faults are an error")
	}
	diff(t, "invalid: 1 value is not allowed.; a: b", Invalid(FieldError{Path: "a", Allowed: "b"}).Error())
}

func TestUnder(t *testing.T) {
	t.Parallel()
	in := []FieldError{{Path: "url"}, {Path: ""}, {Path: "[1].x"}}
	diff(t, []FieldError{{Path: "webHook.url"}, {Path: "webHook"}, {Path: "webHook[1].x"}}, Under("webHook", in))
	diff(t, []FieldError{{Path: "url"}, {Path: ""}, {Path: "[1].x"}}, Under("", in))
}
