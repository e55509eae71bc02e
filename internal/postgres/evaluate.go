package postgres

import (
	"context"

	"github.com/forgehook/forgehook"
)

// Explained is what a rule found about the conditions of a call.
type Explained struct {
	Conditions []forgehook.Condition
	Fires      bool
	Failure    *forgehook.CallError // the conditions could not be told; the call fails
}

// Evaluate applies rule to the frozen subject and the pinned settings of a call and stores what it found. Where it does not fire
// the call ends skipped, where it fails the call ends failed; done has no outcome while the call goes on. A call that was evaluated
// before, or has an outcome, answers with what is stored and rule does not run.
func (db *DB) Evaluate(ctx context.Context, call forgehook.CallRef, rule func(Facts) (Explained, error)) (done Completion, conditions []forgehook.Condition, err error) {
	defer wrap(&err, "evaluate call %s", call.CallID)
	return evaluate(ctx, db, call, rule)
}

// evaluate takes no lock, and no transaction, so that a slow rule holds no connection: two that run at once find the same, and an
// outcome wins over both.
func evaluate(ctx context.Context, db *DB, call forgehook.CallRef, rule func(Facts) (Explained, error)) (Completion, []forgehook.Condition, error) {
	var row factsRow
	tx := db.conn
	err := tx.hot().get(ctx, &row, `
		SELECT c.id, c.project_id, c.service_id, c.webhook_service_id, c.document_id, c.work_item_id, c.settings_version,
		       c.webhook_id, c.reason, c.event_type, c.run_id, c.cause_id, c.accepted_at, c.deadline_at, c.explanation, c.attempts, c.status, c.outcome, q.subject, v.settings
		FROM calls c
		JOIN call_requests q ON q.id = c.request_id
		LEFT JOIN settings_versions v
		       ON v.tenant_id = c.tenant_id AND v.service_id = c.webhook_service_id AND v.version = c.settings_version
		WHERE c.tenant_id = $1 AND c.id = $2`, call.Tenant, call.CallID)
	if err != nil {
		return Completion{}, nil, orNotFound(err, "call", call.CallID)
	}
	conditions, err := toExplanation(row.Explanation)
	if err != nil {
		return Completion{}, nil, err
	}
	if row.Outcome != nil {
		done, err := standing(ctx, tx, call)
		return done, conditions, err
	}
	if row.Explanation != nil {
		return Completion{}, conditions, nil
	}
	var subject forgehook.Subject
	found, err := apply(ctx, db, row, func(facts Facts) (Explained, error) {
		subject = facts.Subject
		return rule(facts)
	})
	if err != nil {
		return Completion{}, nil, err
	}
	explanation, err := encode(found.Conditions)
	if err != nil {
		return Completion{}, nil, err
	}
	if found.Fires && found.Failure == nil {
		done, err := storeExplanation(ctx, tx, call, explanation)
		if err == nil && done.Outcome == "" {
			db.evaluated.keep(call, subject, len(row.Subject))
		}
		return done, found.Conditions, err
	}
	e := ending{outcome: forgehook.Skipped, explanation: explanation, at: now()}
	if found.Failure != nil {
		e.outcome, e.because = forgehook.Failed, found.Failure
	}
	done, err := db.complete(ctx, call, e)
	return done, found.Conditions, err
}

// storeExplanation moves a call that fires on; done has no outcome unless somebody has ended it meanwhile.
func storeExplanation(ctx context.Context, tx conn, call forgehook.CallRef, explanation []byte) (done Completion, err error) {
	rows, err := tx.hot().exec(ctx, `
		UPDATE calls SET explanation = $3, status = CASE status WHEN 'accepted' THEN 'evaluating' ELSE status END
		WHERE tenant_id = $1 AND id = $2 AND outcome IS NULL`,
		call.Tenant, call.CallID, explanation)
	if err != nil || rows == 1 {
		return Completion{}, err
	}
	return standing(ctx, tx, call)
}
