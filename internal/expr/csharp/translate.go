package csharp

import (
	"math"
	"strconv"
	"strings"
)

// expr translates an expression. A fault is reported once: what depends on it is bad, without a
// further report.
func (t *translator) expr(n *node) val {
	switch n.kind {
	case nodeInt:
		k := kindInt
		if n.long {
			k = kindLong
		}
		return val{cel: strconv.FormatInt(n.value.(int64), 10), typ: typ{kind: k}, atom: true, safe: true}
	case nodeReal:
		return val{cel: double(n.value.(float64)), typ: typ{kind: kindDouble}, atom: true, safe: true}
	case nodeString, nodeInterpolated:
		pieces := t.operandPieces(n)
		t.remember(n, pieces)
		return joined(pieces)
	case nodeChar:
		return val{cel: quote(n.value.(string)), typ: typ{kind: kindChar}, atom: true, safe: true}
	case nodeBool:
		return val{cel: strconv.FormatBool(n.value.(bool)), typ: typ{kind: kindBool}, atom: true, safe: true}
	case nodeNull:
		return val{cel: "null", typ: typ{kind: kindNull, nullable: true}, atom: true, safe: true}
	case nodeName:
		return t.name(n)
	case nodeMember:
		return t.member(n)
	case nodeIndex:
		return t.index(n)
	case nodeCall:
		return t.call(n)
	case nodeUnary:
		return t.unary(n)
	case nodeBinary:
		return t.binary(n)
	case nodeTernary:
		return t.ternary(n)
	case nodeCast:
		return t.cast(n)
	case nodeAnonymous:
		return t.anonymous(n)
	case nodeArray:
		return t.array(n)
	case nodeLambda:
		return t.refuse(n, "a lambda is allowed only in a call such as .Where(x => ...)")
	case nodeIsNull:
		return t.isNull(n)
	case nodeSafe:
		return t.safe(n)
	case nodeReceiver:
		return t.receiver[len(t.receiver)-1]
	}
	return t.refuse(n, "this is not translated")
}

// remember stores the pieces of a string that is an operand of a sum.
func (t *translator) remember(n *node, pieces []piece) {
	if t.literals == nil {
		t.literals = map[*node][]piece{}
	}
	t.literals[n] = pieces
}

// double writes a number that CEL reads as a double.
func double(f float64) string {
	if math.IsInf(f, 0) {
		return `double("Infinity")`
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

func (t *translator) name(n *node) val {
	for i := len(t.scope) - 1; i >= 0; i-- {
		if t.scope[i].name == n.text {
			return t.scope[i].val
		}
	}
	if g, ok := globals[n.text]; ok {
		return val{cel: g.cel, typ: g.typ, atom: true, safe: true, path: true}
	}
	switch n.text {
	case "module":
		return t.refuse(n, "module is not a value: only %s of it are translated", moduleMethods)
	case "stpd":
		return t.refuse(n, "only stpd.Id of the utility is known; its service is the variable service")
	}
	if hint, ok := refusedClasses[n.text]; ok {
		return t.refuse(n, "%s is not translated: %s", n.text, hint)
	}
	if isEnum(n.text) {
		return t.refuse(n, "write a member of the enum, such as %s.%s", n.text, firstName(n.text))
	}
	return t.refuse(n, "nothing has this name%s. Known are doc, master, project, service, par, def, verification, wi, docs and call", t.nearestName(n.text))
}

func firstName(enum string) string {
	table, _ := enumTable(enum)
	return table.Names()[0]
}

// safe translates x?.rest: null if x is null, whatever the rest is.
func (t *translator) safe(n *node) val {
	x := t.settled(n.x, t.expr(n.x))
	switch {
	case x.typ.kind == kindBad:
		return bad
	case x.typ.value() && !x.typ.nullable:
		return t.refuse(n.x, "%s is never null: write . instead of ?.", x.typ)
	case x.typ.kind == kindNull:
		return t.refuse(n.x, "null has no members")
	case !x.typ.nullable:
		return t.onReceiver(n.args[0], x)
	}
	inner, bound := x, ""
	if !x.path {
		t.made++
		bound = "cs_" + strconv.Itoa(t.made)
		inner = val{cel: bound, atom: true, safe: true, path: true}
	}
	inner.typ = x.typ.notNull()
	rest := t.onReceiver(n.args[0], inner)
	if rest.typ.kind == kindBad {
		return bad
	}
	if rest.typ.kind == kindJSON {
		rest = t.settled(n, rest)
	}
	cel := "(" + inner.cel + " == null ? dyn(null) : dyn(" + rest.cel + "))"
	if bound != "" {
		cel = "cel.bind(" + bound + ", dyn(" + x.cel + "), " + cel + ")"
	}
	return val{cel: cel, typ: rest.typ.orNull(), atom: true, safe: x.safe && rest.safe}
}

func (t *translator) onReceiver(rest *node, x val) val {
	t.receiver = append(t.receiver, x)
	defer func() { t.receiver = t.receiver[:len(t.receiver)-1] }()
	return t.expr(rest)
}

// settled makes a text of JSON. JSON is a string everywhere except as the result of the body.
func (t *translator) settled(n *node, v val) val {
	if v.typ.kind == kindJSON {
		return val{cel: t.text(n, v), typ: typ{kind: kindString}, atom: true}
	}
	return v
}

func (t *translator) isNull(n *node) val {
	x := t.settled(n.x, t.expr(n.x))
	if x.typ.kind == kindBad {
		return bad
	}
	return t.nullTest(x, n.text == "not")
}

// nullTest compares with null. A value that is never null is still evaluated if it can fail.
func (t *translator) nullTest(x val, not bool) val {
	out := val{typ: typ{kind: kindBool}, safe: x.safe}
	switch {
	case x.typ.kind == kindNull:
		out.cel, out.atom = strconv.FormatBool(!not), true
	case !x.typ.nullable && x.safe:
		out.cel, out.atom = strconv.FormatBool(not), true
	case !x.typ.nullable:
		out.cel, out.atom = "cs_then("+x.cel+", "+strconv.FormatBool(not)+")", true
	case not:
		out.cel = x.enclosed() + " != null"
	default:
		out.cel = x.enclosed() + " == null"
	}
	return out
}

func (t *translator) ternary(n *node) val {
	condition := t.condition(n.x)
	yes, no := t.expr(n.args[0]), t.expr(n.args[1])
	if condition.typ.kind == kindBad || yes.typ.kind == kindBad || no.typ.kind == kindBad {
		return bad
	}
	if yes.typ.kind != kindJSON || no.typ.kind != kindJSON {
		yes, no = t.settled(n.args[0], yes), t.settled(n.args[1], no)
	}
	yes, no, common, ok := unify(yes, no)
	if !ok {
		return t.refuse(n, "both values of a ternary must have one type, these are %s and %s", yes.typ, no.typ)
	}
	return val{
		cel: "(" + condition.enclosed() + " ? dyn(" + yes.cel + ") : dyn(" + no.cel + "))", typ: common, atom: true,
		safe: condition.safe && yes.safe && no.safe,
	}
}

// condition translates a value that must be a bool.
func (t *translator) condition(n *node) val {
	v := t.expr(n)
	if v.typ.kind == kindBad {
		return bad
	}
	if v.typ.kind != kindBool || v.typ.nullable {
		hint := ""
		if v.typ.kind == kindBool {
			hint = ": write == true or ?? false"
		}
		return t.refuse(n, "a condition must be a bool, this is %s%s", v.typ, hint)
	}
	return v
}

// unify finds the common type of two values, as C# does for ?: and arrays.
func unify(a, b val) (val, val, typ, bool) {
	switch {
	case a.typ.kind == kindNull && b.typ.kind == kindNull:
		return a, b, a.typ, false
	case a.typ.kind == kindNull:
		return a, b, b.typ.orNull(), true
	case b.typ.kind == kindNull:
		return a, b, a.typ.orNull(), true
	case a.typ.number() && b.typ.number():
		common := wider(a.typ, b.typ)
		common.nullable = a.typ.nullable || b.typ.nullable
		return toDouble(a, common), toDouble(b, common), common, true
	case !same(a.typ, b.typ):
		return a, b, a.typ, false
	}
	common := a.typ
	common.nullable = a.typ.nullable || b.typ.nullable
	return a, b, common, true
}

// same reports whether two types are equal apart from null.
func same(a, b typ) bool {
	if a.kind != b.kind || a.enum != b.enum || a.object != b.object || len(a.fields) != len(b.fields) {
		return false
	}
	for i := range a.fields {
		if a.fields[i].name != b.fields[i].name || !same(a.fields[i].typ, b.fields[i].typ) {
			return false
		}
	}
	return a.kind != kindList || same(*a.elem, *b.elem)
}

// wider is the type in which C# calculates with both.
func wider(a, b typ) typ {
	switch {
	case a.kind == kindDouble || b.kind == kindDouble:
		return typ{kind: kindDouble, decimal: a.decimal || b.decimal}
	case a.kind == kindLong || b.kind == kindLong:
		return typ{kind: kindLong}
	}
	return typ{kind: kindInt}
}

func toDouble(v val, want typ) val {
	if want.kind != kindDouble || v.typ.kind == kindDouble {
		return v
	}
	return val{cel: "cs_toDouble(" + v.cel + ")", typ: typ{kind: kindDouble, nullable: v.typ.nullable}, atom: true, safe: v.safe}
}

func (t *translator) cast(n *node) val {
	v := t.settled(n.x, t.expr(n.x))
	if v.typ.kind == kindBad {
		return bad
	}
	want, ok := namedType(n.text)
	switch {
	case n.text == "object":
		return v
	case !ok:
		return t.refuse(n, "a cast to %s is not translated", n.text)
	}
	optional := want.nullable
	if v.typ.kind == kindNull {
		if want.value() && !optional {
			return t.refuse(n, "null is no %s", want)
		}
		return val{cel: "null", typ: want.orNull(), atom: true, safe: true}
	}
	if v.typ.value() && v.typ.nullable && !optional {
		v = val{cel: "cs_value(" + v.cel + ")", typ: v.typ.notNull(), atom: true}
	}
	want.nullable = v.typ.nullable
	from := v.typ.kind
	integer := from == kindInt || from == kindLong || from == kindEnum
	switch {
	case want.kind == from && want.enum == v.typ.enum:
		return v
	case want.kind == kindString && from == kindString, want.kind == kindEnum && integer, want.is(kindInt, kindLong) && integer:
		if want.is(kindInt, kindEnum) && from == kindLong {
			return val{cel: "cs_toInt(" + v.cel + ")", typ: want, atom: true, safe: v.safe}
		}
		v.typ = want
		return v
	case want.is(kindInt, kindLong) && from == kindDouble:
		name := "cs_toInt("
		if want.kind == kindLong {
			name = "cs_toLong("
		}
		return val{cel: name + v.cel + ")", typ: want, atom: true}
	case want.kind == kindDouble && (from == kindInt || from == kindLong):
		return toDouble(v, want)
	}
	return t.refuse(n, "%s is no %s: there is no such cast", v.typ, n.text)
}

var typeNames = map[string]typ{
	"string": {kind: kindString, nullable: true}, "String": {kind: kindString, nullable: true}, "int": {kind: kindInt}, "Int32": {kind: kindInt},
	"long": {kind: kindLong}, "Int64": {kind: kindLong}, "double": {kind: kindDouble}, "Double": {kind: kindDouble}, "bool": {kind: kindBool},
	"DateTime": {kind: kindTime}, "TimeSpan": {kind: kindSpan}, "char": {kind: kindChar},
}

// namedType reads a type's name, with or without ?.
func namedType(name string) (typ, bool) {
	base, optional := strings.CutSuffix(name, "?")
	want, ok := typeNames[base]
	if !ok && isEnum(base) {
		want, ok = typ{kind: kindEnum, enum: base}, true
	}
	want.nullable = want.nullable || optional
	return want, ok
}

// convert checks a value against a variable's type and makes C#'s implicit conversions.
func (t *translator) convert(n *node, v val, want typ) val {
	v = t.settled(n, v)
	if v.typ.kind == kindTime && v.typ.nullable && !want.nullable {
		// Dates are not nullable on the platform, but are here.
		v = val{cel: "cs_value(" + v.cel + ")", typ: v.typ.notNull(), atom: true}
	}
	switch {
	case v.typ.kind == kindBad:
		return bad
	case v.typ.kind == kindNull && (want.nullable || !want.value()):
		v.typ = want.orNull()
		return v
	case v.typ.number() && want.number() && wider(v.typ, want).kind == want.kind && (!v.typ.nullable || want.nullable):
		v = toDouble(v, want)
		v.typ = typ{kind: want.kind, nullable: v.typ.nullable || want.nullable}
		return v
	case same(v.typ, want) && (!v.typ.value() || !v.typ.nullable || want.nullable):
		v.typ.nullable = v.typ.nullable || want.nullable && want.value()
		return v
	}
	return t.refuse(n, "the variable is %s, its value is %s", want, v.typ)
}
