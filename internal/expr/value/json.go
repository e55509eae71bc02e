package value

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
)

// Value is what an expression gave. The zero value is null.
type Value struct {
	val    ref.Val
	memory *Memory // whose entities it may hold; nil for a value that holds none
}

// New is a value and the memory of the evaluation that gave it.
func New(v ref.Val, m *Memory) Value { return Value{v, m} }

// IsNull reports null, and an optional value without value.
func (v Value) IsNull() bool { return Plain(v.val) == types.NullValue }

// Bool is the value of a condition; anything but true is false.
func (v Value) Bool() bool { return Plain(v.val) == types.True }

// Whole is the value of a whole number, however it is written; ok is false for anything else.
func (v Value) Whole() (n int64, ok bool) {
	i, ok := Plain(v.val).(types.Int)
	if ok {
		return int64(i), true
	}
	switch x := Plain(v.val).(type) {
	case types.Uint, types.Double:
		i, ok := x.ConvertToType(types.IntType).(types.Int)
		return int64(i), ok && i.Equal(x) == types.True
	}
	return 0, false
}

// IsText reports a text.
func (v Value) IsText() bool { return isText(Plain(v.val)) }

// TypeName names the value's type in words: "a list".
func (v Value) TypeName() string { return TypeName(Plain(v.val)) }

// IsScalar reports that the value is neither a list nor a map nor an object.
func (v Value) IsScalar() bool { return IsScalar(Plain(v.val)) }

// Text is the value as .NET writes it into a text: null is "", true is "True", a moment has the
// platform's JSON form ("2026-01-05T07:30:00.000Z"), a number its shortest form; a list, map or
// object is its JSON.
func (v Value) Text() string {
	text, _ := v.Bounded() // Eval has measured the value already
	return text
}

// Bounded is [Value.Text] for a value that nobody has measured; ok is false where it is more than
// the output that one evaluation may give.
func (v Value) Bounded() (text string, ok bool) {
	switch x := Plain(v.val).(type) {
	case types.Null:
		return "", true
	case types.String:
		return strings.ToValidUTF8(string(x), "\uFFFD"), true
	case types.Bool:
		if x {
			return "True", true
		}
		return "False", true
	case types.Double:
		return formatDouble(float64(x)), true
	case types.Timestamp:
		return forgehook.Time{Time: x.Time}.String(), true
	case types.Duration:
		return forgehook.FormatTimeSpan(x.Duration), true
	case types.Bytes:
		return base64.StdEncoding.EncodeToString(x), true
	}
	data, err := v.AppendJSON(nil)
	return string(data), err == nil
}

// AppendJSON writes the value as JSON: members in the order in which they were written, <, > and &
// as they are, moments and durations in the platform's form, bytes as base64, an entity as the
// platform writes it. NaN, infinities and an optional value without value are null. It fails where
// the JSON is larger than the output that one evaluation may give.
func (v Value) AppendJSON(dst []byte) ([]byte, error) {
	w := jsonWriter{dst: dst, start: len(dst), memory: v.memory}
	if !w.value(v.val, 0) {
		return dst, fmt.Errorf("the value has more than %d MiB of JSON", MaxOutput>>20)
	}
	return w.dst, nil
}

// AddSize adds the bytes of the value's JSON to a sum; fits is false as soon as that is more than
// one evaluation may give.
func (v Value) AddSize(sum int) (total int, fits bool) {
	w := jsonWriter{memory: v.memory, counting: true, counted: sum}
	fits = w.value(v.val, 0)
	return w.counted, fits
}

// jsonWriter writes values until the limit. With counting set it only measures.
type jsonWriter struct {
	dst      []byte
	start    int
	memory   *Memory
	counting bool
	counted  int
}

func (w *jsonWriter) full() bool {
	if w.counting {
		w.counted += len(w.dst)
		w.dst = w.dst[:0]
		return w.counted > MaxOutput
	}
	return len(w.dst)-w.start > MaxOutput
}

// maxValueDepth bounds recursion. No expression nests deeper, but a sender's JSON put into maps
// could.
const maxValueDepth = 1000

func (w *jsonWriter) value(v ref.Val, depth int) bool {
	if w.full() || depth > maxValueDepth {
		return false
	}
	switch x := Plain(v).(type) {
	case types.Null:
		w.text("null")
	case types.Bool:
		w.dst = strconv.AppendBool(w.dst, bool(x))
	case types.Int:
		w.dst = strconv.AppendInt(w.dst, int64(x), 10)
	case types.Uint:
		w.dst = strconv.AppendUint(w.dst, uint64(x), 10)
	case types.Double:
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			w.text("null")
		} else {
			w.text(formatDouble(f))
		}
	case types.String:
		if len(x) > MaxOutput {
			return false
		}
		w.quoted(string(x))
	case types.Bytes:
		if len(x) > MaxOutput {
			return false
		}
		w.quoted(base64.StdEncoding.EncodeToString(x))
	case types.Timestamp:
		w.quoted(forgehook.Time{Time: x.Time}.String())
	case types.Duration:
		w.quoted(forgehook.FormatTimeSpan(x.Duration))
	case *Object:
		w.dst = append(w.dst, w.memory.entityJSON(x)...)
	case *Map:
		return w.ordered(x, depth)
	case traits.Mapper:
		return w.mapper(x, depth)
	case traits.Lister:
		return w.list(x, depth)
	default:
		w.quoted(typeText(x))
	}
	return !w.full()
}

func (w *jsonWriter) text(s string) { w.dst = append(w.dst, s...) }

func (w *jsonWriter) quoted(s string) { w.dst = jsontree.AppendString(w.dst, s) }

func (w *jsonWriter) list(l traits.Lister, depth int) bool {
	w.text("[")
	for it, first := l.Iterator(), true; it.HasNext() == types.True; first = false {
		if !first {
			w.text(",")
		}
		if !w.value(it.Next(), depth+1) {
			return false
		}
	}
	w.text("]")
	return true
}

func (w *jsonWriter) ordered(m *Map, depth int) bool {
	w.text("{")
	for i := range m.size {
		if !w.member(i, m.shared.keys[i], m.shared.values[i], depth) {
			return false
		}
	}
	w.text("}")
	return true
}

// mapper writes a map that a function of CEL's libraries has made; such maps have no order, so
// their names are sorted.
func (w *jsonWriter) mapper(m traits.Mapper, depth int) bool {
	var keys []ref.Val
	for it := m.Iterator(); it.HasNext() == types.True; {
		keys = append(keys, it.Next())
	}
	slices.SortFunc(keys, func(a, b ref.Val) int { return strings.Compare(keyText(a), keyText(b)) })
	w.text("{")
	for i, key := range keys {
		if !w.member(i, key, m.Get(key), depth) {
			return false
		}
	}
	w.text("}")
	return true
}

func (w *jsonWriter) member(i int, key, value ref.Val, depth int) bool {
	if i > 0 {
		w.text(",")
	}
	w.quoted(keyText(key))
	w.text(":")
	return w.value(value, depth+1)
}

// keyText is a map's key as a JSON name.
func keyText(key ref.Val) string {
	switch k := key.(type) {
	case types.String:
		return string(k)
	case types.Bool:
		return strconv.FormatBool(bool(k))
	case types.Double:
		return formatDouble(float64(k))
	}
	return fmt.Sprint(key.Value())
}

// typeText is what stands for a value that has no JSON of its own, such as a type.
func typeText(v ref.Val) string {
	if t, ok := v.(ref.Type); ok {
		return t.TypeName()
	}
	return v.Type().TypeName()
}

// formatDouble is the shortest text that reads back as the same number, without exponent in the
// usual range.
func formatDouble(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0:
		return "0"
	}
	if a := math.Abs(f); a < 1e-6 || a >= 1e21 {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// entityJSON is an entity as the platform writes it, without what a sender posted. It is written
// once.
func (m *Memory) entityJSON(o *Object) []byte {
	if o.IsMissing() {
		return []byte("null")
	}
	if m == nil {
		m = o.Memory
	}
	if known, ok := m.written[o.Entity]; ok {
		return known
	}
	shown := o.Entity
	if m.Shown != nil {
		shown = m.Shown(o.Entity)
	}
	if d, ok := shown.(*forgehook.Document); ok {
		shown = withoutSource(d)
	}
	data, err := jsontree.Marshal(shown)
	if err != nil {
		return []byte("null") // the root writes every entity
	}
	m.written[o.Entity] = data
	return data
}

func withoutSource(d *forgehook.Document) *forgehook.Document {
	clean := *d
	clean.Source = nil
	if len(d.Documents) > 0 {
		clean.Documents = make([]forgehook.Document, len(d.Documents))
		for i := range d.Documents {
			clean.Documents[i] = *withoutSource(&d.Documents[i])
		}
	}
	return &clean
}
