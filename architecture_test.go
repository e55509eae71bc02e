package forgehook_test

import (
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var arrows = regexp.MustCompile(`(?m)^  (\w+) --> (.+)$`)

// ARCHITECTURE.md draws the imports that layout_test.go allows, except those that every room has.
func TestArchitecture_picture(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	if most := 12 << 10; len(text) > most {
		t.Errorf("ARCHITECTURE.md has %d bytes, at most %d are read in ten minutes", len(text), most)
	}
	drawn := map[string][]string{}
	for _, arrow := range arrows.FindAllStringSubmatch(string(text), -1) {
		drawn[arrow[1]] = slices.Sorted(slices.Values(strings.Split(arrow[2], " & ")))
	}
	for room, may := range rooms {
		if strings.HasPrefix(room, "docs/") {
			continue
		}
		var want []string
		for _, ours := range may.ours {
			if ours != "." && ours != "internal/jsontree" && ours != "migrations" {
				want = append(want, path.Base(ours))
			}
		}
		slices.Sort(want)
		if name := path.Base(room); !slices.Equal(drawn[name], want) {
			t.Errorf("ARCHITECTURE.md draws %s --> %v, layout_test.go has %v", name, drawn[name], want)
		}
		delete(drawn, path.Base(room))
	}
	for name := range maps.Keys(drawn) {
		t.Errorf("ARCHITECTURE.md draws %s, which layout_test.go does not have", name)
	}
}
