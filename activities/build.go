package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/webhook"
	"github.com/forgehook/forgehook/workflows"
)

// BuildRequest makes the exact request out of the frozen subject and the pinned settings, and stores it.
func (a *Activities) BuildRequest(ctx context.Context, call workflows.CallRef) (workflows.Built, error) {
	quick := false
	done, built, err := a.DB.BuildRequest(ctx, call, func(facts postgres.Facts) (postgres.Built, error) {
		quick = a.FastPath && a.Sender.Quick(endpointKey(call.Tenant, facts.Call.WebHookServiceID))
		return a.build(ctx, call.Tenant, facts)
	})
	if err != nil {
		return workflows.Built{}, a.fault("build request", call, err)
	}
	if done.Outcome != "" {
		return workflows.Built{Outcome: done.Outcome, Wake: done.Wake}, nil
	}
	host := "" // literal also where the rest of the URL is not
	if u, err := url.Parse(built.Request.URL); err == nil {
		host = u.Host
	}
	out := workflows.Built{
		Method: built.Request.Method, Host: host, BodyBytes: len(built.BodyBytes), SHA256: built.SHA256,
		Quick: quick,
	}
	if s := built.Shown; s != nil { // a short secret can be found out by its digest, and histories are read by many
		sum := sha256.Sum256(s.Body)
		out.BodyBytes, out.SHA256 = len(s.Body), hex.EncodeToString(sum[:])
	}
	return out, nil
}

func (a *Activities) build(ctx context.Context, tenant forgehook.TenantID, facts postgres.Facts) (postgres.Built, error) {
	plan, err := a.plan(tenant, facts.Call.WebHookServiceID, facts.Settings)
	if err != nil {
		return postgres.Built{}, err
	}
	token, err := a.callbackToken(ctx, forgehook.CallRef{Tenant: tenant, CallID: facts.Call.ID}, plan)
	if err != nil {
		return postgres.Built{}, err
	}
	request, err := plan.Request(&facts.Subject, a.meta(facts.Call, token))
	if failure, ok := errors.AsType[*webhook.Failure](err); ok {
		return postgres.Built{Failure: &forgehook.CallError{Code: failure.Code, Message: failure.Message}}, nil
	}
	if err != nil {
		return postgres.Built{}, err
	}
	built := postgres.Built{
		Request:   forgehook.Request{Method: request.Method, URL: request.URL, Headers: maskedHeaders(request.Headers)},
		BodyBytes: request.Body, SHA256: request.SHA256,
	}
	if s := request.Shown; s != nil {
		built.Shown = &postgres.Shown{URL: s.URL, Headers: maskedHeaders(s.Headers), Body: s.Body}
	}
	return built, nil
}

// plan is the compiled form of a call's settings: steps of the same settings share it.
func (a *Activities) plan(tenant forgehook.TenantID, webHookServiceID int32, settings postgres.Pinned) (*webhook.Plan, error) {
	key := webhook.PlanKey{Tenant: tenant, WebHookServiceID: webHookServiceID, Version: settings.Version, Sum: settings.Sum()}
	return a.Plans.Get(key, settings.Load)
}

func maskedHeaders(headers []webhook.Header) map[string]string {
	masked := make(map[string]string, len(headers))
	for _, h := range headers {
		masked[h.Name] = shown(h)
	}
	return masked
}

func shown(h webhook.Header) string {
	if h.Secret {
		return forgehook.Masked
	}
	return h.Value
}
