package database

import (
	"strings"

	"github.com/forgehook/forgehook"
)

// Storable is a text as PostgreSQL can keep it: UTF-8 without NUL. Bytes that are neither become
// the replacement character.
func Storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func OptionalStorable(s *string) *string {
	if s == nil {
		return nil
	}
	clean := Storable(*s)
	return &clean
}

// OrNull is s, or NULL where it is empty.
func OrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// StorableError splits an error into its two columns.
func StorableError(e *forgehook.CallError) (code, message *string) {
	if e == nil {
		return nil, nil
	}
	c, m := Storable(string(e.Code)), Storable(e.Message)
	return &c, &m
}

func CallError(code, message *string) *forgehook.CallError {
	if code == nil || message == nil {
		return nil
	}
	return &forgehook.CallError{Code: forgehook.CallErrorCode(*code), Message: *message}
}
