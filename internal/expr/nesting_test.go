package expr

import (
	"strings"
	"testing"
)

// TestCompile_nested: nesting is checked before types, because the checker's time grows with a
// power of the depth.
func TestCompile_nested(t *testing.T) {
	t.Parallel()
	nest := func(n int, open, closing string) string {
		return strings.Repeat(open, n) + "1" + strings.Repeat(closing, n)
	}
	const loops, nested = "loops (map, filter, exists, all ...) are nested at most 8 deep", "lists, maps and loops are nested at most 64 deep"
	for _, c := range []struct{ text, want string }{
		{nest(8, "[1].map(x, ", ")"), ""},
		{nest(9, "[1].map(x, ", ")"), "line 1, column 89: " + loops},
		{"{\n\"a\": " + nest(245, "[1].map(x, ", ")") + "}", "line 2, column 94: " + loops},
		{"doc.id > 0 && " + strings.Repeat("[1].exists(x, ", 9) + "true" + strings.Repeat(")", 9), "line 1, column 127: " + loops},
		{"[1]" + strings.Repeat(".map(x, x + 1).filter(x, x > 1)", 20), ""},
		{"[1]" + strings.Repeat(".map(x, [x])", 100), "line 1, column 1: " + nested},
		{nest(100, "cel.bind(x, 1, ", ")"), ""},
		{nest(100, "cel.bind(x, ", ", [x])"), nested},
		{nest(60, "[", "]"), ""},
		{nest(200, "[", "]"), "line 1, column 66: " + nested},
		{nest(200, `{"a": `, "}"), nested},
		{nest(200, "optional.of(", ")"), nested},
	} {
		got := ""
		ends(t, func() {
			if _, err := Compile(Subject, AnyResult, c.text); err != nil {
				got = err.Error()
			}
		})
		position, message, positioned := strings.Cut(c.want, ": ")
		if c.want == "" && strings.Contains(got, " deep") || positioned && !strings.HasPrefix(got, position+": ") || !strings.Contains(got, message) || (got == "") != (c.want == "") {
			t.Errorf("%.60s: got %s, want %s", c.text, got, c.want)
		}
	}
}
