package value

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"pgregory.net/rapid"
)

// anyValue draws any value that an expression can give.
func anyValue(depth int) *rapid.Generator[ref.Val] {
	scalars := []*rapid.Generator[ref.Val]{
		rapid.Custom(func(t *rapid.T) ref.Val { return types.String(rapid.SliceOf(rapid.Byte()).Draw(t, "text")) }),
		rapid.Custom(func(t *rapid.T) ref.Val { return types.String(rapid.String().Draw(t, "string")) }),
		rapid.Custom(func(t *rapid.T) ref.Val { return types.Int(rapid.Int64().Draw(t, "int")) }),
		rapid.Custom(func(t *rapid.T) ref.Val { return types.Uint(rapid.Uint64().Draw(t, "uint")) }),
		rapid.Custom(func(t *rapid.T) ref.Val { return types.Double(math.Float64frombits(rapid.Uint64().Draw(t, "double"))) }),
		rapid.Custom(func(t *rapid.T) ref.Val { return types.Bool(rapid.Bool().Draw(t, "bool")) }),
		rapid.Custom(func(t *rapid.T) ref.Val { return types.Bytes(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) }),
		rapid.Custom(func(t *rapid.T) ref.Val {
			return types.Timestamp{Time: time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "seconds"), 0)}
		}),
		rapid.Custom(func(t *rapid.T) ref.Val {
			return types.Duration{Duration: time.Duration(rapid.Int64Range(-1<<62, 1<<62).Draw(t, "span"))}
		}),
		rapid.Just[ref.Val](types.NullValue),
		rapid.Just[ref.Val](types.OptionalNone),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	return rapid.OneOf(append(scalars,
		rapid.Custom(func(t *rapid.T) ref.Val { return NewList(rapid.SliceOfN(anyValue(depth-1), 0, 5).Draw(t, "list")) }),
		rapid.Custom(func(t *rapid.T) ref.Val {
			m := NewMap(0)
			for range rapid.IntRange(0, 12).Draw(t, "members") {
				if longer, err := m.Insert(anyValue(0).Draw(t, "key"), anyValue(depth-1).Draw(t, "value")); err == nil {
					m = longer
				}
			}
			return m
		}),
		rapid.Custom(func(t *rapid.T) ref.Val { return types.OptionalOf(anyValue(depth-1).Draw(t, "optional")) }),
	)...)
}

// TestAppendJSON_parses: AppendJSON appends exactly one JSON value, whatever an expression gives.
func TestAppendJSON_parses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := New(anyValue(3).Draw(t, "value"), nil)
		data, err := v.AppendJSON([]byte("["))
		if err != nil {
			t.Fatal(err)
		}
		if data[0] != '[' || !json.Valid(data[1:]) {
			t.Fatalf("no JSON: %q", data)
		}
		w := jsonWriter{counting: true}
		if !w.value(v.val, 0) || w.counted+len(w.dst) != len(data)-1 {
			t.Fatalf("measured %d, written %d bytes", w.counted, len(data)-1)
		}
		if v.IsScalar() && !v.IsNull() && v.Text() == "" && !bytes.Equal(data, []byte(`[""`)) {
			t.Fatalf("%s has no text", data)
		}
	})
}

// TestDecodeJSON_keeps: JSON stays the same, order included, when it is read and written again.
func TestDecodeJSON_keeps(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"z":1,"a":[true,false,null,"x"],"m":{"y":{},"b":[]}}`, `"text"`, `12345678901234567890`, `-1`, `0.1`, `1e+30`, `[]`,
		`{"a":{"a":{"a":1}},"":2}`,
	} {
		v, err := DecodeJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		data, err := New(v, nil).AppendJSON(nil)
		if err != nil || string(data) != text {
			t.Errorf("got %s, %v, want %s", data, err, text)
		}
	}
	v, err := DecodeJSON([]byte(`{"b":1,"a":2,"b":3}`))
	if data, _ := (New(v, nil)).AppendJSON(nil); err != nil || string(data) != `{"b":3,"a":2}` {
		t.Errorf("of two equal names: got %s, %v", data, err)
	}
}

func TestAppendJSON_limit(t *testing.T) {
	t.Parallel()
	big := New(types.String(strings.Repeat("x", MaxOutput)), nil)
	if _, err := big.AppendJSON(nil); err == nil {
		t.Error("more than the limit is written")
	}
}
