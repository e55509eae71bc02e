package csharp

import (
	"strconv"
	"strings"

	"github.com/forgehook/forgehook"
)

const moduleMethods = "FindParameter(defId), FindParameterDef(id), GetParameters(doc, defId), GetDocumentMaster(doc) and GetClass(doc.ClassId)"

func (t *translator) nearestName(name string) string {
	var known []string
	for g := range globals {
		known = append(known, g)
	}
	for _, l := range t.scope {
		known = append(known, l.name)
	}
	return didYouMean(name, known)
}

func didYouMean(got string, candidates []string) string {
	if near := forgehook.Nearest(got, candidates); near != "" {
		return ": did you mean " + near + "?"
	}
	return ""
}

// static returns the name before the dot if it is a class, such as DateTime, string or an enum.
func (t *translator) static(n *node) string {
	switch {
	case n.kind == nodeMember && n.text == "JsonSerializer" && n.x.kind == nodeMember && n.x.text == "Json":
		return "JsonSerializer" // System.Text.Json.JsonSerializer
	case n.kind != nodeName:
		return ""
	}
	for _, l := range t.scope {
		if l.name == n.text {
			return ""
		}
	}
	if _, ok := globals[n.text]; ok {
		return ""
	}
	return n.text
}

func (t *translator) member(n *node) val {
	switch class := t.static(n.x); {
	case class == "stpd":
		if n.text == "Id" {
			return val{cel: "call.webHookServiceId", typ: typ{kind: kindInt}, atom: true, safe: true, path: true}
		}
		return t.refuse(n, "only stpd.Id of the utility is known; its service is the variable service")
	case class == "module":
		return t.refuse(n, "only %s of module are translated", moduleMethods)
	case class != "":
		return t.staticMember(n, class)
	}
	x := t.settled(n.x, t.expr(n.x))
	if x.typ.kind == kindBad {
		return bad
	}
	if v, ok := t.nullableMember(n, x); ok {
		return v
	}
	out := func(cel string, of typ) val { return val{cel: cel, typ: of, atom: true} }
	switch x.typ.kind {
	case kindObject:
		return t.entityMember(n, x)
	case kindAnonymous:
		for _, f := range x.typ.fields {
			if f.name == n.text {
				return val{cel: x.enclosed() + "[" + quote(n.text) + "]", typ: f.typ, atom: true, safe: x.safe && !x.typ.nullable, path: x.path && !x.typ.nullable}
			}
		}
		return t.refuse(n, "the object has no member %s", n.text)
	case kindString:
		if n.text == "Length" {
			return out("cs_length("+x.cel+")", typ{kind: kindInt})
		}
	case kindList:
		if n.text == "Count" || n.text == "Length" {
			return val{cel: "size(" + x.cel + ")", typ: typ{kind: kindInt}, atom: true, safe: x.safe}
		}
	case kindTime:
		if method, ok := dateParts[n.text]; ok {
			return out("("+x.enclosed()+"."+method+")", typ{kind: kindInt})
		}
		if n.text == "Date" {
			return out("cs_date("+x.cel+")", typ{kind: kindTime})
		}
	case kindSpan:
		if unit, ok := spanUnits[n.text]; ok {
			return out("cs_total("+x.cel+", "+quote(unit)+")", typ{kind: kindDouble})
		}
	}
	return t.noMember(n, x)
}

// dateParts are CEL's methods. All of them but getDate count months and days from 0.
var dateParts = map[string]string{
	"Year": "getFullYear()", "Month": "getMonth() + 1", "Day": "getDate()", "Hour": "getHours()", "Minute": "getMinutes()", "Second": "getSeconds()",
	"Millisecond": "getMilliseconds()",
}

var spanUnits = map[string]string{
	"TotalDays": "days", "TotalHours": "hours", "TotalMinutes": "minutes", "TotalSeconds": "seconds", "TotalMilliseconds": "milliseconds",
}

// nullableMember translates HasValue and Value of a nullable value.
func (t *translator) nullableMember(n *node, x val) (val, bool) {
	if n.text != "HasValue" && n.text != "Value" || !x.typ.value() {
		return val{}, false
	}
	if !x.typ.nullable {
		return t.refuse(n, "%s is never null: leave out .%s", x.typ, n.text), true
	}
	if n.text == "HasValue" {
		return t.nullTest(x, true), true
	}
	return val{cel: "cs_value(" + x.cel + ")", typ: x.typ.notNull(), atom: true}, true
}

func (t *translator) entityMember(n *node, x val) val {
	if x.typ.object == "Document" && (n.text == "Class" || n.text == "Project") {
		if x.cel != "doc" {
			return t.refuse(n, "only doc.%s is known: a call carries the %s of its document", n.text, strings.ToLower(n.text))
		}
		if n.text == "Class" {
			return val{cel: "category", typ: entity("Category", true), atom: true, safe: true, path: true}
		}
		return val{cel: "project", typ: entity("Project", false), atom: true, safe: true, path: true}
	}
	if json, of, ok := member(x.typ.object, n.text); ok {
		return val{cel: x.enclosed() + "." + json, typ: of, atom: true, safe: x.safe && !x.typ.nullable, path: x.path && !x.typ.nullable}
	}
	return t.noMember(n, x)
}

func (t *translator) noMember(n *node, x val) val {
	if hint, ok := refusedMembers[n.text]; ok {
		return t.refuse(n, "%s is not translated: %s", n.text, hint)
	}
	if x.typ.kind == kindObject {
		names := memberNames(x.typ.object)
		near := didYouMean(n.text, names)
		if near == "" {
			near = ". It has " + strings.Join(names, ", ")
		}
		return t.refuse(n, "%s has no such member%s", entityTitle(x.typ.object), near)
	}
	return t.refuse(n, "%s of %s is not translated", n.text, x.typ)
}

// staticMember translates DateTime.UtcNow, string.Empty or a member of an enum.
func (t *translator) staticMember(n *node, class string) val {
	if table, ok := enumTable(class); ok {
		for _, name := range table.Names() {
			if name == n.text {
				return val{cel: class + "." + name, typ: typ{kind: kindEnum, enum: class}, atom: true, safe: true, path: true}
			}
		}
		near := didYouMean(n.text, table.Names())
		if near == "" {
			near = ". It has " + strings.Join(table.Names(), ", ")
		}
		return t.refuse(n, "%s has no such member%s", class, near)
	}
	switch class + "." + n.text {
	case "DateTime.UtcNow":
		return val{cel: "now", typ: typ{kind: kindTime}, atom: true, safe: true, path: true}
	case "DateTime.Now", "DateTime.Today":
		return t.refuse(n, "the server's time zone must not change a body: write DateTime.UtcNow, the time at which the call was accepted")
	case "string.Empty", "String.Empty":
		return val{cel: `""`, typ: typ{kind: kindString}, atom: true, safe: true}
	case "int.MaxValue":
		return val{cel: strconv.Itoa(1<<31 - 1), typ: typ{kind: kindInt}, atom: true, safe: true}
	}
	if hint, ok := refusedClasses[class]; ok {
		return t.refuse(n, "%s is not translated: %s", class, hint)
	}
	if hint, ok := refusedMembers[n.text]; ok {
		return t.refuse(n, "%s is not translated: %s", n.text, hint)
	}
	if class == "System" || class == "string" || class == "DateTime" || class == "JsonSerializer" || class == "int" || class == "double" || class == "decimal" {
		return t.refuse(n, "%s.%s is not translated", class, n.text)
	}
	whole := *n.x
	return t.name(&whole)
}
