package csharp

import "strconv"

func (t *translator) binary(n *node) val {
	switch n.text {
	case "+":
		pieces, v, text := t.sum(n)
		if text {
			return joined(pieces)
		}
		return v
	case "&&", "||":
		return t.logical(n)
	case "??":
		return t.coalesce(n)
	}
	left, right := t.settled(n.x, t.expr(n.x)), t.settled(n.args[0], t.expr(n.args[0]))
	if left.typ.kind == kindBad || right.typ.kind == kindBad {
		return bad
	}
	switch n.text {
	case "==", "!=":
		return t.equality(n, left, right)
	case "<", ">", "<=", ">=":
		return t.comparison(n, left, right)
	case "&", "|", "^":
		return t.bits(n, left, right)
	}
	return t.arithmetic(n, left, right)
}

// logical evaluates the right side only if the left one does not decide, as C# does. CEL's && and
// || would ignore a failure of the left side if the right side decides.
func (t *translator) logical(n *node) val {
	left, right := t.condition(n.x), t.condition(n.args[0])
	if left.typ.kind == kindBad || right.typ.kind == kindBad {
		return bad
	}
	out := val{typ: typ{kind: kindBool}, safe: left.safe && right.safe}
	switch {
	case left.safe:
		out.cel = left.enclosed() + " " + n.text + " " + right.enclosed()
	case n.text == "&&":
		out.cel, out.atom = "("+left.enclosed()+" ? "+right.enclosed()+" : false)", true
	default:
		out.cel, out.atom = "("+left.enclosed()+" ? true : "+right.enclosed()+")", true
	}
	return out
}

func (t *translator) coalesce(n *node) val {
	left, right := t.settled(n.x, t.expr(n.x)), t.settled(n.args[0], t.expr(n.args[0]))
	if left.typ.kind == kindBad || right.typ.kind == kindBad {
		return bad
	}
	if left.typ.kind == kindNull {
		return right
	}
	if !left.typ.nullable {
		if left.typ.value() {
			return t.refuse(n.x, "%s is never null: leave out ??", left.typ)
		}
		return left
	}
	l, r, common, ok := unify(left, right)
	if !ok {
		return t.refuse(n, "both sides of ?? must have one type, these are %s and %s", left.typ, right.typ)
	}
	common.nullable = right.typ.nullable
	name, bound := l.cel, ""
	if !l.path {
		t.made++
		bound = "cs_" + strconv.Itoa(t.made)
		name = bound
	}
	cel := "(" + name + " != null ? dyn(" + name + ") : dyn(" + r.cel + "))"
	if bound != "" {
		cel = "cel.bind(" + bound + ", dyn(" + l.cel + "), " + cel + ")"
	}
	return val{cel: cel, typ: common, atom: true, safe: l.safe && r.safe}
}

// equality compares values. Null equals only null.
func (t *translator) equality(n *node, left, right val) val {
	not := n.text == "!="
	switch {
	case right.typ.kind == kindNull:
		return t.nullTest(left, not)
	case left.typ.kind == kindNull:
		return t.nullTest(right, not)
	}
	comparable := left.typ.number() && right.typ.number() || same(left.typ, right.typ) && !left.typ.is(kindList, kindAnonymous, kindObject, kindOther)
	if left.typ.is(kindObject) && right.typ.is(kindObject) {
		return t.refuse(n, "documents, fields and so on are not compared: compare their Id")
	}
	if !comparable {
		return t.refuse(n, "%s and %s cannot be compared%s", left.typ, right.typ, comparisonHint(left.typ, right.typ))
	}
	out := val{typ: typ{kind: kindBool}, safe: left.safe && right.safe}
	if left.typ.kind != right.typ.kind || left.typ.nullable || right.typ.nullable {
		out.cel, out.atom = "cs_equal("+left.cel+", "+right.cel+")", true
		if not {
			out.cel, out.atom = "!"+out.cel, false
		}
		return out
	}
	out.cel = left.enclosed() + " " + n.text + " " + right.enclosed()
	return out
}

func comparisonHint(a, b typ) string {
	if b.kind == kindEnum {
		a, b = b, a
	}
	switch {
	case a.kind == kindEnum && b.number():
		return ": write a member such as " + a.enum + "." + firstName(a.enum) + ", or (int) before the enum"
	case a.kind == kindEnum && b.kind == kindString:
		return ": write a member such as " + a.enum + "." + firstName(a.enum) + ", or .ToString() behind the enum"
	case a.kind == kindChar && b.kind == kindString || a.kind == kindString && b.kind == kindChar:
		return `: write 'x' for a character and "x" for text`
	}
	return ""
}

func (t *translator) comparison(n *node, left, right val) val {
	ordered := left.typ.number() && right.typ.number() || left.typ.kind == right.typ.kind && left.typ.is(kindTime, kindSpan, kindChar) ||
		left.typ.kind == kindEnum && same(left.typ, right.typ)
	if left.typ.kind == kindNull || right.typ.kind == kindNull || !ordered {
		return t.refuse(n, "%s is not translated between %s and %s", n.text, left.typ, right.typ)
	}
	out := val{typ: typ{kind: kindBool}, safe: left.safe && right.safe}
	if left.typ.kind != right.typ.kind || left.typ.nullable || right.typ.nullable || left.typ.kind == kindChar {
		out.cel, out.atom = "cs_compare("+left.cel+", "+quote(n.text)+", "+right.cel+")", true
		return out
	}
	out.cel = left.enclosed() + " " + n.text + " " + right.enclosed()
	return out
}

// maxOperand bounds the text that a sum of many numbers copies again and again.
const maxOperand = 4 << 10

// arithmetic calculates as C# does: int wraps, whole numbers divide to whole numbers, null gives
// null.
func (t *translator) arithmetic(n *node, left, right val) val {
	if len(left.cel) > maxOperand {
		return t.refuse(n, hintNested)
	}
	null := left.typ.nullable || right.typ.nullable
	result := func(k kind, cel string) val {
		return val{cel: cel, typ: typ{kind: k, nullable: null}, atom: true, safe: left.safe && right.safe && n.text != "/" && n.text != "%" && k != kindTime && k != kindSpan}
	}
	a, b := left.typ, right.typ
	switch {
	case a.number() && b.number():
		common := wider(a, b)
		v := result(common.kind, calculation(common.kind)+"("+left.cel+", "+quote(n.text)+", "+right.cel+")")
		v.typ.decimal = common.decimal
		return v
	case a.kind == kindTime && b.kind == kindTime && n.text == "-":
		return result(kindSpan, "cs_time("+left.cel+`, "-", `+right.cel+")")
	case a.kind == kindTime && b.kind == kindSpan && (n.text == "+" || n.text == "-"):
		return result(kindTime, "cs_time("+left.cel+", "+quote(n.text)+", "+right.cel+")")
	case a.kind == kindSpan && b.kind == kindSpan && (n.text == "+" || n.text == "-"):
		return result(kindSpan, "cs_time("+left.cel+", "+quote(n.text)+", "+right.cel+")")
	case a.kind == kindChar || b.kind == kindChar:
		return t.refuse(n, `characters are not calculated with: write "x" for text`)
	}
	return t.refuse(n, "%s is not translated between %s and %s", n.text, a, b)
}

// calculation returns the function that calculates in a type.
func calculation(k kind) string {
	switch k {
	case kindInt:
		return "cs_int"
	case kindLong:
		return "cs_long"
	}
	return "cs_double"
}

// bits translates & | ^ on flags and whole numbers. It refuses bools, which need && and ||.
func (t *translator) bits(n *node, left, right val) val {
	switch {
	case left.typ.kind == kindBool && right.typ.kind == kindBool:
		return t.refuse(n, "write %s%s", n.text, n.text)
	case left.typ.kind == kindEnum && same(left.typ, right.typ):
	case left.typ.is(kindInt, kindLong) && right.typ.is(kindInt, kindLong):
	default:
		return t.refuse(n, "%s is not translated between %s and %s", n.text, left.typ, right.typ)
	}
	result := left.typ
	if result.kind != kindEnum {
		result = wider(left.typ, right.typ)
	}
	result.nullable = left.typ.nullable || right.typ.nullable
	return val{cel: "cs_long(" + left.cel + ", " + quote(n.text) + ", " + right.cel + ")", typ: result, atom: true, safe: left.safe && right.safe}
}

func (t *translator) unary(n *node) val {
	if n.text == "!" {
		v := t.condition(n.x)
		if v.typ.kind == kindBad {
			return bad
		}
		return val{cel: "!" + v.enclosed(), typ: v.typ, safe: v.safe}
	}
	v := t.expr(n.x)
	switch {
	case v.typ.kind == kindBad:
		return bad
	case !v.typ.number() || n.text == "~":
		return t.refuse(n, "%s is not translated before %s", n.text, v.typ)
	case n.text == "+":
		return v
	case n.x.kind == nodeInt && !v.typ.nullable:
		return t.negative(n, v)
	case n.x.kind == nodeReal:
		return val{cel: "-" + v.cel, typ: v.typ, safe: true}
	case v.typ.kind == kindDouble:
		return val{cel: "cs_double(-0.0, \"-\", " + v.cel + ")", typ: v.typ, atom: true, safe: v.safe}
	}
	return val{cel: calculation(v.typ.kind) + `(0, "-", ` + v.cel + ")", typ: v.typ, atom: true, safe: v.safe}
}

// negative writes -5 as one literal. -2147483648 is an int, although its digits alone are a long.
func (t *translator) negative(n *node, v val) val {
	if n.x.value.(int64) == 1<<31 && n.x.text == "2147483648" {
		v.typ.kind = kindInt
	}
	return val{cel: "-" + v.cel, typ: v.typ, safe: true}
}
