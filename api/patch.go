package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/forgehook/forgehook"
)

// patched is what an entity becomes by the body.
func patched[E any](r *request, entity *E, fixed ...string) error {
	var next E
	if err := r.patch(*entity, &next, false, fixed...); err != nil {
		return err
	}
	*entity = next
	return r.invalid()
}

// patch applies the body, a JSON Merge Patch (RFC 7396), to an entity: names in any case, null puts a default back. Members named
// in fixed keep their value; giving the same one again is no fault. Unknown names are faults in strict inputs only.
func (r *request) patch(present, into any, strict bool, fixed ...string) error {
	var raw json.RawMessage
	if err := forgehook.Decode(r.body, &raw); err != nil {
		return err
	}
	given, ok := tree(raw).(map[string]any)
	if !ok {
		r.fault("body", string(raw), "an object")
		return nil
	}
	whole, err := json.Marshal(present)
	if err != nil {
		return fmt.Errorf("encode what is to be patched: %w", err)
	}
	before, after := tree(whole).(map[string]any), merge(tree(whole), given).(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, known := before[name]; strict && !known {
			r.fault("body."+name, scalar(after[name]), "no such name")
		}
	}
	for _, name := range fixed {
		if !reflect.DeepEqual(before[name], after[name]) {
			r.fault("body."+name, scalar(after[name]), "the present value, or none: it cannot be changed here")
		}
	}
	merged, err := json.Marshal(after)
	if err != nil {
		return fmt.Errorf("encode what was patched: %w", err)
	}
	return r.collect("body", forgehook.Decode(merged, into))
}

// scalar shows a value in a fault; what is no scalar may hold a secret.
func scalar(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case json.Number:
		return x.String()
	}
	return ""
}

// tree reads JSON that is known to be good; numbers keep their text.
func tree(data []byte) any {
	var v any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	_ = decoder.Decode(&v) // on an error v is nil, which is no object
	return v
}

func merge(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	members, ok := target.(map[string]any)
	if !ok {
		members = map[string]any{}
	}
	names := slices.Collect(maps.Keys(members))
	for given, change := range changes {
		name := given
		if i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, given) }); i >= 0 {
			name = names[i]
		}
		if change == nil {
			delete(members, name)
		} else {
			members[name] = merge(members[name], change)
		}
	}
	return members
}
