package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/forgehook/forgehook"
)

// Facts are what rules are applied to.
type Facts struct {
	Subject  forgehook.Subject // frozen at acceptance
	Settings Pinned
	Call     forgehook.Call // ids, times and status; request and response only from [DB.WithFacts]
}

// Pinned are the settings of a call in the version that was in force when it was accepted. Most rules know that version already, so
// they are decoded only when somebody asks.
type Pinned struct {
	Version int
	stored  []byte
}

// Sum is the SHA-256 of the stored form: it tells versions apart even where ids and numbers come again after a deletion.
func (p Pinned) Sum() [sha256.Size]byte { return sha256.Sum256(p.stored) }

// Load decodes the settings, secrets sealed.
func (p Pinned) Load() (forgehook.Settings, error) {
	if p.stored == nil {
		return forgehook.Settings{}, errors.New("the settings of the call are gone with their utility")
	}
	return forgehook.LoadSettings(p.stored)
}

// factsRow is a call with its subject and settings. A completed call may outlive its settings.
type factsRow struct {
	callRow
	Subject  []byte             `db:"subject"`
	Settings []byte             `db:"settings"`
	kept     *forgehook.Subject // in place of Subject, where the step before has read it
}

// largeSubject is the size from which subjects are worked on by no more at once than there are processors. Together they would take
// all memory, and all of them more time than a step has.
const largeSubject = 1 << 20

// apply gives the facts to a rule.
func apply[T any](ctx context.Context, db *DB, row factsRow, rule func(Facts) (T, error)) (out T, err error) {
	done, err := db.turn(ctx, len(row.Subject))
	if err != nil {
		return out, err
	}
	defer done()
	facts, err := row.toFacts()
	if err != nil {
		return out, err
	}
	return rule(facts)
}

// turn waits until a subject of so many bytes may be worked on; done must be called after that.
func (db *DB) turn(ctx context.Context, size int) (done func(), err error) {
	if size <= largeSubject {
		return func() {}, nil
	}
	select {
	case db.large <- struct{}{}:
		return func() { <-db.large }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (r factsRow) toFacts() (f Facts, err error) {
	if r.kept != nil {
		f.Subject = *r.kept
	} else if err := json.Unmarshal(r.Subject, &f.Subject); err != nil {
		return f, fmt.Errorf("stored subject: %w", err)
	}
	if f.Call, err = r.toCall(); err != nil {
		return f, err
	}
	f.Settings = Pinned{Version: f.Call.SettingsVersion, stored: r.Settings}
	return f, nil
}
