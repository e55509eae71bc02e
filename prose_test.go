package forgehook_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

const widest = 100 // columns of a line that is read as text

// TestProse_width holds prose to 100 columns, which fit beside code.
func TestProse_width(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && (strings.HasPrefix(name, ".") && name != "." || name == "testdata") {
			return fs.SkipDir
		}
		for _, line := range tooWide(t, path) {
			t.Errorf("%s is wider than %d columns: %s", path, widest, line)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// comment matches a line that is only a comment, but no directive.
var comment = map[string]*regexp.Regexp{
	".go":      regexp.MustCompile(`^\s*//( |$)`),
	".sql":     regexp.MustCompile(`^\s*-- [^+]`),
	".sh":      regexp.MustCompile(`^\s*# `),
	"Makefile": regexp.MustCompile(`^# `),
}

// tooWide are the prose lines of a file that are too wide and could be broken.
func tooWide(t *testing.T, path string) (lines []string) {
	t.Helper()
	kind := filepath.Ext(path)
	if path == "Makefile" {
		kind = path
	}
	markdown := kind == ".md"
	if comment[kind] == nil && !markdown {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	code := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		bare := strings.TrimSpace(line)
		switch {
		case markdown && strings.HasPrefix(bare, "```"):
			code = !code
		case code, markdown && strings.HasPrefix(bare, "|"), !markdown && !comment[kind].MatchString(line):
		case utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    ")) > widest && breakable(bare):
			lines = append(lines, line)
		}
	}
	return lines
}

// breakable reports whether a line holds more than a mark and one long word, such as a link.
func breakable(line string) bool { return strings.Count(line, " ") > 1 }
