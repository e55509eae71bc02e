package forgehook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of an input; the platform's deepest trees (tables in sub-documents) have about ten levels.
const maxDepth = 64

// maxFaults ends the search for faults: nobody reads more, and an answer must not outgrow its request.
const maxFaults = 100

// Decode reads a platform entity: names in any case, unknown ones ignored, enums as number or name, null the same as absent.
// It reports the faults (the first hundred) with their places, not only the first. The error is malformed-json or invalid.
func Decode(data []byte, into any) error { return decode(data, into, false) }

// DecodeStrict reads one of our own inputs: as [Decode], but an unknown name is a fault that says which one was meant. Fields of
// platform entities inside it stay open.
func DecodeStrict(data []byte, into any) error { return decode(data, into, true) }

func decode(data []byte, into any, strict bool) error {
	raw, err := parseJSON(data)
	if err != nil {
		return err
	}
	d := decoder{}
	d.value("", raw, reflect.ValueOf(into).Elem(), strict)
	return Invalid(d.faults...)
}

// parseJSON reads exactly one JSON value, numbers kept as written.
func parseJSON(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, Errorf(CodeMalformed, "The body is not UTF-8.")
	}
	var raw any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	err := dec.Decode(&raw)
	if err == nil {
		if _, err = dec.Token(); err == io.EOF {
			return raw, nil
		}
	}
	return nil, Errorf(CodeMalformed, "The body is no JSON: %s.", JSONFault(data))
}

// JSONFault says what keeps data from being exactly one JSON value, with line and column (in characters, from 1); "" when it is one.
func JSONFault(data []byte) string {
	if len(bytes.TrimSpace(data)) == 0 {
		return "it is empty"
	}
	err := json.Unmarshal(data, new(json.RawMessage))
	if err == nil {
		return ""
	}
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	if !ok {
		return err.Error()
	}
	before := data[:max(0, min(int(syntax.Offset)-1, len(data)))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return fmt.Sprintf("%s, line %d, column %d", syntax, bytes.Count(before, []byte("\n"))+1, utf8.RuneCount(before[start:])+1)
}

// decoder collects the faults of one input.
type decoder struct{ faults []FieldError }

func (d *decoder) fault(path string, raw any, allowed string) {
	d.faults = append(d.faults, FieldError{Path: path, Value: short(raw), Allowed: allowed})
}

var (
	enumType       = reflect.TypeFor[enum]()
	timeType       = reflect.TypeFor[Time]()
	timeSpanType   = reflect.TypeFor[TimeSpan]()
	rawMessageType = reflect.TypeFor[json.RawMessage]()
	numberType     = reflect.TypeFor[json.Number]()
	entityTypes    = []reflect.Type{
		reflect.TypeFor[Document](), reflect.TypeFor[DocumentParameter](), reflect.TypeFor[ParameterDef](),
		reflect.TypeFor[Verification](), reflect.TypeFor[WorkItem](),
	}
)

func (d *decoder) value(path string, raw any, v reflect.Value, strict bool) {
	if raw == nil || len(d.faults) >= maxFaults {
		return
	}
	if strings.Count(path, ".")+strings.Count(path, "[") > maxDepth {
		d.fault(path, nil, fmt.Sprintf("at most %d levels deep", maxDepth))
		return
	}
	t := v.Type()
	switch {
	case t == rawMessageType:
		b, _ := marshal(raw)
		v.SetBytes(b)
		return
	case t == timeType, t == timeSpanType:
		d.moment(path, raw, v)
		return
	case t == numberType:
		d.decimal(path, raw, v)
		return
	case t.Implements(enumType) && t.Kind() == reflect.Int32:
		d.enum(path, raw, v)
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		d.value(path, raw, v.Elem(), strict)
	case reflect.Struct:
		d.object(path, raw, v, strict && !slices.Contains(entityTypes, t))
	case reflect.Slice:
		d.list(path, raw, v, strict)
	case reflect.String:
		d.text(path, raw, v)
	case reflect.Bool:
		if b, ok := raw.(bool); ok {
			v.SetBool(b)
		} else {
			d.fault(path, raw, "true or false")
		}
	case reflect.Int32, reflect.Int64, reflect.Int:
		d.integer(path, raw, v)
	case reflect.Float64:
		d.float(path, raw, v)
	default:
		panic("decode: no rule for " + t.String())
	}
}

func (d *decoder) object(path string, raw any, v reflect.Value, strict bool) {
	members, ok := raw.(map[string]any)
	if !ok {
		d.fault(path, raw, "an object")
		return
	}
	names := make([]string, 0, v.NumField())
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		names = append(names, name)
		if member, ok := lookup(members, name); ok {
			d.value(join(path, name), member, v.Field(i), strict)
		}
	}
	if strict {
		d.unknown(path, members, names)
	}
}

// unknown reports the members that no field takes, in order, each with the name that was probably meant.
func (d *decoder) unknown(path string, members map[string]any, names []string) {
	given := make([]string, 0, len(members))
	for name := range members {
		given = append(given, name)
	}
	slices.Sort(given)
	for _, name := range given {
		if len(d.faults) < maxFaults && !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
			d.fault(join(path, name), members[name], unknownName(name, names))
		}
	}
}

func unknownName(name string, names []string) string {
	if near := Nearest(name, names); near != "" {
		return fmt.Sprintf("no such name: did you mean %q?", near)
	}
	return "no such name; allowed: " + strings.Join(names, ", ")
}

// lookup finds a member by its exact name, else in any case: .NET callers write PascalCase. Of two spellings the first in byte
// order counts, so that the same input always reads the same.
func lookup(members map[string]any, name string) (any, bool) {
	if m, ok := members[name]; ok {
		return m, true
	}
	first, found := "", false
	for given := range members {
		if strings.EqualFold(given, name) && (!found || given < first) {
			first, found = given, true
		}
	}
	return members[first], found
}

func (d *decoder) list(path string, raw any, v reflect.Value, strict bool) {
	items, ok := raw.([]any)
	if !ok {
		d.fault(path, raw, "a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		at := fmt.Sprintf("%s[%d]", path, i)
		if len(d.faults) >= maxFaults {
			return
		}
		if item == nil {
			d.fault(at, nil, "no null in a list")
			continue
		}
		d.value(at, item, v.Index(i), strict)
	}
}

func (d *decoder) text(path string, raw any, v reflect.Value) {
	switch s := raw.(type) {
	case string:
		v.SetString(s)
	default:
		d.fault(path, raw, "a text in quotes")
	}
}

func (d *decoder) integer(path string, raw any, v reflect.Value) {
	n, err := integer(raw)
	if err != nil || v.OverflowInt(n) {
		allowed := "a whole number"
		if v.Kind() == reflect.Int32 {
			allowed = fmt.Sprintf("a whole number from %d to %d", math.MinInt32, math.MaxInt32)
		}
		d.fault(path, raw, allowed)
		return
	}
	v.SetInt(n)
}

// integer reads 7, 7.0 and 7e0, which senders in floating-point languages write.
func integer(raw any) (int64, error) {
	number, ok := raw.(json.Number)
	if !ok {
		return 0, errors.New("no number")
	}
	if n, err := number.Int64(); err == nil {
		return n, nil
	}
	f, err := number.Float64()
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, errors.New("no whole number")
	}
	return int64(f), nil
}

func (d *decoder) float(path string, raw any, v reflect.Value) {
	number, ok := raw.(json.Number)
	if !ok {
		d.fault(path, raw, "a number")
		return
	}
	f, err := number.Float64()
	if err != nil {
		d.fault(path, raw, "a number that fits a double")
		return
	}
	v.SetFloat(f)
}

func (d *decoder) decimal(path string, raw any, v reflect.Value) {
	number, ok := raw.(json.Number)
	if !ok {
		d.fault(path, raw, "a number")
		return
	}
	v.SetString(number.String())
}

func (d *decoder) enum(path string, raw any, v reflect.Value) {
	names := v.Interface().(enum).names()
	switch x := raw.(type) {
	case string:
		n, err := names.parse(x)
		if err != nil {
			d.fault(path, raw, err.Error())
			return
		}
		v.SetInt(int64(n))
	case json.Number:
		n, err := integer(x)
		if err != nil || v.OverflowInt(n) {
			d.fault(path, raw, names.allowed(""))
			return
		}
		v.SetInt(n)
	default:
		d.fault(path, raw, names.allowed(""))
	}
}

func (d *decoder) moment(path string, raw any, v reflect.Value) {
	s, ok := raw.(string)
	if !ok {
		s = "" // both parsers refuse it with the form that is allowed
	}
	var err error
	if v.Type() == timeType {
		var t Time
		t, err = ParseTime(s)
		v.Set(reflect.ValueOf(t))
	} else {
		span, parseErr := ParseDuration(s)
		err = parseErr
		v.SetInt(int64(span))
	}
	if err != nil {
		d.fault(path, raw, err.Error())
	}
}

// short renders an offending value for a message.
func short(raw any) string {
	var s string
	switch x := raw.(type) {
	case nil:
		return ""
	case string:
		s = x
	case json.Number:
		s = x.String()
	default:
		b, _ := json.Marshal(x)
		s = string(b)
	}
	return Shorten(s, 100)
}

// Shorten cuts a text to at most n bytes on a rune boundary and marks the cut.
func Shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const mark = "..."
	cut := n - len(mark)
	for cut > 0 && s[cut]&0xC0 == 0x80 {
		cut--
	}
	return s[:cut] + mark
}

// Nearest returns the candidate that was probably meant: the closest by edit distance, if it is close.
func Nearest(got string, candidates []string) string {
	best, limit := "", min(3, max(1, len(got)/2))
	for _, c := range candidates {
		if n := distance(strings.ToLower(got), strings.ToLower(c)); n < limit || (n == limit && best == "") {
			best, limit = c, n
		}
	}
	return best
}

// distance is the optimal string alignment distance: edits and swaps of neighbours.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return math.MaxInt
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
