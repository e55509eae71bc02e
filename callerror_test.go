package forgehook

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Every code is declared once, with words that a reader can act on.
func TestCallErrors(t *testing.T) {
	t.Parallel()
	declared := map[CallErrorCode]bool{}
	for _, k := range CallErrors() {
		if declared[k.Code] {
			t.Errorf("%s is declared twice", k.Code)
		}
		declared[k.Code] = true
		if k.When == "" || k.Means == "" || strings.HasSuffix(k.Means, ".") || !strings.HasSuffix(k.Mend, ".") {
			t.Errorf("%s: say when it happens, what it means (a clause without a full stop), and what mends it (sentences)", k.Code)
		}
		if isFamily := strings.Contains(string(k.Code), "<"); isFamily != (k.Pattern != "") {
			t.Errorf("%s: a family has a placeholder and a pattern, a single code has neither", k.Code)
		}
	}
	for _, c := range []CallErrorCode{CallErrorHTTP(404), CallErrorRun("timed_out")} {
		if k := c.kind(); k == nil || !regexp.MustCompile(k.Pattern).MatchString(string(c)) {
			t.Errorf("%s does not match its family %v", c, k)
		}
	}
	if CallErrorCode("http-404").Declared() || CallErrorCode("").Declared() {
		t.Error("an unknown code is declared")
	}
	diff(t, CallError{"worker_lost", "The worker died during three attempts in a row; nobody knows whether the endpoint got them."},
		*CallErrorWorkerLost.Because())
}

// No literal spells a code outside its declaration.
func TestCallErrors_literals(t *testing.T) {
	t.Parallel()
	found := 0
	for path, file := range sources(t) {
		if path == "callerror.go" {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec: // "canceled" is also an outcome: a typed constant is a word of its type
				kind, typed := n.Type.(*ast.Ident)
				return !typed || kind.Name == "string"
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && spells(text) {
					t.Errorf("%s: %q is a code of callerror.go: write the constant", path, text)
				}
			}
			return true
		})
		found++
	}
	if found < 200 {
		t.Errorf("%d files were read, want all", found)
	}
}

func spells(text string) bool {
	c := CallErrorCode(text)
	return c.Declared() || text == httpFamily || text == runFamily
}

// sources are the Go files of the module without tests, by path.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && (strings.HasPrefix(entry.Name(), ".") || path == "cmd/devstack" || path == "tools"):
			return fs.SkipDir
		}
		if filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go") {
			files[path], err = parser.ParseFile(token.NewFileSet(), path, nil, 0)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
