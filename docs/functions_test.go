package docs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/forgehook/forgehook/internal/expr/library"
)

// TestFunctionsReference compares functions.md with the declarations. The tests of internal/expr
// run every example.
func TestFunctionsReference(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Functions of expressions\n\nWritten by `make generate` out of the declarations. A test runs every example on [this subject](../internal/expr/example.json).\n" +
		"How expressions are used: [expressions.md](expressions.md).\n")
	var groups []string
	rows := map[string][]library.Doc{}
	for _, f := range library.Docs() {
		if rows[f.Group] == nil {
			groups = append(groups, f.Group)
		}
		rows[f.Group] = append(rows[f.Group], f)
	}
	for _, group := range groups {
		fmt.Fprintf(&b, "\n## %s\n", group)
		for _, f := range rows[group] {
			fmt.Fprintf(&b, "\n### %s\n\n", f.Name)
			for _, s := range f.Signatures {
				fmt.Fprintf(&b, "- `%s`\n", s)
			}
			fmt.Fprintf(&b, "\n%s\n\n```\n", f.Doc)
			for _, e := range f.Examples {
				fmt.Fprintf(&b, "%s\n  => %s\n", e.Expr, e.Result)
			}
			b.WriteString("```\n")
		}
	}
	fresh(t, "functions.md", b.String())
}
