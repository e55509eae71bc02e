package postgres

import (
	"context"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
	"github.com/forgehook/forgehook/internal/postgres/database"
)

// RecordExplanation stores the evaluation of a call's conditions. A webhook that does not fire ends
// the call as skipped; conditions that cannot be judged end it as failed. done has no outcome while
// the call goes on. Two concurrent evaluations have the same result, and an outcome that was given
// meanwhile wins.
func (db *DB) RecordExplanation(ctx context.Context, facts Facts, explained forgehook.Explained) (done Completion, err error) {
	call := facts.Ref
	defer database.Wrap(&err, "record explanation of call %s", call.CallID)
	facts.Done()
	explanation, err := jsontree.Marshal(explained.Conditions)
	if err != nil {
		return Completion{}, err
	}
	if explained.Fires() {
		done, err = storeExplanation(ctx, db.conn.Conn, call, explanation)
		if err == nil && done.Outcome == "" {
			db.evaluated.keep(call, facts.Subject, facts.size)
		}
		return done, err
	}
	e := ending{outcome: forgehook.Skipped, explanation: explanation, at: database.Now()}
	if explained.Failure != nil {
		e.outcome, e.because = forgehook.Failed, explained.Failure
	}
	return db.complete(ctx, call, e)
}

// storeExplanation moves a call that fires to its next step. done has no outcome unless the call
// was ended meanwhile.
func storeExplanation(ctx context.Context, tx database.Conn, call forgehook.CallRef, explanation []byte) (done Completion, err error) {
	rows, err := tx.Hot().Exec(ctx, `
		UPDATE calls SET explanation = $3, status = CASE status WHEN 'accepted' THEN 'evaluating' ELSE status END
		WHERE tenant_id = $1 AND id = $2 AND outcome IS NULL`,
		call.Tenant, call.CallID, explanation)
	if err != nil || rows == 1 {
		return Completion{}, err
	}
	return standing(ctx, tx, call)
}
