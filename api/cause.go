package api

import (
	"context"
	"log/slog"
	"strings"

	"github.com/google/uuid"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/postgres"
)

// maxCause bounds the Forgehook-Cause header: what is longer is no id of ours.
const maxCause = 100

// cause is the call that the request says it comes from: an id or a webhook-id, "" where it says nothing. All requests that we send have
// a traceparent whose trace id is the call's id, so that an endpoint which traces names the cause without knowing it. Whether there is
// such a call is for the store to see.
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

// follow starts what a stored change has raised, and signals whom it concerns. What fails is left to the sweep: the change is stored
// all the same.
func (s *server) follow(ctx context.Context, r *request, raised postgres.Raised) {
	if len(raised.Runs) == 0 && len(raised.Wakes) == 0 {
		return
	}
	ctx, cancel := afterwards(ctx)
	defer cancel()
	if len(raised.Runs) > 0 {
		if err := s.Engine.StartRuns(ctx, raised.Runs); err != nil {
			s.later(ctx, r, "runs are accepted but not started; the sweep will start them", err)
		}
	}
	var sent []int64
	for _, wake := range raised.Wakes {
		err := s.Engine.Wake(ctx, wake)
		if err != nil && forgehook.ErrorCode(err) != forgehook.CodeNotFound { // nobody is there to take it
			s.later(ctx, r, "signals are owed but not sent; the sweep will send them", err)
			break
		}
		if wake.ID != 0 {
			sent = append(sent, wake.ID)
		}
	}
	if len(sent) == 0 {
		return
	}
	if err := s.DB.Woken(ctx, sent); err != nil {
		s.later(ctx, r, "signals were sent and may be sent again", err)
	}
}

// later notes what was left to the sweep.
func (s *server) later(ctx context.Context, r *request, what string, err error) {
	s.log.LogAttrs(ctx, slog.LevelWarn, what, slog.String("request_id", r.id), slog.Any("error", err))
}

// ended follows an outcome that this process has given a call: no workflow of the call does it.
func (s *server) ended(ctx context.Context, r *request, call forgehook.CallRef, done postgres.Completion) {
	if !done.Wake {
		return
	}
	raised := postgres.Raised{}
	var err error
	if raised.Wakes, err = s.DB.Wakes(ctx, call); err == nil {
		raised.Runs, err = s.DB.CausedRuns(ctx, call)
	}
	if err != nil {
		s.later(ctx, r, "what follows a call's end is left to the sweep", err)
	}
	s.follow(ctx, r, raised)
}
