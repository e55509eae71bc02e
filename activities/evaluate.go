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
	done, conditions, err := a.DB.Evaluate(ctx, call, func(facts postgres.Facts) (postgres.Explained, error) { return a.explain(call.Tenant, facts) })
	if err != nil {
		return workflows.Evaluation{}, a.fault("evaluate conditions", call, err)
	}
	if done.Outcome != "" {
		count(ctx, "forgehook_outcomes", "outcome", string(done.Outcome))
	}
	facts := make([]workflows.ConditionFact, len(conditions))
	for i, c := range conditions {
		facts[i] = workflows.ConditionFact{Condition: c.Condition, Passed: c.Passed}
	}
	return workflows.Evaluation{Outcome: done.Outcome, Wake: done.Wake, Conditions: facts}, nil
}

func (a *Activities) explain(tenant forgehook.TenantID, facts postgres.Facts) (postgres.Explained, error) {
	plan, err := a.plan(tenant, facts.Call.WebHookServiceID, facts.Settings)
	if err != nil {
		return postgres.Explained{}, err
	}
	conditions, err := plan.Explain(&facts.Subject, a.meta(facts.Call, shownToken(plan)))
	if failure, ok := errors.AsType[*webhook.Failure](err); ok {
		return postgres.Explained{Conditions: conditions, Failure: &forgehook.CallError{Code: failure.Code, Message: failure.Message}}, nil
	}
	return postgres.Explained{Conditions: conditions, Fires: webhook.Fires(conditions)}, err
}
