package activities

import (
	"context"
	"errors"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/secret"
	"github.com/forgehook/forgehook/internal/webhook"
	"github.com/forgehook/forgehook/workflows"
)

// judge says what the answer means and reads what it says. The subject, which may be large, is read only now: an exchange takes its
// time, and a worker has thousands of them under way. An answer that cannot be read has arrived all the same: the endpoint would not
// answer better to the same request.
func (a *Activities) judge(
	ctx context.Context, call workflows.CallRef, t *attempt, answer webhook.Answer, tally webhook.Tally,
) (webhook.Decision, webhook.Reading, error) {
	answer.Redact = t.unseen
	if !t.plan.NeedsSubject() || answer.StatusCode == 0 {
		return t.plan.Judge(nil, webhook.Meta{}, answer, tally), webhook.Reading{}, nil
	}
	var decision webhook.Decision
	var reading webhook.Reading
	err := persist(ctx, func() error {
		return a.DB.WithFacts(ctx, call, func(facts postgres.Facts) error {
			decision, reading = t.read(facts, a.meta(facts.Call, t.token), answer, tally)
			return nil
		})
	})
	return decision, reading, err
}

// read judges an answer whose meaning depends on the subject, and reads it.
func (t *attempt) read(facts postgres.Facts, meta webhook.Meta, answer webhook.Answer, tally webhook.Tally) (webhook.Decision, webhook.Reading) {
	t.unseen = t.unseen.With(webhook.SecretValues(&facts.Subject)...)
	answer.Redact = t.unseen
	decision := t.plan.Judge(&facts.Subject, meta, answer, tally)
	if decision.Verdict != forgehook.VerdictSuccess || decision.Await {
		return decision, webhook.Reading{}
	}
	reading, err := t.plan.Read(&facts.Subject, meta, answer, nil)
	if err == nil {
		return decision, reading
	}
	decision.Verdict, decision.Final, decision.Code, decision.Message = forgehook.VerdictPermanent, true, webhook.CodeAnswerUnreadable, err.Error()
	if failure, ok := errors.AsType[*webhook.Failure](err); ok {
		decision.Code, decision.Message = failure.Code, failure.Message
	}
	decision.Reason += ", " + unread[decision.Code]
	return decision, webhook.Reading{}
}

// unread says for histories why an answer that has come is none: without values.
var unread = map[string]string{
	webhook.CodeAnswerUnreadable: "but the answer cannot be read",
	webhook.CodeResultTooLarge:   "but the result is too large",
	webhook.CodeWriteBackRefused: "but what it writes back is refused",
}

// await is how long the call waits for its callback after this, 0 where it does not.
func (t *attempt) await(d webhook.Decision) time.Duration {
	if !d.Await {
		return 0
	}
	timeout, _ := t.plan.Callback()
	return timeout
}

// meta is what requests and answers say about their call.
func (a *Activities) meta(call forgehook.Call, token string) webhook.Meta {
	m := webhook.MetaOf(call, a.UserAgent)
	if token != "" {
		m.CallbackURL = a.PublicURL + "/v1/callbacks/" + token
	}
	return m
}

// callbackToken is where the endpoint answers later, "" where the settings await nothing. It is the same however often it is made.
func (a *Activities) callbackToken(ctx context.Context, call workflows.CallRef, plan *webhook.Plan) (string, error) {
	if _, await := plan.Callback(); !await {
		return "", nil
	}
	sealed, err := a.DB.CallbackKey(ctx, call.Tenant, func() ([]byte, error) { return a.Secrets.Seal(call.Tenant, secret.NewCallbackKey()) })
	if err != nil {
		return "", err
	}
	key, err := a.Secrets.Unseal(call.Tenant, sealed)
	if err != nil {
		return "", err
	}
	return secret.CallbackToken(key, call.Tenant, call.CallID)
}

// shownToken stands for the token where values are explained: whoever reads the explanation must not be able to answer.
func shownToken(plan *webhook.Plan) string {
	if _, await := plan.Callback(); await {
		return webhook.ShownToken
	}
	return ""
}
