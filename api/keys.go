package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/secret"
)

// keyRequest asks for a key. A key without ExpiresAt and ExpiresIn lives until it is revoked.
type keyRequest struct {
	Name      *string             `json:"name"`
	Roles     []forgehook.Role    `json:"roles"`
	ExpiresAt *forgehook.Time     `json:"expiresAt"`
	ExpiresIn *forgehook.TimeSpan `json:"expiresIn"`
}

// newKey is the one response that holds the key itself.
type newKey struct {
	forgehook.APIKey
	Key string `json:"key"`
}

type keyList struct {
	Keys       []forgehook.APIKey `json:"keys"`
	NextCursor *string            `json:"nextCursor"`
}

func (s *server) keys() {
	register(s, route{at: "POST /v1/keys", id: "createKey", tag: "keys", need: forgehook.MayAdminister, takes: keyRequest{}, status: http.StatusCreated,
		summary: "Make an API key", about: "The answer holds the key once. Only an Owner makes Owners."}, s.createKey)
	register(s, route{at: "GET /v1/keys", id: "listKeys", tag: "keys", need: forgehook.MayAdminister,
		summary: "List API keys"}, s.listKeys)
	register(s, route{at: "DELETE /v1/keys/{id}", id: "revokeKey", tag: "keys", need: forgehook.MayAdminister, status: http.StatusNoContent,
		summary: "Revoke an API key", about: "Other processes of this service notice within seconds."}, s.revokeKey)
}

func (s *server) createKey(ctx context.Context, r *request, _ *nothing) (*response[newKey], error) {
	var in keyRequest
	if err := r.decode(&in, true); err != nil {
		return nil, err
	}
	key := forgehook.APIKey{Tenant: r.tenant(), Name: r.name(in.Name), Roles: r.roles(in.Roles), ExpiresAt: r.expiry(in)}
	if err := r.invalid(); err != nil {
		return nil, err
	}
	if slices.Contains(key.Roles, forgehook.Owner) && !slices.Contains(r.key.Roles, forgehook.Owner) {
		return nil, forgehook.Errorf(forgehook.CodeForbidden, "Only an Owner makes Owners; this key has the roles %s.", roleList(r.key.Roles))
	}
	plain, prefix, hash, err := secret.NewAPIKey()
	if err != nil {
		return nil, err
	}
	key.Prefix = prefix
	if key, err = s.DB.CreateKey(ctx, r.tenant(), key, hash); err != nil {
		return nil, err
	}
	return created("/v1/keys/"+key.ID, newKey{key, plain}), nil
}

const maxName = 200

// name checks the name of what is made.
func (r *request) name(name *string) string {
	if name == nil || strings.TrimSpace(*name) == "" || len(*name) > maxName {
		if !r.faulty("body.name") {
			r.fault("body.name", value(name), "required: a text of 1 to 200 bytes")
		}
		return ""
	}
	return *name
}

func (r *request) roles(given []forgehook.Role) []forgehook.Role {
	var roles []forgehook.Role
	allowed := "one or more of " + roleList(forgehook.Roles)
	for _, role := range given {
		i := slices.IndexFunc(forgehook.Roles, func(known forgehook.Role) bool { return strings.EqualFold(string(known), string(role)) })
		switch {
		case i < 0:
			r.fault("body.roles", string(role), allowed)
		case !slices.Contains(roles, forgehook.Roles[i]):
			roles = append(roles, forgehook.Roles[i])
		}
	}
	if len(given) == 0 && !r.faulty("body.roles") {
		r.fault("body.roles", "", "required: "+allowed)
	}
	return roles
}

func (r *request) expiry(in keyRequest) *forgehook.Time {
	now := time.Now()
	switch {
	case in.ExpiresAt != nil && in.ExpiresIn != nil:
		r.fault("body.expiresIn", "", "either expiresAt or expiresIn, not both")
	case in.ExpiresAt != nil && !in.ExpiresAt.After(now) && !r.faulty("body.expiresAt"):
		r.fault("body.expiresAt", in.ExpiresAt.String(), "a time in the future")
	case in.ExpiresIn != nil && *in.ExpiresIn <= 0 && !r.faulty("body.expiresIn"):
		r.fault("body.expiresIn", forgehook.FormatTimeSpan(time.Duration(*in.ExpiresIn)), "a duration above zero")
	case in.ExpiresIn != nil:
		return &forgehook.Time{Time: now.Add(time.Duration(*in.ExpiresIn))}
	}
	return in.ExpiresAt
}

func (s *server) listKeys(ctx context.Context, r *request, in *pageInput) (*response[keyList], error) {
	keys, next, err := s.DB.Keys(ctx, r.tenant(), in.page())
	return ok(keyList{some(keys), cursor(next)}), err
}

func (s *server) revokeKey(ctx context.Context, r *request, in *byUUID) (*response[none], error) {
	key, err := s.DB.Key(ctx, r.tenant(), in.ID)
	if err != nil {
		return nil, err
	}
	if slices.Contains(key.Roles, forgehook.Owner) && !slices.Contains(r.key.Roles, forgehook.Owner) {
		return nil, forgehook.Errorf(forgehook.CodeForbidden, "Only an Owner may revoke an Owner's key.")
	}
	if err := s.DB.RevokeKey(ctx, r.tenant(), in.ID); err != nil {
		return nil, err
	}
	s.gate.forget(in.ID)
	return noContent(), nil
}
