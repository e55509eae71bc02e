package csharp

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/forgehook/forgehook/internal/expr"
)

// piece is a part of a string: literal text, or CEL for a string that is never null.
type piece struct {
	literal string
	cel     string
	safe    bool
}

func quote(s string) string { return strconv.Quote(s) }

// parts returns the pieces of an expression that builds a string, false for other expressions.
func (t *translator) parts(n *node) ([]piece, bool) {
	switch {
	case n.kind == nodeString || n.kind == nodeInterpolated:
		return t.operandPieces(n), true
	case n.kind == nodeBinary && n.text == "+" && t.looksLikeText(n):
		pieces, _, isText := t.sum(n)
		return pieces, isText
	}
	return nil, false
}

// looksLikeText reports whether an operand is written as a string. Then the sum is a text, whatever
// the other operands are.
func (t *translator) looksLikeText(n *node) bool {
	for n.kind == nodeBinary && n.text == "+" {
		if right := n.args[0]; right.kind == nodeString || right.kind == nodeInterpolated {
			return true
		}
		n = n.x
	}
	return n.kind == nodeString || n.kind == nodeInterpolated
}

// sum translates a + b + c. Numbers are added up to the first string; from there on it is text.
func (t *translator) sum(n *node) (pieces []piece, v val, isText bool) {
	var operands []*node
	first := n
	for first.kind == nodeBinary && first.text == "+" {
		operands = append(operands, first.args[0])
		first = first.x
	}
	operands = append(operands, first)
	last := len(operands) - 1
	v = t.expr(operands[last])
	start := operands[last]
	text := v.typ.is(kindString, kindJSON)
	if text {
		pieces = t.textPieces(start, v)
	}
	for i := last - 1; i >= 0; i-- {
		operand := operands[i]
		right := t.expr(operand)
		if v.typ.kind == kindBad || right.typ.kind == kindBad {
			v = bad
			continue
		}
		if !text && right.typ.is(kindString, kindJSON) {
			text = true
			pieces = t.textPieces(start, v)
		}
		if text {
			pieces = append(pieces, t.textPieces(operand, right)...)
			continue
		}
		whole := &node{kind: nodeBinary, at: n.at, end: operand.end, text: "+"}
		v = t.arithmetic(whole, v, right)
	}
	if v.typ.kind == kindBad {
		return nil, bad, false
	}
	return pieces, v, text
}

// operandPieces separates the pieces of literal strings.
func (t *translator) operandPieces(n *node) []piece {
	if n.kind == nodeString {
		return []piece{{literal: n.value.(string), safe: true}}
	}
	var pieces []piece
	for _, p := range n.parts {
		if p.x == nil {
			pieces = append(pieces, piece{literal: p.literal, safe: true})
			continue
		}
		pieces = append(pieces, t.hole(p))
	}
	return pieces
}

func (t *translator) textPieces(n *node, v val) []piece {
	if n.kind == nodeString || n.kind == nodeInterpolated && len(n.parts) > 0 && v.typ.kind == kindString {
		if known, ok := t.literals[n]; ok {
			return known
		}
	}
	return []piece{{cel: t.text(n, v), safe: v.safe}}
}

// hole translates {x,alignment:format}.
func (t *translator) hole(p part) piece {
	v := t.expr(p.x)
	cel := ""
	if p.hasFormat {
		shown := *p.x
		shown.at, shown.end = p.formatAt, p.formatAt+len(p.format)
		cel = t.formatted(&shown, v, p.format)
	} else {
		cel = t.text(p.x, v)
	}
	if p.align != 0 {
		cel = "cs_align(" + cel + ", " + strconv.Itoa(p.align) + ")"
	}
	return piece{cel: cel, safe: v.safe}
}

// joined joins pieces to a string.
func joined(pieces []piece) val {
	if len(pieces) == 0 {
		return val{cel: `""`, typ: typ{kind: kindString}, atom: true, safe: true}
	}
	cels := make([]string, len(pieces))
	safe := true
	for i, p := range pieces {
		cels[i] = p.cel
		if p.cel == "" {
			cels[i] = quote(p.literal)
		}
		safe = safe && p.safe
	}
	return val{cel: concatenated(cels), typ: typ{kind: kindString}, atom: len(cels) == 1 || len(cels) > maxPlus, safe: safe}
}

// maxPlus is how many texts are joined with +. More would make CEL's tree too deep.
const maxPlus = 12

func concatenated(cels []string) string {
	switch {
	case len(cels) == 0:
		return `""`
	case len(cels) > maxPlus:
		return "[" + strings.Join(cels, ", ") + "].join()"
	}
	return strings.Join(cels, " + ")
}

// jsonFunction writes a value as JSON text.
const jsonFunction = "cs_json"

// text is the CEL for the text of a value in C#: "" for null, the names of enums, dates in the
// invariant culture.
func (t *translator) text(n *node, v val) string {
	switch v.typ.kind {
	case kindBad, kindNull:
		return `""`
	case kindString, kindChar:
		if v.typ.nullable {
			return "text(" + v.cel + ")"
		}
		return v.enclosed()
	case kindJSON:
		return jsonFunction + "(" + v.cel + ")"
	case kindBool, kindInt, kindLong:
		return "text(" + v.cel + ")"
	case kindDouble:
		t.warnDecimal(n, v)
		return "text(" + v.cel + `, "G")`
	case kindTime:
		return "text(" + v.cel + `, "G")`
	case kindSpan:
		return "text(" + v.cel + `, "c")`
	case kindEnum:
		return "cs_enum(" + quote(v.typ.enum) + ", " + v.cel + ")"
	case kindList:
		t.refuse(n, "a list has no text: write string.Join(\", \", ...) or JsonSerializer.Serialize(...)")
	case kindAnonymous:
		t.refuse(n, "an anonymous object has no text: write JsonSerializer.Serialize(...) around it")
	default:
		t.refuse(n, "%s has no text: name one of its members", v.typ)
	}
	return `""`
}

func (t *translator) warnDecimal(n *node, v val) {
	if v.typ.decimal {
		t.warnings = append(t.warnings, problem{n.at, n.end, "a decimal keeps its trailing zeros in C#, but here 1.50 is written as 1.5: give it a format such as F2"})
	}
}

var standardFormat = regexp.MustCompile(`^[A-Za-z]\d*$`)

// samples are values of the types that take formats.
var samples = map[kind]string{kindInt: "1", kindLong: "1", kindDouble: "1.0", kindTime: "now", kindSpan: `duration("1s")`}

// formatFault checks a format against the language. "" means that it is valid.
func formatFault(k kind, format string) string {
	_, err := expr.Compile(expr.Subject, expr.AnyResult, "text("+samples[k]+", "+quote(format)+")")
	var faults expr.Faults
	if errors.As(err, &faults) && len(faults) > 0 {
		return faults[0].Message
	}
	return ""
}

// formatted is the CEL for ToString(format). Types without formats ignore it, as in C#.
func (t *translator) formatted(n *node, v val, format string) string {
	letter := format[:min(1, len(format))]
	refuse := func(allowed string) string {
		t.refuse(n, "%s has no format %q: allowed are %s", v.typ.notNull(), format, allowed)
		return `""`
	}
	if _, ok := samples[v.typ.kind]; ok && format != "" && (len(format) > 1 && v.typ.is(kindTime, kindSpan) || !standardFormat.MatchString(format)) {
		if fault := formatFault(v.typ.kind, format); fault != "" {
			t.refuse(n, "%s", fault)
			return `""`
		}
	}
	switch v.typ.kind {
	case kindInt, kindLong, kindDouble:
		if format == "" {
			return t.text(n, v)
		}
		if standardFormat.MatchString(format) {
			allowed, list := "CDEFGNPX", "C, D, E, F, G, N, P, X with digits, and patterns such as 0.00 and #,##0"
			if v.typ.kind == kindDouble {
				allowed, list = "CEFGNPR", "C, E, F, G, N, P, R with digits, and patterns such as 0.00 and #,##0"
			}
			if digits, err := strconv.Atoi("0" + format[1:]); err != nil || digits > 99 || !strings.Contains(allowed, strings.ToUpper(letter)) {
				return refuse(list)
			}
		}
		if v.typ.kind == kindLong && strings.EqualFold(letter, "x") {
			return "cs_hex(" + v.cel + ", " + quote(format) + ")"
		}
		return "text(" + v.cel + ", " + quote(format) + ")"
	case kindTime:
		if format == "" {
			return t.text(n, v)
		}
		if len(format) == 1 && !strings.Contains("dDfFgGmMoOrRstTuyY", format) {
			return refuse("d D f F g G m M o r s t T u y, and patterns such as yyyy-MM-ddTHH:mm:ss")
		}
		return "text(" + v.cel + ", " + quote(format) + ")"
	case kindSpan:
		if format == "" {
			return t.text(n, v)
		}
		if len(format) == 1 && !strings.Contains("ctTgG", format) {
			return refuse("c, g and G, and patterns such as hh\\:mm")
		}
		return "text(" + v.cel + ", " + quote(format) + ")"
	case kindEnum:
		if format == "" {
			return t.text(n, v)
		}
		if len(format) != 1 || !strings.Contains("gGdDxXfF", format) {
			return refuse("G, D, F and X")
		}
		return "cs_enum(" + quote(v.typ.enum) + ", " + v.cel + ", " + quote(format) + ")"
	}
	return t.text(n, v)
}
