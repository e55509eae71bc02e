package postgres

import (
	"strings"

	"github.com/forgehook/forgehook"
)

// storable is a text as PostgreSQL can keep it: UTF-8 without NUL. Bytes that are neither become the replacement character.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func optionalStorable(s *string) *string {
	if s == nil {
		return nil
	}
	clean := storable(*s)
	return &clean
}

// orNull is s, or NULL where it is empty.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// storableError splits an error into its two columns.
func storableError(e *forgehook.CallError) (code, message *string) {
	if e == nil {
		return nil, nil
	}
	c, m := storable(string(e.Code)), storable(e.Message)
	return &c, &m
}

func callError(code, message *string) *forgehook.CallError {
	if code == nil || message == nil {
		return nil
	}
	return &forgehook.CallError{Code: forgehook.CallErrorCode(*code), Message: *message}
}
