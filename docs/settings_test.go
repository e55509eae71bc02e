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

// TestSettingsReference keeps settings.md what the declarations say.
func TestSettingsReference(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`# Settings of a WebHook utility

Written by ` + "`make generate`" + ` out of the declarations; every change is a new version (` + "`GET /v1/services/{id}/settings/versions`" + `), and a
call keeps the version that was in force when it was accepted.

- ` + "`PUT`" + `: what is not mentioned gets its default, and null is an empty value. ` + "`PATCH`" + ` is a JSON Merge Patch: null puts the default back.
- Durations are .NET TimeSpans (` + "`00:00:30`" + `), ISO 8601 (` + "`PT30S`" + `) or Go durations (` + "`30s`" + `). Enums are names in any case, or numbers.
- Secrets are write-only and answer as ` + "`{\"set\":true,\"updatedAt\":...}`" + `; writing ` + "`{\"set\":true}`" + ` keeps one.
- Headers and expressions by name: a PATCH changes the names that it mentions, and takes one away whose value is null.
- Triggers: true is document.created, document.updated and document.deleted, and is answered for exactly those; false is none.
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
			doc += " **Has no effect yet:** only the default is taken; an import keeps what it finds, and warns."
		}
		value, err := json.Marshal(f.Default)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` | %s | %s |\n", f.Path, key, f.Kind, cell(string(value)), cell(f.Allowed), cell(doc))
	}
	b.WriteString("\nNames that are kept for later releases, and take only null: ")
	var later []string
	for _, f := range forgehook.SettingFields() {
		if f.Kind == forgehook.KindReserved {
			later = append(later, "`"+f.Path+"`")
		}
	}
	b.WriteString(strings.Join(later, ", ") + ".\n")
	fresh(t, "settings.md", b.String())
}

// cell escapes what would end a cell of a table.
func cell(text string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text) }

// fresh compares a generated page with what is stored, or writes it.
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
