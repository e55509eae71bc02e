package expr

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNamesNoCSharp: C# is one room. Neither the language nor its other rooms know it.
func TestNamesNoCSharp(t *testing.T) {
	t.Parallel()
	foreign := regexp.MustCompile(`(?i)c#|\bcs_|csharp`)
	seen := 0
	for _, pattern := range []string{"*.go", "value/*.go", "library/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if file == "rooms_test.go" {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			seen++
			for i, line := range strings.Split(string(text), "\n") {
				if foreign.MatchString(line) {
					t.Errorf("%s:%d: %s", file, i+1, strings.TrimSpace(line))
				}
			}
		}
	}
	if seen < 60 {
		t.Errorf("%d files were looked at", seen)
	}
}
