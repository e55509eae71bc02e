package csharp

import (
	"strconv"
	"strings"
)

// listMethod translates LINQ on a list.
func (t *translator) listMethod(n *node, x val) val {
	method, count := n.x.text, len(n.args)
	elem := *x.typ.elem
	out := func(cel string, of typ, safe bool) val { return val{cel: cel, typ: of, atom: true, safe: safe} }
	if count > 1 {
		return t.noMethod(n, x)
	}
	switch method {
	case "ToList", "ToArray", "AsEnumerable":
		if count == 0 {
			return x
		}
	case "Where":
		if count == 1 {
			return t.filtered(n, x)
		}
	case "Select":
		if count == 1 {
			return t.selected(n, x, t.expr)
		}
	case "First", "FirstOrDefault":
		return t.first(n, x)
	case "Last", "LastOrDefault":
		if count == 1 {
			if x = t.filtered(n, x); x.typ.kind == kindBad {
				return bad
			}
		}
		return t.element(x, "cs_last", method == "LastOrDefault")
	case "Any", "All":
		if count == 0 && method == "Any" {
			return out("(size("+x.cel+") > 0)", typ{kind: kindBool}, x.safe)
		}
		if count == 1 {
			return t.fold(n, x, "cs_"+strings.ToLower(method), typ{kind: kindBool})
		}
	case "Count":
		if count == 1 {
			if x = t.filtered(n, x); x.typ.kind == kindBad {
				return bad
			}
		}
		return out("size("+x.cel+")", typ{kind: kindInt}, x.safe)
	case "Sum":
		if count == 1 {
			if x = t.selected(n, x, t.expr); x.typ.kind == kindBad {
				return bad
			}
			elem = *x.typ.elem
		}
		if !elem.number() {
			return t.refuse(n, "only numbers are summed, these are %s: text becomes a number in a CEL expression with number(...)", elem)
		}
		sum := out("cs_sum("+x.cel+", "+quote(calculation(elem.kind))+")", typ{kind: elem.kind}, false)
		sum.typ.decimal = elem.decimal
		return sum
	case "OrderBy", "OrderByDescending":
		if count == 1 {
			return t.ordered(n, x)
		}
	case "Distinct":
		if count == 0 {
			if !elem.value() && elem.kind != kindString {
				return t.refuse(n, "only texts, numbers and the like are made distinct: write .Select(x => x.Id).Distinct()")
			}
			return out("cs_distinct("+x.cel+")", x.typ, x.safe)
		}
	case "Contains":
		if count == 1 {
			v := t.settled(n.args[0], t.expr(n.args[0]))
			if v.typ.kind == kindBad {
				return bad
			}
			if !same(v.typ, elem) || !elem.value() && elem.kind != kindString || v.typ.value() && v.typ.nullable && !elem.nullable {
				return t.refuse(n.args[0], "the list holds %s, this is %s", elem, v.typ)
			}
			return out("(dyn("+v.cel+") in "+x.enclosed()+")", typ{kind: kindBool}, x.safe && v.safe)
		}
	}
	return t.noMethod(n, x)
}

// with translates the body of a lambda over a list's elements. name is the element's name in CEL.
func (t *translator) with(n *node, elem typ, translate func(*node) val) (name string, body val) {
	lambda := n.args[0]
	if lambda.kind != nodeLambda {
		return "", t.refuse(lambda, "write a lambda: x => ...")
	}
	before := len(t.scope)
	name = t.bind(lambda.text, lambda.at, lambda.at+len(lambda.text), val{typ: elem})
	body = translate(lambda.x)
	t.scope = t.scope[:before]
	t.taken[name] = false
	return name, body
}

func (t *translator) filtered(n *node, x val) val {
	name, body := t.with(n, *x.typ.elem, t.condition)
	if body.typ.kind == kindBad {
		return bad
	}
	return val{cel: x.enclosed() + ".filter(" + name + ", " + body.cel + ")", typ: x.typ, atom: true, safe: x.safe && body.safe}
}

func (t *translator) selected(n *node, x val, translate func(*node) val) val {
	name, body := t.with(n, *x.typ.elem, translate)
	if body.typ.kind == kindBad {
		return bad
	}
	body = t.settled(n.args[0], body)
	if body.typ.kind == kindNull {
		return t.refuse(n.args[0], "null alone has no type: write the value")
	}
	elem := body.typ
	return val{cel: x.enclosed() + ".map(" + name + ", " + body.cel + ")", typ: typ{kind: kindList, elem: &elem}, atom: true, safe: x.safe && body.safe}
}

// fold translates to a macro that stops where C# stops.
func (t *translator) fold(n *node, x val, macro string, result typ) val {
	name, body := t.with(n, *x.typ.elem, t.condition)
	if body.typ.kind == kindBad {
		return bad
	}
	return val{cel: macro + "(" + x.cel + ", " + name + ", " + body.cel + ")", typ: result, atom: true, safe: x.safe && body.safe}
}

func (t *translator) first(n *node, x val) val {
	if len(n.args) == 1 {
		elem := *x.typ.elem
		x = t.fold(n, x, "cs_find", typ{kind: kindList, elem: &elem})
		if x.typ.kind == kindBad {
			return bad
		}
	}
	return t.element(x, "cs_first", n.x.text == "FirstOrDefault")
}

// element translates First and Last. On an empty list they fail or give the type's default.
func (t *translator) element(x val, function string, orDefault bool) val {
	elem := *x.typ.elem
	if !orDefault {
		return val{cel: function + "(" + x.cel + ")", typ: elem, atom: true}
	}
	fallback := "null"
	if elem.value() && !elem.nullable {
		fallback = defaults[elem.kind]
	} else {
		elem.nullable = true
	}
	return val{cel: function + "(" + x.cel + ", " + fallback + ")", typ: elem, atom: true, safe: x.safe}
}

// defaults of value types in CEL.
var defaults = map[kind]string{
	kindBool: "false", kindInt: "0", kindLong: "0", kindDouble: "0.0", kindEnum: "0", kindChar: `"\u0000"`,
	kindTime: `timestamp("0001-01-01T00:00:00Z")`, kindSpan: `duration("0s")`,
}

func (t *translator) ordered(n *node, x val) val {
	list, bound := x.enclosed(), ""
	if !x.path {
		t.made++
		bound = "cs_" + strconv.Itoa(t.made)
		list = bound
	}
	name, key := t.with(n, *x.typ.elem, t.expr)
	key = t.settled(n.args[0], key)
	switch {
	case key.typ.kind == kindBad:
		return bad
	case !key.typ.is(kindString, kindBool, kindInt, kindLong, kindDouble, kindTime, kindSpan, kindEnum):
		return t.refuse(n.args[0], "lists are ordered by numbers, dates and texts, this is %s", key.typ)
	}
	cel := "cs_order(" + list + ", " + list + ".map(" + name + ", " + key.cel + "), " + strconv.FormatBool(n.x.text == "OrderByDescending") + ")"
	if bound != "" {
		cel = "cel.bind(" + bound + ", " + x.cel + ", " + cel + ")"
	}
	return val{cel: cel, typ: x.typ, atom: true}
}

// index translates x[i] of a list or a string.
func (t *translator) index(n *node) val {
	x := t.settled(n.x, t.expr(n.x))
	if x.typ.kind == kindBad {
		return bad
	}
	if len(n.args) != 1 {
		return t.refuse(n, "write one index in the brackets")
	}
	i := t.expr(n.args[0])
	if i.typ.kind == kindBad {
		return bad
	}
	if i.typ.kind != kindInt || i.typ.nullable {
		return t.refuse(n.args[0], "the index must be an int, but this is %s", i.typ)
	}
	switch x.typ.kind {
	case kindString:
		return val{cel: "cs_at(" + x.cel + ", " + i.cel + ")", typ: typ{kind: kindChar}, atom: true}
	case kindList:
		return val{cel: "cs_at(" + x.cel + ", " + i.cel + ")", typ: *x.typ.elem, atom: true}
	}
	return t.refuse(n, "%s has no index", x.typ)
}

func (t *translator) array(n *node) val {
	if n.text != "" {
		if _, ok := namedType(n.text); !ok && n.text != "object" {
			return t.refuse(n, "arrays of %s are not translated: write new[] { ... }", n.text)
		}
	}
	if len(n.args) == 0 {
		elem := typ{kind: kindString, nullable: true}
		if named, ok := namedType(n.text); ok {
			elem = named
		}
		return val{cel: "[]", typ: typ{kind: kindList, elem: &elem}, atom: true, safe: true}
	}
	values := make([]val, len(n.args))
	common := typ{kind: kindNull}
	safe := true
	for i, arg := range n.args {
		v := t.settled(arg, t.expr(arg))
		if v.typ.kind == kindBad {
			return bad
		}
		values[i], safe = v, safe && v.safe
		switch _, _, both, ok := unify(val{typ: common}, v); {
		case i == 0:
			common = v.typ
		case v.typ.kind == kindNull && common.kind == kindNull:
		case !ok:
			return t.refuse(arg, "all values of an array must have one type, these are %s and %s", common, v.typ)
		default:
			common = both
		}
	}
	if named, ok := namedType(n.text); ok {
		for i, v := range values {
			if values[i] = t.convert(n.args[i], v, named); values[i].typ.kind == kindBad {
				return bad
			}
		}
		common = named
	}
	if common.kind == kindNull {
		return t.refuse(n, "null alone has no type: write the values")
	}
	cels := make([]string, len(values))
	for i, v := range values {
		cels[i] = toDouble(v, common).cel
	}
	return val{cel: "[" + strings.Join(cels, ", ") + "]", typ: typ{kind: kindList, elem: &common}, atom: true, safe: safe}
}
