package database

import (
	"time"

	"github.com/forgehook/forgehook"
)

// Milliseconds is the precision of every moment that is stored and answered.
func Milliseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func Now() time.Time { return Milliseconds(time.Now()) }

// Instant is finer than what is shown: what was stored last must be told from what was stored just
// before.
func Instant() time.Time { return time.Now().UTC() }

func Moment(t time.Time) forgehook.Time { return forgehook.Time{Time: t.UTC()} }

func OptionalMoment(t *time.Time) *forgehook.Time {
	if t == nil {
		return nil
	}
	m := Moment(*t)
	return &m
}
