package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/forgehook/forgehook"
)

// Explained is what a rule found about the conditions of a call.
type Explained struct {
	Conditions []forgehook.Condition
	Fires      bool
	Failure    *forgehook.CallError // the conditions could not be told; the call fails
}

// factsRow is what rules are applied to: the frozen subject and the pinned settings. A completed call may outlive its settings.
type factsRow struct {
	Outcome     *string `db:"outcome"`
	Explanation []byte  `db:"explanation"`
	Subject     []byte  `db:"subject"`
	Settings    []byte  `db:"settings"`
}

func (r factsRow) toFacts() (s forgehook.Subject, settings forgehook.Settings, err error) {
	if err := json.Unmarshal(r.Subject, &s); err != nil {
		return s, settings, fmt.Errorf("stored subject: %w", err)
	}
	settings, err = forgehook.LoadSettings(r.Settings)
	return s, settings, err
}

// Evaluate applies rule to the frozen subject and the pinned settings of a call and stores what it found. Where it does not fire
// the call ends skipped, where it fails the call ends failed; outcome is "" while the call goes on. A call that was evaluated
// before, or has an outcome, answers with what is stored and rule does not run.
func (db *DB) Evaluate(ctx context.Context, call forgehook.CallRef, rule func(forgehook.Subject, forgehook.Settings) (Explained, error)) (outcome forgehook.Outcome, conditions []forgehook.Condition, err error) {
	defer wrap(&err, "evaluate call %s", call.CallID)
	err = db.inTx(ctx, func(tx conn) error {
		outcome, conditions, err = evaluate(ctx, tx, call, rule)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	return outcome, conditions, nil
}

// evaluate takes no lock: two that run at once find the same, and an outcome wins over both.
func evaluate(ctx context.Context, tx conn, call forgehook.CallRef, rule func(forgehook.Subject, forgehook.Settings) (Explained, error)) (forgehook.Outcome, []forgehook.Condition, error) {
	var row factsRow
	err := tx.hot().get(ctx, &row, `
		SELECT c.outcome, c.explanation, q.subject, v.settings FROM calls c
		JOIN call_requests q ON q.id = c.request_id
		LEFT JOIN settings_versions v
		       ON v.tenant_id = c.tenant_id AND v.service_id = c.webhook_service_id AND v.version = c.settings_version
		WHERE c.tenant_id = $1 AND c.id = $2`, call.Tenant, call.CallID)
	if err != nil {
		return "", nil, orNotFound(err, "call", call.CallID)
	}
	conditions, err := toExplanation(row.Explanation)
	if err != nil || row.Outcome != nil || row.Explanation != nil {
		return outcomeOf(row.Outcome), conditions, err
	}
	subject, settings, err := row.toFacts()
	if err != nil {
		return "", nil, err
	}
	found, err := rule(subject, settings)
	if err != nil {
		return "", nil, err
	}
	explanation, err := json.Marshal(found.Conditions)
	if err != nil {
		return "", nil, err
	}
	if found.Fires && found.Failure == nil {
		outcome, err := storeExplanation(ctx, tx, call, explanation)
		return outcome, found.Conditions, err
	}
	e := ending{outcome: forgehook.Skipped, explanation: explanation, at: now()}
	if found.Failure != nil {
		e.outcome, e.because = forgehook.Failed, found.Failure
	}
	done, err := completeCall(ctx, tx, call, e)
	return done.Outcome, found.Conditions, err
}

// storeExplanation moves a call that fires on; the outcome is "" unless somebody has ended it meanwhile.
func storeExplanation(ctx context.Context, tx conn, call forgehook.CallRef, explanation []byte) (forgehook.Outcome, error) {
	rows, err := tx.hot().exec(ctx, `
		UPDATE calls SET explanation = $3, status = CASE status WHEN 'accepted' THEN 'evaluating' ELSE status END
		WHERE tenant_id = $1 AND id = $2 AND outcome IS NULL`,
		call.Tenant, call.CallID, explanation)
	if err != nil || rows == 1 {
		return "", err
	}
	done, err := standing(ctx, tx, call)
	return done.Outcome, err
}

func outcomeOf(stored *string) forgehook.Outcome {
	if stored == nil {
		return ""
	}
	return forgehook.Outcome(*stored)
}
