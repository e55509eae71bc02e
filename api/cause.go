package api

import (
	"context"
	"log/slog"
	"strings"

	"github.com/google/uuid"

	"github.com/forgehook/forgehook/internal/dispatch"
)

// maxCause bounds the Forgehook-Cause header: what is longer is no id of ours.
const maxCause = 100

// cause is the call that the request says it comes from: an id or a webhook-id, "" where it says
// nothing. All requests that we send have a traceparent whose trace id is the call's id, so that an
// endpoint which traces names the cause without knowing it. Whether there is such a call is for the
// store to see.
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

// warn notes what went wrong beside a request that went well.
func (s *server) warn(ctx context.Context, r *request, what string, err error) {
	s.log.LogAttrs(ctx, slog.LevelWarn, what, slog.String("request_id", r.id), slog.Any("error", err))
}
