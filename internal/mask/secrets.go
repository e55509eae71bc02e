// Package mask knows what is secret: the values of fields whose definition has the type Password or
// SecureString. It removes them, masks them, keeps them when a shown document is stored again, and
// redacts them in texts and JSON. It must not know settings or expressions. Start with [Of], which
// looks at a subject, and [Redactor], which looks at texts.
package mask

import (
	"cmp"
	"iter"
	"slices"

	"github.com/forgehook/forgehook"
)

// Secrets are the secret fields of a subject. A field is secret by its own definition, by that of a
// field with the same id, or below a secret field: cells of a table carry no definition, and an
// inline parameter or verification may carry only an id.
type Secrets struct {
	subject                 *forgehook.Subject
	definitions, parameters map[int32]bool // by id, never 0
	found                   bool           // a secret definition exists
	about                   bool           // the call's field is secret
	entities                map[any]bool   // see Has; nil until its first call
}

// Of finds the secrets of a subject, which must not change meanwhile.
func Of(sub *forgehook.Subject) *Secrets {
	s := &Secrets{subject: sub, definitions: map[int32]bool{}, parameters: map[int32]bool{}}
	s.learnDefinition(sub.ParameterDef)
	for p := range fieldsOf(sub) {
		s.learnDefinition(p.ParamDef)
		if isSecret(p.ParamDef) && p.ParamDefID != nil {
			s.definitions[*p.ParamDefID] = *p.ParamDefID != 0
		}
	}
	if !s.found { // the usual case
		return s
	}
	for p := range fieldsOf(sub) {
		if s.hides(p) {
			s.parameters[p.ID] = p.ID != 0
			for below := range p.Fields() {
				s.parameters[below.ID] = below.ID != 0
			}
		}
	}
	// Parameter, definition and verification describe one field, whatever their ids: if one is
	// secret, all are.
	p := sub.Parameter
	s.about = isSecret(sub.ParameterDef) || p != nil && (s.hides(p) || s.parameters[p.ID])
	return s
}

// OfDocument finds the secrets of a document alone.
func OfDocument(d *forgehook.Document) *Secrets { return Of(&forgehook.Subject{Document: d}) }

// Found reports whether the subject has a secret field.
func (s *Secrets) Found() bool { return s.found }

// Has reports whether one of the subject's fields or verifications is secret. It takes the pointer,
// because they may have no ids.
func (s *Secrets) Has(entity any) bool {
	if s.entities == nil {
		s.entities = s.entitiesOf(s.subject)
	}
	return s.entities[entity]
}

// Values returns the values of secret fields, each once, the longest first, without null and "".
func (s *Secrets) Values() []string {
	if !s.found {
		return nil
	}
	var list []string
	s.visit(s.subject, func(text **string, value bool) {
		if value && *text != nil && **text != "" {
			list = append(list, **text)
		}
	})
	slices.SortFunc(list, longestFirst)
	return slices.Compact(list)
}

// Written returns the values that a write-back, which may be nil, gives to secret fields: by name,
// or to the field that the call is about.
func (s *Secrets) Written(w *forgehook.WriteBack) (values []string) {
	if w == nil || !s.found {
		return nil
	}
	if d := s.subject.Document; d != nil && w.Document != nil {
		fields := forgehook.IndexFields(d.ResultParameters)
		for _, f := range w.Document.Fields {
			if named := fields.Named(f.Name); len(named) > 0 && s.Has(named[0]) {
				values = append(values, f.Value)
			}
		}
	}
	if v := w.Verification; v != nil && v.Value != nil && s.Has(s.subject.Parameter) {
		values = append(values, *v.Value)
	}
	return values
}

func longestFirst(a, b string) int {
	return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
}

func isSecret(d *forgehook.ParameterDef) bool {
	return d != nil && (d.ValueType == forgehook.ValuePassword || d.ValueType == forgehook.ValueSecure)
}

func (s *Secrets) learnDefinition(d *forgehook.ParameterDef) {
	if d == nil {
		return
	}
	if isSecret(d) {
		s.found = true
		s.definitions[d.ID] = d.ID != 0
	}
	for i := range d.Children {
		s.learnDefinition(&d.Children[i])
	}
}

// hides reports whether the definition of a field is secret.
func (s *Secrets) hides(p *forgehook.DocumentParameter) bool {
	return isSecret(p.ParamDef) || p.ParamDefID != nil && s.definitions[*p.ParamDefID] || p.ParamDef != nil && s.definitions[p.ParamDef.ID]
}

// hidesVerification does so for the verification that the call is about.
func (s *Secrets) hidesVerification(v *forgehook.Verification) bool {
	return v != nil && (s.about || s.parameters[v.ParameterID])
}

// entitiesOf returns the secret fields of a subject, all fields below them, and their
// verifications.
func (s *Secrets) entitiesOf(sub *forgehook.Subject) map[any]bool {
	secret := map[any]bool{}
	if !s.found {
		return secret
	}
	hide := func(p *forgehook.DocumentParameter) {
		secret[p] = true
		for i := range p.Verifications {
			secret[&p.Verifications[i]] = true
		}
	}
	for p := range fieldsOf(sub) {
		if !secret[p] && (s.hides(p) || s.about && p == sub.Parameter) {
			hide(p)
			for below := range p.Fields() {
				hide(below)
			}
		}
	}
	if s.hidesVerification(sub.Verification) {
		secret[sub.Verification] = true
	}
	return secret
}

// fieldsOf visits all fields of a subject: those of its documents, also nested ones, and the one
// that the call is about.
func fieldsOf(sub *forgehook.Subject) iter.Seq[*forgehook.DocumentParameter] {
	return func(yield func(*forgehook.DocumentParameter) bool) {
		if !eachField(sub.Document, yield) || !eachField(sub.MasterDocument, yield) || sub.Parameter == nil || !yield(sub.Parameter) {
			return
		}
		sub.Parameter.Fields()(yield)
	}
}

func eachField(d *forgehook.Document, yield func(*forgehook.DocumentParameter) bool) bool {
	if d == nil {
		return true
	}
	for p := range d.Fields() {
		if !yield(p) {
			return false
		}
	}
	for i := range d.Documents {
		if !eachField(&d.Documents[i], yield) {
			return false
		}
	}
	return true
}
