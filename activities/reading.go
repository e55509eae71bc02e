package activities

import (
	"context"
	"errors"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/mask"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/webhook"
	"github.com/forgehook/forgehook/workflows"
)

// judge says what the exchange means and reads it. It loads the subject, which may be large, only
// after the exchange: a worker has thousands under way. A response that cannot be read is final,
// because the endpoint would respond no better to the same request.
func (a *Activities) judge(
	ctx context.Context, call workflows.CallRef, t *attempt, x forgehook.Exchange, tally webhook.Tally,
) (forgehook.Decision, forgehook.Reading, error) {
	evidence := webhook.Evidence{Exchange: x, Redact: t.unseen}
	if !t.plan.NeedsSubject() || x.StatusCode == 0 {
		return t.plan.Judge(evidence, tally), forgehook.Reading{}, nil
	}
	var facts postgres.Facts
	err := persist(ctx, func() (err error) {
		facts, err = a.DB.Facts(ctx, call)
		return err
	})
	if err != nil {
		return forgehook.Decision{}, forgehook.Reading{}, err
	}
	defer facts.Done()
	t.hide(mask.Of(&facts.Subject).Values())
	evidence.Subject, evidence.Meta, evidence.Redact = &facts.Subject, a.meta(facts.Call, t.callback), t.unseen
	decision, reading := read(t.plan, evidence, tally)
	t.hide(reading.Secrets)
	return decision, reading, nil
}

// read judges and reads an exchange whose meaning depends on the subject. The reading has its
// secrets even if it fails.
func read(plan *webhook.Plan, evidence webhook.Evidence, tally webhook.Tally) (forgehook.Decision, forgehook.Reading) {
	decision := plan.Judge(evidence, tally)
	if decision.Verdict != forgehook.VerdictSuccess || decision.Awaits() {
		return decision, forgehook.Reading{}
	}
	reading, err := plan.Read(evidence)
	if err == nil {
		return decision, reading
	}
	decision.Verdict, decision.Final, decision.Code, decision.Message = forgehook.VerdictPermanent, true, forgehook.CallErrorAnswerUnreadable, err.Error()
	if failure, ok := errors.AsType[*forgehook.CallError](err); ok {
		decision.Code, decision.Message = failure.Code, failure.Message
	}
	decision.Reason += ", " + unread[decision.Code]
	return decision, forgehook.Reading{Secrets: reading.Secrets}
}

// unread tells histories, without values, why a response does not count.
var unread = map[forgehook.CallErrorCode]string{
	forgehook.CallErrorAnswerUnreadable: "but the answer cannot be read",
	forgehook.CallErrorResultTooLarge:   "but the result is too large",
	forgehook.CallErrorWriteBackRefused: "but what it writes back is refused",
}

// meta is what requests and readings know about their call.
func (a *Activities) meta(call forgehook.Call, token string) webhook.Meta {
	m := webhook.MetaOf(call, a.UserAgent)
	if token != "" {
		m.CallbackURL = a.PublicURL + "/v1/callbacks/" + token
	}
	return m
}

// redact returns the exchange with secrets masked.
func redact(x forgehook.Exchange, secrets *mask.Redactor) forgehook.Exchange {
	x.Status = secrets.Replace(x.Status)
	if x.Body != nil {
		x.Body = []byte(secrets.Replace(string(x.Body)))
	}
	headers := make(map[string]string, len(x.Headers))
	for name, value := range x.Headers {
		headers[secrets.Replace(name)] = secrets.Replace(value)
	}
	x.Headers = headers
	if x.Err != nil {
		x.Err = &forgehook.CallError{Code: x.Err.Code, Message: secrets.Replace(x.Err.Message)}
	}
	return x
}
