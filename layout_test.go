package forgehook_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/forgehook/forgehook"

// rooms says which packages, ours and others, a room may import, and why no more. Tests may import
// all.
var rooms = map[string]struct {
	ours, others []string
	why          string
}{
	".":                          {[]string{"internal/jsontree"}, []string{"github.com/sosodev/duration"}, "programs that import client or workflows link the root too"},
	"internal/jsontree":          {nil, nil, "the root is built on it, so it is the standard library only"},
	"workflows":                  {[]string{"."}, []string{"go.temporal.io/sdk"}, "workflow code is deterministic and does no I/O"},
	"activities":                 {[]string{".", "workflows", "internal/dispatch", "internal/mask", "internal/outbound", "internal/postgres", "internal/secret", "internal/webhook"}, []string{"go.temporal.io/sdk", "go.temporal.io/api/serviceerror"}, "a step is a rule and its I/O, nothing of HTTP serving"},
	"worker":                     {[]string{".", "workflows"}, []string{"go.temporal.io/", "github.com/nexus-rpc/sdk-go/nexus"}, "it is the Temporal client side and knows no storage"},
	"api":                        {[]string{".", "internal/dispatch", "internal/expr", "internal/jsontree", "internal/mask", "internal/openapi", "internal/outbound", "internal/platform", "internal/postgres", "internal/postgres/await", "internal/secret", "internal/webhook"}, []string{"github.com/gin-gonic/gin", "github.com/google/uuid", "github.com/prometheus/client_golang", "golang.org/x/sync", "golang.org/x/time"}, "HTTP reaches the engine through internal/dispatch only"},
	"client":                     {[]string{"."}, nil, "clients link nothing but the standard library"},
	"migrations":                 {nil, nil, "it embeds files"},
	"internal/bench":             {[]string{".", "client", "internal/postgres", "internal/secret", "worker", "workflows"}, []string{"github.com/google/uuid", "go.temporal.io/"}, "it measures the product from outside: it runs none of it"},
	"internal/dispatch":          {[]string{".", "internal/postgres"}, nil, "what follows a commit is the same for API and activities, and reaches the engine through its own Engine only"},
	"internal/outbound":          {[]string{"."}, []string{"code.dny.dev/ssrf", "golang.org/x/net"}, "sockets only"},
	"internal/openapi":           {nil, nil, "it is a document's model, and knows no route"},
	"internal/postgres":          {[]string{".", "internal/jsontree", "internal/postgres/catalog", "internal/postgres/database", "internal/writeback"}, []string{"github.com/google/uuid", "github.com/lib/pq"}, "tables only"},
	"internal/postgres/await":    {[]string{".", "internal/postgres", "internal/postgres/database"}, []string{"github.com/lib/pq"}, "it waits for what the store notifies"},
	"internal/postgres/catalog":  {[]string{".", "internal/postgres/database"}, []string{"github.com/lib/pq"}, "what tenants set up knows no call"},
	"internal/postgres/database": {[]string{".", "migrations"}, []string{"github.com/jmoiron/sqlx", "github.com/lib/pq", "github.com/pressly/goose/v3", "github.com/google/uuid"}, "connections know no entity"},
	"internal/doctor":            {[]string{".", "internal/outbound", "internal/postgres", "internal/secret", "internal/webhook", "worker"}, []string{"go.temporal.io/"}, "it asks the rooms that know and judges what they found"},
	"internal/secret":            {[]string{"."}, []string{"github.com/tink-crypto/tink-go/v2"}, "sealing only"},
	"internal/expr":              {[]string{".", "internal/expr/library", "internal/expr/value", "internal/jsontree"}, []string{"cel.dev/cel-go", "github.com/google/cel-go"}, "the language knows no webhook, and of a function only its declaration"},
	"internal/expr/value":        {[]string{".", "internal/jsontree"}, []string{"cel.dev/cel-go", "golang.org/x/text"}, "what a value is depends on no expression"},
	"internal/expr/dotnet":       {[]string{"."}, []string{"github.com/shopspring/decimal", "golang.org/x/text"}, "formats know no expressions"},
	"internal/expr/csharp":       {[]string{".", "internal/expr", "internal/expr/dotnet", "internal/expr/library", "internal/expr/value"}, []string{"cel.dev/cel-go", "golang.org/x/text"}, "a translator from text to text, and the functions that its texts call"},
	"internal/mask":              {[]string{".", "internal/jsontree", "internal/place"}, nil, "what is secret is known by the domain, not by settings"},
	"internal/place":             {[]string{"internal/jsontree"}, nil, "how a text is written depends on where it stands, not on what it is of"},
	"internal/platform":          {[]string{".", "internal/jsontree"}, nil, "it reads the platform's JSON, the rules judge what it says"},
	"internal/writeback":         {[]string{".", "internal/jsontree", "internal/mask"}, nil, "what becomes of an entity depends on nothing but what is stored and what was read"},
	"internal/webhook":           {[]string{".", "internal/expr", "internal/expr/csharp", "internal/jsontree", "internal/mask", "internal/place"}, []string{"github.com/dlclark/regexp2/v2", "github.com/standard-webhooks/standard-webhooks/libraries"}, "the rules are pure"},

	"internal/expr/library": {[]string{".", "internal/expr/dotnet", "internal/expr/value", "internal/place"}, []string{"cel.dev/cel-go", "github.com/dlclark/regexp2/v2"}, "a function knows its arguments, not the expression around it"},

	"docs/examples/temporal":   {[]string{".", "workflows"}, []string{"go.temporal.io/sdk"}, "an example shows what a user may import"},
	"docs/examples/clients/go": {[]string{".", "client"}, nil, "an example shows what a user may import"},
}

// wiring may import everything.
var wiring = []string{"cmd/forgehook", "internal/e2e", "internal/postgres/pgtest", "internal/outbound/zoo"}

var banned = []string{"util", "utils", "common", "helpers", "models"}

func TestLayout(t *testing.T) {
	t.Parallel()
	comments := map[string][]string{} // package folder -> files with a package comment
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && skipped(path, entry):
			return fs.SkipDir
		case entry.IsDir() && slices.Contains(banned, entry.Name()):
			t.Errorf("%s: no package may be called %s: name what it is about", path, entry.Name())
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		checkFile(t, path, comments)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder, files := range comments {
		if len(files) != 1 {
			t.Errorf("%s: exactly one file carries the package comment, found %v", folder, files)
		}
	}
}

// The root fits a table of contents, a file is read from top to bottom, a room is one concept.
func TestLayout_sizes(t *testing.T) {
	t.Parallel()
	const filesOfRoot, linesOfFile, linesOfRoom = 15, 400, 6000
	lines := map[string]int{}
	files := 0
	for path, text := range sourceTexts(t) {
		n, folder := strings.Count(text, "\n"), filepath.Dir(path)
		if lines[folder] += n; n > linesOfFile {
			t.Errorf("%s has %d lines, want at most %d: split it by noun", path, n, linesOfFile)
		}
		if folder == "." {
			files++
		}
	}
	if files > filesOfRoot {
		t.Errorf("the root has %d files, want at most %d: put a word beside its neighbours", files, filesOfRoot)
	}
	for room, n := range lines {
		if n > linesOfRoom {
			t.Errorf("%s has %d lines, want at most %d: it is more than one room", room, n, linesOfRoom)
		}
	}
}

// sourceTexts are the Go files of the product, without tests, by path.
func sourceTexts(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if err == nil && skipped(path, entry) {
				return fs.SkipDir
			}
			return err
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		texts[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// skipped are folders that hold none of the product's packages.
func skipped(path string, folder fs.DirEntry) bool {
	return strings.HasPrefix(folder.Name(), ".") && path != "." || path == "cmd/devstack" || path == "tools" ||
		folder.Name() == "testdata"
}

func checkFile(t *testing.T, path string, comments map[string][]string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Dir(path)
	if comments[folder] == nil {
		comments[folder] = []string{}
	}
	if file.Doc != nil {
		comments[folder] = append(comments[folder], path)
	}
	checkSQL(t, folder, path)
	if slices.Contains(wiring, folder) {
		return
	}
	room, ok := rooms[folder]
	if !ok {
		t.Errorf("%s: a new room: say in layout_test.go what it may import and why", folder)
		return
	}
	for _, spec := range file.Imports {
		imported := strings.Trim(spec.Path.Value, `"`)
		if ours, ok := strings.CutPrefix(imported, module); ok {
			if ours = strings.TrimPrefix(ours, "/"); ours == "" {
				ours = "."
			}
			if !slices.Contains(room.ours, ours) {
				t.Errorf("%s imports %s, but %s", path, ours, room.why)
			}
			continue
		}
		standard := !strings.Contains(strings.Split(imported, "/")[0], ".")
		allowed := slices.ContainsFunc(room.others, func(prefix string) bool { return strings.HasPrefix(imported, prefix) })
		if !standard && !allowed {
			t.Errorf("%s imports %s, but %s", path, imported, room.why)
		}
	}
}

// Modules that the development stack shares with the product have one version, so that the first
// make dev compiles them once.
func TestSharedVersions(t *testing.T) {
	t.Parallel()
	own := []string{"github.com/prometheus/", "go.opentelemetry.io/", "golang.org/x/exp"} // held back by Temporal's server
	stack, shared := requirements(t, "cmd/devstack/go.mod"), 0
	for path, version := range requirements(t, "go.mod") {
		other, both := stack[path]
		if !both || slices.ContainsFunc(own, func(prefix string) bool { return strings.HasPrefix(path, prefix) }) {
			continue
		}
		if shared++; version != other {
			t.Errorf("%s is %s in go.mod and %s in cmd/devstack/go.mod: give both the newer one", path, version, other)
		}
	}
	if shared < 20 {
		t.Errorf("%d modules in both, want more than 20", shared)
	}
}

// requirements are the versions in a go.mod, by module.
func requirements(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 && strings.HasPrefix(line, "\t") && strings.HasPrefix(fields[1], "v") {
			versions[fields[0]] = fields[1]
		}
	}
	return versions
}

// checkSQL allows SQL in one room only.
func checkSQL(t *testing.T, folder, path string) {
	t.Helper()
	if strings.HasPrefix(folder, "internal/postgres") || folder == "migrations" {
		return
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"SELECT ", "INSERT INTO ", "DELETE FROM ", "UPDATE "} {
		if strings.Contains(string(content), statement) {
			t.Errorf("%s holds SQL (%q): it belongs in internal/postgres", path, statement)
		}
	}
}
