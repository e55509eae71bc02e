package forgehook

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// FieldIndex finds the fields of a document, or those below a field, by name and by definition.
// What a name means is decided here alone, for whoever reads, writes or masks a field. It sees the
// names as they were when it was made, and is not for concurrent use.
type FieldIndex struct {
	top    []DocumentParameter
	all    []*DocumentParameter            // in the order of the document
	named  map[string][]*DocumentParameter // by name as it is written
	folded map[string][]*DocumentParameter // by name in any case; nil until one is asked for
	byID   map[int32][]*DocumentParameter
	names  []string // see Names
}

// IndexFields looks at fields and all below them once.
func IndexFields(top []DocumentParameter) *FieldIndex {
	x := &FieldIndex{top: top, named: map[string][]*DocumentParameter{}, byID: map[int32][]*DocumentParameter{}}
	for p := range fieldsOf(top) {
		x.all = append(x.all, p)
	}
	for p := range x.ranked() {
		if name := p.Name(); name != "" {
			x.named[name] = append(x.named[name], p)
		}
		if p.ParamDefID != nil {
			x.byID[*p.ParamDefID] = append(x.byID[*p.ParamDefID], p)
		}
		if def := p.ParamDef; def != nil && (p.ParamDefID == nil || *p.ParamDefID != def.ID) {
			x.byID[def.ID] = append(x.byID[def.ID], p)
		}
	}
	return x
}

// ranked are the fields, the likelier meaning of a name before others: those at the top, then those
// below them in the order of the document.
func (x *FieldIndex) ranked() iter.Seq[*DocumentParameter] {
	return func(yield func(*DocumentParameter) bool) {
		for i := range x.top {
			if !yield(&x.top[i]) {
				return
			}
		}
		for i := range x.top {
			for p := range x.top[i].Fields() {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// All are the fields in the order of the document.
func (x *FieldIndex) All() []*DocumentParameter { return x.all }

// Names are those of the fields, sorted, each once.
func (x *FieldIndex) Names() []string {
	if x.names == nil {
		x.names = slices.Sorted(maps.Keys(x.named))
	}
	return x.names
}

// Named are the fields that a name may mean: those whose definition has it as it is written, and
// only where there are none, those that have it in any case. The first is the one that it means:
// those at the top come before those below, which stand in the order of the document.
func (x *FieldIndex) Named(name string) []*DocumentParameter {
	if found := x.named[name]; found != nil || name == "" {
		return found
	}
	if x.folded == nil {
		x.folded = map[string][]*DocumentParameter{}
		for p := range x.ranked() {
			if name := foldCase(p.Name()); name != "" {
				x.folded[name] = append(x.folded[name], p)
			}
		}
	}
	return x.folded[foldCase(name)]
}

// foldCase is the same for all texts that [strings.EqualFold] takes for equal.
func foldCase(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}

// Defined are the fields of a definition, whether they carry it or name it by its id, in the order
// of [FieldIndex.Named]. 0 is no id.
func (x *FieldIndex) Defined(id int32) []*DocumentParameter {
	if id == 0 {
		return nil
	}
	return x.byID[id]
}

// Definition is the definition of that id, nil where no field carries it.
func (x *FieldIndex) Definition(id int32) *ParameterDef {
	for _, p := range x.Defined(id) {
		if def := p.ParamDef; def != nil && (def.ID == id || def.ID == 0) {
			return def
		}
	}
	return nil
}
