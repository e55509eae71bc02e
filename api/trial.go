package api

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
	"github.com/forgehook/forgehook/internal/webhook"
)

// turn runs do when a processor is free for it: the expressions of many callers must not take all
// memory. A panic of do becomes an error.
func (s *server) turn(ctx context.Context, do func() error) (err error) {
	select {
	case s.turns <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() {
		<-s.turns
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
		}
	}()
	return do()
}

// trials are the routes that try settings and send nothing.
func (s *server) trials() {
	const tag = "trials"
	register(s, route{at: "POST /v1/services/{id}/preview", id: "preview", tag: tag, need: forgehook.MayConfigure, takes: previewRequest{},
		summary: "Show whether a webhook would fire for a subject, and what it would send",
		about: "Nothing is sent or stored. Settings in the body are tried over those in force, of a plain service over the defaults. " +
			"The request is shown also where it would not fire; it is null where it cannot be built, and error says why."}, s.preview)
	register(s, route{at: "POST /v1/services/{id}/backtest", id: "backtest", tag: tag, need: forgehook.MayConfigure, takes: backtestRequest{}, lines: true,
		summary: "Try settings on stored documents or past calls",
		about: "Nothing is sent or stored. NDJSON: a line for each document or call about which the settings in force and those given differ " +
			"or whose conditions cannot be told, progress if asked for, and the totals in the last line."}, s.backtest)
}

// settingsToTry merges the given settings over those in force. It returns nil if they have faults,
// which it adds to the request.
func (s *server) settingsToTry(r *request, at postgres.Site, given json.RawMessage) (*webhook.Plan, error) {
	const below = "body.settings"
	present := forgehook.DefaultSettings()
	if at.Utility != nil {
		present = at.Utility.Settings
	}
	switch {
	case given != nil:
		next, err := forgehook.DecodeCandidate(given, present)
		if err := r.collect(below, err); err != nil || r.faulty(below) {
			return nil, err
		}
		return s.weigh(r, below, next)
	case at.Utility == nil:
		r.fault(below, "", "required: this is a plain service, whose utilities have settings")
		return nil, nil
	}
	plan, err := s.planOf(r, at.Utility.ID, at.Utility.SettingsVersion, present)
	return plan, r.collect(below, err)
}

// metaOf is what requests and conditions may say of a call. If the call awaits a callback they see
// that, but not the token.
func (s *server) metaOf(call forgehook.Call, plan *webhook.Plan) webhook.Meta {
	m := webhook.MetaOf(call, "Forgehook/"+s.Version)
	if plan == nil {
		return m
	}
	if plan.Awaits() {
		m.CallbackURL = s.PublicURL + callbacksPath + webhook.ShownToken
	}
	return m
}
