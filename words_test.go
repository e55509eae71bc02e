package forgehook

import (
	"go/ast"
	"go/token"
	"iter"
	"path/filepath"
	"strings"
	"testing"
)

// lists says where the words of a type are listed: in a variable beside the type, or in
// folder.variable. A reason stands there instead if nothing needs the list.
var lists = map[string]string{
	"CallStatus": "CallStatuses", "Outcome": "Outcomes", "Verdict": "Verdicts", "AttemptState": "AttemptStates",
	"RunStatus": "RunStatuses", "RunOutcome": "RunOutcomes", "OnDue": "OnDues", "ProcessOutcome": "ProcessOutcomes",
	"Role": "Roles", "CallErrorCode": "callErrors", "EventType": "events", "Code": "api.problems",
	"internal/platform.Action": "Actions", "internal/postgres.SampleSource": "SampleSources",

	"Permission": "of a route, asked one by one", "WorkflowState": "of the engine, asked one by one",
	"Kind": "of a setting, which shows the words it takes", "internal/doctor.State": "counted one by one",
	"internal/postgres.WaitedFor": "asked one by one",
}

// An unlisted word would be missing in the schema, in filters and in docs.
func TestWords_listed(t *testing.T) {
	t.Parallel()
	files := sources(t)
	found := map[string]bool{}
	for path, file := range files {
		folder := filepath.Dir(path)
		for kind, constants := range wordsIn(file) {
			name := strings.TrimPrefix(folder+"."+kind, "..")
			list := lists[name]
			switch {
			case list == "":
				t.Errorf("%s: %s has words: list them beside the type, and name the list in words_test.go", path, name)
				continue
			case strings.Contains(list, " "):
				found[name] = true
				continue
			}
			if room, variable, elsewhere := strings.Cut(list, "."); elsewhere {
				folder, list = room, variable
			}
			listed := namesIn(files, folder, list)
			for _, c := range constants {
				if found[name] = true; !listed[c] {
					t.Errorf("%s: %s is not in %s", path, c, lists[name])
				}
			}
		}
	}
	for name := range lists {
		if !found[name] {
			t.Errorf("%s does not exist: remove it from words_test.go", name)
		}
	}
}

// wordsIn are a file's constants by exported type: C T = "c", and C = T("c").
func wordsIn(file *ast.File) map[string][]string {
	words := map[string][]string{}
	for spec := range specs(file, token.CONST) {
		if len(spec.Values) != 1 {
			continue
		}
		kind, _ := spec.Type.(*ast.Ident)
		switch value := spec.Values[0].(type) {
		case *ast.CallExpr:
			kind, _ = value.Fun.(*ast.Ident)
		case *ast.BasicLit:
			if value.Kind != token.STRING {
				continue
			}
		default:
			continue
		}
		if kind != nil && kind.IsExported() {
			words[kind.Name] = append(words[kind.Name], spec.Names[0].Name)
		}
	}
	return words
}

// namesIn are all names in the value of a package's variable.
func namesIn(files map[string]*ast.File, folder, variable string) map[string]bool {
	names := map[string]bool{}
	for path, file := range files {
		for spec := range specs(file, token.VAR) {
			if filepath.Dir(path) != folder || spec.Names[0].Name != variable {
				continue
			}
			ast.Inspect(spec, func(n ast.Node) bool {
				if name, ok := n.(*ast.Ident); ok {
					names[name.Name] = true
				}
				return true
			})
		}
	}
	return names
}

// specs are the constants or variables that a file declares.
func specs(file *ast.File, what token.Token) iter.Seq[*ast.ValueSpec] {
	return func(yield func(*ast.ValueSpec) bool) {
		for _, declaration := range file.Decls {
			if group, ok := declaration.(*ast.GenDecl); ok && group.Tok == what {
				for _, s := range group.Specs {
					if spec, ok := s.(*ast.ValueSpec); !ok || !yield(spec) {
						return
					}
				}
			}
		}
	}
}
