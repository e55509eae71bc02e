package value

import "github.com/forgehook/forgehook"

// MemberFacts is what is known of a member before evaluation.
type MemberFacts struct {
	Type     string // "string", "int", "double", "bool", "timestamp", "duration", "enum", "object", "list" or "dyn"
	Enum     string // of an enum: its kind, "DocumentStatus"
	Object   string // of an object or a list of objects: its type, "Verification"
	Nullable bool
}

// MemberType describes a member of a type of the domain ("Document", "Parameter", ...). ok is false
// for an unknown member.
func MemberType(typeName, member string) (facts MemberFacts, ok bool) {
	if e := entityByName[typeName]; e != nil && e.byName[member] != nil {
		return e.byName[member].facts, true
	}
	return MemberFacts{}, false
}

// MemberNames lists the members of a type of the domain, in the order of the platform's JSON, then
// the derived ones. It is nil for an unknown type.
func MemberNames(typeName string) []string {
	e, ok := entityByName[typeName]
	if !ok {
		return nil
	}
	names := make([]string, len(e.members))
	for i, m := range e.members {
		names[i] = m.name
	}
	return names
}

// EnumTable finds an enum by its kind, such as "DocumentStatus".
func EnumTable(kind string) (forgehook.EnumTable, bool) {
	for _, table := range forgehook.EnumTables() {
		if table.Kind() == kind {
			return table, true
		}
	}
	return forgehook.EnumTable{}, false
}
