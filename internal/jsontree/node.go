// Package jsontree is the one JSON of the project: a tree that keeps the order of members and the
// digits of numbers, and the one writer of texts. It knows the shape of JSON and of Go structs. It
// must not know the domain: a [Codec] is told what types mean and what callers read about faults.
// It must import only the standard library, because the root is built on it. Start with [Parse].
package jsontree

import (
	"encoding/json"
	"iter"
	"slices"
	"strings"
)

// Kind says what a value is.
type Kind uint8

// The kinds of values. Null is the zero value: an absent member reads as null.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Object
)

// Node is a value in a tree. Reading methods accept nil, an absent value. A node is safe for
// concurrent reads; it shares the memory of the text that it was read from.
type Node struct {
	kind  Kind
	key   string // of a member: its name as written, in quotes
	raw   string // as written; "" for a list or an object
	next  *Node  // in the same list or object
	first *Node  // member or item
	last  *Node
}

// Kind returns the kind of the value.
func (n *Node) Kind() Kind {
	if n == nil {
		return Null
	}
	return n.kind
}

// IsNull reports whether the value is null or absent.
func (n *Node) IsNull() bool { return n.Kind() == Null }

// IsTrue reports whether the value is true.
func (n *Node) IsTrue() bool { return n.Kind() == Bool && n.raw == "true" }

// Text returns the value of a text, "" for any other.
func (n *Node) Text() string {
	if n.Kind() != String {
		return ""
	}
	return unquote(n.raw)
}

// Digits returns a number as written, "" for any other value.
func (n *Node) Digits() json.Number {
	if n.Kind() != Number {
		return ""
	}
	return json.Number(n.raw)
}

// Name returns the name of a member in its object, "" for an item or a root.
func (n *Node) Name() string {
	if n == nil || n.key == "" {
		return ""
	}
	return unquote(n.key)
}

// All visits the members of an object or the items of a list as written: a repeated name comes
// repeatedly.
func (n *Node) All() iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		if n == nil {
			return
		}
		for at := n.first; at != nil; at = at.next {
			if !yield(at) {
				return
			}
		}
	}
}

// Len counts the members or items as written.
func (n *Node) Len() (length int) {
	for range n.All() {
		length++
	}
	return length
}

// Members returns the members that count, in order. Of several with the same name, the last one
// counts, at the position of the first.
func (n *Node) Members() []*Node {
	if n.Kind() != Object {
		return nil
	}
	var list []*Node
	positions := map[string]int{}
	for m := range n.All() {
		name := m.Name()
		if i, twice := positions[name]; twice {
			list[i] = m
			continue
		}
		positions[name] = len(list)
		list = append(list, m)
	}
	return list
}

// Member finds a member by its exact name, else in any case, or returns nil. Of several with the
// exact name the last counts; of other spellings the first in byte order. So the same input always
// reads the same.
func (n *Node) Member(name string) *Node {
	if n.Kind() != Object {
		return nil
	}
	var found member
	for m := range n.All() {
		if given := m.Name(); strings.EqualFold(given, name) {
			found.offer(m, given, name)
		}
	}
	return found.node
}

// member is the best match for a name so far.
type member struct {
	node  *Node
	given string
}

// offer takes a member that matches better than the present one.
func (f *member) offer(m *Node, given, wanted string) {
	if f.node == nil || given == wanted || f.given != wanted && given <= f.given {
		f.node, f.given = m, given
	}
}

// At returns the member at a path of exact names, such as webHook.url, or nil.
func (n *Node) At(path string) *Node {
	for name := range strings.SplitSeq(path, ".") {
		var below *Node
		for m := range n.All() {
			if n.kind == Object && m.Name() == name {
				below = m
			}
		}
		n = below
	}
	return n
}

// Append writes the value without white space between tokens, and otherwise as written: the order
// of members, the digits of numbers, the escapes in texts. An absent value is null.
func (n *Node) Append(dst []byte) []byte {
	switch n.Kind() {
	case Null:
		return append(dst, "null"...)
	case List:
		return append(n.appendBelow(append(dst, '[')), ']')
	case Object:
		return append(n.appendBelow(append(dst, '{')), '}')
	default:
		return append(dst, n.raw...)
	}
}

func (n *Node) appendBelow(dst []byte) []byte {
	for at := n.first; at != nil; at = at.next {
		if at.key != "" {
			dst = append(append(dst, at.key...), ':')
		}
		dst = at.Append(dst)
		if at.next != nil {
			dst = append(dst, ',')
		}
	}
	return dst
}

// String returns what [Node.Append] writes.
func (n *Node) String() string { return string(n.Append(nil)) }

// AppendSorted writes equal values as equal bytes, however they were spelled: only members that
// count, sorted by name, and texts with the escapes of [AppendString]. Numbers keep their digits.
func (n *Node) AppendSorted(dst []byte) []byte {
	switch n.Kind() {
	case String:
		return AppendString(dst, n.Text())
	case List:
		dst = append(dst, '[')
		for item := range n.All() {
			if item != n.first {
				dst = append(dst, ',')
			}
			dst = item.AppendSorted(dst)
		}
		return append(dst, ']')
	case Object:
		members := n.Members()
		slices.SortFunc(members, func(a, b *Node) int { return strings.Compare(a.Name(), b.Name()) })
		dst = append(dst, '{')
		for i, m := range members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = m.AppendSorted(append(AppendString(dst, m.Name()), ':'))
		}
		return append(dst, '}')
	default:
		return n.Append(dst)
	}
}

// Value returns the value as encoding/json reads it into an any, with numbers as [json.Number].
func (n *Node) Value() any {
	switch n.Kind() {
	case Bool:
		return n.IsTrue()
	case Number:
		return n.Digits()
	case String:
		return n.Text()
	case List:
		list := []any{}
		for item := range n.All() {
			list = append(list, item.Value())
		}
		return list
	case Object:
		members := map[string]any{}
		for m := range n.All() {
			members[m.Name()] = m.Value()
		}
		return members
	default:
		return nil
	}
}

// Equal compares two values without regard to the order of members, white space and escapes.
// Numbers are equal if their digits are: as floats, different long ids would be equal.
func Equal(a, b *Node) bool { return string(a.AppendSorted(nil)) == string(b.AppendSorted(nil)) }
