package mask

import "github.com/forgehook/forgehook"

// Without returns a copy of the subject without its secret fields: no parameter, verification or
// default value of them.
func (s *Secrets) Without() forgehook.Subject {
	clean := *s.subject
	if !s.found {
		return clean
	}
	clean.Document, clean.MasterDocument = s.document(clean.Document), s.document(clean.MasterDocument)
	clean.ParameterDef = s.definition(clean.ParameterDef)
	if p := clean.Parameter; p != nil {
		if clean.Parameter = nil; !s.about {
			clean.Parameter = s.parameter(p)
		}
	}
	if s.hidesVerification(clean.Verification) {
		clean.Verification = nil
	}
	return clean
}

// Entity returns an entity of the subject as [Secrets.Without] has it: nil if it is secret,
// unchanged if it holds no fields.
func (s *Secrets) Entity(entity any) any {
	if s.Has(entity) {
		return nil
	}
	switch e := entity.(type) {
	case *forgehook.Document:
		return s.document(e)
	case *forgehook.DocumentParameter:
		return s.parameter(e)
	case *forgehook.ParameterDef:
		return s.definition(e)
	}
	return entity
}

func (s *Secrets) document(d *forgehook.Document) *forgehook.Document {
	if d == nil || !s.found {
		return d
	}
	clean := *d
	clean.ResultParameters = s.kept(d.ResultParameters)
	clean.Documents = nil
	for i := range d.Documents {
		clean.Documents = append(clean.Documents, *s.document(&d.Documents[i]))
	}
	return &clean
}

func (s *Secrets) kept(list []forgehook.DocumentParameter) []forgehook.DocumentParameter {
	var kept []forgehook.DocumentParameter
	for i := range list {
		if !s.hides(&list[i]) {
			kept = append(kept, *s.parameter(&list[i]))
		}
	}
	return kept
}

func (s *Secrets) parameter(p *forgehook.DocumentParameter) *forgehook.DocumentParameter {
	clean := *p
	clean.ParamDef = s.definition(p.ParamDef)
	clean.Children = s.kept(p.Children)
	return &clean
}

// definition keeps the definition of a secret field, but not its default value.
func (s *Secrets) definition(d *forgehook.ParameterDef) *forgehook.ParameterDef {
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
