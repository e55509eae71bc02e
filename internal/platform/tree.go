// Package platform reads the platform's own JSON: the hierarchy of parameter definitions with the
// settings of WebHook utilities. It reports what it found, took and refused. It must not judge
// values: [forgehook.DecodeImported] and the rules do. It is pure and shows no secret. Start with
// [Parse], then [Utility.Settle].
package platform

import (
	"slices"
	"strconv"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/jsontree"
)

const (
	// maxDepth bounds the depth of a utility; real hierarchies have about ten levels.
	maxDepth = 64
	// maxUtilities bounds one import: a service has a handful.
	maxUtilities = 100
)

// statusDeleted is the platform's status of a deleted definition.
const statusDeleted = 99

// Parse finds the WebHook utilities of a hierarchy: an object or a list of nodes, each a parameter
// definition with its children. The error is malformed-json, or invalid where there is no utility
// or one cannot be read.
func Parse(data []byte) ([]*Utility, error) {
	tree, err := forgehook.ParseJSON(data)
	if err != nil {
		return nil, err
	}
	var found finder
	found.visit(tree, 0)
	switch {
	case found.tooDeep:
		return nil, forgehook.Invalid(forgehook.FieldError{Allowed: "a hierarchy of at most " + strconv.Itoa(maxDepth) + " levels"})
	case len(found.utilities) > maxUtilities:
		return nil, forgehook.Invalid(forgehook.FieldError{Allowed: "at most " + strconv.Itoa(maxUtilities) + " utilities in one import"})
	case len(found.utilities) == 0:
		return nil, forgehook.Invalid(forgehook.FieldError{Allowed: "the platform's parameter definitions with a WebHook utility among them: " +
			"a node with serviceTypeId 87 and its settings as children, as ParamDef/GetHierachy answers with includeSettings and includeChildren"})
	}
	utilities := make([]*Utility, len(found.utilities))
	for i, root := range found.utilities {
		utilities[i] = newUtility(root, i)
	}
	return utilities, nil
}

// node is one parameter definition. Its members are found in any case: .NET may write PascalCase.
type node struct{ *jsontree.Node }

// finder collects the utilities of a hierarchy. All nodes inside a utility are its settings, even
// one of the utility's type.
type finder struct {
	utilities []node
	tooDeep   bool
}

func (f *finder) visit(tree *jsontree.Node, depth int) {
	if depth > maxDepth {
		f.tooDeep = true
		return
	}
	switch n := (node{tree}); tree.Kind() {
	case jsontree.List:
		for item := range tree.All() {
			f.visit(item, depth+1)
		}
	case jsontree.Object:
		switch {
		case n.deleted():
		case n.integer("serviceTypeId") == forgehook.WebHookServiceType:
			f.utilities = append(f.utilities, n)
		default:
			for _, child := range n.below() {
				f.visit(child, depth+1)
			}
		}
	}
}

// below returns a node's children and the settings that stand apart from them.
func (n node) below() []*jsontree.Node {
	var all []*jsontree.Node
	for _, name := range []string{"children", "settings"} {
		switch m := n.Member(name); m.Kind() {
		case jsontree.List:
			all = slices.AppendSeq(all, m.All())
		case jsontree.Object: // a single node
			all = append(all, m)
		}
	}
	return all
}

func (n node) text(name string) string { return strings.TrimSpace(n.Member(name).Text()) }

// integer reads a number or its text; 0 where none fits.
func (n node) integer(name string) int32 {
	text := string(n.Member(name).Digits()) + n.text(name)
	if number, err := strconv.ParseInt(text, 10, 32); err == nil {
		return int32(number)
	}
	if number, err := strconv.ParseFloat(text, 64); err == nil && number == float64(int32(number)) { // 87.0
		return int32(number)
	}
	return 0
}

// deleted reports whether the platform hides the node as deleted.
func (n node) deleted() bool {
	return n.integer("status") == statusDeleted || strings.EqualFold(n.text("status"), "Deleted")
}

// disabled reports whether the platform has switched the whole definition off; the default is on.
func (n node) disabled() bool {
	if m := n.Member("isEnabled"); m.Kind() == jsontree.Bool {
		return !m.IsTrue()
	}
	on, err := strconv.ParseBool(n.text("isEnabled"))
	return err == nil && !on
}

// setting returns a definition's value, which the platform stores as a text, or nil where it is
// empty. ok is false for a list or an object.
func (n node) setting() (value any, ok bool) {
	for _, name := range []string{"defaultValue", "value"} {
		switch m := n.Member(name); m.Kind() {
		case jsontree.String:
			if text := m.Text(); text != "" {
				return text, true
			}
		case jsontree.Number, jsontree.Bool:
			return m.Value(), true
		case jsontree.List, jsontree.Object:
			return nil, false
		}
	}
	return nil, true
}

// plain reduces a name for comparison: no case, spaces or other separators of labels.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" _-.\t", r) {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// isNamed reports whether a node's name, or else its label, is one of the names.
func (n node) isNamed(names ...string) bool {
	return slices.Contains(names, plain(n.text("name"))) || slices.Contains(names, plain(n.text("label")))
}
