package webhook

import (
	"container/list"
	"sync"

	"github.com/forgehook/forgehook"
)

// DefaultPlans is how many plans [NewPlans] keeps, if they are no more than maxWeight together.
const DefaultPlans = 1000

// maxWeight is in bytes, of all plans that are kept.
const maxWeight = 128 << 20

// PlanKey names one version of a utility's settings. Sum is the SHA-256 of their stored form,
// because ids and versions can come again after a deletion.
type PlanKey struct {
	Tenant           forgehook.TenantID
	WebHookServiceID int32
	Version          int
	Sum              [32]byte
}

// Plans keeps compiled plans, those used last. No version of settings ever changes, so that none
// goes stale. It is safe for concurrent use; the zero value keeps [DefaultPlans].
type Plans struct {
	mu     sync.Mutex
	limit  int
	weight int       // of what is kept
	recent list.List // of kept, the last used first
	byKey  map[PlanKey]*list.Element
}

type kept struct {
	key  PlanKey
	plan *Plan
}

// NewPlans makes an empty cache.
func NewPlans() *Plans { return &Plans{limit: DefaultPlans} }

// Get returns the plan of a key, compiled from what load gives if it is not there. Load must give
// the settings with secrets sealed, as they are kept. Errors are not kept. Two who ask for the same
// new plan at once may both compile it; they get the same one.
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
	return c.keep(key, p), nil
}

func (c *Plans) find(key PlanKey) *Plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.use(key)
}

// use returns a kept plan and makes it the last used; c.mu is held.
func (c *Plans) use(key PlanKey) *Plan {
	e := c.byKey[key]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(kept).plan
}

func (c *Plans) keep(key PlanKey, p *Plan) *Plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	if there := c.use(key); there != nil {
		return there
	}
	if c.byKey == nil {
		c.byKey = map[PlanKey]*list.Element{}
	}
	c.byKey[key] = c.recent.PushFront(kept{key, p})
	c.weight += p.weight()
	limit := c.limit
	if limit <= 0 {
		limit = DefaultPlans
	}
	for c.recent.Len() > limit || c.weight > maxWeight {
		oldest := c.recent.Remove(c.recent.Back()).(kept)
		delete(c.byKey, oldest.key)
		c.weight -= oldest.plan.weight()
	}
	return p
}
