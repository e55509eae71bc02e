package docs_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forgehook/forgehook"
)

var update = flag.Bool("update", false, "write the generated pages anew")

// TestSettingsReference compares settings.md with the declarations.
func TestSettingsReference(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`# Settings of a WebHook utility

Written by ` + "`make generate`" + ` from the declarations; every change is a new version (` + "`GET /v1/services/{id}/settings/versions`" + `), and a
call keeps the version that was in force when it was accepted.

- ` + "`PUT`" + `: missing values get their default, and null is an empty value. ` + "`PATCH`" + ` is a JSON Merge Patch: null puts the default back.
- Durations are .NET TimeSpans (` + "`00:00:30`" + `), ISO 8601 (` + "`PT30S`" + `) or Go durations (` + "`30s`" + `). Enums are names in any case, or numbers.
- Secrets are write-only and shown as ` + "`{\"set\":true,\"updatedAt\":...}`" + `; writing ` + "`{\"set\":true}`" + ` keeps one.
- Headers and expressions by name: a PATCH changes only the names that it has, and null removes a name.
- Triggers: true is document.created, document.updated and document.deleted, and is shown for exactly those; false is none.
- Templates and expressions: [expressions.md](expressions.md); what ` + "`response`" + ` does: [what an answer means](expressions.md#what-an-answer-means).

| Setting | Key on the platform | Kind | Default | Allowed | Meaning |
|---|---|---|---|---|---|
`)
	for _, f := range forgehook.SettingFields() {
		if f.Kind == forgehook.KindReserved {
			continue
		}
		key, doc := "", f.Doc
		if f.Key != "" {
			key = "`" + f.Key + "`"
		}
		if !f.Built {
			doc += " **Has no effect yet:** only the default is allowed; an import keeps other values, and warns."
		}
		value, err := json.Marshal(f.Default)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` | %s | %s |\n", f.Path, key, f.Kind, cell(string(value)), cell(f.Allowed), cell(doc))
	}
	b.WriteString("\nReserved for later releases; only null is allowed: ")
	var later []string
	for _, f := range forgehook.SettingFields() {
		if f.Kind == forgehook.KindReserved {
			later = append(later, "`"+f.Path+"`")
		}
	}
	b.WriteString(strings.Join(later, ", ") + ".\n")
	fresh(t, "settings.md", b.String())
}

// cell escapes characters that would end a table cell.
func cell(text string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text) }

// fresh compares a generated page with the stored one, or writes it.
func fresh(t *testing.T, path, want string) {
	t.Helper()
	want = wrap(want)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not what the code says: run make generate (-want +got):\n%s", path, diff)
	}
}
