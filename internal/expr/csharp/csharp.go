// Package csharp translates the C# bodies and URLs of the platform's WebHook utilities into
// expressions of package expr. It translates text to text and runs nothing. It refuses what it does
// not know, and says where and what to write instead. So a body gives what the platform's .NET
// would give, or it is not saved.
//
// Start at [Translate]. lex.go and the parse files read the code. translate.go and the files it
// calls find the types and write CEL, which calls the functions cs_* of [Library]. A C# compiler
// made the golden files in testdata.
package csharp

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/forgehook/forgehook/internal/expr"
)

// Options say where the code starts.
type Options struct {
	Line, Column int // of the first character; 0 means 1
}

// Translation is the result for a piece of C# code.
type Translation struct {
	CEL      string       // to compile with expr.With(Library)
	IsJSON   bool         // the value is written as JSON, not as text
	Parts    []Part       // for code that is one interpolated or plain string, such as a URL; joined they give the value of CEL
	Warnings []expr.Fault // what was omitted
}

// Part is a piece of a string: literal text, or an expression whose value is a string.
type Part struct {
	Literal string
	CEL     string // "" for literal text
	JSON    bool   // CEL serializes values as JSON
}

// Translate translates an expression or a script with return. The error is [expr.Faults].
func Translate(source string, opts Options) (Translation, error) {
	where := locator{source, max(opts.Line, 1), max(opts.Column, 1)}
	if !utf8.ValidString(source) || strings.ContainsRune(source, 0) {
		return Translation{}, expr.Faults{where.fault(problem{message: "the code is no text: it holds bytes that are not UTF-8, or a NUL"})}
	}
	parsed, fault := parse(source)
	if fault != nil {
		return Translation{}, expr.Faults{where.fault(*fault)}
	}
	t := &translator{taken: map[string]bool{}}
	out := t.script(parsed)
	if len(t.problems) == 0 && (len(out.CEL) > maxCEL || nesting(out.CEL) > maxNesting) {
		t.problem(parsed.result.at, parsed.result.end, "the code is too long or nested too deeply for one expression")
	}
	if len(t.problems) > 0 {
		var faults expr.Faults
		for _, p := range t.problems {
			faults = append(faults, where.fault(p))
		}
		return Translation{}, faults
	}
	for _, p := range append(parsed.dropped, t.warnings...) {
		out.Warnings = append(out.Warnings, where.fault(p))
	}
	return out, nil
}

// Limits a little below those of package expr.
const (
	maxCEL     = 60 << 10
	maxNesting = 100
)

// nesting returns how deep the brackets of CEL text are nested.
func nesting(cel string) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(cel); i++ {
		switch c := cel[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(' || c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ')' || c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}

// locator turns byte offsets into lines and columns.
type locator struct {
	source       string
	line, column int
}

const maxShown = 60

func (l locator) fault(p problem) expr.Fault {
	at, end := min(p.at, len(l.source)), min(p.end, len(l.source))
	before := l.source[:at]
	line := strings.Count(before, "\n")
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	if line == 0 {
		column += l.column - 1
	}
	text := l.source[at:max(end, at)]
	if i := strings.IndexAny(text, "\r\n"); i >= 0 {
		text = strings.TrimSpace(text[:i]) + "..."
	}
	if runes := []rune(text); len(runes) > maxShown {
		text = string(runes[:maxShown-3]) + "..."
	}
	return expr.Fault{Line: l.line + line, Column: column, Text: text, Message: p.message}
}

const (
	maxProblems  = 20
	maxVariables = 40
)

// translator finds the types of a script and writes its CEL.
type translator struct {
	problems []problem
	warnings []problem
	scope    []local
	taken    map[string]bool   // CEL names in use
	made     int               // how many CEL names were made up
	literals map[*node][]piece // of strings that are operands of a sum
	receiver []val             // what stands before each enclosing ?.
}

// local is a variable or a lambda's parameter.
type local struct {
	name string
	val  val
}

func (t *translator) refuse(n *node, format string, args ...any) val {
	t.problem(n.at, n.end, fmt.Sprintf(format, args...))
	return bad
}

func (t *translator) problem(at, end int, message string) {
	if len(t.problems) < maxProblems {
		t.problems = append(t.problems, problem{at, end, message})
	}
}

func (t *translator) script(s *script) Translation {
	var open strings.Builder
	closing := 0
	if len(s.declared) > maxVariables {
		d := s.declared[maxVariables]
		t.problem(d.at, d.end, "there are too many variables: at most 40")
		return Translation{}
	}
	for _, d := range s.declared {
		v := t.declared(d)
		cel := t.bind(d.name, d.at, d.end, v)
		open.WriteString("cel.bind(" + cel + ", " + v.cel + ", ")
		closing++
		if !v.safe {
			// CEL skips an unused variable, but C# would fail.
			open.WriteString("cs_then(" + cel + ", ")
			closing++
		}
	}
	wrap := func(body string) string { return open.String() + body + strings.Repeat(")", closing) }

	parts, literal := t.parts(s.result)
	if literal {
		out := Translation{}
		joined := make([]string, 0, len(parts))
		for _, p := range parts {
			if p.cel == "" {
				out.Parts = append(out.Parts, Part{Literal: p.literal})
				joined = append(joined, quote(p.literal))
				continue
			}
			cel := wrap(p.cel)
			out.Parts = append(out.Parts, Part{CEL: cel, JSON: strings.Contains(cel, jsonFunction+"(")})
			joined = append(joined, p.cel)
		}
		out.CEL = wrap(concatenated(joined))
		return out
	}
	if len(t.problems) > 0 {
		return Translation{}
	}
	v := t.expr(s.result)
	switch v.typ.kind {
	case kindJSON:
		return Translation{CEL: wrap(v.cel), IsJSON: true}
	case kindAnonymous, kindList, kindObject:
		t.refuse(s.result, "a body is text: write JsonSerializer.Serialize(...) around it")
	}
	return Translation{CEL: wrap(t.text(s.result, v))}
}

// declared translates a declaration's value and checks it against the declared type.
func (t *translator) declared(d declaration) val {
	v := t.expr(d.x)
	if d.typ == "var" || d.typ == "object" || d.typ == "dynamic" {
		if v.typ.kind == kindNull {
			return t.refuse(d.x, "null alone has no type: write the value")
		}
		return v
	}
	want, ok := namedType(d.typ)
	if !ok {
		return t.refuse(d.x, "variables of the type %s are not translated: write var", d.typ)
	}
	return t.convert(d.x, v, want)
}

// bind declares a variable and returns its name in CEL.
func (t *translator) bind(name string, at, end int, v val) string {
	if _, ok := globals[name]; ok || name == "module" || name == "stpd" {
		t.problem(at, end, name+" is a variable of the platform: choose another name")
	}
	for _, l := range t.scope {
		if l.name == name {
			t.problem(at, end, "there is a variable "+name+" already")
		}
	}
	cel := t.celName(name)
	t.scope = append(t.scope, local{name, val{cel: cel, typ: v.typ, atom: true, safe: true, path: true}})
	return cel
}

// reserved are CEL's words and namespaces and our variables.
var reserved = map[string]bool{}

func init() {
	for _, w := range strings.Fields("in true false null as break const continue else for function if import let loop package namespace return var void while " +
		"cel math strings lists sets optional base64 google type int uint string bool bytes list map double dyn " +
		"doc srcdoc master masterdoc par def verification wi project service parentservice category docs call now source input") {
		reserved[w] = true
	}
}

// celName returns the name itself if CEL allows it, otherwise a new one.
func (t *translator) celName(name string) string {
	ok := !reserved[name] && !isEnum(name) && !strings.HasPrefix(name, "cs_") && !t.taken[name]
	for i := range len(name) {
		c := name[i]
		ok = ok && (c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' && i > 0)
	}
	if !ok || len(name) > 40 {
		t.made++
		name = "cs_" + strconv.Itoa(t.made)
	}
	t.taken[name] = true
	return name
}
