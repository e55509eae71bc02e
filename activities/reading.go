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

// judge says what the exchange means and reads it. The subject, which may be large, is read only
// now: an exchange takes its time, and a worker has thousands of them under way. A response that
// cannot be read has arrived all the same: the endpoint would not respond better to the same
// request.
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

// read judges an exchange whose meaning depends on the subject, and reads it. The secrets are known
// also of one that cannot be read.
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

// unread says for histories why a response that has come counts for nothing: without values.
var unread = map[forgehook.CallErrorCode]string{
	forgehook.CallErrorAnswerUnreadable: "but the answer cannot be read",
	forgehook.CallErrorResultTooLarge:   "but the result is too large",
	forgehook.CallErrorWriteBackRefused: "but what it writes back is refused",
}

// meta is what requests and readings say about their call.
func (a *Activities) meta(call forgehook.Call, token string) webhook.Meta {
	m := webhook.MetaOf(call, a.UserAgent)
	if token != "" {
		m.CallbackURL = a.PublicURL + "/v1/callbacks/" + token
	}
	return m
}

// redact returns the exchange without secrets.
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
