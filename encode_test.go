package forgehook

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// What the one encoder of all entities writes is what encoding/json writes: texts with every kind of escape, and the same bytes when
// they are marshalled as a part of something else.
func TestAppendJSON_strings(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"\x00\x1f\x7f", "\b\f\n\r\t\"\\", "\u2028\u2029", "\xff\xfe", "a\xc3", "<&>é☃😀"})).Draw(t, "s")
		want, err := marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendString(nil, s); string(got) != string(want) {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}

func TestAppendJSON_names(t *testing.T) {
	t.Parallel()
	unknown, hidden := Availability(5), Availability(9)
	for _, tt := range []struct {
		entity any
		want   string
	}{
		{Verification{Status: 3, Type: 77}, `"typeName":null,"statusName":"Required, Suspicious"}`},
		{DocumentParameter{Availability: &unknown}, `"availability":5}`},
		{&DocumentParameter{Availability: &hidden}, `"availability":9,"availabilityName":"Hidden"}`},
		{DocumentParameter{}, `"availability":null}`},
	} {
		got, err := AppendJSON(nil, tt.entity)
		if err != nil || !json.Valid(got) {
			t.Fatalf("%s: %v", got, err)
		}
		if tail := string(got[max(0, len(got)-len(tt.want)):]); tail != tt.want {
			t.Errorf("got %s at the end, want %s", tail, tt.want)
		}
	}
	if _, err := AppendJSON(nil, Document{Source: json.RawMessage(`{"a":`)}); err == nil {
		t.Error("raw JSON that is none was written")
	}
}
