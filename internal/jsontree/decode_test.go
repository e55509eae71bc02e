package jsontree

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// about is what requests have in common.
type about struct {
	ID     int32  `json:"id"`
	Reason string `json:"reason"`
}

type deeper struct {
	about
	Level *int `json:"level"`
}

type embedding struct {
	First string `json:"first"`
	deeper
	Reason []string        `json:"reason"` // hides the embedded one
	Raw    json.RawMessage `json:"raw,omitempty" raw:"sorted"`
	Source json.RawMessage `json:"source,omitempty"`
	secret string
}

func plainCodec() *Codec {
	none := func(reflect.Type) func(*Node, reflect.Value) string { return nil }
	return &Codec{
		Read: none, Write: func(reflect.Type) func([]byte, reflect.Value) []byte { return nil },
		Label:   func(reflect.Type) func(reflect.Value) *string { return nil },
		Unknown: func(_ string, names []string) string { return "none of " + strings.Join(names, ", ") },
	}
}

// Readers and the writer treat members of an embedded struct as members of the outer one.
func TestDecode_embedded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in     string
		want   embedding
		faults []string
	}{
		{`{"first":"a","ID":7,"level":2,"reason":["x"],"raw":{"b": 1, "a":"\u00e9"},"source":{"b": 1, "a":"\u00e9"}}`,
			embedding{First: "a", deeper: deeper{about{ID: 7}, new(2)}, Reason: []string{"x"}, Raw: json.RawMessage(`{"a":"é","b":1}`), Source: json.RawMessage(`{"b":1,"a":"\u00e9"}`)}, nil},
		{`{"id":"x","level":1.5,"reason":"x"}`, embedding{deeper: deeper{Level: new(0)}},
			[]string{"id | a whole number from -2147483648 to 2147483647", "level | a whole number", "reason | a list"}},
		{`{"about":{},"deeper":1,"secret":"x"}`, embedding{},
			[]string{"about | none of first, id, level, reason, raw, source", "deeper | none of first, id, level, reason, raw, source", "secret | none of first, id, level, reason, raw, source"}},
	} {
		var got embedding
		var faults []string
		for _, f := range plainCodec().Decode(parsed(t, tt.in), &got, true) {
			faults = append(faults, f.Path+" | "+f.Allowed)
		}
		if !reflect.DeepEqual(got, tt.want) || !reflect.DeepEqual(faults, tt.faults) {
			t.Errorf("%s: got %+v and %q", tt.in, got, faults)
		}
	}
	written, err := plainCodec().Append(nil, embedding{First: "<", deeper: deeper{about{ID: 7, Reason: "hidden"}, nil}, secret: "x"})
	if err != nil || string(written) != `{"first":"<","id":7,"level":null,"reason":null}` {
		t.Errorf("written as %s, %v", written, err)
	}
}

// Paths use the declared names and lead through lists.
func TestDecode_paths(t *testing.T) {
	t.Parallel()
	type node struct {
		Name     string `json:"name"`
		Children []node `json:"children"`
	}
	var into []node
	faults := plainCodec().Decode(parsed(t, `[{},{"CHILDREN":[{"name":"a"},{"Name":1,"children":[null]}]},{"x":[2]}]`), &into, true)
	var got []string
	for _, f := range faults {
		got = append(got, fmt.Sprintf("%s=%v", f.Path, f.Node))
	}
	want := []string{"[1].children[1].name=1", "[1].children[1].children[0]=null", "[2].x=[2]"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
