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

// Value is the result of an expression. The zero value is null.
type Value struct {
	val    ref.Val
	memory *Memory // of the entities in the value; nil if it holds none
}

// New makes a Value of v. m is the memory of the evaluation that gave v.
func New(v ref.Val, m *Memory) Value { return Value{v, m} }

// IsNull reports whether the value is null or an optional without a value.
func (v Value) IsNull() bool { return Plain(v.val) == types.NullValue }

// Bool reports whether the value is true.
func (v Value) Bool() bool { return Plain(v.val) == types.True }

// Whole returns a whole number, whatever its type or spelling. ok is false for anything else.
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

// IsText reports whether the value is a text.
func (v Value) IsText() bool { return isText(Plain(v.val)) }

// TypeName names the value's type in words, such as "a list".
func (v Value) TypeName() string { return TypeName(Plain(v.val)) }

// IsScalar reports whether the value is neither a list nor a map nor an object.
func (v Value) IsScalar() bool { return IsScalar(Plain(v.val)) }

// Text returns the value as .NET writes it into a text: null is "", true is "True", a number has
// its shortest form, a moment the platform's JSON form ("2026-01-05T07:30:00.000Z"). A list, map or
// object is its JSON.
func (v Value) Text() string {
	text, _ := v.Bounded() // Eval has measured the value already
	return text
}

// Bounded is [Value.Text] for a value that has not been measured. ok is false if the text exceeds
// the output that one evaluation may give.
func (v Value) Bounded() (text string, ok bool) {
	switch x := Present(v.val).(type) {
	case types.Null:
		return "", true
	case Number:
		return x.text, true
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

// AppendJSON appends the value as JSON. Members keep their order, and <, > and & are not escaped.
// Moments, durations and entities have the platform's form, bytes are base64. NaN, infinities and
// an optional without a value are null. It fails if the JSON exceeds the output that one evaluation
// may give.
func (v Value) AppendJSON(dst []byte) ([]byte, error) {
	w := jsonWriter{dst: dst, start: len(dst), memory: v.memory}
	if !w.value(v.val, 0) {
		return dst, fmt.Errorf("the value has more than %d MiB of JSON", MaxOutput>>20)
	}
	return w.dst, nil
}

// AddSize adds the size of the value's JSON in bytes to a sum. fits is false as soon as the sum
// exceeds the output that one evaluation may give.
func (v Value) AddSize(sum int) (total int, fits bool) {
	w := jsonWriter{memory: v.memory, counting: true, counted: sum}
	fits = w.value(v.val, 0)
	return w.counted, fits
}

// jsonWriter writes values up to a limit. With counting set it only measures.
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

// maxValueDepth bounds recursion. Expressions nest less deeply, but a sender's JSON within maps may
// not.
const maxValueDepth = 1000

func (w *jsonWriter) value(v ref.Val, depth int) bool {
	if w.full() || depth > maxValueDepth {
		return false
	}
	switch x := Present(v).(type) {
	case types.Null:
		w.text("null")
	case Number:
		w.text(x.text)
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

// mapper writes a map that one of CEL's libraries has made. Such a map has no order, so its names
// are sorted.
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

// keyText returns a map's key as a JSON name.
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

// typeText stands for a value without JSON of its own, such as a type.
func typeText(v ref.Val) string {
	if t, ok := v.(ref.Type); ok {
		return t.TypeName()
	}
	return v.Type().TypeName()
}

// formatDouble returns the shortest text that reads back as the same number, without an exponent in
// the usual range.
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

// entityJSON writes an entity as the platform does, without the sender's JSON, and remembers the
// result.
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
