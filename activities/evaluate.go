package activities

import (
	"context"
	"errors"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/webhook"
	"github.com/forgehook/forgehook/workflows"
)

// EvaluateConditions explains every condition against the frozen subject. Where one fails the call ends skipped.
func (a *Activities) EvaluateConditions(ctx context.Context, call workflows.CallRef) (workflows.Evaluation, error) {
	outcome, conditions, err := a.DB.Evaluate(ctx, call, explain)
	if err != nil {
		return workflows.Evaluation{}, a.fault("evaluate conditions", call, err)
	}
	if outcome != "" {
		count(ctx, "forgehook_outcomes", "outcome", string(outcome))
	}
	facts := make([]workflows.ConditionFact, len(conditions))
	for i, c := range conditions {
		facts[i] = workflows.ConditionFact{Condition: c.Condition, Passed: c.Passed}
	}
	return workflows.Evaluation{Outcome: outcome, Conditions: facts}, nil
}

func explain(subject forgehook.Subject, settings forgehook.Settings) (postgres.Explained, error) {
	plan, err := webhook.Compile(settings)
	if err != nil {
		return postgres.Explained{}, err
	}
	conditions, err := plan.Explain(&subject)
	if failure, ok := errors.AsType[*webhook.Failure](err); ok {
		return postgres.Explained{Conditions: conditions, Failure: &forgehook.CallError{Code: failure.Code, Message: failure.Message}}, nil
	}
	return postgres.Explained{Conditions: conditions, Fires: webhook.Fires(conditions)}, err
}
