package expr

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// render writes the parts of a template: literals as they are, expressions as <offsets line:column
// text>.
func render(tm *Template) string {
	var b strings.Builder
	for _, p := range tm.Parts {
		if p.Expr == nil {
			b.WriteString(p.Literal)
			continue
		}
		fmt.Fprintf(&b, "<%d-%d %d:%d %s>", p.Start, p.End, p.Line, p.Column, p.Expr.Text())
	}
	return b.String()
}

func TestParseTemplate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{``, ``},
		{`plain } }} { text`, `plain } }} { text`},
		{`{{doc.id}}`, `<0-10 1:1 doc.id>`},
		{`a {{ doc.id }} b`, `a <2-14 1:3 doc.id> b`},
		{"é\n {{ doc.id\n}}", "é\n <4-16 2:2 doc.id>"},
		{`{{ {"a": {"b": 1}} }}`, `<0-21 1:1 {"a": {"b": 1}}>`},
		{`{{{"a": 1}}}`, `<0-12 1:1 {"a": 1}>`},
		{`{{ "}}" + '}}' }}`, `<0-17 1:1 "}}" + '}}'>`},
		{`{{ "\"}}" }}`, `<0-12 1:1 "\"}}">`},
		{`{{ r"\" + "}}" }}`, `<0-17 1:1 r"\" + "}}">`},
		{`{{ """a"}}"b""" }}`, `<0-18 1:1 """a"}}"b""">`},
		{"{{ doc.id // }} is no end\n }}", "<0-29 1:1 doc.id // }} is no end>"},
		{`{{ doc.id // the id }}`, `<0-22 1:1 doc.id // the id>`},
		{`{{{{ literal }}`, `{{ literal }}`},
		{`{{{{{{doc.id}}`, `{{<4-14 1:5 doc.id>`},
		{`{{ doc.id }}{{ doc.status }}`, `<0-12 1:1 doc.id><12-28 1:13 doc.status>`},
		{`{"a": "{{ doc.id }}", "b": {{ doc.id }}}`, `{"a": "<7-19 1:8 doc.id>", "b": <27-39 1:28 doc.id>}`},
	} {
		got, err := ParseTemplate(Subject, c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if s := render(got); s != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.text, s, c.want)
		}
	}
}

func TestParseTemplate_faults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{`a {{ doc.id`, `line 1, column 3: "{{ doc.id": this {{ has no }}; write {{{{ for a literal {{`},
		{`{{ "abc }}`, "line 1, column 1: `{{ \"abc }}`: this {{ has no }}; write {{{{ for a literal {{"},
		{`{{ {"a": 1 }}`, "line 1, column 1: `{{ {\"a\": 1 }}`: this {{ has no }}; write {{{{ for a literal {{"},
		{`x{{ }}`, `line 1, column 2: "{{ }}": there is no expression between {{ and }}`},
		{"é\n {{ doc.filenmae }}", `line 2, column 9: "doc.filenmae": no such field of Document: did you mean filename?`},
		{"{{ doc.nope1 }}\n{{\n  doc.status == 'Error' }}", "line 1, column 8: \"doc.nope1\": no such field of Document; it has "},
		{`{"a": "{{ doc.field(\"Total\") }}"}`, "line 1, column 8: `{{ doc.field(\\\"Total\\\") }}\"}`: this {{ has no }}: an expression takes quotes without a backslash, write ' instead"},
	} {
		_, err := ParseTemplate(Subject, c.text)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, err, c.want)
		}
	}
	_, err := ParseTemplate(Subject, "{{ doc.nope }} {{ }}\n {{ dco }}", At(3, 11))
	faults, _ := errors.AsType[Faults](err)
	positions := ""
	for _, f := range faults {
		positions += fmt.Sprintf("%d:%d ", f.Line, f.Column)
	}
	if positions != "3:18 3:26 4:5 " {
		t.Errorf("got %s of %v", positions, err)
	}
}

// TestParseTemplate_any: any text is a template or has faults. Literals and expressions together
// are the whole text.
func TestParseTemplate_any(t *testing.T) {
	t.Parallel()
	pieces := rapid.SliceOf(rapid.SampledFrom([]string{"{{", "}}", "{", "}", `"`, "'", `\`, "doc.id", "1", " ", "\n", "//", "r", `"""`, "é", "[", "]", "(", ")", "+"}))
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(pieces.Draw(t, "pieces"), "")
		tm, err := ParseTemplate(Subject, text)
		if err != nil {
			if _, ok := errors.AsType[Faults](err); !ok {
				t.Fatalf("no faults: %v", err)
			}
			return
		}
		at := 0
		for _, p := range tm.Parts {
			if p.Start != at || p.End <= p.Start || (p.Expr != nil && !strings.Contains(text[p.Start:p.End], p.Expr.Text())) {
				t.Fatalf("part %+v does not follow %d", p, at)
			}
			at = p.End
		}
		if at != len(text) {
			t.Fatalf("the parts end at %d of %d", at, len(text))
		}
	})
}

// TestParseTemplate_many: equal texts share a program but not a position, and the number of
// expressions is bounded.
func TestParseTemplate_many(t *testing.T) {
	t.Parallel()
	tm, err := ParseTemplate(Subject, "{{ master.id }}\n"+strings.Repeat("  {{ master.id }}\n", maxExpressions-2)+`{{ doc.id }}`)
	if err != nil {
		t.Fatal(err)
	}
	var exprs []*Program
	for _, p := range tm.Parts {
		if p.Expr != nil {
			exprs = append(exprs, p.Expr)
		}
	}
	if len(exprs) != maxExpressions || exprs[0].run != exprs[1].run || exprs[0].run == exprs[maxExpressions-1].run {
		t.Errorf("%d expressions share no program", len(exprs))
	}
	_, err = exprs[2].Eval(invoiceVars(t))
	if f, ok := errors.AsType[*Failure](err); !ok || f.Code != CodeNull || f.Line != 3 || f.Column != 6 {
		t.Errorf("got %v", err)
	}
	_, err = ParseTemplate(Subject, strings.Repeat("{{ doc.id }}\n", maxExpressions+100))
	if want := `line 501, column 1: "{{ doc.id }}": a template has at most 500 expressions: `; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}
