package csharp

import (
	"strconv"
	"strings"
)

// ignoresCase reads the StringComparison of Contains, StartsWith, EndsWith and Equals.
func (t *translator) ignoresCase(n *node) (ignore, ok bool) {
	if n.kind != nodeMember || n.x.kind != nodeName || n.x.text != "StringComparison" {
		t.refuse(n, "write StringComparison.Ordinal or StringComparison.OrdinalIgnoreCase")
		return false, false
	}
	switch n.text {
	case "Ordinal", "InvariantCulture":
		return false, true
	case "OrdinalIgnoreCase", "InvariantCultureIgnoreCase":
		return true, true
	}
	t.refuse(n, "write StringComparison.Ordinal or StringComparison.OrdinalIgnoreCase: the server's culture must not change a body")
	return false, false
}

func (t *translator) stringMethod(n *node, x val) val {
	out := func(cel string) val { return val{cel: cel, typ: typ{kind: kindString}, atom: true} }
	method, count := n.x.text, len(n.args)
	switch method {
	case "ToUpper", "ToUpperInvariant", "ToLower", "ToLowerInvariant":
		if count == 0 || count == 1 && t.invariant(n.args[0]) {
			return out("cs_" + strings.ToLower(method[2:7]) + "(" + x.cel + ")")
		}
	case "Trim", "TrimStart", "TrimEnd":
		side := map[string]string{"Trim": "both", "TrimStart": "start", "TrimEnd": "end"}[method]
		characters, ok := t.characters(n.args)
		if !ok {
			return bad
		}
		return out("cs_trim(" + x.cel + ", " + quote(side) + ", " + quote(characters) + ")")
	case "Contains", "StartsWith", "EndsWith":
		return t.contains(n, x)
	case "Equals":
		return t.equals(n, x)
	case "Replace":
		if count == 2 {
			return t.replace(n, x)
		}
	case "Substring":
		if count == 1 || count == 2 {
			cel := "cs_substring(" + x.cel
			for _, arg := range n.args {
				v := t.expr(arg)
				if v.typ.kind == kindBad {
					return bad
				}
				if v.typ.kind != kindInt || v.typ.nullable {
					return t.refuse(arg, "an int is needed here, but this is %s", v.typ)
				}
				cel += ", " + v.cel
			}
			return out(cel + ")")
		}
	case "PadLeft", "PadRight":
		if count == 1 && n.args[0].kind == nodeInt && n.args[0].value.(int64) <= 1000 {
			width := int(n.args[0].value.(int64))
			if method == "PadRight" {
				width = -width
			}
			return out("cs_align(cs_value(" + x.cel + "), " + strconv.Itoa(width) + ")")
		}
	case "Split":
		return t.split(n, x)
	}
	return t.noMethod(n, x)
}

func (t *translator) contains(n *node, x val) val {
	if len(n.args) < 1 || len(n.args) > 2 {
		return t.noMethod(n, x)
	}
	what := t.settled(n.args[0], t.expr(n.args[0]))
	if what.typ.kind == kindBad {
		return bad
	}
	if !what.typ.is(kindString, kindChar) {
		return t.refuse(n.args[0], "a string is needed here, but this is %s", what.typ)
	}
	out := val{typ: typ{kind: kindBool}, atom: true}
	method := strings.ToLower(n.x.text[:1]) + n.x.text[1:]
	if len(n.args) == 2 {
		ignore, ok := t.ignoresCase(n.args[1])
		if !ok {
			return bad
		}
		if ignore {
			out.cel = "cs_fold(" + x.cel + ")." + method + "(cs_fold(" + what.cel + "))"
			return out
		}
	}
	out.cel = x.enclosed() + "." + method + "(" + what.cel + ")"
	out.safe = x.safe && what.safe && !x.typ.nullable && !what.typ.nullable
	return out
}

func (t *translator) equals(n *node, x val) val {
	if len(n.args) < 1 || len(n.args) > 2 {
		return t.noMethod(n, x)
	}
	what, ok := t.stringArgument(n.args[0])
	if !ok {
		return bad
	}
	ignore := false
	if len(n.args) == 2 {
		if ignore, ok = t.ignoresCase(n.args[1]); !ok {
			return bad
		}
	}
	left, right := "cs_value("+x.cel+")", what.cel
	if ignore {
		left, right = "cs_fold("+left+")", "cs_fold("+right+")"
	}
	return val{cel: "cs_equal(" + left + ", " + right + ")", typ: typ{kind: kindBool}, atom: true}
}

func (t *translator) replace(n *node, x val) val {
	old, with := t.settled(n.args[0], t.expr(n.args[0])), t.settled(n.args[1], t.expr(n.args[1]))
	if old.typ.kind == kindBad || with.typ.kind == kindBad {
		return bad
	}
	text := old.typ.kind == kindString && with.typ.is(kindString, kindNull)
	if !text && (old.typ.kind != kindChar || with.typ.kind != kindChar) {
		return t.refuse(n, "Replace takes two strings or two characters, these are %s and %s", old.typ, with.typ)
	}
	return val{cel: "cs_replace(" + x.cel + ", " + old.cel + ", " + with.cel + ")", typ: typ{kind: kindString}, atom: true}
}

// characters reads the arguments of Trim, which must be literals.
func (t *translator) characters(args []*node) (string, bool) {
	var b strings.Builder
	for _, arg := range args {
		if arg.kind == nodeArray {
			inner, ok := t.characters(arg.args)
			if !ok {
				return "", false
			}
			b.WriteString(inner)
			continue
		}
		if arg.kind != nodeChar {
			t.refuse(arg, "write characters here, such as ','")
			return "", false
		}
		b.WriteString(arg.value.(string))
	}
	return b.String(), true
}

// split translates Split(separator or separators, options).
func (t *translator) split(n *node, x val) val {
	args, options := n.args, ""
	if len(args) > 1 {
		var ok bool
		if options, ok = splitOptions(args[len(args)-1]); ok {
			args = args[:len(args)-1]
		}
	}
	var separators []string
	for len(args) == 1 && args[0].kind == nodeArray {
		args = args[0].args
	}
	for _, arg := range args {
		if arg.kind != nodeChar && arg.kind != nodeString {
			return t.refuse(arg, "write the separators as literals, such as ',' or \"; \"")
		}
		separators = append(separators, quote(arg.value.(string)))
	}
	elem := typ{kind: kindString}
	return val{
		cel: "cs_split(" + x.cel + ", [" + strings.Join(separators, ", ") + "], " + quote(options) + ")",
		typ: typ{kind: kindList, elem: &elem}, atom: true,
	}
}

func splitOptions(n *node) (string, bool) {
	if n.kind == nodeBinary && n.text == "|" {
		a, okA := splitOptions(n.x)
		b, okB := splitOptions(n.args[0])
		return a + b, okA && okB
	}
	if n.kind != nodeMember || n.x.kind != nodeName || n.x.text != "StringSplitOptions" {
		return "", false
	}
	options := map[string]string{"None": "", "RemoveEmptyEntries": "e", "TrimEntries": "t"}
	s, ok := options[n.text]
	return s, ok
}
