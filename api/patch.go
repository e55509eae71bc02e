package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
)

// patched is the entity after the patch.
func patched[E any](r *request, entity *E, fixed ...string) error {
	var next E
	if err := r.patch(*entity, &next, false, fixed...); err != nil {
		return err
	}
	*entity = next
	return r.invalid()
}

// wholes are members that hold raw JSON. They are replaced, not merged.
var wholes = []string{"source", "inputSample"}

// patch applies the body, a JSON Merge Patch (RFC 7396), to an entity. Names match in any case, and
// null restores a default. A member in fixed may be repeated but not changed. Unknown names are
// faults in strict inputs only.
func (r *request) patch(present, into any, strict bool, fixed ...string) error {
	body, err := r.parse()
	if err != nil {
		return err
	}
	if body.Kind() != jsontree.Object {
		r.fault("body", body.String(), "an object")
		return nil
	}
	whole, err := jsontree.Marshal(present)
	if err != nil {
		return fmt.Errorf("encode what is to be patched: %w", err)
	}
	before, err := jsontree.Parse(whole)
	if err != nil {
		return fmt.Errorf("read what is to be patched: %w", err)
	}
	after, _ := jsontree.Parse(whole)
	after.Merge(body)
	for _, name := range wholes {
		if given := body.Member(name); !given.IsNull() {
			after.Set(name, given)
		}
	}
	members := after.Members()
	slices.SortFunc(members, func(a, b *jsontree.Node) int { return strings.Compare(a.Name(), b.Name()) })
	for _, member := range members {
		if name := member.Name(); strict && before.Member(name) == nil {
			r.fault("body."+name, scalar(member), "no such name")
		}
	}
	for _, name := range fixed {
		if now := after.Member(name); !jsontree.Equal(before.Member(name), now) {
			r.fault("body."+name, scalar(now), "the present value, or none: it cannot be changed here")
		}
	}
	return r.collect("body", forgehook.DecodeTree(after, into, false))
}

// scalar shows a value in a fault. Objects and arrays are not shown, because they may hold a
// secret.
func scalar(n *jsontree.Node) string { return n.Text() + string(n.Digits()) }
