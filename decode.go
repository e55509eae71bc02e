package forgehook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
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
	d, v := decoder{}, reflect.ValueOf(into).Elem()
	d.value(readerOf(v.Type()), raw, v, strict)
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
type decoder struct {
	at     []step // from the root to the value that is being read
	faults []FieldError
}

// step leads from a value to one inside it: to a member by its name or, where that is "", to an item of a list.
type step struct {
	name  string
	index int
}

func (d *decoder) fault(raw any, allowed string) {
	d.faults = append(d.faults, FieldError{Path: d.path(), Value: short(raw), Allowed: allowed})
}

// path is written only for a fault: most inputs have none.
func (d *decoder) path() string {
	path := ""
	for _, s := range d.at {
		if s.name == "" {
			path += fmt.Sprintf("[%d]", s.index)
		} else {
			path = join(path, s.name)
		}
	}
	return path
}

// depth is how many levels the value is below the root's members.
func (d *decoder) depth() int {
	if len(d.at) > 0 && d.at[0].name != "" {
		return len(d.at) - 1
	}
	return len(d.at)
}

// inside does what concerns a value inside the present one.
func (d *decoder) inside(s step, do func()) {
	d.at = append(d.at, s)
	do()
	d.at = d.at[:len(d.at)-1]
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

func (d *decoder) value(read reader, raw any, v reflect.Value, strict bool) {
	if raw == nil || len(d.faults) >= maxFaults {
		return
	}
	if d.depth() > maxDepth {
		d.fault(nil, fmt.Sprintf("at most %d levels deep", maxDepth))
		return
	}
	read(d, raw, v, strict)
}

// reader reads a value of one type. It is made once for a field: telling types apart takes longer than reading most values.
type reader func(d *decoder, raw any, v reflect.Value, strict bool)

func readerOf(t reflect.Type) reader {
	switch {
	case t == rawMessageType:
		return func(_ *decoder, raw any, v reflect.Value, _ bool) {
			b, _ := marshal(raw)
			v.SetBytes(b)
		}
	case t == timeType, t == timeSpanType:
		return (*decoder).moment
	case t == numberType:
		return (*decoder).decimal
	case t.Implements(enumType) && t.Kind() == reflect.Int32:
		names := reflect.Zero(t).Interface().(enum).names()
		return func(d *decoder, raw any, v reflect.Value, _ bool) { d.enum(names, raw, v) }
	}
	switch t.Kind() {
	case reflect.Pointer:
		read := readerOf(t.Elem())
		return func(d *decoder, raw any, v reflect.Value, strict bool) {
			v.Set(reflect.New(t.Elem()))
			read(d, raw, v.Elem(), strict)
		}
	case reflect.Struct:
		open := slices.Contains(entityTypes, t)
		return func(d *decoder, raw any, v reflect.Value, strict bool) { d.object(raw, v, strict && !open) }
	case reflect.Slice:
		read := readerOf(t.Elem())
		return func(d *decoder, raw any, v reflect.Value, strict bool) { d.list(read, raw, v, strict) }
	case reflect.String:
		return (*decoder).text
	case reflect.Bool:
		return (*decoder).boolean
	case reflect.Int32, reflect.Int64, reflect.Int:
		return (*decoder).integer
	case reflect.Float64:
		return (*decoder).float
	default:
		panic("decode: no rule for " + t.String())
	}
}

// structure is how a struct is read.
type structure struct {
	names   []string // of the fields that are read, in order
	indexes []int
	readers []reader
	spelt   map[string]string // names by themselves and in lower case
}

var structures sync.Map // reflect.Type -> *structure

func structureOf(t reflect.Type) *structure {
	if found, ok := structures.Load(t); ok {
		return found.(*structure)
	}
	s := &structure{spelt: map[string]string{}}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		s.names, s.indexes, s.readers = append(s.names, name), append(s.indexes, i), append(s.readers, readerOf(t.Field(i).Type))
		s.spelt[strings.ToLower(name)], s.spelt[name] = name, name
	}
	structures.Store(t, s)
	return s
}

// name is the name of the field that a member is read into, "" where there is none: .NET callers write PascalCase.
func (s *structure) name(given string) string {
	if name, ok := s.spelt[given]; ok {
		return name
	}
	var lower [64]byte
	n := copy(lower[:], given)
	for i, c := range lower[:n] {
		switch {
		case c >= utf8.RuneSelf: // a letter that folds into an ASCII one
			return s.folded(given)
		case 'A' <= c && c <= 'Z':
			lower[i] = c + ('a' - 'A')
		}
	}
	if n < len(given) {
		return s.folded(given)
	}
	return s.spelt[string(lower[:n])]
}

func (s *structure) folded(given string) string {
	if i := slices.IndexFunc(s.names, func(name string) bool { return strings.EqualFold(name, given) }); i >= 0 {
		return s.names[i]
	}
	return ""
}

// otherwise are the members that are fields in other spellings, by the names of the fields; nil where there is none. Of two the
// first in byte order counts, so that the same input always reads the same.
func (s *structure) otherwise(members map[string]any) (spellings map[string]string) {
	for given := range members {
		name := s.name(given)
		if name == "" || name == given {
			continue
		}
		if spellings == nil {
			spellings = make(map[string]string, len(members))
		}
		if first, ok := spellings[name]; !ok || given < first {
			spellings[name] = given
		}
	}
	return spellings
}

func (d *decoder) object(raw any, v reflect.Value, strict bool) {
	members, ok := raw.(map[string]any)
	if !ok {
		d.fault(raw, "an object")
		return
	}
	s := structureOf(v.Type())
	spellings := s.otherwise(members)
	for i, name := range s.names {
		member, exact := members[name]
		if given, ok := spellings[name]; ok && !exact {
			member = members[given]
		}
		if member != nil {
			d.inside(step{name: name}, func() { d.value(s.readers[i], member, v.Field(s.indexes[i]), strict) })
		}
	}
	if strict {
		d.unknown(members, s)
	}
}

// unknown reports the members that no field takes, in order, each with the name that was probably meant.
func (d *decoder) unknown(members map[string]any, s *structure) {
	var given []string
	for name := range members {
		if s.name(name) == "" {
			given = append(given, name)
		}
	}
	slices.Sort(given)
	for _, name := range given {
		if len(d.faults) < maxFaults {
			d.faults = append(d.faults, FieldError{Path: join(d.path(), name), Value: short(members[name]), Allowed: unknownName(name, s.names)})
		}
	}
}

func unknownName(name string, names []string) string {
	if near := Nearest(name, names); near != "" {
		return fmt.Sprintf("no such name: did you mean %q?", near)
	}
	return "no such name; allowed: " + strings.Join(names, ", ")
}

// lookup finds a member by its exact name, else in any case. Of two spellings the first in byte order counts.
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

func (d *decoder) list(read reader, raw any, v reflect.Value, strict bool) {
	items, ok := raw.([]any)
	if !ok {
		d.fault(raw, "a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		if len(d.faults) >= maxFaults {
			return
		}
		d.inside(step{index: i}, func() {
			if item == nil {
				d.fault(nil, "no null in a list")
				return
			}
			d.value(read, item, v.Index(i), strict)
		})
	}
}
