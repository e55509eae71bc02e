package postgres_test

import (
	"testing"

	"github.com/forgehook/forgehook/internal/postgres/pgtest"
)

func TestServerFigures(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before, err := b.ServerFigures(t.Context())
	check(t, err)
	b.s.Call(t, b.DB)
	after, err := b.ServerFigures(t.Context())
	check(t, err)
	if before.Transactions == 0 || after.WALBytes <= before.WALBytes {
		t.Errorf("figures before and after a call: %+v, %+v", before, after)
	}
}

func TestCheckSchema(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.EmptyURL(t))
	if err := db.CheckSchema(t.Context()); err == nil {
		t.Error("an empty database passes")
	}
	check(t, db.Migrate(t.Context()))
	check(t, db.CheckSchema(t.Context()))
}
