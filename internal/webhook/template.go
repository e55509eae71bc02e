package webhook

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr"
	"github.com/forgehook/forgehook/internal/place"
)

// template is a text with expressions, whose values go into holes between the literals: literals[0]
// holes[0] literals[1] ...
type template struct {
	path     string // the setting
	source   string
	literals []string
	starts   []int // of the literals, in source
	holes    []hole
}

type hole struct {
	program *expr.Program
	place   place.Place
	where   string // for messages: "line 1, column 5"
	text    string // the source, for messages; "" in C#
}

// append writes a value as the hole's place needs it.
func (h *hole) append(dst []byte, v expr.Value) ([]byte, error) {
	if h.place == place.JSONValue {
		return v.AppendJSON(dst)
	}
	return h.place.Append(dst, v.Text()), nil
}

// parseTemplate reads a text with {{ }} and appends hint to its faults. It returns nil where there
// is a fault.
func (f *faults) parseTemplate(path, text, hint string) *template {
	// A {{ in a string of an expression counts too. {{{{ is a literal {{.
	if !f.takes(path, strings.Count(text, "{{")-2*strings.Count(text, "{{{{")) {
		return nil
	}
	parsed, err := expr.ParseTemplate(expr.Subject, text, expr.In(f.language))
	if err != nil {
		f.addExpr(path, err, hint)
		return nil
	}
	t := &template{path: path, source: text, literals: []string{""}, starts: []int{0}}
	for _, part := range parsed.Parts {
		if part.Expr == nil {
			t.literals[len(t.literals)-1] += part.Literal
			continue
		}
		t.holes = append(t.holes, hole{
			program: part.Expr, where: fmt.Sprintf("line %d, column %d", part.Line, part.Column), text: part.Expr.Text(),
		})
		t.literals, t.starts = append(t.literals, ""), append(t.starts, part.End)
	}
	return t
}

// put sets the holes' places, or adds the fault why.
func (t *template) put(places []place.Place, why *place.Misplaced, f *faults) bool {
	if why != nil {
		h := t.holes[why.Hole]
		f.add(t.path, h.text, h.where+": "+why.Why)
		return false
	}
	for i, p := range places {
		t.holes[i].place = p
	}
	return true
}

// filled returns the text with a sample value in each hole, for checks on save.
func (t *template) filled(fill func(place.Place) string) string {
	var b strings.Builder
	for i, literal := range t.literals {
		b.WriteString(literal)
		if i < len(t.holes) {
			b.WriteString(fill(t.holes[i].place))
		}
	}
	return b.String()
}

// holeAt returns the hole at an offset of the filled text, or nil for a literal.
func (t *template) holeAt(offset int, fill func(place.Place) string) *hole {
	for i := range t.holes {
		offset -= len(t.literals[i])
		n := len(fill(t.holes[i].place))
		if 0 <= offset && offset < n {
			return &t.holes[i]
		}
		offset -= n
	}
	return nil
}

// origin converts an offset in the filled text, within a literal, to one in the source.
func (t *template) origin(offset int, fill func(place.Place) string) int {
	for i, literal := range t.literals {
		if offset <= len(literal) {
			return t.starts[i] + offset + len("{{")*strings.Count(literal[:offset], "{{") // the source writes {{ as {{{{
		}
		offset -= len(literal)
		if i < len(t.holes) {
			offset -= len(fill(t.holes[i].place))
		}
	}
	return len(t.source)
}

// position returns line and column of a byte offset, in characters from 1.
func position(text string, offset int) (line, column int) {
	before := text[:min(max(offset, 0), len(text))]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}

// render fills the holes with a subject's values, up to limit bytes.
func (t *template) render(vars *expr.Vars, limit int, code forgehook.CallErrorCode) ([]byte, *forgehook.CallError) {
	var out []byte
	for i, literal := range t.literals {
		out = append(out, literal...)
		if i < len(t.holes) {
			v, err := t.holes[i].program.Eval(vars)
			if err == nil {
				out, err = t.holes[i].append(out, v)
			}
			if err != nil {
				return nil, failure(t.path, code, err)
			}
		}
		if len(out) > limit {
			return nil, &forgehook.CallError{Code: code, Message: fmt.Sprintf("%s is longer than %d bytes.", t.path, limit)}
		}
	}
	return out, nil
}

// failure says which setting could not be evaluated. It repeats only the errors of expressions,
// which contain no document value.
func failure(path string, code forgehook.CallErrorCode, err error) *forgehook.CallError {
	if f, ok := errors.AsType[*expr.Failure](err); ok {
		return &forgehook.CallError{Code: f.Code, Message: path + ", " + f.Fault.Error() + "."}
	}
	return &forgehook.CallError{Code: code, Message: path + " cannot be written for this document."}
}

// addExpr adds the faults of an expression, a template or C#, each with a hint.
func (f *faults) addExpr(path string, err error, hint string) {
	list, ok := errors.AsType[expr.Faults](err)
	if !ok {
		f.add(path, "", err.Error()+hint)
		return
	}
	for _, fault := range list {
		f.add(path, fault.Text, fmt.Sprintf("line %d, column %d: %s", fault.Line, fault.Column, fault.Message)+hint)
	}
}
