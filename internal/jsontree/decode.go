package jsontree

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	// maxStructDepth bounds the nesting of an input; real ones have at most about ten levels.
	maxStructDepth = 64
	// MaxFaults ends the search for faults: nobody reads more, and a response must not be larger
	// than its request.
	MaxFaults = 100
)

// Codec reads and writes structs by their json tags. Embedded structs are part of the outer one.
// Raw JSON is read as [Node.Append] writes it, or as [Node.AppendSorted] where the field has the
// tag raw:"sorted".
type Codec struct {
	// Read returns the reader of a type with its own JSON form; nil for all others. The reader
	// returns what is allowed if the value is not.
	Read func(reflect.Type) func(n *Node, v reflect.Value) (allowed string)
	// Write returns the writer of such a type; nil for all others.
	Write func(reflect.Type) func(dst []byte, v reflect.Value) []byte
	// Label returns how a type's values are named for people; nil for all others. The label of a
	// member x follows all members as xName.
	Label func(reflect.Type) func(v reflect.Value) *string
	// Open are structs that ignore unknown names, also in a strict input.
	Open []reflect.Type
	// Unknown says which name is allowed instead.
	Unknown func(name string, names []string) (allowed string)

	known sync.Map // reflect.Type -> *structure
}

// Fault is one fault of an input. Node is the faulty value, nil where it explains nothing.
type Fault struct {
	Path    string // documents[3].x, with the declared names; "" is the whole input
	Node    *Node
	Allowed string
}

// Decode reads a tree into the struct that into points to. Names match in any case, and null is the
// same as absent. Only strict inputs report unknown names. It returns the first [MaxFaults] faults.
func (c *Codec) Decode(n *Node, into any, strict bool) []Fault {
	d, v := decoder{codec: c}, reflect.ValueOf(into).Elem()
	d.value(c.reader(v.Type()), n, v, strict)
	return d.faults
}

// decoder collects the faults of one input.
type decoder struct {
	codec  *Codec
	at     []step // from the root to the current value
	faults []Fault
}

// step leads to a member by its name, or to an item of a list where the name is "".
type step struct {
	name  string
	index int
}

func (d *decoder) fault(n *Node, allowed string) {
	d.faults = append(d.faults, Fault{d.path(), n, allowed})
}

// path is built for a fault only: most inputs have none.
func (d *decoder) path() string {
	var path strings.Builder
	for _, s := range d.at {
		switch {
		case s.name == "":
			fmt.Fprintf(&path, "[%d]", s.index)
		case path.Len() > 0:
			path.WriteString("." + s.name)
		default:
			path.WriteString(s.name)
		}
	}
	return path.String()
}

// depth counts the levels of a value below the root's members.
func (d *decoder) depth() int {
	if len(d.at) > 0 && d.at[0].name != "" {
		return len(d.at) - 1
	}
	return len(d.at)
}

// read reads a value of one type. Each field makes it once: telling types apart takes longer than
// reading most values.
type read func(d *decoder, n *Node, v reflect.Value, strict bool)

func readSorted(_ *decoder, n *Node, v reflect.Value, _ bool) { v.SetBytes(n.AppendSorted(nil)) }

func (d *decoder) value(read read, n *Node, v reflect.Value, strict bool) {
	if n.IsNull() || len(d.faults) >= MaxFaults {
		return
	}
	if d.depth() > maxStructDepth {
		d.fault(nil, fmt.Sprintf("at most %d levels deep", maxStructDepth))
		return
	}
	read(d, n, v, strict)
}

// inside reads a value within the current one.
func (d *decoder) inside(s step, read read, n *Node, v reflect.Value, strict bool) {
	d.at = append(d.at, s)
	d.value(read, n, v, strict)
	d.at = d.at[:len(d.at)-1]
}

var (
	rawType    = reflect.TypeFor[json.RawMessage]()
	numberType = reflect.TypeFor[json.Number]()
)

func (c *Codec) reader(t reflect.Type) read {
	if own := c.Read(t); own != nil {
		return func(d *decoder, n *Node, v reflect.Value, _ bool) {
			if allowed := own(n, v); allowed != "" {
				d.fault(n, allowed)
			}
		}
	}
	switch t {
	case rawType:
		return func(_ *decoder, n *Node, v reflect.Value, _ bool) { v.SetBytes(n.Append(nil)) }
	case numberType:
		return scalar(Number, "a number", func(n *Node, v reflect.Value) string { v.SetString(n.raw); return "" })
	}
	switch t.Kind() {
	case reflect.Pointer:
		read := c.reader(t.Elem())
		return func(d *decoder, n *Node, v reflect.Value, strict bool) {
			v.Set(reflect.New(t.Elem()))
			read(d, n, v.Elem(), strict)
		}
	case reflect.Struct:
		open := slices.Contains(c.Open, t)
		return func(d *decoder, n *Node, v reflect.Value, strict bool) { d.object(n, v, strict && !open) }
	case reflect.Slice:
		read := c.reader(t.Elem())
		return func(d *decoder, n *Node, v reflect.Value, strict bool) { d.list(read, n, v, strict) }
	case reflect.String:
		return scalar(String, "a text in quotes", func(n *Node, v reflect.Value) string { v.SetString(n.Text()); return "" })
	case reflect.Bool:
		return scalar(Bool, "true or false", func(n *Node, v reflect.Value) string { v.SetBool(n.IsTrue()); return "" })
	case reflect.Int32, reflect.Int64, reflect.Int:
		return integer
	case reflect.Float64:
		return scalar(Number, "a number", float)
	default:
		panic("jsontree: no rule for " + t.String())
	}
}

// scalar returns the reader of a value that must have one kind.
func scalar(kind Kind, allowed string, set func(n *Node, v reflect.Value) (allowed string)) read {
	return func(d *decoder, n *Node, v reflect.Value, _ bool) {
		if n.kind != kind {
			d.fault(n, allowed)
		} else if refused := set(n, v); refused != "" {
			d.fault(n, refused)
		}
	}
}

func float(n *Node, v reflect.Value) string {
	f, err := strconv.ParseFloat(n.raw, 64)
	if err != nil {
		return "a number that fits a double"
	}
	v.SetFloat(f)
	return ""
}

func integer(d *decoder, n *Node, v reflect.Value, _ bool) {
	number, err := Integer(n.Digits())
	if err == nil && !v.OverflowInt(number) {
		v.SetInt(number)
		return
	}
	allowed := "a whole number"
	if v.Kind() == reflect.Int32 {
		allowed = fmt.Sprintf("a whole number from %d to %d", math.MinInt32, math.MaxInt32)
	}
	d.fault(n, allowed)
}

// Integer reads 7, 7.0 and 7e0, as senders with floating-point numbers write them.
func Integer(number json.Number) (int64, error) {
	if n, err := number.Int64(); err == nil {
		return n, nil
	}
	f, err := number.Float64()
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, errors.New("not a whole number")
	}
	return int64(f), nil
}

func (d *decoder) list(read read, n *Node, v reflect.Value, strict bool) {
	if n.kind != List {
		d.fault(n, "a list")
		return
	}
	size := n.Len()
	v.Set(reflect.MakeSlice(v.Type(), size, size))
	i := 0
	for item := range n.All() {
		if len(d.faults) >= MaxFaults {
			return
		}
		if item.IsNull() {
			d.at = append(d.at, step{index: i})
			d.fault(nil, "no null in a list")
			d.at = d.at[:len(d.at)-1]
		}
		d.inside(step{index: i}, read, item, v.Index(i), strict)
		i++
	}
}

func (d *decoder) object(n *Node, v reflect.Value, strict bool) {
	if n.kind != Object {
		d.fault(n, "an object")
		return
	}
	s := d.codec.structure(v.Type())
	var room [40]member // most structs have fewer members
	found := append(room[:0], make([]member, len(s.fields))...)
	var unknown map[string]*Node
	for m := range n.All() {
		given := m.Name()
		if i, ok := s.find(given); ok {
			found[i].offer(m, given, s.fields[i].name)
		} else if strict {
			if unknown == nil {
				unknown = map[string]*Node{}
			}
			unknown[given] = m
		}
	}
	for i := range s.fields {
		if f := &s.fields[i]; !found[i].node.IsNull() {
			d.inside(step{name: f.name}, f.read, found[i].node, f.of(v), strict)
		}
	}
	d.unknown(unknown, s)
}

// unknown reports the members without a field, in byte order.
func (d *decoder) unknown(members map[string]*Node, s *structure) {
	if len(members) == 0 {
		return
	}
	given := make([]string, 0, len(members))
	for name := range members {
		given = append(given, name)
	}
	slices.Sort(given)
	for _, name := range given[:min(len(given), MaxFaults-len(d.faults))] {
		d.at = append(d.at, step{name: name})
		d.fault(members[name], d.codec.Unknown(name, s.names()))
		d.at = d.at[:len(d.at)-1]
	}
}
