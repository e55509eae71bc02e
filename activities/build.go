package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/webhook"
	"github.com/forgehook/forgehook/workflows"
)

// BuildRequest makes the exact request from the frozen subject and the pinned settings and stores
// it.
func (a *Activities) BuildRequest(ctx context.Context, call workflows.CallRef) (workflows.Built, error) {
	done, built, quick, err := a.build(ctx, call)
	if err != nil {
		return workflows.Built{}, a.fault("build request", call, err)
	}
	if done.Outcome != "" {
		return workflows.Built{Outcome: done.Outcome, Wake: done.Wake}, nil
	}
	host := "" // a literal even if the rest of the URL has expressions
	if u, err := url.Parse(built.URL); err == nil {
		host = u.Host
	}
	out := workflows.Built{Method: built.Method, Host: host, BodyBytes: len(built.Body), SHA256: built.SHA256, Quick: quick}
	if s := built.Shown; s != nil { // many people read histories, and a digest gives a short secret away
		sum := sha256.Sum256(s.Body)
		out.BodyBytes, out.SHA256 = len(s.Body), hex.EncodeToString(sum[:])
	}
	return out, nil
}

// build returns what is stored if the call has ended or its request was built before. quick reports
// whether the endpoint is quick.
func (a *Activities) build(ctx context.Context, call workflows.CallRef) (done postgres.Completion, built forgehook.Built, quick bool, err error) {
	facts, err := a.DB.Facts(ctx, call)
	if err != nil {
		return done, built, false, err
	}
	defer facts.Done()
	switch {
	case facts.Call.Outcome != nil:
		done, err = a.DB.Standing(ctx, call)
		return done, built, false, err
	case facts.Built:
		built, err = a.DB.BuiltRequest(ctx, call)
		return done, built, false, err
	}
	plan, err := a.plan(call.Tenant, facts.Call.WebHookServiceID, facts.Settings)
	if err != nil {
		return done, built, false, err
	}
	token, err := a.callbackToken(ctx, call, plan)
	if err != nil {
		return done, built, false, err
	}
	quick = a.FastPath && a.Sender.Quick(endpointKey(call.Tenant, facts.Call.WebHookServiceID))
	built = plan.Request(&facts.Subject, a.meta(facts.Call, token))
	done, built, err = a.DB.RecordRequest(ctx, facts, built)
	return done, built, quick, err
}

// plan is the compiled form of a call's settings. Steps with the same settings share it.
func (a *Activities) plan(tenant forgehook.TenantID, webHookServiceID int32, settings postgres.Pinned) (*webhook.Plan, error) {
	key := webhook.PlanKey{Tenant: tenant, WebHookServiceID: webHookServiceID, Version: settings.Version, Sum: settings.Sum()}
	return a.Plans.Get(key, settings.Load)
}
