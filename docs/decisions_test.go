package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var (
	decided = regexp.MustCompile(`(?m)^\*\*(\d+)\. `)
	cited   = regexp.MustCompile(`\b[Dd]ecisions? (\d+)\b`)
)

// A number names one decision for good, and code and docs cite those that are there.
func TestDecisions_cited(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("decisions.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, match := range decided.FindAllSubmatch(text, -1) {
		if number := string(match[1]); known[number] {
			t.Errorf("decisions.md has decision %s twice", number)
		} else {
			known[number] = true
		}
	}
	citations := 0
	err = filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if kind := filepath.Ext(path); kind != ".go" && kind != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, match := range cited.FindAllSubmatch(text, -1) {
			if citations++; !known[string(match[1])] {
				t.Errorf("%s cites decision %s, which decisions.md does not have", path, match[1])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if citations < 10 {
		t.Errorf("%d citations, want more: what a comment tells at length is cited", citations)
	}
}
