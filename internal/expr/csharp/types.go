package csharp

import (
	"slices"
	"strings"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr/value"
)

type kind int

const (
	kindBad    kind = iota // a fault was reported: no further message
	kindNull               // the literal
	kindString             // nullable unless known otherwise
	kindJSON               // what JsonSerializer gives: the value, which becomes text if needed
	kindChar
	kindBool
	kindInt
	kindLong
	kindDouble
	kindTime
	kindSpan
	kindEnum
	kindObject // an entity
	kindList
	kindAnonymous
	kindOther // a known type without use here
)

// typ is a type of C# in a body.
type typ struct {
	kind     kind
	nullable bool   // it may be null
	enum     string // the enum's kind
	object   string // the entity's name
	elem     *typ   // of a list
	fields   []field
	decimal  bool // a double that is a decimal in C#
}

// field is a member of an anonymous object.
type field struct {
	name string
	typ  typ
}

func (t typ) is(kinds ...kind) bool { return slices.Contains(kinds, t.kind) }

func (t typ) orNull() typ {
	t.nullable = true
	return t
}

func (t typ) notNull() typ {
	t.nullable = false
	return t
}

func (t typ) number() bool { return t.is(kindInt, kindLong, kindDouble) }

// value reports whether the type is a struct in C#. For those T and Nullable<T> are different
// types.
func (t typ) value() bool {
	return t.is(kindChar, kindBool, kindInt, kindLong, kindDouble, kindTime, kindSpan, kindEnum)
}

var kindNames = map[kind]string{
	kindNull: "null", kindString: "string", kindJSON: "string", kindChar: "char", kindBool: "bool", kindInt: "int", kindLong: "long",
	kindDouble: "double", kindTime: "DateTime", kindSpan: "TimeSpan", kindAnonymous: "an anonymous object", kindOther: "an object",
}

// String names the type as C# does.
func (t typ) String() string {
	s := kindNames[t.kind]
	switch t.kind {
	case kindEnum:
		s = t.enum
	case kindObject:
		return entityTitle(t.object)
	case kindList:
		return "a list of " + t.elem.String()
	}
	if t.nullable && t.value() {
		s += "?"
	}
	return s
}

func entityTitle(name string) string {
	if name == "Parameter" {
		return "DocumentParameter"
	}
	return name
}

// val is a translated expression: CEL text and its type in C#.
type val struct {
	cel  string
	typ  typ
	atom bool // cel needs no parentheses around it
	safe bool // it cannot fail
	path bool // a variable or a member of one: writing it twice costs nothing
}

var bad = val{cel: "null", atom: true}

// enclosed is the CEL text as an operand.
func (v val) enclosed() string {
	if v.atom {
		return v.cel
	}
	return "(" + v.cel + ")"
}

// global is a variable of the platform's scripts.
type global struct {
	cel string
	typ typ
}

func entity(name string, nullable bool) typ {
	return typ{kind: kindObject, object: name, nullable: nullable}
}

var globals = map[string]global{
	"doc":           {"doc", entity("Document", false)},
	"srcdoc":        {"doc", entity("Document", false)},
	"master":        {"master", entity("Document", true)},
	"masterdoc":     {"master", entity("Document", true)},
	"par":           {"par", entity("Parameter", true)},
	"def":           {"def", entity("ParameterDef", true)},
	"verification":  {"verification", entity("Verification", true)},
	"wi":            {"wi", entity("WorkItem", true)},
	"project":       {"project", entity("Project", false)},
	"service":       {"service", entity("Service", false)},
	"parentservice": {"service", entity("Service", false)},
	"call":          {"call", entity("Call", false)},
	"docs":          {"docs", typ{kind: kindList, elem: &typ{kind: kindObject, object: "Document"}}},
}

// scalarKinds are the kinds for the types of members.
var scalarKinds = map[string]kind{
	"string": kindString, "int": kindInt, "double": kindDouble, "bool": kindBool, "timestamp": kindTime, "duration": kindSpan,
}

// member finds an entity's member by its name in C#: the name in JSON with a capital, or in
// capitals for dates.
func member(object, name string) (json string, t typ, ok bool) {
	for _, candidate := range value.MemberNames(object) {
		if !strings.EqualFold(candidate, name) || strings.ToUpper(name[:1]) != name[:1] {
			continue
		}
		facts, ok := value.MemberType(object, candidate)
		if !ok {
			continue
		}
		return candidate, typeOf(object, candidate, facts), true
	}
	return "", typ{}, false
}

func typeOf(object, member string, facts value.MemberFacts) typ {
	t := typ{nullable: facts.Nullable}
	switch facts.Type {
	case "enum":
		t.kind, t.enum = kindEnum, facts.Enum
	case "object":
		t.kind, t.object, t.nullable = kindObject, facts.Object, true
	case "list":
		elem := typ{kind: kindString, nullable: true}
		if facts.Object != "" {
			elem = entity(facts.Object, false)
		}
		t.kind, t.elem, t.nullable = kindList, &elem, false
	default:
		known, ok := scalarKinds[facts.Type]
		if !ok {
			known = kindOther
		}
		t.kind = known
	}
	t.decimal = object == "Verification" && member == "charge"
	return t
}

// written is a member's name in C#.
func written(json string) string {
	switch json {
	case "dtc", "dtm", "dt":
		return strings.ToUpper(json)
	}
	return strings.ToUpper(json[:1]) + json[1:]
}

func memberNames(object string) []string {
	var names []string
	for _, json := range value.MemberNames(object) {
		names = append(names, written(json))
	}
	switch object {
	case "Document":
		names = append(names, "Class", "Project", "GetValue")
	}
	return names
}

func enumTable(kind string) (forgehook.EnumTable, bool) {
	for _, t := range forgehook.EnumTables() {
		if t.Kind() == kind {
			return t, true
		}
	}
	return forgehook.EnumTable{}, false
}
