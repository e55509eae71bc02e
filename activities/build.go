package activities

import (
	"context"
	"errors"
	"net/url"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/webhook"
	"github.com/forgehook/forgehook/workflows"
)

// eventType is what the default payload calls an explicit call; other events come with their own.
const eventType = "document.processed"

// masked stands for a secret wherever a request is kept or shown.
const masked = "[secret]"

// BuildRequest makes the exact request out of the frozen subject and the pinned settings, and stores it.
func (a *Activities) BuildRequest(ctx context.Context, call workflows.CallRef) (workflows.Built, error) {
	outcome, built, err := a.DB.BuildRequest(ctx, call, a.build)
	if err != nil {
		return workflows.Built{}, a.fault("build request", call, err)
	}
	if outcome != "" {
		return workflows.Built{Outcome: outcome}, nil
	}
	host := ""
	if u, err := url.Parse(built.Request.URL); err == nil {
		host = u.Host
	}
	return workflows.Built{Method: built.Request.Method, Host: host, BodyBytes: len(built.BodyBytes), SHA256: built.SHA256}, nil
}

func (a *Activities) build(facts postgres.BuildFacts) (postgres.Built, error) {
	plan, err := webhook.Compile(facts.Settings)
	if err != nil {
		return postgres.Built{}, err
	}
	request, err := plan.Request(&facts.Subject, webhook.Meta{
		CallID: facts.Call.ID, WebhookID: facts.Call.WebhookID, AcceptedAt: facts.Call.AcceptedAt.Time,
		EventType: eventType, UserAgent: a.UserAgent,
	})
	if failure, ok := errors.AsType[*webhook.Failure](err); ok {
		return postgres.Built{Failure: &forgehook.CallError{Code: failure.Code, Message: failure.Message}}, nil
	}
	if err != nil {
		return postgres.Built{}, err
	}
	headers := make(map[string]string, len(request.Headers))
	for _, h := range request.Headers {
		headers[h.Name] = shown(h)
	}
	return postgres.Built{
		Request:   forgehook.Request{Method: request.Method, URL: request.URL, Headers: headers},
		BodyBytes: request.Body, SHA256: request.SHA256,
	}, nil
}

func shown(h webhook.Header) string {
	if h.Secret {
		return masked
	}
	return h.Value
}
