// Package jsontree is the one JSON of the project: a tree that keeps what was written, the order of
// members and the digits of numbers, and the one writer of texts. It knows the shape of JSON and of
// Go structs, no word of the domain: what a type means, and what a caller is told, is handed to a
// [Codec]. It imports the standard library only, because the root is built on it. Start with
// [Parse].
package jsontree

import (
	"encoding/json"
	"iter"
	"slices"
	"strings"
)

// Kind says what a value is.
type Kind uint8

// The kinds of values. Null is the zero value: a member that is absent reads as null.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Object
)

// Node is a value in a tree. All methods that read work on nil, which is an absent value. A node is
// safe for concurrent reads; it shares the memory of the text that it was read from.
type Node struct {
	kind  Kind
	key   string // of a member: its name as it is written, in quotes
	raw   string // as it is written; "" of a list or an object
	next  *Node  // of the same list or object
	first *Node  // of what is below
	last  *Node
}

// Kind is what the value is.
func (n *Node) Kind() Kind {
	if n == nil {
		return Null
	}
	return n.kind
}

// IsNull reports null and what is absent.
func (n *Node) IsNull() bool { return n.Kind() == Null }

// IsTrue reports true; anything else is not.
func (n *Node) IsTrue() bool { return n.Kind() == Bool && n.raw == "true" }

// Text is the value of a text, "" of anything else.
func (n *Node) Text() string {
	if n.Kind() != String {
		return ""
	}
	return unquote(n.raw)
}

// Digits is a number as it is written, "" of anything else.
func (n *Node) Digits() json.Number {
	if n.Kind() != Number {
		return ""
	}
	return json.Number(n.raw)
}

// Name is the name of a member in its object, "" of an item or a root.
func (n *Node) Name() string {
	if n == nil || n.key == "" {
		return ""
	}
	return unquote(n.key)
}

// All gives the members of an object, or the items of a list, as they are written: a name that
// stands there twice comes twice.
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

// Len is how many members or items there are, as they are written.
func (n *Node) Len() (length int) {
	for range n.All() {
		length++
	}
	return length
}

// Members gives the members that count, in their order: of those with one name the last, where the
// first stands.
func (n *Node) Members() []*Node {
	if n.Kind() != Object {
		return nil
	}
	var list []*Node
	places := map[string]int{}
	for m := range n.All() {
		name := m.Name()
		if i, twice := places[name]; twice {
			list[i] = m
			continue
		}
		places[name] = len(list)
		list = append(list, m)
	}
	return list
}

// Member finds a member by its exact name, else in any case; nil where there is none. Of two with
// the exact name the last counts, of two other spellings the first in byte order: so the same input
// always reads the same.
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

// member is what was found so far for a name.
type member struct {
	node  *Node
	given string
}

// offer takes a member in the place of the one found so far where it comes before that.
func (f *member) offer(m *Node, given, wanted string) {
	if f.node == nil || given == wanted || f.given != wanted && given <= f.given {
		f.node, f.given = m, given
	}
}

// At is the member that a path of exact names leads to, such as webHook.url; nil where there is
// none.
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

// Append writes the value without white space between its parts; all else is as it was written: the
// order of members, the digits of numbers, the escapes in texts. What is absent is null.
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

// String is what [Node.Append] writes.
func (n *Node) String() string { return string(n.Append(nil)) }

// AppendSorted writes the value so that equal values are equal bytes, however they were spelt:
// members that count, by name, and texts with the escapes of [AppendString]. Numbers keep their
// digits.
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

// Value is the value as encoding/json reads it into an any, with numbers as [json.Number].
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

// Equal reports whether two values are the same, whatever the order of members, the white space and
// the escapes. Numbers are the same where they are written so: as floats, long ids would be.
func Equal(a, b *Node) bool { return string(a.AppendSorted(nil)) == string(b.AppendSorted(nil)) }
