package api

import (
	"context"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/secret"
)

const (
	// keyTTL is how long a valid key is remembered. It saves one transaction for each request. A
	// key that another process revokes works that much longer here.
	keyTTL = 3 * time.Second
	// keysKept bounds the remembered keys, so that a flood of them cannot fill the memory.
	keysKept = 10_000
)

// gate admits clients. It knows the tenant of a key and how often the key may ask.
type gate struct {
	rate float64 // requests a second and key, 0: any

	mu       sync.Mutex
	keys     map[string]seenKey // by hash
	limiters map[string]*rate.Limiter
}

type seenKey struct {
	key   forgehook.APIKey
	until time.Time
}

func newGate(perSecond float64) *gate {
	return &gate{rate: perSecond, keys: map[string]seenKey{}, limiters: map[string]*rate.Limiter{}}
}

// find returns a key that was looked up recently.
func (g *gate) find(hash []byte, now time.Time) (forgehook.APIKey, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	seen, ok := g.keys[string(hash)]
	return seen.key, ok && now.Before(seen.until)
}

func (g *gate) remember(hash []byte, key forgehook.APIKey, now time.Time) {
	until := now.Add(keyTTL)
	if key.ExpiresAt != nil && key.ExpiresAt.Before(until) {
		until = key.ExpiresAt.Time
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.keys) >= keysKept {
		clear(g.keys)
	}
	g.keys[string(hash)] = seenKey{key, until}
}

// forget makes a revocation take effect at once in this process.
func (g *gate) forget(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for hash, seen := range g.keys {
		if seen.key.ID == id {
			delete(g.keys, hash)
		}
	}
}

// wait says how long a key has to wait before its next request; 0 means now.
func (g *gate) wait(keyID string, now time.Time) time.Duration {
	if g.rate <= 0 {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	limiter, ok := g.limiters[keyID]
	if !ok {
		if len(g.limiters) >= keysKept {
			clear(g.limiters)
		}
		limiter = rate.NewLimiter(rate.Limit(g.rate), int(math.Ceil(g.rate)))
		g.limiters[keyID] = limiter
	}
	reservation := limiter.ReserveN(now, 1)
	delay := reservation.DelayFrom(now)
	if delay > 0 {
		reservation.CancelAt(now)
	}
	return delay
}

// admit finds out who asks and whether they may.
func (s *server) admit(ctx context.Context, r *request, need forgehook.Permission) error {
	given := r.gin.GetHeader("X-Api-Key")
	if given == "" {
		if scheme, token, ok := strings.Cut(r.gin.GetHeader("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
			given = strings.TrimSpace(token)
		}
	}
	if given == "" {
		return forgehook.Errorf(forgehook.CodeUnauthorized, "Send an API key as X-Api-Key or as Authorization: Bearer.")
	}
	now, hash := time.Now(), secret.HashAPIKey(given)
	key, err := s.keyOf(ctx, hash, now)
	if err != nil {
		return err
	}
	r.key, r.hash = key, hash
	if delay := s.gate.wait(key.ID, now); delay > 0 {
		r.gin.Header("Retry-After", strconv.Itoa(int(math.Ceil(delay.Seconds()))))
		return forgehook.Errorf(codeRate, "This key may send %g requests a second.", s.gate.rate)
	}
	if !key.May(need) {
		return forgehook.Errorf(forgehook.CodeForbidden, "This key has the roles %s; this needs one that may %s.", roleList(key.Roles), need)
	}
	return nil
}

// keyOf is the key of a hash, if it is still good.
func (s *server) keyOf(ctx context.Context, hash []byte, now time.Time) (forgehook.APIKey, error) {
	key, ok := s.gate.find(hash, now)
	if ok {
		return key, nil
	}
	key, err := s.DB.KeyByHash(ctx, hash, now)
	if err == nil {
		s.gate.remember(hash, key, now)
	}
	return key, err
}

func roleList(roles []forgehook.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}
