package postgres

import (
	"context"

	"github.com/forgehook/forgehook"
)

// Standing tells how a call ended; the outcome is "" while it has none.
func (db *DB) Standing(ctx context.Context, call forgehook.CallRef) (_ Completion, err error) {
	defer wrap(&err, "outcome of call %s", call.CallID)
	return standing(ctx, db.conn, call)
}
