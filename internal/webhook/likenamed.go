package webhook

import (
	"fmt"
	"slices"

	"github.com/forgehook/forgehook"
	"github.com/forgehook/forgehook/internal/expr"
)

// fieldUse is a setting that refers to a field of the document by name.
type fieldUse struct{ path, name, does string }

// NamesFields reports whether an expression or a write-back refers to a field by name.
func (p *Plan) NamesFields() bool { return len(p.fieldUses()) > 0 }

func (p *Plan) fieldUses() (uses []fieldUse) {
	p.eachExpression(func(path string, program *expr.Program) {
		for _, name := range program.FieldNames() {
			if use := (fieldUse{path, name, "read"}); !slices.Contains(uses, use) {
				uses = append(uses, use)
			}
		}
	})
	for _, field := range p.settings.Response.WriteBack.Document.Fields {
		uses = append(uses, fieldUse{writeBackPath + "document.fields." + field.Name, field.Name, "written"})
	}
	return uses
}

// LikeNamed warns of names in settings that several fields of one document share. It reports the
// first such document.
func (p *Plan) LikeNamed(documents []forgehook.Document) []Warning {
	var w warnings
	uses := p.fieldUses()
	for i := range documents {
		d := &documents[i]
		fields := forgehook.IndexFields(d.ResultParameters)
		uses = slices.DeleteFunc(uses, func(use fieldUse) bool {
			n := len(fields.Named(use.name))
			if n > 1 {
				w.add(use.path, fmt.Sprintf("Document %d has %d fields %q: the first at the top level is %s, or else the first below it.",
					d.ID, n, forgehook.Shorten(use.name, 100), use.does))
			}
			return n > 1
		})
	}
	return w
}
