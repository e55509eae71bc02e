package postgres_test

import (
	"encoding/base64"
	"testing"

	"github.com/forgehook/forgehook"
)

func TestPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, projects, err := b.Projects(t.Context(), b.tenant, forgehook.Page{Limit: 200})
	check(t, err)
	equal(t, "cursor of the only page", projects, "")
	_, err = b.CreateProject(t.Context(), b.tenant, forgehook.Project{})
	check(t, err)
	_, projects, err = b.Projects(t.Context(), b.tenant, forgehook.Page{Limit: 1})
	check(t, err)

	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	tests := []struct {
		name string
		page forgehook.Page
		path string
	}{
		{"limit below", forgehook.Page{Limit: -1}, "limit"},
		{"limit above", forgehook.Page{Limit: 201}, "limit"},
		{"no base64", forgehook.Page{Cursor: "*"}, "cursor"},
		{"no text of ours", forgehook.Page{Cursor: encode("x")}, "cursor"},
		{"cursor of another list", forgehook.Page{Cursor: projects}, "cursor"},
		{"no id", forgehook.Page{Cursor: encode("calls:x")}, "cursor"},
		{"too many parts", forgehook.Page{Cursor: encode("calls:1:2")}, "cursor"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := b.Calls(t.Context(), b.tenant, forgehook.CallFilter{}, test.page)
			refused(t, "calls", err, forgehook.CodeInvalid)
			equal(t, "place", faultPaths(err), []string{test.path})
		})
	}
	_, _, err = b.Documents(t.Context(), b.tenant, b.s.Project.ID, forgehook.Page{Cursor: encode("documents:99999999999")})
	refused(t, "a number that is too large", err, forgehook.CodeInvalid)
	_, _, err = b.Calls(t.Context(), b.tenant, forgehook.CallFilter{}, forgehook.Page{Limit: 999, Cursor: "*"})
	equal(t, "both faults", faultPaths(err), []string{"limit", "cursor"})
}
