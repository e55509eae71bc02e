package csharp

import "strings"

// serialize translates JsonSerializer.Serialize(value).
func (t *translator) serialize(n *node) val {
	switch {
	case len(n.args) == 0:
		return t.refuse(n, "write the value between the brackets: JsonSerializer.Serialize(new { doc.Id })")
	case len(n.args) > 1:
		t.refuse(n.args[1], "options of the serializer are not translated: write the members as they should appear, such as new { id = doc.Id }")
	}
	v := t.data(n.args[0])
	if v.typ.kind == kindBad {
		return bad
	}
	return val{cel: v.cel, typ: typ{kind: kindJSON}, atom: v.atom, safe: v.safe}
}

func (t *translator) anonymous(n *node) val { return t.object(n, t.expr) }

// object translates new { ... }. Its members are values or JSON data.
func (t *translator) object(n *node, translate func(*node) val) val {
	out := val{typ: typ{kind: kindAnonymous}, atom: true, safe: true}
	members := make([]string, len(n.args))
	for i, arg := range n.args {
		v := t.settled(arg, translate(arg))
		if v.typ.kind == kindNull {
			v.typ = typ{kind: kindString, nullable: true} // object in C#, always null here
		}
		if v.typ.kind == kindBad {
			out.typ.kind = kindBad
		}
		members[i] = quote(n.names[i].text) + ": " + v.cel
		out.typ.fields = append(out.typ.fields, field{n.names[i].text, v.typ})
		out.safe = out.safe && v.safe
	}
	if out.typ.kind == kindBad {
		return bad
	}
	out.cel = "{" + strings.Join(members, ", ") + "}"
	return out
}

// data translates a value for JSON: dates as .NET writes them, anything else as it is. It descends
// to the objects and lists in the code, so that their members are converted too.
func (t *translator) data(n *node) val {
	switch n.kind {
	case nodeAnonymous:
		return t.object(n, t.data)
	case nodeArray:
		if n.text != "" && n.text != "object" {
			break
		}
		out := val{typ: typ{kind: kindList, elem: &typ{kind: kindOther}}, atom: true, safe: true}
		items := make([]string, len(n.args))
		for i, arg := range n.args {
			v := t.data(arg)
			if v.typ.kind == kindBad {
				return bad
			}
			items[i], out.safe = v.cel, out.safe && v.safe
		}
		out.cel = "[" + strings.Join(items, ", ") + "]"
		return out
	case nodeTernary:
		return t.dataTernary(n)
	case nodeCall:
		if v, ok := t.dataList(n); ok {
			return v
		}
	}
	return t.converted(n, t.settled(n, t.expr(n)))
}

// dataTernary keeps the objects on both sides of ?: whole.
func (t *translator) dataTernary(n *node) val {
	condition, yes, no := t.condition(n.x), t.data(n.args[0]), t.data(n.args[1])
	if condition.typ.kind == kindBad || yes.typ.kind == kindBad || no.typ.kind == kindBad {
		return bad
	}
	return val{
		cel: "(" + condition.enclosed() + " ? dyn(" + yes.cel + ") : dyn(" + no.cel + "))", typ: typ{kind: kindOther, nullable: true}, atom: true,
		safe: condition.safe && yes.safe && no.safe,
	}
}

// dataList translates list.Select(x => new { ... }), with or without ToList.
func (t *translator) dataList(n *node) (val, bool) {
	if n.x.kind != nodeMember {
		return val{}, false
	}
	switch n.x.text {
	case "ToList", "ToArray":
		if len(n.args) == 0 && n.x.x.kind == nodeCall {
			return t.dataList(n.x.x)
		}
	case "Select":
		if len(n.args) != 1 || n.args[0].kind != nodeLambda || t.static(n.x.x) != "" {
			return val{}, false
		}
		x := t.settled(n.x.x, t.expr(n.x.x))
		switch x.typ.kind {
		case kindBad:
			return bad, true
		case kindList:
			return t.selected(n, x, t.data), true
		}
		return t.noMethod(n, x), true
	}
	return val{}, false
}

// converted makes JSON data of a value by its type.
func (t *translator) converted(n *node, v val) val {
	switch v.typ.kind {
	case kindTime:
		return val{cel: "cs_jsonTime(" + v.cel + ")", typ: typ{kind: kindString, nullable: v.typ.nullable}, atom: true, safe: v.safe}
	case kindSpan:
		return val{cel: "cs_jsonSpan(" + v.cel + ")", typ: typ{kind: kindString, nullable: v.typ.nullable}, atom: true, safe: v.safe}
	case kindObject:
		return t.refuse(n, "a whole %s is not written: in C# it would have PascalCase names and hidden members. "+
			"Leave webHook.body empty for the default payload, or name the members: new { %s.Id }", v.typ, n.sourceName())
	case kindOther:
		return t.refuse(n, "this member is not translated: its JSON in C# is not known")
	case kindList:
		if plain(*v.typ.elem) {
			return v
		}
		name := t.celName("x")
		item := t.converted(n, val{cel: name, typ: *v.typ.elem, atom: true, safe: true, path: true})
		t.taken[name] = false
		if item.typ.kind == kindBad {
			return bad
		}
		return val{cel: v.enclosed() + ".map(" + name + ", " + item.cel + ")", typ: typ{kind: kindList, elem: &item.typ}, atom: true, safe: v.safe && item.safe}
	case kindAnonymous:
		if plain(v.typ) {
			return v
		}
		return t.convertedObject(n, v)
	}
	return v
}

// plain reports whether a value is JSON data without conversion.
func plain(of typ) bool {
	switch of.kind {
	case kindTime, kindSpan, kindObject, kindOther:
		return false
	case kindList:
		return plain(*of.elem)
	case kindAnonymous:
		for _, f := range of.fields {
			if !plain(f.typ) {
				return false
			}
		}
	}
	return true
}

func (t *translator) convertedObject(n *node, v val) val {
	name := t.celName("o")
	defer func() { t.taken[name] = false }()
	out := val{typ: typ{kind: kindAnonymous}, atom: true, safe: v.safe}
	members := make([]string, len(v.typ.fields))
	for i, f := range v.typ.fields {
		member := t.converted(n, val{cel: name + "[" + quote(f.name) + "]", typ: f.typ, atom: true, safe: true})
		if member.typ.kind == kindBad {
			return bad
		}
		members[i] = quote(f.name) + ": " + member.cel
		out.typ.fields = append(out.typ.fields, field{f.name, member.typ})
	}
	object := "{" + strings.Join(members, ", ") + "}"
	if v.typ.nullable {
		object = "(" + name + " == null ? dyn(null) : dyn(" + object + "))"
	}
	out.typ.nullable = v.typ.nullable
	out.cel = "cel.bind(" + name + ", dyn(" + v.cel + "), " + object + ")"
	return out
}

// sourceName names an operand in messages.
func (n *node) sourceName() string {
	if n.kind == nodeName || n.kind == nodeMember {
		return n.text
	}
	return "it"
}
