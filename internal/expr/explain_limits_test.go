package expr

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"

	"github.com/forgehook/forgehook"
)

// explained explains a condition on many fields within the limits.
func explained(t *testing.T, v *Vars, text string) (passed bool, parts []Part, err error) {
	t.Helper()
	p := compile(t, Subject, BoolResult, text)
	ends(t, func() { passed, parts, err = p.Explain(v) })
	return passed, parts, err
}

// TestExplain_refused: a false or null part decides, whatever the others would give.
func TestExplain_refused(t *testing.T) {
	t.Parallel()
	const loop = `lists.range(100000).all(a, lists.range(100000).all(b, b >= 0))`
	for text, want := range map[string]forgehook.CallErrorCode{
		`doc.id == -1 && ` + loop:                                                  "",
		`doc.comment == "x" && doc.usage == 4 && ` + loop:                          "",
		`doc.comment.size() > 3 && number(doc.filename) > 1.0`:                     "",
		`number(doc.filename) > 1.0 && doc.comment.size() > 3`:                     "",
		`doc.source.a[1].b && number(doc.filename) > 1.0`:                          "",
		`doc.status == 9 && number(doc.filename) > 1.0`:                            CodeError,
		`doc.status == 9 && ` + loop:                                               CodeLimit,
		`number(doc.filename) > 1.0 && ` + loop:                                    CodeError,
		loop + ` && doc.status == 9 && number(doc.filename) > 1.0`:                 CodeLimit,
		`doc.id == -1 && ` + strings.Join(slicesOf(`doc.comment == ""`, 60), "&&"): "",
	} {
		passed, parts, err := explained(t, invoiceVars(t), text)
		code := forgehook.CallErrorCode("")
		if f, ok := errors.AsType[*Failure](err); ok {
			code = f.Code
		}
		if code != want || passed || want == "" && len(parts) < 2 {
			t.Errorf("%s: got %q, passed %v with %d parts, want %q", text, code, passed, len(parts), want)
		}
	}
}

// TestExplain_manyMissing: an explanation names only the first missing fields, and suggests names
// only among few.
func TestExplain_manyMissing(t *testing.T) {
	t.Parallel()
	asked := make([]string, 40)
	for i := range asked {
		asked[i] = fmt.Sprintf(`doc.field("Feild %d").value == "a" && doc.field("Field %d").value == "a"`, i, i)
	}
	for fields, near := range map[int]int{100: maxMissing, 5000: 0} {
		_, parts, err := explained(t, SubjectVars(manyFields(fields), Call{AcceptedAt: accepted}), strings.Join(asked, " && "))
		if err != nil {
			t.Fatal(err)
		}
		hints := ""
		for _, p := range parts {
			hints += p.Hint
		}
		if n := strings.Count(hints, "doc has no field"); n != maxMissing {
			t.Errorf("%d fields: %d hints of missing ones", fields, n)
		}
		if n := strings.Count(hints, ", but it has"); n != near {
			t.Errorf("%d fields: %d hints of names", fields, n)
		}
	}
}

// TestExplain_manyParts: beyond the bound the parts of a condition become one, and few programs are
// cached.
func TestExplain_manyParts(t *testing.T) {
	t.Parallel()
	texts := make([]string, 819)
	for i := range texts {
		texts[i] = fmt.Sprintf("doc.id > %d", i)
	}
	for _, c := range []struct {
		last   string
		passed bool
		code   forgehook.CallErrorCode
	}{
		{"doc.id == 912", true, ""},
		{"doc.id == 913", false, ""},
		{"doc.comment.size() > 1", false, ""},
		{"doc.source.a[1].b", false, ""},
		{"number(doc.filename) > 1.0", false, CodeError},
	} {
		p := compile(t, Subject, BoolResult, strings.Join(texts, "&&")+" && "+c.last)
		passed, parts, err := p.Explain(invoiceVars(t))
		if f, ok := errors.AsType[*Failure](err); ok != (c.code != "") || ok && (f.Code != c.code || !strings.Contains(f.Text, c.last[:6])) {
			t.Errorf("%s: got %v", c.last, err)
		}
		if passed != c.passed || err == nil && len(parts) != maxParts {
			t.Errorf("%s: passed %v with %d parts", c.last, passed, len(parts))
		}
		if err == nil && (!strings.HasPrefix(parts[maxParts-1].Text, "doc.id > 49 && doc.id > 50 && ") || !strings.HasSuffix(parts[maxParts-1].Text, " && "+c.last)) {
			t.Errorf("%s: the last part is %.200s", c.last, parts[maxParts-1].Text)
		}
		if n := programsOf(t, p); n > maxPrograms {
			t.Errorf("%d programs are cached", n)
		}
	}
}

func TestExplain_sharedPrograms(t *testing.T) {
	t.Parallel()
	p := compile(t, Subject, BoolResult, `doc.id > 1 && doc.id < 5 && doc.id > 1 && doc.id + 1 > doc.id`)
	if n := programsOf(t, p); n != 4 { // three parts and doc.id
		t.Errorf("got %d programs", n)
	}
	sums := make([]string, 30)
	for i := range sums {
		sums[i] = fmt.Sprintf(`doc.filename.substring(%d) != doc.filename.substring(0, %d) && text(doc.id + %d) != "x"`, i%5, i, i)
	}
	if n := programsOf(t, compile(t, Subject, BoolResult, strings.Join(sums, " && "))); n > maxPrograms {
		t.Errorf("got %d programs", n)
	}
}

// programsOf counts the cached programs of a condition.
func programsOf(t *testing.T, p *Program) int {
	t.Helper()
	parts, err := p.parts()
	if err != nil {
		t.Fatal(err)
	}
	cached := map[cel.Program]bool{}
	for _, part := range parts {
		cached[part.run] = true
		for _, l := range part.leaves {
			cached[l.run] = true
		}
	}
	return len(cached)
}

// TestExplain_entities: a value that contains an entity is not shown whole.
func TestExplain_entities(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`dyn({"d": doc}) == 1`:               `{"dyn({\"d\": doc})":"a map of 1"}`,
		`dyn([1, doc]) == 1`:                 `{"dyn([1, doc])":"a list of 2"}`,
		`dyn({"a": {"b": [par, doc]}}) == 1`: `{"dyn({\"a\": {\"b\": [par, doc]}})":"a map of 1"}`,
		`dyn({"d": doc.id}) == 1`:            `{"dyn({\"d\": doc.id})":{"d":912}}`,
	} {
		_, parts, err := explained(t, invoiceVars(t), text)
		if err != nil || string(parts[0].Actual) != want {
			t.Errorf("%s: got %s, %v", text, parts[0].Actual, err)
		}
	}
}
