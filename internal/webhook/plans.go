package webhook

import (
	"container/list"
	"sync"

	"github.com/forgehook/forgehook"
)

// DefaultPlans is how many plans [NewPlans] caches, within maxWeight.
const DefaultPlans = 1000

// maxWeight bounds the memory of all cached plans, in bytes.
const maxWeight = 128 << 20

// PlanKey names one version of a utility's settings. Sum is the SHA-256 of their stored form,
// because ids and versions can recur after a deletion: decision 22.
type PlanKey struct {
	Tenant           forgehook.TenantID
	WebHookServiceID int32
	Version          int
	Sum              [32]byte
}

// Plans caches the compiled plans used last. A version of settings never changes, so an entry never
// becomes stale. It is safe for concurrent use; the zero value holds [DefaultPlans].
type Plans struct {
	mu     sync.Mutex
	limit  int
	weight int       // of all cached plans
	recent list.List // of entry, the last used first
	byKey  map[PlanKey]*list.Element
}

type entry struct {
	key  PlanKey
	plan *Plan
}

// NewPlans makes an empty cache.
func NewPlans() *Plans { return &Plans{limit: DefaultPlans} }

// Get returns the cached plan of a key, or compiles the settings that load returns. Those must have
// their secrets sealed. Errors are not cached. Two concurrent callers may both compile a plan; both
// get the same one.
func (c *Plans) Get(key PlanKey, load func() (forgehook.Settings, error)) (*Plan, error) {
	if p := c.find(key); p != nil {
		return p, nil
	}
	settings, err := load()
	if err != nil {
		return nil, err
	}
	p, err := Compile(settings)
	if err != nil {
		return nil, err
	}
	return c.add(key, p), nil
}

func (c *Plans) find(key PlanKey) *Plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.use(key)
}

// use returns a cached plan and marks it as the last used; c.mu is held.
func (c *Plans) use(key PlanKey) *Plan {
	e := c.byKey[key]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(entry).plan
}

func (c *Plans) add(key PlanKey, p *Plan) *Plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cached := c.use(key); cached != nil {
		return cached
	}
	if c.byKey == nil {
		c.byKey = map[PlanKey]*list.Element{}
	}
	c.byKey[key] = c.recent.PushFront(entry{key, p})
	c.weight += p.weight()
	limit := c.limit
	if limit <= 0 {
		limit = DefaultPlans
	}
	for c.recent.Len() > limit || c.weight > maxWeight {
		oldest := c.recent.Remove(c.recent.Back()).(entry)
		delete(c.byKey, oldest.key)
		c.weight -= oldest.plan.weight()
	}
	return p
}
