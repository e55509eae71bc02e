package csharp

import (
	"slices"
	"strings"
)

func (t *translator) call(n *node) val {
	if n.x.kind == nodeMember {
		switch class := t.static(n.x.x); {
		case class == "module":
			return t.moduleCall(n)
		case class != "":
			return t.staticCall(n, class)
		}
		return t.methodCall(n)
	}
	if n.x.kind == nodeName {
		if hint, ok := refusedClasses[n.x.text]; ok {
			return t.refuse(n.x, "%s is not translated: %s", n.x.text, hint)
		}
		return t.refuse(n.x, "there is no function %s", n.x.text)
	}
	return t.refuse(n, "only methods are called")
}

// staticCall translates string.Join, JsonSerializer.Serialize and the like.
func (t *translator) staticCall(n *node, class string) val {
	switch class + "." + n.x.text {
	case "JsonSerializer.Serialize":
		return t.serialize(n)
	case "string.Join", "String.Join":
		return t.join(n)
	case "string.IsNullOrEmpty", "String.IsNullOrEmpty":
		return t.textTest(n, "cs_isEmpty")
	case "string.IsNullOrWhiteSpace", "String.IsNullOrWhiteSpace":
		return t.textTest(n, "cs_isBlank")
	case "string.Equals", "String.Equals":
		if len(n.args) == 2 {
			return t.binary(&node{kind: nodeBinary, at: n.at, end: n.end, text: "==", x: n.args[0], args: n.args[1:]})
		}
	}
	for _, arg := range n.args {
		if arg.kind != nodeLambda {
			t.expr(arg) // for the faults in it
		}
	}
	return t.staticMember(n.x, class)
}

func (t *translator) textTest(n *node, function string) val {
	if len(n.args) != 1 {
		return t.refuse(n, "write one text between the brackets")
	}
	v, ok := t.stringArgument(n.args[0])
	if !ok {
		return bad
	}
	return val{cel: function + "(" + v.cel + ")", typ: typ{kind: kindBool}, atom: true, safe: v.safe}
}

func (t *translator) stringArgument(n *node) (val, bool) {
	v := t.settled(n, t.expr(n))
	switch v.typ.kind {
	case kindBad:
		return bad, false
	case kindString, kindNull:
		return v, true
	}
	t.refuse(n, "a string is needed here, but this is %s", v.typ)
	return bad, false
}

func (t *translator) join(n *node) val {
	if len(n.args) < 2 {
		return t.refuse(n, "write string.Join(separator, list)")
	}
	separator := t.settled(n.args[0], t.expr(n.args[0]))
	if separator.typ.kind == kindBad {
		return bad
	}
	if !separator.typ.is(kindString, kindChar, kindNull) {
		return t.refuse(n.args[0], "the separator must be a string, this is %s", separator.typ)
	}
	var texts []string
	for _, arg := range n.args[1:] {
		v := t.expr(arg)
		if v.typ.kind == kindList && len(n.args) == 2 {
			return val{cel: "cs_join(" + separator.cel + ", " + t.texts(arg, v) + ")", typ: typ{kind: kindString}, atom: true}
		}
		texts = append(texts, t.text(arg, v))
	}
	return val{cel: "cs_join(" + separator.cel + ", [" + strings.Join(texts, ", ") + "])", typ: typ{kind: kindString}, atom: true}
}

// texts makes a list of the elements' texts. cs_join needs no conversion of strings.
func (t *translator) texts(n *node, list val) string {
	if list.typ.elem.kind == kindString {
		return list.cel
	}
	name := t.celName("x")
	defer func() { t.taken[name] = false }()
	return list.enclosed() + ".map(" + name + ", " + t.text(n, val{cel: name, typ: *list.typ.elem, atom: true}) + ")"
}

// moduleCall translates the platform's lookups of what the call carries.
func (t *translator) moduleCall(n *node) val {
	document := func(i int) bool {
		if v := t.expr(n.args[i]); v.typ.kind == kindBad || v.cel == "doc" {
			return v.cel == "doc"
		}
		t.refuse(n.args[i], "only doc is known here: a call carries the fields and the master of its document")
		return false
	}
	number := func(i int) (val, bool) {
		v := t.expr(n.args[i])
		if v.typ.kind == kindBad {
			return bad, false
		}
		if !v.typ.is(kindInt, kindLong) {
			t.refuse(n.args[i], "an id is needed here, but this is %s", v.typ)
			return bad, false
		}
		if v.typ.nullable {
			v = val{cel: "cs_value(" + v.cel + ")", typ: v.typ.notNull(), atom: true}
		}
		return v, true
	}
	name, count := n.x.text, len(n.args)
	switch {
	case name == "FindParameter" && count == 1:
		if id, ok := number(0); ok {
			return val{cel: "cs_existing(doc.field(" + id.cel + "))", typ: entity("Parameter", true), atom: true, safe: id.safe}
		}
	case name == "FindParameterDef" && count == 1:
		if id, ok := number(0); ok {
			return val{cel: "doc.definition(" + id.cel + ")", typ: entity("ParameterDef", true), atom: true, safe: id.safe}
		}
	case name == "GetParameters" && count == 2:
		known := document(0)
		if id, ok := number(1); ok && known {
			elem := entity("Parameter", false)
			return val{cel: "doc.fields(" + id.cel + ")", typ: typ{kind: kindList, elem: &elem}, atom: true, safe: id.safe}
		}
	case name == "GetDocumentMaster" && count == 1:
		if document(0) {
			return val{cel: "master", typ: entity("Document", true), atom: true, safe: true, path: true}
		}
	case name == "GetClass" && count == 1:
		if v := t.expr(n.args[0]); v.typ.kind != kindBad {
			if v.cel != "doc.classId" && v.cel != "cs_value(doc.classId)" && !strings.HasPrefix(v.cel, "(doc.classId != null ?") {
				return t.refuse(n.args[0], "only doc.ClassId is known here: a call carries the category of its document")
			}
			return val{cel: "category", typ: entity("Category", true), atom: true, safe: true, path: true}
		}
	default:
		return t.refuse(n.x, "only %s of module are translated: a call carries nothing else of the platform", moduleMethods)
	}
	return bad
}

// methodCall translates x.Method(arguments).
func (t *translator) methodCall(n *node) val {
	x := t.settled(n.x.x, t.expr(n.x.x))
	if x.typ.kind == kindBad {
		return bad
	}
	if n.x.text == "ToString" {
		return t.toString(n, x)
	}
	if n.x.text == "Equals" && len(n.args) == 1 && !x.typ.nullable && x.typ.kind != kindObject {
		right := t.settled(n.args[0], t.expr(n.args[0]))
		if right.typ.kind == kindBad {
			return bad
		}
		return t.equality(&node{at: n.x.at, end: n.end, text: "=="}, x, right)
	}
	switch x.typ.kind {
	case kindString:
		return t.stringMethod(n, x)
	case kindList:
		return t.listMethod(n, x)
	case kindTime:
		return t.timeMethod(n, x)
	case kindEnum:
		if n.x.text == "HasFlag" && len(n.args) == 1 {
			flag := t.expr(n.args[0])
			if flag.typ.kind == kindBad {
				return bad
			}
			if !same(flag.typ, x.typ) || flag.typ.nullable {
				return t.refuse(n.args[0], "a flag of %s is needed here", x.typ.enum)
			}
			return val{cel: "cs_hasFlag(cs_value(" + x.cel + "), " + flag.cel + ")", typ: typ{kind: kindBool}, atom: true, safe: x.safe && flag.safe && !x.typ.nullable}
		}
	case kindObject:
		if x.typ.object == "Document" && n.x.text == "GetValue" && len(n.args) == 1 {
			name, ok := t.stringArgument(n.args[0])
			if !ok {
				return bad
			}
			return val{cel: "cs_existing(" + x.enclosed() + ".field(" + name.cel + "))", typ: entity("Parameter", true), atom: true, safe: x.safe && !x.typ.nullable && !name.typ.nullable}
		}
	}
	return t.noMethod(n, x)
}

func (t *translator) noMethod(n *node, x val) val {
	if hint, ok := refusedMembers[n.x.text]; ok {
		return t.refuse(n.x, "%s is not translated: %s", n.x.text, hint)
	}
	if known := methods[x.typ.kind]; known != nil {
		if slices.Contains(known, n.x.text) {
			return t.refuse(n, "%s is not translated with these arguments", n.x.text)
		}
		return t.refuse(n.x, "%s of %s is not translated%s. Translated are %s", n.x.text, x.typ, didYouMean(n.x.text, known), strings.Join(known, ", "))
	}
	return t.noMember(n.x, x)
}

// methods are the methods that messages name.
var methods = map[kind][]string{
	kindString: {"ToString", "Trim", "TrimStart", "TrimEnd", "ToUpper", "ToUpperInvariant", "ToLower", "ToLowerInvariant", "Replace", "Substring", "Contains", "StartsWith", "EndsWith", "Split", "PadLeft", "PadRight", "Equals"},
	kindList:   {"Where", "Select", "First", "FirstOrDefault", "Last", "LastOrDefault", "Any", "All", "Count", "Sum", "OrderBy", "OrderByDescending", "Distinct", "Contains", "ToList", "ToArray"},
	kindTime:   {"ToString", "ToUniversalTime", "AddDays", "AddHours", "AddMinutes", "AddSeconds"},
}

// toString translates ToString(), ToString(format) and ToString(format,
// CultureInfo.InvariantCulture).
func (t *translator) toString(n *node, x val) val {
	args := n.args
	if len(args) > 0 && t.invariant(args[len(args)-1]) {
		args = args[:len(args)-1]
	}
	if len(args) > 1 {
		return t.refuse(args[1], "only CultureInfo.InvariantCulture is translated: write a CEL expression with text(x, format, \"de-DE\") for another culture")
	}
	if len(args) == 1 && args[0].kind != nodeString {
		if v := t.expr(args[0]); v.typ.kind != kindBad {
			return t.refuse(args[0], "the format must be a literal string")
		}
		return bad
	}
	out := val{typ: typ{kind: kindString}, atom: true, safe: x.safe}
	if x.typ.nullable && (!x.typ.value() || len(args) == 1) {
		// A method of null fails. C# has only ToString() without a format on nullable values.
		x = val{cel: "cs_value(" + x.cel + ")", typ: x.typ.notNull(), atom: true}
		out.safe = false
	}
	if len(args) == 0 {
		out.cel = t.text(n, x)
		return out
	}
	if x.typ.is(kindString, kindBool, kindChar) {
		return t.refuse(args[0], "ToString of %s takes no format", x.typ)
	}
	out.cel = t.formatted(args[0], x, args[0].value.(string))
	return out
}

// invariant reports whether an argument is the invariant culture.
func (t *translator) invariant(n *node) bool {
	return n.kind == nodeMember && n.text == "InvariantCulture" && n.x.kind == nodeName && n.x.text == "CultureInfo"
}

func (t *translator) timeMethod(n *node, x val) val {
	units := map[string]string{"AddDays": "days", "AddHours": "hours", "AddMinutes": "minutes", "AddSeconds": "seconds"}
	unit, adds := units[n.x.text]
	switch {
	case n.x.text == "ToUniversalTime" && len(n.args) == 0:
		if x.typ.nullable {
			return val{cel: "cs_value(" + x.cel + ")", typ: x.typ.notNull(), atom: true}
		}
		return x
	case adds && len(n.args) == 1:
		by := t.expr(n.args[0])
		if by.typ.kind == kindBad {
			return bad
		}
		if !by.typ.number() || by.typ.nullable {
			return t.refuse(n.args[0], "a number is needed here, but this is %s", by.typ)
		}
		return val{cel: "cs_add(cs_value(" + x.cel + "), " + by.cel + ", " + quote(unit) + ")", typ: typ{kind: kindTime}, atom: true}
	}
	return t.noMethod(n, x)
}
