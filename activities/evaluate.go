package activities

import (
	"context"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/workflows"
)

// EvaluateConditions explains every condition on the frozen subject. A false condition ends the
// call as skipped.
func (a *Activities) EvaluateConditions(ctx context.Context, call workflows.CallRef) (workflows.Evaluation, error) {
	done, conditions, err := a.evaluate(ctx, call)
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

// evaluate returns what is stored if the call has ended or was evaluated before.
func (a *Activities) evaluate(ctx context.Context, call workflows.CallRef) (done postgres.Completion, conditions []forgehook.Condition, err error) {
	facts, err := a.DB.Facts(ctx, call)
	if err != nil {
		return done, nil, err
	}
	defer facts.Done()
	switch {
	case facts.Call.Outcome != nil:
		done, err = a.DB.Standing(ctx, call)
		return done, facts.Call.Explanation, err
	case len(facts.Call.Explanation) > 0:
		return done, facts.Call.Explanation, nil
	}
	plan, err := a.plan(call.Tenant, facts.Call.WebHookServiceID, facts.Settings)
	if err != nil {
		return done, nil, err
	}
	explained := plan.Explain(&facts.Subject, a.meta(facts.Call, shownToken(plan)))
	done, err = a.DB.RecordExplanation(ctx, facts, explained)
	return done, explained.Conditions, err
}
