package webhook

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/forgehook/forgehook"
)

func TestPlans(t *testing.T) {
	t.Parallel()
	plans, loads := &Plans{limit: 2}, 0
	get := func(version int) *Plan {
		t.Helper()
		p, err := plans.Get(PlanKey{Tenant: "t", WebHookServiceID: 1, Version: version}, func() (forgehook.Settings, error) {
			loads++
			return withURL("https://example.com/"), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	one := get(1)
	if get(1) != one || loads != 1 {
		t.Errorf("the same version is compiled again: %d loads", loads)
	}
	get(2)
	get(1)
	get(3) // drops 2: 1 was used since
	if get(1) != one || loads != 3 {
		t.Errorf("the last used plan is gone: %d loads", loads)
	}
	get(2)
	diff(t, 4, loads)
	diff(t, 2, len(plans.byKey))
	diff(t, 2, plans.recent.Len())
}

func TestPlans_keys(t *testing.T) {
	t.Parallel()
	plans, loads := NewPlans(), 0
	for range 2 {
		for _, key := range []PlanKey{{"a", 1, 1, [32]byte{}}, {"b", 1, 1, [32]byte{}}, {"a", 2, 1, [32]byte{}}, {"a", 1, 2, [32]byte{}}, {"a", 1, 1, [32]byte{1}}} {
			if _, err := plans.Get(key, func() (forgehook.Settings, error) { loads++; return withURL("https://example.com/"), nil }); err != nil {
				t.Fatal(err)
			}
		}
	}
	diff(t, 5, loads)
}

func TestPlans_errors(t *testing.T) {
	t.Parallel()
	var plans Plans // the zero value is ready
	away := errors.New("away")
	for range 2 {
		if _, err := plans.Get(PlanKey{}, func() (forgehook.Settings, error) { return forgehook.Settings{}, away }); !errors.Is(err, away) {
			t.Errorf("got %v", err)
		}
		if _, err := plans.Get(PlanKey{}, func() (forgehook.Settings, error) { return withURL("x"), nil }); err == nil {
			t.Error("broken settings compile")
		}
	}
	if _, err := plans.Get(PlanKey{}, func() (forgehook.Settings, error) { return withURL("https://example.com/"), nil }); err != nil {
		t.Error("an error was kept:", err)
	}
}

// Two concurrent compilations of the same plan return one plan.
func TestPlans_one(t *testing.T) {
	t.Parallel()
	var plans Plans
	var inner *Plan
	load := func() (forgehook.Settings, error) { return withURL("https://example.com/"), nil }
	outer, err := plans.Get(PlanKey{}, func() (forgehook.Settings, error) {
		var err error
		if inner, err = plans.Get(PlanKey{}, load); err != nil {
			t.Error(err)
		}
		return load()
	})
	if err != nil || inner == nil || outer != inner {
		t.Errorf("got %p and %p, %v", outer, inner, err)
	}
	diff(t, []int{1, 1, outer.weight()}, []int{plans.recent.Len(), len(plans.byKey), plans.weight})
}

// Large plans push out small ones before the limit of plans is reached.
func TestPlans_weight(t *testing.T) {
	t.Parallel()
	s := withURL("https://example.com/{{ doc.id }}")
	s.Condition = new("doc.id > 1")
	s.Headers = []forgehook.Header{{Name: "X-Id", Value: "<{{ doc.id }}>"}}
	s.WebHook.Body, s.WebHook.BodyKind = new("[{{ doc.id }}, {{ doc.usage }}]"), new(forgehook.BodyTemplate)
	texts := len(*s.WebHook.URL) + len(*s.Condition) + len(s.Headers[0].Value) + len(*s.WebHook.Body)
	diff(t, texts+5*25_000+100*len("doc.iddoc.id > 1doc.iddoc.iddoc.usage"), compiled(t, s).weight())
	s.WebHook.Body, s.WebHook.BodyKind = new("doc.usage"), new(forgehook.BodyExpression)
	diff(t, texts-len("[{{ doc.id }}, {{ doc.usage }}]")+len("doc.usage")+4*25_000+100*len("doc.iddoc.id > 1doc.iddoc.usage"), compiled(t, s).weight())

	plans := NewPlans()
	add := func(version, bytes int) {
		t.Helper()
		load := func() (forgehook.Settings, error) {
			return withBody("text/plain", forgehook.BodyStatic, strings.Repeat("x", bytes)), nil
		}
		if _, err := plans.Get(PlanKey{Version: version}, load); err != nil {
			t.Fatal(err)
		}
	}
	half := maxWeight/2 - 1000
	add(1, half)
	add(2, half)
	add(3, 10)
	add(1, half)
	diff(t, 3, plans.recent.Len())
	add(4, half) // drops 2: 1 was used since
	var left []int
	for e := plans.recent.Front(); e != nil; e = e.Next() {
		left = append(left, e.Value.(entry).key.Version)
	}
	diff(t, []int{4, 1, 3}, left)
	add(5, maxWeight) // too large to cache
	diff(t, []int{0, 0, 0}, []int{plans.recent.Len(), len(plans.byKey), plans.weight})
}

// Concurrent callers, with more plans than the cache holds, each get the plan of their key.
func TestPlans_concurrent(t *testing.T) {
	t.Parallel()
	plans := &Plans{limit: 3}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 200 {
				version := (i*7 + worker) % 10
				p, err := plans.Get(PlanKey{Version: version}, func() (forgehook.Settings, error) {
					s := withURL("https://example.com/")
					s.BatchSize = &version
					return s, nil
				})
				if err != nil || *p.Settings().BatchSize != version {
					t.Errorf("version %d: %v", version, err)
				}
				if r, err := requested(p, about("a"), meta); err != nil || !strings.HasPrefix(r.URL, "https://example.com/") {
					t.Errorf("version %d: %v", version, err)
				}
			}
		})
	}
	group.Wait()
	diff(t, 3, plans.recent.Len())
}
