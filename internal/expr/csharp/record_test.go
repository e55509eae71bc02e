//go:build record

package csharp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// snippet is a C# expression to record.
type snippet struct{ setup, expr string }

// outcome is what Mono made of a snippet: a text or an exception.
type outcome struct {
	Value string `json:"value"`
	Error string `json:"error"` // the exception's type
}

// runMono compiles the snippets with Mono's C# compiler and the stubs of the platform's classes,
// and runs them.
func runMono(t *testing.T, snippets []snippet) []outcome {
	t.Helper()
	for _, tool := range []string{"mcs", "mono"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is not installed: apt-get install mono-mcs", tool)
		}
	}
	var source strings.Builder
	source.WriteString("using System; using System.Globalization; using System.Linq; using System.Collections.Generic;\nstatic partial class Golden {\n")
	for i, s := range snippets {
		fmt.Fprintf(&source, "static object R%d() { %s\nreturn %s; }\n", i, s.setup, s.expr)
	}
	source.WriteString("static void Main() {\n")
	for i := range snippets {
		fmt.Fprintf(&source, "Run(R%d);\n", i)
	}
	source.WriteString("} }\n")

	dir := t.TempDir()
	program := filepath.Join(dir, "golden.cs")
	if err := os.WriteFile(program, []byte(source.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(dir, "golden.exe")
	build := exec.Command("mcs", "-langversion:latest", "-nowarn:0162,0168,0219,0429,0458,0464,0472,1718", "-out:"+exe, program, "testdata/Stubs.cs")
	if out, err := build.CombinedOutput(); err != nil {
		kept := filepath.Join(os.TempDir(), "golden.cs")
		_ = os.WriteFile(kept, []byte(source.String()), 0o600)
		t.Fatalf("mcs: %v\n%s\nThe source is in %s", err, out, kept)
	}
	run := exec.Command("mono", exe)
	run.Env = append(os.Environ(), "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC")
	out, err := run.Output()
	if err != nil {
		t.Fatalf("mono: %v\n%s", err, out)
	}
	var outcomes []outcome
	for line := range bytes.Lines(out) {
		var o outcome
		if err := json.Unmarshal(line, &o); err != nil {
			t.Fatalf("mono wrote %q: %v", line, err)
		}
		outcomes = append(outcomes, o)
	}
	if len(outcomes) != len(snippets) {
		t.Fatalf("mono ran %d of %d snippets", len(outcomes), len(snippets))
	}
	return outcomes
}

// literal writes a C# string literal.
func literal(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f || r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		case r > 0x7e:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// writeRows writes one row per line, so that diffs read well.
func writeRows[T any](t *testing.T, path string, rows []T) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("[\n")
	for i, row := range rows {
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(row); err != nil {
			t.Fatal(err)
		}
		if i < len(rows)-1 {
			b.Truncate(b.Len() - 1)
			b.WriteString(",\n")
		}
	}
	b.WriteString("]\n")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %s rows", path, strconv.Itoa(len(rows)))
}
