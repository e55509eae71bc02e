package webhook

import "github.com/forgehook/forgehook"

// withoutSecrets returns the subject without the fields of valueType Password and SecureString: neither parameter nor verification
// nor default value. The given subject stays as it is.
func withoutSecrets(sub *forgehook.Subject) forgehook.Subject {
	s := secretsOf(sub)
	if !s.found { // the usual case
		return *sub
	}
	clean := *sub
	clean.Document = s.document(sub.Document)
	clean.MasterDocument = s.document(sub.MasterDocument)
	clean.ParameterDef = s.definition(sub.ParameterDef)
	if clean.Parameter = nil; sub.Parameter != nil && !s.subject {
		kept := s.parameter(*sub.Parameter)
		clean.Parameter = &kept
	}
	if s.hidesVerification(sub.Verification) {
		clean.Verification = nil
	}
	return clean
}

// secretFields knows the ids of secret definitions and parameters. They are learned first, from the whole subject, because cells
// of a table carry no definition, and inline parameters and verifications may carry an id only.
type secretFields struct {
	definitions, parameters map[int32]bool
	found                   bool
	subject                 bool // the field that the call is about
}

// secretsOf learns a subject's secret fields.
func secretsOf(sub *forgehook.Subject) *secretFields {
	s := &secretFields{definitions: map[int32]bool{}, parameters: map[int32]bool{}}
	field := &forgehook.Document{} // the parameter as a tree of one, so that every rule holds for it too
	if sub.Parameter != nil {
		field.ResultParameters = []forgehook.DocumentParameter{*sub.Parameter}
	}
	s.learnDefinition(sub.ParameterDef)
	for _, doc := range []*forgehook.Document{sub.Document, sub.MasterDocument, field} {
		each(doc, func(p *forgehook.DocumentParameter) {
			s.learnDefinition(p.ParamDef)
			if isSecret(p.ParamDef) && p.ParamDefID != nil {
				s.definitions[*p.ParamDefID] = true
			}
		})
	}
	if !s.found {
		return s
	}
	s.learnParameters(sub.Document)
	s.learnParameters(sub.MasterDocument)
	s.learnParameters(field)
	// Parameter, definition and verification are one field, whatever ids they carry: if one is secret, so are the others.
	p := sub.Parameter
	s.subject = isSecret(sub.ParameterDef) || (p != nil && (s.hides(p) || s.parameters[p.ID]))
	return s
}

// hidesVerification tells for the verification that the call is about.
func (s *secretFields) hidesVerification(v *forgehook.Verification) bool {
	return v != nil && (s.subject || s.parameters[v.ParameterID])
}

func isSecret(d *forgehook.ParameterDef) bool {
	return d != nil && (d.ValueType == forgehook.ValuePassword || d.ValueType == forgehook.ValueSecure)
}

func (s *secretFields) learnDefinition(d *forgehook.ParameterDef) {
	if d == nil {
		return
	}
	if isSecret(d) {
		s.found = true
		s.definitions[d.ID] = d.ID != 0 // 0 is no id
	}
	for i := range d.Children {
		s.learnDefinition(&d.Children[i])
	}
}

func (s *secretFields) learnParameters(doc *forgehook.Document) {
	each(doc, func(p *forgehook.DocumentParameter) {
		if s.hides(p) {
			eachParameter([]forgehook.DocumentParameter{*p}, func(below *forgehook.DocumentParameter) {
				s.parameters[below.ID] = below.ID != 0
			})
		}
	})
}

func (s *secretFields) hides(p *forgehook.DocumentParameter) bool {
	return isSecret(p.ParamDef) || (p.ParamDefID != nil && s.definitions[*p.ParamDefID]) ||
		(p.ParamDef != nil && s.definitions[p.ParamDef.ID])
}

// each visits the parameters of a document and of those inside it.
func each(doc *forgehook.Document, visit func(*forgehook.DocumentParameter)) {
	if doc == nil {
		return
	}
	eachParameter(doc.ResultParameters, visit)
	for i := range doc.Documents {
		each(&doc.Documents[i], visit)
	}
}

func eachParameter(list []forgehook.DocumentParameter, visit func(*forgehook.DocumentParameter)) {
	for i := range list {
		visit(&list[i])
		eachParameter(list[i].Children, visit)
	}
}

func (s *secretFields) document(doc *forgehook.Document) *forgehook.Document {
	if doc == nil {
		return nil
	}
	clean := *doc
	clean.ResultParameters = s.kept(doc.ResultParameters)
	clean.Documents = nil
	for i := range doc.Documents {
		clean.Documents = append(clean.Documents, *s.document(&doc.Documents[i]))
	}
	return &clean
}

func (s *secretFields) kept(list []forgehook.DocumentParameter) []forgehook.DocumentParameter {
	var kept []forgehook.DocumentParameter
	for i := range list {
		if !s.hides(&list[i]) {
			kept = append(kept, s.parameter(list[i]))
		}
	}
	return kept
}

func (s *secretFields) parameter(p forgehook.DocumentParameter) forgehook.DocumentParameter {
	p.ParamDef = s.definition(p.ParamDef)
	p.Children = s.kept(p.Children)
	return p
}

// definition keeps a secret field's definition, which says that there is such a field, and drops its default value.
func (s *secretFields) definition(d *forgehook.ParameterDef) *forgehook.ParameterDef {
	if d == nil {
		return nil
	}
	clean := *d
	if isSecret(d) {
		clean.DefaultValue = nil
	}
	clean.Children = nil
	for i := range d.Children {
		clean.Children = append(clean.Children, *s.definition(&d.Children[i]))
	}
	return &clean
}

// entityView gives what is written where an expression gives an entity as a whole, as {{ doc }} does: what the default payload has of it,
// nil for a secret field and its verifications.
func entityView(sub *forgehook.Subject) func(entity any) any {
	var s *secretFields
	var secret map[any]bool
	return func(entity any) any {
		if s == nil {
			s = secretsOf(sub)
			secret = s.entities(sub)
		}
		if secret[entity] {
			return nil
		}
		switch e := entity.(type) {
		case *forgehook.Document:
			if s.found {
				e = s.document(e)
			}
			return sourceless(e)
		case *forgehook.DocumentParameter:
			p := s.parameter(*e)
			return &p
		case *forgehook.ParameterDef:
			return s.definition(e)
		case *forgehook.Service:
			return inputless(e)
		}
		return entity
	}
}

// entities are the secret parameters of a subject, all below them, and their verifications, by pointer: they may have no ids.
func (s *secretFields) entities(sub *forgehook.Subject) map[any]bool {
	if !s.found {
		return nil
	}
	secret := map[any]bool{}
	var hide func(p *forgehook.DocumentParameter)
	hide = func(p *forgehook.DocumentParameter) {
		secret[p] = true
		for i := range p.Verifications {
			secret[&p.Verifications[i]] = true
		}
		for i := range p.Children {
			hide(&p.Children[i])
		}
	}
	find := func(p *forgehook.DocumentParameter) {
		if !secret[p] && s.hides(p) {
			hide(p)
		}
	}
	each(sub.Document, find)
	each(sub.MasterDocument, find)
	if p := sub.Parameter; p != nil {
		if s.subject {
			hide(p)
		}
		eachParameter(p.Children, find)
	}
	if s.hidesVerification(sub.Verification) {
		secret[sub.Verification] = true
	}
	return secret
}
