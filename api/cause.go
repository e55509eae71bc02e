package api

import (
	"context"
	"log/slog"
	"strings"

	"github.com/google/uuid"

	"github.com/forgehook/forgehook/internal/dispatch"
)

// maxCause bounds the Forgehook-Cause header. A longer one is not an id of ours.
const maxCause = 100

// cause is the call that the request says it comes from: a call id, a webhook-id, or "" for none.
// Every request that we send has a traceparent whose trace id is the call's id, so an endpoint that
// only traces names the cause too. The store checks that the call exists.
func (r *request) cause() string {
	if given := strings.TrimSpace(r.gin.GetHeader("Forgehook-Cause")); given != "" {
		if len(given) <= maxCause && !strings.ContainsFunc(given, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return given
		}
		return ""
	}
	const version, traceID = 2, 32
	trace := r.gin.GetHeader("Traceparent")
	if len(trace) <= version+1+traceID || trace[version] != '-' || trace[version+1+traceID] != '-' {
		return ""
	}
	id, err := uuid.Parse(trace[version+1 : version+1+traceID])
	if err != nil || id == uuid.Nil {
		return ""
	}
	return id.String()
}

// dispatch does what follows the commits of a request.
func (s *server) dispatch(r *request) dispatch.Dispatcher {
	return dispatch.Dispatcher{Store: s.DB, Engine: s.Engine, Log: s.log, Of: slog.String("request_id", r.id)}
}

// warn logs a failure beside a request that succeeded.
func (s *server) warn(ctx context.Context, r *request, what string, err error) {
	s.log.LogAttrs(ctx, slog.LevelWarn, what, slog.String("request_id", r.id), slog.Any("error", err))
}
